//! A run from the first frame to the report, the same for files, pipes and interfaces.
//!
//! In: a packet source. Out: alerts as they come (through a callback) and the [`Report`]. An interrupt ends the reading;
//! what was found until then is reported.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::mpsc;

use super::Failure;
use super::candidates::{decision, sparing};
use super::options::BlockPlan;
use super::replay::complain;
use crate::capture::PacketSource;
use crate::decode::Tenant;
use crate::evidence::Verdict;
use crate::firewall::{Decision, Meta, Policy, Region, left_out, write_all};
use crate::health::Counter;
use crate::intel::{Day, Geo, Intel};
use crate::ledger::{Alert, FlowFinding, HostFinding, Knowledge, Ledger};
use crate::pipeline::{self, Ended, Merger, RunOptions, What};
use crate::sink::{Relay, Report};
use crate::time::PacketTime;

/// Batches that may wait for the ledger.
const QUEUE: usize = 64;
/// A second interrupt after this long means "at once, without a report".
const IMPATIENT: Duration = Duration::from_secs(1);
/// A capture may claim any time; later than this, life times would not fit behind it.
const LATEST: PacketTime = PacketTime::from_parts(7_258_118_400, 0);
/// Headers that are not believed, told at the most.
const MAX_DOUBTED: usize = 8;
/// How often a progress callback is called.
const TICK: Duration = Duration::from_millis(200);

/// What a session calls back.
pub(super) trait Listener {
    /// Something new of a host and endpoint.
    fn alert(&mut self, alert: &Alert) -> Result<(), Failure>;
    /// Frames read so far, a few times a second.
    fn progress(&mut self, frames: u64);
}

/// Who acts while a session goes on.
pub(super) trait Companion {
    /// A mining flow as it stands now, or at its end.
    fn claim(&mut self, f: &FlowFinding);
    /// A new level of a host and endpoint.
    fn alert(&mut self, a: &Alert);
    /// A few times a second: does what is due. Sentences for the operator.
    fn tick(&mut self, knowledge: &Knowledge) -> Vec<String>;
    /// Since when flows are kept for the report, now and then: who runs for months cannot keep them all, and going
    /// through them takes time.
    fn keeps_since(&mut self) -> Option<PacketTime>;
}

/// Knowledge that was read anew.
#[cfg_attr(not(feature = "live"), allow(dead_code))] // nothing is followed there
pub(super) struct News {
    /// The feeds, if they changed and are to be used.
    pub(super) intel: Option<Intel>,
    /// The databases, likewise.
    pub(super) geo: Option<Geo>,
    /// What to tell now.
    pub(super) said: Vec<String>,
    /// What is refused and still is at the end, unless later news say otherwise.
    pub(super) refused: Vec<String>,
}

/// What is beside the traffic.
pub(super) struct World<'a> {
    /// Countries and networks.
    pub(super) geo: Geo,
    /// Knowledge that is read anew on the way.
    pub(super) news: Option<mpsc::Receiver<News>>,
    /// Who acts meanwhile.
    pub(super) companion: Option<&'a mut dyn Companion>,
}

impl World<'_> {
    /// One that stays as it is: what is read from a file must not depend on the day.
    pub(super) const fn still(geo: Geo) -> Self {
        Self { geo, news: None, companion: None }
    }
}

/// Starts to look after files that may change.
#[cfg(feature = "live")]
pub(super) fn follow(reload: super::reload::Reload) -> Result<mpsc::Receiver<News>, Failure> {
    let (tx, rx) = mpsc::channel(1);
    std::thread::Builder::new()
        .name("reload".to_owned())
        .spawn(move || reload.run(&tx))
        .context("cannot start the thread that looks after the feeds")?;
    Ok(rx)
}

/// A session that is over.
pub(super) struct Finished<S> {
    /// The source, with its problems.
    pub(super) source: S,
    /// What was found, without names and problems of the inputs.
    pub(super) report: Report,
    /// The latest packet time.
    pub(super) until: PacketTime,
    /// Whether it was interrupted.
    pub(super) interrupted: bool,
    /// Routers that DHCP servers named.
    pub(super) routers: Vec<std::net::IpAddr>,
    /// Resolvers that they named.
    pub(super) resolvers: Vec<std::net::IpAddr>,
}

