//! `entries`, `block`, `release`, `blocklist` and `incidents`.

use std::fs;
use std::path::Path;
use std::thread;

use minewatch::decode::Tenant;
use minewatch::dialect::Shares;
use minewatch::evidence::Verdict;
use minewatch::firewall::Origin;
use minewatch::ledger::{HostKey, Incident, IncidentKey, State};
use minewatch::state::{Batch, FILE, Store};

use super::support::run::{Run, minewatch};
use super::{fill, from_now, host, name, record};

/// Documentation addresses are in the tests' lists.
const DOCS: &str = "--allow-documentation-ranges";

#[track_caller]
fn run(dir: &Path, code: i32, arguments: &[&str]) -> Run {
    let mut all: Vec<&str> = arguments.to_vec();
    let dir = dir.to_str().unwrap();
    all.extend(["--state", dir]);
    let run = minewatch(all);
    assert!(run.code == Some(code) && !run.hung, "wanted exit status {code}: {run:#?}");
    run
}

#[track_caller]
fn says(run: &Run, words: &str) {
    assert!(run.text().contains(words), "not {words:?}: {run:#?}");
}

#[test]
fn entries_shows_what_is_blocked_and_why() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), [record("198.51.100.7", 3333), record("10.0.0.1", 3333)]);
    let shown = run(dir.path(), 0, &["entries", DOCS]);
    let line = shown.text().lines().find(|l| l.starts_with("198.51.100.7:3333/tcp")).unwrap();
    assert!(line.contains("confirmed") && line.contains("59m") && line.contains("seen"), "{line}");
    assert!(line.ends_with("10.0.0.5"), "{line}");
    says(&shown, "in no list: the address lies in a range that is never blocked: private");
    let json = run(dir.path(), 0, &["entries", "--json", DOCS]);
    let lines: Vec<serde_json::Value> = json.text().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["ip"], &lines[0]["refused"]), (&"10.0.0.1".into(), &"special-purpose".into()));
    let pool = &lines[1];
    assert_eq!((&pool["event_type"], &pool["origin"]), (&"block_entry".into(), &"seen".into()));
    assert_eq!(&pool["kind"], "endpoint");
    assert_eq!((&pool["port"], &pool["times"], &pool["miners"][0]), (&3333.into(), &1.into(), &"10.0.0.5".into()));
    assert!((3_500..=3_600).contains(&pool["ttl"].as_u64().unwrap()));
}

#[test]
fn an_order_is_kept_shown_listed_and_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), []);
    says(&run(dir.path(), 0, &["entries"]), "Nothing is blocked.");
    let why = "bot\u{1b}[31m net\nALERT";
    let done = run(dir.path(), 0, &["block", "198.51.100.7:3333", "--for", "2h", "--reason", why, DOCS]);
    says(&done, "198.51.100.7:3333/tcp is blocked until 20");
    let shown = run(dir.path(), 0, &["entries", DOCS]);
    says(&shown, "bot\\x1b[31m net\\nALERT");
    assert_eq!(shown.text().lines().count(), 2, "{}", shown.text());
    says(&run(dir.path(), 0, &["blocklist", "--format", "plain", DOCS]), "198.51.100.7");
    let nft = run(dir.path(), 0, &["blocklist", DOCS]);
    assert!(nft.text().contains("198.51.100.7 . 3333") || nft.text().contains("3333"), "{}", nft.text());
    assert!(!nft.text().contains("ALERT"));

    let gone = run(dir.path(), 0, &["release", "198.51.100.7", "--for", "1h"]);
    says(&gone, "198.51.100.7:3333/tcp is not blocked any more");
    says(&gone, "nothing that is seen blocks 198.51.100.7 again before 20");
    let shown = run(dir.path(), 0, &["entries", DOCS]);
    says(&shown, "Nothing is blocked.");
    says(&shown, "RELEASED");
    says(&run(dir.path(), 0, &["release", "198.51.100.7"]), "198.51.100.7 was not blocked");
}

