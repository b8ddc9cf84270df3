//! Block lists in real firewalls: each is loaded twice into a network namespace, read back and compared with what the
//! gate decided, and then stands between a miner and its pool.
//!
//! Needs root and the tools; without them the tests say so and are skipped.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod netns;

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use minewatch::decode::Tenant;
use minewatch::evidence::Verdict;
use minewatch::firewall::{
    BlockCandidate, Decision, Destination, MaxEntries, Meta, NeverBlock, Policy, Proto, RenderOptions, Scope, decide,
    format_by_id, write_all,
};
use minewatch::time::PacketTime;
use netns::readback::{assert_held, held_by_ipset, held_by_iptables, held_by_nft, rules_in, wanted};
use netns::world::{POOLS, World, ip};
use netns::{Actor, Netns, available, play};

const NOW: PacketTime = PacketTime::from_parts(1_795_636_800, 0);
const DAY: u64 = 86_400;

/// Not a test of its own: the other tests start copies of this program that play a server, a client or a writer.
#[test]
#[ignore = "a role in the other tests"]
fn role() {
    play(|role, folder| match role {
        "fill" => fill_a_disk(Path::new(folder)),
        other => panic!("no such role: {other}"),
    });
}

/// A proven conversation, the entry of which has `ttl` seconds left.
fn mined(addr: &str, proto: Proto, port: u16, ttl: u64) -> BlockCandidate<'static> {
    BlockCandidate {
        addr: addr.parse().unwrap(),
        proto,
        port,
        tenant: Tenant::None,
        miner: [10, 0, 0, 5].into(),
        miner_mac: None,
        source: None,
        allowed: false,
        verdict: Verdict::Confirmed,
        handshake_verified: true,
        client_data_acked: true,
        peer_replied: true,
        one_way: false,
        tunnelled: false,
        proxied: false,
        shared_front: None,
        crowd: None,
        country: None,
        asn: None,
        names: &[],
        last_seen: PacketTime::from_nanos(NOW.as_nanos() - i64::try_from(DAY - ttl).unwrap() * 1_000_000_000),
    }
}

fn policy(scope: Scope) -> Policy {
    Policy { scope, allow_documentation: true, max_entries: MaxEntries::new(65_000).unwrap(), ..Policy::default() }
}

fn decided(candidates: &[BlockCandidate<'_>], scope: Scope) -> Decision {
    decide(candidates, &policy(scope), &NeverBlock::new(), NOW)
}

/// Both families, both protocols, neighbours with different lives.
fn some() -> Decision {
    decided(
        &[
            mined("198.51.100.10", Proto::Tcp, 3333, 3600),
            mined("198.51.100.11", Proto::Tcp, 3333, DAY),
            mined("198.51.100.11", Proto::Udp, 3333, 7200),
            mined("203.0.113.1", Proto::Tcp, 65_535, DAY),
            mined("2001:db8::1", Proto::Tcp, 443, 3600),
            mined("2001:db8::2", Proto::Tcp, 443, DAY),
        ],
        Scope::Endpoint,
    )
}

/// The same for single hosts.
fn some_pairs() -> Decision {
    let by = |miner: &str, c: BlockCandidate<'static>| BlockCandidate { miner: ip(miner), ..c };
    decided(
        &[
            by("192.0.2.2", mined("198.51.100.10", Proto::Tcp, 3333, 3600)),
            by("192.0.2.3", mined("198.51.100.10", Proto::Tcp, 3333, DAY)),
            by("192.0.2.2", mined("198.51.100.10", Proto::Udp, 3333, 7200)),
            by("2001:db8:a::2", mined("2001:db8:b::10", Proto::Tcp, 3333, DAY)),
        ],
        Scope::HostPair,
    )
}

fn none() -> Decision {
    decided(&[], Scope::Endpoint)
}

/// Lists on disk, as a user gets them.
struct Lists {
    folder: tempfile::TempDir,
}

impl Lists {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, id: &str, d: &Decision) -> PathBuf {
        let path = self.folder.path().join(id);
        let rendered = format_by_id(id).unwrap().render(&d.list, &Meta::of(d, NOW), &RenderOptions::default());
        write_all(&Destination::from(path.as_path()), &rendered.files).unwrap();
        path
    }
}

