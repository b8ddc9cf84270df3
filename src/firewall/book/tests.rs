mod kinds;

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::decode::Tenant;
use crate::firewall::candidate::{BlockCandidate, NameUse, Proto, Target, Who};
use crate::firewall::gate::decide;
use crate::firewall::isolate::Isolation;
use crate::firewall::policy::Lives;
use crate::firewall::testing::{at, candidate, test_policy};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn policy(ttl: &str) -> Policy {
    Policy { ttl: ttl.parse().unwrap(), ..test_policy() }
}

fn target(addr: &str, port: u16) -> Item {
    Item::Endpoint(Target { addr: addr.parse().unwrap(), service: Some((Proto::Tcp, port)), from: None })
}

fn whole(addr: &str) -> Item {
    addr.parse().unwrap()
}

/// The list of one pool that was talked to at `seen`.
fn list_of(addr: &str, seen: i64, policy: &Policy, now: i64) -> Decision {
    lists(&[BlockCandidate { last_seen: at(seen), ..candidate(addr, 3333) }], policy, now)
}

fn lists(candidates: &[BlockCandidate<'_>], policy: &Policy, now: i64) -> Decision {
    decide(candidates, policy, &NeverBlock::new(), at(now))
}

/// A name by which a resolver of the network led somebody to a pool.
fn told(name: &str) -> NameUse<'_> {
    NameUse { name, told_by: Some([10, 0, 0, 53].into()), sent: false, host: false, takes_miners: false }
}

/// What holds at `now`, with the seconds that it has left.
fn held(book: &Book, policy: &Policy, now: i64) -> Vec<(Item, u64)> {
    let d = book.list(policy, &NeverBlock::new(), at(now));
    let entries = d.list.entries().iter().map(|e| (Item::Endpoint(e.target), e.ttl_secs));
    let names = d.list.names().iter().map(|n| (Item::Name(n.name.clone()), n.ttl_secs));
    entries.chain(names).chain(d.hosts.iter().map(|h| (Item::Host(h.host), h.ttl_secs))).collect()
}

fn saved(book: &mut Book) -> Saved {
    let records = book.take_touched().into_iter().filter_map(|t| t.record).collect();
    Saved { records, releases: book.releases.values().cloned().collect() }
}

fn record(addr: &str, port: u16, expires: i64) -> Record {
    Record {
        key: target(addr, port),
        origin: Origin::Seen,
        verdict: Verdict::Confirmed,
        first: at(0),
        last_seen: at(0),
        expires: at(expires),
        times: 1,
        reason: String::new(),
        by: String::new(),
        miners: vec![Who { tenant: Tenant::None, miner: IpAddr::from([10, 0, 0, 5]) }],
        endpoints: Vec::new(),
    }
}

const POOL: &str = "198.51.100.7";

#[test]
fn what_is_offered_again_without_traffic_changes_nothing() {
    for lives in [Lives::FromLastPacket, Lives::FromNow] {
        let policy = Policy { lives, ..policy("1h") };
        let mut book = Book::default();
        let changes = book.offer(&list_of(POOL, 0, &policy, 0), &policy, at(0));
        assert_eq!((changes.added, changes.waiting), (vec![target(POOL, 3333)], 0));
        assert_eq!(book.take_touched().len(), 1);
        for now in [1, 60, 600, 3_599] {
            let changes = book.offer(&list_of(POOL, 0, &policy, now), &policy, at(now));
            assert!(changes.is_empty() && book.take_touched().is_empty(), "{lives:?}, {now}: {changes:?}");
        }
        // Its end is its end: offered once more, with nothing new, it does not come back.
        let changes = book.offer(&list_of(POOL, 0, &policy, 3_600), &policy, at(3_600));
        assert_eq!((changes.added, changes.ended), (vec![], vec![target(POOL, 3333)]), "{lives:?}");
        assert_eq!(held(&book, &policy, 3_600), []);
    }
}

