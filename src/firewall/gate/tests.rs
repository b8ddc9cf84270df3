//! What gets past the gate, what does not, and what the reason says.

use proptest::prelude::*;

use super::*;
use crate::decode::{MacAddr, Tenant};
use crate::firewall::candidate::{NameUse, Proto};
use crate::firewall::policy::{AllowedMiner, MaxEntries};
use crate::firewall::testing::{at, candidate, test_policy, with_front};

fn decided(candidates: &[BlockCandidate<'_>], policy: &Policy) -> Decision {
    decide(candidates, policy, &NeverBlock::new(), at(0))
}

fn targets(d: &Decision) -> Vec<String> {
    d.list.entries().iter().map(|e| e.target.to_string()).collect()
}

fn codes(d: &Decision) -> Vec<(String, &'static str)> {
    d.refusals.iter().map(|r| (r.target.to_string(), r.reason.code())).collect()
}

#[test]
fn a_proven_conversation_becomes_an_endpoint_entry_that_lives_for_a_day() {
    let d = decided(&[candidate("198.51.100.10", 3333)], &test_policy());
    assert_eq!(targets(&d), ["198.51.100.10:3333/tcp"]);
    let e = &d.list.entries()[0];
    assert_eq!((e.ttl_secs, e.expires, e.verdict), (86_400, at(86_400), Some(Verdict::Confirmed)));
    assert_eq!(e.miners, [Who { tenant: Tenant::None, miner: [10, 0, 0, 5].into() }]);
    assert!(d.refusals.is_empty());
}

/// Each reason alone: one fact is spoilt, everything else would pass.
#[test]
fn each_missing_proof_is_refused_with_its_own_reason() {
    let good = candidate("198.51.100.10", 3333);
    let cases: [(BlockCandidate<'_>, &str, &str); 11] = [
        (BlockCandidate { one_way: true, ..good }, "one-way", "only one direction"),
        (BlockCandidate { handshake_verified: false, ..good }, "no-handshake", "no complete handshake"),
        (BlockCandidate { handshake_verified: false, proto: Proto::Udp, ..good }, "datagrams", "goes over UDP"),
        (BlockCandidate { client_data_acked: false, ..good }, "data-not-acknowledged", "never acknowledged"),
        (BlockCandidate { peer_replied: false, ..good }, "no-peer-reply", "no plausible answer"),
        (BlockCandidate { tunnelled: true, ..good }, "tunnelled", "could have written both sides"),
        (BlockCandidate { proxied: true, ..good }, "proxy", "the pool is behind it"),
        (
            BlockCandidate { verdict: Verdict::Probable, ..good },
            "below-level",
            "the verdict is probable, the policy blocks from confirmed on",
        ),
        (BlockCandidate { last_seen: at(-86_400), ..good }, "expired", "older than the life time"),
        (BlockCandidate { port: 0, ..good }, "unspecified-port", "port 0"),
        (
            BlockCandidate { shared_front: Some("Example CDN"), ..good },
            "shared-front",
            "serves many customers (Example CDN)",
        ),
    ];
    for (c, code, sentence) in cases {
        let d = decided(&[c], &test_policy());
        assert!(d.list.is_empty(), "{code}");
        let [r] = &d.refusals[..] else { panic!("{code}: {:?}", d.refusals) };
        assert_eq!(r.reason.code(), code);
        assert!(r.reason.to_string().contains(sentence), "{code}: {}", r.reason);
    }
}

/// Whoever says it, and whenever: a conversation, a database of before, an order.
#[test]
fn nothing_is_blocked_at_an_address_that_feeds_call_shared() {
    let never = with_front("198.51.100.0/24");
    let pool = candidate("198.51.100.10", 3333);
    for scope in [Scope::Endpoint, Scope::Address, Scope::HostPair] {
        let policy = Policy { scope, ..test_policy() };
        let d = decide(&[pool, candidate("203.0.113.9", 3333)], &policy, &never, at(0));
        assert_eq!(d.list.len(), 1, "{scope:?}");
        let [r] = &d.refusals[..] else { panic!("{:?}", d.refusals) };
        assert_eq!(r.reason.to_string(), "the address serves many customers (Example CDN, 198.51.100.0/24)");
    }
    let saved = |verdict, from: Option<&str>| {
        let target = Target { from: from.map(|a| a.parse().unwrap()), ..target(&pool, Scope::Endpoint) };
        let e = Entry { target, ttl_secs: 60, expires: at(60), verdict, last_seen: at(0), miners: Vec::new() };
        let d = admit(vec![e], &test_policy(), &never, at(0));
        (d.list.len(), d.refusals.first().map(|r| r.reason.code()))
    };
    for verdict in [Some(Verdict::Confirmed), None] {
        assert_eq!(saved(verdict, None), (0, Some("shared-front")));
    }
    // What one host has with it is cut by order, and for nobody else.
    assert_eq!(saved(Some(Verdict::Confirmed), Some("10.0.0.5")), (0, Some("shared-front")));
    assert_eq!(saved(None, Some("10.0.0.5")), (1, None));
}

#[test]
fn forgery_is_named_before_policy_and_policy_before_never_block() {
    let worst = BlockCandidate {
        one_way: true,
        handshake_verified: false,
        client_data_acked: false,
        peer_replied: false,
        verdict: Verdict::Noted,
        last_seen: at(-1_000_000),
        shared_front: Some("Example CDN"),
        ..candidate("10.0.0.9", 0)
    };
    let mut c = worst;
    let first = |c: BlockCandidate<'_>| decided(&[c], &Policy::default()).refusals[0].reason.code();
    assert_eq!(first(c), "one-way");
    c.one_way = false;
    assert_eq!(first(c), "no-handshake");
    c.handshake_verified = true;
    assert_eq!(first(c), "data-not-acknowledged");
    c.client_data_acked = true;
    assert_eq!(first(c), "no-peer-reply");
    c.peer_replied = true;
    assert_eq!(first(c), "below-level");
    c.verdict = Verdict::Confirmed;
    assert_eq!(first(c), "expired");
    c.last_seen = at(0);
    assert_eq!(first(c), "unspecified-port");
    c.port = 3333;
    assert_eq!(first(c), "special-purpose");
    c.addr = [45, 9, 148, 1].into();
    assert_eq!(first(c), "shared-front");
}

#[test]
fn sf05_a_lone_forged_segment_lists_nobody() {
    // What the flow layer says of one PSH,ACK without any other packet, and of the same with a forged source.
    let lone = BlockCandidate {
        one_way: true,
        handshake_verified: false,
        client_data_acked: false,
        peer_replied: false,
        verdict: Verdict::Suspected,
        ..candidate("203.0.113.53", 3333)
    };
    let forged = BlockCandidate { miner: [203, 0, 113, 53].into(), addr: [10, 0, 0, 5].into(), ..lone };
    // Not even a policy that blocks on the weakest verdict changes that.
    let policy = Policy { least: Verdict::Noted, ..test_policy() };
    let d = decided(&[lone, forged], &policy);
    assert!(d.list.is_empty());
    assert!(d.refusals.iter().all(|r| r.reason == Reason::OneWay));
}

#[test]
fn sf01_private_and_multicast_are_refused_by_name_and_the_rest_is_listed() {
    let feed = ["192.168.0.1", "10.1.2.3", "224.0.0.1", "198.51.100.1"].map(|a| candidate(a, 3333));
    let d = decided(&feed, &test_policy());
    assert_eq!(targets(&d), ["198.51.100.1:3333/tcp"]);
    assert_eq!(d.never_block_refused(), 3);
    assert_eq!(
        codes(&d),
        [
            ("10.1.2.3:3333/tcp".to_owned(), "special-purpose"),
            ("192.168.0.1:3333/tcp".to_owned(), "special-purpose"),
            ("224.0.0.1:3333/tcp".to_owned(), "special-purpose"),
        ]
    );
    assert!(d.refusals[0].reason.to_string().ends_with("private (RFC 1918)"));
}

#[test]
fn fn11_an_internal_relay_is_never_an_entry() {
    let to_relay = |miner: [u8; 4]| BlockCandidate { miner: miner.into(), ..candidate("10.0.9.9", 3333) };
    let d = decided(&[to_relay([10, 0, 1, 5]), to_relay([10, 0, 1, 6])], &test_policy());
    assert!(d.list.is_empty());
    assert_eq!(codes(&d), [("10.0.9.9:3333/tcp".to_owned(), "special-purpose")]);
    assert_eq!(d.refusals[0].miners.len(), 2, "both workers stand behind the refusal");
}

#[test]
fn sf09_an_allowed_miner_is_reported_as_allowed_and_the_other_is_blocked() {
    let policy = Policy { allow_miner: vec!["10.0.0.5".parse().unwrap()], ..test_policy() };
    let allowed = candidate("198.51.100.1", 3333);
    let other = BlockCandidate { miner: [10, 0, 0, 6].into(), ..candidate("198.51.100.2", 3333) };
    let d = decided(&[allowed, other], &policy);
    assert_eq!(targets(&d), ["198.51.100.2:3333/tcp"]);
    assert_eq!(codes(&d), [("198.51.100.1:3333/tcp".to_owned(), "allow-listed")]);
}

#[test]
fn sf09_hosts_are_allowed_by_block_and_by_hardware_address() {
    let mac = MacAddr([2, 0, 0, 0, 0, 5]);
    let c = BlockCandidate { miner_mac: Some(mac), ..candidate("198.51.100.1", 3333) };
    for allowed in ["10.0.0.0/29".parse().unwrap(), AllowedMiner::Mac(mac)] {
        let d = decided(&[c], &Policy { allow_miner: vec![allowed], ..test_policy() });
        assert_eq!(codes(&d), [("198.51.100.1:3333/tcp".to_owned(), "allow-listed")], "{allowed:?}");
    }
    let d = decided(&[c], &Policy { allow_miner: vec!["10.0.0.6".parse().unwrap()], ..test_policy() });
    assert_eq!(d.list.len(), 1);
}

#[test]
fn an_endpoint_that_an_allowed_miner_needs_stays_open_for_him() {
    let policy = Policy { allow_miner: vec!["10.0.0.5".parse().unwrap()], ..test_policy() };
    let allowed = candidate("198.51.100.1", 3333);
    let other = BlockCandidate { miner: [10, 0, 0, 6].into(), ..allowed };
    let d = decided(&[allowed, other], &policy);
    assert!(d.list.is_empty());
    let mut got: Vec<_> = d.refusals.iter().map(|r| (r.reason.code(), r.miners[0].miner.to_string())).collect();
    got.sort_unstable();
    assert_eq!(got, [("allow-listed", "10.0.0.5".to_owned()), ("used-by-allowed-miner", "10.0.0.6".to_owned())]);
}

#[test]
fn packets_forged_from_an_allowed_host_do_not_shield_a_pool() {
    let policy = Policy { allow_miner: vec!["10.0.0.5".parse().unwrap()], ..test_policy() };
    let forged = BlockCandidate { handshake_verified: false, ..candidate("198.51.100.1", 3333) };
    let other = BlockCandidate { miner: [10, 0, 0, 6].into(), ..candidate("198.51.100.1", 3333) };
    let d = decided(&[forged, other], &policy);
    assert_eq!(targets(&d), ["198.51.100.1:3333/tcp"]);
    assert_eq!(codes(&d), [("198.51.100.1:3333/tcp".to_owned(), "allow-listed")]);
}

#[test]
fn the_same_endpoint_is_listed_once_with_everybody_who_mined_there() {
    let a = BlockCandidate { last_seen: at(-7200), ..candidate("198.51.100.1", 3333) };
    let b = BlockCandidate { miner: [10, 0, 0, 6].into(), last_seen: at(-3600), ..a };
    let mapped = BlockCandidate { addr: "::ffff:198.51.100.1".parse().unwrap(), ..a };
    let unproven = BlockCandidate { one_way: true, ..a };
    let d = decided(&[a, b, mapped, unproven], &test_policy());
    assert_eq!(targets(&d), ["198.51.100.1:3333/tcp"]);
    let e = &d.list.entries()[0];
    assert_eq!(e.ttl_secs, 86_400 - 3600, "the longest life counts");
    assert_eq!(e.miners.len(), 2);
    assert!(d.refusals.is_empty(), "what one conversation lacks another proved: {:?}", d.refusals);
}

#[test]
fn a_front_noticed_in_one_conversation_protects_the_address_in_all() {
    let noticed = BlockCandidate { one_way: true, shared_front: Some("Example CDN"), ..candidate("198.51.100.1", 443) };
    let d = decided(&[candidate("198.51.100.1", 3333), noticed], &test_policy());
    assert!(d.list.is_empty());
    assert!(d.refusals.iter().any(|r| r.reason.code() == "shared-front" && r.target.to_string().contains(":3333")));
}

#[test]
fn address_scope_lists_the_address_once_and_without_ports() {
    let policy = Policy { scope: Scope::Address, ..test_policy() };
    let d = decided(
        &[candidate("198.51.100.1", 3333), candidate("198.51.100.1", 4444), candidate("2001:db8::1", 3333)],
        &policy,
    );
    assert_eq!(targets(&d), ["198.51.100.1", "2001:db8::1"]);
}

fn by(miner: [u8; 4], port: u16) -> BlockCandidate<'static> {
    BlockCandidate { miner: miner.into(), ..candidate("198.51.100.1", port) }
}

fn pairs() -> Policy {
    Policy { scope: Scope::HostPair, ..test_policy() }
}

#[test]
fn pair_scope_lists_each_host_with_each_endpoint_once_and_the_cap_counts_them() {
    let six = BlockCandidate { miner: "2001:db8:a::2".parse().unwrap(), ..candidate("2001:db8::1", 3333) };
    let mapped = BlockCandidate { miner: "::ffff:10.0.0.6".parse().unwrap(), ..by([0; 4], 3333) };
    let given = [by([10, 0, 0, 6], 3333), by([10, 0, 0, 5], 3333), mapped, by([10, 0, 0, 5], 4444), six];
    let d = decided(&given, &pairs());
    let all = [
        "10.0.0.5@198.51.100.1:3333/tcp",
        "10.0.0.6@198.51.100.1:3333/tcp",
        "10.0.0.5@198.51.100.1:4444/tcp",
        "2001:db8:a::2@[2001:db8::1]:3333/tcp",
    ];
    assert_eq!(targets(&d), all);
    assert!(d.list.entries().iter().all(|e| e.miners.len() == 1) && d.refusals.is_empty());
    let d = decided(&given, &Policy { max_entries: MaxEntries::new(3).unwrap(), ..pairs() });
    assert_eq!((d.list.len(), d.capped()), (3, 1));
}

#[test]
fn an_allowed_miner_spares_its_own_pair_and_no_other_hosts() {
    let policy = |scope| Policy { scope, allow_miner: vec!["10.0.0.7".parse().unwrap()], ..test_policy() };
    let given = [by([10, 0, 0, 5], 3333), by([10, 0, 0, 7], 3333)];
    let d = decided(&given, &policy(Scope::HostPair));
    assert_eq!(targets(&d), ["10.0.0.5@198.51.100.1:3333/tcp"]);
    assert_eq!(codes(&d), [("10.0.0.7@198.51.100.1:3333/tcp".to_owned(), "allow-listed")]);
    assert!(decided(&given, &policy(Scope::Endpoint)).list.is_empty(), "as it was");
    // Allowed by its wallet, and the same host without it.
    let allowed = BlockCandidate { allowed: true, ..by([10, 0, 0, 5], 3333) };
    let d = decided(&[allowed, by([10, 0, 0, 5], 3333), by([10, 0, 0, 6], 3333)], &pairs());
    assert_eq!(targets(&d), ["10.0.0.6@198.51.100.1:3333/tcp"]);
    assert!(codes(&d).iter().any(|(_, code)| *code == "used-by-allowed-miner"), "{d:?}");
}

#[test]
fn pair_scope_refuses_what_every_scope_refuses() {
    let c = |addr: &str| candidate(addr, 3333);
    for (c, code) in [
        (c("8.8.8.8"), "public-resolver"),
        (c("10.0.0.1"), "special-purpose"),
        (c("45.9.148.1"), "never-block-list"),
        (candidate("198.51.100.1", 0), "unspecified-port"),
        (BlockCandidate { one_way: true, ..c("198.51.100.1") }, "one-way"),
        (BlockCandidate { tunnelled: true, ..c("198.51.100.1") }, "tunnelled"),
        (BlockCandidate { verdict: Verdict::Probable, ..c("198.51.100.1") }, "below-level"),
        (BlockCandidate { proxied: true, ..c("198.51.100.1") }, "proxy"),
        (BlockCandidate { shared_front: Some("Example CDN"), ..c("198.51.100.1") }, "shared-front"),
        // And what no firewall could tell from others.
        (BlockCandidate { tenant: Tenant::Vlan(7), ..c("198.51.100.1") }, "other-tenant"),
        (BlockCandidate { source: Some([192, 0, 2, 9].into()), ..c("198.51.100.1") }, "speaks-for-others"),
        (BlockCandidate { miner: [127, 0, 0, 1].into(), ..c("198.51.100.1") }, "no-pair"),
        (BlockCandidate { miner: [224, 0, 0, 1].into(), ..c("198.51.100.1") }, "no-pair"),
        (BlockCandidate { miner: "2001:db8::5".parse().unwrap(), ..c("198.51.100.1") }, "no-pair"),
    ] {
        let d = decided(&[c], &Policy { never_block: vec!["45.9.148.0/24".parse().unwrap()], ..pairs() });
        assert!(d.list.is_empty(), "{c:?}");
        assert_eq!(codes(&d), [(target(&c, Scope::HostPair).to_string(), code)]);
    }
}

#[test]
fn no_pair_is_made_with_an_address_of_this_machine_that_many_may_have() {
    let never = NeverBlock::new().with_own(["10.0.0.5".parse().unwrap()]);
    let d = decide(&[candidate("198.51.100.1", 3333)], &pairs(), &never, at(0));
    assert!(d.list.is_empty());
    assert_eq!(codes(&d), [("10.0.0.5@198.51.100.1:3333/tcp".to_owned(), "own-host")]);
    assert!(d.refusals[0].text().contains("--scope endpoint"));
    // Saved ones, and those that a person wants, as well.
    let saved = decided(&[candidate("198.51.100.1", 3333)], &pairs()).list.entries().to_vec();
    assert_eq!(codes(&admit(saved.clone(), &pairs(), &never, at(0))).len(), 1);
    assert_eq!(targets(&admit(saved, &pairs(), &NeverBlock::new(), at(0))), ["10.0.0.5@198.51.100.1:3333/tcp"]);
}

#[test]
fn pair_scope_blocks_no_name_for_everybody() {
    let names = [NameUse {
        name: "pool.example.com",
        told_by: Some([10, 0, 0, 53].into()),
        sent: true,
        host: false,
        takes_miners: true,
    }];
    let c = BlockCandidate { names: &names, ..candidate("198.51.100.1", 3333) };
    assert_eq!(decided(&[c], &test_policy()).list.names().len(), 1);
    let d = decided(&[c], &pairs());
    assert!(d.list.names().is_empty() && d.name_refusals.is_empty() && d.list.len() == 1);
}

#[test]
fn entries_stand_in_numeric_order() {
    let c = [("2001:db8::1", 1), ("198.51.100.10", 80), ("198.51.100.9", 4444), ("198.51.100.9", 3333), ("9.9.9.8", 9)]
        .map(|(a, p)| candidate(a, p));
    let udp = BlockCandidate { proto: Proto::Udp, ..candidate("198.51.100.9", 1) };
    let d = decided(&[&c[..], &[udp]].concat(), &test_policy());
    assert_eq!(
        targets(&d),
        [
            "9.9.9.8:9/tcp",
            "198.51.100.9:3333/tcp",
            "198.51.100.9:4444/tcp",
            "198.51.100.9:1/udp",
            "198.51.100.10:80/tcp",
            "[2001:db8::1]:1/tcp"
        ]
    );
}

#[test]
fn ip01_expired_entries_are_left_out_and_not_clamped() {
    let policy = Policy { ttl: "60s".parse().unwrap(), ..test_policy() };
    let seen = |a, secs| BlockCandidate { last_seen: at(secs), ..candidate(a, 3333) };
    let d = decided(&[seen("198.51.100.1", 0), seen("198.51.100.2", -61), seen("198.51.100.3", 0)], &policy);
    assert_eq!(targets(&d), ["198.51.100.1:3333/tcp", "198.51.100.3:3333/tcp"]);
    assert_eq!(codes(&d), [("198.51.100.2:3333/tcp".to_owned(), "expired")]);
    // Less than a second left: 0 would mean for ever.
    let almost = BlockCandidate { last_seen: at(0), ..candidate("198.51.100.4", 3333) };
    let now = PacketTime::from_nanos(at(59).as_nanos() + 1);
    assert!(decide(&[almost], &policy, &NeverBlock::new(), now).list.is_empty());
}

#[test]
fn sf11_saved_entries_keep_the_rest_of_their_life() {
    let policy = Policy { ttl: "1h".parse().unwrap(), ..test_policy() };
    let saved = decided(&[candidate("198.51.100.1", 3333)], &policy).list.entries().to_vec();
    let later = |minutes: i64| admit(saved.clone(), &policy, &NeverBlock::new(), at(minutes * 60));
    assert_eq!(later(40).list.entries()[0].ttl_secs, 20 * 60);
    let gone = later(61);
    assert!(gone.list.is_empty());
    assert_eq!(gone.refusals[0].reason, Reason::Expired);
}

#[test]
fn sf03_saved_state_passes_the_never_block_gate_again() {
    let entry = |a: &str, port, expires| Entry {
        target: Target { addr: a.parse().unwrap(), service: Some((Proto::Tcp, port)), from: None },
        ttl_secs: 1,
        expires,
        verdict: Some(Verdict::Confirmed),
        last_seen: at(0),
        miners: Vec::new(),
    };
    let policy = Policy { never_block: vec!["45.9.148.0/24".parse().unwrap()], ..test_policy() };
    let d = admit(
        vec![
            entry("10.0.0.1", 3333, at(60)),
            entry("45.9.148.1", 3333, at(60)),
            entry("::ffff:8.8.8.8", 53, at(60)),
            entry("198.51.100.1", 0, at(60)),
            entry("198.51.100.1", 3333, PacketTime::from_nanos(i64::MAX)),
        ],
        &policy,
        &NeverBlock::new(),
        at(0),
    );
    assert_eq!(targets(&d), ["198.51.100.1:3333/tcp"]);
    assert_eq!(d.list.entries()[0].ttl_secs, 86_400, "no saved life is longer than the policy's");
    let mut got: Vec<_> = d.refusals.iter().map(|r| r.reason.code()).collect();
    got.sort_unstable();
    assert_eq!(got, ["never-block-list", "public-resolver", "special-purpose", "unspecified-port"]);
}

#[test]
fn nf11_over_the_cap_the_most_certain_and_most_recent_are_kept_and_the_rest_is_counted() {
    let policy = Policy { least: Verdict::Probable, max_entries: MaxEntries::new(2).unwrap(), ..test_policy() };
    let sure_old = BlockCandidate { last_seen: at(-100), ..candidate("198.51.100.3", 3333) };
    let sure_new = candidate("198.51.100.2", 3333);
    let unsure = BlockCandidate { verdict: Verdict::Probable, ..candidate("198.51.100.1", 3333) };
    let d = decided(&[unsure, sure_old, sure_new], &policy);
    assert_eq!(targets(&d), ["198.51.100.2:3333/tcp", "198.51.100.3:3333/tcp"]);
    assert_eq!(codes(&d), [("198.51.100.1:3333/tcp".to_owned(), "cap-reached")]);
    assert_eq!(d.capped(), 1);
    assert_eq!(d.refusals[0].reason.to_string(), "the list is full (2 entries, the most certain were kept)");
}

#[test]
fn eo11_a_list_holds_single_hosts_only() {
    // There is no way to ask for a prefix: a default route as an address is the unspecified address, and refused.
    let d = decided(&[candidate("0.0.0.0", 3333), candidate("::", 3333)], &test_policy());
    assert!(d.list.is_empty());
    assert!(d.refusals.iter().all(|r| r.reason.code() == "special-purpose"));
}

/// Conversations with a few hosts and flaws, so that they collide often.
fn any_candidate() -> impl Strategy<Value = BlockCandidate<'static>> {
    let addr = prop::sample::select(vec![
        "198.51.100.1",
        "198.51.100.2",
        "::ffff:198.51.100.2",
        "2001:db8::1",
        "8.8.8.8",
        "10.0.0.1",
        "45.9.148.1",
    ]);
    let verdict = prop::sample::select(vec![Verdict::Suspected, Verdict::Probable, Verdict::Confirmed]);
    let flaws = prop::array::uniform4(prop::bool::weighted(0.1));
    (addr, 0u16..3, any::<bool>(), 1u8..8, verdict, flaws, -100_000i64..10, prop::bool::weighted(0.1)).prop_map(
        |(a, port, udp, miner, verdict, [w, h, d, r], seen, front)| BlockCandidate {
            proto: if udp { Proto::Udp } else { Proto::Tcp },
            miner: [10, 0, 0, miner].into(),
            verdict,
            one_way: w,
            handshake_verified: !h,
            client_data_acked: !d,
            peer_replied: !r,
            shared_front: front.then_some("Example CDN"),
            last_seen: at(seen),
            ..candidate(a, port)
        },
    )
}

