//! Worlds of many flows behind one gateway: for detectors that need a feed of block times, or more than one flow.
//!
//! Each world has one chain a coin, some pools with one or several inside hosts at each, a proxy inside that passes work
//! on, benign flows that hear of the same blocks, and services that tell several inside hosts the same at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use minewatch::detect::{Chain, Detect, Facts, Limits, Named, Party, Seen};
use minewatch::rhythm::{BeatKind, Rhythm, Standing, fuse};

use crate::benign::{CLASSES, Class};
use crate::chain::{Chains, Coin, Set};
use crate::evasion::Evasion;
use crate::figures::{Delays, MINUTES, minutes, percent, upper_bound};
use crate::judge::{message, packet_time};
use crate::miner::{Miner, Said, Serving, What, Work};
use crate::random::Random;
use crate::tape::{Event, Framing, Tape};
use crate::trial::each;
use crate::world;

/// What is true of a flow in a world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Truth {
    /// Mines at a pool, no other inside host there.
    Alone(Coin),
    /// Mines where others inside do.
    Shared(Coin),
    /// Is told of jobs and never finds a share.
    Silent(Coin),
    /// Mines at a proxy inside.
    BehindProxy,
    /// The proxy's own connection to the pool.
    Proxy,
    /// Told the same as others at once, and no mining.
    Broadcast,
    /// Any other.
    Benign(&'static str),
}

struct Flow {
    truth: Truth,
    party: Party,
    named: Named,
    events: Vec<Event>,
}

/// Coins that the gateway's operator has block times of.
const FED: [Coin; 4] = [Coin::Monero, Coin::Bitcoin, Coin::Litecoin, Coin::Zcash];

/// Seconds that a world lasts.
const LASTS: f64 = 5400.0;

struct World {
    flows: Vec<Flow>,
    feeds: Vec<(Chain, Vec<f64>)>,
}

/// Gives each flow its addresses, from the range for documentation (RFC 3849).
struct Hand {
    flows: Vec<Flow>,
    inside: u16,
}

impl Hand {
    fn inside(&mut self) -> IpAddr {
        self.inside += 1;
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 20, 0, 0, 0, self.inside))
    }

    fn add(&mut self, truth: Truth, inside: IpAddr, server: SocketAddr, named: Named, events: Vec<Event>) {
        let flow = self.flows.len() as u64;
        self.flows.push(Flow { truth, party: Party { flow, tenant: 0, inside, server }, named, events });
    }
}

/// Some address outside, unlikely the same as another's.
fn server(random: &mut Random, port: u16) -> SocketAddr {
    let mut group = || random.int(1, 0xffff) as u16;
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, group(), group(), 0, 0, 0, 1)), port)
}

fn maybe_named(random: &mut Random, nothing: f64) -> Named {
    if random.chance(nothing) { Named::Nothing } else { Named::Other }
}

impl World {
    fn new(seed: u64, set: Set, number: u64) -> Self {
        let random = &mut Random::of(seed, "world", number);
        let chains = Chains::new(seed, number ^ 0x0a11, LASTS);
        let mut hand = Hand { flows: Vec::new(), inside: 0 };
        let pairs = world::mined(set);
        for pool in 0..7 {
            let pair = if pool < 3 { pairs[0] } else { random.pick(&pairs) };
            let serving = Serving::new(random, set, &chains, pair);
            let port = random.pick(&[443, 3333, 9200, 14_444]);
            let address = server(random, port);
            let hosts = random.pick(&[1, 1, 2, 3]);
            for _ in 0..hosts {
                let start = random.range(0.0, 1200.0);
                let silent = random.chance(0.25);
                let evasion = if silent { Evasion::NoShares } else { Evasion::None };
                let framing = random.pick(&Framing::ALL);
                let middle = random.chance(0.3);
                let events = world::conversation(random, &serving, start, LASTS, framing, evasion, middle);
                let truth = match (silent, hosts) {
                    (true, _) => Truth::Silent(pair.0),
                    (_, 1) => Truth::Alone(pair.0),
                    _ => Truth::Shared(pair.0),
                };
                let (inside, known) = (hand.inside(), maybe_named(random, 0.5));
                hand.add(truth, inside, address, known, events);
            }
        }
        proxied(random, set, &chains, &mut hand);
        for _ in 0..3 {
            broadcast(random, &mut hand);
        }
        let classes: Vec<&'static Class> = Class::of(set).filter(|c| !c.twin).collect();
        for n in 0..90 {
            let class = if n < 12 { following(random) } else { random.pick(&classes) };
            let end = random.log_range(300.0, LASTS);
            let mut events = class.flow(random, &chains, end);
            // What follows a chain is on its time already; the rest may begin at any time.
            let shift = if class.name.contains("chain") || class.name.contains("node") { 0.0 } else { LASTS - end };
            let shift = shift * random.unit();
            for e in &mut events {
                e.at += shift;
            }
            let (inside, name, address) = (hand.inside(), maybe_named(random, 0.15), server(random, 443));
            hand.add(Truth::Benign(class.name), inside, address, name, events);
        }
        let skew = skew(seed, number);
        let feeds = FED.map(|coin| {
            let chain = Chain { coin: coin.ticker().into(), source: "simulated".into() };
            (chain, chains.feed(coin, random).iter().map(|at| at + skew).collect())
        });
        Self { flows: hand.flows, feeds: feeds.into() }
    }
}

