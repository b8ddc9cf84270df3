//! Those who ask and are answered: constant requests, constant answers, at once.

use super::Draw;

/// Some statements, again and again, by whoever uses the application; checks of idle connections.
pub(super) fn database(d: &mut Draw<'_>) {
    let kinds: Vec<(u32, u32, u32)> = (0..d.random.int(1, 6))
        .map(|_| (d.random.int(40, 500), d.random.int(30, 900), d.random.pick(&[0, 0, 4, 200])))
        .collect();
    let (mean, latency) = (d.random.log_range(0.5, 60.0), d.random.log_range(0.0005, 0.05));
    let bursts = d.random.pick(&[1, 1, 3, 10]);
    let asked = d.moments(mean);
    for at in &asked {
        let mut at = *at;
        for _ in 0..d.random.int(1, bursts) {
            let (request, answer, varies) = d.random.pick(&kinds);
            let more = d.random.int(0, varies);
            let delay = d.delay(latency);
            at = d.tape.ask(at, request, delay, answer + more) + 0.001;
        }
    }
    let check = d.random.pick(&[10.0, 30.0, 60.0]);
    for at in d.quiet(&asked, check, 0.01) {
        d.tape.ask(at, 14, 0.002, 62);
    }
}

/// Searches and binds that differ by the length of a name.
pub(super) fn ldap(d: &mut Draw<'_>) {
    let (mean, latency) = (d.random.log_range(0.7, 60.0), d.random.log_range(0.0008, 0.03));
    let (request, varies) = (d.random.int(60, 330), d.random.pick(&[0, 3, 8, 12]));
    let (entry, done) = (d.random.int(90, 600), 22);
    let on_timer = d.random.chance(0.3);
    let mut search = |d: &mut Draw<'_>, at: f64| {
        let (more, also) = (d.random.int(0, varies), d.random.int(0, varies));
        let delay = d.delay(latency);
        d.tape.ask(at, request + more, delay, entry + also + done);
    };
    if on_timer { d.every(mean, 0.05, search) } else { d.whenever(mean, &mut search) }
}

pub(super) fn cache(d: &mut Draw<'_>) {
    let (mean, latency) = (d.random.log_range(0.5, 30.0), d.random.log_range(0.0003, 0.02));
    let (request, answer) = (d.random.int(30, 120), d.random.pick(&[5, 4, 120, 300]));
    let asked = d.moments(mean);
    for at in &asked {
        let more = d.random.int(0, 3);
        let delay = d.delay(latency);
        d.tape.ask(*at, request + more, delay, answer);
    }
    let check = d.random.pick(&[15.0, 30.0, 60.0]);
    for at in d.quiet(&asked, check, 0.005) {
        d.tape.ask(at, 14, 0.002, 7);
    }
}

/// Readings of one size on a timer or when something happens, acknowledged; pings on silence.
pub(super) fn mqtt_sensor(d: &mut Draw<'_>) {
    let (mean, latency) = (d.random.log_range(2.0, 120.0), d.latency());
    let (size, spread) = (d.random.int(40, 420), d.random.pick(&[0, 1, 2, 5]));
    let at = if d.random.chance(0.6) {
        let mut at = Vec::new();
        d.every(mean, 0.01, |_, t| at.push(t));
        at
    } else {
        d.moments(mean)
    };
    for at in &at {
        let more = d.random.int(0, spread);
        let delay = d.delay(latency);
        d.tape.ask(*at, size + more, delay, 4);
    }
    let keep = d.random.pick(&[30.0, 60.0, 300.0]);
    for at in d.quiet(&at, keep, 0.001) {
        d.tape.ask(at, 2, 0.05, 2);
    }
}

/// Questions padded to 128, answers to 468 (RFC 8467): from one person in bursts, or from a forwarder of many.
pub(super) fn dns(d: &mut Draw<'_>) {
    let latency = d.random.log_range(0.004, 0.08);
    let padded = d.random.chance(0.6);
    let ask = |d: &mut Draw<'_>, at: f64| {
        let (question, answer) = if padded { (130, 470) } else { (d.random.int(30, 62), d.random.int(60, 240)) };
        // What is not in the cache takes longer.
        let slow = if d.random.chance(0.3) { 5.0 } else { 1.0 };
        let delay = d.delay(latency * slow);
        d.tape.ask(at, question, delay, answer);
    };
    if d.random.chance(0.5) {
        let mean = d.random.log_range(0.5, 40.0);
        d.whenever(mean, ask);
    } else {
        let mean = d.random.log_range(10.0, 200.0);
        d.whenever(mean, |d, at| {
            let mut at = at;
            for _ in 0..d.random.int(1, 18) {
                ask(d, at);
                at += d.random.exp(0.2);
            }
        });
    }
}