#[test]
fn a_release_of_a_port_tells_when_the_whole_address_is_blocked() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), []);
    run(dir.path(), 0, &["block", "198.51.100.7", "--for", "2h", "--reason", "x", DOCS]);
    let told = run(dir.path(), 2, &["release", "198.51.100.7:1"]);
    assert!(told.stderr.contains("minewatch release 198.51.100.7;"), "{told:#?}");
    says(&run(dir.path(), 0, &["release", "198.51.100.7:1", "--for", "1h"]), "minewatch release 198.51.100.7\n");
}

/// A slip must neither look like success nor be remembered.
#[test]
fn a_release_of_what_is_not_blocked_changes_nothing_and_names_what_is_nearest() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), [record("198.51.100.7", 3333), host("10.0.0.5"), name("pool.example")]);
    for (slip, meant) in [
        ("198.51.100.8:3333", "198.51.100.7:3333/tcp"),
        ("198.51.100.7:3334", "198.51.100.7:3333/tcp"),
        ("10.0.0.6", "10.0.0.5"),
        ("poool.example", "pool.example"),
    ] {
        let told = run(dir.path(), 2, &["release", slip]);
        let words = format!("is neither blocked nor isolated, and nothing was changed: did you mean {meant}?");
        assert!(told.stderr.contains(&words) && told.stdout.is_empty(), "{slip}: {told:#?}");
    }
    let told = run(dir.path(), 2, &["release", "203.0.113.200"]);
    assert!(told.stderr.contains("nothing was changed;") && told.stderr.contains("minewatch entries"), "{told:#?}");
    let entries = run(dir.path(), 0, &["entries", DOCS]);
    assert!(!entries.text().contains("RELEASED"), "{}", entries.text());
    // Beforehand, and on purpose.
    let kept = run(dir.path(), 0, &["release", "203.0.113.200", "--for", "7d"]);
    says(&kept, "203.0.113.200 was not blocked");
    says(&run(dir.path(), 0, &["entries", DOCS]), "RELEASED");
}

#[test]
fn a_format_without_ports_never_widens_what_is_blocked() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), [record("198.51.100.7", 3333)]);
    run(dir.path(), 0, &["block", "203.0.113.9", "--for", "2h", "--reason", "x", DOCS]);
    for format in ["pf", "edl", "crowdsec", "mikrotik"] {
        let refused = run(dir.path(), 2, &["blocklist", "--format", format, DOCS]);
        let words = format!("{format} cannot say ports");
        assert!(refused.stderr.contains(&words) && refused.stderr.contains("1 of 2 entries"), "{refused:#?}");
        assert!(refused.stdout.is_empty(), "{refused:#?}");
    }
    run(dir.path(), 0, &["release", "198.51.100.7"]);
    let whole = run(dir.path(), 0, &["blocklist", "--format", "pf", DOCS]);
    assert!(whole.text().contains("\n203.0.113.9\n") && whole.stderr.is_empty(), "{whole:#?}");
}

#[test]
fn what_a_format_cannot_say_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), [record("198.51.100.7", 3333)]);
    run(dir.path(), 0, &["block", "203.0.113.9", "--for", "2h", "--reason", "x", DOCS]);
    for (format, words) in [
        ("unbound", "2 endpoints are in no list"),
        ("hosts", "2 endpoints are in no list"),
        ("zeek", "1 endpoint is in no list"),
    ] {
        let told = run(dir.path(), 0, &["blocklist", "--format", format, DOCS]);
        assert!(told.stderr.contains(words), "{format}: {told:#?}");
    }
    assert_eq!(run(dir.path(), 0, &["blocklist", "--format", "nft", DOCS]).stderr, "");
}

#[test]
fn the_end_of_a_files_name_says_the_format() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), [record("198.51.100.7", 3333)]);
    for (name, words) in
        [("x.rules", "drop "), ("x.iptables", "*filter"), ("x.json", "\"entries\""), ("x", "table inet")]
    {
        let file = dir.path().join(name);
        run(dir.path(), 0, &["blocklist", DOCS, "-o", file.to_str().unwrap()]);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(words), "{name}: {text}");
    }
}

