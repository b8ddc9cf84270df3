//! Agents and gateways that report by chance, are told things at any time, and keep time with whoever they serve.
//!
//! Made from what the protocols and their common software are documented to do, by somebody who did not know the rules
//! of the detector, and never measured on the wire. Sizes are counted on published examples of messages (`JetStream`,
//! Betfair, Basics Station, Codec 8) or estimated from their format (the others); rates and latencies are assumed.

use super::Draw;

/// The same times, sorted: timers that they start again need that.
fn in_order(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

/// A vehicle's tracker (Teltonika Codec 8): records on turns, events and timers, each packet answered by a count of
/// four octets; commands as text (Codec 12) on the platform's timer or by an operator.
pub(super) fn tracker(d: &mut Draw<'_>) {
    let (latency, record) = (d.random.log_range(0.06, 0.5), d.random.int(34, 110));
    // Beacons heard nearby make records longer.
    let beacons = d.random.pick(&[0, 0, 0, 0, 3]);
    let (moving, stopped) =
        (d.random.pick(&[5.0, 10.0, 30.0, 60.0, 300.0]), d.random.pick(&[60.0, 300.0, 600.0, 3600.0]));
    let (turns, events) = (d.random.log_range(8.0, 90.0), d.random.log_range(200.0, 3000.0));
    let (drive, park) = (d.random.log_range(400.0, 4000.0), d.random.log_range(300.0, 4000.0));
    let mut made = Vec::new();
    let (mut at, mut drives) = (0.0, d.random.chance(0.7));
    while at < d.end {
        let until = at + d.random.exp(if drives { drive } else { park });
        let (timer, chance) = if drives { (moving, turns) } else { (stopped, events) };
        // Positions are looked at once a second, and each record starts the timer again.
        let mut next = at + 1.0;
        while next < until {
            made.push(next);
            next += d.random.exp(chance).min(timer).ceil();
        }
        (at, drives) = (until, !drives);
    }
    let (gather, mut free) = (d.random.pick(&[0.0, 0.0, 0.0, 10.0, 60.0, 120.0]), 0.0_f64);
    let (mut made, mut sent) = (made.into_iter().peekable(), Vec::new());
    while let Some(first) = made.next() {
        let at = first.max(free) + d.random.range(0.05, 0.4);
        let mut records = 1;
        while made.next_if(|next| *next <= at).is_some() {
            records += 1;
        }
        let (more, delay) = (14 * d.random.int(0, beacons), d.delay(latency));
        free = d.tape.ask(at, 15 + records * record + more, delay, 4).max(at + gather);
        sent.push(at);
    }
    // The single octet that keeps an address translation open.
    if d.random.chance(0.4) {
        let ping = d.random.pick(&[30.0, 60.0, 120.0]);
        for at in d.quiet(&sent, ping, 0.01) {
            d.tape.up(at, 1);
        }
    }
    let (command, reply) = (20 + d.random.int(7, 45), 20 + d.random.int(20, 220));
    let varies = d.random.pick(&[0, 2, 12]);
    let tell = |d: &mut Draw<'_>, at: f64| {
        let (more, delay) = (d.random.int(0, varies), d.delay(latency));
        d.tape.down(at, command);
        d.tape.up(at + 0.2 + delay, reply + more);
    };
    if d.random.chance(0.5) {
        let period = d.random.pick(&[60.0, 300.0, 600.0, 1800.0]);
        d.every(period, 0.01, tell);
    } else {
        let mean = d.random.log_range(100.0, 3000.0);
        d.whenever(mean, tell);
    }
}