/// Shell line that loads a list with the tool of its format alone, as the header of the file says.
fn by_hand(id: &str, file: &Path) -> String {
    let file = file.display();
    match id {
        "nft" => format!("nft -f {file}"),
        "ipset" => format!("ipset restore -file {file}"),
        "iptables" => format!("iptables-restore --noflush {file} && ip6tables-restore --noflush {file}.v6"),
        other => panic!("{other}"),
    }
}

/// Shell line that loads a list with the script we ship.
fn by_script(id: &str, file: &Path) -> String {
    format!("{} {id} {}", script().display(), file.display())
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/load-blocklist.sh")
}

#[test]
fn every_list_loads_twice_by_hand_and_holds_what_the_gate_decided() {
    if !available(&["nft", "ipset", "iptables", "ip6tables"]) {
        return;
    }
    let (ns, lists) = (Netns::new(), Lists::new());
    for d in [some(), some(), some_pairs(), some_pairs(), some()] {
        ns.run(&by_hand("nft", &lists.write("nft", &d)));
        assert_eq!(held_by_nft(&ns), wanted(&d));
        ns.run(&by_hand("ipset", &lists.write("ipset", &d)));
        assert_held(&held_by_ipset(&ns), &wanted(&d));
        let rules = lists.write("iptables", &d);
        ns.run(&by_hand("iptables", &rules));
        assert_eq!(held_by_iptables(&ns), rules_in(&rules));
    }
    assert_eq!(rules_in(&lists.write("iptables", &some())).len(), some().list.len());
}

#[test]
fn a_list_of_pairs_stands_between_one_host_and_the_pool_and_lets_another_through() {
    if !available(&["nft", "ipset", "iptables", "ip6tables"]) {
        return;
    }
    for id in ["nft", "ipset", "iptables"] {
        let (world, lists, other) = (World::new(), Lists::new(), Netns::new());
        world.gateway.cable(
            ("in1", [ip("203.0.113.1"), ip("2001:db8:c::1")]),
            &other,
            ("eth0", [ip("203.0.113.2"), ip("2001:db8:c::2")]),
        );
        other.run("ip route add default via 203.0.113.1; ip -6 route add default via 2001:db8:c::1");
        let pool = |addr: &str, port| SocketAddr::from((ip(addr), port));
        let mut mining = world.inside.connect(pool(POOLS[0].0, 3333)).unwrap();
        let mut theirs = other.connect(pool(POOLS[0].0, 3333)).unwrap();
        let list = lists.write(id, &some_pairs());
        for _ in 0..2 {
            world.gateway.run(&by_script(id, &list));
        }
        if id != "iptables" {
            world.gateway.run(&format!("{} add {id} {}", script().display(), list.display()));
        }
        assert!(mining.ping().starts_with("CUT"), "{id}: an open connection lives on");
        assert_eq!(theirs.ping(), "PONG", "{id}: another host was cut off");
        for (addr, beside) in POOLS {
            assert!(world.inside.connect(pool(addr, 3333)).is_err(), "{id}: {addr}");
            assert!(world.inside.connect(pool(beside, 3333)).is_ok(), "{id}: {beside}");
            assert!(other.connect(pool(addr, 3333)).is_ok(), "{id}: {addr} for another host");
        }
        world.gateway.run(&format!("{} remove {id}", script().display()));
        assert!(world.inside.connect(pool(POOLS[0].0, 3333)).is_ok(), "{id}");
    }
}

#[test]
fn the_second_load_of_an_nft_list_changes_nothing() {
    if !available(&["nft"]) {
        return;
    }
    let (ns, lists) = (Netns::new(), Lists::new());
    let file = lists.write("nft", &some());
    // `-s` leaves out what moves by itself: counters and lives.
    let ruleset = |ns: &Netns| {
        ns.run(&by_hand("nft", &file));
        let text = ns.run("nft -s list ruleset");
        text.split_inclusive('\n').filter(|l| !l.contains(" expires ")).collect::<String>()
    };
    let first = ruleset(&ns);
    assert_eq!(first.matches("jump mw_block").count(), 2);
    assert_eq!(ruleset(&ns), first);
}