#[test]
fn a_list_without_life_times_is_to_be_replaced_when_the_first_entry_is_over() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), [record("198.51.100.7", 3333)]);
    run(dir.path(), 0, &["block", "203.0.113.9", "--for", "9d", "--reason", "x", DOCS]);
    let list = run(dir.path(), 0, &["blocklist", "--format", "plain", DOCS]);
    let by = list.text().lines().find_map(|l| l.split("use a newer list by ").nth(1)).unwrap();
    assert!(by <= from_now(3_601).to_string().as_str(), "{by}");
}

#[test]
fn an_order_is_no_verdict() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), []);
    run(dir.path(), 0, &["block", "203.0.113.9", "--for", "2h", "--reason", "x", DOCS]);
    for format in ["json", "csv", "misp", "zeek", "stix"] {
        let list = run(dir.path(), 0, &["blocklist", "--format", format, DOCS]);
        assert!(list.text().contains("203.0.113.9") && !list.text().contains("confirmed"), "{list:#?}");
    }
    for reason in ["", " "] {
        let refused = run(dir.path(), 2, &["block", "203.0.113.8", "--for", "2h", "--reason", reason, DOCS]);
        assert!(refused.stderr.contains("--reason is empty"), "{refused:#?}");
    }
}

#[test]
fn what_must_never_be_blocked_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), []);
    for (target, more, words) in [
        ("10.0.0.1", None, "never blocked: private"),
        ("8.8.8.8:53/udp", None, "public resolver"),
        ("198.51.100.7", None, "never blocked: documentation"),
        ("45.9.148.117:3333", Some(["--never-block", "45.9.148.0/24"]), "45.9.148.0/24"),
        ("45.9.148.117:3333", Some(["--home-net", "45.9.148.0/24"]), "network of your own"),
        ("45.9.148.117:0", None, "port 0"),
    ] {
        let mut arguments = vec!["block", target, "--for", "1h", "--reason", "x"];
        arguments.extend(more.into_iter().flatten());
        let refused = run(dir.path(), 2, &arguments);
        assert!(refused.stderr.contains(words) && refused.stdout.is_empty(), "{target}: {refused:#?}");
    }
    says(&run(dir.path(), 0, &["entries"]), "Nothing is blocked.");
    for wrong in [&["block", "pool.example", "--for", "1h", "--reason", "x"][..], &["block", "192.0.2.1"], &["release"]]
    {
        assert_eq!(run(dir.path(), 2, wrong).text(), "");
    }
    let never = run(dir.path(), 2, &["block", "45.9.148.117", "--for", "0s", "--reason", "x"]);
    assert!(never.stderr.contains("a block without an end is not offered"), "{}", never.stderr);
}

