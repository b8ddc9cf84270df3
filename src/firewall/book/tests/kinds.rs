//! Names and isolated hosts in the book, and quiet hours.

use super::*;
use crate::firewall::Prefix;
use crate::firewall::isolate::{HostEntry, MAX_HOSTS};
use crate::firewall::quiet::QuietHours;

const NAME: &str = "pool.example";
const MINER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5));

fn name(text: &str) -> Item {
    text.parse().unwrap()
}

/// What is decided of a miner that a resolver led to the pool by its name, and that was seen at `seen`.
fn mined(seen: i64, policy: &Policy, now: i64) -> Decision {
    mined_as(NAME, seen, policy, now)
}

fn mined_as(name: &str, seen: i64, policy: &Policy, now: i64) -> Decision {
    lists(&[BlockCandidate { names: &[told(name)], last_seen: at(seen), ..candidate(POOL, 3333) }], policy, now)
}

fn all_three() -> [Item; 3] {
    [target(POOL, 3333), name(NAME), Item::Host(MINER)]
}

#[test]
fn names_and_hosts_live_like_endpoints() {
    let policy = isolating("1h");
    let policy = Policy { isolation: Isolation { ttl: "2h".parse().unwrap(), ..policy.isolation }, ..policy };
    let mut book = Book::default();
    assert_eq!(book.offer(&mined(0, &policy, 0), &policy, at(0)).added, all_three());
    let lives = |book: &Book, now| held(book, &policy, now).into_iter().map(|(_, left)| left).collect::<Vec<_>>();
    assert_eq!(lives(&book, 0), [3_600, 3_600, 7_200]);
    // Offered again without traffic they are no news; traffic renews them.
    assert!(book.offer(&mined(0, &policy, 600), &policy, at(600)).is_empty());
    assert_eq!(book.offer(&mined(1_800, &policy, 1_800), &policy, at(1_800)).renewed, all_three());
    assert_eq!(book.expire(&policy, at(5_400)).ended, all_three()[..2]);
    assert_eq!(book.expire(&policy, at(9_000)).ended, all_three()[2..]);
    // Who comes back stays for twice as long.
    book.offer(&mined(20_000, &policy, 20_000), &policy, at(20_000));
    assert_eq!(lives(&book, 20_000), [7_200, 7_200, 14_400]);
}

#[test]
fn a_restart_keeps_names_and_hosts_with_what_they_are_about() {
    let policy = isolating("1h");
    let mut before = Book::default();
    before.offer(&mined(0, &policy, 0), &policy, at(0));
    let mut after = Book::default();
    after.load(saved(&mut before), &policy, at(600));
    assert_eq!(held(&after, &policy, 600), held(&before, &policy, 600));
    let d = after.list(&policy, &NeverBlock::new(), at(600));
    let pool = Target { addr: POOL.parse().unwrap(), service: Some((Proto::Tcp, 3333)), from: None };
    assert_eq!((&d.list.names()[0].endpoints, &d.hosts[0].pools), (&vec![pool], &vec![pool]));
    assert_eq!(d.list.names()[0].miners[0].miner, MINER);
}

#[test]
fn a_release_of_a_name_holds_for_all_below_it() {
    let policy = policy("1h");
    let mut book = Book::default();
    for n in [NAME, "eu.pool.example", "carpool.example"] {
        book.offer(&mined_as(n, 0, &policy, 0), &policy, at(0));
    }
    book.block(name("us.pool.example"), Ttl::DAY, ("", "ada"), (&policy, &NeverBlock::new()), at(0)).unwrap();
    let gone = book.release(name(NAME), at(DAY), "ada", at(1));
    assert_eq!(gone, [name("eu.pool.example"), name(NAME), name("us.pool.example")]);
    for n in [NAME, "eu.pool.example"] {
        assert!(book.offer(&mined_as(n, 10, &policy, 10), &policy, at(10)).added.is_empty(), "{n}");
    }
    assert_eq!(held(&book, &policy, 10).len(), 2, "the endpoint and the other name");
    // What lies above is another name.
    book.release(name("eu.other.example"), at(DAY), "ada", at(1));
    assert_eq!(book.offer(&mined_as("other.example", 20, &policy, 20), &policy, at(20)).added, [name("other.example")]);
}

#[test]
fn a_release_of_an_address_gives_the_host_back() {
    let policy = isolating("1h");
    let mut book = Book::default();
    book.offer(&mined(0, &policy, 0), &policy, at(0));
    assert_eq!(book.release(whole("10.0.0.5"), at(DAY), "ada", at(1)), [Item::Host(MINER)]);
    assert!(book.offer(&mined(60, &policy, 60), &policy, at(60)).added.is_empty());
    // Written down and read by another it is the same.
    let mut other = Book::default();
    other.load(saved(&mut book), &policy, at(61));
    assert!(!held(&other, &policy, 61).iter().any(|(item, _)| matches!(item, Item::Host(_))));
    assert_eq!(book.offer(&mined(DAY, &policy, DAY), &policy, at(DAY)).added, all_three(), "the release is over");
}