proptest! {
    #[test]
    fn the_order_of_candidates_changes_nothing(
        (given, shuffled) in prop::collection::vec(any_candidate(), 0..40)
            .prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())),
        scope in prop::sample::select(vec![Scope::Endpoint, Scope::Address, Scope::HostPair]),
        cap in 1usize..5,
    ) {
        let policy = Policy {
            scope,
            least: Verdict::Probable,
            allow_miner: vec!["10.0.0.7".parse().unwrap()],
            max_entries: MaxEntries::new(cap).unwrap(),
            ..test_policy()
        };
        let d = decided(&given, &policy);
        prop_assert_eq!(&d, &decided(&shuffled, &policy));
        prop_assert!(d.list.len() <= cap);
        prop_assert!(d.list.entries().is_sorted_by(|a, b| a.target < b.target));
        for e in d.list.entries() {
            prop_assert!((1..=86_400).contains(&e.ttl_secs));
            prop_assert!(NeverBlock::new().check(e.target.addr, &policy).is_none());
            prop_assert_eq!(e.target.from.is_some(), scope == Scope::HostPair);
            prop_assert!(e.target.from.is_none_or(|host| e.miners.iter().all(|w| w.miner == host)));
            // Somebody proved each of them.
            let proven = given.iter().any(|c| target(c, policy.scope) == e.target && forgery(c).is_none()
                && c.verdict >= Verdict::Probable && c.miner != IpAddr::from([10, 0, 0, 7]));
            prop_assert!(proven, "{}", e.target);
        }
        // Nobody is lost: each candidate is behind an entry or a refusal.
        for c in &given {
            let known = d.list.entries().iter().any(|e| e.target == target(c, policy.scope))
                || d.refusals.iter().any(|r| r.miners.contains(&who(c))
                    && in_scope(r.target, policy.scope) == target(c, policy.scope));
            prop_assert!(known, "{c:?}");
        }
    }
}