/// A kubelet at its API server: a lease renewed ten seconds after the last time, watches with a bookmark a minute that
/// end after five to ten minutes and are asked for again, pods that come and go.
pub(super) fn kubelet(d: &mut Draw<'_>) {
    let latency = d.random.log_range(0.002, 0.06);
    let (lease, renewed) = (d.random.int(330, 560), d.random.int(350, 640));
    let mut at = d.random.unit() * 10.0;
    while at < d.end {
        let delay = d.delay(latency);
        at = d.tape.ask(at, lease, delay, renewed) + 10.0 * (1.0 + 0.04 * d.random.unit());
    }
    let (patch, own) = (d.random.int(500, 1600), d.random.int(3500, 12_000));
    if d.random.chance(0.3) {
        // Until it kept a watch of itself it asked for itself at each look.
        d.every(10.2, 0.02, |d, at| {
            let delay = d.delay(latency);
            d.tape.ask(at, 58, delay, own);
            d.tape.up(at + delay + 0.001, 26);
        });
    }
    d.every(305.0, 0.02, |d, at| {
        let delay = d.delay(latency);
        let at = d.tape.ask(at, patch, delay, own);
        d.tape.down(at + 0.001, own + 24);
        d.tape.up(at + 0.002, 26);
    });
    for _ in 0..d.random.int(4, 30) {
        let (mark, again) = (d.random.int(64, 130), d.random.int(90, 190));
        let (mean, changed) = (d.random.log_range(300.0, 60_000.0), d.random.int(400, 3000));
        let mut from = -d.random.range(0.0, 300.0);
        while from < d.end {
            let until = from + d.random.range(300.0, 600.0);
            let mut at = from + 60.0;
            while at < until - 2.0 {
                d.tape.down(at, mark);
                at += 60.0 + d.random.unit();
            }
            d.tape.down(until - 2.0, mark);
            d.tape.down(until, 9);
            let delay = d.delay(latency);
            from = d.tape.ask(until + 0.002, again, delay, 34);
        }
        d.whenever(mean, |d, at| d.tape.down(at, changed));
    }
    let (mean, pod) = (d.random.log_range(30.0, 3000.0), d.random.int(2500, 7000));
    let event = d.random.int(480, 820);
    d.whenever(mean, |d, at| {
        let mut at = at;
        // Bound, started, ready: or no longer so.
        for _ in 0..d.random.int(1, 5) {
            let (status, delay) = (d.random.int(380, 1500), d.delay(latency));
            let told = d.tape.ask(at, status, delay, pod + status / 2);
            d.tape.down(told + 0.001, pod + status / 2 + 22);
            d.tape.up(told + 0.002, 26);
            if d.random.chance(0.7) {
                let more = d.random.int(0, 60);
                d.tape.ask(at + 0.01, event + more, delay, event + more + 40);
            }
            at += d.random.exp(2.0);
        }
    });
}

/// A person or a program in Matrix rooms: a sync held for 30 s or until there is something, messages that are answered
/// with an id of one size, and come back by the sync.
pub(super) fn matrix(d: &mut Draw<'_>) {
    let (latency, hold) = (d.random.log_range(0.02, 0.25), d.random.pick(&[30.0, 30.0, 30.0, 10.0, 60.0]));
    let (sync, nothing, id) = (d.random.int(95, 190), d.random.int(180, 420), 59 + d.random.int(25, 60));
    let mut told: Vec<(f64, u32)> = Vec::new();
    let say = |d: &mut Draw<'_>, told: &mut Vec<(f64, u32)>, at: f64, size: u32| {
        let delay = d.delay(latency);
        d.tape.ask(at, 70 + size, delay, id);
        told.push((at + delay + 0.01, size + 420));
    };
    if d.random.chance(0.4) {
        // What it says is from a template: alarms, builds, bridged readings.
        let (mean, size) = (d.random.log_range(5.0, 300.0), d.random.int(180, 700));
        let spread = d.random.pick(&[0, 4, 20, 200]);
        for at in d.moments(mean) {
            let more = d.random.int(0, spread);
            say(d, &mut told, at, size + more);
        }
    }
    let (talk, takes_part) = (d.random.log_range(40.0, 2000.0), d.random.pick(&[0.0, 0.1, 0.4]));
    let (typing, receipt) = (d.random.int(210, 260), d.random.int(300, 420));
    for begun in d.moments(talk) {
        let mut at = begun;
        for _ in 0..d.random.int(1, 25) {
            let size = d.random.log_normal(230.0, 0.4) as u32;
            if d.random.chance(takes_part) {
                let delay = d.delay(latency);
                d.tape.ask(at - 3.0, 95, delay, 32);
                say(d, &mut told, at, size);
            } else {
                told.push((at - d.random.range(1.0, 6.0), typing));
                told.push((at, size + 520));
                if takes_part > 0.0 && d.random.chance(0.6) {
                    let delay = d.delay(latency);
                    d.tape.ask(at + 1.0, 112, delay, 32);
                }
            }
            for _ in 0..d.random.int(0, 2) {
                told.push((at + d.random.exp(5.0), receipt));
            }
            at += d.random.log_normal(9.0, 0.9);
        }
    }
    if d.random.chance(0.4) {
        let (mean, presence) = (d.random.log_range(10.0, 400.0), d.random.int(225, 290));
        told.extend(d.moments(mean).into_iter().map(|at| (at, presence)));
    }
    told.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut told = told.into_iter().peekable();
    let mut at = 0.5;
    while at < d.end {
        d.tape.up(at, sync);
        let wakes = told.peek().map_or(f64::INFINITY, |(t, _)| t.max(at + 0.001));
        let mut size = nothing + d.random.int(0, 1);
        let mut answered = (at + hold).min(wakes);
        while let Some((_, more)) = told.next_if(|(t, _)| *t <= answered + 0.002) {
            size += more;
        }
        answered += d.delay(latency);
        d.tape.down(answered, size);
        at = answered + d.random.range(0.002, 0.06);
    }
}

