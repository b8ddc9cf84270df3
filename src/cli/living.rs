//! What a `watch` does right away: remembers what it found, and tells the kernel's firewall what is cut off.
//!
//! In: claims of flows as they go on, levels, the wall clock. Out: a [`Keepsake`] that is saved, a kernel that holds what
//! the book says, sentences. The kernel is told from a thread of its own: a firewall with a hundred thousand entries
//! takes seconds, and neither packets nor findings wait for it.

mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::Failure;
use super::candidates::{decision, sparing};
use super::lists::Held;
use super::options::BlockPlan;
use super::remembered::now;
use super::session::Companion;
use super::spared::Spared;
use crate::config::Resolved;
use crate::enforce::{Block, Choice, Connections, Enforcer, Isolated, Keeper, Options, Refused, Tick, Wanted};
use crate::evidence::Verdict;
use crate::firewall::{Changes, Decision, HostRefusal, Item, Lives, NeverBlock, Policy, Reason};
use crate::ledger::{Alert, FlowFinding, Knowledge, Patience};
use crate::serve::{self, Board};
use crate::sink::Report;
use crate::state::Keepsake;
use crate::time::PacketTime;

/// Claims of flows kept. A flow that goes on tells again within a minute.
const MAX_CLAIMS: usize = 65_536;
/// Share of them that claims without a verified handshake may fill: a forged packet makes such a one.
const UNVERIFIED_SHARE: usize = 2;
/// Hosts remembered of which it was told that they are not isolated.
const MAX_SPARED: usize = 1_024;
/// How long a claim counts that is not repeated.
const CLAIM_LIVES: Duration = Duration::from_mins(5);
/// How long flows that ended are kept for the report.
const KEPT: Duration = Duration::from_hours(24);
/// How often flows that are too old are looked for.
const FORGET_EVERY: Duration = Duration::from_mins(10);
/// How often what is not urgent is done.
const SLOWLY: Duration = Duration::from_secs(1);
/// How often the keeper of the kernel has its turn when there is nothing new.
const TURN: Duration = Duration::from_millis(500);
/// What is told first where nothing is done.
const DRY_RUN: &str = "dry run: nothing is cut off, isolated, blocked or saved; what would be is told";
/// Entries that a sentence is told of each time; of more only their number.
const TOLD: usize = 16;

/// What becomes of what is decided.
pub(super) enum How {
    /// The kernel is told, and asked so often whether it still holds it.
    Apply {
        /// Which firewall.
        backend: Choice,
        /// How often it is looked whether it still holds what it should.
        look_every: Duration,
        /// Which feeds say what is shared, as arguments.
        feeds: Vec<OsString>,
    },
    /// The operator is told what would be.
    Say,
    /// It is kept in the book.
    Remember,
}

/// Acts while a session goes on.
pub(super) struct Living {
    policy: Policy,
    never: NeverBlock,
    keepsake: Keepsake,
    claims: HashMap<u64, Claim>,
    /// Something is new that the gate has not looked at.
    dirty: bool,
    kernel: Option<Kernel>,
    /// What would be told the kernel, if it were.
    dry: bool,
    slowly: Option<Instant>,
    forgot: Option<Instant>,
    /// What is new in the book and a matter of the kernel, with when its conversation began.
    fresh: HashMap<Item, PacketTime>,
    /// There is a flood of entries, or of hosts, which was told of.
    alarmed: (bool, bool),
    /// Hosts of which it was told that they are not isolated.
    spared_hosts: BTreeSet<IpAddr>,
    spared: Spared,
    /// Where others find how things stand.
    board: Board,
    dir: Option<PathBuf>,
}

struct Claim {
    flow: FlowFinding,
    heard: Instant,
}

/// The thread that keeps the kernel at what is wanted.
struct Kernel {
    wanted: Sender<Wanted>,
    done: Receiver<(Tick, BTreeSet<Item>)>,
    thread: JoinHandle<()>,
}

/// What was opened while there were rights for it, and has not begun.
pub(super) struct Opened {
    living: Living,
    enforcer: Option<(Enforcer, Duration)>,
    said: Vec<String>,
}

impl Opened {
    /// Begins: tells the kernel what holds from before. Sentences about what is not as it should be.
    pub(super) fn begin(self) -> Result<(Living, Vec<String>), Failure> {
        let Self { mut living, enforcer, mut said } = self;
        living.kernel = enforcer
            .map(|(enforcer, look_every)| Kernel::start(enforcer, look_every, living.board.clone()))
            .transpose()?;
        let held = living.tell_kernel();
        living.show();
        if living.dry {
            said.push(DRY_RUN.to_owned());
        }
        said.extend(words::from_before(held, living.dry));
        Ok((living, said))
    }
}

