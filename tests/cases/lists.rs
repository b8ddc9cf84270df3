//! emit-nft and emit-ipset: what replay writes, in real firewalls.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use crate::kit::capture::WEEK;
use crate::kit::file::Record;
use crate::kit::tcp::{Segment, flag};
use crate::kit::{dialogue::Side, wire};
use crate::netns::readback::{held_by_ipset, held_by_iptables, held_by_nft};
use crate::netns::{Netns, available};
use crate::said::{NOTIFY, SUBSCRIBE, bitcoin, monero};
use crate::scene::{BINARY, Run, Said, Scene, run_where, said};

/// Miners at these pools.
fn mining_at(pools: &[&str]) -> Scene {
    let mut scene = Scene::new();
    for (n, pool) in pools.iter().enumerate() {
        let v6 = pool.starts_with('[');
        let host = if v6 { format!("2001:db8:5::{n}") } else { format!("10.0.0.{}", n + 5) };
        let words = if n % 2 == 0 { bitcoin() } else { monero() };
        scene.play(&host, pool, &words);
    }
    scene
}

fn nft(ns: &Netns, run: &Run) -> BTreeSet<String> {
    ns.run(&format!("nft -c -f {0} && nft -f {0}", run.list_file("nft").display()));
    held_by_nft(ns).keys().map(ToString::to_string).collect()
}

fn ipset(ns: &Netns, run: &Run) -> BTreeSet<String> {
    ns.run(&format!("ipset restore -file {}", run.list_file("ipset").display()));
    held_by_ipset(ns).keys().map(ToString::to_string).collect()
}

fn script() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/load-blocklist.sh").display().to_string()
}

const TWO: [&str; 2] = ["198.51.100.1:3333", "[2001:db8::1]:4444"];

#[test]
fn nf03_neighbours_stay_two_elements_with_a_life_each() {
    if !available(&["nft"]) {
        return;
    }
    let ns = Netns::new();
    for scope in ["endpoint", "address"] {
        let run = mining_at(&["192.0.2.10:3333", "192.0.2.11:3333"]).run_with(&["--ttl", "90s", "--scope", scope]);
        assert_eq!(nft(&ns, &run).len(), 2);
        assert_eq!(held_by_nft(&ns).into_values().collect::<Vec<_>>(), [90, 90]);
    }
}

#[test]
fn nf05_a_run_without_findings_empties_the_sets() {
    if !available(&["nft"]) {
        return;
    }
    let ns = Netns::new();
    assert_eq!(nft(&ns, &mining_at(&TWO).run()).len(), 2);
    let none = Scene::new().run();
    none.silent();
    assert!(nft(&ns, &none).is_empty());
    assert_eq!(nft(&ns, &mining_at(&TWO).run_with(&["--scope", "address"])).len(), 2);
    assert!(nft(&ns, &none).is_empty());
}

#[test]
fn nf07_each_family_in_its_own_set() {
    if !available(&["nft"]) {
        return;
    }
    let ns = Netns::new();
    let run = mining_at(&TWO).run();
    nft(&ns, &run);
    let set = |name: &str| ns.run(&format!("nft list set inet minewatch {name}"));
    assert!(set("ep4").contains("198.51.100.1 . tcp . 3333") && !set("ep4").contains("2001:"));
    assert!(set("ep6").contains("2001:db8::1 . tcp . 4444") && !set("ep6").contains("198."));
}

#[test]
fn nf07_sibling_a_list_of_one_family_only() {
    if !available(&["nft", "ipset", "iptables", "ip6tables"]) {
        return;
    }
    let ns = Netns::new();
    for pool in TWO {
        let run = mining_at(&[pool]).run();
        assert_eq!(nft(&ns, &run).len(), 1);
        assert_eq!(ipset(&ns, &run).len(), 1);
        for (tool, format) in [("iptables", "iptables"), ("ip6tables", "ip6tables")] {
            ns.run(&format!("{tool}-restore --noflush {}", run.list_file(format).display()));
        }
        assert_eq!(held_by_iptables(&ns).len(), 1);
    }
}