#[test]
fn orders_pass_the_same_protections_as_the_gate_does() {
    let policy = Policy {
        never_block_names: vec!["shop.example.net".parse().unwrap()],
        home: vec!["203.0.113.0/24".parse().unwrap()],
        isolation: Isolation { never: vec!["10.0.0.9".parse().unwrap()], ..Isolation::default() },
        ..policy("1h")
    };
    let never =
        NeverBlock::new().with_gateways(["10.0.0.1".parse().unwrap()]).with_resolvers(["10.0.0.53".parse().unwrap()]);
    let mut book = Book::default();
    for (item, code) in [
        (name("co.uk"), "public-suffix"),
        (name("printer.local"), "special-name"),
        (name("eu.shop.example.net"), "never-block-list"),
        (name("example.net"), "covers-never-block"),
        (Item::Host([10, 0, 0, 1].into()), "gateway"),
        (Item::Host([10, 0, 0, 53].into()), "resolver"),
        (Item::Host([10, 0, 0, 9].into()), "spared-host"),
        (Item::Host([45, 9, 148, 117].into()), "not-inside"),
        (Item::Host([127, 0, 0, 1].into()), "special-purpose"),
    ] {
        let asked = book.block(item.clone(), Ttl::DAY, ("", ""), (&policy, &never), at(0));
        assert_eq!(asked.unwrap_err().code(), code, "{item}");
    }
    assert!(book.is_empty());
    // An order is its own leave: the policy need not isolate by itself.
    for item in [name(NAME), Item::Host(MINER), Item::Host([203, 0, 113, 7].into())] {
        book.block(item, Ttl::DAY, ("", ""), (&policy, &never), at(0)).unwrap();
    }
    assert_eq!(held(&book, &policy, 0).len(), 3);
    let d = book.list(&policy, &never, at(0));
    assert_eq!((d.list.names()[0].verdict, d.hosts[0].verdict), (None, None), "an order is no verdict");
}

#[test]
fn a_policy_that_changed_holds_for_names_and_hosts_too() {
    let was = isolating("1h");
    let mut book = Book::default();
    book.offer(&mined(0, &was, 0), &was, at(0));
    let spared: Vec<Prefix> = vec!["10.0.0.0/24".parse().unwrap()];
    let isolation = |change: fn(&mut Isolation, Vec<Prefix>)| {
        let mut isolation = was.isolation.clone();
        change(&mut isolation, spared.clone());
        Policy { isolation, ..was.clone() }
    };
    for (policy, name_code, host_code) in [
        (Policy { names: false, ..was.clone() }, Some("names-off"), None),
        (Policy { never_block_names: vec![NAME.parse().unwrap()], ..was.clone() }, Some("never-block-list"), None),
        (
            Policy { allow_miner: vec!["10.0.0.5".parse().unwrap()], ..was.clone() },
            Some("allow-listed"),
            Some("allow-listed"),
        ),
        (isolation(|i, _| i.enabled = false), None, Some("isolation-off")),
        (isolation(|i, spared| i.never = spared), None, Some("spared-host")),
        (isolation(|i, spared| i.keep = spared), None, Some("spared-host")),
    ] {
        let d = book.list(&policy, &NeverBlock::new(), at(0));
        assert_eq!(d.name_refusals.first().map(|r| r.reason.code()), name_code);
        assert_eq!(d.host_refusals.first().map(|r| r.reason.code()), host_code);
        assert_eq!((d.list.names().is_empty(), d.hosts.is_empty()), (name_code.is_some(), host_code.is_some()));
    }
    let never = NeverBlock::new().with_resolvers([MINER]);
    assert_eq!(book.list(&was, &never, at(0)).host_refusals[0].reason.code(), "resolver");
}