impl Living {
    /// Loads what was remembered in `dir`, and starts the process that tells the kernel, if `how` says so.
    pub(super) fn open(plan: &BlockPlan, dir: Option<&Path>, how: How, board: Board) -> Result<Opened, Failure> {
        let policy = Policy { lives: Lives::FromLastPacket, ..plan.policy.clone() };
        let (keepsake, said) = Keepsake::load(dir, (plan.limits.book(), Patience::default()), &policy, now());
        let dry = matches!(how, How::Say);
        board.dry_run(dry);
        let enforcer = match how {
            How::Apply { backend, look_every, feeds: more } => {
                let allow_documentation = policy.allow_documentation;
                let options = Options { backend, allow_documentation, more, ..Options::default() };
                Some((Enforcer::spawn(options)?, look_every))
            }
            How::Say | How::Remember => None,
        };
        let living = Self {
            never: plan.never.clone(),
            policy,
            keepsake,
            claims: HashMap::new(),
            dirty: false,
            kernel: None,
            dry,
            slowly: None,
            forgot: None,
            fresh: HashMap::new(),
            alarmed: (false, false),
            spared_hosts: BTreeSet::new(),
            spared: Spared::default(),
            board,
            dir: dir.map(Path::to_owned),
        };
        Ok(Opened { living, enforcer, said })
    }

    /// Entries and isolated hosts that the kernel was told of.
    fn tell_kernel(&mut self) -> (usize, usize) {
        let at = now();
        let d = self.keepsake.list(&self.policy, &self.never, at);
        let wanted = wanted(&d, &self.policy);
        let held = (wanted.block.len(), wanted.isolate.len());
        self.board.list(d, at, self.policy.scope);
        if let Some(kernel) = &self.kernel {
            // A thread that is gone has said why.
            drop(kernel.wanted.send(wanted));
        }
        held
    }

    /// Shows what is remembered to those who ask, and the list again if life times have moved on.
    fn show(&self) {
        let mut incidents = serve::Incidents::default();
        for i in self.keepsake.incidents().iter() {
            incidents.add(i.state);
        }
        let health = self.keepsake.health();
        self.board.kept(serve::Kept { dir: self.dir.clone(), health, hosts: self.keepsake.hosts(), incidents });
        let at = now();
        if self.board.wants_a_list(at) {
            self.board.list(self.keepsake.list(&self.policy, &self.never, at), at, self.policy.scope);
        }
    }

    /// Takes what changed in the book: tells the kernel, and the operator.
    fn changed(&mut self, changes: &Changes, said: &mut Vec<String>) {
        if changes.is_empty() {
            return;
        }
        self.tell_kernel();
        for item in changes.added.iter().take(TOLD) {
            // Told when the kernel has it, if it is the kernel's to hold.
            let of_kernel = !matches!(item, Item::Name(_));
            if self.kernel.is_none() || !of_kernel {
                said.push(words::is_new(item, &self.who(item), &self.why(item), self.dry));
            }
            if item.endpoint().is_some_and(|t| t.from.is_some()) && self.board.is_serving() {
                said.push(format!("{item} is in those lists only that say which host is cut off, such as nft"));
            }
            if of_kernel {
                let flows = self.claims.values().map(|c| &c.flow).filter(|f| words::concerns(f, item));
                let first = flows.map(|f| f.first.time).max();
                self.fresh.insert(item.clone(), first.unwrap_or_else(now));
            }
        }
        if changes.added.len() > TOLD {
            said.push(format!("and {} more", changes.added.len() - TOLD));
        }
        said.extend(changes.ended.iter().take(TOLD).map(|item| words::is_over(item, self.dry)));
    }

    /// Tells of a flood when it begins, and of quiet hours.
    fn alarm(&mut self, changes: &Changes, said: &mut Vec<String>) {
        let before = std::mem::replace(&mut self.alarmed, (changes.waiting > 0, changes.hosts_waiting > 0));
        let begins = (self.alarmed.0 && !before.0) || (self.alarmed.1 && !before.1);
        said.extend(changes.alarm().filter(|_| begins));
        said.extend(words::quiet(changes, self.dry).map(str::to_owned));
    }

    /// Tells, once, of infected hosts that stay connected because others depend on them, or nobody knows them.
    fn spare(&mut self, refusals: &[HostRefusal], said: &mut Vec<String>) {
        for r in refusals {
            let is_news = !r.reason.is_about_one_conversation() && r.reason != Reason::AllowListed;
            if is_news && self.spared_hosts.len() < MAX_SPARED && self.spared_hosts.insert(r.host) {
                let mines = format!("{} mines and", r.host);
                said.push(words::is_not(&mines, "isolated", &r.reason, self.dry));
            }
        }
    }

