use std::net::IpAddr;

use super::*;
use crate::decode::MacAddr;
use crate::firewall::gate::{Decision, decide};
use crate::firewall::testing::{at, candidate, test_policy};

const POOL: &str = "198.51.100.7";

fn policy() -> Policy {
    let isolation = Isolation { enabled: true, ..Isolation::default() };
    Policy { isolation, ..test_policy() }
}

fn decided(candidates: &[BlockCandidate<'_>], policy: &Policy) -> Decision {
    decide(candidates, policy, &NeverBlock::new(), at(0))
}

/// Hosts that are isolated, and the codes of those that are not.
fn outcome(d: &Decision) -> (Vec<String>, Vec<(String, &'static str)>) {
    let hosts = d.hosts.iter().map(|h| h.host.to_string()).collect();
    (hosts, d.host_refusals.iter().map(|r| (r.host.to_string(), r.reason.code())).collect())
}

fn from(miner: &str) -> BlockCandidate<'static> {
    BlockCandidate { miner: miner.parse().unwrap(), ..candidate(POOL, 3333) }
}

#[test]
fn an_infected_host_is_isolated_for_a_proven_conversation_and_only_if_the_policy_says_so() {
    let second = BlockCandidate { last_seen: at(-60), verdict: Verdict::Confirmed, ..candidate("203.0.113.9", 80) };
    let d = decided(&[from("10.0.0.5"), second], &policy());
    let h = &d.hosts[0];
    assert_eq!((h.host, h.ttl_secs, h.verdict), ([10, 0, 0, 5].into(), 86_400, Some(Verdict::Confirmed)));
    let pools: Vec<_> = h.pools.iter().map(ToString::to_string).collect();
    assert_eq!((pools, d.hosts.len()), (vec!["198.51.100.7:3333/tcp".to_owned(), "203.0.113.9:80/tcp".to_owned()], 1));
    let off = decided(&[from("10.0.0.5")], &test_policy());
    assert_eq!(outcome(&off), (vec![], vec![]));
    assert_eq!(off.list.len(), 1);
}

#[test]
fn what_an_outsider_could_have_made_up_isolates_nobody() {
    let good = from("10.0.0.5");
    for (c, code) in [
        (BlockCandidate { one_way: true, ..good }, "one-way"),
        (BlockCandidate { handshake_verified: false, ..good }, "no-handshake"),
        (BlockCandidate { client_data_acked: false, ..good }, "data-not-acknowledged"),
        (BlockCandidate { peer_replied: false, ..good }, "no-peer-reply"),
        (BlockCandidate { tunnelled: true, ..good }, "tunnelled"),
        (BlockCandidate { tenant: Tenant::Vlan(7), ..good }, "other-tenant"),
        (BlockCandidate { tenant: Tenant::Vxlan(7), ..good }, "other-tenant"),
        (BlockCandidate { source: Some([10, 0, 0, 9].into()), ..good }, "speaks-for-others"),
        (BlockCandidate { verdict: Verdict::Probable, ..good }, "below-level"),
        (BlockCandidate { last_seen: at(-86_400), ..good }, "expired"),
        (BlockCandidate { allowed: true, ..good }, "allow-listed"),
    ] {
        assert_eq!(outcome(&decided(&[c], &policy())), (vec![], vec![("10.0.0.5".to_owned(), code)]));
        if !matches!(code, "allow-listed" | "expired") {
            // A good conversation beside it speaks for itself.
            assert_eq!(outcome(&decided(&[c, good], &policy())), (vec!["10.0.0.5".to_owned()], vec![]), "{code}");
        }
    }
    // What speaks against an endpoint does not speak against cutting off who talks to it.
    for c in [BlockCandidate { shared_front: Some("CDN"), ..good }, BlockCandidate { proxied: true, ..good }] {
        assert_eq!(outcome(&decided(&[c], &policy())).0, ["10.0.0.5"]);
    }
}

#[test]
fn a_host_that_may_mine_is_left_alone_even_if_it_does_more_than_that() {
    let rig = BlockCandidate { miner_mac: Some(MacAddr([2, 0, 0, 0, 0, 5])), ..from("10.0.0.5") };
    let by_mac = Policy { allow_miner: vec!["02:00:00:00:00:05".parse().unwrap()], ..policy() };
    assert_eq!(outcome(&decided(&[rig], &by_mac)).0, [""; 0]);
    let for_the_firm = BlockCandidate { allowed: true, ..candidate("203.0.113.9", 1) };
    assert_eq!(outcome(&decided(&[from("10.0.0.5"), for_the_firm], &policy())).0, [""; 0]);
    // Leave that nobody has proven is none.
    let forged = BlockCandidate { handshake_verified: false, ..for_the_firm };
    assert_eq!(outcome(&decided(&[from("10.0.0.5"), forged], &policy())).0, ["10.0.0.5"]);
}

#[test]
fn only_hosts_inside_that_nobody_depends_on_are_isolated() {
    let policy = Policy {
        home: vec!["203.0.113.0/24".parse().unwrap()],
        never_block: vec!["10.0.0.8".parse().unwrap()],
        isolation: Isolation {
            never: vec!["10.0.0.9".parse().unwrap()],
            keep: vec!["10.9.0.0/16".parse().unwrap()],
            ..policy().isolation
        },
        ..policy()
    };
    let dhcp: [IpAddr; 2] = ["10.0.0.1".parse().unwrap(), "10.0.0.53".parse().unwrap()];
    let never = NeverBlock::new().with_gateways([dhcp[0]]).with_resolvers([dhcp[1]]);
    for (host, code) in [
        ("10.0.0.5", None),
        ("192.168.7.7", None),
        ("100.64.0.5", None),
        ("fd00::5", None),
        ("::ffff:10.0.0.5", None),
        ("203.0.113.7", None),
        ("45.9.148.117", Some("not-inside")),
        ("2a00::5", Some("not-inside")),
        ("198.51.100.9", Some("not-inside")),
        ("10.0.0.1", Some("gateway")),
        ("10.0.0.53", Some("resolver")),
        ("10.0.0.8", Some("never-block-list")),
        ("10.0.0.9", Some("spared-host")),
        ("10.9.3.3", Some("spared-host")),
        ("127.0.0.1", Some("special-purpose")),
        ("169.254.3.3", Some("special-purpose")),
        ("fe80::1", Some("special-purpose")),
        ("8.8.8.8", Some("public-resolver")),
    ] {
        let d = decide(&[from(host)], &policy, &never, at(0));
        assert_eq!(d.host_refusals.first().map(|r| r.reason.code()), code, "{host}");
        assert_eq!(d.hosts.len(), usize::from(code.is_none()), "{host}");
        assert!(d.hosts.iter().all(|h| h.host == h.host.to_canonical()));
    }
}

/// Whoever sits behind it would be cut off for what one of them did.
#[test]
fn a_proxy_is_not_isolated_for_its_clients() {
    let through = BlockCandidate { proxied: true, addr: "10.0.0.3".parse().unwrap(), port: 3128, ..from("10.0.0.5") };
    let d = decided(&[through, from("10.0.0.3")], &policy());
    assert_eq!(outcome(&d), (vec!["10.0.0.5".to_owned()], vec![("10.0.0.3".to_owned(), "proxy")]));
    let forged = BlockCandidate { handshake_verified: false, ..through };
    assert_eq!(outcome(&decided(&[forged, from("10.0.0.3")], &policy())).0, ["10.0.0.3"]);
}
