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
use super::block_feed::Tails;
use super::candidates::sparing;
use super::leave;
use super::options::BlockPlan;
use super::relays::relays;
use super::replay::complain;
use super::signals::{Sign, Signals};
use crate::capture::PacketSource;
use crate::config::Resolved;
use crate::evidence::{Family, Verdict};
use crate::firewall::{NeverBlock, Policy};
use crate::health::Counter;
use crate::intel::{CurrentIntel, Day, Geo, Intel};
use crate::ledger::{Alert, FlowFinding, Knowledge, Ledger, Overhearing, what_was_heard};
use crate::pipeline::{self, Ended, Merger, RunOptions, What};
use crate::sink::Report;
use crate::time::PacketTime;

/// Batches that may wait for the ledger.
const QUEUE: usize = 64;
/// A second interrupt after this long means "at once, without a report".
const IMPATIENT: Duration = Duration::from_secs(1);
/// How long an interface is read on after the end was asked for: the kernel hands frames over in batches, and the last
/// shares are in one that is not full yet.
const LAST_BATCH: Duration = Duration::from_millis(200);
/// How often a progress callback is called.
const TICK: Duration = Duration::from_millis(200);

/// What a session calls back.
pub(super) trait Listener {
    /// Frames are read, and signals are heard, from now on.
    fn begun(&mut self) {}
    /// Something new of a host and endpoint.
    fn alert(&mut self, alert: &Alert) -> Result<(), Failure>;
    /// Whether mining connections are to be told as they end.
    fn tells_flows(&self) -> bool {
        false
    }
    /// A mining connection that is over, where they are told.
    fn flow(&mut self, _flow: &FlowFinding) -> Result<(), Failure> {
        Ok(())
    }
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
    /// Goes on by another policy.
    fn obey(&mut self, resolved: &Resolved);
    /// What changed and was not taken, as sentences.
    fn refused(&mut self, sentences: &[String]);
    /// Since when flows are kept for the report, now and then: who runs for months cannot keep them all, and going
    /// through them takes time.
    fn keeps_since(&mut self) -> Option<PacketTime>;
}

/// Knowledge that was read anew.
#[derive(Default)]
#[cfg_attr(not(feature = "live"), allow(dead_code))] // nothing is followed there
pub(super) struct News {
    /// The feeds, if they changed and are to be used.
    pub(super) intel: Option<Intel>,
    /// The databases, likewise.
    pub(super) geo: Option<Geo>,
    /// The policy, likewise.
    pub(super) policy: Option<Resolved>,
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
    pub(super) news: Option<Following>,
    /// Who acts meanwhile.
    pub(super) companion: Option<&'a mut dyn Companion>,
    /// What is made of flows that nobody can read.
    pub(super) overhearing: Overhearing,
    /// Where new blocks are told of.
    pub(super) feeds: Tails,
}

impl World<'_> {
    /// One that stays as it is: what is read from a file must not depend on the day.
    pub(super) fn still(geo: Geo) -> Self {
        Self { geo, news: None, companion: None, overhearing: Overhearing::default(), feeds: Tails::default() }
    }
}

/// Files that are looked after.
pub(super) struct Following {
    /// What was read anew.
    pub(super) news: mpsc::Receiver<News>,
    /// Asks for another look at what is only read again when asked for.
    pub(super) ask: std::sync::mpsc::Sender<()>,
}

/// Starts to look after files that may change.
#[cfg(feature = "live")]
pub(super) fn follow(reload: super::reload::Reload) -> Result<Following, Failure> {
    let (tx, news) = mpsc::channel(1);
    let (ask, asked) = std::sync::mpsc::channel();
    std::thread::Builder::new()
        .name("reload".to_owned())
        .spawn(move || reload.run(&tx, &asked))
        .context("cannot start the thread that looks after the feeds")?;
    Ok(Following { news, ask })
}

/// A session that is over.
pub(super) struct Finished<S> {
    /// The source, with its problems.
    pub(super) source: S,
    /// What was found, without names and problems of the inputs.
    pub(super) report: Report,
    /// The latest packet time.
    pub(super) until: PacketTime,
    /// From when until when somebody was listened to, if anybody was.
    pub(super) listened: Option<(PacketTime, PacketTime)>,
    /// Whether it was interrupted.
    pub(super) interrupted: bool,
    /// Routers that DHCP servers named.
    pub(super) routers: Vec<std::net::IpAddr>,
    /// Resolvers that they named.
    pub(super) resolvers: Vec<std::net::IpAddr>,
    /// The policy in the end.
    pub(super) policy: Policy,
}

