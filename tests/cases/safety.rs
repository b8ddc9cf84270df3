//! safety and identity: who must never be blocked, and what nobody can make us block.

use std::net::{IpAddr, SocketAddr};

use crate::kit::carriage::Carriage;
use crate::kit::dialogue::{MILLI, Side};
use crate::kit::mangle;
use crate::kit::tcp::{Conversation, Segment, flag};
use crate::kit::wire;
use crate::netns::{Netns, available};
use crate::said::{NOTIFY, SUBSCRIBE, SUBSCRIBED, bitcoin, monero};
use crate::scene::{BINARY, Run, Scene};

const POOL: &str = "198.51.100.5:3333";

fn mining_at(pool: &str, args: &[&str]) -> Run {
    let mut scene = Scene::new();
    scene.play(if pool.starts_with('[') { "2001:db8:5::5" } else { "10.0.0.5" }, pool, &bitcoin());
    scene.run_with(args)
}

#[test]
fn id01_the_gateway_that_mines_for_somebody_inside_gets_into_no_list() {
    let mut scene = Scene::new();
    scene.play("203.0.113.10", POOL, &bitcoin());
    let run = scene.run_with(&["--never-block", "203.0.113.10/32"]);
    assert_eq!(run.confirmed()["src_ip"], "203.0.113.10");
    assert_eq!(run.blocked(), [POOL]);
    for (format, list) in &run.lists {
        assert!(!list.contains("203.0.113.10"), "{format}: {list}");
    }
}

#[test]
fn id_sibling_the_miners_own_address_gets_into_no_list_in_any_scope() {
    for (scope, least) in [("endpoint", "suspected"), ("address", "suspected"), ("address", "confirmed")] {
        let run = mining_at(POOL, &["--scope", scope, "--least", least]);
        assert!(run.lists.values().all(|l| !l.contains("10.0.0.5")), "{:?}", run.lists);
    }
}

#[test]
fn id_sibling_the_host_is_told_with_its_hardware_address() {
    let run = mining_at(POOL, &[]);
    assert_eq!(run.of("miner_host")[0]["mac"], "02:4d:0a:00:00:05");
}

#[test]
fn sf01_special_addresses_are_refused_with_the_reason() {
    for pool in [
        "10.1.2.3:3333",
        "172.31.0.9:3333",
        "192.168.1.1:3333",
        "100.64.0.1:3333",
        "127.0.0.1:3333",
        "169.254.1.1:3333",
        "198.18.0.1:3333",
        "224.0.0.1:3333",
        "239.1.1.1:3333",
        "240.0.0.1:3333",
        "255.255.255.255:3333",
        "0.0.0.1:3333",
        "[::1]:3333",
        "[fe80::1]:3333",
        "[fd00::1]:3333",
        "[ff02::1]:3333",
        "[64:ff9b::a01:203]:3333",
        "[2002:a01:203::1]:3333",
        "[fec0::1]:3333",
    ] {
        for scope in ["endpoint", "address"] {
            let run = mining_at(pool, &["--scope", scope]);
            run.blocks_nothing();
            assert_eq!(run.refused(pool), ["special-purpose"], "{pool}");
        }
    }
    let run = mining_at(POOL, &[]);
    assert_eq!(run.blocked(), [POOL], "and only those");
}

#[test]
fn sf01_sibling_public_resolvers_and_mapped_addresses() {
    for pool in
        ["8.8.8.8:3333", "1.1.1.1:443", "9.9.9.9:53", "[2001:4860:4860::8888]:3333", "[2606:4700:4700::1111]:443"]
    {
        let run = mining_at(pool, &[]);
        run.blocks_nothing();
        assert_eq!(run.refused(pool), ["public-resolver"], "{pool}");
    }
    // An IPv4 address in IPv6 clothes is what it is.
    let mut scene = Scene::new();
    scene.play("::ffff:10.0.0.5", "[::ffff:10.1.2.3]:3333", &bitcoin());
    scene.run().blocks_nothing();
}

#[test]
fn sf01_sibling_the_operators_own_list_and_its_bad_entries() {
    for prefix in ["198.51.100.5", "198.51.100.0/24", "0.0.0.0/0"] {
        let run = mining_at(POOL, &["--never-block", prefix]);
        run.blocks_nothing();
        assert_eq!(run.refused(POOL), ["never-block-list"], "{prefix}");
    }
    for bad in ["198.51.100.5/33", "198.51.100.1/24", "pool.example", "198.051.100.5", ""] {
        let mut scene = Scene::new();
        scene.play("10.0.0.5", POOL, &bitcoin());
        assert_eq!(scene.text(&["--never-block", bad]).code, 2, "{bad:?}");
    }
}