    fn who(&self, item: &Item) -> String {
        words::used_by(self.claims.values().map(|c| &c.flow), item)
    }

    fn why(&self, item: &Item) -> String {
        self.keepsake.book().record(item).map(words::why_isolated).unwrap_or_default()
    }

    /// Whether a claim is kept. Whoever forges packets can make any number of those that nothing verifies.
    fn has_room_for(&self, f: &FlowFinding) -> bool {
        let verified = f.handshake_verified && !f.one_way;
        let most = if verified { MAX_CLAIMS } else { MAX_CLAIMS / UNVERIFIED_SHARE };
        self.claims.len() < most || self.claims.contains_key(&f.flow_id)
    }

    /// What the kernel's keeper did meanwhile.
    fn heard_of_kernel(&mut self, said: &mut Vec<String>) {
        let Some(kernel) = &self.kernel else { return };
        let ticks: Vec<_> = kernel.done.try_iter().collect();
        for (tick, holds) in ticks {
            match tick {
                Tick::Idle => {}
                Tick::Applied(a) => {
                    let at = now();
                    let fresh: BTreeMap<_, _> = self.fresh.extract_if(|item, _| holds.contains(item)).collect();
                    for (item, first) in &fresh {
                        let took = at.since(*first).as_secs_f64();
                        said.push(match item {
                            Item::Host(host) => format!("isolated {host}: {}", self.why(item)),
                            item => {
                                let who = self.who(item);
                                // An order has no connection that it could be late for.
                                if who.is_empty() {
                                    said.push(format!("cut off {item}, by order"));
                                    continue;
                                }
                                self.board.cut(at.since(*first));
                                format!("cut off {item}{who}, {took:.2} s after the first packet of the connection")
                            }
                        });
                    }
                    if let Connections::Unknown(why) = &a.connections {
                        said.push(format!("open connections were not looked up ({why}); their next packet ends them"));
                    }
                    said.extend(a.refused.iter().map(refused));
                    self.keepsake.contained(&fresh.into_keys().collect(), at);
                }
                Tick::Repaired(drift, _) => {
                    said.push(format!("somebody changed what the firewall holds ({drift}); it holds it again"));
                }
                Tick::Failed(why) => said.push(format!("NOT cut off: {why}; it is tried again")),
            }
        }
    }
}

fn refused(r: &Refused) -> String {
    match r {
        Refused::Block { target, why } => format!("{target} is not cut off: {why}"),
        Refused::Isolate { host, why } => format!("{host} is not isolated: {why}"),
    }
}

/// What of a decision is the kernel's to hold.
fn wanted(d: &Decision, policy: &Policy) -> Wanted {
    let keep = &policy.isolation.keep;
    Wanted {
        block: d.list.entries().iter().map(|e| Block { target: e.target, ttl_secs: e.ttl_secs }).collect(),
        isolate: d.hosts.iter().map(|h| Isolated { host: h.host, ttl_secs: h.ttl_secs, keep: keep.clone() }).collect(),
    }
}

impl Companion for Living {
    fn claim(&mut self, f: &FlowFinding) {
        self.keepsake.see(f);
        if f.verdict < Verdict::Suspected {
            return;
        }
        if self.has_room_for(f) {
            self.claims.insert(f.flow_id, Claim { flow: f.clone(), heard: Instant::now() });
            self.dirty = true;
        }
    }

    fn alert(&mut self, a: &Alert) {
        self.keepsake.see_alert(a);
    }

    fn tick(&mut self, knowledge: &Knowledge) -> Vec<String> {
        let (mut said, at) = (Vec::new(), now());
        if std::mem::take(&mut self.dirty) {
            let identities = &knowledge.identities;
            let never = sparing(self.never.clone(), identities.routers(), identities.resolvers());
            let d = decision(self.claims.values().map(|c| &c.flow), &self.policy, &never, at);
            let changes = self.keepsake.merge_decision(&d, &self.policy, at);
            self.never = never;
            self.spare(&d.host_refusals, &mut said);
            self.alarm(&changes, &mut said);
            self.changed(&changes, &mut said);
            for r in self.spared.news(&d, Instant::now()) {
                let done = format!("cut off{}", self.who(&Item::Endpoint(r.target)));
                said.push(words::is_not(&r.target, &done, &r.text(), self.dry));
            }
        }
        if self.never.learn(knowledge.intel.fronts()) {
            // What is in the book is judged anew whenever it is listed.
            self.tell_kernel();
        }
        let due = self.slowly.is_none_or(|last| last.elapsed() >= SLOWLY);
        if due {
            self.slowly = Some(Instant::now());
            self.claims.retain(|_, c| c.heard.elapsed() <= CLAIM_LIVES);
            let (changes, _) = self.keepsake.tick(&self.policy, at);
            self.alarm(&changes, &mut said);
            self.changed(&changes, &mut said);
            self.take_orders(at, &mut said);
            if !self.dry {
                said.extend(self.keepsake.save_dirty(&self.policy, at));
            }
            self.show();
        }
        self.heard_of_kernel(&mut said);
        said
    }