/// As many pools as asked for, each with a short session of one of a few miners.
fn crowd(pools: u32) -> Vec<Record> {
    let answer = [r#"{"id":1,"result":[[["mining.notify","ae"]],"08000002",4],"error":null}"#, "\n", NOTIFY].concat();
    let mut records = Vec::new();
    for n in 0..pools {
        let client = SocketAddr::new(Ipv4Addr::new(10, 0, (n / 4000) as u8, 5).into(), 20_000 + (n % 4000) as u16);
        let server = SocketAddr::new(Ipv4Addr::from(0x2d09_0000 + n).into(), 3333);
        let mut at = WEEK + u64::from(n) * 1_000_000;
        let (mut seq, mut ack) = (1000, 0);
        for (side, flags, payload) in [
            (Side::Client, flag::SYN, ""),
            (Side::Server, flag::SYN | flag::ACK, ""),
            (Side::Client, flag::ACK | flag::PSH, SUBSCRIBE),
            (Side::Server, flag::ACK | flag::PSH, answer.as_str()),
            (Side::Client, flag::ACK, ""),
        ] {
            at += 1000;
            let (s, a) = if side == Side::Client { (seq, ack) } else { (ack.max(5000), seq) };
            let segment = Segment {
                at,
                side,
                seq: s,
                ack: if flags == flag::SYN { 0 } else { a },
                flags,
                options: Vec::new(),
                window: 500,
                payload: payload.as_bytes().to_vec(),
                ip_id: n as u16,
            };
            let next = s + payload.len() as u32 + u32::from(flags & flag::SYN != 0);
            if side == Side::Client {
                seq = next;
            } else {
                ack = next;
            }
            let (from, to) = if side == Side::Client { (client, server) } else { (server, client) };
            let data = wire::ethernet([2; 6], [4; 6], 0x0800, &wire::tcp(from, to, &segment));
            records.push(Record { at, link: 1, data });
        }
    }
    records
}

/// Replays seventy thousand pools into lists of at most so many entries.
fn seventy_thousand(folder: &Path, max: Option<&str>) -> Said {
    let file = folder.join("crowd.pcap");
    std::fs::write(&file, crate::kit::file::write(crate::kit::file::Format::USUAL, &crowd(70_000), 262_144)).unwrap();
    let mut c = Command::new(BINARY);
    c.arg("replay")
        .arg(&file)
        .arg("--blocklist")
        .arg(folder.join("list"))
        .args(["--format", "nft", "--format", "ipset"]);
    if let Some(max) = max {
        c.args(["--max-entries", max]);
    }
    said(&mut c, None)
}

#[test]
fn nf11_seventy_thousand_pools_load_up_to_the_limit_and_the_rest_is_counted() {
    if !available(&["nft", "ipset"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let ns = Netns::new();
    for (max, entries, dropped) in [(None, 10_000, "60000"), (Some("65000"), 65_000, "5000")] {
        let run = seventy_thousand(dir.path(), max);
        assert_eq!(run.code, 1, "{}", run.err);
        assert!(run.text().contains(&format!("{dropped} endpoints did not fit the block list")));
        let list = dir.path().join("list");
        ns.run(&format!("nft -f {}.nft", list.display()));
        assert_eq!(held_by_nft(&ns).len(), entries);
        ns.run(&format!("ipset restore -file {}.ipset", list.display()));
        assert_eq!(held_by_ipset(&ns).len(), entries);
    }
}

#[test]
fn nf11_a_limit_of_65536_is_taken() {
    if !available(&["nft"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let ns = Netns::new();
    let run = seventy_thousand(dir.path(), Some("65536"));
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.text().contains("4464 endpoints did not fit the block list"));
    ns.run(&format!("nft -f {}", dir.path().join("list.nft").display()));
    assert_eq!(held_by_nft(&ns).len(), 65_536);
}

#[test]
fn nf13_the_same_file_restores_what_a_flush_removed() {
    if !available(&["nft"]) {
        return;
    }
    let ns = Netns::new();
    let run = mining_at(&TWO).run();
    let before = nft(&ns, &run);
    ns.run("nft flush ruleset");
    assert_eq!(nft(&ns, &run), before);
}

#[test]
fn nf15_an_element_that_expired_before_the_next_load_fails_nothing() {
    if !available(&["nft"]) {
        return;
    }
    let ns = Netns::new();
    let run = mining_at(&TWO).run();
    nft(&ns, &run);
    ns.run("nft delete element inet minewatch ep4 '{ 198.51.100.1 . tcp . 3333 }'");
    assert_eq!(nft(&ns, &run).len(), 2);
    assert!(nft(&ns, &Scene::new().run()).is_empty());
}

#[test]
fn nf_sibling_a_second_run_writes_the_same_bytes_and_loads_to_the_same_rules() {
    let scene = mining_at(&["198.51.100.9:3333", "198.51.100.1:3333", "[2001:db8::1]:4444", "198.51.100.1:443"]);
    let (a, b) = (scene.run(), scene.run_with(&["--workers", "3"]));
    assert_eq!(a.lists, b.lists);
    assert_eq!(a.plain(), ["198.51.100.1", "198.51.100.9", "2001:db8::1"]);
    if !available(&["nft"]) {
        return;
    }
    let ns = Netns::new();
    let rules = |run: &Run| {
        nft(&ns, run);
        let all = ns.run("nft -s list ruleset");
        all.lines().filter(|l| !l.contains("expires") && !l.contains("elements")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rules(&a), rules(&b));
}

#[test]
fn nf_sibling_life_times_are_finite_whole_and_in_range() {
    let scene = mining_at(&["198.51.100.1:3333"]);
    for (ttl, secs) in [("1s", 1), ("90s", 90), ("7d", 604_800), ("3650d", 315_360_000)] {
        let run = scene.run_with(&["--ttl", ttl]);
        assert!(run.lists["nft"].contains(&format!("timeout {secs}s,")), "{}", run.lists["nft"]);
        assert_eq!(run.of("blocked")[0]["ttl"], secs);
    }
    for bad in ["0s", "0", "-1s", "3651d", "1h30m", "", "99999999999999999999s", "forever"] {
        let out = scene.text(&[&format!("--ttl={bad}"), "--blocklist", "-"]);
        assert_eq!(out.code, 2, "{bad}: {}", out.text());
        assert!(out.out.is_empty(), "{bad}");
    }
}

#[test]
fn nf_sibling_documentation_ranges_are_off_unless_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("case.pcap");
    std::fs::write(&file, mining_at(&["192.0.2.77:3333", "198.51.100.77:3333", "203.0.113.77:3333", TWO[1]]).pcap())
        .unwrap();
    let run = run_where(&[file], &[], None);
    assert_eq!(run.miners().len(), 4);
    run.blocks_nothing();
    for target in ["192.0.2.77:3333", "198.51.100.77:3333", "203.0.113.77:3333", TWO[1]] {
        assert_eq!(run.refused(target), ["documentation"]);
    }
}

#[test]
fn ip01_no_list_can_hold_a_life_that_is_over() {
    if !available(&["ipset"]) {
        return;
    }
    let ns = Netns::new();
    let run = mining_at(&["198.51.100.1:3333", "198.51.100.2:3333"]).run_with(&["--ttl", "60s"]);
    assert_eq!(ipset(&ns, &run).len(), 2);
    for line in run.lists["ipset"].lines().filter(|l| l.starts_with("add ")) {
        let ttl: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!((1..=2_147_483).contains(&ttl), "{line}");
    }
}

#[test]
fn ip03_a_life_of_a_year_is_cut_with_one_warning() {
    let run = mining_at(&["198.51.100.1:3333", "198.51.100.2:3333"]).run_with(&["--ttl", "365d"]);
    assert_eq!(run.lists["ipset"].matches("timeout 2147483\n").count(), 2);
    assert_eq!(run.warned("2147483"), 1);
    assert!(run.lists["nft"].contains("timeout 31536000s,"));
    if available(&["ipset"]) {
        assert_eq!(ipset(&Netns::new(), &run).len(), 2);
    }
}

#[test]
fn ip05_a_live_set_with_other_parameters_is_replaced_twice() {
    if !available(&["ipset", "iptables", "ip6tables"]) {
        return;
    }
    let ns = Netns::new();
    ns.run("ipset create minewatch4 hash:ip,port maxelem 1000 timeout 0");
    ns.run("ipset create minewatch6 hash:ip,port family inet6 hashsize 64 maxelem 10 timeout 5");
    let run = mining_at(&TWO).run();
    for _ in 0..2 {
        ns.run(&format!("{} ipset {}", script(), run.list_file("ipset").display()));
        for set in ["minewatch4", "minewatch6"] {
            let list = ns.run(&format!("ipset list -t {set}"));
            assert!(list.contains("maxelem 131072") && list.contains("Number of entries: 1"), "{list}");
        }
    }
}

#[test]
fn ip05_sibling_the_file_alone_cannot_change_a_live_set_and_leaves_it_as_it_was() {
    if !available(&["ipset"]) {
        return;
    }
    // `create -exist` refuses other parameters and nothing in such a file can be conditional: the script is the way.
    let ns = Netns::new();
    ns.run("ipset create minewatch4 hash:ip,port maxelem 1000 timeout 0; ipset add minewatch4 192.0.2.7,tcp:1");
    let run = mining_at(&TWO).run();
    ns.fails(&format!("ipset restore -file {}", run.list_file("ipset").display()));
    assert!(ns.run("ipset save minewatch4").contains("add minewatch4 192.0.2.7,tcp:1"));
    assert!(run.lists["ipset"].contains("load-blocklist.sh ipset FILE"));
    // A set that an earlier list of ours made is no obstacle.
    ns.run("ipset destroy minewatch4");
    for _ in 0..2 {
        assert_eq!(ipset(&ns, &run).len(), 2);
    }
}

#[test]
fn ip07_each_family_in_its_own_ipset_and_rules() {
    if !available(&["ipset", "iptables", "ip6tables"]) {
        return;
    }
    let ns = Netns::new();
    let run = mining_at(&TWO).run();
    assert_eq!(ipset(&ns, &run).len(), 2);
    let save = ns.run("ipset save");
    assert!(
        save.contains("add minewatch4 198.51.100.1,tcp:3333") && save.contains("add minewatch6 2001:db8::1,tcp:4444")
    );
    ns.run(&format!("{} ipset {}", script(), run.list_file("ipset").display()));
    assert!(ns.run("ip6tables-save").contains("minewatch6"));
}

#[test]
fn ip09_two_loads_leave_one_jump() {
    if !available(&["iptables", "ip6tables"]) {
        return;
    }
    let ns = Netns::new();
    let run = mining_at(&TWO).run();
    for _ in 0..2 {
        let (v4, v6) = (run.list_file("iptables"), run.list_file("ip6tables"));
        ns.run(&format!("{} iptables {} {}", script(), v4.display(), v6.display()));
        for tool in ["iptables", "ip6tables"] {
            for chain in ["FORWARD", "OUTPUT"] {
                assert_eq!(ns.run(&format!("{tool} -S {chain}")).matches("-j MINEWATCH").count(), 1);
            }
        }
    }
    assert_eq!(held_by_iptables(&ns).len(), 2);
}

#[test]
fn ip09_sibling_by_hand_without_the_script() {
    if !available(&["iptables", "ip6tables"]) {
        return;
    }
    let ns = Netns::new();
    let run = mining_at(&TWO).run();
    for _ in 0..2 {
        for (tool, format) in [("iptables", "iptables"), ("ip6tables", "ip6tables")] {
            ns.run(&format!("{tool}-restore --noflush {}", run.list_file(format).display()));
        }
    }
    assert_eq!(held_by_iptables(&ns).len(), 2);
    assert!(!ns.run("iptables -S").contains("-A FORWARD"), "the file itself inserts no jump");
}

#[test]
fn eo03_plain_lists_hold_addresses_and_comments_only() {
    for run in [mining_at(&TWO).run(), Scene::new().run()] {
        let text = &run.lists["plain"];
        assert!(text.ends_with('\n') && !text.contains('\r'));
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            line.parse::<std::net::IpAddr>().unwrap();
        }
    }
}

#[test]
fn nf_sibling_the_list_on_standard_output_is_the_list() {
    if !available(&["nft"]) {
        return;
    }
    // As a person would: minewatch replay FILE --blocklist - | nft -f -
    let ns = Netns::new();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("case.pcap");
    std::fs::write(&file, mining_at(&TWO).pcap()).unwrap();
    ns.run(&format!(
        "{BINARY} replay {} --allow-documentation-ranges --blocklist - --format nft | nft -f -",
        file.display()
    ));
    assert_eq!(held_by_nft(&ns).len(), 2);
}

#[test]
fn nf_sibling_the_same_file_is_replaced_by_an_empty_list() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.nft");
    let args = ["--allow-documentation-ranges", "--blocklist", list.to_str().unwrap()];
    assert_eq!(mining_at(&TWO).text(&args).code, 1);
    assert!(std::fs::read_to_string(&list).unwrap().contains("198.51.100.1"));
    assert_eq!(Scene::new().text(&args).code, 0);
    let text = std::fs::read_to_string(&list).unwrap();
    assert!(text.contains("flush set") && !text.contains("198.51.100.1"), "{text}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
}