/// The same with HTTP/2 frames around, whose tables make later requests smaller, and pings.
pub(super) fn dns_https(d: &mut Draw<'_>) {
    let latency = d.random.log_range(0.004, 0.08);
    let (question, answer) = (d.random.int(150, 210), 468 + d.random.int(40, 90));
    let (mean, bursts) = (d.random.log_range(2.0, 120.0), d.random.int(1, 10));
    d.whenever(mean, |d, at| {
        let mut at = at;
        for _ in 0..d.random.int(1, bursts) {
            let delay = d.delay(latency);
            let more = d.random.int(0, 6);
            d.tape.ask(at, question + more, delay, answer);
            at += d.random.exp(0.4);
        }
    });
    let ping = d.random.pick(&[30.0, 45.0, 60.0]);
    d.every(ping, 0.01, |d, at| {
        d.tape.ask(at, 17, 0.02, 17);
    });
}

pub(super) fn polling(d: &mut Draw<'_>) {
    let (period, latency) = (d.random.pick(&[1.0, 2.0, 5.0, 10.0, 16.0, 30.0, 60.0, 64.0]), d.latency());
    let jitter = d.random.pick(&[0.001, 0.01, 0.1, 0.3]);
    let (request, answer) = (d.random.int(48, 480), d.random.int(48, 700));
    let varies = d.random.pick(&[0, 0, 2, 30]);
    d.every(period, jitter, |d, at| {
        let delay = d.delay(latency);
        let more = d.random.int(0, varies);
        d.tape.ask(at, request, delay, answer + more);
    });
}

/// Each check of its own period and size on one connection.
pub(super) fn monitoring(d: &mut Draw<'_>) {
    let latency = d.latency();
    for _ in 0..d.random.int(2, 30) {
        let (period, request) = (d.random.pick(&[10.0, 30.0, 60.0, 60.0, 300.0]), d.random.int(90, 240));
        let answer = d.random.pick(&[90, 90, 120, 250]);
        let phase = d.random.unit() * period;
        d.every(period, 0.01, |d, at| {
            let delay = d.delay(latency);
            d.tape.ask(at + phase, request, delay, answer);
        });
    }
}

/// Events of one size when users do something, each answered at once: as shares are.
pub(super) fn telemetry(d: &mut Draw<'_>) {
    let (mean, latency) = (d.random.log_range(1.5, 90.0), d.latency());
    let (size, spread) = (d.random.int(120, 700), d.random.pick(&[0, 0, 1, 2, 4, 8]));
    let answer = d.random.int(30, 160);
    d.whenever(mean, |d, at| {
        let more = d.random.int(0, spread);
        let delay = d.delay(latency);
        d.tape.ask(at, size + more, delay, answer);
    });
    if d.random.chance(0.5) {
        let ping = d.random.pick(&[20.0, 30.0, 60.0]);
        d.every(ping, 0.01, |d, at| {
            d.tape.ask(at, 17, 0.04, 17);
        });
    }
}

/// The same, and a server that sends its settings on a fixed timer.
pub(super) fn telemetry_pushed(d: &mut Draw<'_>) {
    telemetry(d);
    let (period, size) = (d.random.pick(&[20.0, 30.0, 60.0, 120.0, 300.0]), d.random.int(150, 900));
    d.every(period, 0.001, |d, at| d.tape.down(at, size));
}

/// The same, but that somebody changes the settings now and then, and the timer starts again.
pub(super) fn telemetry_twin(d: &mut Draw<'_>) {
    telemetry(d);
    let (period, size) = (d.random.pick(&[20.0, 30.0, 60.0, 120.0, 300.0]), d.random.int(150, 900));
    let mean = d.random.log_range(60.0, 1200.0);
    let changes = d.moments(mean);
    for at in d.quiet(&changes, period, 0.001).into_iter().chain(changes) {
        d.tape.down(at, size);
    }
}