#[test]
fn traffic_renews_an_entry_and_counts_no_second_time() {
    let policy = policy("1h");
    let mut book = Book::default();
    book.offer(&list_of(POOL, 0, &policy, 0), &policy, at(0));
    let changes = book.offer(&list_of(POOL, 1_800, &policy, 1_800), &policy, at(1_800));
    assert_eq!((changes.renewed, changes.added), (vec![target(POOL, 3333)], vec![]));
    assert_eq!(held(&book, &policy, 1_800), [(target(POOL, 3333), 3_600)]);
    assert_eq!(book.entries(&policy, at(1_800)).next().unwrap().times, 1);
    // A packet a second is no write a second.
    book.take_touched();
    let changes = book.offer(&list_of(POOL, 1_801, &policy, 1_801), &policy, at(1_801));
    assert!(changes.is_empty() && book.take_touched().is_empty());
}

#[test]
fn who_comes_back_is_blocked_twice_as_long_up_to_thirty_days() {
    let policy = policy("1d");
    let mut book = Book::default();
    let mut now = 0;
    for (times, days) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30)] {
        let changes = book.offer(&list_of(POOL, now, &policy, now), &policy, at(now));
        assert_eq!(changes.added.len(), 1, "{times}");
        assert_eq!(held(&book, &policy, now), [(target(POOL, 3333), days * 86_400)], "{times}");
        let r = book.entries(&policy, at(now)).next().unwrap();
        assert_eq!((r.times, r.first), (times, at(0)));
        now += i64::try_from(days).unwrap() * DAY;
        assert_eq!(book.expire(&policy, at(now)).ended, [target(POOL, 3333)]);
        now += HOUR;
    }
    // A policy that gives more from the start is not cut down to thirty days.
    let long = Policy { ttl: "60d".parse().unwrap(), ..policy };
    let mut book = Book::default();
    book.offer(&list_of(POOL, 0, &long, 0), &long, at(0));
    assert_eq!(held(&book, &long, 0), [(target(POOL, 3333), 60 * 86_400)]);
}

#[test]
fn the_policy_says_how_long_a_repeat_offender_is_blocked_at_the_most() {
    let policy = Policy { max_ttl: "3h".parse().unwrap(), ..policy("1h") };
    let mut book = Book::default();
    let mut now = 0;
    for hours in [1, 2, 3, 3] {
        book.offer(&list_of(POOL, now, &policy, now), &policy, at(now));
        assert_eq!(held(&book, &policy, now), [(target(POOL, 3333), hours * 3_600)]);
        now += i64::try_from(hours).unwrap() * HOUR;
        book.expire(&policy, at(now));
        now += HOUR;
    }
}

#[test]
fn whoever_stays_away_for_a_quarter_is_forgotten() {
    let policy = policy("1h");
    let mut book = Book::default();
    book.offer(&list_of(POOL, 0, &policy, 0), &policy, at(0));
    book.expire(&policy, at(HOUR + 90 * DAY));
    assert_eq!(book.len(), 1);
    book.expire(&policy, at(HOUR + 90 * DAY + 1));
    assert!(book.is_empty());
    let gone = book.take_touched();
    assert!(matches!(gone.as_slice(), [Touched { record: None, .. }]), "{gone:?}");
}