/// By an order, or in a database that another version or hand wrote.
#[test]
fn an_address_that_serves_many_gets_into_no_list_however_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let mut pair = record("104.21.80.6", 443);
    pair.key = "10.0.0.5@104.21.80.6:443".parse().unwrap();
    let mut order = record("104.21.80.7", 443);
    order.origin = Origin::Manual;
    fill(dir.path(), [record("104.21.80.5", 443), pair, order, record("45.9.148.117", 3333)]);
    let shown = run(dir.path(), 0, &["entries"]);
    let words = "(in no list: the address serves many customers (Cloudflare, 104.16.0.0/13))";
    assert_eq!(shown.text().matches(words).count(), 3, "{shown:#?}");
    let json = run(dir.path(), 0, &["entries", "--json"]);
    assert_eq!(json.text().matches("\"refused\":\"shared-front\"").count(), 3, "{json:#?}");
    let list = run(dir.path(), 0, &["blocklist", "--format", "json"]);
    assert!(list.text().contains("45.9.148.117") && !list.text().contains("104.21."), "{list:#?}");

    let order = |target: &str, code, more: &[&str]| {
        run(dir.path(), code, &[&["block", target, "--for", "1h", "--reason", "x"][..], more].concat())
    };
    for target in ["104.21.80.4", "104.21.80.4:443", "[2606:4700:3033::6815:5004]:443"] {
        let refused = order(target, 2, &[]);
        assert!(refused.stderr.contains("the address serves many customers (Cloudflare, "), "{refused:#?}");
        assert!(refused.stderr.contains("minewatch block HOST@") && refused.stdout.is_empty(), "{refused:#?}");
    }
    let whole = order("2606:4700:3033::6815:5004", 2, &[]).stderr;
    assert!(whole.contains("HOST@[2606:4700:3033::6815:5004]:PORT)"), "{whole}");
    // What the refusal names instead.
    says(&order("10.0.0.5@104.21.80.4:443", 0, &[]), "10.0.0.5@104.21.80.4:443/tcp is blocked until");
    says(&run(dir.path(), 0, &["blocklist", "--format", "csv"]), "pair,104.21.80.4,tcp,443,");

    // And what feeds of one's own say.
    let feed = dir.path().join("own.toml");
    let shared = "version = 1\n[[shared]]\nname = \"Own front\"\nkind = \"front\"\nsource = \"us\"\n\
                  prefixes = [\"45.9.148.0/24\"]\n";
    fs::write(&feed, shared).unwrap();
    let feed = ["--feeds", feed.to_str().unwrap()];
    assert!(order("45.9.148.9", 2, &feed).stderr.contains("(Own front, 45.9.148.0/24)"));
    let list = run(dir.path(), 0, &[&["blocklist", "--format", "json"][..], &feed].concat());
    assert!(!list.text().contains("45.9.148."), "{list:#?}");
    says(&order("45.9.148.9", 0, &[]), "45.9.148.9 is blocked until");
}

#[test]
fn what_one_host_is_cut_from_is_left_out_where_it_cannot_be_said_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), []);
    for target in ["10.0.0.5@45.9.148.117:3333", "45.9.148.118"] {
        run(dir.path(), 0, &["block", target, "--for", "1h", "--reason", "x"]);
    }
    for (format, comment) in [
        ("pf", true),
        ("plain", true),
        ("mikrotik", true),
        ("zeek", true),
        ("edl", false),
        ("stix", false),
        ("crowdsec", false),
        ("misp", false),
    ] {
        let list = run(dir.path(), 0, &["blocklist", "--format", format]);
        assert!(
            list.stderr.contains("1 pair of a host and an endpoint is in no list: only formats like nft"),
            "{list:#?}"
        );
        assert!(list.text().contains("45.9.148.118") && !list.text().contains("45.9.148.117"), "{list:#?}");
        let words = "# left out: 1 pair of a host and an endpoint, which this format cannot say: nft";
        assert_eq!(list.text().contains(words), comment, "{list:#?}");
    }
    let nft = run(dir.path(), 0, &["blocklist", "--format", "nft"]);
    assert!(nft.text().contains("45.9.148.117") && nft.stderr.is_empty(), "{nft:#?}");
}

#[test]
fn an_order_is_an_empty_cell_in_a_table_and_no_formula() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), []);
    for target in ["45.9.148.118:3333", "pool.co.uk"] {
        run(dir.path(), 0, &["block", target, "--for", "1h", "--reason", "x"]);
    }
    let list = run(dir.path(), 0, &["blocklist", "--format", "csv"]);
    let verdicts: Vec<_> = list.text().lines().map(|l| l.split(',').nth(6).unwrap()).collect();
    assert_eq!(verdicts, ["verdict", "", ""], "{list:#?}");
}

