//! Those who are told without asking: subscriptions, long polls, alerts, heads of chains, work that is handed out.

use super::Draw;
use crate::chain::Coin;

/// Readings of some devices, each on its own timer or without memory.
pub(super) fn mqtt_subscriber(d: &mut Draw<'_>) {
    let devices = d.random.int(1, 12);
    let size = d.random.int(50, 400);
    let acknowledged = d.random.chance(0.4);
    for _ in 0..devices {
        let (mean, more) = (d.random.log_range(10.0, 300.0), d.random.pick(&[0, 0, 1, 7, 40]));
        let regular = d.random.chance(0.6);
        let tell = |d: &mut Draw<'_>, at: f64| {
            d.tape.down(at, size + more);
            if acknowledged {
                d.tape.up(at + 0.01, 4);
            }
        };
        if regular { d.every(mean, 0.01, tell) } else { d.whenever(mean, tell) }
    }
    let keep = d.random.pick(&[30.0, 60.0, 300.0]);
    d.every(keep, 0.001, |d, at| {
        d.tape.ask(at, 2, 0.05, 2);
    });
}

/// Commands come without memory and are confirmed; states go up on a timer that each command starts again.
pub(super) fn mqtt_gateway(d: &mut Draw<'_>) {
    let (mean, period) = (d.random.log_range(10.0, 300.0), d.random.pick(&[15.0, 30.0, 60.0]));
    let (command, state) = (d.random.int(120, 380), d.random.int(150, 500));
    let commands = d.moments(mean);
    for at in &commands {
        d.tape.down(*at, command);
        d.tape.up(at + 0.02, 4);
        d.tape.ask(at + 0.3, state, 0.06, 4);
    }
    for at in d.quiet(&commands, period, 0.002) {
        d.tape.ask(at, state, 0.06, 4);
    }
}

/// Long silence, a beat, now and then something to tell.
pub(super) fn push_service(d: &mut Draw<'_>) {
    let (beat, latency) = (d.random.pick(&[60.0, 120.0, 240.0, 270.0, 300.0, 600.0]), d.latency());
    let (ask, answer) = (d.random.int(2, 60), d.random.int(2, 60));
    let mean = d.random.log_range(30.0, 3000.0);
    let size = d.random.log_range(150.0, 1500.0);
    let sigma = d.random.pick(&[0.005, 0.1, 0.5]);
    let told = d.moments(mean);
    for at in &told {
        let size = d.random.log_normal(size, sigma) as u32;
        d.tape.down(*at, size);
        if d.random.chance(0.7) {
            d.tape.up(at + 0.05, 40);
        }
    }
    for at in d.quiet(&told, beat, 0.01) {
        let delay = d.delay(latency);
        d.tape.ask(at, ask, delay, answer);
    }
}

/// "Still here" each two minutes, unless there was mail; the client asks again before the half hour is over.
pub(super) fn imap_idle(d: &mut Draw<'_>) {
    let still = d.random.pick(&[120.0, 120.0, 60.0, 300.0, 29.0 * 60.0]);
    let mean = d.random.log_range(60.0, 4000.0);
    let mail = d.moments(mean);
    for at in &mail {
        d.tape.down(*at, d.random.pick(&[23, 24, 40]));
        let mut at = at + 0.01;
        if d.random.chance(0.8) {
            at = d.tape.ask(at, 6, 0.05, 32);
            let size = d.random.log_normal(3000.0, 1.2) as u32;
            at = d.tape.ask(at, 62, 0.08, size);
            d.tape.ask(at + 0.1, 14, 0.04, 12);
        }
    }
    for at in d.quiet(&mail, still, 0.001) {
        d.tape.down(at, 17);
    }
}

/// Asked again as soon as it is answered; answered after 50 s or when there is a job.
pub(super) fn ci_runner(d: &mut Draw<'_>) {
    let (hold, latency) = (d.random.pick(&[50.0, 30.0, 60.0, 20.0]), d.latency());
    let (request, nothing) = (d.random.int(350, 900), d.random.int(120, 420));
    let mean = d.random.log_range(100.0, 3000.0);
    let mut at = 0.5;
    let mut job = d.random.exp(mean);
    while at < d.end {
        d.tape.up(at, request);
        if job < at + hold {
            at = job.max(at) + d.delay(latency);
            let size = d.random.log_normal(6000.0, 0.7) as u32;
            d.tape.down(at, size);
            let busy = d.random.log_normal(90.0, 1.0);
            let mut log = at + 1.0;
            while log < at + busy {
                let size = d.random.log_normal(900.0, 0.9) as u32;
                let delay = d.delay(latency);
                d.tape.ask(log, size, delay, 180);
                log += d.random.range(2.5, 3.5);
            }
            at += busy;
            job = at + d.random.exp(mean);
        } else {
            at += hold + d.delay(latency);
            d.tape.down(at, nothing);
            at += d.random.range(0.001, 0.05);
        }
    }
}