/// A worker on a stream (NATS `JetStream`): what it publishes is answered with a sequence number, what others publish is
/// pushed to it, and each delivery puts off the idle heartbeat.
pub(super) fn stream_worker(d: &mut Draw<'_>) {
    let latency = d.random.log_range(0.0008, 0.08);
    let (publish, spread) = (85 + d.random.int(60, 600), d.random.pick(&[0, 2, 8, 150]));
    let stored = d.random.int(78, 112);
    let (deliver, varies) = (105 + d.random.int(60, 700), d.random.pick(&[0, 2, 8, 200]));
    let (explicit, sees_own) = (d.random.chance(0.6), d.random.chance(0.3));
    let (taken, works) = (d.random.int(68, 100), d.random.pick(&[0.0, 0.0, 0.5, 1.0]));
    let (mean, busy) = (d.random.log_range(2.0, 300.0), d.random.log_normal(0.4, 1.2));
    let mut delivered = d.moments(mean);
    let mut published: Vec<f64> = Vec::new();
    for at in &delivered {
        if d.random.chance(works) {
            published.push(at + d.random.log_normal(busy, 0.6));
        }
    }
    if works < 1.0 {
        let mean = d.random.log_range(2.0, 120.0);
        published.extend(d.moments(mean));
    }
    for at in published {
        let (more, delay) = (d.random.int(0, spread), d.delay(latency));
        let back = d.tape.ask(at, publish + more, delay, stored);
        if sees_own {
            delivered.push(back + 0.0005);
        }
    }
    let delivered = in_order(delivered);
    for at in &delivered {
        let more = d.random.int(0, varies);
        d.tape.down(*at, deliver + more);
        if explicit {
            let done = at + d.random.log_normal(0.01, 0.8);
            d.tape.up(done, taken);
        }
    }
    let (idle, beat) = (d.random.pick(&[5.0, 5.0, 10.0, 15.0, 30.0, 60.0]), d.random.int(112, 140));
    for at in d.quiet(&delivered, idle, 0.0005) {
        d.tape.down(at, beat);
    }
    let ping = d.random.pick(&[120.0, 120.0, 60.0, 20.0]);
    d.every(ping, 0.0005, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, 6, delay, 6);
    });
}

/// A gateway at its charging server (Diameter, Gy): sessions that begin, ask for more and end, asked again when the
/// server wants; a watchdog of 30 s, off by up to two, that any message starts again (RFC 3539 section 3.4.1).
pub(super) fn diameter(d: &mut Draw<'_>) {
    // All attributes are padded to four octets.
    let (latency, base) = (d.random.log_range(0.004, 0.12), 4 * d.random.int(105, 250));
    let (answer, varies) = (4 * d.random.int(46, 84), d.random.pick(&[0, 1, 2, 5]));
    let mut said = Vec::new();
    let ask = |d: &mut Draw<'_>, said: &mut Vec<f64>, at: f64, (request, answer): (u32, u32)| {
        if at > 0.0 && at < d.end {
            let (more, delay) = (4 * d.random.int(0, varies), d.delay(latency));
            d.tape.ask(at, request + more, delay, answer);
            said.push(at);
        }
    };
    let (opens, lasts) = (d.random.log_range(10.0, 600.0), d.random.log_range(120.0, 1500.0));
    let (valid, quota) = (d.random.pick(&[300.0, 600.0, 1800.0, 3600.0]), d.random.log_range(120.0, 2000.0));
    let mut begun = d.random.exp(opens) - 3000.0;
    while begun < d.end {
        let ended = begun + d.random.exp(lasts);
        ask(d, &mut said, begun, (base - 56, answer));
        let mut at = begun;
        loop {
            at += d.random.exp(quota).min(valid);
            if at >= ended {
                break;
            }
            ask(d, &mut said, at, (base, answer));
        }
        ask(d, &mut said, ended, (base + 12, answer - 64));
        begun += d.random.exp(opens);
    }
    let (again, heard) = (4 * d.random.int(40, 66), 4 * d.random.int(30, 50));
    let mean = d.random.log_range(40.0, 2000.0);
    for at in d.moments(mean) {
        d.tape.down(at, again);
        d.tape.up(at + 0.003, heard);
        said.push(at);
        let soon = at + d.random.range(0.02, 0.4);
        ask(d, &mut said, soon, (base + 8, answer));
    }
    let said = in_order(said);
    let (watchdog, alive) = (4 * d.random.int(23, 36), 4 * d.random.int(23, 36));
    let (period, by_us) = (d.random.pick(&[30.0, 30.0, 10.0, 60.0]), d.random.pick(&[0.0, 0.5, 0.5, 1.0]));
    let jitter = d.random.pick(&[2.0, 2.0, 0.05]) / period;
    for at in d.quiet(&said, period, jitter) {
        let delay = d.delay(latency);
        if d.random.chance(by_us) {
            d.tape.ask(at, watchdog, delay, alive + 12);
        } else {
            d.tape.down(at, alive);
            d.tape.up(at + 0.002, watchdog + 12);
        }
    }
}