/// Seconds by which the clock that the feed was written with is ahead of the gateway's: mostly none, else up to what public
/// captures were seen to be off by (3 and 16 s), either way.
fn skew(seed: u64, number: u64) -> f64 {
    let random = &mut Random::of(seed, "clock", number);
    match random.int(0, 9) {
        0..=5 => 0.0,
        6..=7 => random.range(-4.0, 4.0),
        _ => random.range(-17.0, 17.0),
    }
}

/// A class that hears of blocks without mining: there are more of these in a world than their share.
fn following(random: &mut Random) -> &'static Class {
    let all: Vec<&'static Class> =
        CLASSES.iter().filter(|c| c.name.starts_with("node") || c.name.starts_with("chain")).collect();
    random.pick(&all)
}

/// A proxy inside: five hosts behind it, their shares upstream, its jobs down to them within milliseconds.
fn proxied(random: &mut Random, set: Set, chains: &Chains, hand: &mut Hand) {
    let pair = world::mined(set)[0];
    let serving = Serving::new(random, set, chains, pair);
    let hosts = random.int(3, 6);
    let miner = Miner {
        pool: &serving.pool,
        pushes: &serving.pushes,
        start: random.range(0.0, 600.0),
        end: LASTS,
        work: Work::Proxy(hosts),
    };
    let upstream = miner.run(random);
    let proxy = hand.inside();
    let mut downstream: Vec<Vec<Said>> = vec![Vec::new(); hosts as usize];
    let mut turn = 0;
    for said in &upstream {
        match said.what {
            What::Job => {
                for host in &mut downstream {
                    host.push(Said { at: said.at + random.range(0.001, 0.02), size: said.size + 2, ..*said });
                }
            }
            What::Share => {
                turn = random.int(0, hosts - 1) as usize;
                let at = said.at - random.range(0.0005, 0.003);
                downstream[turn].push(Said { at, size: said.size - 3, ..*said });
                // xmrig-proxy answers its miners when the pool has answered it.
            }
            What::Answer => downstream[turn].push(Said { at: said.at + 0.001, ..*said }),
            What::Greeting | What::Keepalive => {}
        }
    }
    let listening = SocketAddr::new(proxy, 3333);
    for host in downstream {
        let events = Evasion::None.apply(random, &host, Framing::Plain, serving.pool.dialect);
        let inside = hand.inside();
        hand.add(Truth::BehindProxy, inside, listening, Named::Nothing, events);
    }
    let events = Evasion::None.apply(random, &upstream, Framing::Tls13, serving.pool.dialect);
    let address = server(random, 443);
    hand.add(Truth::Proxy, proxy, address, Named::Nothing, events);
}

/// A service that some inside hosts subscribe to: all are told at once, from one address or from several.
fn broadcast(random: &mut Random, hand: &mut Hand) {
    let mean = random.log_range(15.0, 400.0);
    let (size, spread) = (random.int(150, 700), random.pick(&[0, 2, 40]));
    let mut told = Vec::new();
    let mut at = random.exp(mean);
    while at < LASTS {
        told.push((at, size + random.int(0, spread)));
        at += random.exp(mean);
    }
    let one = server(random, 443);
    let several = random.chance(0.5);
    let beat = random.pick(&[20.0, 30.0, 60.0]);
    for _ in 0..random.int(2, 6) {
        let late = random.range(0.005, 0.3);
        let mut tape = Tape::default();
        for (at, size) in &told {
            tape.down(at + late + random.exp(0.01), *size);
        }
        let mut at = random.unit() * beat;
        while at < LASTS {
            tape.ask(at, 6, 0.05, 6);
            at += beat;
        }
        let mut events = tape.finish(LASTS);
        Framing::Tls13.over(&mut events);
        let address = if several { server(random, 443) } else { one };
        let inside = hand.inside();
        hand.add(Truth::Broadcast, inside, address, Named::Other, events);
    }
}