/// Held until something happens, constant sizes in both cases.
pub(super) fn long_poll(d: &mut Draw<'_>) {
    let (hold, latency) = (d.random.pick(&[20.0, 25.0, 30.0, 60.0, 90.0, 120.0]), d.latency());
    let (request, nothing) = (d.random.int(180, 700), d.random.int(90, 300));
    let event = nothing + d.random.pick(&[0, 2, 40, 300]);
    let mean = d.random.log_range(15.0, 600.0);
    let mut at = 0.5;
    while at < d.end {
        d.tape.up(at, request);
        let wait = d.random.exp(mean);
        at += wait.min(hold) + d.delay(latency);
        d.tape.down(at, if wait < hold { event } else { nothing });
        at += d.random.range(0.001, 0.03);
    }
}

/// Quotes of one size, in bursts when the market moves, pings.
pub(super) fn ticker(d: &mut Draw<'_>) {
    let size = d.random.int(120, 420);
    let spread = d.random.pick(&[0, 2, 5, 12]);
    let (calm, burst) = (d.random.log_range(0.5, 20.0), d.random.int(1, 15));
    d.whenever(calm, |d, at| {
        let mut at = at;
        for _ in 0..d.random.int(1, burst) {
            let more = d.random.int(0, spread);
            d.tape.down(at, size + more);
            at += d.random.exp(0.3);
        }
    });
    let ping = d.random.pick(&[15.0, 20.0, 30.0, 180.0]);
    d.every(ping, 0.002, |d, at| {
        d.tape.down(at, 14);
        d.tape.up(at + 0.01, 14);
    });
}

/// Few alerts, each of nearly one size, and a beat that an alert puts off.
pub(super) fn alerts(d: &mut Draw<'_>) {
    let (mean, beat) = (d.random.log_range(20.0, 900.0), d.random.pick(&[10.0, 20.0, 30.0, 60.0]));
    let (size, spread) = (d.random.int(180, 600), d.random.pick(&[0, 2, 6]));
    let told = d.moments(mean);
    for at in &told {
        let more = d.random.int(0, spread);
        d.tape.down(*at, size + more);
    }
    let size = d.random.int(15, 80);
    for at in d.quiet(&told, beat, 0.002) {
        d.tape.down(at, size);
    }
}

/// A coin whose nodes people subscribe to.
fn followed(d: &mut Draw<'_>) -> (Coin, Vec<f64>) {
    let coin = d.random.pick(&[
        Coin::Monero,
        Coin::Bitcoin,
        Coin::Litecoin,
        Coin::Zcash,
        Coin::EthereumClassic,
        Coin::Ravencoin,
        Coin::Dash,
    ]);
    let delay = d.random.log_range(0.1, 2.0);
    let mut heads = Vec::new();
    for block in d.chains.blocks(coin) {
        let at = block + d.random.log_normal(delay, 0.4);
        if at > 0.0 {
            heads.push(at);
        }
    }
    (coin, heads)
}

/// Each new block's header, of one size, when it comes; pings.
pub(super) fn new_heads(d: &mut Draw<'_>) {
    let (_, heads) = followed(d);
    let (size, spread) = (d.random.int(180, 1300), d.random.pick(&[0, 1, 2, 8]));
    for at in heads {
        let more = d.random.int(0, spread);
        d.tape.down(at, size + more);
    }
    let ping = d.random.pick(&[15.0, 30.0, 60.0]);
    d.every(ping, 0.005, |d, at| {
        d.tape.ask(at, 6, 0.05, 6);
    });
}

/// The same for a wallet that also asks: balances and fees, on a timer and by its owner.
pub(super) fn electrum(d: &mut Draw<'_>) {
    let (_, heads) = followed(d);
    let size = d.random.int(230, 290);
    for at in heads {
        d.tape.down(at, size);
        if d.random.chance(0.5) {
            let delay = d.random.range(0.05, 0.3);
            d.tape.ask(at + 0.05, 96, delay, 64);
        }
    }
    let (period, latency) = (d.random.pick(&[30.0, 60.0, 300.0]), d.latency());
    d.every(period, 0.02, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, 58, delay, 40);
    });
    let mean = d.random.log_range(15.0, 900.0);
    let (request, answer) = (d.random.int(130, 170), d.random.int(70, 160));
    d.whenever(mean, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, request, delay, answer);
    });
}