/// Purchases: nobody coordinates them. A test message when there was none for a while.
pub(super) fn payments(d: &mut Draw<'_>) {
    let (mean, latency) = (d.random.log_range(3.0, 120.0), d.random.range(0.15, 0.9));
    let (request, spread) = (d.random.int(180, 340), d.random.int(0, 24));
    let answer = d.random.int(110, 200);
    let sold = d.moments(mean);
    for at in &sold {
        let more = d.random.int(0, spread);
        let delay = d.delay(latency);
        d.tape.ask(*at, request + more, delay, answer + more / 2);
    }
    let echo = d.random.pick(&[60.0, 120.0, 180.0, 300.0]);
    let (test, back) = (d.random.int(50, 90), d.random.int(52, 92));
    for at in d.quiet(&sold, echo, 0.001) {
        d.tape.ask(at, test, 0.15, back);
    }
}

/// Orders and reports, and heartbeats each way that anything sent puts off.
pub(super) fn fix(d: &mut Draw<'_>) {
    let (mean, beat) = (d.random.log_range(4.0, 200.0), d.random.pick(&[10.0, 20.0, 30.0, 60.0]));
    let (order, report) = (d.random.int(170, 240), d.random.int(230, 320));
    let latency = d.random.log_range(0.001, 0.05);
    let orders = d.moments(mean);
    for at in &orders {
        let (more, also) = (d.random.int(0, 4), d.random.int(0, 5));
        let delay = d.delay(latency);
        let at = d.tape.ask(*at, order + more, delay, report + also);
        if d.random.chance(0.6) {
            let later = at + d.random.exp(8.0);
            d.tape.down(later, report + 14 + also);
        }
    }
    for at in d.quiet(&orders, beat, 0.002) {
        d.tape.up(at, 72);
    }
    for at in d.quiet(&orders, beat, 0.002) {
        d.tape.down(at + 0.3, 72);
    }
}

pub(super) fn modbus(d: &mut Draw<'_>) {
    let (period, latency) = (d.random.pick(&[0.5, 1.0, 2.0, 5.0, 10.0]), d.random.log_range(0.003, 0.1));
    let answer = 9 + 2 * d.random.int(1, 60);
    let jitter = d.random.pick(&[0.002, 0.02, 0.2]);
    d.every(period, jitter, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, 12, delay, answer);
    });
    let writes = d.random.log_range(30.0, 2000.0);
    d.whenever(writes, |d, at| {
        d.tape.ask(at, 12, 0.02, 12);
    });
}

/// Calls when something asks, pings, window updates.
pub(super) fn grpc(d: &mut Draw<'_>) {
    let (ping, latency) = (d.random.pick(&[10.0, 20.0, 30.0, 60.0]), d.latency());
    d.every(ping, 0.005, |d, at| {
        d.tape.ask(at, 17, 0.02, 17);
    });
    let (mean, request, answer) = (d.random.log_range(2.0, 200.0), d.random.int(60, 400), d.random.int(60, 400));
    let varies = d.random.pick(&[0, 2, 8, 100]);
    d.whenever(mean, |d, at| {
        let (more, also) = (d.random.int(0, varies), d.random.int(0, varies));
        let delay = d.delay(latency);
        let back = d.tape.ask(at, request + more, delay, answer + also);
        d.tape.up(back + 0.001, 13);
    });
    if d.random.chance(0.4) {
        let (push, size) = (d.random.log_range(5.0, 300.0), d.random.int(50, 600));
        d.whenever(push, |d, at| d.tape.down(at, size));
    }
}

/// A beat every minute or so; licences taken and given back.
pub(super) fn licence(d: &mut Draw<'_>) {
    let (period, latency) = (d.random.pick(&[20.0, 60.0, 120.0]), d.latency());
    let size = d.random.int(100, 260);
    d.every(period, 0.02, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, size, delay, size);
    });
    let mean = d.random.log_range(30.0, 900.0);
    d.whenever(mean, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, size + 47, delay, size + 12);
    });
}

/// Meter values on a timer while something charges, heartbeats, commands from the centre.
pub(super) fn charger(d: &mut Draw<'_>) {
    let (beat, meter) = (d.random.pick(&[30.0, 60.0, 300.0]), d.random.pick(&[10.0, 30.0, 60.0]));
    let latency = d.latency();
    d.every(beat, 0.005, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, 61, delay, 84);
    });
    let size = d.random.int(260, 520);
    d.every(meter, 0.005, |d, at| {
        let (more, delay) = (d.random.int(0, 3), d.delay(latency));
        d.tape.ask(at, size + more, delay, 43);
    });
    d.whenever(900.0, |d, at| {
        let size = d.random.int(110, 240);
        d.tape.down(at, size);
        d.tape.up(at + 0.05, 62);
    });
}