#[test]
fn sf01_sibling_this_machines_own_addresses_gateway_and_resolvers() {
    if !available(&["ip -V"]) {
        return;
    }
    let ns = Netns::new();
    ns.run(
        "ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up; ip addr add 45.9.1.2/24 dev d0; \
         ip addr add 2a00:1:2::3/64 dev d0 nodad; ip route add default via 45.9.1.1; \
         ip -6 route add default via 2a00:1:2::1",
    );
    let mut scene = Scene::new();
    for pool in [
        "45.9.1.2:3333",
        "45.9.1.1:3333",
        "[2a00:1:2::3]:3333",
        "[2a00:1:2::1]:3333",
        "45.9.1.255:3333",
        "45.9.1.77:3333",
    ] {
        scene.play(if pool.starts_with('[') { "2001:db8:5::5" } else { "10.0.0.5" }, pool, &bitcoin());
    }
    let dir = tempfile::tempdir().unwrap();
    let (file, list) = (dir.path().join("case.pcap"), dir.path().join("list.txt"));
    std::fs::write(&file, scene.pcap()).unwrap();
    let line = format!("{BINARY} replay --json {} --format plain --blocklist {}", file.display(), list.display());
    let out = String::from_utf8(ns.try_run(&line).stdout).unwrap();
    let text = std::fs::read_to_string(&list).unwrap();
    let listed: Vec<_> = text.lines().filter(|l| !l.starts_with('#')).collect();
    assert_eq!(listed, ["45.9.1.77"], "{out}");
    for (ip, reason) in [("45.9.1.2", "own-address"), ("45.9.1.1", "gateway"), ("2a00:1:2::1", "gateway")] {
        let refusal = out.lines().find(|l| l.contains("block_refused") && l.contains(&format!("\"{ip}\""))).unwrap();
        assert!(refusal.contains(&format!("\"reason\":\"{reason}\"")), "{refusal}");
    }
    // Whoever resolves names for this machine.
    let resolvers = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    for ip in resolvers.lines().filter_map(|l| l.strip_prefix("nameserver ")?.trim().parse::<IpAddr>().ok()) {
        mining_at(&SocketAddr::new(ip, 3333).to_string(), &[]).blocks_nothing();
    }
}

/// A segment of a connection that somebody made up.
fn forged(talk: &Conversation, side: Side, (seq, ack): (u32, u32), flags: u8, payload: &str, at: u64) -> Segment {
    Segment {
        at: talk.start + at * MILLI,
        side,
        seq,
        ack,
        flags,
        options: Vec::new(),
        window: 8192,
        payload: payload.as_bytes().to_vec(),
        ip_id: at as u16,
    }
}

fn made_up(client: &str, server: &str, make: impl Fn(&Conversation) -> Vec<Segment>) -> Run {
    let mut scene = Scene::new();
    let talk = scene.talk(client, server);
    scene.put(&talk, &make(&talk), &Carriage::Plain);
    scene.run()
}

const PUSH: u8 = flag::PSH | flag::ACK;

#[test]
fn sf05_a_lone_segment_blocks_nobody_from_either_side() {
    for (client, server) in [("10.0.0.5:40000", "203.0.113.53:3333"), ("203.0.113.53:3333", "10.0.0.5:40000")] {
        let run = made_up(client, server, |t| vec![forged(t, Side::Client, (1, 1), PUSH, SUBSCRIBE, 1)]);
        run.blocks_nothing();
        assert!(run.miners().iter().all(|f| f["verdict"] != "confirmed"), "{:#?}", run.miners());
        assert!(run.of("block_refused").len() <= 1);
    }
}

#[test]
fn sf05_sibling_a_whole_dialogue_without_a_handshake() {
    let run = made_up("10.0.0.5:40000", "203.0.113.53:3333", |t| {
        vec![
            forged(t, Side::Client, (1000, 5000), PUSH, SUBSCRIBE, 1),
            forged(t, Side::Server, (5000, 1000 + SUBSCRIBE.len() as u32), PUSH, &[SUBSCRIBED, NOTIFY].concat(), 2),
        ]
    });
    run.blocks_nothing();
    assert_eq!(run.refused("203.0.113.53:3333"), ["no-handshake"]);
}

