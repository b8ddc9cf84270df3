mod opening;

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::schema::{APPLICATION, VERSION};
use super::*;
use crate::decode::{MacAddr, Tenant};
use crate::dialect::Shares;
use crate::evidence::Verdict;
use crate::firewall::{
    Book, Decision, Item, Limits, MaxEntries, NeverBlock, Origin, Policy, Proto, Record, Release, Target, Ttl, Who,
    admit,
};
use crate::ledger::{HostKey, Incident, IncidentKey, Patience, State};
use crate::time::PacketTime;

const HOUR: i64 = 3_600;

fn at(secs: i64) -> PacketTime {
    PacketTime::from_parts(1_795_636_800 + secs, 0)
}

fn policy() -> Policy {
    Policy { allow_documentation: true, ttl: "1h".parse().unwrap(), ..Policy::default() }
}

fn target(addr: &str, port: u16) -> Item {
    Item::Endpoint(endpoint(addr, port))
}

fn endpoint(addr: &str, port: u16) -> Target {
    Target { addr: addr.parse().unwrap(), service: Some((Proto::Tcp, port)), from: None }
}

fn record(addr: &str, port: u16) -> Record {
    Record {
        key: target(addr, port),
        origin: Origin::Seen,
        verdict: Verdict::Confirmed,
        first: at(0),
        last_seen: at(0),
        expires: at(HOUR),
        times: 1,
        reason: String::new(),
        by: String::new(),
        miners: vec![Who { tenant: Tenant::Vlan(7), miner: IpAddr::from([10, 0, 0, 5]) }],
        endpoints: Vec::new(),
    }
}

fn incident(port: u16) -> Incident {
    let host = HostKey { tenant: Tenant::Vxlan(70_000), ip: IpAddr::from([10, 0, 0, 5]) };
    Incident {
        key: IncidentKey { host, pool: SocketAddr::from(([198, 51, 100, 7], port)) },
        opened: at(0),
        last_seen: at(60),
        verdict: Verdict::Probable,
        dialect: "cryptonote".to_owned(),
        coin: Some("XMR".to_owned()),
        wallet: None,
        names: vec!["pool.example".to_owned()],
        shares: Shares { submitted: 9, accepted: 8, rejected: 1 },
        state: State::Contained,
        contained: Some(at(30)),
        reopened: 2,
    }
}

fn host() -> HostRow {
    HostRow {
        key: HostKeyRow { host: incident(1).key.host, mac: Some(MacAddr([2, 0, 0, 0, 0, 5])) },
        name: Some("desk-5".to_owned()),
        first: at(0),
        last_seen: at(60),
        verdict: Verdict::Probable,
    }
}

fn entries(records: impl IntoIterator<Item = Record>) -> Batch {
    let mut batch = Batch::default();
    batch.entries(records.into_iter().map(|r| crate::firewall::Touched {
        item: r.key.clone(),
        origin: r.origin,
        record: Some(r),
    }));
    batch
}

/// A folder with a store in it.
fn filled(records: impl IntoIterator<Item = Record>) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = Store::open(dir.path()).unwrap();
    assert_eq!(opened.warnings, [""; 0]);
    opened.store.save(entries(records), at(0)).unwrap();
    dir
}

fn db(dir: &TempDir) -> PathBuf {
    dir.path().join(FILE)
}

/// Another program at the same database.
fn raw(dir: &TempDir) -> Connection {
    Connection::open(db(dir)).unwrap()
}

fn keepsake(dir: &Path, now: i64) -> (Keepsake, Vec<String>) {
    Keepsake::load(Some(dir), (Limits::default(), Patience::default()), &policy(), at(now))
}

fn held(d: &Decision) -> Vec<(Item, u64)> {
    d.list.entries().iter().map(|e| (Item::Endpoint(e.target), e.ttl_secs)).collect()
}

fn decision(addr: &str, port: u16, now: i64) -> Decision {
    let r = record(addr, port);
    let entry = crate::firewall::Entry {
        target: endpoint(addr, port),
        ttl_secs: 0,
        expires: at(now + HOUR),
        verdict: Some(r.verdict),
        last_seen: at(now),
        miners: r.miners,
    };
    admit(vec![entry], &policy(), &NeverBlock::new(), at(now))
}

