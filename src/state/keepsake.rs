//! Book, incidents and store together, as a run that lives long wants them.
//!
//! In: decisions and findings as they come, and the time. Out: what holds, what changed, and sentences for the log when
//! saving stops working and when it works again. Never fails: without a disk everything is kept in memory, and tried
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::batch::Batch;
use super::problem::StateError;
use super::store::{Health, HostKeyRow, HostRow, Loaded, Store};
use crate::decode::Tenant;
use crate::evidence::Verdict;
use crate::firewall::{Book, Changes, Decision, Item, Limits, NeverBlock, Policy, Proto, Target};
use crate::ledger::{Alert, FlowFinding, Identity, IncidentKey, Incidents, Patience, Seen, Step};
use crate::text::counted;
use crate::time::PacketTime;

/// How long after a failure the next attempt is.
const RETRY: Duration = Duration::from_secs(10);
/// Hosts remembered at a time.
const MAX_HOSTS: usize = 65_536;

/// What is remembered, in memory and on disk.
#[derive(Debug)]
pub struct Keepsake {
    dir: Option<PathBuf>,
    store: Option<Store>,
    book: Book,
    incidents: Incidents,
    hosts: BTreeMap<HostKeyRow, HostRow>,
    touched_hosts: BTreeSet<HostKeyRow>,
    /// Why there is no store, since when, and when it is tried again.
    without: Option<(StateError, PacketTime)>,
    retry: Option<PacketTime>,
}

impl Keepsake {
    /// With what the folder holds, and sentences about what was not as it should be. Without a folder nothing is saved.
    pub fn load(
        dir: Option<&Path>,
        (limits, patience): (Limits, Patience),
        policy: &Policy,
        now: PacketTime,
    ) -> (Self, Vec<String>) {
        let mut k = Self {
            dir: dir.map(Path::to_owned),
            store: None,
            book: Book::new(limits),
            incidents: Incidents::new(patience),
            hosts: BTreeMap::new(),
            touched_hosts: BTreeSet::new(),
            without: None,
            retry: None,
        };
        let mut said = k.open(policy, now);
        said.extend(k.without.as_ref().map(|(e, _)| not_saved(e)));
        (k, said)
    }

    /// Takes a decision as it stands now; may be called as often as one likes.
    pub fn merge_decision(&mut self, d: &Decision, policy: &Policy, now: PacketTime) -> Changes {
        self.book.offer(d, policy, now)
    }

    /// Takes a finding: its host, and its incident.
    pub fn see(&mut self, f: &FlowFinding) -> Option<Step> {
        let s = Seen::of(f);
        self.see_host(&s, f.identity.as_ref());
        self.incidents.see(s)
    }

    /// The same for an alert.
    pub fn see_alert(&mut self, a: &Alert) -> Option<Step> {
        let s = Seen::of_alert(a);
        self.see_host(&s, a.identity.as_ref());
        self.incidents.see(s)
    }

    /// Other limits of the book from now on.
    pub fn limit(&mut self, limits: Limits) {
        self.book.limit(limits);
    }

    /// Tells that a firewall holds entries now that it did not hold before.
    pub fn contained(&mut self, items: &BTreeSet<Item>, now: PacketTime) -> Vec<Step> {
        let is_cut = |key: &IncidentKey| {
            let addr = key.pool.ip().to_canonical();
            let services = [None, Some((Proto::Tcp, key.pool.port())), Some((Proto::Udp, key.pool.port()))];
            let host = Some(key.host.ip.to_canonical()).filter(|_| key.host.tenant == Tenant::None);
            let at = |from| {
                let targets = services.into_iter().map(|service| Item::Endpoint(Target { addr, service, from }));
                targets.into_iter().any(|item| items.contains(&item))
            };
            at(None) || host.is_some_and(|host| at(Some(host)) || items.contains(&Item::Host(host)))
        };
        self.incidents.contain(is_cut, now)
    }

    /// What became of entries and incidents by the passing of time. To be called about once a second.
    pub fn tick(&mut self, policy: &Policy, now: PacketTime) -> (Changes, Vec<Step>) {
        (self.book.expire(policy, now), self.incidents.tick(now))
    }

    /// The list that holds now, through the last gate again.
    pub fn list(&self, policy: &Policy, never: &NeverBlock, now: PacketTime) -> Decision {
        self.book.list(policy, never, now)
    }

    /// Takes orders that another program wrote into the store: what changed by them, if anybody wrote there.
    pub fn reload_if_changed(&mut self, now: PacketTime) -> Option<Changes> {
        let store = self.store.as_mut()?;
        if !store.changed() {
            return None;
        }
        // Who saves next will tell of an error.
        let orders = store.load_orders(true).ok()?;
        Some(self.book.obey_orders(orders.book, now))
    }

