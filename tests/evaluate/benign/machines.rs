//! Machines that talk in their own rhythm: tunnels, replication, video, games, routing.

use super::Draw;
use crate::evasion;

/// Relay cells both ways: padding when idle, bursts when somebody browses, flow control every 31 cells or so.
pub(super) fn tor(d: &mut Draw<'_>) {
    let cell = d.random.pick(&[514, 514, 512, 509]);
    let busy = d.random.log_range(60.0, 2000.0);
    let latency = d.random.range(0.15, 0.8);
    for up in [true, false] {
        let mut at = 0.0;
        while at < d.end {
            // Padding negotiated with the guard: 1.5 to 9.5 s after the last cell.
            at += d.random.range(1.5, 9.5);
            d.tape.say(at, up, cell);
        }
    }
    d.whenever(busy, |d, at| {
        let mut at = at;
        for _ in 0..d.random.int(1, 20) {
            at += d.random.exp(0.4);
            d.tape.up(at, cell);
            let mut back = at + d.delay(latency);
            let cells = d.random.pareto(1.0, 0.9).min(300.0) as u32;
            for n in 0..cells {
                back += d.random.exp(0.01);
                d.tape.down(back, cell * d.random.pick(&[1, 1, 2, 3]));
                if n % 31 == 30 {
                    d.tape.up(back + 0.01, cell);
                }
            }
        }
    });
}

pub(super) fn wireguard(d: &mut Draw<'_>) {
    let wrap = |size: u32| size.min(1380).div_ceil(16) * 16 + 32;
    for e in evasion::browsing(d.random, 0.0, d.end) {
        let at = e.at;
        for n in 0..e.size.div_ceil(1380) {
            let at = at + f64::from(n) * 0.001;
            d.tape.say(at, e.up, wrap(e.size + 52));
            if n % 2 == 1 {
                d.tape.say(at, !e.up, 96);
            }
        }
    }
    if d.random.chance(0.7) {
        d.every(25.0, 0.002, |d, at| d.tape.up(at, 32));
    }
    // Key renewal.
    d.every(120.0, 0.05, |d, at| {
        d.tape.ask(at, 148, 0.04, 92);
    });
}

/// Queries of some constant sizes through SSH: sizes rounded to 16, keepalives on silence.
pub(super) fn forward(d: &mut Draw<'_>) {
    let round = |size: u32| (size + 14).div_ceil(16) * 16 + 20;
    let kinds: Vec<(u32, u32)> =
        (0..d.random.int(1, 5)).map(|_| (round(d.random.int(60, 400)), round(d.random.int(40, 900)))).collect();
    let (mean, latency) = (d.random.log_range(0.5, 40.0), d.latency());
    let asked = d.moments(mean);
    for at in &asked {
        let (request, answer) = d.random.pick(&kinds);
        let delay = d.delay(latency);
        d.tape.ask(*at, request, delay, answer);
    }
    let interval = d.random.pick(&[15.0, 30.0, 60.0]);
    for at in d.quiet(&asked, interval, 0.001) {
        d.tape.ask(at, 52, 0.03, 36);
    }
}

/// Log records as they happen, a status each 10 s, keepalives, and on many servers a heartbeat table.
pub(super) fn replication(d: &mut Draw<'_>) {
    let status = d.random.pick(&[10.0, 1.0, 5.0, 30.0]);
    d.every(status, 0.001, |d, at| d.tape.up(at, 39));
    let transactions = d.random.log_range(0.2, 60.0);
    let row = d.random.int(90, 700);
    let constant = d.random.chance(0.4);
    let acknowledges = d.random.chance(0.5);
    d.whenever(transactions, |d, at| {
        let size = if constant { row } else { d.random.log_normal(f64::from(row), 0.6) as u32 };
        d.tape.down(at, size);
        if acknowledges {
            d.tape.up(at + 0.02, 39);
        }
    });
    if d.random.chance(0.5) {
        let beat = d.random.pick(&[1.0, 2.0, 5.0, 10.0, 60.0]);
        let size = d.random.int(120, 400);
        d.every(beat, 0.005, |d, at| d.tape.down(at, size));
    }
    let keep = d.random.pick(&[30.0, 60.0]);
    d.every(keep, 0.001, |d, at| {
        d.tape.down(at, 23);
        d.tape.up(at + 0.01, 39);
    });
}

/// Receiver reports each 5 s, at random between half and one and a half of it, and control requests on a timer.
pub(super) fn video(d: &mut Draw<'_>) {
    let (report, sender) = (d.random.pick(&[44, 52, 64]), d.random.pick(&[40, 72, 84]));
    let mean = d.random.pick(&[5.0, 2.5, 10.0]);
    d.every(mean, 0.5, |d, at| d.tape.up(at, report));
    d.every(mean, 0.5, |d, at| d.tape.down(at, sender));
    let control = d.random.pick(&[15.0, 25.0, 30.0, 55.0]);
    let (size, latency) = (d.random.int(120, 260), d.latency());
    let answer = d.random.int(60, 180);
    d.every(control, 0.002, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, size, delay, answer);
    });
}