#[test]
fn a_burst_waits_for_the_next_minute_and_the_most_certain_go_first() {
    let policy = Policy { least: Verdict::Suspected, ..policy("1d") };
    let verdicts = [Verdict::Suspected, Verdict::Confirmed, Verdict::Probable];
    let candidates: Vec<_> = (0..30u16)
        .map(|i| BlockCandidate { verdict: verdicts[usize::from(i) % 3], ..candidate(POOL, 1_000 + i) })
        .collect();
    let mut book = Book::new(Limits { per_minute: 10, ..Limits::default() });
    let list = lists(&candidates, &policy, 0);
    let changes = book.offer(&list, &policy, at(0));
    assert_eq!((changes.added.len(), changes.waiting), (10, 20));
    assert!(book.entries(&policy, at(0)).all(|r| r.verdict == Verdict::Confirmed));
    assert!(changes.alarm().unwrap().starts_with("20 new block entries wait"));
    // Offered again within the minute: no way round.
    assert_eq!(book.offer(&list, &policy, at(59)).added.len(), 0);
    assert_eq!(book.expire(&policy, at(60)).added.len(), 10);
    assert!(book.entries(&policy, at(60)).all(|r| r.verdict >= Verdict::Probable));
    let changes = book.expire(&policy, at(120));
    assert_eq!((changes.added.len(), changes.waiting, changes.alarm()), (10, 0, None));
    assert_eq!(held(&book, &policy, 120).len(), 30);
}

#[test]
fn a_full_list_keeps_orders_then_the_most_certain_then_what_was_there_before() {
    let policy = Policy { least: Verdict::Suspected, max_entries: MaxEntries::new(3).unwrap(), ..policy("1d") };
    let mut book = Book::default();
    let weak = BlockCandidate { verdict: Verdict::Suspected, ..candidate(POOL, 1) };
    book.offer(&lists(&[weak, candidate(POOL, 2)], &policy, 0), &policy, at(0));
    let later = [3, 4].map(|port| BlockCandidate { last_seen: at(60), ..candidate(POOL, port) });
    book.offer(&lists(&later, &policy, 60), &policy, at(60));
    let never = NeverBlock::new();
    book.block(target("198.51.100.9", 9), Ttl::DAY, ("told so", "ada"), (&policy, &never), at(60)).unwrap();
    let d = book.list(&policy, &never, at(60));
    let kept: Vec<_> = d.list.entries().iter().map(|e| Item::Endpoint(e.target)).collect();
    assert_eq!(kept, [target(POOL, 2), target(POOL, 3), target("198.51.100.9", 9)]);
    assert_eq!(d.capped(), 2);
}

#[test]
fn an_order_may_not_block_what_is_never_blocked() {
    let (policy, mut book) = (policy("1d"), Book::default());
    let policy = Policy { never_block: vec!["203.0.113.0/24".parse().unwrap()], ..policy };
    for (addr, port, code) in [
        ("10.0.0.1", 3333, "special-purpose"),
        ("::ffff:10.0.0.1", 3333, "special-purpose"),
        ("8.8.8.8", 53, "public-resolver"),
        ("203.0.113.5", 3333, "never-block-list"),
        (POOL, 0, "unspecified-port"),
    ] {
        let asked = book.block(target(addr, port), Ttl::DAY, ("", ""), (&policy, &NeverBlock::new()), at(0));
        assert_eq!(asked.unwrap_err().code(), code, "{addr}");
    }
    assert!(book.is_empty() && book.take_touched().is_empty());
}

#[test]
fn an_order_lives_as_long_as_it_says_whatever_the_policy_gives() {
    let (policy, mut book) = (policy("1h"), Book::default());
    let never = NeverBlock::new();
    let week = "7d".parse().unwrap();
    let until = book.block(whole(POOL), week, ("botnet", "ada"), (&policy, &never), at(0)).unwrap();
    assert_eq!(until, at(7 * DAY));
    assert_eq!(held(&book, &policy, 0), [(whole(POOL), 7 * 86_400)]);
    assert_eq!(held(&book, &policy, 6 * DAY), [(whole(POOL), 86_400)]);
    // Given anew for less, it is less: the last word counts.
    book.block(whole(POOL), "1h".parse().unwrap(), ("botnet", "ada"), (&policy, &never), at(6 * DAY)).unwrap();
    let r = book.entries(&policy, at(6 * DAY)).next().unwrap();
    assert_eq!((r.times, r.first, r.reason.as_str(), r.by.as_str()), (2, at(0), "botnet", "ada"));
    assert_eq!(book.expire(&policy, at(6 * DAY + HOUR)).ended, [whole(POOL)]);
    assert_eq!(held(&book, &policy, 6 * DAY + HOUR), []);
}

