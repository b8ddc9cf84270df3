//! Rows as values, there and back. What comes back is parsed as if a stranger had written it: a row with anything in it
//! that is not what it should be is no value at all.

use std::net::{IpAddr, SocketAddr};

use rusqlite::types::ValueRef;
use rusqlite::{Row, params};

use super::schema::kind;
use super::store::{HostKeyRow, HostRow};
use crate::decode::{MacAddr, Tenant};
use crate::dialect::Shares;
use crate::evidence::Verdict;
use crate::firewall::{AllowedMiner, DomainName, Item, Origin, Proto, Record, Release, Target, Who};
use crate::ledger::{HostKey, Incident, IncidentKey, State};
use crate::text::printable;
use crate::time::PacketTime;

/// Longest text that is kept, in bytes.
const MAX_TEXT: usize = 256;
/// Longest list in JSON, in bytes.
const MAX_JSON: usize = 65_536;
/// Most names of a pool.
const MAX_NAMES: usize = 8;

/// Text that can be shown.
pub(super) fn shown(text: &str, max: usize) -> String {
    printable(text, max).into_owned()
}

/// Columns from left to right.
struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    fn of(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    fn value(&mut self) -> Option<ValueRef<'r>> {
        let value = self.row.get_ref(self.next).ok()?;
        self.next += 1;
        Some(value)
    }

    fn text(&mut self) -> Option<&'r str> {
        match self.value()? {
            ValueRef::Text(bytes) if bytes.len() <= MAX_JSON => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    fn shown(&mut self) -> Option<String> {
        self.text().map(|t| shown(t, MAX_TEXT))
    }

    fn int(&mut self) -> Option<i64> {
        match self.value()? {
            ValueRef::Integer(n) => Some(n),
            _ => None,
        }
    }

    fn small<T: TryFrom<i64>>(&mut self) -> Option<T> {
        T::try_from(self.int()?).ok()
    }

    fn time(&mut self) -> Option<PacketTime> {
        self.int().map(PacketTime::from_nanos)
    }

    /// Whether there is nothing in the next column.
    fn is_null(&self) -> bool {
        matches!(self.row.get_ref(self.next), Ok(ValueRef::Null))
    }

    fn ip(&mut self) -> Option<IpAddr> {
        self.text()?.parse().ok().map(|ip: IpAddr| ip.to_canonical())
    }

    fn tenant(&mut self) -> Option<Tenant> {
        parse_tenant(self.text()?)
    }

    fn verdict(&mut self) -> Option<Verdict> {
        let name = self.text()?;
        let all = [Verdict::Noted, Verdict::Suspected, Verdict::Probable, Verdict::Confirmed];
        all.into_iter().find(|v| v.name() == name)
    }

    fn item(&mut self) -> Option<Item> {
        let (kind, subject) = (self.text()?, self.text()?);
        let (proto, port) = (self.text()?, self.small::<u16>()?);
        let addr = || subject.parse().ok().map(|ip: IpAddr| ip.to_canonical());
        let endpoint = |service| Some(Item::Endpoint(Target { addr: addr()?, service, from: None }));
        let pair = |proto| {
            let (host, addr) = subject.split_once('@')?;
            let [host, addr] = [host, addr].map(|a| a.parse::<IpAddr>().map(|ip| ip.to_canonical()));
            Some(Item::Endpoint(Target { addr: addr.ok()?, service: Some((proto, port)), from: Some(host.ok()?) }))
        };
        match (kind, proto, port) {
            (kind::ADDRESS, "", 0) => endpoint(None),
            (kind::ENDPOINT, "tcp", 1..) => endpoint(Some((Proto::Tcp, port))),
            (kind::ENDPOINT, "udp", 1..) => endpoint(Some((Proto::Udp, port))),
            (kind::PAIR, "tcp", 1..) => pair(Proto::Tcp),
            (kind::PAIR, "udp", 1..) => pair(Proto::Udp),
            (kind::HOST, "", 0) => addr().map(Item::Host),
            // In its only spelling: a row must be found again by what was read from it.
            (kind::NAME, "", 0) => DomainName::parse(subject).ok().filter(|n| n.as_str() == subject).map(Item::Name),
            _ => None,
        }
    }
}