/// A page about a chain: blocks when they come, statistics on a timer.
pub(super) fn chain_dashboard(d: &mut Draw<'_>) {
    let (_, heads) = followed(d);
    for at in heads {
        let size = d.random.log_normal(2500.0, 0.2) as u32;
        d.tape.down(at, size);
    }
    let (period, size) = (d.random.pick(&[2.0, 5.0, 10.0, 30.0, 60.0]), d.random.int(200, 1200));
    let varies = d.random.pick(&[2, 8, 60]);
    d.every(period, 0.02, |d, at| {
        let more = d.random.int(0, varies);
        d.tape.down(at, size + more);
    });
    d.every(30.0, 0.005, |d, at| {
        d.tape.ask(at, 17, 0.05, 17);
    });
}

/// Figures each few seconds, whose digits vary; now and then a click.
pub(super) fn dashboard(d: &mut Draw<'_>) {
    let (period, size) = (d.random.pick(&[1.0, 5.0, 10.0, 15.0, 30.0, 60.0]), d.random.int(150, 1400));
    let varies = d.random.pick(&[0, 3, 8, 60]);
    d.every(period, 0.01, |d, at| {
        let more = d.random.int(0, varies);
        d.tape.down(at, size + more);
    });
    let clicks = d.random.log_range(60.0, 3000.0);
    let request = d.random.int(60, 200);
    d.whenever(clicks, |d, at| {
        let answer = d.random.log_normal(700.0, 0.8) as u32;
        d.tape.ask(at, request, 0.08, answer);
        d.tape.down(at + 0.2, size);
    });
    let ping = d.random.pick(&[20.0, 25.0, 30.0]);
    d.every(ping, 0.002, |d, at| {
        d.tape.ask(at, 6, 0.05, 6);
    });
}

/// Server-sent events; a short comment keeps the connection open when there were none.
pub(super) fn event_stream(d: &mut Draw<'_>) {
    let (mean, beat) = (d.random.log_range(10.0, 900.0), d.random.pick(&[15.0, 20.0, 30.0, 45.0, 60.0]));
    let (size, spread) = (d.random.int(120, 700), d.random.pick(&[0, 2, 4, 30, 200]));
    let comment = d.random.int(2, 40);
    stream(d, mean, (size, spread), (beat, comment));
}

fn stream(d: &mut Draw<'_>, mean: f64, (size, spread): (u32, u32), (beat, comment): (f64, u32)) {
    let told = d.moments(mean);
    for at in &told {
        let more = d.random.int(0, spread);
        d.tape.down(*at, size + more);
    }
    for at in d.quiet(&told, beat, 0.001) {
        d.tape.down(at, comment);
    }
}

/// The same with comments filled up to the size of an event: jobs on a timer and blocks look like this.
pub(super) fn event_twin(d: &mut Draw<'_>) {
    let (mean, beat) = (d.random.log_range(60.0, 600.0), d.random.pick(&[15.0, 20.0, 30.0, 45.0, 60.0]));
    let size = d.random.int(150, 700);
    stream(d, mean, (size, 0), (beat, size));
}

/// Values when they change, else a keepalive after so many publishing intervals; each is answered by a new request to
/// publish (OPC 10000-4, subscription service set).
pub(super) fn opc_ua(d: &mut Draw<'_>) {
    let (mean, keep) = (d.random.log_range(5.0, 300.0), d.random.pick(&[5.0, 10.0, 30.0, 60.0]));
    let (value, spread) = (d.random.int(140, 320), d.random.pick(&[0, 0, 8, 40]));
    let (alive, request) = (d.random.int(88, 110), d.random.int(92, 110));
    let changes = d.moments(mean);
    for at in &changes {
        let more = d.random.int(0, spread);
        d.tape.down(*at, value + more);
        d.tape.up(at + 0.003, request);
    }
    for at in d.quiet(&changes, keep, 0.002) {
        d.tape.down(at, alive);
        d.tape.up(at + 0.003, request);
    }
}

/// Changes as they happen and a bookmark of one size when nothing changed for a while.
pub(super) fn watch(d: &mut Draw<'_>) {
    let (mean, mark) = (d.random.log_range(5.0, 600.0), d.random.pick(&[30.0, 60.0, 60.0, 600.0]));
    let (size, sigma) = (d.random.log_range(200.0, 1500.0), d.random.pick(&[0.002, 0.02, 0.3]));
    let changes = d.moments(mean);
    for at in &changes {
        let size = d.random.log_normal(size, sigma) as u32;
        d.tape.down(*at, size);
    }
    let bookmark = d.random.int(40, 220);
    for at in d.quiet(&changes, mark, 0.003) {
        d.tape.down(at, bookmark);
    }
    // A lease, renewed on a timer.
    let (lease, latency) = (d.random.pick(&[5.0, 10.0, 20.0]), d.latency());
    if d.random.chance(0.5) {
        d.every(lease, 0.02, |d, at| {
            let delay = d.delay(latency);
            d.tape.ask(at, 110, delay, 95);
        });
    }
}