#[test]
fn sf05_sibling_a_handshake_whose_numbers_do_not_match() {
    let dialogue = |t: &Conversation, isn: u32, ack_of_syn: u32, ack: u32| {
        vec![
            forged(t, Side::Client, (isn, 0), flag::SYN, "", 1),
            forged(t, Side::Server, (9000, ack_of_syn), flag::SYN | flag::ACK, "", 2),
            forged(t, Side::Client, (isn + 1, ack), PUSH, SUBSCRIBE, 3),
            forged(t, Side::Server, (9001, isn + 1 + SUBSCRIBE.len() as u32), PUSH, &[SUBSCRIBED, NOTIFY].concat(), 4),
        ]
    };
    let server = "203.0.113.53:3333";
    // A guess at the number to acknowledge, in the answer, and in the client's data.
    let run = made_up("10.0.0.5:40000", server, |t| dialogue(t, 700, 1, 9001));
    run.blocks_nothing();
    assert_eq!(run.refused(server), ["no-handshake"]);
    let run = made_up("10.0.0.5:40000", server, |t| dialogue(t, 700, 701, 1));
    run.blocks_nothing();
    assert_eq!(run.refused(server), ["no-handshake"]);
    // The control: right numbers pass.
    let run = made_up("10.0.0.5:40000", server, |t| dialogue(t, 700, 701, 9001));
    assert_eq!(run.blocked(), [server]);
}

#[test]
fn sf05_sibling_the_victim_never_acknowledges_and_answers_something_else() {
    let server = "203.0.113.53:3333";
    // The victim resets what it knows nothing of; the forger carries on in its name with a wrong acknowledgement.
    let run = made_up("10.0.0.5:40000", server, |t| {
        vec![
            forged(t, Side::Client, (700, 0), flag::SYN, "", 1),
            forged(t, Side::Server, (9000, 701), flag::SYN | flag::ACK, "", 2),
            forged(t, Side::Client, (701, 9001), PUSH, SUBSCRIBE, 3),
            forged(t, Side::Server, (9001, 701), PUSH, &[SUBSCRIBED, NOTIFY].concat(), 4),
        ]
    });
    run.blocks_nothing();
    assert_eq!(run.refused(server), ["data-not-acknowledged"]);
    // A mail server that hangs up on a miner is no pool.
    let run = made_up("10.0.0.5:40000", "203.0.113.53:25", |t| {
        vec![
            forged(t, Side::Client, (700, 0), flag::SYN, "", 1),
            forged(t, Side::Server, (9000, 701), flag::SYN | flag::ACK, "", 2),
            forged(t, Side::Server, (9001, 701), PUSH, "220 mail.example ESMTP\r\n", 3),
            forged(t, Side::Client, (701, 9025), PUSH, SUBSCRIBE, 4),
            forged(t, Side::Server, (9025, 701 + SUBSCRIBE.len() as u32), PUSH, "500 5.5.1 unknown command\r\n", 5),
        ]
    });
    run.blocks_nothing();
    let run = mining_at(POOL, &["--least", "suspected"]);
    assert_eq!(run.blocked(), [POOL]);
}

#[test]
fn sf05_sibling_policies_below_confirmed_keep_the_forgery_gate() {
    let server = "203.0.113.53:3333";
    for least in ["suspected", "probable"] {
        let mut scene = Scene::new();
        let talk = scene.talk("10.0.0.5", server);
        let segments = scene.segments(&talk, &monero());
        for half in [Side::Client, Side::Server] {
            let mut scene = Scene::new();
            scene.put(&talk, &mangle::one_way(segments.clone(), half), &Carriage::Plain);
            let run = scene.run_with(&["--least", least]);
            run.blocks_nothing();
            assert_eq!(run.refused(server), ["one-way"]);
        }
        let mut scene = Scene::new();
        scene.put(&talk, &segments[4..], &Carriage::Plain);
        let run = scene.run_with(&["--least", least]);
        run.blocks_nothing();
        assert_eq!(run.refused(server), ["no-handshake"]);
    }
}

#[test]
fn sf07_sibling_forged_dns_with_a_pool_name_blocks_no_resolver() {
    // pool.example A 8.8.8.8, never asked for; then ordinary questions to 8.8.8.8.
    let mut answer = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    answer
        .extend_from_slice(b"\x04pool\x07example\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\x08\x08\x08\x08");
    let mut scene = Scene::new();
    let (host, resolver) = ("10.0.0.5:40000".parse().unwrap(), "8.8.8.8:53".parse().unwrap());
    let packet = wire::udp(resolver, host, 1, &answer);
    scene.packet(crate::kit::capture::WEEK, &packet, Side::Server, host.ip(), &Carriage::Plain);
    let ask = wire::udp(host, resolver, 2, &answer[..30]);
    scene.packet(crate::kit::capture::WEEK + 9, &ask, Side::Client, host.ip(), &Carriage::Plain);
    scene.run().silent();
}