/// Text, if there is any.
fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn parse_tenant(text: &str) -> Option<Tenant> {
    if text == "-" {
        return Some(Tenant::None);
    }
    let (kind, id) = text.split_once(':')?;
    Some(match kind {
        "vlan" => Tenant::Vlan(id.parse().ok()?),
        "vxlan" => Tenant::Vxlan(id.parse().ok()?),
        "geneve" => Tenant::Geneve(id.parse().ok()?),
        "erspan" => Tenant::Erspan(id.parse().ok()?),
        "lisp" => Tenant::Lisp(id.parse().ok()?),
        _ => return None,
    })
}

fn parse_mac(text: &str) -> Option<MacAddr> {
    match text.parse() {
        Ok(AllowedMiner::Mac(mac)) => Some(mac),
        _ => None,
    }
}

/// Kind, subject, protocol and port of an item.
pub(super) fn key(item: &Item) -> (&'static str, String, &'static str, u16) {
    match item {
        Item::Endpoint(Target { addr, service: Some((proto, port)), from: Some(host) }) => {
            (kind::PAIR, format!("{host}@{addr}"), proto.name(), *port)
        }
        Item::Endpoint(Target { addr, service: Some((proto, port)), from: None }) => {
            (kind::ENDPOINT, addr.to_string(), proto.name(), *port)
        }
        Item::Endpoint(Target { addr, service: None, .. }) => (kind::ADDRESS, addr.to_string(), "", 0),
        Item::Name(name) => (kind::NAME, name.to_string(), "", 0),
        Item::Host(host) => (kind::HOST, host.to_string(), "", 0),
    }
}

/// A miner, as it stands in a list.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Miner {
    tenant: String,
    ip: IpAddr,
}

fn miners_to_json(miners: &[Who]) -> String {
    let all: Vec<_> = miners.iter().map(|w| Miner { tenant: w.tenant.to_string(), ip: w.miner }).collect();
    serde_json::to_string(&all).unwrap_or_default()
}

fn miners_from_json(text: &str) -> Option<Vec<Who>> {
    let all: Vec<Miner> = serde_json::from_str(text).ok()?;
    all.iter().map(|m| Some(Who { tenant: parse_tenant(&m.tenant)?, miner: m.ip.to_canonical() })).collect()
}

fn endpoints_to_json(endpoints: &[Target]) -> String {
    serde_json::to_string(&endpoints.iter().map(Target::to_string).collect::<Vec<_>>()).unwrap_or_default()
}

fn endpoints_from_json(text: &str) -> Option<Vec<Target>> {
    let all: Vec<String> = serde_json::from_str(text).ok()?;
    all.iter().map(|t| t.parse().ok()).collect()
}

pub(super) fn entry(row: &Row<'_>) -> Option<Record> {
    let mut c = Columns::of(row);
    let key = c.item()?;
    let origin = c.text()?;
    let origin = [Origin::Seen, Origin::Manual].into_iter().find(|o| o.name() == origin)?;
    Some(Record {
        key,
        origin,
        verdict: c.verdict()?,
        first: c.time()?,
        last_seen: c.time()?,
        expires: c.time()?,
        times: c.small()?,
        reason: c.shown()?,
        by: c.shown()?,
        miners: miners_from_json(c.text()?)?,
        endpoints: endpoints_from_json(c.text()?)?,
    })
}

pub(super) fn release(row: &Row<'_>) -> Option<Release> {
    let mut c = Columns::of(row);
    Some(Release { item: c.item()?, until: c.time()?, at: c.time()?, by: c.shown()? })
}

pub(super) fn host(row: &Row<'_>) -> Option<HostRow> {
    let mut c = Columns::of(row);
    let host = HostKey { tenant: c.tenant()?, ip: c.ip()? };
    let mac = match c.text()? {
        "" => None,
        text => Some(parse_mac(text)?),
    };
    Some(HostRow {
        key: HostKeyRow { host, mac },
        name: some(c.shown()?),
        first: c.time()?,
        last_seen: c.time()?,
        verdict: c.verdict()?,
    })
}