/// What lies in the folder under other names than the database's own.
fn moved(dir: &TempDir) -> Vec<String> {
    let own = [FILE.to_owned(), format!("{FILE}-wal"), format!("{FILE}-shm")];
    let names = fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    let mut all: Vec<_> = names.filter(|n| !own.contains(n)).collect();
    all.sort();
    all
}

#[test]
fn what_is_saved_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("deep/state")).unwrap().store;
    let mut batch = entries([
        record("198.51.100.7", 3333),
        Record { key: "2001:db8::7".parse().unwrap(), ..record("2001:db8::7", 1) },
        Record { key: "192.0.2.2@198.51.100.7:3333".parse().unwrap(), ..record("198.51.100.7", 3333) },
        Record { key: "2001:db8:a::2@[2001:db8::7]:53/udp".parse().unwrap(), ..record("2001:db8::7", 53) },
        Record {
            origin: Origin::Manual,
            reason: "seen by ada".to_owned(),
            by: "ada".to_owned(),
            miners: vec![],
            ..record("198.51.100.7", 3333)
        },
    ]);
    batch.entries(
        [
            Record {
                key: "pool.example".parse().unwrap(),
                endpoints: vec![endpoint("198.51.100.7", 3333), Target { service: None, ..endpoint("2001:db8::7", 1) }],
                ..record("198.51.100.7", 1)
            },
            Record { key: Item::Host([10, 0, 0, 5].into()), ..record("198.51.100.7", 1) },
        ]
        .map(|r| crate::firewall::Touched { item: r.key.clone(), origin: r.origin, record: Some(r) }),
    );
    let of_name = Release { item: "pool.example".parse().unwrap(), until: at(HOUR), at: at(0), by: "ada".to_owned() };
    batch.releases([of_name.clone()]);
    let release = Release { item: target("198.51.100.9", 9), until: at(HOUR), at: at(0), by: "ada".to_owned() };
    let of_pair = Release { item: "192.0.2.3@198.51.100.7:3333".parse().unwrap(), ..release.clone() };
    batch.releases([release.clone(), of_pair.clone()]);
    batch.incidents([(incident(1).key, Some(incident(1)))]);
    batch.hosts([host()]);
    let want: Vec<_> = batch.entries.values().flatten().cloned().collect();
    store.save(batch, at(0)).unwrap();
    drop(store);
    let mut l = Store::open_existing(&dir.path().join("deep/state")).unwrap().load().unwrap();
    l.book.records.sort_by_key(|r| (r.key.clone(), r.origin));
    assert_eq!((l.book.records, l.book.releases), (want, vec![release, of_name, of_pair]));
    assert_eq!((l.incidents, l.hosts, l.dropped), (vec![incident(1)], vec![host()], 0));
}

/// A database as somebody else may have made it: tables without types, with what it should not hold.
fn hostile(rows: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let made = Connection::open(db(&dir)).unwrap();
    let tables = "CREATE TABLE entries (kind, subject, proto, port, origin, verdict, first, last_seen, expires, times,
            reason, who, miners, endpoints);
        CREATE TABLE released (kind, subject, proto, port, until, since, who);
        CREATE TABLE hosts (tenant, ip, mac, name, first, last_seen, verdict);
        CREATE TABLE incidents (tenant, ip, pool, opened, last_seen, verdict, dialect, coin, wallet, names, submitted,
            accepted, rejected, state, contained, reopened);";
    made.execute_batch(tables).unwrap();
    made.pragma_update(None, "application_id", APPLICATION).unwrap();
    made.pragma_update(None, "user_version", VERSION).unwrap();
    for row in rows {
        made.execute_batch(row).unwrap_or_else(|e| panic!("{row}: {e}"));
    }
    dir
}