#[test]
fn a_prefix_is_no_order_and_files_may_begin_with_the_mark_of_an_editor() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), [record("45.9.148.117", 3333)]);
    for order in [&["block", "45.77.10.0/24", "--for", "1h", "--reason", "x"][..], &["release", "45.77.10.0/24"]] {
        let refused = run(dir.path(), 2, order);
        assert!(
            refused.stderr.contains("a prefix cannot be ordered, only single addresses: write ADDR"),
            "{refused:#?}"
        );
    }
    let file = dir.path().join("spared.txt");
    let file = file.to_str().unwrap();
    for (option, text) in
        [("--never-block-file", "\u{feff}45.9.148.0/24\r\n"), ("--allow-miner-file", "\u{feff}# desk\n10.0.0.5\n")]
    {
        fs::write(file, text).unwrap();
        let list = run(dir.path(), 0, &["blocklist", "--format", "plain", option, file]);
        assert!(!list.text().contains("45.9.148.117"), "{option}: {list:#?}");
    }
}

#[test]
fn names_are_shown_listed_ordered_and_released_like_endpoints() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), [name("pool.example"), name("printer.local")]);
    let shown = run(dir.path(), 0, &["entries", DOCS]);
    let line = shown.text().lines().find(|l| l.starts_with("pool.example ")).unwrap();
    assert!(line.contains("confirmed") && line.ends_with("10.0.0.5"), "{line}");
    says(&shown, "(in no list: names below .local are never blocked)");
    says(&run(dir.path(), 0, &["entries"]), "names below example are for documentation");
    let json = run(dir.path(), 0, &["entries", "--json", DOCS]);
    let entry: serde_json::Value = serde_json::from_str(json.text().lines().next().unwrap()).unwrap();
    assert_eq!((&entry["kind"], &entry["name"], &entry["ip"]), (&"name".into(), &"pool.example".into(), &().into()));
    assert_eq!(entry["endpoints"][0], "198.51.100.7:3333/tcp");

    let done = run(dir.path(), 0, &["block", "EU.Other.Example.", "--for", "2h", "--reason", "told so", DOCS]);
    says(&done, "eu.other.example is blocked until 20");
    for (format, words) in [
        ("rpz", "eu.other.example CNAME"),
        ("dnsmasq", "/pool.example/"),
        ("unbound", "pool.example"),
        ("hosts", "pool.example"),
    ] {
        let list = run(dir.path(), 0, &["blocklist", "--format", format, DOCS]);
        says(&list, words);
        assert!(!list.text().contains("printer.local"), "{list:#?}");
    }
    for format in ["json", "csv", "misp", "zeek"] {
        let list = run(dir.path(), 0, &["blocklist", "--format", format, DOCS]);
        let ordered = list.text().lines().filter(|l| l.contains("eu.other.example"));
        assert!(ordered.clone().count() > 0 && !ordered.clone().any(|l| l.contains("confirmed")), "{list:#?}");
    }
    let wider = run(dir.path(), 0, &["release", "eu.pool.example", "--for", "1h"]);
    says(&wider, "but a name above it is blocked: minewatch release pool.example\n");
    let gone = run(dir.path(), 0, &["release", "other.example"]);
    says(&gone, "eu.other.example is not blocked any more");
    says(&run(dir.path(), 0, &["release", "pool.example"]), "nothing that is seen blocks pool.example again before 20");
    assert!(!run(dir.path(), 0, &["blocklist", "--format", "rpz", DOCS]).text().contains("pool.example CNAME"));

    let policy = dir.path().join("policy.toml");
    fs::write(&policy, "version = 1\n[block]\nnames = false\n[block.never]\nnames = [\"shop.example.net\"]\n").unwrap();
    let policy = policy.to_str().unwrap();
    for (name, more, words) in [
        ("co.uk", [DOCS; 2], "anybody can register below it"),
        ("shop.example.net", ["--never-block-name", "example.net"], "documentation"),
        ("pool.co.uk", ["--never-block-name", "pool.co.uk"], "the never-block list holds pool.co.uk"),
        ("pool.co.uk", ["--policy", policy], "the policy blocks no names"),
        ("com", [DOCS; 2], "one label alone is too little"),
    ] {
        let mut arguments = vec!["block", name, "--for", "1h", "--reason", "x"];
        arguments.extend(more.iter().take(if more[0] == DOCS { 1 } else { 2 }));
        let refused = run(dir.path(), 2, &arguments);
        assert!(refused.stderr.contains(words) && refused.stdout.is_empty(), "{name}: {refused:#?}");
    }
}