    fn obey(&mut self, resolved: &Resolved) {
        self.policy = Policy { lives: Lives::FromLastPacket, ..resolved.policy.clone() };
        self.keepsake.limit(resolved.limits.book());
        // What is in the book is judged anew whenever it is listed.
        self.tell_kernel();
        self.dirty = true;
    }

    fn refused(&mut self, sentences: &[String]) {
        self.board.refused(sentences);
    }

    fn keeps_since(&mut self) -> Option<PacketTime> {
        if self.forgot.is_some_and(|last| last.elapsed() < FORGET_EVERY) {
            return None;
        }
        self.forgot = Some(Instant::now());
        let kept = i64::try_from(KEPT.as_nanos()).unwrap_or(i64::MAX);
        Some(PacketTime::from_nanos(now().as_nanos().saturating_sub(kept)))
    }
}

impl Living {
    /// What other programs ordered since.
    fn take_orders(&mut self, at: PacketTime, said: &mut Vec<String>) {
        if let Some(mut changes) = self.keepsake.reload_if_changed(at) {
            said.push("orders were given by another program".to_owned());
            let d = self.keepsake.list(&self.policy, &self.never, at);
            // Who gave the order may not have known what is spared here.
            let refused = d.refusals.iter().map(|r| (Item::Endpoint(r.target), r.text()));
            let refused: BTreeMap<_, _> = refused.filter(|(item, _)| changes.added.contains(item)).collect();
            changes.added.retain(|item| !refused.contains_key(item));
            self.changed(&changes, said);
            let dry = self.dry;
            said.extend(refused.iter().take(TOLD).map(|(item, why)| words::is_not(item, "blocked", why, dry)));
            said.extend(d.host_refusals.iter().map(|r| words::is_not(&r.host, "isolated", &r.reason, dry)));
        }
    }

    /// The session is over: takes what its report says besides, saves, and leaves the kernel to the entries' own life
    /// times. Sentences, and what is in force.
    pub(super) fn end(mut self, report: &Report) -> (Vec<String>, Option<Held>) {
        let (mut said, at) = (Vec::new(), now());
        self.take_orders(at, &mut said);
        let flows = report.hosts.iter().flat_map(|h| h.flows.iter());
        let d = decision(flows, &self.policy, &self.never, at);
        let changes = self.keepsake.merge_decision(&d, &self.policy, at);
        self.alarm(&changes, &mut said);
        self.changed(&changes, &mut said);
        let decision = self.keepsake.list(&self.policy, &self.never, at);
        let held = (!self.dry).then_some(Held { decision, at });
        if !self.dry {
            said.extend(self.keepsake.save_dirty(&self.policy, at));
        }
        if let Some(Kernel { wanted, thread, .. }) = self.kernel.take() {
            drop(wanted);
            drop(thread.join());
            said.push(
                "what is cut off stays so until its time is over; minewatch apply --remove takes it away".to_owned(),
            );
        }
        (said, held)
    }
}

impl Kernel {
    fn start(enforcer: Enforcer, look_every: Duration, board: Board) -> Result<Self, Failure> {
        let (wanted, orders) = channel::<Wanted>();
        let (tell, done) = channel();
        let work = move || {
            let mut keeper = Keeper::new(enforcer, look_every);
            let mut holds = BTreeSet::new();
            loop {
                match orders.recv_timeout(TURN) {
                    Ok(mut w) => {
                        // Of several only the latest counts.
                        while let Ok(newer) = orders.try_recv() {
                            w = newer;
                        }
                        let hosts = w.isolate.iter().map(|i| Item::Host(i.host));
                        holds = w.block.iter().map(|b| Item::Endpoint(b.target)).chain(hosts).collect();
                        keeper.want(&w, Instant::now());
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                let tick = keeper.tick(Instant::now());
                board.kernel(keeper.status());
                match tick {
                    Tick::Idle => {}
                    told => drop(tell.send((told, holds.clone()))),
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("kernel".to_owned())
            .spawn(work)
            .context("cannot start the thread that tells the firewall")?;
        Ok(Self { wanted, done, thread })
    }
}

#[cfg(test)]
mod tests;