/// Prices and own bets from an exchange (Betfair's stream): changes when somebody bets, a heartbeat for each of both
/// when there was none for five seconds, another market now and then. Bets are placed elsewhere.
pub(super) fn odds(d: &mut Draw<'_>) {
    let latency = d.random.log_range(0.01, 0.2);
    let (mean, bets) = (d.random.log_range(0.8, 60.0), d.random.log_range(20.0, 2000.0));
    let beat = d.random.pick(&[5.0, 5.0, 5.0, 2.0, 1.0, 0.5]);
    let (change, level) = (d.random.int(112, 140), d.random.int(18, 26));
    let mut prices = Vec::new();
    for begun in d.moments(mean) {
        let mut at = begun;
        // One bet moves some levels; others answer it.
        for _ in 0..d.random.pareto(1.0, 1.4).min(30.0) as u32 {
            let levels = d.random.pareto(1.0, 1.3).min(40.0) as u32;
            let digits = d.random.int(0, 4);
            d.tape.down(at, change + level * (levels - 1) + digits);
            prices.push(at);
            at += 0.05 + d.random.exp(0.3);
        }
    }
    let (order, alive) = (d.random.int(330, 470), d.random.int(72, 88));
    let mut orders = Vec::new();
    for placed in d.moments(bets) {
        let mut at = placed;
        // Placed, matched in parts, complete.
        for _ in 0..d.random.int(1, 4) {
            let digits = d.random.int(0, 9);
            d.tape.down(at, order + digits);
            orders.push(at);
            at += d.random.exp(8.0);
        }
    }
    for told in [in_order(prices), in_order(orders)] {
        for at in d.quiet(&told, beat, 0.002) {
            d.tape.down(at, alive);
        }
    }
    let (markets, ask) = (d.random.log_range(300.0, 4000.0), d.random.int(170, 420));
    d.whenever(markets, |d, at| {
        let delay = d.delay(latency);
        let at = d.tape.ask(at, ask, delay, 75);
        let image = d.random.log_normal(9000.0, 0.6) as u32;
        d.tape.down(at + 0.02, image);
    });
    if d.random.chance(0.5) {
        let period = d.random.pick(&[10.0, 30.0, 60.0]);
        d.every(period, 0.002, |d, at| {
            let delay = d.delay(latency);
            d.tape.ask(at, 29, delay, 74);
        });
    }
}