#[test]
fn isolated_hosts_are_shown_ordered_and_released_by_their_address() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), [host("10.0.0.5"), host("45.9.148.117")]);
    let shown = run(dir.path(), 0, &["entries", DOCS]);
    let line = shown.text().lines().find(|l| l.starts_with("10.0.0.5 (isolated)")).unwrap();
    assert!(line.ends_with("mined at 198.51.100.7:3333/tcp"), "{line}");
    says(&shown, "in no list: it is no host of this network");
    let done = run(dir.path(), 0, &["isolate", "10.0.0.6", "--for", "1h", "--reason", "ticket 4711"]);
    says(&done, "10.0.0.6 is isolated until 20");
    let json = run(dir.path(), 0, &["entries", "--json"]);
    let lines: Vec<serde_json::Value> = json.text().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let word = |l: &serde_json::Value, key: &str| l[key].as_str().unwrap().to_owned();
    let shown: Vec<_> = lines.iter().map(|l| ["kind", "ip", "origin"].map(|key| word(l, key)).join(" ")).collect();
    assert_eq!(shown, ["host 10.0.0.5 seen", "host 10.0.0.6 manual", "host 45.9.148.117 seen"]);
    assert_eq!((&lines[1]["reason"], &lines[2]["refused"]), (&"ticket 4711".into(), &"not-inside".into()));
    // No list for a firewall at the border holds it, which is told.
    let list = run(dir.path(), 0, &["blocklist", "--format", "json"]);
    assert!(!list.text().contains("10.0.0."), "{list:#?}");
    assert!(list.stderr.contains("2 isolated hosts are in no list, as none holds hosts"), "{list:#?}");
    for (target, words) in [("10.0.0.5", "10.0.0.5 is not isolated any more"), ("10.0.0.6", "10.0.0.6 is not isolated")]
    {
        says(&run(dir.path(), 0, &["release", target]), words);
    }
    let own = ["--home-net", "45.9.148.0/24"];
    let home = run(dir.path(), 0, &[&["isolate", "45.9.148.118", "--for", "1h", "--reason", "x"][..], &own].concat());
    says(&home, "45.9.148.118 is isolated until 20");
    for (target, words) in [
        ("45.9.148.117", "45.9.148.117 is not isolated: it is no host of this network"),
        ("8.8.8.8", "public resolver"),
        ("127.0.0.1", "it is an address of this machine"),
        ("10.0.0.0/8", "invalid value"),
    ] {
        let refused = run(dir.path(), 2, &["isolate", target, "--for", "1h", "--reason", "x"]);
        assert!(refused.stderr.contains(words) && refused.stdout.is_empty(), "{target}: {refused:#?}");
    }
}

#[test]
fn a_list_keeps_what_a_policy_of_today_says() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), (1..=5).map(|p| record("198.51.100.7", p)));
    let count = |more: &[&str]| {
        let mut arguments = vec!["blocklist", "--format", "plain", DOCS];
        arguments.extend(more);
        run(dir.path(), 0, &arguments).text().lines().filter(|l| l.starts_with("198.")).count()
    };
    assert!(count(&[]) > 0);
    assert_eq!(count(&["--allow-miner", "10.0.0.0/24"]), 0);
    assert_eq!(count(&["--never-block", "198.51.100.0/24"]), 0);
    let file = dir.path().join("list.nft");
    run(dir.path(), 0, &["blocklist", DOCS, "--max-entries", "2", "--output", file.to_str().unwrap()]);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("# entries: 2") && text.contains("list full 3"), "{text}");
    let wrong = run(dir.path(), 2, &["blocklist", "--format", "telegram"]);
    assert!(wrong.stderr.contains("is no block list format"));
}