#[test]
fn a_proxy_is_called_one_wherever_it_stands_and_however_sure_we_are() {
    for (addr, verdict) in [("10.1.2.3", Verdict::Confirmed), ("198.51.100.10", Verdict::Suspected)] {
        let c = BlockCandidate { proxied: true, verdict, ..candidate(addr, 1080) };
        let d = decided(&[c], &test_policy());
        assert_eq!(codes(&d), [(format!("{addr}:1080/tcp"), "proxy")]);
    }
}

#[test]
fn a_proxy_header_speaks_for_an_allowed_miner_only_from_a_trusted_sender() {
    let allowed = Policy { allow_miner: vec!["192.0.2.33".parse().unwrap()], ..test_policy() };
    let c = BlockCandidate { source: Some([192, 0, 2, 33].into()), ..candidate("198.51.100.10", 3333) };
    // Anybody can write a header.
    assert_eq!(targets(&decided(&[c], &allowed)), ["198.51.100.10:3333/tcp"]);
    let trusting = Policy { trust_proxy: vec!["10.0.0.5".parse().unwrap()], ..allowed.clone() };
    assert_eq!(codes(&decided(&[c], &trusting)), [("198.51.100.10:3333/tcp".to_owned(), "allow-listed")]);
    let other = BlockCandidate { source: Some([192, 0, 2, 34].into()), ..c };
    assert_eq!(targets(&decided(&[other], &trusting)).len(), 1);
    let elsewhere = Policy { trust_proxy: vec!["10.0.0.6".parse().unwrap()], ..allowed };
    assert_eq!(targets(&decided(&[c], &elsewhere)).len(), 1);
}