#[test]
fn sets_only_loads_the_sets_and_hooks_nothing() {
    if !available(&["nft"]) {
        return;
    }
    let (ns, lists, d) = (Netns::new(), Lists::new(), some());
    let file = lists.folder.path().join("sets");
    let options = RenderOptions { sets_only: true };
    let rendered = format_by_id("nft").unwrap().render(&d.list, &Meta::of(&d, NOW), &options);
    write_all(&Destination::from(file.as_path()), &rendered.files).unwrap();
    ns.run(&by_script("nft", &file));
    assert_eq!(held_by_nft(&ns), wanted(&d));
    assert!(!ns.run("nft list ruleset").contains("chain"));
}

#[test]
fn nf03_each_entry_keeps_its_own_ttl() {
    if !available(&["nft"]) {
        return;
    }
    let (ns, lists) = (Netns::new(), Lists::new());
    for scope in [Scope::Endpoint, Scope::Address] {
        let d =
            decided(&[mined("192.0.2.10", Proto::Tcp, 3333, 600), mined("192.0.2.11", Proto::Tcp, 3333, DAY)], scope);
        ns.run(&by_hand("nft", &lists.write("nft", &d)));
        assert_eq!(held_by_nft(&ns), wanted(&d));
        assert_eq!(wanted(&d).into_values().collect::<Vec<_>>(), [600, DAY]);
    }
}

#[test]
fn nf05_an_empty_list_empties_what_an_earlier_one_filled() {
    if !available(&["nft", "ipset", "iptables", "ip6tables"]) {
        return;
    }
    let (ns, lists) = (Netns::new(), Lists::new());
    for scope in [Scope::Endpoint, Scope::Address] {
        for d in [decided(&[mined("192.0.2.10", Proto::Tcp, 3333, DAY)], scope), none()] {
            for id in ["nft", "ipset", "iptables"] {
                ns.run(&by_hand(id, &lists.write(id, &d)));
            }
            assert_eq!(held_by_nft(&ns).len(), d.list.len());
            assert_eq!(held_by_ipset(&ns).len(), d.list.len());
            assert_eq!(held_by_iptables(&ns).is_empty(), d.list.is_empty());
        }
    }
}

#[test]
fn nf11_a_list_at_its_ceiling_loads_and_what_did_not_fit_is_counted() {
    if !available(&["nft", "ipset"]) {
        return;
    }
    let (ns, lists) = (Netns::new(), Lists::new());
    let many: Vec<_> = (0..70_000u32)
        .map(|n| BlockCandidate {
            addr: IpAddr::V4(Ipv4Addr::from(0x2d09_0000 + n)),
            ..mined("192.0.2.1", Proto::Tcp, 3333, DAY)
        })
        .collect();
    let d = decided(&many, Scope::Endpoint);
    assert_eq!((d.list.len(), d.capped()), (65_000, 5_000));
    ns.run(&by_script("nft", &lists.write("nft", &d)));
    assert_eq!(held_by_nft(&ns), wanted(&d));
    ns.run(&by_script("ipset", &lists.write("ipset", &d)));
    assert_held(&held_by_ipset(&ns), &wanted(&d));
}

#[test]
fn a_list_that_is_added_takes_nothing_away_and_renews_what_it_holds() {
    if !available(&["nft", "ipset", "iptables", "ip6tables"]) {
        return;
    }
    let (ns, lists) = (Netns::new(), Lists::new());
    let add = |id: &str, d: &Decision| {
        let file = lists.write(id, d);
        ns.run(&format!("{} add {id} {}", script().display(), file.display()))
    };
    let old = decided(
        &[mined("198.51.100.11", Proto::Tcp, 3333, 600), mined("2001:db8::9", Proto::Tcp, 1, DAY)],
        Scope::Endpoint,
    );
    let mut all = wanted(&some());
    all.extend(wanted(&old).into_iter().filter(|(target, _)| !wanted(&some()).contains_key(target)));
    assert_eq!(all.len(), some().list.len() + 1);
    // A quiet round brings an empty list.
    for d in [old, some(), none()] {
        assert!(add("nft", &d).contains(&format!("{} entr", d.list.len())));
        add("ipset", &d);
    }
    assert_eq!(held_by_nft(&ns), all);
    assert_held(&held_by_ipset(&ns), &all);
    assert_eq!(ns.run("nft list ruleset").matches("jump mw_block").count(), 2);
}

#[test]
fn nf13_a_flushed_ruleset_is_whole_again_after_the_next_load() {
    if !available(&["nft"]) {
        return;
    }
    let (ns, lists, d) = (Netns::new(), Lists::new(), some());
    let load = by_script("nft", &lists.write("nft", &d));
    ns.run(&load);
    ns.run("nft flush ruleset");
    ns.run(&load);
    assert_eq!(held_by_nft(&ns), wanted(&d));
}