#[test]
fn rows_that_are_no_values_are_left_out_and_counted() {
    let (first, expires) = (at(0).as_nanos(), at(HOUR).as_nanos());
    let whole = |cells: &str| format!("INSERT INTO entries VALUES ({cells})");
    let entry = |kind: &str, subject: &str, proto: &str, port: &str| {
        whole(&format!(
            "{kind}, {subject}, {proto}, {port}, 'seen', 'confirmed', {first}, {first}, {expires}, 1, '', '', '[]', '[]'"
        ))
    };
    let mut bad = vec![
        entry("'endpoint'", "'198.51.100.7; flush ruleset'", "'tcp'", "3333"),
        entry("'endpoint'", "'198.51.100.7\n'", "'tcp'", "3333"),
        entry("'endpoint'", "'010.0.0.1'", "'tcp'", "3333"),
        entry("'endpoint'", "'pool.example'", "'tcp'", "3333"),
        entry("'endpoint'", "NULL", "'tcp'", "3333"),
        entry("'endpoint'", "x'c6336407'", "'tcp'", "3333"),
        entry("'endpoint'", "'198.51.100.7'", "'icmp'", "3333"),
        entry("'endpoint'", "'198.51.100.7'", "'tcp'", "0"),
        entry("'endpoint'", "'198.51.100.7'", "'tcp'", "70000"),
        entry("'endpoint'", "'198.51.100.7'", "'tcp'", "-1"),
        entry("'endpoint'", "'198.51.100.7'", "'tcp'", "'3333'"),
        entry("'endpoint'", "'198.51.100.7'", "''", "0"),
        entry("'address'", "'198.51.100.0/24'", "''", "0"),
        entry("'address'", "'198.51.100.7'", "'tcp'", "3333"),
        entry("'name'", "'Pool.Example'", "''", "0"),
        entry("'name'", "'pool.example.'", "''", "0"),
        entry("'name'", "'pool.example'", "'tcp'", "3333"),
        entry("'name'", "'pool .example'", "''", "0"),
        entry("'name'", "'192.0.2.1'", "''", "0"),
        entry("'name'", "'com'", "''", "0"),
        entry("'host'", "'10.0.0.0/8'", "''", "0"),
        entry("'host'", "'pool.example'", "''", "0"),
        entry("'host'", "'10.0.0.5'", "'tcp'", "1"),
        entry("'everything'", "'198.51.100.7'", "''", "0"),
    ];
    let tail = |origin: &str, verdict: &str, times: &str, miners: &str| {
        whole(&format!(
            "'endpoint', '198.51.100.7', 'tcp', 1, {origin}, {verdict}, 1, 1, {expires}, {times}, '', '', {miners}, '[]'"
        ))
    };
    bad.extend([
        tail("'anybody'", "'confirmed'", "1", "'[]'"),
        tail("'seen'", "'certain'", "1", "'[]'"),
        tail("'seen'", "3", "1", "'[]'"),
        tail("'seen'", "'confirmed'", "-1", "'[]'"),
        tail("'seen'", "'confirmed'", "1.5", "'[]'"),
        tail("'seen'", "'confirmed'", "1", "'not json'"),
        tail("'seen'", "'confirmed'", "1", "'[{\"tenant\":\"-\",\"ip\":\"10.0.0.5; x\"}]'"),
        tail("'seen'", "'confirmed'", "1", "'[{\"tenant\":\"vlan:70000\",\"ip\":\"10.0.0.5\"}]'"),
        tail("'seen'", "'confirmed'", "1", "printf('[%*s]', 100000, ' ')"),
        tail("'seen'", "'confirmed'", "1", "'[]'").replace("'[]')", "'[\"198.51.100.7:1; x\"]')"),
        tail("'seen'", "'confirmed'", "1", "'[]'").replace("'[]')", "NULL)"),
        "INSERT INTO released VALUES ('name', 'POOL', '', 0, 1, 1, '')".to_owned(),
        "INSERT INTO released VALUES ('endpoint', 'x', 'tcp', 1, 1, 1, '')".to_owned(),
        "INSERT INTO hosts VALUES ('-', '10.0.0.5', 'no mac', '', 1, 1, 'noted')".to_owned(),
        "INSERT INTO incidents VALUES ('-', '10.0.0.5', '198.51.100.7', 1, 1, 'noted', '', '', '', '[]', 0, 0, 0, \
         'open', NULL, 0)"
            .to_owned(),
        "INSERT INTO incidents VALUES ('-', '10.0.0.5', '198.51.100.7:1', 1, 1, 'noted', '', '', '', '[]', 0, 0, 0, \
         'solved', NULL, 0)"
            .to_owned(),
    ]);
    let mut rows: Vec<_> = bad.iter().map(String::as_str).collect();
    let good = entry("'endpoint'", "'198.51.100.9'", "'tcp'", "3333");
    rows.push(&good);
    let dir = hostile(&rows);
    let loaded = Store::open(dir.path()).unwrap().store.load().unwrap();
    assert_eq!(loaded.dropped, bad.len());
    assert_eq!(loaded.book.records.iter().map(|r| r.key.clone()).collect::<Vec<_>>(), [target("198.51.100.9", 3333)]);
    assert!(loaded.book.releases.is_empty() && loaded.hosts.is_empty() && loaded.incidents.is_empty());
    // They are left out, not deleted: a version that knows them may read them.
    drop(keepsake(dir.path(), 0));
    let left: i64 = raw(&dir).query_row("SELECT count(*) FROM entries", [], |r| r.get(0)).unwrap();
    assert_eq!(left, 36);
    let (_, said) = keepsake(dir.path(), 0);
    assert!(said[0].contains("40 rows are not what they should be"), "{said:?}");
}