/// Fetches that are held while there is nothing, and a heartbeat each three seconds.
pub(super) fn queue(d: &mut Draw<'_>) {
    let hold = d.random.pick(&[0.5, 5.0, 30.0]);
    let (request, nothing) = (d.random.int(80, 160), d.random.int(30, 90));
    let (mean, record) = (d.random.log_range(2.0, 300.0), d.random.int(150, 800));
    let varies = d.random.pick(&[0, 4, 300]);
    let mut at = 0.1;
    while at < d.end {
        d.tape.up(at, request);
        let wait = d.random.exp(mean);
        at += wait.min(hold) + 0.004;
        let more = d.random.int(0, varies);
        d.tape.down(at, if wait < hold { nothing + record + more } else { nothing });
        at += 0.002;
    }
    d.every(3.0, 0.01, |d, at| {
        d.tape.ask(at, 90, 0.003, 16);
    });
}

/// A beat each ten seconds or so, states when something is switched, commands.
pub(super) fn home_device(d: &mut Draw<'_>) {
    let (beat, latency) = (d.random.pick(&[10.0, 25.0, 30.0, 55.0]), d.latency());
    let size = d.random.pick(&[24, 28, 90, 150]);
    d.every(beat, 0.01, |d, at| {
        let delay = d.delay(latency);
        d.tape.ask(at, size, delay, size);
    });
    let (mean, state) = (d.random.log_range(20.0, 2000.0), d.random.int(120, 380));
    d.whenever(mean, |d, at| {
        if d.random.chance(0.5) {
            d.tape.down(at, state - 40);
            d.tape.up(at + 0.1, state);
        } else {
            d.tape.ask(at, state, 0.08, 70);
        }
    });
}

/// Strokes and quakes: events of nearly one size without memory, in clusters as storms are.
pub(super) fn quakes(d: &mut Draw<'_>) {
    let (mean, size) = (d.random.log_range(3.0, 200.0), d.random.int(160, 420));
    let spread = d.random.int(0, 9);
    let cluster = d.random.pick(&[1, 1, 1, 6]);
    d.whenever(mean, |d, at| {
        let mut at = at;
        for _ in 0..d.random.int(1, cluster) {
            let more = d.random.int(0, spread);
            d.tape.down(at, size + more);
            at += d.random.exp(2.0);
        }
    });
    let ping = d.random.pick(&[20.0, 30.0, 60.0]);
    d.every(ping, 0.002, |d, at| {
        d.tape.ask(at, 6, 0.05, 6);
    });
}

/// Small tasks handed out, results returned: constant descriptions, results that vary, a load report on a timer.
pub(super) fn build_worker(d: &mut Draw<'_>) {
    let (mean, task) = (d.random.log_range(3.0, 120.0), d.random.int(250, 600));
    let report = d.random.pick(&[3.0, 10.0, 30.0]);
    d.every(report, 0.02, |d, at| d.tape.up(at, 68));
    d.whenever(mean, |d, at| {
        let more = d.random.int(0, 60);
        d.tape.down(at, task + more);
        let done = at + d.random.log_normal(2.5, 0.9);
        let size = d.random.log_normal(9000.0, 0.9) as u32;
        d.tape.ask(done, size, 0.02, 40);
    });
}

/// As near to mining as honest work comes: units of one size handed out when the last is done or a timer ran out,
/// results of one size when they are found, each acknowledged.
pub(super) fn volunteer(d: &mut Draw<'_>) {
    let (mean, latency) = (d.random.log_range(40.0, 600.0), d.latency());
    let (unit, result) = (d.random.int(300, 1200), d.random.int(200, 900));
    let spread = d.random.pick(&[0, 2, 30]);
    let mut at = 1.0;
    while at < d.end {
        let more = d.random.int(0, spread);
        d.tape.down(at, unit + more);
        // The same amount of work each time, on a machine that does other things too.
        at += d.random.log_normal(mean, 0.25);
        let more = d.random.int(0, spread);
        let delay = d.delay(latency);
        at = d.tape.ask(at, result + more, delay, 60) + d.random.range(0.01, 0.1);
    }
    let beat = d.random.pick(&[30.0, 60.0, 120.0]);
    d.every(beat, 0.01, |d, at| {
        d.tape.ask(at, 45, 0.05, 45);
    });
}