#[test]
fn nf15_an_element_that_is_gone_already_fails_nothing() {
    if !available(&["nft"]) {
        return;
    }
    let (ns, lists, d) = (Netns::new(), Lists::new(), some());
    ns.run(&by_hand("nft", &lists.write("nft", &d)));
    ns.run("nft delete element inet minewatch ep4 '{ 198.51.100.10 . tcp . 3333 }'");
    ns.run(&by_hand("nft", &lists.write("nft", &none())));
    assert!(held_by_nft(&ns).is_empty());
}

#[test]
fn se03_loading_and_removing_leaves_other_tables_chains_and_sets_alone() {
    if !available(&["nft", "ipset", "iptables", "ip6tables"]) {
        return;
    }
    let (ns, lists) = (Netns::new(), Lists::new());
    ns.run(
        "nft add table inet victim; ipset create victim hash:ip; iptables -N VICTIM; \
         iptables -A FORWARD -s 192.0.2.77 -j VICTIM; ip6tables -N VICTIM",
    );
    let others = || {
        let tables = ns.run("nft list tables").replace("table inet minewatch\n", "");
        (tables, ns.run("ipset -n list victim; iptables -S VICTIM; ip6tables -S VICTIM; iptables -S FORWARD | grep -v MINEWATCH"))
    };
    let before = others();
    for id in ["nft", "ipset", "iptables"] {
        ns.run(&by_script(id, &lists.write(id, &some())));
    }
    assert_eq!(others(), before);
    ns.run(&format!("{} remove all", script().display()));
    ns.run(&format!("{} remove all", script().display()));
    assert_eq!(others(), before);
    assert!(!ns.run("nft list tables").contains("minewatch"));
    assert_eq!(ns.run("ipset -n list"), "victim\n");
    assert!(!ns.run("iptables-save; ip6tables-save").contains("MINEWATCH"));
}

#[test]
fn ip05_a_live_set_with_other_parameters_in_use_by_a_rule_is_replaced() {
    if !available(&["ipset", "iptables", "ip6tables"]) {
        return;
    }
    let (ns, lists, d) = (Netns::new(), Lists::new(), some());
    ns.run("ipset create minewatch4 hash:ip,port maxelem 1000 timeout 0");
    ns.run("iptables -A OUTPUT -m set --match-set minewatch4 dst,dst -j DROP");
    for _ in 0..2 {
        ns.run(&by_script("ipset", &lists.write("ipset", &d)));
        assert!(ns.run("ipset list -t minewatch4").contains("maxelem 131072"));
        assert_held(&held_by_ipset(&ns), &wanted(&d));
    }
}

#[test]
fn a_set_of_another_type_is_left_alone_and_named() {
    if !available(&["nft", "ipset", "iptables", "ip6tables"]) {
        return;
    }
    let (ns, lists) = (Netns::new(), Lists::new());
    ns.run("nft 'add table inet minewatch; add set inet minewatch ep4 { type ipv4_addr; }'");
    let said = ns.fails(&by_script("nft", &lists.write("nft", &some())));
    assert!(said.contains("exists and is not ours: run \"load-blocklist.sh remove nft\" first"), "{said}");
    ns.run("ipset create minewatch4 hash:net timeout 0; ipset add minewatch4 192.0.2.0/24");
    let said = ns.fails(&by_script("ipset", &lists.write("ipset", &some())));
    assert!(said.contains("exists with another type: run \"load-blocklist.sh remove ipset\" first"), "{said}");
    assert!(ns.run("ipset list minewatch4").contains("192.0.2.0/24"));
    assert!(!ns.run("ipset -n list").contains("-new"), "what was made for the list is left");
}