/// When something was first said of a flow, in seconds from its first message.
#[derive(Clone, Default)]
struct Told {
    suspected: Option<f64>,
    probable: Option<f64>,
    phase: Option<f64>,
    together: Option<f64>,
    relay: Option<f64>,
    why: String,
}

/// All flows in the order of time, as a gateway sees them.
fn watch(world: &World) -> Vec<Told> {
    let mut detect = Detect::new(Limits::default());
    let mut rhythms: Vec<Option<Rhythm>> = vec![None; world.flows.len()];
    let mut told = vec![Told::default(); world.flows.len()];
    let mut looked = vec![f64::NEG_INFINITY; world.flows.len()];
    let mut blocks: Vec<(f64, usize)> =
        world.feeds.iter().enumerate().flat_map(|(n, (_, at))| at.iter().map(move |at| (*at, n))).collect();
    blocks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut blocks = blocks.into_iter().peekable();
    let mut all: Vec<(Event, usize)> =
        world.flows.iter().enumerate().flat_map(|(n, f)| f.events.iter().map(move |e| (*e, n))).collect();
    all.sort_by(|a, b| a.0.at.total_cmp(&b.0.at));
    for (event, n) in all {
        while let Some((at, chain)) = blocks.next_if(|(at, _)| *at <= event.at) {
            detect.block(&world.feeds[chain].0, packet_time(at));
        }
        let flow = &world.flows[n];
        let start = flow.events.first().map_or(0.0, |e| e.at);
        let rhythm = rhythms[n].get_or_insert_with(|| Rhythm::new(packet_time(event.at)));
        let beat = rhythm.message(message(&event));
        if let Some(beat) = beat {
            detect.beat(&flow.party, beat);
        }
        let pushed = beat.is_some_and(|b| !matches!(b.kind, BeatKind::Share { .. }));
        if !(rhythm.is_due() || pushed) || event.at - looked[n] < 10.0 {
            continue;
        }
        looked[n] = event.at;
        let now = packet_time(event.at);
        let facts = Facts { since: packet_time(start), named: flow.named, ..Facts::default() };
        let reading = rhythm.judge(now);
        let sayings = detect.judge(&flow.party, &facts, now);
        let others: Vec<_> = sayings.iter().map(minewatch::detect::Saying::witness).collect();
        let (_, level) = fuse(reading.witnesses.iter().chain(&others));
        let told = &mut told[n];
        let delay = event.at - start;
        for saying in &sayings {
            match saying.seen {
                Seen::BlockPhase { .. } => told.phase.get_or_insert(delay),
                Seen::PushedTogether { .. } => told.together.get_or_insert(delay),
                Seen::Relay { .. } => told.relay.get_or_insert(delay),
                Seen::Context { .. } => continue,
            };
        }
        let say = || {
            let own = reading.witnesses.iter().map(|w| format!("{w} [{:+.1}]", w.weight));
            own.chain(sayings.iter().map(|s| format!("{s} [{:+.1}]", s.weight))).collect::<Vec<_>>().join("; ")
        };
        if level >= Standing::Suspected && told.suspected.is_none() {
            told.suspected = Some(delay);
            told.why = say();
        }
        if level >= Standing::ProbableEligible && told.probable.is_none() {
            told.probable = Some(delay);
            told.why = say();
        }
    }
    told
}

/// A row of what was told of flows of one kind.
#[derive(Default)]
struct Row {
    suspected: Delays,
    probable: Delays,
    phase: Delays,
    together: Delays,
    relay: Delays,
    why: Vec<String>,
}

impl Row {
    fn add(&mut self, told: &Told) {
        self.suspected.push(told.suspected);
        self.probable.push(told.probable);
        self.phase.push(told.phase);
        self.together.push(told.together);
        self.relay.push(told.relay);
        if !told.why.is_empty() && self.why.len() < 3 {
            self.why.push(told.why.clone());
        }
    }
}

/// Rows by kind and name.
pub(crate) struct Rows {
    worlds: usize,
    rows: BTreeMap<(Kind, String), Row>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Monero,
    Other,
    Proxied,
    Benign,
}

impl Truth {
    fn row(self) -> (Kind, String) {
        let fed = |coin: Coin| if FED.contains(&coin) { "fed" } else { "no feed" };
        match self {
            Self::Alone(Coin::Monero) => (Kind::Monero, "Monero, alone at its pool".to_owned()),
            Self::Shared(Coin::Monero) => (Kind::Monero, "Monero, others at the same pool".to_owned()),
            Self::Silent(Coin::Monero) => (Kind::Monero, "Monero, jobs only".to_owned()),
            Self::Alone(coin) => (Kind::Other, format!("other coins, {}, alone", fed(coin))),
            Self::Shared(coin) => (Kind::Other, format!("other coins, {}, others at the same pool", fed(coin))),
            Self::Silent(coin) => (Kind::Other, format!("other coins, {}, jobs only", fed(coin))),
            Self::BehindProxy => (Kind::Proxied, "behind a proxy inside".to_owned()),
            Self::Proxy => (Kind::Proxied, "the proxy upstream".to_owned()),
            Self::Broadcast => (Kind::Benign, "benign: the same to several at once".to_owned()),
            Self::Benign(class) if class.starts_with("node") || class.starts_with("chain") => {
                (Kind::Benign, format!("benign: {class}"))
            }
            Self::Benign(_) => (Kind::Benign, "benign: all other classes".to_owned()),
        }
    }
}

