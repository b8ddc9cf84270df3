//! Which names get into a list, and what nobody can make us list.

use crate::evidence::Verdict;
use crate::firewall::candidate::{BlockCandidate, NameUse};
use crate::firewall::gate::{Decision, admit_with_names, decide};
use crate::firewall::guard::NeverBlock;
use crate::firewall::list::NameEntry;
use crate::firewall::name::DomainName;
use crate::firewall::policy::{MaxEntries, Policy, Scope};
use crate::firewall::testing::{at, candidate, test_policy};

const POOL: &str = "198.51.100.10";

fn name(name: &str) -> NameUse<'_> {
    NameUse { name, told_by: None, sent: false, host: false, takes_miners: false }
}

/// Told by the resolver inside.
fn told(n: &str) -> NameUse<'_> {
    NameUse { told_by: Some([10, 0, 0, 53].into()), ..name(n) }
}

fn sent(n: &str) -> NameUse<'_> {
    NameUse { sent: true, ..name(n) }
}

fn decided(candidates: &[BlockCandidate<'_>], policy: &Policy) -> Decision {
    decide(candidates, policy, &NeverBlock::new(), at(0))
}

fn of(names: &[NameUse<'_>]) -> Decision {
    decided(&[BlockCandidate { names, ..candidate(POOL, 3333) }], &test_policy())
}

fn listed(d: &Decision) -> Vec<&str> {
    d.list.names().iter().map(|n| n.name.as_str()).collect()
}

fn refused(d: &Decision) -> Vec<(&str, &str)> {
    d.name_refusals.iter().map(|r| (r.name.as_str(), r.reason.code())).collect()
}

#[test]
fn a_name_that_led_the_miner_to_the_pool_is_listed_beside_the_endpoint() {
    let d = of(&[told("xmr.pool.example")]);
    assert_eq!(listed(&d), ["xmr.pool.example"]);
    let n = &d.list.names()[0];
    assert_eq!((n.ttl_secs, n.expires, n.verdict, n.last_seen), (86_400, at(86_400), Some(Verdict::Confirmed), at(0)));
    assert_eq!(n.endpoints, [d.list.entries()[0].target]);
    assert_eq!(n.miners, d.list.entries()[0].miners);
    assert!(d.refusals.is_empty() && d.name_refusals.is_empty());
}

#[test]
fn a_name_of_a_feed_is_listed_however_the_miner_used_it() {
    let feed = |n| NameUse { takes_miners: true, ..n };
    for n in [feed(sent("xmr.pool.example")), feed(told("xmr.pool.example"))] {
        assert_eq!(listed(&of(&[n])), ["xmr.pool.example"]);
    }
    // By a resolver that nobody knows, too: the name is a pool's whoever says where it leads.
    let n = NameUse { told_by: Some([203, 0, 113, 53].into()), ..feed(name("xmr.pool.example")) };
    assert_eq!(listed(&of(&[n])), ["xmr.pool.example"]);
    // Knowing it is not using it.
    assert_eq!(refused(&of(&[feed(name("xmr.pool.example"))])), [("xmr.pool.example", "not-vouched")]);
}

#[test]
fn sf07_a_client_alone_lists_no_name_that_it_only_says() {
    for n in ["www.google.com", "update.vendor.example"] {
        // In TLS or HTTP to a pool of its own.
        for host in [false, true] {
            let d = of(&[NameUse { host, ..sent(n) }]);
            assert_eq!((listed(&d), refused(&d)), (vec![], vec![(n, "not-vouched")]));
            assert_eq!(d.list.len(), 1, "the pool itself is blocked");
        }
        // By a server of its own, that says any name leads to the pool.
        for server in ["203.0.113.53", POOL, "2001:db8::53", "10.0.0.5"] {
            let d = of(&[NameUse { told_by: Some(server.parse().unwrap()), ..sent(n) }]);
            assert_eq!((listed(&d), refused(&d)), (vec![], vec![(n, "unknown-resolver")]), "{server}");
            let said = d.name_refusals[0].reason.to_string();
            assert!(said.contains(&format!("--trust-resolver {server}")), "{said}");
        }
    }
}

#[test]
fn resolvers_that_are_believed() {
    for server in ["10.0.0.53", "192.168.1.1", "100.64.0.1", "fd00::53", "fe80::1", "8.8.8.8", "::ffff:1.1.1.1"] {
        let d = of(&[NameUse { told_by: Some(server.parse().unwrap()), ..name("pool.example") }]);
        assert_eq!(listed(&d), ["pool.example"], "{server}");
    }
    // A neighbour on the miner's own link, and none.
    for (server, code) in [("2001:db8:5::53", None), ("2001:db8:5:1::53", Some("unknown-resolver"))] {
        let n = [NameUse { told_by: Some(server.parse().unwrap()), ..name("pool.example") }];
        let miner = "2001:db8:5::9".parse().unwrap();
        let d = decided(&[BlockCandidate { names: &n, miner, ..candidate(POOL, 3333) }], &test_policy());
        assert_eq!(d.name_refusals.first().map(|r| r.reason.code()), code, "{server}");
    }
    let n = [NameUse { told_by: Some([203, 0, 113, 53].into()), ..name("pool.example") }];
    let c = [BlockCandidate { names: &n, ..candidate(POOL, 3333) }];
    let policy = Policy { trust_resolver: vec!["203.0.113.0/24".parse().unwrap()], ..test_policy() };
    assert_eq!(listed(&decided(&c, &policy)), ["pool.example"]);
    // Anybody inside can send an answer of DHCP that names one.
    let never = NeverBlock::new().with_resolvers([[203, 0, 113, 53].into()]);
    let d = decide(&c, &test_policy(), &never, at(0));
    assert_eq!(d.name_refusals.first().map(|r| r.reason.code()), Some("unknown-resolver"));
}

/// A front serves strangers: look-ups lead there for every one of them.
#[test]
fn domain_fronting_lists_no_stranger() {
    let fronted = |names: &[NameUse<'_>]| {
        let c = BlockCandidate { names, shared_front: Some("Example CDN"), ..candidate(POOL, 443) };
        decided(&[c], &test_policy())
    };
    // TLS for the stranger, and whatever is inside.
    let d = fronted(&[NameUse { sent: true, ..told("shop.example") }]);
    assert_eq!((listed(&d), refused(&d)), (vec![], vec![("shop.example", "shared-front")]));
    // A look-up alone.
    assert_eq!(refused(&fronted(&[told("shop.example")])), [("shop.example", "shared-front")]);
    // Looked up for the stranger, and all requests for the pool's own: nobody led there by that.
    let d = fronted(&[told("shop.example"), NameUse { host: true, ..sent("worker.example") }]);
    assert!(listed(&d).is_empty());
    assert_eq!(refused(&d), [("shop.example", "not-meant"), ("worker.example", "not-vouched")]);
    // Looked up and asked for, and nothing else: that is it.
    let d = fronted(&[NameUse { sent: true, host: true, ..told("worker.example") }]);
    assert_eq!(listed(&d), ["worker.example"]);
    // On an address that nobody knows for a front the conversation has its word, too.
    let d = of(&[told("shop.example"), NameUse { host: true, ..sent("worker.example") }]);
    assert_eq!(refused(&d), [("shop.example", "not-meant"), ("worker.example", "not-vouched")]);
}

#[test]
fn the_refusal_of_a_front_says_which_name_is_listed_instead() {
    let names = [NameUse { sent: true, host: true, ..told("worker.example") }];
    let c = BlockCandidate { names: &names, shared_front: Some("Example CDN"), ..candidate(POOL, 80) };
    let d = decided(&[c], &test_policy());
    let [r] = &d.refusals[..] else { panic!("{:?}", d.refusals) };
    assert_eq!(r.reason.code(), "shared-front");
    assert!(r.text().ends_with("(Example CDN); lists of names hold worker.example"), "{}", r.text());
    // And what can be done where none is, which is never the block that was just refused.
    for names in [&[][..], &[told("shop.example")]] {
        let d = decided(&[BlockCandidate { names, ..c }], &test_policy());
        let said = d.refusals[0].text();
        assert!(said.contains("isolate the host, or order ") && !said.contains("instead"), "{said}");
        assert!(said.contains("minewatch block 10.0.0.5@198.51.100.10:80/tcp"), "{said}");
        assert!(d.name_refusals.iter().all(|r| r.reason.to_string().contains("minewatch block NAME")));
    }
}

/// The ranges of feeds are spared, and the names behind them are how to block what is there.
#[test]
fn a_name_on_a_listed_front_is_judged_as_on_one_that_was_noticed() {
    let never = crate::firewall::testing::with_front("198.51.100.0/24");
    let of = |names: &[NameUse<'_>]| {
        decide(&[BlockCandidate { names, ..candidate(POOL, 80) }], &test_policy(), &never, at(0))
    };
    let d = of(&[NameUse { sent: true, host: true, ..told("worker.example") }]);
    assert_eq!((listed(&d), d.list.len()), (vec!["worker.example"], 0));
    assert_eq!(refused(&of(&[told("shop.example")])), [("shop.example", "shared-front")]);
    let d = of(&[NameUse { takes_miners: true, ..sent("pool.example") }]);
    assert_eq!(listed(&d), ["pool.example"]);
}

#[test]
fn behind_a_proxy_only_a_feed_vouches() {
    let proxied = |names: &[NameUse<'_>]| {
        decided(&[BlockCandidate { names, proxied: true, ..candidate("10.0.0.80", 3128) }], &test_policy())
    };
    let d = proxied(&[NameUse { takes_miners: true, ..sent("xmr.pool.example") }]);
    assert_eq!(listed(&d), ["xmr.pool.example"]);
    assert!(d.list.names()[0].endpoints.is_empty() && d.list.is_empty());
    assert_eq!(d.refusals[0].reason.code(), "proxy");
    assert!(d.refusals[0].text().ends_with("lists of names hold xmr.pool.example"), "{}", d.refusals[0].text());
    let d = proxied(&[sent("www.google.com"), told("proxy.corp.example")]);
    assert_eq!(refused(&d), [("proxy.corp.example", "not-vouched"), ("www.google.com", "not-vouched")]);
    // A conversation that was not understood, at an endpoint that another one shows to be a proxy.
    let names = [told("proxy.corp.example")];
    let plain = BlockCandidate { names: &names, ..candidate("198.51.100.80", 3128) };
    let d = decided(&[plain, BlockCandidate { names: &[], proxied: true, ..plain }], &test_policy());
    assert_eq!((listed(&d), refused(&d)), (vec![], vec![("proxy.corp.example", "not-vouched")]));
}

#[test]
fn sf05_a_conversation_that_lists_no_endpoint_lists_no_name() {
    let names = [NameUse { takes_miners: true, sent: true, ..told("xmr.pool.example") }];
    let good = BlockCandidate { names: &names, ..candidate(POOL, 3333) };
    for (c, code) in [
        (BlockCandidate { one_way: true, ..good }, "one-way"),
        (BlockCandidate { handshake_verified: false, ..good }, "no-handshake"),
        (BlockCandidate { client_data_acked: false, ..good }, "data-not-acknowledged"),
        (BlockCandidate { peer_replied: false, ..good }, "no-peer-reply"),
        (BlockCandidate { tunnelled: true, ..good }, "tunnelled"),
        (BlockCandidate { verdict: Verdict::Probable, ..good }, "below-level"),
        (BlockCandidate { last_seen: at(-86_400), ..good }, "expired"),
    ] {
        let d = decided(&[c], &test_policy());
        assert_eq!((listed(&d), refused(&d)), (vec![], vec![("xmr.pool.example", code)]));
        // A better conversation is not held up by a worse one.
        let d = decided(&[c, good], &test_policy());
        assert_eq!((listed(&d), refused(&d)), (vec!["xmr.pool.example"], vec![]), "{code}");
    }
}

#[test]
fn sf09_an_allowed_miner_keeps_its_pools_name_and_what_is_below() {
    let policy = Policy { allow_miner: vec!["10.0.0.6".parse().unwrap()], ..test_policy() };
    let one = [told("pool.example")];
    let bad = BlockCandidate { names: &one, ..candidate(POOL, 3333) };
    for (theirs, codes) in [
        ("pool.example", vec!["allow-listed", "used-by-allowed-miner"]),
        ("eu.pool.example", vec!["used-by-allowed-miner"]),
    ] {
        let names = [told(theirs)];
        let allowed = BlockCandidate { names: &names, miner: [10, 0, 0, 6].into(), ..candidate("198.51.100.20", 3333) };
        let d = decided(&[allowed, bad], &policy);
        assert!(listed(&d).is_empty(), "{theirs}");
        let found: Vec<_> = refused(&d).iter().filter(|(n, _)| *n == "pool.example").map(|(_, code)| *code).collect();
        assert_eq!(found, codes, "{theirs}");
        // Without proof anybody could protect his pool.
        let forged = BlockCandidate { one_way: true, ..allowed };
        assert_eq!(listed(&decided(&[forged, bad], &policy)), ["pool.example"], "{theirs}");
    }
}

#[test]
fn a_name_that_leads_to_a_protected_address_is_protected_unless_a_feed_knows_it() {
    for (addr, code) in [("10.1.2.3", "special-purpose"), ("8.8.8.8", "public-resolver")] {
        let names = [told("relay.corp.example")];
        let d = decided(&[BlockCandidate { names: &names, ..candidate(addr, 3333) }], &test_policy());
        assert_eq!((listed(&d), refused(&d)), (vec![], vec![("relay.corp.example", code)]));
    }
    let names = [NameUse { takes_miners: true, ..told("xmr.pool.example") }];
    // Behind NAT64 no address could be blocked.
    let c = BlockCandidate { names: &names, ..candidate("64:ff9b::c633:640a", 3333) };
    assert_eq!(listed(&decided(&[c], &test_policy())), ["xmr.pool.example"]);
    let policy = Policy { never_block: vec!["198.51.100.0/24".parse().unwrap()], ..test_policy() };
    let d = decided(&[BlockCandidate { names: &names, ..candidate(POOL, 3333) }], &policy);
    assert_eq!((listed(&d), refused(&d)), (vec![], vec![("xmr.pool.example", "never-block-list")]));
}

#[test]
fn eo07_the_last_gate_is_for_names_of_every_origin() {
    let names = [
        told("co.uk"),
        told("com"),
        told("."),
        told("pool.example"),
        told("evil\nlocal=/bank.example/"),
        told("1.2.0.192.in-addr.arpa"),
        told("POOL.example."),
    ];
    let d = of(&names);
    assert_eq!(listed(&d), ["pool.example"]);
    let expected = [
        (".", "not-a-name"),
        ("1.2.0.192.in-addr.arpa", "special-name"),
        ("co.uk", "public-suffix"),
        ("com", "not-a-name"),
        ("evil?local=/bank.example/", "not-a-name"),
    ];
    assert_eq!(refused(&d), expected);
    assert_eq!(d.never_block_refused(), 5);
}

#[test]
fn sf03_saved_names_pass_the_same_gate_the_clock_and_the_cap() {
    let saved = |name: &str, expires: i64| NameEntry {
        name: DomainName::parse(name).unwrap(),
        ttl_secs: 999_999_999,
        expires: at(expires),
        verdict: Some(Verdict::Confirmed),
        last_seen: at(expires - 86_400),
        miners: Vec::new(),
        endpoints: Vec::new(),
    };
    let names = vec![
        saved("co.uk", 3600),
        saved("printer.local", 3600),
        saved("shop.example", 3600),
        saved("pool.example", 1200),
        saved("pool.example", 1300),
        saved("old.example", 0),
        saved("far.example", 1_000_000_000),
    ];
    let policy = Policy {
        never_block_names: vec!["shop.example".parse().unwrap()],
        max_entries: MaxEntries::new(2).unwrap(),
        ..test_policy()
    };
    let d = admit_with_names(Vec::new(), names, &policy, &NeverBlock::new(), at(100));
    let left: Vec<_> = d.list.names().iter().map(|n| (n.name.as_str(), n.ttl_secs)).collect();
    assert_eq!(left, [("far.example", 86_400), ("pool.example", 1200)]);
    assert_eq!(
        refused(&d),
        [
            ("co.uk", "public-suffix"),
            ("old.example", "expired"),
            ("printer.local", "special-name"),
            ("shop.example", "never-block-list"),
        ]
    );
}

#[test]
fn the_cap_keeps_the_most_certain_and_the_most_recent_names() {
    let names: Vec<String> = (0..5).map(|n| format!("p{n}.example")).collect();
    let uses: Vec<[NameUse<'_>; 1]> = names.iter().map(|n| [told(n)]).collect();
    let all: Vec<_> = uses
        .iter()
        .zip(0..)
        .map(|(names, n)| BlockCandidate { names, last_seen: at(-n), ..candidate(POOL, 3333) })
        .collect();
    let policy = Policy { max_entries: MaxEntries::new(2).unwrap(), ..test_policy() };
    let d = decided(&all, &policy);
    assert_eq!(listed(&d), ["p0.example", "p1.example"]);
    assert_eq!(d.capped(), 3);
}

#[test]
fn in_address_scope_a_name_goes_with_the_address() {
    let names = [told("pool.example")];
    let policy = Policy { scope: Scope::Address, ..test_policy() };
    let d = decided(&[BlockCandidate { names: &names, ..candidate(POOL, 3333) }], &policy);
    assert_eq!(d.list.names()[0].endpoints, [d.list.entries()[0].target]);
    assert_eq!((d.list.indispensable_names(), d.list.nameless_entries(|_| false)), (0, 0));
}

#[test]
fn the_order_of_candidates_changes_nothing() {
    let (one, two) = ([told("pool.example"), sent("x.example")], [told("b.pool.example")]);
    let mut all = [
        BlockCandidate { names: &one, ..candidate(POOL, 3333) },
        BlockCandidate { names: &two, miner: [10, 0, 0, 6].into(), ..candidate(POOL, 3333) },
        BlockCandidate { names: &one, verdict: Verdict::Probable, ..candidate("198.51.100.11", 1) },
    ];
    let d = decided(&all, &test_policy());
    all.reverse();
    assert_eq!(decided(&all, &test_policy()), d);
}
