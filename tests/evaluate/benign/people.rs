//! What people type, read and play.

use super::Draw;

pub(super) fn ssh(d: &mut Draw<'_>) {
    let (key, latency) = (d.random.pick(&[36, 44, 52]), d.latency());
    let interval = d.random.pick(&[15.0, 30.0, 60.0, 120.0]);
    let pause = d.random.log_range(20.0, 400.0);
    let mut typed = Vec::new();
    let mut at = d.random.exp(pause);
    while at < d.end {
        for _ in 0..d.random.int(1, 10) {
            for _ in 0..d.random.int(2, 40) {
                let delay = d.delay(latency);
                d.tape.ask(at, key, delay, key);
                typed.push(at);
                at += d.random.log_normal(0.17, 0.6);
            }
            let mut back = at + d.delay(latency);
            for _ in 0..d.random.pareto(1.0, 1.0).min(60.0) as u32 {
                let size = d.random.int(52, 1400);
                d.tape.down(back, size);
                back += d.random.exp(0.05);
            }
            at += d.random.log_normal(4.0, 1.0);
        }
        at += d.random.exp(pause);
    }
    for at in d.quiet(&typed, interval, 0.001) {
        d.tape.ask(at, 52, 0.03, 36);
    }
    // Some watch a program that writes its screen each two seconds.
    if d.random.chance(0.3) {
        let (period, size) = (d.random.pick(&[1.0, 2.0, 3.0, 5.0]), d.random.int(200, 1400));
        let varies = d.random.pick(&[0, 16, 160]);
        d.every(period, 0.01, |d, at| {
            let more = d.random.int(0, varies);
            d.tape.down(at, size + more);
        });
    }
}

/// Heartbeats that are answered, presence, messages in conversations, typing notices of one size.
pub(super) fn chat(d: &mut Draw<'_>) {
    let (beat, latency) = (d.random.pick(&[41.25, 30.0, 25.0, 15.0]), d.latency());
    let (ask, answer) = (d.random.int(10, 40), d.random.int(11, 45));
    d.every(beat, 0.001, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, ask, delay, answer);
    });
    let (presence, size) = (d.random.log_range(3.0, 200.0), d.random.int(150, 420));
    let varies = d.random.pick(&[4, 20, 120]);
    d.whenever(presence, |d, at| {
        let more = d.random.int(0, varies);
        d.tape.down(at, size + more);
    });
    let talk = d.random.log_range(100.0, 2000.0);
    d.whenever(talk, |d, at| {
        let mut at = at;
        for _ in 0..d.random.int(2, 40) {
            at += d.random.log_normal(6.0, 0.9);
            let size = d.random.log_normal(260.0, 0.35) as u32;
            if d.random.chance(0.5) {
                d.tape.ask(at, size, 0.1, size + 300);
            } else {
                d.tape.down(at - 3.0, 160);
                d.tape.down(at, size + 300);
            }
        }
    });
}

pub(super) fn irc(d: &mut Draw<'_>) {
    let (period, latency) = (d.random.pick(&[90.0, 120.0, 180.0, 240.0]), d.latency());
    let size = d.random.int(20, 45);
    let server_asks = d.random.chance(0.5);
    d.every(period, 0.02, |d, at| {
        if server_asks {
            d.tape.down(at, size);
            d.tape.up(at + 0.01, size);
        } else {
            let delay = d.delay(latency);
            d.tape.ask(at, size, delay, size + 20);
        }
    });
    let lines = d.random.log_range(2.0, 200.0);
    d.whenever(lines, |d, at| {
        let size = d.random.log_normal(110.0, 0.45) as u32;
        d.tape.down(at, size);
    });
    let joins = d.random.log_range(5.0, 200.0);
    d.whenever(joins, |d, at| {
        let size = d.random.int(62, 118);
        d.tape.down(at, size);
    });
    let own = d.random.log_range(60.0, 2000.0);
    d.whenever(own, |d, at| {
        let size = d.random.log_normal(70.0, 0.4) as u32;
        d.tape.up(at, size);
    });
}

pub(super) fn xmpp(d: &mut Draw<'_>) {
    let period = d.random.pick(&[60.0, 120.0, 300.0]);
    d.every(period, 0.01, |d, at| {
        d.tape.ask(at, 1, 0.05, 1);
    });
    let (ping, latency) = (d.random.pick(&[60.0, 90.0, 180.0]), d.latency());
    let id = d.random.int(90, 140);
    d.every(ping, 0.01, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, id, delay, id + 6);
    });
    let presence = d.random.log_range(5.0, 300.0);
    d.whenever(presence, |d, at| {
        let size = d.random.int(180, 300);
        d.tape.down(at, size);
    });
    let talk = d.random.log_range(20.0, 900.0);
    d.whenever(talk, |d, at| {
        let size = d.random.log_normal(320.0, 0.3) as u32;
        let up = d.random.chance(0.5);
        d.tape.say(at, up, size);
    });
}