/// What is told of all flows of `count` worlds.
pub(crate) fn judge(seed: u64, set: Set, count: usize) -> Rows {
    let worlds = each(count, |n| {
        let world = World::new(seed, set, n as u64);
        let told = watch(&world);
        world.flows.iter().map(|f| f.truth).zip(told).collect::<Vec<_>>()
    });
    let mut rows: BTreeMap<(Kind, String), Row> = BTreeMap::new();
    for (truth, told) in worlds.iter().flatten() {
        rows.entry(truth.row()).or_default().add(told);
    }
    Rows { worlds: count, rows }
}

impl Rows {
    fn sum(&self, kind: Kind, pick: impl Fn(&Row) -> &Delays) -> Delays {
        let mut all = Delays::default();
        for (_, row) in self.rows.iter().filter(|((k, _), _)| *k == kind) {
            all.extend(pick(row));
        }
        all
    }

    /// How long it took until Monero flows that may be `probable` were.
    pub(crate) fn monero_probable(&self) -> Delays {
        self.sum(Kind::Monero, |r| &r.probable)
    }

    /// The same of benign flows.
    pub(crate) fn benign_probable(&self) -> Delays {
        self.sum(Kind::Benign, |r| &r.probable)
    }

    /// Names of benign rows, and what was said of some flows of each.
    pub(crate) fn said_of_benign(&self) -> impl Iterator<Item = (&str, &[String])> {
        let benign = self.rows.iter().filter(|((kind, _), row)| *kind == Kind::Benign && !row.why.is_empty());
        benign.map(|((_, name), row)| (name.as_str(), row.why.as_slice()))
    }
}

/// A section of the report.
pub(crate) fn report(told: &Rows) -> String {
    let Rows { worlds: count, rows } = told;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\n## Many flows behind one gateway, with block times of {}\n\n{count} worlds of {:.0} minutes; in four of ten the \
         feed's clock is off, by up to 17 s. The last three \
         columns: flows of which each witness spoke, and its median delay.\n\n| flows of | flows | suspected 5 min | 10 \
         min | 15 min | 30 min | 60 min | median | probable 15 min | 30 min | 60 min | median | block phase | together | \
         relay |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        FED.map(Coin::ticker).join(", "),
        LASTS / 60.0
    );
    for ((_, name), row) in rows {
        let suspected = MINUTES.map(|m| percent(row.suspected.recall_by(m * 60.0))).join(" | ");
        let probable = [15.0, 30.0, 60.0].map(|m| percent(row.probable.recall_by(m * 60.0))).join(" | ");
        let spoke = |d: &Delays| format!("{} ({})", percent(d.recall_by(f64::INFINITY)), minutes(d.quantile(0.5)));
        let _ = writeln!(
            out,
            "| {name} | {} | {suspected} | {} | {probable} | {} | {} | {} | {} |",
            row.suspected.flows(),
            minutes(row.suspected.quantile(0.5)),
            minutes(row.probable.quantile(0.5)),
            spoke(&row.phase),
            spoke(&row.together),
            spoke(&row.relay)
        );
    }
    let benign = |pick: fn(&Row) -> &Delays| {
        let all = told.sum(Kind::Benign, pick);
        let (n, k) = (all.flows() as u64, all.found_by(f64::INFINITY) as u64);
        format!("{k} of {n}, at most {:.3} %", upper_bound(n, k) * 100.0)
    };
    let _ = writeln!(
        out,
        "\nBenign flows of all worlds: suspected {}; probable {}; block phase spoke of {}; together spoke of {}; relay \
         spoke of {}. One in eight of them is told of blocks and does not mine.",
        benign(|r| &r.suspected),
        benign(|r| &r.probable),
        benign(|r| &r.phase),
        benign(|r| &r.together),
        benign(|r| &r.relay)
    );
    for (name, said) in told.said_of_benign() {
        let _ = writeln!(out, "\nWhat was said of *{name}*:\n");
        for why in said {
            let _ = writeln!(out, "* {why}");
        }
    }
    out
}