/// Registrations before they run out, options as pings, and calls.
pub(super) fn sip(d: &mut Draw<'_>) {
    let (period, latency) = (d.random.pick(&[30.0, 60.0, 120.0, 300.0]), d.latency());
    let (request, answer) = (d.random.int(380, 620), d.random.int(320, 500));
    let from_server = d.random.chance(0.4);
    d.every(period, 0.05, |d, at| {
        let delay = d.delay(latency);
        if from_server {
            d.tape.down(at, request);
            d.tape.up(at + 0.01, answer);
        } else {
            d.tape.ask(at, request, delay, answer);
        }
    });
    d.every(28.0, 0.1, |d, at| {
        d.tape.ask(at, 4, 0.03, 2);
    });
    let calls = d.random.log_range(200.0, 3000.0);
    d.whenever(calls, |d, at| {
        let mut at = at;
        for _ in 0..d.random.int(3, 6) {
            d.tape.down(at, d.random.int(700, 1300));
            at += d.random.exp(2.0);
            d.tape.up(at, d.random.int(400, 900));
        }
    });
}

/// A slow tick of the world, input from a player, both of few sizes.
pub(super) fn game(d: &mut Draw<'_>) {
    let tick = d.random.pick(&[0.5, 1.0, 2.0, 5.0]);
    let size = d.random.int(60, 300);
    let varies = d.random.int(0, 120);
    d.every(tick, 0.02, |d, at| {
        let more = d.random.int(0, varies);
        d.tape.down(at, size + more);
    });
    let (act, input) = (d.random.log_range(0.5, 8.0), d.random.int(24, 90));
    let answer = d.random.int(20, 120);
    d.whenever(act, |d, at| {
        let delay = d.random.range(0.02, 0.12);
        d.tape.ask(at, input, delay, answer);
    });
    d.every(15.0, 0.01, |d, at| {
        d.tape.ask(at, 21, 0.03, 21);
    });
}

/// Announcements of transactions on timers that are exponential on purpose, blocks when they are found, pings.
pub(super) fn peer(d: &mut Draw<'_>) {
    let coin = d.random.pick(&[
        crate::chain::Coin::Bitcoin,
        crate::chain::Coin::Litecoin,
        crate::chain::Coin::Dash,
        crate::chain::Coin::Zcash,
        crate::chain::Coin::Ravencoin,
    ]);
    let (out, back) = (d.random.range(2.0, 6.0), d.random.range(2.0, 6.0));
    let busy = d.random.log_range(1.0, 12.0);
    d.whenever(out, |d, at| {
        let n = 1 + d.random.exp(busy) as u32;
        d.tape.up(at, 25 + 36 * n);
    });
    d.whenever(back, |d, at| {
        let n = 1 + d.random.exp(busy) as u32;
        d.tape.down(at, 25 + 36 * n);
        if d.random.chance(0.4) {
            d.tape.ask(at + 0.01, 25 + 36, 0.08, d.random.int(220, 600));
        }
    });
    d.every(120.0, 0.01, |d, at| {
        d.tape.ask(at, 32, 0.08, 32);
    });
    let delay = d.random.range(0.2, 3.0);
    for block in d.chains.blocks(coin).to_vec() {
        let at = block + delay;
        if at > 0.0 {
            let size = d.random.int(1500, 16_000);
            d.tape.down(at, size);
            if d.random.chance(0.5) {
                d.tape.up(at + 0.2, 106);
            }
        }
    }
}

/// Keepalives both ways at three quarters to the whole of their period; updates in trains.
pub(super) fn bgp(d: &mut Draw<'_>) {
    let keep = d.random.pick(&[60.0, 30.0, 10.0]);
    d.every(keep, 0.12, |d, at| d.tape.up(at, 19));
    d.every(keep, 0.12, |d, at| d.tape.down(at, 19));
    let updates = d.random.log_range(2.0, 300.0);
    d.whenever(updates, |d, at| {
        let mut at = at;
        for _ in 0..d.random.pareto(1.0, 1.2).min(40.0) as u32 {
            let size = d.random.int(50, 220);
            d.tape.down(at, size);
            at += d.random.exp(0.5);
        }
    });
}

/// Lines as they are logged, never an answer.
pub(super) fn syslog(d: &mut Draw<'_>) {
    let mean = d.random.log_range(1.0, 60.0);
    let size = d.random.int(120, 280);
    let spread = d.random.pick(&[0, 2, 6, 60]);
    d.whenever(mean, |d, at| {
        let more = d.random.int(0, spread);
        d.tape.up(at, size + more);
    });
    d.every(60.0, 0.001, |d, at| d.tape.up(at, size + 11));
}