#[test]
fn an_ipset_list_recovers_from_a_run_that_failed_half_way() {
    if !available(&["ipset"]) {
        return;
    }
    let (ns, lists, d) = (Netns::new(), Lists::new(), some());
    let good = lists.write("ipset", &d);
    ns.run(&by_hand("ipset", &good));
    // Long enough that ipset sends a part before it comes to the bad line.
    let many: Vec<_> = (1..=20_000).map(|port| mined("198.51.100.10", Proto::Tcp, port, DAY)).collect();
    let bad = lists.write("ipset", &decided(&many, Scope::Endpoint));
    let text = fs::read_to_string(&bad).unwrap();
    fs::write(&bad, text.replace("tcp:20000 timeout 86400", "tcp:20000 timeout -1")).unwrap();
    ns.fails(&by_hand("ipset", &bad));
    assert!(ns.run("ipset save").contains("add minewatch4-new "), "the run did not fail half-way");
    assert_eq!(ns.run("ipset save minewatch4").lines().count(), 5, "the live set is as it was");
    let good = lists.write("ipset", &d);
    ns.run(&by_hand("ipset", &good));
    assert_held(&held_by_ipset(&ns), &wanted(&d));
}

#[test]
fn ip09_any_number_of_loads_leaves_exactly_one_jump_and_it_is_the_first_rule() {
    if !available(&["ipset", "iptables", "ip6tables"]) {
        return;
    }
    let (ns, lists) = (Netns::new(), Lists::new());
    for tool in ["iptables", "ip6tables"] {
        ns.run(&format!("{tool} -N DOCKER-USER; {tool} -A FORWARD -j DOCKER-USER; {tool} -A DOCKER-USER -j RETURN"));
    }
    let (file, sets) = (lists.write("iptables", &some()), lists.write("ipset", &some()));
    let jumps = |chain: &str| {
        for tool in ["iptables", "ip6tables"] {
            for hook in ["FORWARD", "OUTPUT", "DOCKER-USER"] {
                let rules = ns.run(&format!("{tool} -S {hook} | grep '^-A'"));
                let at: Vec<_> =
                    rules.lines().enumerate().filter(|(_, l)| l.ends_with(&format!("-j {chain}"))).collect();
                assert_eq!(at.len(), 1, "{tool} {hook}: {rules}");
                assert_eq!(at[0].0, 0, "{tool} {hook}: {rules}");
            }
        }
    };
    for _ in 0..3 {
        ns.run(&by_script("iptables", &file));
        jumps("MINEWATCH");
    }
    // Somebody put a rule above ours, and once more our jump by hand.
    ns.run("iptables -I FORWARD 1 -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables -A FORWARD -j MINEWATCH");
    ns.run(&by_script("iptables", &file));
    jumps("MINEWATCH");
    ns.run(&by_script("ipset", &sets));
    ns.run(&by_script("ipset", &sets));
    jumps("MINEWATCH-IPSET");
}

#[test]
fn the_script_loads_nothing_from_a_file_that_is_cut_edited_or_foreign() {
    if !available(&["nft"]) {
        return;
    }
    let (ns, lists) = (Netns::new(), Lists::new());
    let good = fs::read_to_string(lists.write("nft", &some())).unwrap();
    let file = lists.folder.path().join("changed");
    let said = |text: &str| {
        fs::write(&file, text).unwrap();
        let said = ns.fails(&by_script("nft", &file));
        assert!(!ns.run("nft list ruleset").contains("minewatch"), "{said}");
        said
    };
    assert!(said(&good[..good.len() - 40]).contains("damaged or was edited"));
    assert!(said("").contains("no minewatch list"));
    assert!(said("add table inet other\n").contains("no minewatch list"));
    // With a checksum that fits, a line that is not ours still gets nowhere.
    let hostile = good.lines().filter(|l| l.starts_with('#') && !l.contains("sha256: ")).collect::<Vec<_>>().join("\n")
        + "\n# sha256: c8c24fa1b9b2b5b7d0d4fd3d1d5ba2b4\nadd table inet minewatch; delete table inet victim\n";
    let sum = ns.run(&format!("grep -v '^#' <<'END' | sha256sum | cut -d' ' -f1\n{hostile}END"));
    let hostile = hostile.replace("c8c24fa1b9b2b5b7d0d4fd3d1d5ba2b4", sum.trim());
    assert!(said(&hostile).contains("holds a line that no minewatch list has"));
}