impl<S> Finished<S> {
    /// The plan, with what this network lives on, and the policy as it is in the end.
    pub(super) fn spare(&self, plan: &mut BlockPlan) {
        plan.policy.clone_from(&self.policy);
        let never = std::mem::take(&mut plan.never);
        plan.never = sparing(never, self.routers.iter().copied(), self.resolvers.iter().copied());
    }
}

/// Runs a source to its end, to an interrupt, or for `most`.
pub(super) fn run<'a, S: PacketSource + Send + 'static>(
    source: S,
    options: &RunOptions,
    world: World<'a>,
    policy: &Policy,
    most: Option<Duration>,
    listener: &'a mut dyn Listener,
) -> Result<Finished<S>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop (too many open files?)")?;
    runtime.block_on(collect(source, options.clone(), world, policy.clone(), most, listener))
}

async fn collect<'a, S: PacketSource + Send + 'static>(
    source: S,
    options: RunOptions,
    world: World<'a>,
    policy: Policy,
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
        overhearing: world.overhearing,
        feeds: world.feeds,
        policy,
        never: NeverBlock::new().with_local_machine(),
        listener,
        companion: world.companion,
        failure: None,
        stop: Arc::clone(&stop),
    };
    // Without news there is a channel that is closed.
    let (mut news, ask) = world.news.map_or_else(|| (mpsc::channel(1).1, None), |f| (f.news, Some(f.ask)));
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
    let mut signals = Signals::new(ask.is_some())?;
    let over = tokio::time::sleep(most.unwrap_or(Duration::MAX));
    let last = tokio::time::sleep(Duration::MAX);
    tokio::pin!(over, last);
    let grace = if ask.is_some() { LAST_BATCH } else { Duration::ZERO };
    let mut ending = false;
    right.listener.begun();
    let mut asked: Option<tokio::time::Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = &mut last, if ending && !stop.load(Ordering::Relaxed) => stop.store(true, Ordering::Relaxed),
            () = &mut over, if !ending => {
                ending = true;
                last.as_mut().reset(tokio::time::Instant::now() + grace);
            }
            sign = signals.next() => {
                if let (Sign::Reload, Some(ask)) = (sign, &ask) {
                    // A thread that is gone has said why.
                    let _gone = ask.send(());
                    continue;
                }
                if !std::mem::replace(&mut ending, true) {
                    last.as_mut().reset(tokio::time::Instant::now() + grace);
                }
                // timeout(1) and a closing terminal send it twice at once; a person takes longer.
                if asked.get_or_insert_with(tokio::time::Instant::now).elapsed() > IMPATIENT {
                    return Err(anyhow!("interrupted twice: nothing is reported"));
                }
            }
            Some(n) = news.recv() => {
                refused = right.learn(n, &current);
            }
            // Before findings, of which a flood never ends.
            _ = tick.tick() => {
                right.listener.progress(frames.load(Ordering::Relaxed));
                right.tick();
            }
            batch = rx.recv() => {
                let Some(batch) = batch else { break };
                for event in merger.push(batch) {
                    right.take(event.what);
                }
            }
        }
    }
    let interrupted = ending || stop.load(Ordering::Relaxed);
    let Ok(ended) = reader.join() else {
        return Err(anyhow!("the reader failed unexpectedly; please report this with the capture"));
    };
    right.finish(ended, interrupted, refused)
}