#[test]
fn text_from_the_disk_can_be_shown() {
    let dir =
        hostile(&["INSERT INTO entries VALUES ('address', '198.51.100.7', '', 0, 'manual', 'confirmed', 1, 1, 2, \
         1, 'x' || char(27) || ']0;pwn' || char(10) || 'ALERT', char(8238) || 'ada', '[]', '[]')"]);
    let loaded = Store::open(dir.path()).unwrap().store.load().unwrap();
    let r = &loaded.book.records[0];
    assert_eq!((r.reason.as_str(), r.by.as_str()), ("x\\x1b]0;pwn\\nALERT", "\\u{202e}ada"));
}

#[test]
fn nothing_in_a_database_runs() {
    let dir = filled([record("198.51.100.7", 1)]);
    let other = raw(&dir);
    other.execute_batch("CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END").unwrap();
    drop(other);
    let mut store = Store::open(dir.path()).unwrap().store;
    store.save(entries([record("198.51.100.7", 2)]), at(0)).unwrap();
    assert_eq!(store.load().unwrap().book.records.len(), 2);
}

#[test]
fn sf03_a_file_of_an_older_version_gets_nothing_past_the_last_gate() {
    let dir = filled([
        record("10.0.0.1", 3333),
        record("203.0.113.9", 3333),
        record("8.8.8.8", 3333),
        record("198.51.100.7", 3333),
        Record { origin: Origin::Manual, ..record("10.0.0.1", 4444) },
    ]);
    let policy = Policy { never_block: vec!["203.0.113.0/24".parse().unwrap()], ..policy() };
    let (kept, said) = keepsake(dir.path(), 0);
    assert_eq!(said, [""; 0]);
    let d = kept.list(&policy, &NeverBlock::new(), at(0));
    assert_eq!(held(&d), [(target("198.51.100.7", 3333), 3_600)]);
    let mut why: Vec<_> = d.refusals.iter().map(|r| r.reason.code()).collect();
    why.sort_unstable();
    assert_eq!(why, ["never-block-list", "public-resolver", "special-purpose", "special-purpose"]);
}

#[test]
fn sf11_a_restart_keeps_the_time_that_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let (mut before, _) = keepsake(dir.path(), 0);
    before.merge_decision(&decision("198.51.100.7", 3333, 0), &policy(), at(0));
    assert_eq!(before.save_dirty(&policy(), at(0)), [""; 0]);
    drop(before);
    let (after, said) = keepsake(dir.path(), 40 * 60);
    assert_eq!(said, [""; 0]);
    let list = |now| held(&after.list(&policy(), &NeverBlock::new(), at(now)));
    assert_eq!(list(40 * 60), [(target("198.51.100.7", 3333), 1_200)]);
    assert_eq!(list(61 * 60), []);
}