/// The heart of it: what was reachable before the load, what is after, and what became of the connection in between.
fn stands_between_a_miner_and_its_pool(load: impl Fn(&Netns, &Lists, &Decision)) {
    let (world, lists) = (World::new(), Lists::new());
    for (listed, other) in POOLS {
        let (pool, port, address) = (
            SocketAddr::from((ip(listed), 3333)),
            SocketAddr::from((ip(listed), 4444)),
            SocketAddr::from((ip(other), 3333)),
        );
        load(&world.gateway, &lists, &none());
        let mut mining = world.inside.connect(pool).expect("nothing is blocked yet");
        let mut web = world.inside.connect(port).expect("nothing is blocked yet");
        assert_eq!((mining.ping().as_str(), web.ping().as_str()), ("PONG", "PONG"));

        let d = decided(&[mined(listed, Proto::Tcp, 3333, DAY)], Scope::Endpoint);
        load(&world.gateway, &lists, &d);
        assert_eq!(mining.ping(), "CUT ConnectionReset", "{pool}: an established connection lives on");
        assert_eq!(web.ping(), "PONG", "{port}: a connection to another port was cut");
        let refused = Some("ConnectionRefused".to_owned());
        assert_eq!(world.inside.connect(pool).err(), refused, "{pool} through the gateway");
        assert_eq!(world.gateway.connect(pool).err(), refused, "{pool} from the gateway itself");
        assert!(world.inside.connect(port).is_ok(), "{port}: another port of the same address");
        assert!(world.inside.connect(address).is_ok(), "{address}: another address");

        // The whole address, on request.
        let d = decided(&[mined(listed, Proto::Tcp, 3333, DAY)], Scope::Address);
        load(&world.gateway, &lists, &d);
        assert_eq!(world.inside.connect(port).err(), refused, "{port} in address scope");
        assert!(world.inside.connect(address).is_ok(), "{address}: another address");

        load(&world.gateway, &lists, &none());
        assert!(world.inside.connect(pool).is_ok(), "{pool}: an empty list opens it again");
    }
}

/// What most gateways have, and what lets established connections past any rule below it.
fn accept_established(gateway: &Netns) {
    for tool in ["iptables", "ip6tables"] {
        let rule = "FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";
        gateway.run(&format!("{tool} -C {rule} 2>/dev/null || {tool} -I {rule}"));
    }
}

#[test]
fn nft_stands_between_a_miner_and_its_pool() {
    if !available(&["nft"]) {
        return;
    }
    stands_between_a_miner_and_its_pool(|gateway, lists, d| {
        gateway.run(
            "nft 'add table inet gw; add chain inet gw f { type filter hook forward priority filter; }; \
             flush chain inet gw f; add rule inet gw f ct state established accept'",
        );
        gateway.run(&by_hand("nft", &lists.write("nft", d)));
    });
}

#[test]
fn ipset_stands_between_a_miner_and_its_pool() {
    if !available(&["ipset", "iptables", "ip6tables"]) {
        return;
    }
    stands_between_a_miner_and_its_pool(|gateway, lists, d| {
        accept_established(gateway);
        gateway.run(&by_script("ipset", &lists.write("ipset", d)));
    });
}

#[test]
fn iptables_stands_between_a_miner_and_its_pool() {
    if !available(&["iptables", "ip6tables"]) {
        return;
    }
    stands_between_a_miner_and_its_pool(|gateway, lists, d| {
        accept_established(gateway);
        gateway.run(&by_script("iptables", &lists.write("iptables", d)));
    });
}

#[test]
fn a_full_disk_leaves_the_old_list_and_nothing_else() {
    if !available(&["unshare -m true"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Actor::on_tiny_disk(folder.path(), "fill").hear(), "FINE");
}

fn fill_a_disk(folder: &Path) -> String {
    let to = Destination::from(folder.join("list").as_path());
    let render = |d: &Decision| {
        format_by_id("iptables").unwrap().render(&d.list, &Meta::of(d, NOW), &RenderOptions::default()).files
    };
    write_all(&to, &render(&some())).unwrap();
    let names = || {
        let all = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
        all.collect::<BTreeSet<_>>()
    };
    let read = || fs::read(folder.join("list")).unwrap();
    let (before, old) = (names(), read());
    let large: Vec<_> = (1..=5_000).map(|port| mined("198.51.100.10", Proto::Tcp, port, DAY)).collect();
    match write_all(&to, &render(&decided(&large, Scope::Endpoint))) {
        Ok(()) => "the disk was not full".to_owned(),
        Err(e) if !e.to_string().contains("the old list is untouched") => e.to_string(),
        Err(_) if names() != before => format!("left over: {:?}", names()),
        Err(_) if read() != old => "the old list is gone".to_owned(),
        Err(_) => "FINE".to_owned(),
    }
}