/// Moves of one size, answered by a new position, on a clock that each move starts again.
pub(super) fn turns(d: &mut Draw<'_>) {
    let (think, move_size) = (d.random.log_range(3.0, 30.0), d.random.int(40, 140));
    let (answer, state) = (d.random.int(30, 90), d.random.int(150, 700));
    let latency = d.latency();
    let varies = d.random.pick(&[0, 2, 4, 40]);
    let mut at = 1.0;
    while at < d.end {
        // The other one moves, then we do: thinking has a long tail.
        at += d.random.log_normal(think, 0.8);
        let more = d.random.int(0, varies);
        d.tape.down(at, state + more);
        at += d.random.log_normal(think, 0.8);
        let delay = d.delay(latency);
        d.tape.ask(at, move_size, delay, answer);
        if d.random.chance(0.02) {
            at += d.random.exp(200.0);
        }
    }
    let period = d.random.pick(&[2.0, 15.0, 20.0, 30.0]);
    d.every(period, 0.01, |d, at| {
        d.tape.ask(at, 8, 0.05, 8);
    });
}

/// A remote screen: mostly still, redrawn when something moves; input events of one size.
pub(super) fn desktop(d: &mut Draw<'_>) {
    let busy = d.random.log_range(20.0, 600.0);
    d.whenever(busy, |d, at| {
        let mut at = at;
        for _ in 0..d.random.int(5, 120) {
            at += d.random.log_normal(0.15, 0.9);
            d.tape.up(at, d.random.pick(&[31, 31, 33, 37]));
            if d.random.chance(0.5) {
                let size = d.random.log_normal(700.0, 1.1) as u32 + 40;
                d.tape.down(at + 0.03, size.min(15_000));
            }
        }
    });
    // The clock in the corner.
    let clock = d.random.pick(&[1.0, 60.0, 60.0]);
    let size = d.random.int(300, 900);
    d.every(clock, 0.0005, |d, at| {
        let more = d.random.int(0, 90);
        d.tape.down(at, size + more);
    });
    d.every(10.0, 0.01, |d, at| {
        d.tape.ask(at, 29, 0.03, 29);
    });
}

/// Bids when somebody bids, a new price of one size to all for each, and a clock that each bid starts again.
pub(super) fn auction(d: &mut Draw<'_>) {
    let (mean, latency) = (d.random.log_range(4.0, 120.0), d.latency());
    let (bid, accepted, price) = (d.random.int(90, 260), d.random.int(34, 90), d.random.int(140, 520));
    let (part, tick) = (d.random.range(0.05, 0.7), d.random.pick(&[10.0, 15.0, 30.0]));
    let clock = price + d.random.pick(&[1, 12, 40, 90]);
    let bids = d.moments(mean);
    for at in &bids {
        if d.random.chance(part) {
            let delay = d.delay(latency);
            d.tape.ask(*at, bid, delay, accepted);
        }
        let digits = d.random.int(0, 2);
        d.tape.down(at + 0.4, price + digits);
    }
    for at in d.quiet(&bids, tick, 0.001) {
        d.tape.down(at, clock);
    }
}

/// A driver: where he is, on a timer; offers that come by chance, some accepted after a moment of thought.
pub(super) fn dispatch(d: &mut Draw<'_>) {
    let (period, latency) = (d.random.pick(&[4.0, 10.0, 15.0, 30.0]), d.latency());
    let (position, stored) = (d.random.int(110, 320), d.random.int(20, 80));
    d.every(period, 0.05, |d, at| {
        let (more, delay) = (d.random.int(0, 3), d.delay(latency));
        d.tape.ask(at, position + more, delay, stored);
    });
    let (mean, offer, spread) = (d.random.log_range(30.0, 600.0), d.random.int(250, 900), d.random.pick(&[0, 4, 60]));
    d.whenever(mean, |d, at| {
        let more = d.random.int(0, spread);
        d.tape.down(at, offer + more);
        if d.random.chance(0.6) {
            let thought = d.random.log_normal(4.0, 0.6);
            d.tape.ask(at + thought, 140, 0.08, 60);
        }
    });
}

/// A program that trades: orders of one size by chance, short receipts, fills later, the state of the book on a timer.
pub(super) fn trader(d: &mut Draw<'_>) {
    let (mean, latency) = (d.random.log_range(3.0, 90.0), d.random.log_range(0.003, 0.15));
    let (order, receipt, fill) = (d.random.int(130, 320), d.random.int(45, 130), d.random.int(160, 420));
    let filled = d.random.range(0.1, 0.9);
    d.whenever(mean, |d, at| {
        let (more, delay) = (d.random.int(0, 2), d.delay(latency));
        let at = d.tape.ask(at, order + more, delay, receipt);
        if d.random.chance(filled) {
            let later = at + d.random.exp(25.0);
            d.tape.down(later, fill);
        }
    });
    let (period, book) = (d.random.pick(&[10.0, 30.0, 60.0]), d.random.int(200, 1200));
    let varies = d.random.pick(&[0, 6, 80]);
    d.every(period, 0.001, |d, at| {
        let more = d.random.int(0, varies);
        d.tape.down(at, book + more);
    });
}