#[test]
fn what_is_released_stays_away_until_the_release_ends_and_then_counts_anew() {
    let policy = policy("1h");
    let mut book = Book::default();
    let mut now = 0;
    for _ in 0..3 {
        book.offer(&list_of(POOL, now, &policy, now), &policy, at(now));
        now += DAY;
    }
    book.offer(&list_of(POOL, now, &policy, now), &policy, at(now));
    assert_eq!(book.entries(&policy, at(now)).next().unwrap().times, 4);
    assert_eq!(book.release(whole(POOL), at(now + DAY), "ada", at(now)), [target(POOL, 3333)]);
    assert_eq!(held(&book, &policy, now), []);
    for later in [now + 1, now + HOUR, now + DAY - 1] {
        let changes = book.offer(&list_of(POOL, later, &policy, later), &policy, at(later));
        assert!(changes.is_empty() && changes.waiting == 0, "{changes:?}");
    }
    now += DAY;
    // Over, but nothing new was seen since.
    assert!(
        book.offer(
            &list_of(POOL, now - DAY, &Policy { lives: Lives::FromNow, ..policy.clone() }, now),
            &policy,
            at(now)
        )
        .is_empty()
    );
    assert_eq!(book.offer(&list_of(POOL, now, &policy, now), &policy, at(now)).added, [target(POOL, 3333)]);
    assert_eq!(held(&book, &policy, now), [(target(POOL, 3333), 3_600)]);
}

#[test]
fn a_release_of_one_port_leaves_the_others_and_an_order_after_it_stands() {
    let policy = policy("1h");
    let never = NeverBlock::new();
    let mut book = Book::default();
    book.offer(&lists(&[candidate(POOL, 1), candidate(POOL, 2)], &policy, 0), &policy, at(0));
    book.block(target(POOL, 1), Ttl::DAY, ("", ""), (&policy, &never), at(0)).unwrap();
    assert_eq!(book.release(target(POOL, 1), at(HOUR), "ada", at(1)), [target(POOL, 1)]);
    assert_eq!(held(&book, &policy, 1), [(target(POOL, 2), 3_599)]);
    assert_eq!(book.released_until(&target(POOL, 1), at(1)), Some(at(HOUR)));
    book.block(target(POOL, 1), Ttl::DAY, ("", ""), (&policy, &never), at(2)).unwrap();
    assert_eq!(held(&book, &policy, 2).len(), 2);
}

#[test]
fn orders_of_another_program_are_taken_as_they_stand_there() {
    let policy = policy("1h");
    let never = NeverBlock::new();
    let mut daemon = Book::default();
    daemon.offer(&lists(&[candidate(POOL, 1), candidate(POOL, 2)], &policy, 0), &policy, at(0));
    let mut other = Book::default();
    other.load(saved(&mut daemon), &policy, at(1));
    other.take_touched();
    other.release(target(POOL, 1), at(DAY), "ada", at(1));
    other.block(target("198.51.100.9", 9), Ttl::DAY, ("", "ada"), (&policy, &never), at(1)).unwrap();
    let written = saved(&mut other);
    let changes = daemon.obey_orders(written.clone(), at(2));
    assert_eq!((changes.added, changes.ended), (vec![target("198.51.100.9", 9)], vec![target(POOL, 1)]));
    let now: Vec<_> = held(&daemon, &policy, 2).into_iter().map(|(t, _)| t).collect();
    assert_eq!(now, [target(POOL, 2), target("198.51.100.9", 9)]);
    assert!(daemon.take_touched().iter().all(|t| t.origin == Origin::Seen), "orders are not the daemon's to write");
    // Read again, or taken back there.
    assert!(daemon.obey_orders(written, at(3)).is_empty());
    assert_eq!(held(&daemon, &policy, 3).len(), 2);
    assert_eq!(daemon.obey_orders(Saved::default(), at(4)).ended, [target("198.51.100.9", 9)]);
    assert_eq!(held(&daemon, &policy, 4).into_iter().map(|(t, _)| t).collect::<Vec<_>>(), [target(POOL, 2)]);
}