pub(super) fn incident(row: &Row<'_>) -> Option<Incident> {
    let mut c = Columns::of(row);
    let host = HostKey { tenant: c.tenant()?, ip: c.ip()? };
    let pool: SocketAddr = c.text()?.parse().ok()?;
    Some(Incident {
        key: IncidentKey { host, pool: SocketAddr::new(pool.ip().to_canonical(), pool.port()) },
        opened: c.time()?,
        last_seen: c.time()?,
        verdict: c.verdict()?,
        dialect: c.shown()?,
        coin: some(c.shown()?),
        wallet: some(c.shown()?),
        names: {
            let names: Vec<String> = serde_json::from_str(c.text()?).ok()?;
            names.iter().take(MAX_NAMES).map(|n| shown(n, MAX_TEXT)).collect()
        },
        shares: Shares { submitted: c.small()?, accepted: c.small()?, rejected: c.small()? },
        state: State::from_name(c.text()?)?,
        contained: if c.is_null() {
            c.next += 1;
            None
        } else {
            Some(c.time()?)
        },
        reopened: c.small()?,
    })
}

fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) const UPSERT_ENTRY: &str =
    "INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
pub(super) const DELETE_ENTRY: &str =
    "DELETE FROM entries WHERE kind = ?1 AND subject = ?2 AND proto = ?3 AND port = ?4 AND origin = ?5";
pub(super) const UPSERT_RELEASE: &str = "INSERT OR REPLACE INTO released VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
pub(super) const UPSERT_HOST: &str = "INSERT OR REPLACE INTO hosts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
pub(super) const UPSERT_INCIDENT: &str = "INSERT OR REPLACE INTO incidents VALUES \
     (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
pub(super) const DELETE_INCIDENT: &str = "DELETE FROM incidents WHERE tenant = ?1 AND ip = ?2 AND pool = ?3";

pub(super) fn put_entry(s: &mut rusqlite::Statement<'_>, r: &Record) -> rusqlite::Result<usize> {
    let (kind, subject, proto, port) = key(&r.key);
    s.execute(params![
        kind,
        subject,
        proto,
        port,
        r.origin.name(),
        r.verdict.name(),
        r.first.as_nanos(),
        r.last_seen.as_nanos(),
        r.expires.as_nanos(),
        r.times,
        shown(&r.reason, MAX_TEXT),
        shown(&r.by, MAX_TEXT),
        miners_to_json(&r.miners),
        endpoints_to_json(&r.endpoints),
    ])
}

pub(super) fn delete_entry(s: &mut rusqlite::Statement<'_>, item: &Item, o: Origin) -> rusqlite::Result<usize> {
    let (kind, subject, proto, port) = key(item);
    s.execute(params![kind, subject, proto, port, o.name()])
}

pub(super) fn put_release(s: &mut rusqlite::Statement<'_>, r: &Release) -> rusqlite::Result<usize> {
    let (kind, subject, proto, port) = key(&r.item);
    s.execute(params![kind, subject, proto, port, r.until.as_nanos(), r.at.as_nanos(), shown(&r.by, MAX_TEXT)])
}

pub(super) fn put_host(s: &mut rusqlite::Statement<'_>, h: &HostRow) -> rusqlite::Result<usize> {
    s.execute(params![
        h.key.host.tenant.to_string(),
        h.key.host.ip.to_string(),
        h.key.mac.map(|m| m.to_string()).unwrap_or_default(),
        shown(h.name.as_deref().unwrap_or_default(), MAX_TEXT),
        h.first.as_nanos(),
        h.last_seen.as_nanos(),
        h.verdict.name(),
    ])
}

pub(super) fn put_incident(s: &mut rusqlite::Statement<'_>, i: &Incident) -> rusqlite::Result<usize> {
    let names: Vec<_> = i.names.iter().map(|n| shown(n, MAX_TEXT)).collect();
    s.execute(params![
        i.key.host.tenant.to_string(),
        i.key.host.ip.to_string(),
        i.key.pool.to_string(),
        i.opened.as_nanos(),
        i.last_seen.as_nanos(),
        i.verdict.name(),
        shown(&i.dialect, MAX_TEXT),
        shown(i.coin.as_deref().unwrap_or_default(), MAX_TEXT),
        shown(i.wallet.as_deref().unwrap_or_default(), MAX_TEXT),
        serde_json::to_string(&names).unwrap_or_default(),
        count(i.shares.submitted),
        count(i.shares.accepted),
        count(i.shares.rejected),
        i.state.name(),
        i.contained.map(PacketTime::as_nanos),
        i.reopened,
    ])
}

pub(super) fn delete_incident(s: &mut rusqlite::Statement<'_>, k: &IncidentKey) -> rusqlite::Result<usize> {
    s.execute(params![k.host.tenant.to_string(), k.host.ip.to_string(), k.pool.to_string()])
}