#[test]
fn orders_of_another_program_reach_whoever_watches() {
    let dir = tempfile::tempdir().unwrap();
    let (mut watch, _) = keepsake(dir.path(), 0);
    watch.merge_decision(&decision("198.51.100.7", 3333, 0), &policy(), at(0));
    watch.save_dirty(&policy(), at(0));
    assert_eq!(watch.reload_if_changed(at(1)), None, "its own writes are no news");

    let mut store = Store::open_existing(dir.path()).unwrap();
    let mut book = Book::default();
    book.load(store.load().unwrap().book, &policy(), at(1));
    assert_eq!(book.release(target("198.51.100.7", 3333), at(HOUR), "ada", at(1)).len(), 1);
    let (policy, never) = (policy(), NeverBlock::new());
    book.block(target("198.51.100.9", 9), Ttl::DAY, ("because", "ada"), (&policy, &never), at(1)).unwrap();
    let mut batch = Batch::default();
    batch.entries(book.take_touched());
    batch.releases(book.releases(at(1)).cloned());
    store.save(batch, at(1)).unwrap();

    let changes = watch.reload_if_changed(at(2)).unwrap();
    assert_eq!((changes.added, changes.ended), (vec![target("198.51.100.9", 9)], vec![target("198.51.100.7", 3333)]));
    assert_eq!(watch.reload_if_changed(at(2)), None);
    let now = held(&watch.list(&policy, &never, at(2)));
    assert_eq!(now, [(target("198.51.100.9", 9), 86_399)]);
    // What it saves afterwards takes nothing of that back.
    watch.merge_decision(&decision("198.51.100.7", 3333, 3), &policy, at(3));
    watch.save_dirty(&policy, at(3));
    let (restarted, _) = keepsake(dir.path(), 4);
    assert_eq!(held(&restarted.list(&policy, &never, at(4))), [(target("198.51.100.9", 9), 86_397)]);
}

#[test]
fn names_and_isolated_hosts_are_saved_released_and_deleted_like_endpoints() {
    let dir = tempfile::tempdir().unwrap();
    let isolation = crate::firewall::Isolation { enabled: true, ..Default::default() };
    let policy = Policy { isolation, ..policy() };
    let items: [Item; 2] = ["pool.example".parse().unwrap(), Item::Host([10, 0, 0, 5].into())];
    let kinds = |d: &Decision| (d.list.names().len(), d.hosts.len());
    let mut store = Store::open(dir.path()).unwrap().store;
    store.save(entries(items.clone().map(|key| Record { key, ..record("198.51.100.7", 1) })), at(0)).unwrap();
    let (mut watch, said) = keepsake(dir.path(), 1);
    assert_eq!((said.len(), kinds(&watch.list(&policy, &NeverBlock::new(), at(1)))), (0, (1, 1)));
    // Released by another program, name and address.
    let mut book = Book::default();
    book.load(store.load().unwrap().book, &policy, at(1));
    for released in ["pool.example", "10.0.0.5"] {
        assert_eq!(book.release(released.parse().unwrap(), at(HOUR), "ada", at(1)).len(), 1);
    }
    let mut batch = Batch::default();
    batch.entries(book.take_touched());
    batch.releases(book.releases(at(1)).cloned());
    store.save(batch, at(1)).unwrap();
    assert_eq!(watch.reload_if_changed(at(2)).unwrap().ended, items);
    assert_eq!(kinds(&watch.list(&policy, &NeverBlock::new(), at(2))), (0, 0));
    let (restarted, _) = keepsake(dir.path(), 3);
    assert_eq!(kinds(&restarted.list(&policy, &NeverBlock::new(), at(3))), (0, 0));
    // What is forgotten is deleted.
    watch.tick(&policy, at(91 * 24 * HOUR));
    watch.save_dirty(&policy, at(91 * 24 * HOUR));
    let left: i64 = raw(&dir).query_row("SELECT count(*) FROM entries", [], |r| r.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn what_cannot_be_saved_is_kept_and_goes_with_the_next() {
    let dir = filled([]);
    let mut store = Store::open(dir.path()).unwrap().store;
    let other = raw(&dir);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(store.save(entries([record("198.51.100.7", 1)]), at(5)), Err(StateError::Busy(_))));
    store.save(entries([record("198.51.100.7", 2)]), at(6)).unwrap_err();
    let health = store.health();
    assert_eq!((health.unsaved, health.since, health.lost), (2, Some(at(5)), 0));
    assert!(health.why.as_ref().unwrap().to_string().contains("another program holds"));
    other.execute_batch("ROLLBACK").unwrap();
    store.save(Batch::default(), at(7)).unwrap();
    assert_eq!(store.health(), &Health::default());
    assert_eq!(store.load().unwrap().book.records.len(), 2);
}

#[test]
fn without_a_disk_everything_goes_on_and_is_saved_when_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("state");
    fs::write(&place, "a file where the folder should be").unwrap();
    let (mut kept, said) = keepsake(&place, 0);
    assert!(said[0].starts_with("state is NOT saved"), "{said:?}");
    kept.merge_decision(&decision("198.51.100.7", 3333, 0), &policy(), at(0));
    assert_eq!(held(&kept.list(&policy(), &NeverBlock::new(), at(0))).len(), 1);
    // Not tried, and not told of, every second.
    assert_eq!(kept.save_dirty(&policy(), at(1)), [""; 0]);
    assert_eq!(kept.save_dirty(&policy(), at(11)), [""; 0]);
    assert_eq!((kept.health().unsaved, kept.health().since), (1, Some(at(0))));
    fs::remove_file(&place).unwrap();
    assert_eq!(kept.save_dirty(&policy(), at(25)), ["state is saved again, with all that waited"]);
    assert_eq!(kept.health(), Health::default());
    drop(kept);
    let (restarted, said) = keepsake(&place, 30);
    assert_eq!((restarted.book().len(), said.len()), (1, 0));
}