#[test]
fn sf09_an_allowed_miner_is_logged_and_the_other_one_raises_the_alarm() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    scene.play("10.0.0.6", "198.51.100.6:3333", &bitcoin());
    for allowed in ["10.0.0.5", "10.0.0.4/31", "02:4d:0a:00:00:05", "02-4D-0A-00-00-05"] {
        let run = scene.run_with(&["--allow-miner", allowed]);
        let hosts: Vec<_> = run.of("miner_host").iter().map(|h| (h["ip"].clone(), h["allowed"] == true)).collect();
        assert_eq!(hosts, [("10.0.0.5".into(), true), ("10.0.0.6".into(), false)], "{allowed}");
        assert_eq!(run.blocked(), ["198.51.100.6:3333"], "{allowed}");
        assert_eq!(run.refused(POOL), ["allow-listed"], "{allowed}");
        assert_eq!(run.code, 1);
        let text = scene.text(&["--allow-miner", allowed]).text();
        assert!(text.starts_with("1 miner found: 1 confirmed."), "{text}");
        assert!(text.contains("10.0.0.5 mines and is allowed to"), "{text}");
    }
}

#[test]
fn sf09_no_alarm_is_raised_for_an_allowed_miner() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    scene.play("10.0.0.6", "198.51.100.6:3333", &bitcoin());
    let alarms: Vec<_> = ["10.0.0.5", "10.0.0.4/31", "02:4d:0a:00:00:05"]
        .iter()
        .flat_map(|a| scene.run_with(&["--allow-miner", a]).events)
        .filter(|e| e["event_type"] == "miner_alert" && e["allowed"] != true && e["src_ip"] != "10.0.0.6")
        .collect();
    assert!(alarms.is_empty(), "{alarms:#?}");
    // On a pipe the alarms are lines of text.
    let piped = crate::scene::said(
        std::process::Command::new(BINARY).args(["replay", "-", "--allow-miner", "10.0.0.5"]),
        Some(&scene.pcap()),
    );
    assert!(!piped.text().contains("10.0.0.5 mines at"), "{}", piped.text());
}

#[test]
fn sf09_sibling_an_allowed_miner_at_another_port_of_the_pool_keeps_the_address_open() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "198.51.100.5:443", &bitcoin());
    scene.play("10.0.0.6", POOL, &bitcoin());
    scene.run_with(&["--allow-miner", "10.0.0.5", "--scope", "address"]).blocks_nothing();
    let run = scene.run_with(&["--allow-miner", "10.0.0.5"]);
    assert_eq!(run.blocked(), [POOL]);
}

#[test]
fn sf05_sibling_an_attempt_that_nobody_answers_is_not_blocked_by_a_looser_policy() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &crate::scene::Words::new().c(SUBSCRIBE));
    for least in ["probable", "suspected"] {
        let run = scene.run_with(&["--least", least]);
        run.blocks_nothing();
        assert_eq!(run.refused(POOL), ["no-peer-reply"]);
    }
}

#[test]
fn sf09_sibling_allowed_miners_alone_are_no_finding() {
    let run = mining_at(POOL, &["--allow-miner", "10.0.0.0/8"]);
    assert_eq!(run.code, 0);
    run.blocks_nothing();
    // Its pool stays reachable even when somebody else uses it without leave.
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    scene.play("10.0.0.6", POOL, &bitcoin());
    let run = scene.run_with(&["--allow-miner", "10.0.0.5"]);
    assert_eq!(run.code, 1);
    run.blocks_nothing();
    assert!(run.refused(POOL).contains(&"used-by-allowed-miner"));
}

#[test]
fn sf11_every_entry_ends() {
    let run = mining_at(POOL, &[]);
    assert_eq!(run.of("blocked")[0]["ttl"], 86_400);
    assert!(run.lists["nft"].contains("198.51.100.5 . tcp . 3333 timeout 86400s,"));
    assert!(run.lists["ipset"].contains("198.51.100.5,tcp:3333 timeout 86400"));
    assert!(run.lists["plain"].contains("use a newer list by 2026-03-03T"), "{}", run.lists["plain"]);
    assert!(run.lists["iptables"].contains("by 2026-03-03T"), "{}", run.lists["iptables"]);
}

#[test]
fn op05_a_capture_of_one_direction_says_so() {
    let mut scene = Scene::new();
    let talk = scene.talk("10.0.0.5", POOL);
    let segments = mangle::one_way(scene.segments(&talk, &bitcoin()), Side::Client);
    scene.put(&talk, &segments, &Carriage::Plain);
    assert_eq!(scene.run().warned("one-way 100%"), 1);
    let text = scene.text(&[]).text();
    assert!(text.contains("Warning: one-way 100%"), "{text}");
}