#[test]
fn sf03_what_an_older_version_saved_passes_the_last_gate_again() {
    let policy = Policy { never_block: vec!["203.0.113.9".parse().unwrap()], ..policy("1d") };
    let mut book = Book::default();
    let records = vec![
        record("10.0.0.1", 3333, HOUR),
        record("203.0.113.9", 3333, HOUR),
        record("::ffff:203.0.113.9", 3333, HOUR),
        record(POOL, 0, HOUR),
        record(POOL, 3333, HOUR),
    ];
    book.load(Saved { records, releases: vec![] }, &policy, at(0));
    assert_eq!(held(&book, &policy, 0), [(target(POOL, 3333), 3_600)]);
}

#[test]
fn sf11_a_restart_keeps_the_time_that_is_left() {
    let policy = policy("1h");
    let mut before = Book::default();
    before.offer(&list_of(POOL, 0, &policy, 0), &policy, at(0));
    let mut after = Book::default();
    after.load(saved(&mut before), &policy, at(2_400));
    assert_eq!(held(&after, &policy, 2_400), [(target(POOL, 3333), 1_200)]);
    assert_eq!(held(&after, &policy, 3_660), []);
    // Known from before: what the new run sees of it is no second offence, and after its end it is one.
    after.offer(&list_of(POOL, 2_500, &policy, 2_500), &policy, at(2_500));
    assert_eq!(after.entries(&policy, at(2_500)).next().unwrap().times, 1);
    after.offer(&list_of(POOL, 9_000, &policy, 9_000), &policy, at(9_000));
    assert_eq!(held(&after, &policy, 9_000), [(target(POOL, 3333), 7_200)]);
}

#[test]
fn no_clock_and_no_file_makes_an_entry_live_longer_than_the_policy_would() {
    let policy = policy("1h");
    let mut book = Book::default();
    book.load(Saved { records: vec![record(POOL, 3333, 400 * DAY)], releases: vec![] }, &policy, at(0));
    assert_eq!(held(&book, &policy, 0), [(target(POOL, 3333), 3_600)]);
    // The clock was a year ahead, and is put right.
    let mut book = Book::default();
    book.offer(&list_of(POOL, 365 * DAY, &policy, 365 * DAY), &policy, at(365 * DAY));
    book.block(whole(POOL), "2h".parse().unwrap(), ("", ""), (&policy, &NeverBlock::new()), at(365 * DAY)).unwrap();
    assert_eq!(held(&book, &policy, 0), [(whole(POOL), 7_200), (target(POOL, 3333), 3_600)]);
    book.expire(&policy, at(0));
    assert_eq!(held(&book, &policy, HOUR), [(whole(POOL), 7_200)]);
}

#[test]
fn who_comes_back_after_the_clock_was_set_back_is_blocked_again() {
    let policy = policy("1h");
    let mut book = Book::default();
    book.offer(&list_of(POOL, 365 * DAY, &policy, 365 * DAY), &policy, at(365 * DAY));
    // While it holds, traffic renews it; after its end, traffic brings it back.
    assert_eq!(book.expire(&policy, at(0)), Changes::default());
    let changes = book.offer(&list_of(POOL, 1_800, &policy, 1_800), &policy, at(1_800));
    assert_eq!(changes.renewed, [target(POOL, 3333)]);
    assert_eq!(held(&book, &policy, 1_800), [(target(POOL, 3333), 3_600)]);
    assert_eq!(book.expire(&policy, at(2 * HOUR)).ended, [target(POOL, 3333)]);
    let changes = book.offer(&list_of(POOL, 3 * HOUR, &policy, 3 * HOUR), &policy, at(3 * HOUR));
    assert_eq!(changes.added, [target(POOL, 3333)]);
}