/// A `LoRa` gateway (Basics Station): frames as sensors send them; those that want it are confirmed by a frame down,
/// whose sending is reported when it was on the air; commands to lamps and valves at any time.
pub(super) fn lora(d: &mut Draw<'_>) {
    let latency = d.random.log_range(0.02, 0.3);
    let (wait, answer) = (d.random.pick(&[1.0, 5.0, 5.0]), d.random.int(252, 262));
    let (sent, wanted) = (d.random.int(166, 182), d.random.pick(&[0.02, 0.1, 0.5, 1.0]));
    // Hexadecimal: two octets for each of a sensor's.
    let kinds: Vec<u32> = (0..d.random.int(1, 5)).map(|_| 290 + 2 * d.random.int(2, 51)).collect();
    let hear = |d: &mut Draw<'_>, at: f64, kind: u32| {
        let digits = d.random.int(0, 5);
        d.tape.up(at, kind + digits);
        if d.random.chance(wanted) {
            // Copies from other gateways are waited for.
            let (more, delay) = (d.random.int(0, 1), d.delay(latency));
            d.tape.down(at + 0.2 + delay, answer + more);
            d.tape.up(at + wait + 0.06, sent + more);
        }
    };
    let mean = d.random.log_range(1.5, 120.0);
    d.whenever(mean, |d, at| {
        let kind = d.random.pick(&kinds);
        hear(d, at, kind);
    });
    for _ in 0..d.random.int(0, 8) {
        let (period, kind) = (d.random.pick(&[60.0, 300.0, 600.0, 900.0, 3600.0]), d.random.pick(&kinds));
        d.every(period, 0.004, |d, at| hear(d, at, kind));
    }
    if d.random.chance(0.6) {
        // Others' sensors are heard too, and joins.
        let mean = d.random.log_range(10.0, 600.0);
        d.whenever(mean, |d, at| {
            let size = 280 + 2 * d.random.int(0, 60);
            d.tape.up(at, size);
        });
    }
    let (mean, command) = (d.random.log_range(40.0, 3000.0), 228 + 2 * d.random.int(14, 40));
    let lamps = d.random.pick(&[1, 1, 3, 20]);
    d.whenever(mean, |d, at| {
        let mut at = at;
        for _ in 0..d.random.int(1, lamps) {
            d.tape.down(at, command);
            let air = d.random.range(0.1, 1.6);
            d.tape.up(at + air, sent);
            at += d.random.range(0.2, 3.0);
        }
    });
    let ping = d.random.pick(&[15.0, 30.0, 60.0]);
    d.every(ping, 0.01, |d, at| {
        d.tape.down(at, 0);
        d.tape.up(at + 0.02, 0);
    });
}

/// An agent that watches a host (Wazuh, which encrypts in blocks of 16 itself): keepalives that are acknowledged, log
/// lines as they come, checks of its inventory, and at times a policy in pieces or a question of the manager.
pub(super) fn host_agent(d: &mut Draw<'_>) {
    // A length of four, five that name the cipher, blocks padded to at least one octet more.
    let sealed = |size: u32| 9 + (size / 16 + 1) * 16;
    let latency = d.random.log_range(0.001, 0.12);
    let (notify, keep) = (d.random.pick(&[10.0, 10.0, 20.0, 60.0]), d.random.int(230, 340));
    d.every(notify + 0.5, 0.5 / notify, |d, at| {
        let (more, delay) = (d.random.int(0, 3), d.delay(latency));
        d.tape.ask(at, sealed(keep + more), delay, sealed(72));
    });
    let kinds: Vec<(u32, u32)> =
        (0..d.random.int(1, 6)).map(|_| (d.random.int(130, 480), d.random.pick(&[0, 4, 20, 80]))).collect();
    let (mean, burst) = (d.random.log_range(3.0, 400.0), d.random.pick(&[1.0, 3.0, 40.0]));
    d.whenever(mean, |d, at| {
        let mut at = at;
        for _ in 0..d.random.pareto(1.0, 1.3).min(burst) as u32 {
            let (size, spread) = d.random.pick(&kinds);
            let more = d.random.int(0, spread);
            d.tape.up(at, sealed(size + more));
            at += d.random.exp(0.3);
        }
    });
    let check = d.random.pick(&[300.0, 600.0, 3600.0]);
    for component in 0..d.random.int(1, 7) {
        d.every(check, 0.01, |d, at| {
            let size = 190 + 3 * component;
            d.tape.up(at, sealed(size));
            let mut at = at;
            // Sums that differ are halved until the row is found.
            for _ in 0..if d.random.chance(0.15) { d.random.int(3, 10) } else { 0 } {
                let delay = d.delay(latency);
                d.tape.down(at + delay, sealed(size - 60));
                at += delay + 0.01;
                d.tape.up(at, sealed(size + 20));
            }
        });
    }
    let policies = d.random.log_range(600.0, 10_000.0);
    d.whenever(policies, |d, at| {
        let mut at = at;
        d.tape.down(at, sealed(110));
        for _ in 0..d.random.int(1, 40) {
            at += d.random.exp(0.003);
            let size = d.random.int(380, 620);
            d.tape.down(at, sealed(size));
        }
        d.tape.down(at + 0.003, sealed(84));
    });
    let questions = d.random.log_range(60.0, 5000.0);
    let question = d.random.int(86, 130);
    d.whenever(questions, |d, at| {
        d.tape.down(at, sealed(question));
        d.tape.up(at + 0.002, sealed(76));
        let reply = d.random.log_normal(700.0, 0.7) as u32;
        d.tape.up(at + 0.05, sealed(reply));
    });
}