/// What is right of the workers: joins what they tell, keeps it, and passes news on.
struct Right<'a> {
    knowledge: Knowledge,
    ledger: Ledger,
    overhearing: Overhearing,
    feeds: Tails,
    policy: Policy,
    /// Whose word on names is believed.
    never: NeverBlock,
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
                self.over(*flow);
            }
            What::Claim(mut flow) => {
                self.overhearing.recall(&mut flow);
                self.knowledge.enrich(&mut flow);
                self.claim(&flow);
            }
            What::Beat(b) => self.overhearing.beat(&b.0, b.1),
            What::Job(job) => self.overhearing.job(&job),
            What::Unheard(u) => self.overhearing.end(&u),
            What::Overheard(heard) => {
                let over = heard.over;
                // What its hello and the feeds say of it counts, whatever it sounds like.
                let greeted = heard.finding.evidence.iter().any(|e| e.code.family() == Family::Unread);
                let mut flow = self.overhearing.weigh(*heard);
                if greeted && over && flow.verdict < Verdict::Suspected {
                    self.knowledge.enrich(&mut flow);
                    self.claim(&flow);
                    self.over(flow);
                    return;
                }
                if flow.verdict < Verdict::Suspected {
                    if over && self.overhearing.tells_all() {
                        self.ledger.flow(flow);
                    }
                    return;
                }
                self.knowledge.enrich(&mut flow);
                self.claim(&flow);
                let alert = Alert::of(&flow);
                let reason = what_was_heard(&flow).unwrap_or_else(|| alert.reason.clone());
                self.tell(Alert { reason, ..alert });
                if over {
                    self.tell_flow(&mut flow);
                    self.ledger.flow_again(flow);
                }
            }
            What::Unnamed(mut flow) => {
                self.overhearing.hello(&flow);
                if self.knowledge.leads_to_a_pool(&mut flow) {
                    let alert = Alert::of(&flow);
                    self.claim(&flow);
                    self.over(*flow);
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

    /// Keeps a flow that is over. Of a flood no more is told than is kept.
    fn over(&mut self, mut flow: FlowFinding) {
        self.tell_flow(&mut flow);
        self.ledger.flow(flow);
    }

    /// Tells of a flow that is over, where they are told.
    fn tell_flow(&mut self, flow: &mut FlowFinding) {
        if self.failure.is_none() && self.listener.tells_flows() && self.ledger.takes(flow) {
            flow.allowed = leave::may_mine(flow, &self.policy, &self.never);
            if let Err(e) = self.listener.flow(flow) {
                self.fail(e);
            }
        }
    }

    /// Nobody reads us any more: stop reading, too.
    fn fail(&mut self, e: Failure) {
        self.failure = Some(e);
        self.stop.store(true, Ordering::Relaxed);
    }

    fn claim(&mut self, flow: &FlowFinding) {
        if let Some(companion) = &mut self.companion {
            companion.claim(flow);
        }
    }

    fn tick(&mut self) {
        // Where nobody reads, nobody is told.
        drop(complain(&self.feeds.tick(self.overhearing.detect_mut())));
        if let Some(companion) = &mut self.companion {
            let said = companion.tick(&self.knowledge);
            // Where nobody reads, nobody is told.
            drop(complain(&said));
            if let Some(since) = companion.keeps_since() {
                self.ledger.forget_before(since);
            }
        }
    }

    /// The report, when everybody has ended. `refused`: what was refused on the way.
    fn finish<S>(self, ended: Ended<S>, interrupted: bool, mut refused: Vec<String>) -> Result<Finished<S>, Failure> {
        let Ended { source, mut health, times } = ended;
        let Self { knowledge, mut ledger, overhearing, failure, policy, .. } = self;
        if let Some(e) = failure {
            return Err(e);
        }
        let (tally, listened) = (overhearing.tally(), overhearing.listened());
        health.add_n(Counter::BeatsForgotten, tally.evicted + tally.refused + tally.crowded + tally.addresses);
        health.add_n(Counter::BeatsLate, tally.late);
        health.add_n(Counter::RetiredMatches, knowledge.retired);
        health.add_n(Counter::StaleFeeds, refused.len() as u64);
        let (until, day) = (times.until, Day::of(times.usual));
        for list in knowledge.intel.lists().iter().filter(|l| l.is_stale(day)) {
            health.add(Counter::StaleFeeds);
            let date = list.date.map(|d| d.to_string()).unwrap_or_default();
            refused.push(format!("{} is of {date} and stale: minewatch feeds update, or a newer file", list.name));
        }
        let dropped = ledger.dropped();
        health.add_n(Counter::AsidesForgotten, ledger.asides_forgotten());
        let contacts = ledger.take_contacts(&knowledge);
        let hosts = ledger.into_hosts();
        let relays = relays(&hosts, &policy);
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
        Ok(Finished { source, report, until, listened, interrupted, routers, resolvers, policy })
    }

    /// Takes what was read anew. What is refused.
    fn learn(&mut self, n: News, current: &CurrentIntel) -> Vec<String> {
        // Where nobody reads, nobody is told.
        drop(complain(&n.said));
        if let Some(intel) = n.intel {
            // Workers take it before their next batch. What flows and look-ups have taught so far stays.
            current.replace(intel.clone());
            self.knowledge.intel = intel;
        }
        if let Some(geo) = n.geo {
            self.knowledge.geo = geo;
        }
        if let Some(resolved) = n.policy {
            self.obey(resolved);
        }
        if let Some(companion) = &mut self.companion {
            companion.refused(&n.refused);
        }
        n.refused
    }

    /// Goes on by another policy.
    fn obey(&mut self, resolved: Resolved) {
        if let Some(companion) = &mut self.companion {
            companion.obey(&resolved);
        }
        self.policy = resolved.policy;
    }

    /// Tells of a level, if it is new and nothing that the operator allows.
    fn tell(&mut self, alert: Alert) {
        if !leave::may_go_on(&alert, &self.policy, &self.never)
            && let Some(alert) = self.ledger.alert(alert)
        {
            if let Some(companion) = &mut self.companion {
                companion.alert(&alert);
            }
            if self.failure.is_none()
                && let Err(e) = self.listener.alert(&alert)
            {
                self.fail(e);
            }
        }
    }
}