impl<S> Finished<S> {
    /// The plan, with what this network lives on.
    pub(super) fn spare(&self, plan: &mut BlockPlan) {
        let never = std::mem::take(&mut plan.never);
        plan.never = sparing(never, self.routers.iter().copied(), self.resolvers.iter().copied());
    }
}

/// Runs a source to its end, to an interrupt, or for `most`.
pub(super) fn run<'a, S: PacketSource + Send + 'static>(
    source: S,
    options: &RunOptions,
    world: World<'a>,
    policy: &'a Policy,
    most: Option<Duration>,
    listener: &'a mut dyn Listener,
) -> Result<Finished<S>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop (too many open files?)")?;
    runtime.block_on(collect(source, options.clone(), world, policy, most, listener))
}

async fn collect<'a, S: PacketSource + Send + 'static>(
    source: S,
    options: RunOptions,
    world: World<'a>,
    policy: &'a Policy,
    most: Option<Duration>,
    listener: &'a mut dyn Listener,
) -> Result<Finished<S>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let frames = Arc::new(AtomicU64::new(0));
    let (tx, mut rx) = mpsc::channel(QUEUE);
    let current = Arc::clone(&options.intel);
    let mut right = Right {
        knowledge: Knowledge::new(current.get(), world.geo),
        ledger: Ledger::default(),
        policy,
        listener,
        companion: world.companion,
        failure: None,
        stop: Arc::clone(&stop),
    };
    // Without news there is a channel that is closed.
    let mut news = world.news.unwrap_or_else(|| mpsc::channel(1).1);
    let mut refused = Vec::new();
    let reader = {
        let (stop, frames) = (Arc::clone(&stop), Arc::clone(&frames));
        std::thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || pipeline::run(source, &options, &stop, &frames, &tx))
            .context("cannot start the reader thread")?
    };
    let mut merger = Merger::default();
    let mut tick = tokio::time::interval(TICK);
    let mut signals = Signals::new()?;
    let over = tokio::time::sleep(most.unwrap_or(Duration::MAX));
    tokio::pin!(over);
    let mut asked: Option<tokio::time::Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = &mut over, if !stop.load(Ordering::Relaxed) => stop.store(true, Ordering::Relaxed),
            () = signals.next() => {
                stop.store(true, Ordering::Relaxed);
                // timeout(1) and a closing terminal send it twice at once; a person takes longer.
                if asked.get_or_insert_with(tokio::time::Instant::now).elapsed() > IMPATIENT {
                    return Err(anyhow!("interrupted twice: nothing is reported"));
                }
            }
            Some(n) = news.recv() => {
                // Where nobody reads, nobody is told.
                drop(complain(&n.said));
                if let Some(intel) = n.intel {
                    // Workers take it before their next batch. What flows and look-ups have taught so far stays.
                    current.replace(intel.clone());
                    right.knowledge.intel = intel;
                }
                if let Some(geo) = n.geo {
                    right.knowledge.geo = geo;
                }
                refused = n.refused;
            }
            batch = rx.recv() => {
                let Some(batch) = batch else { break };
                for event in merger.push(batch) {
                    right.take(event.what);
                }
            }
            _ = tick.tick() => {
                right.listener.progress(frames.load(Ordering::Relaxed));
                right.tick();
            }
        }
    }
    let interrupted = stop.load(Ordering::Relaxed);
    let Ok(Ended { source, mut health, until }) = reader.join() else {
        return Err(anyhow!("the reader failed unexpectedly; please report this with the capture"));
    };
    let Right { knowledge, mut ledger, failure, .. } = right;
    if let Some(e) = failure {
        return Err(e);
    }
    health.add_n(Counter::RetiredMatches, knowledge.retired);
    health.add_n(Counter::StaleFeeds, refused.len() as u64);
    let day = Day::of(until);
    for list in knowledge.intel.lists().iter().filter(|l| l.is_stale(day)) {
        health.add(Counter::StaleFeeds);
        let date = list.date.map(|d| d.to_string()).unwrap_or_default();
        refused.push(format!("{} is of {date} and stale: minewatch feeds update, or a newer file", list.name));
    }
    let dropped = ledger.dropped();
    health.add_n(Counter::AsidesForgotten, ledger.asides_forgotten());
    let contacts = ledger.take_contacts(&knowledge);
    let hosts = ledger.into_hosts();
    let relays = relays(&hosts);
    let report = Report {
        hosts,
        contacts,
        relays,
        blocks: None,
        health,
        sources: Vec::new(),
        problems: Vec::new(),
        notes: refused,
        dropped,
    };
    let routers = knowledge.identities.routers().collect();
    let resolvers = knowledge.identities.resolvers().collect();
    Ok(Finished { source, report, until, interrupted, routers, resolvers })
}