#[test]
fn incidents_and_hosts_go_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap().store;
    let mut batch = Batch::default();
    batch.incidents([(incident(3333).key, Some(incident(3333)))]);
    batch.hosts([host()]);
    store.save(batch, at(0)).unwrap();
    drop(store);
    let (mut kept, _) = keepsake(dir.path(), 61);
    let (_, steps) = kept.tick(&policy(), at(60 + 30 * 60));
    assert!(matches!(steps.as_slice(), [s] if s.from == Some(State::Contained) && s.to == State::Quiet));
    kept.save_dirty(&policy(), at(60 + 30 * 60));
    let (restarted, _) = keepsake(dir.path(), 2 * HOUR);
    let saved: Vec<_> = restarted.incidents().iter().map(|i| (i.state, i.reopened, i.shares.accepted)).collect();
    assert_eq!(saved, [(State::Quiet, 2, 8)]);
}

#[test]
fn a_database_that_grew_large_loses_the_oldest_closed_incidents_only() {
    let dir = filled([]);
    let other = raw(&dir);
    other
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 131172)
             INSERT INTO incidents SELECT '-', '10.0.0.5', '198.51.100.7:' || i, i, i, 'confirmed', '', '', '', '[]', 0, 0,
                0, iif(i % 2, 'open', 'closed'), NULL, 0 FROM n",
        )
        .unwrap();
    Store::open(dir.path()).unwrap().store.prune().unwrap();
    let left: i64 = other.query_row("SELECT count(*) FROM incidents", [], |r| r.get(0)).unwrap();
    assert_eq!(left, 131_172 - 49);
}

/// `cargo test --release --lib state -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn how_long_a_hundred_thousand_entries_take() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap().store;
    let all = (0..100_000u32).map(|n| Record {
        key: Item::Endpoint(Target {
            addr: std::net::Ipv4Addr::from(0xc633_6400 + n / 50_000).into(),
            service: Some((Proto::Tcp, (n % 50_000 + 1) as u16)),
            from: None,
        }),
        ..record("198.51.100.7", 1)
    });
    let batch = entries(all);
    let time = |what: &str, f: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        f();
        println!("{what}: {:?}", start.elapsed());
    };
    let mut batch = Some(batch);
    time("save", &mut || store.save(batch.take().unwrap(), at(0)).unwrap());
    drop(store);
    println!("bytes: {}", fs::metadata(db(&dir)).unwrap().len());
    let mut kept = None;
    time("open, check and load", &mut || kept = Some(keepsake(dir.path(), 1).0));
    let kept = kept.unwrap();
    let policy = Policy { max_entries: MaxEntries::new(100_000).unwrap(), ..policy() };
    let mut list = None;
    time("list through the gate", &mut || list = Some(kept.list(&policy, &NeverBlock::new(), at(1))));
    assert_eq!(list.unwrap().list.len(), 100_000);
    let mut kept = kept;
    time("a second's tick", &mut || drop(kept.tick(&policy, at(1).plus(Duration::from_secs(1)))));
}