#[test]
fn a_policy_that_changed_holds_for_what_was_saved_under_another() {
    let mut book = Book::default();
    let mut both = record(POOL, 2, HOUR);
    both.miners.push(Who { tenant: Tenant::None, miner: IpAddr::from([10, 0, 0, 6]) });
    let suspected = Record { verdict: Verdict::Suspected, ..record(POOL, 3, HOUR) };
    let other = Record { miners: both.miners[1..].to_vec(), ..record(POOL, 4, HOUR) };
    let records = vec![record(POOL, 1, HOUR), both, suspected, other];
    let policy = Policy { allow_miner: vec!["10.0.0.5".parse().unwrap()], ..policy("1h") };
    book.load(Saved { records, releases: vec![] }, &policy, at(0));
    let d = book.list(&policy, &NeverBlock::new(), at(0));
    assert_eq!(d.list.entries().iter().map(|e| Item::Endpoint(e.target)).collect::<Vec<_>>(), [target(POOL, 4)]);
    let why: Vec<_> = d.refusals.iter().map(|r| r.reason.code()).collect();
    assert_eq!(why, ["allow-listed", "used-by-allowed-miner", "allow-listed"]);
}

fn any_addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|n| IpAddr::V4(Ipv4Addr::from(n))),
        any::<u128>().prop_map(|n| IpAddr::V6(n.into())),
        (0u8..4).prop_map(|n| IpAddr::from([198, 51, 100, n])),
        Just(IpAddr::from([10, 0, 0, 1])),
        Just(IpAddr::from([8, 8, 8, 8])),
        any::<u32>().prop_map(|n| IpAddr::V6(Ipv4Addr::from(n).to_ipv6_mapped())),
    ]
}

fn any_item() -> impl Strategy<Value = Item> {
    let service = prop_oneof![
        Just(None),
        (0u16..5).prop_map(|p| Some((Proto::Tcp, p))),
        (0u16..5).prop_map(|p| Some((Proto::Udp, p)))
    ];
    let names =
        ["pool.example", "eu.pool.example", "example.com", "co.uk", "a.local", "shop.example.net", "example.net"];
    prop_oneof![
        (any_addr(), service, prop::option::of(any_addr())).prop_map(|(addr, service, from)| Item::Endpoint(Target {
            addr,
            service,
            from
        })),
        (0..names.len()).prop_map(move |n| names[n].parse().unwrap()),
        prop_oneof![any_addr(), (0u8..60).prop_map(|n| IpAddr::from([10, 0, 0, n]))].prop_map(Item::Host),
    ]
}

fn any_record() -> impl Strategy<Value = Record> {
    let life = (any_item(), any::<i64>(), any::<i64>(), any::<i64>());
    (life, any::<bool>(), any::<u32>()).prop_map(|((key, first, seen, expires), manual, times)| Record {
        key,
        origin: if manual { Origin::Manual } else { Origin::Seen },
        first: PacketTime::from_nanos(first),
        last_seen: PacketTime::from_nanos(seen),
        expires: PacketTime::from_nanos(expires),
        times,
        // A host is its own miner; this one is nobody's allowed rig.
        ..record(POOL, 1, 0)
    })
}

/// A policy that isolates.
fn isolating(ttl: &str) -> Policy {
    let isolation = Isolation { enabled: true, least: Verdict::Suspected, ..Isolation::default() };
    Policy { isolation, ..policy(ttl) }
}