/// What is right of the workers: joins what they tell, keeps it, and passes news on.
struct Right<'a> {
    knowledge: Knowledge,
    ledger: Ledger,
    policy: &'a Policy,
    listener: &'a mut dyn Listener,
    companion: Option<&'a mut dyn Companion>,
    /// Why nobody can be told any more.
    failure: Option<Failure>,
    /// Stops the reading.
    stop: Arc<AtomicBool>,
}

impl Right<'_> {
    fn take(&mut self, what: What) {
        match what {
            What::Flow(mut flow) => {
                self.knowledge.enrich(&mut flow);
                self.claim(&flow);
                self.ledger.flow(*flow);
            }
            What::Claim(mut flow) => {
                self.knowledge.enrich(&mut flow);
                self.claim(&flow);
            }
            What::Unnamed(mut flow) => {
                if self.knowledge.leads_to_a_pool(&mut flow) {
                    let alert = Alert::of(&flow);
                    self.claim(&flow);
                    self.ledger.flow(*flow);
                    self.tell(alert);
                }
            }
            What::Sighting(s) => self.ledger.sighting(*s),
            What::Aside(a) => self.ledger.aside(*a),
            What::Lease(l) => self.knowledge.identities.learn(&l),
            What::LookUp(l) => {
                if let Some(s) = self.knowledge.look_up(&l) {
                    self.ledger.sighting(s);
                }
            }
            What::Alert(mut alert) => {
                self.knowledge.name_alert(&mut alert);
                self.tell(*alert);
            }
        }
    }

    fn claim(&mut self, flow: &FlowFinding) {
        if let Some(companion) = &mut self.companion {
            companion.claim(flow);
        }
    }

    fn tick(&mut self) {
        if let Some(companion) = &mut self.companion {
            let said = companion.tick(&self.knowledge);
            // Where nobody reads, nobody is told.
            drop(complain(&said));
            if let Some(since) = companion.keeps_since() {
                self.ledger.forget_before(since);
            }
        }
    }

    /// Tells of a level, if it is new and nothing that the operator allows.
    fn tell(&mut self, alert: Alert) {
        if !self.policy.allows_client(alert.miner.ip(), alert.miner_mac, alert.source().map(|s| s.ip()))
            && let Some(alert) = self.ledger.alert(alert)
        {
            if let Some(companion) = &mut self.companion {
                companion.alert(&alert);
            }
            if self.failure.is_none()
                && let Err(e) = self.listener.alert(&alert)
            {
                // Nobody reads us any more: stop reading, too.
                self.failure = Some(e);
                self.stop.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// SIGINT, SIGTERM, and SIGHUP: an ssh session that ends must not take the report with it.
struct Signals {
    int: tokio::signal::unix::Signal,
    hup: tokio::signal::unix::Signal,
    term: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            int: listen(SignalKind::interrupt())?,
            hup: listen(SignalKind::hangup())?,
            term: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.int.recv() => {}
            _ = self.hup.recv() => {}
            _ = self.term.recv() => {}
        }
    }
}

/// Private addresses that served miners: pools or relays inside the network.
fn relays(hosts: &[HostFinding]) -> Vec<Relay> {
    let mut found = std::collections::BTreeMap::new();
    for h in hosts {
        let inside = |f: &&FlowFinding| is_private(f.pool.ip()) && is_private(f.miner.ip());
        // Who asks a rig is none.
        for f in h.flows.iter().filter(|f| f.verdict > Verdict::Noted && !f.is_inventory()).filter(inside) {
            let (miners, proxy) =
                found.entry((h.key.tenant, f.pool)).or_insert_with(|| (std::collections::BTreeSet::new(), false));
            miners.insert(h.key.ip);
            *proxy |= f.proxy_target().is_some();
        }
    }
    let miners_there: std::collections::BTreeSet<_> =
        hosts.iter().filter(|h| h.verdict > Verdict::Noted).map(|h| (h.key.tenant, h.key.ip)).collect();
    found
        .into_iter()
        .map(|((tenant, pool), (miners, proxy)): ((Tenant, _), _)| Relay {
            pool,
            tenant,
            miners: miners.len(),
            mines: miners_there.contains(&(tenant, pool.ip())),
            proxy,
        })
        .collect()
}

fn is_private(ip: std::net::IpAddr) -> bool {
    match ip {
        std::net::IpAddr::V4(a) => a.is_private() || a.is_loopback() || a.is_link_local(),
        std::net::IpAddr::V6(a) => a.is_unique_local() || a.is_loopback() || a.is_unicast_link_local(),
    }
}

/// Marks allowed hosts, and, when lists were asked for, decides and writes them. Warnings as sentences.
pub(super) fn block(report: &mut Report, plan: &BlockPlan, until: PacketTime) -> Result<Vec<String>, Failure> {
    let mut warnings = allow(report, &plan.policy);
    warnings.extend(behind_nat(report, &plan.policy));
    warnings.extend(no_place(report, &plan.policy));
    if plan.lists.is_empty() {
        return Ok(warnings);
    }
    let until = until.min(LATEST);
    let flows = report.hosts.iter().flat_map(|h| h.flows.iter());
    let decision = decision(flows, &plan.policy, &plan.never, until);
    let written = write(&decision, plan, until);
    report.blocks = Some(decision);
    warnings.extend(written?);
    Ok(warnings)
}

/// A database that tells only countries spares no network, and the other way round: that must not go unnoticed.
fn no_place(report: &Report, policy: &Policy) -> Option<String> {
    let places: Vec<_> = report.hosts.iter().flat_map(|h| h.flows.iter().map(|f| &f.place)).collect();
    let untold = policy.never_block_in.iter().find(|r| match r {
        Region::Country(_) => places.iter().all(|p| p.country.is_none()),
        Region::Network(_) => places.iter().all(|p| p.asn.is_none()),
    })?;
    (!places.is_empty()).then(|| {
        format!("--never-block-in {untold} spared nothing: no database of --geo says of any pool here where it is")
    })
}

/// Miners at public addresses of the operator's own: the machine may be any behind them.
fn behind_nat(report: &Report, policy: &Policy) -> Vec<String> {
    let mining = report.hosts.iter().filter(|h| h.verdict > Verdict::Noted && !h.allowed).map(|h| h.key.ip);
    let outside: std::collections::BTreeSet<_> =
        mining.filter(|ip| !is_private(*ip) && policy.is_home(*ip).is_some()).collect();
    let told = outside.iter().take(MAX_DOUBTED).map(|ip| {
        format!(
            "{ip} is a public address of yours: behind NAT the capture cannot tell which machine mines; capture on the \
             inside, too"
        )
    });
    told.collect()
}

/// Marks what the operator allows. A warning for each PROXY header that names an allowed host and is not believed.
fn allow(report: &mut Report, policy: &Policy) -> Vec<String> {
    let mut doubted = std::collections::BTreeSet::new();
    for h in &mut report.hosts {
        for f in &mut h.flows {
            let source = f.source().map(|s| s.ip());
            f.allowed = policy.allows_client(f.miner.ip(), f.miner_mac, source);
            if let Some(source) = source.filter(|s| !f.allowed && policy.allows_host(*s, None)) {
                doubted.insert((f.miner.ip(), source));
            }
        }
        h.settle();
    }
    let told = doubted.iter().take(MAX_DOUBTED).map(|(sender, source)| {
        format!(
            "{sender} says by its PROXY header that it speaks for {source}, which may mine; anybody can write such a \
             header: if {sender} is your load balancer, add --trust-proxy {sender}"
        )
    });
    told.collect()
}

fn write(decision: &Decision, plan: &BlockPlan, until: PacketTime) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    if decision.capped() > 0 {
        let names = decision.capped_names();
        let what = match (decision.capped() - names, names) {
            (endpoints, 0) => format!("{endpoints} endpoints"),
            (0, names) => format!("{names} names"),
            (endpoints, names) => format!("{endpoints} endpoints and {names} names"),
        };
        warnings.push(format!(
            "{what} did not fit the block list (--max-entries): either the network is overrun, or someone fills the list"
        ));
    }
    let formats: Vec<_> = plan.lists.iter().map(|l| l.format).collect();
    warnings.extend(left_out(&formats, &decision.list).iter().map(ToString::to_string));
    for list in &plan.lists {
        let rendered = list.format.render(&decision.list, &Meta::of(decision, until), &plan.render);
        warnings.extend(rendered.warnings.iter().map(ToString::to_string));
        write_all(&list.to, &rendered.files)?;
    }
    Ok(warnings)
}