#[test]
fn a_flood_of_infected_hosts_cuts_off_ten_a_minute_and_a_few_hundred_at_all() {
    let policy = isolating("1d");
    let mut book = Book::default();
    let campus: Vec<_> = (0..2_000u16)
        .map(|n| {
            let [high, low] = n.to_be_bytes();
            let verdict = if n == 1_999 { Verdict::Confirmed } else { Verdict::Suspected };
            BlockCandidate { miner: IpAddr::from([10, 1, high, low]), verdict, ..candidate(POOL, 3333) }
        })
        .collect();
    let decision = lists(&campus, &policy, 0);
    assert_eq!(decision.hosts.len(), MAX_HOSTS);
    let changes = book.offer(&decision, &policy, at(0));
    let hosts = |items: &[Item]| items.iter().filter(|i| matches!(i, Item::Host(_))).count();
    assert_eq!((hosts(&changes.added), changes.hosts_waiting), (10, MAX_HOSTS - 10));
    assert!(changes.added.contains(&Item::Host([10, 1, 7, 207].into())), "the most certain first");
    assert!(changes.alarm().unwrap().contains("246 hosts wait to be isolated"), "{:?}", changes.alarm());
    for minute in 1..60 {
        let again = book.offer(&decision, &policy, at(minute * 60));
        assert!(hosts(&again.added) <= 10, "{minute}: {}", again.added.len());
        book.offer(&lists(&campus[1_000..], &policy, 0), &policy, at(minute * 60));
    }
    assert_eq!(book.list(&policy, &NeverBlock::new(), at(3_600)).hosts.len(), MAX_HOSTS);
}

/// `at(0)` is 20:00 in UTC.
fn at_night() -> Limits {
    let night = vec!["22:00-06:00".parse().unwrap()];
    Limits { quiet: QuietHours::new(night), ..Limits::default() }
}

#[test]
fn quiet_hours_let_nothing_new_in_keep_what_is_there_and_tell_once() {
    let policy = isolating("12h");
    let mut book = Book::new(at_night());
    book.offer(&lists(&[candidate("198.51.100.9", 1)], &policy, 0), &policy, at(0));
    let night = 2 * HOUR;
    let both = |seen: i64| {
        let old = BlockCandidate { last_seen: at(seen), ..candidate("198.51.100.9", 1) };
        let new = BlockCandidate {
            names: &[told(NAME)],
            miner: [10, 0, 0, 6].into(),
            last_seen: at(seen),
            ..candidate(POOL, 1)
        };
        lists(&[old, new], &policy, seen)
    };
    let before = held(&book, &policy, night).len();
    let changes = book.offer(&both(night), &policy, at(night));
    assert_eq!((changes.alarm(), changes.added, changes.quiet), (None, vec![], Some(Quiet::HoldsBack)));
    assert_eq!(changes.renewed, [target("198.51.100.9", 1), Item::Host(MINER)], "what is there goes on");
    let changes = book.offer(&both(night + HOUR), &policy, at(night + HOUR));
    assert_eq!((changes.added.len(), changes.quiet), (0, None), "told once");
    assert_eq!(held(&book, &policy, night + HOUR).len(), before);
    // An order is carried out all the same.
    let never = NeverBlock::new();
    book.block(target("198.51.100.8", 8), Ttl::DAY, ("", "ada"), (&policy, &never), at(night + HOUR)).unwrap();
    assert_eq!(held(&book, &policy, night + HOUR).len(), before + 1);
    let morning = 10 * HOUR;
    let changes = book.expire(&policy, at(morning));
    assert_eq!((changes.added, changes.quiet), (vec![], Some(Quiet::Over)), "who is not seen any more is not blocked");
    let changes = book.offer(&both(morning + 60), &policy, at(morning + 60));
    assert_eq!(changes.added, [target(POOL, 1), name(NAME), Item::Host([10, 0, 0, 6].into())]);
    assert_eq!(changes.quiet, None);
}

#[test]
fn quiet_hours_that_held_nothing_back_say_nothing() {
    let policy = policy("12h");
    let mut book = Book::new(at_night());
    book.offer(&list_of(POOL, 0, &policy, 0), &policy, at(0));
    for now in [2 * HOUR, 3 * HOUR, 10 * HOUR] {
        assert_eq!(book.offer(&list_of(POOL, now, &policy, now), &policy, at(now)).quiet, None);
    }
    let mut book = Book::default();
    book.limit(at_night());
    assert_eq!(book.offer(&list_of(POOL, 2 * HOUR, &policy, 2 * HOUR), &policy, at(2 * HOUR)).added, []);
}

#[test]
fn hosts_of_a_list_are_in_order_and_merged() {
    let policy = isolating("1h");
    let mut book = Book::default();
    book.offer(&mined(0, &policy, 0), &policy, at(0));
    book.block(Item::Host(MINER), Ttl::DAY, ("", "ada"), (&policy, &NeverBlock::new()), at(0)).unwrap();
    book.block(Item::Host([10, 0, 0, 4].into()), Ttl::DAY, ("", "ada"), (&policy, &NeverBlock::new()), at(0)).unwrap();
    let d = book.list(&policy, &NeverBlock::new(), at(0));
    let hosts: Vec<_> = d.hosts.iter().map(|HostEntry { host, ttl_secs, .. }| (*host, *ttl_secs)).collect();
    assert_eq!(hosts, [([10, 0, 0, 4].into(), 86_400), (MINER, 86_400)]);
    assert_eq!(book.entries(&policy, at(0)).filter(|r| r.key == Item::Host(MINER)).count(), 2);
}