#[test]
fn a_store_that_is_not_there_or_is_damaged_gets_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let orders = [
        &["entries"][..],
        &["blocklist"],
        &["incidents"],
        &["release", "192.0.2.1"],
        &["isolate", "10.0.0.5", "--for", "1h", "--reason", "x"],
        &["block", "45.9.148.117", "--for", "1h", "--reason", "x"],
    ];
    for arguments in orders {
        for place in [dir.path().to_owned(), dir.path().join("nowhere")] {
            let missing = run(&place, 2, arguments);
            assert!(missing.stderr.contains("holds no database of minewatch"), "{missing:#?}");
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "looking made something");
    fs::write(dir.path().join(FILE), "no database at all").unwrap();
    for arguments in orders {
        let damaged = run(dir.path(), 2, arguments);
        assert!(damaged.stderr.contains("is damaged") && damaged.stdout.is_empty(), "{damaged:#?}");
    }
    assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), b"no database at all");
}

#[test]
fn many_at_once_with_one_that_watches_all_get_through() {
    let dir = tempfile::tempdir().unwrap();
    let mut watching = Store::open(dir.path()).unwrap().store;
    thread::scope(|s| {
        for n in 0..8 {
            let dir = dir.path();
            s.spawn(move || {
                let target = format!("198.51.100.{n}:3333");
                run(dir, 0, &["block", &target, "--for", "1h", "--reason", "x", DOCS]);
            });
        }
        for port in 1..200 {
            watching.save(super::batch([record("203.0.113.5", port)]), from_now(0)).unwrap();
        }
    });
    assert!(watching.changed());
    assert_eq!(watching.load().unwrap().book.records.len(), 8 + 199);
}

fn incident(host: u8, state: State) -> Incident {
    let host = HostKey { tenant: Tenant::None, ip: [10, 0, 0, host].into() };
    Incident {
        key: IncidentKey { host, pool: ([198, 51, 100, 7], 3333).into() },
        opened: from_now(-600),
        last_seen: from_now(-60),
        verdict: Verdict::Confirmed,
        dialect: "cryptonote".to_owned(),
        coin: Some("XMR".to_owned()),
        wallet: Some("4wallet\u{1b}]0;x".to_owned()),
        names: vec!["pool.example".to_owned()],
        shares: Shares { submitted: 9, accepted: 8, rejected: 1 },
        state,
        contained: None,
        reopened: 1,
    }
}

#[test]
fn incidents_are_shown_as_they_stand_now() {
    let dir = tempfile::tempdir().unwrap();
    let mut batch = Batch::default();
    let mut old = incident(6, State::Open);
    old.last_seen = from_now(-3_600);
    let mut over = incident(7, State::Contained);
    over.last_seen = from_now(-90_000);
    batch.incidents([incident(5, State::Open), old, over].map(|i| (i.key, Some(i))));
    Store::open(dir.path()).unwrap().store.save(batch, from_now(0)).unwrap();
    let shown = run(dir.path(), 1, &["incidents"]);
    let states: Vec<_> =
        shown.text().lines().skip(1).map(|l| l.split_whitespace().take(2).collect::<Vec<_>>()).collect();
    assert_eq!(states, [["open", "10.0.0.5"], ["quiet", "10.0.0.6"], ["closed", "10.0.0.7"]], "{}", shown.text());
    says(&shown, "8 of 9 shares accepted; came back once; pool.example; wallet 4wallet\\x1b]0;x");
    let one = run(dir.path(), 0, &["incidents", "10.0.0.7", "--json"]);
    let line: serde_json::Value = serde_json::from_str(one.text().trim_end()).unwrap();
    assert_eq!(
        (&line["event_type"], &line["state"], &line["shares"]["accepted"]),
        (&"incident".into(), &"closed".into(), &8.into())
    );
    says(&run(dir.path(), 0, &["incidents", "192.0.2.1"]), "No incident of 192.0.2.1 is remembered.");
}