proptest! {
    #[test]
    fn whatever_was_saved_no_list_holds_what_it_must_not(
        records in prop::collection::vec(any_record(), 0..90), now in any::<i64>()
    ) {
        let policy = Policy {
            max_entries: MaxEntries::new(20).unwrap(),
            never_block_names: vec!["shop.example.net".parse().unwrap()],
            home: vec!["198.51.100.0/31".parse().unwrap()],
            ..isolating("1h")
        };
        let (never, now) = (NeverBlock::new(), PacketTime::from_nanos(now));
        let mut book = Book::default();
        book.load(Saved { records, releases: vec![] }, &policy, now);
        let d = book.list(&policy, &never, now);
        prop_assert!(d.list.len() <= 20 && d.list.names().len() <= 20 && d.hosts.len() <= 20);
        for n in d.list.names() {
            prop_assert!(n.name.as_str().ends_with("pool.example") || n.name.as_str() == "example.com", "{}", n.name);
            prop_assert!((1..=Ttl::MAX.as_secs()).contains(&n.ttl_secs));
        }
        for h in &d.hosts {
            prop_assert_eq!(never.check_inside(h.host, &policy), None);
            prop_assert!(never.check(h.host, &policy).is_some(), "{} is outside", h.host);
            prop_assert_eq!(h.host, h.host.to_canonical());
            prop_assert!((1..=Ttl::MAX.as_secs()).contains(&h.ttl_secs));
        }
        for e in d.list.entries() {
            prop_assert_eq!(never.check(e.target.addr, &policy), None);
            prop_assert!(!matches!(e.target.service, Some((_, 0))));
            prop_assert!(e.target.is_sound() && e.target == e.target.canonical(), "{}", e.target);
            prop_assert_eq!(e.target.addr, e.target.addr.to_canonical());
            prop_assert!((1..=Ttl::MAX.as_secs()).contains(&e.ttl_secs));
        }
        for r in book.entries(&policy, now).filter(|r| r.origin == Origin::Seen) {
            prop_assert!(r.expires.since(now) <= Ttl::MONTH.duration());
        }
    }

    /// Any sequence of what can happen keeps the promises, and a restart after it changes nothing.
    #[test]
    fn any_course_of_events_keeps_its_promises(
        steps in prop::collection::vec((0u8..6, 0u8..4, 1i64..4_000, 0u8..3), 1..60)
    ) {
        let policy = Policy { least: Verdict::Suspected, ..isolating("1h") };
        let never = NeverBlock::new();
        let mut book = Book::new(Limits { per_minute: 3, ..Limits::default() });
        let mut disk: BTreeMap<(Item, Origin), Record> = BTreeMap::new();
        let mut now = 0;
        let mut minute = (0, [0; 3]);
        for (what, which, step, level) in steps {
            now += step;
            let (addr, name) = (format!("198.51.100.{which}"), format!("pool{which}.example"));
            let miner = IpAddr::from([10, 0, 0, 10 + which]);
            let ordered = [whole(&addr), name.parse().unwrap(), Item::Host(miner)][usize::from(level)].clone();
            let verdict = [Verdict::Suspected, Verdict::Probable, Verdict::Confirmed][usize::from(level)];
            let added = match what {
                0 => { book.release(ordered, at(now + 500), "", at(now)); vec![] }
                1 => {
                    book.block(ordered, "10m".parse().unwrap(), ("", ""), (&policy, &never), at(now)).unwrap();
                    vec![]
                }
                2 => book.expire(&policy, at(now)).added,
                _ => {
                    let names = [told(&name)];
                    let seen: Vec<_> = (0..4)
                        .map(|p| BlockCandidate {
                            verdict,
                            miner,
                            names: &names,
                            last_seen: at(now),
                            ..candidate(&addr, 1 + p)
                        })
                        .collect();
                    let list = lists(&seen, &policy, now);
                    prop_assert_eq!((list.list.names().len(), list.hosts.len()), (1, 1));
                    let added = book.offer(&list, &policy, at(now)).added;
                    let again = book.offer(&list, &policy, at(now));
                    prop_assert!(again.is_empty(), "{:?}", again);
                    added
                }
            };
            let this = (1_795_636_800 + now) / 60;
            if minute.0 != this {
                minute = (this, [0; 3]);
            }
            for item in added {
                minute.1[match item { Item::Endpoint(_) => 0, Item::Name(_) => 1, Item::Host(_) => 2 }] += 1;
            }
            prop_assert!(minute.1.iter().all(|n| *n <= 3), "{:?} in one minute", minute.1);
            for t in book.take_touched() {
                match t.record {
                    Some(r) => { disk.insert((t.item, t.origin), r); }
                    None => { disk.remove(&(t.item, t.origin)); }
                }
            }
            let list = held(&book, &policy, now);
            for (t, left) in &list {
                prop_assert!(*left >= 1 && *left <= 30 * 86_400);
                let ordered = book.manual.contains_key(t);
                prop_assert!(ordered || book.released_until(t, at(now)).is_none(), "{} is released", t);
            }
            let mut restarted = Book::default();
            let releases = book.releases.values().cloned().collect();
            restarted.load(Saved { records: disk.values().cloned().collect(), releases }, &policy, at(now));
            prop_assert_eq!(held(&restarted, &policy, now), list);
        }
    }

    #[test]
    fn the_order_within_a_list_and_of_lists_in_one_moment_changes_nothing(
        mut ports in prop::collection::vec(1u16..60, 1..40), cut in 0usize..40
    ) {
        let policy = policy("1h");
        let take = |ports: &[u16]| {
            let all: Vec<_> = ports.iter().map(|p| candidate(POOL, *p)).collect();
            lists(&all, &policy, 0)
        };
        let (mut one, mut two) = (Book::default(), Book::default());
        one.offer(&take(&ports), &policy, at(0));
        ports.reverse();
        let (a, b) = ports.split_at(cut.min(ports.len()));
        two.offer(&take(a), &policy, at(0));
        two.offer(&take(b), &policy, at(0));
        prop_assert_eq!(held(&one, &policy, 0), held(&two, &policy, 0));
    }
}