    /// Saves what changed. A sentence when saving stops working, and when it works again.
    pub fn save_dirty(&mut self, policy: &Policy, now: PacketTime) -> Vec<String> {
        if self.dir.is_none() || self.retry.is_some_and(|at| now < at && at.since(now) <= RETRY) {
            return Vec::new();
        }
        let failed_before = self.retry.take().is_some();
        let mut said = Vec::new();
        if self.store.is_none() {
            said.extend(self.open(policy, now));
        }
        let Some(store) = &mut self.store else {
            self.retry = Some(now.plus(RETRY));
            return said;
        };
        let mut batch = Batch::default();
        batch.entries(self.book.take_touched());
        batch.incidents(self.incidents.take_touched());
        let hosts = std::mem::take(&mut self.touched_hosts);
        batch.hosts(hosts.iter().filter_map(|k| self.hosts.get(k).cloned()));
        match store.save(batch, now) {
            Ok(()) if failed_before => said.push("state is saved again, with all that waited".to_owned()),
            Ok(()) => {}
            Err(e) => {
                self.retry = Some(now.plus(RETRY));
                if !failed_before {
                    said.push(not_saved(&e));
                }
                if e.is_damage() {
                    // The next attempt opens another one, which has nothing of this.
                    self.store = None;
                    self.without = Some((e, now));
                    self.touch_all();
                }
            }
        }
        said
    }

    /// Whether what should be saved is saved.
    pub fn health(&self) -> Health {
        match (&self.store, &self.without) {
            (Some(store), _) => store.health().clone(),
            (None, Some((why, since))) => Health {
                unsaved: self.book.len() + self.incidents.iter().count() + self.hosts.len(),
                since: Some(*since),
                lost: 0,
                why: Some(why.clone()),
            },
            (None, None) => Health::default(),
        }
    }

    /// The book.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Hosts that were ever found to mine, and are remembered.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// The incidents.
    pub fn incidents(&self) -> &Incidents {
        &self.incidents
    }

    fn open(&mut self, policy: &Policy, now: PacketTime) -> Vec<String> {
        let Some(dir) = &self.dir else { return Vec::new() };
        let opened = Store::open(dir).and_then(|mut o| {
            // Large is better than not open: on a full disk nothing can be deleted either.
            drop(o.store.prune());
            let loaded = o.store.load()?;
            Ok((o, loaded))
        });
        match opened {
            Ok((opened, loaded)) => {
                let mut said = opened.warnings;
                said.extend(left_out(opened.store.path(), &loaded));
                self.take(loaded, policy, now);
                self.store = Some(opened.store);
                self.without = None;
                said
            }
            Err(e) => {
                let mut said = Vec::new();
                // What was saved while that was possible holds all the same.
                if self.without.is_none()
                    && let Some(loaded) = Store::peek(dir)
                {
                    said.extend(left_out(dir, &loaded));
                    self.take(loaded, policy, now);
                }
                let since = self.without.as_ref().map_or(now, |(_, since)| *since);
                self.without = Some((e, since));
                self.retry = Some(now.plus(RETRY));
                said
            }
        }
    }

    fn take(&mut self, loaded: Loaded, policy: &Policy, now: PacketTime) {
        self.book.load(loaded.book, policy, now);
        self.incidents.load(loaded.incidents);
        let room = MAX_HOSTS.saturating_sub(self.hosts.len());
        for h in loaded.hosts.into_iter().take(room) {
            self.hosts.entry(h.key).or_insert(h);
        }
    }

    fn touch_all(&mut self) {
        self.book.touch_all();
        self.incidents.touch_all();
        self.touched_hosts.extend(self.hosts.keys());
    }

    fn see_host(&mut self, s: &Seen, identity: Option<&Identity>) {
        let key = HostKeyRow { host: s.key.host, mac: identity.map(|i| i.mac) };
        let name = identity.and_then(|i| i.hostname.as_deref()).map(str::to_owned);
        let room = self.hosts.len() < MAX_HOSTS;
        match self.hosts.get_mut(&key) {
            Some(h) => {
                h.first = h.first.min(s.first);
                h.last_seen = h.last_seen.max(s.last);
                h.verdict = h.verdict.max(s.verdict);
                h.name = name.or(h.name.take());
            }
            None if room && s.verdict > Verdict::Noted => {
                let host = HostRow { key, name, first: s.first, last_seen: s.last, verdict: s.verdict };
                self.hosts.insert(key, host);
            }
            None => return,
        }
        self.touched_hosts.insert(key);
    }
}

fn left_out(path: &Path, loaded: &Loaded) -> Option<String> {
    let n = loaded.dropped;
    (n > 0).then(|| {
        let rows = counted(n, "row is not what it", "rows are not what they");
        format!("{}: {rows} should be, and left out", path.display())
    })
}

fn not_saved(e: &StateError) -> String {
    format!("state is NOT saved: {e}; detection and blocking go on")
}
