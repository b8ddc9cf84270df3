//! What is remembered on disk: through kills, full disks, other processes and restarts, and the commands on it.

#![cfg(feature = "state")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[path = "state/accidents.rs"]
mod accidents;
#[path = "state/commands.rs"]
mod commands;

mod support;

use std::net::IpAddr;
use std::path::Path;

use minewatch::decode::Tenant;
use minewatch::evidence::Verdict;
use minewatch::firewall::{Item, Origin, Proto, Record, Target, Touched, Who};
use minewatch::state::{Batch, Store};
use minewatch::time::PacketTime;

/// The time on the wall, `secs` from now.
fn from_now(secs: i64) -> PacketTime {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    PacketTime::from_parts(i64::try_from(now).unwrap() + secs, 0)
}

/// A pool that was blocked a minute ago, and is for an hour.
fn record(addr: &str, port: u16) -> Record {
    Record {
        key: Item::Endpoint(Target { addr: addr.parse().unwrap(), service: Some((Proto::Tcp, port)), from: None }),
        origin: Origin::Seen,
        verdict: Verdict::Confirmed,
        first: from_now(-60),
        last_seen: from_now(-60),
        expires: from_now(3_600),
        times: 1,
        reason: String::new(),
        by: String::new(),
        miners: vec![Who { tenant: Tenant::None, miner: IpAddr::from([10, 0, 0, 5]) }],
        endpoints: Vec::new(),
    }
}

/// A name by which that pool was reached.
fn name(text: &str) -> Record {
    let pool = record("198.51.100.7", 3333);
    Record { endpoints: pool.key.endpoint().into_iter().collect(), key: text.parse().unwrap(), ..pool }
}

/// A host that mined there, and is isolated.
fn host(addr: &str) -> Record {
    Record { key: Item::Host(addr.parse().unwrap()), ..name("pool.example") }
}

fn batch(records: impl IntoIterator<Item = Record>) -> Batch {
    let mut batch = Batch::default();
    batch.entries(records.into_iter().map(|r| Touched { item: r.key.clone(), origin: r.origin, record: Some(r) }));
    batch
}

fn fill(dir: &Path, records: impl IntoIterator<Item = Record>) {
    Store::open(dir).unwrap().store.save(batch(records), from_now(0)).unwrap();
}