#[test]
fn a_release_of_an_endpoint_an_address_or_a_host_is_one_of_its_pairs() {
    let pair = |host: &str, port| {
        let item: Item = format!("{host}@{POOL}:{port}").parse().unwrap();
        Record { key: item, ..record(POOL, port, 3_600) }
    };
    let policy = policy("1h");
    for (released, left) in [
        (format!("{POOL}:3333"), 1),
        (POOL.to_owned(), 0),
        ("10.0.0.5".to_owned(), 1),
        (format!("10.0.0.5@{POOL}:3333"), 2),
        (format!("{POOL}:3333/udp"), 3),
    ] {
        let mut book = Book::default();
        let records = vec![pair("10.0.0.5", 3333), pair("10.0.0.6", 3333), pair("10.0.0.5", 4444)];
        book.load(Saved { records, releases: vec![] }, &policy, at(0));
        let gone = book.release(released.parse().unwrap(), at(3_000), "ada", at(1));
        assert_eq!((gone.len(), book.entries(&policy, at(1)).count()), (3 - left, left), "{released}");
        // And it does not come back before.
        for item in gone {
            assert!(book.released_until(&item, at(2)).is_some(), "{item}");
        }
    }
}

#[test]
fn a_person_cuts_one_host_off_from_one_endpoint() {
    let (mut book, policy, never) = (Book::default(), policy("1h"), NeverBlock::new());
    let mut order = |what: &str| {
        let item: Item = what.parse().unwrap();
        book.block(item, "1h".parse().unwrap(), ("why", "ada"), (&policy, &never), at(0)).map_err(|r| r.code())
    };
    assert!(order(&format!("10.0.0.5@{POOL}:3333")).is_ok());
    assert_eq!(order(&format!("127.0.0.1@{POOL}:3333")), Err("no-pair"));
    assert_eq!(order("10.0.0.5@8.8.8.8:53/udp"), Err("public-resolver"));
    let d = book.list(&policy, &never, at(1));
    assert_eq!(
        d.list.entries().iter().map(|e| e.target.to_string()).collect::<Vec<_>>(),
        [format!("10.0.0.5@{POOL}:3333/tcp")]
    );
}
