//! The store: rows in, rows out.
//!
//! In: batches. Out: everything that was saved, and whether another program wrote since. A batch is saved as a whole or
//! not at all; what could not be saved is kept, within bounds, and goes with the next one.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::batch::Batch;
use super::problem::StateError;
use super::{rows, schema};
use crate::decode::MacAddr;
use crate::evidence::Verdict;
use crate::firewall::Saved;
use crate::ledger::{HostKey, Incident};
use crate::time::PacketTime;

/// Rows read of one table; whatever else is in a file.
const MAX_ROWS: usize = 262_144;
/// Rows of hosts and of incidents that a database may hold before the oldest are deleted.
const MAX_KEPT: i64 = 131_072;

/// A machine at an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HostKeyRow {
    /// Tenant and address.
    pub host: HostKey,
    /// Hardware address, where known.
    pub mac: Option<MacAddr>,
}

/// What is remembered of a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostRow {
    /// Which.
    pub key: HostKeyRow,
    /// How the machine calls itself.
    pub name: Option<String>,
    /// First packet of mining.
    pub first: PacketTime,
    /// Last packet of mining.
    pub last_seen: PacketTime,
    /// The highest level so far.
    pub verdict: Verdict,
}

/// Everything that was saved.
#[derive(Clone, Default, Debug)]
pub struct Loaded {
    /// Entries and releases.
    pub book: Saved,
    /// Incidents.
    pub incidents: Vec<Incident>,
    /// Hosts.
    pub hosts: Vec<HostRow>,
    /// Rows that are not what they should be, and were left out.
    pub dropped: usize,
}

/// Whether what should be saved is saved.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Health {
    /// Things that wait for the disk.
    pub unsaved: usize,
    /// Since when nothing could be saved.
    pub since: Option<PacketTime>,
    /// Things that did not fit what is kept, and are lost to the disk unless they change again.
    pub lost: u64,
    /// Why.
    pub why: Option<StateError>,
}

/// A database that is open.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    path: PathBuf,
    unsaved: Batch,
    health: Health,
    /// What the database said of its version when it was last asked; it changes when another connection writes.
    seen: i64,
}

impl Store {
    pub(super) fn new(db: Connection, path: PathBuf) -> Result<Self, StateError> {
        let mut store = Self { db, path, unsaved: Batch::default(), health: Health::default(), seen: 0 };
        store.seen = store.version().map_err(|e| store.error("read", &e))?;
        Ok(store)
    }

    /// The database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything that was saved. What is in a row is typed, and has passed no gate.
    pub fn load(&mut self) -> Result<Loaded, StateError> {
        let mut l = self.load_orders(false)?;
        l.incidents = self.read(schema::SELECT_INCIDENTS, &mut l.dropped, rows::incident)?;
        l.hosts = self.read(schema::SELECT_HOSTS, &mut l.dropped, rows::host)?;
        Ok(l)
    }

    /// Entries and releases only; of entries, if so wanted, only an operator's.
    pub fn load_orders(&mut self, manual_only: bool) -> Result<Loaded, StateError> {
        let mut l = Loaded::default();
        let of = if manual_only { " WHERE origin = 'manual'" } else { "" };
        // Those first that live longest, as there may be too many.
        let entries = format!("{}{of} ORDER BY expires DESC", schema::SELECT_ENTRIES);
        l.book.records = self.read(&entries, &mut l.dropped, rows::entry)?;
        l.book.releases = self.read(schema::SELECT_RELEASED, &mut l.dropped, rows::release)?;
        Ok(l)
    }

    /// Saves a batch, and what could not be saved before. `now` is the time by which an operator's orders end.
    pub fn save(&mut self, batch: Batch, now: PacketTime) -> Result<(), StateError> {
        self.health.lost += self.unsaved.take(batch) as u64;
        if self.unsaved.is_empty() {
            return Ok(());
        }
        match write(&mut self.db, &self.unsaved, now) {
            Ok(()) => {
                self.unsaved = Batch::default();
                self.health = Health { lost: self.health.lost, ..Health::default() };
                Ok(())
            }
            Err(e) => {
                let e = self.error("written", &e);
                self.health.unsaved = self.unsaved.len();
                self.health.since.get_or_insert(now);
                self.health.why = Some(e.clone());
                Err(e)
            }
        }
    }

    /// Whether another program wrote since this was last called.
    pub fn changed(&mut self) -> bool {
        match self.version() {
            Ok(version) => std::mem::replace(&mut self.seen, version) != version,
            // It will be told by who saves.
            Err(_) => false,
        }
    }

    /// Whether what should be saved is saved.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Deletes the oldest hosts and closed incidents of a database that grew large.
    pub fn prune(&mut self) -> Result<(), StateError> {
        let sql = |table: &str, which: &str| {
            format!(
                "DELETE FROM {table} WHERE {which} AND last_seen < \
                 (SELECT last_seen FROM {table} ORDER BY last_seen DESC LIMIT 1 OFFSET {MAX_KEPT})"
            )
        };
        let both = [sql("hosts", "1"), sql("incidents", "state = 'closed'")];
        both.iter().try_for_each(|s| self.db.execute(s, []).map(drop)).map_err(|e| self.error("written", &e))
    }

    fn version(&self) -> rusqlite::Result<i64> {
        self.db.pragma_query_value(None, "data_version", |row| row.get(0))
    }

    fn error(&self, what: &'static str, e: &rusqlite::Error) -> StateError {
        StateError::sqlite(&self.path, what, e)
    }

    fn read<T>(&self, sql: &str, dropped: &mut usize, of: fn(&Row<'_>) -> Option<T>) -> Result<Vec<T>, StateError> {
        let fail = |e: rusqlite::Error| self.error("read", &e);
        let mut all = Vec::new();
        let mut statement = self.db.prepare(sql).map_err(fail)?;
        let mut found = statement.query([]).map_err(fail)?;
        while let Some(row) = found.next().map_err(fail)? {
            match of(row) {
                Some(value) if all.len() < MAX_ROWS => all.push(value),
                _ => *dropped += 1,
            }
            if *dropped > 4 * MAX_ROWS {
                break;
            }
        }
        Ok(all)
    }
}

fn write(db: &mut Connection, batch: &Batch, now: PacketTime) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let (mut put, mut delete) = (tx.prepare(rows::UPSERT_ENTRY)?, tx.prepare(rows::DELETE_ENTRY)?);
        for ((item, origin), record) in &batch.entries {
            match record {
                Some(r) => rows::put_entry(&mut put, r)?,
                None => rows::delete_entry(&mut delete, item, *origin)?,
            };
        }
        let mut put = tx.prepare(rows::UPSERT_RELEASE)?;
        batch.releases.values().try_for_each(|r| rows::put_release(&mut put, r).map(drop))?;
        let mut put = tx.prepare(rows::UPSERT_HOST)?;
        batch.hosts.values().try_for_each(|h| rows::put_host(&mut put, h).map(drop))?;
        let (mut put, mut delete) = (tx.prepare(rows::UPSERT_INCIDENT)?, tx.prepare(rows::DELETE_INCIDENT)?);
        for (key, incident) in &batch.incidents {
            match incident {
                Some(i) => rows::put_incident(&mut put, i)?,
                None => rows::delete_incident(&mut delete, key)?,
            };
        }
        let now = params![now.as_nanos()];
        tx.execute("DELETE FROM entries WHERE origin = 'manual' AND expires <= ?1", now)?;
        tx.execute("DELETE FROM released WHERE until <= ?1", now)?;
    }
    tx.commit()
}
