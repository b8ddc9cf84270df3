//! What lists of others become.

use proptest::prelude::*;

use super::*;
use crate::intel::Intel;

fn read(format: Format, text: &str) -> (Vec<String>, Vec<String>) {
    let imported = import(format, "list", text.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    let shown = imported.found.iter().map(|(what, said)| {
        let mut s = match what {
            What::Name(n) => format!("name {n}"),
            What::Host(n) => format!("host {n}"),
            What::Address(n) => format!("address {n}"),
        };
        for port in &said.plain {
            s += " ";
            s += &port.to_string();
        }
        s
    });
    (shown.collect(), imported.problems.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn gives(format: Format, text: &str, wanted: &[&str], problems: &[&str]) {
    let (found, said) = read(format, text);
    assert_eq!(found, wanted);
    assert_eq!(said.len(), problems.len(), "{said:#?}");
    for (s, p) in said.iter().zip(problems) {
        assert!(s.contains(p), "{s} does not say {p}");
    }
}

/// ZeroDot1/CoinBlockerLists#98.
#[test]
fn il01_leading_zeros_are_refused_with_their_line() {
    gives(
        Format::Ips,
        "04.27.157.60\n010.010.010.010\n198.51.100.1\n",
        &["address 198.51.100.1"],
        &["list:1: error: \"04.27.157.60\" has leading zeros", "list:2: error: \"010.010.010.010\" has leading zeros"],
    );
}

/// firehol/blocklist-ipsets#82.
#[test]
fn il03_a_login_page_is_no_list() {
    for (_, format) in FORMATS {
        let e = import(*format, "list", b"<!DOCTYPE html><title>Sign in</title>").unwrap_err().to_string();
        assert!(e.contains("web page"), "{e}");
    }
}

/// JGeek00/crowdsec-monitor-api#28.
#[test]
fn il07_comments_of_every_kind_are_understood() {
    let text = "; header\n1.10.16.0/20 ; SBL1\n198.51.100.1 # x\n// y\n";
    gives(Format::Ips, text, &["address 1.10.16.0/20", "address 198.51.100.1"], &[]);
}

#[test]
fn ranges_become_blocks() {
    gives(
        Format::Ips,
        "198.51.100.0-198.51.100.255\n203.0.113.1 - 203.0.113.4\n2001:db8::-2001:db8::1\n192.0.2.9/24\n[2001:db8::7]:3333\n198.51.100.7:4444\n",
        &[
            "address 192.0.2.0/24",
            "address 198.51.100.0/24",
            "address 198.51.100.7 4444",
            "address 203.0.113.1",
            "address 203.0.113.2/31",
            "address 203.0.113.4",
            "address 2001:db8::/127",
            "address 2001:db8::7 3333",
        ],
        &[],
    );
    gives(
        Format::Ips,
        "198.51.100.9-198.51.100.1\n0.0.0.0/0\n198.51.100.1\n",
        &["address 198.51.100.1"],
        &["list:1: error", "list:2: error: 0.0.0.0/0 is wider"],
    );
}

#[test]
fn hosts_files_name_hosts_alone() {
    let text = "# hosts\n127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\n0.0.0.0 a.pool.example b.pool.example # two\n\
                pool.example\n0.0.0.0 bad_ host\n";
    gives(
        Format::Hosts,
        text,
        &["host a.pool.example", "host b.pool.example"],
        &["list:5: error: \"pool.example\" is no address", "list:6: error: \"bad_\"", "list:6: error: \"host\""],
    );
}

#[test]
fn plain_lists_hold_names_urls_and_ports() {
    gives(
        Format::Domains,
        "POOL.example.\n*.wild.example\nstratum+tcp://tcp.pool.example:3333\nhttps://web.example/path?q\nco.uk\n192.0.2.1\n",
        &[
            "name pool.example",
            "name tcp.pool.example 3333",
            "name web.example",
            "name wild.example",
            "address 192.0.2.1",
        ],
        &["list:5: error: \"co.uk\" is a public suffix"],
    );
}

#[test]
fn mixed_lists_are_read_line_by_line() {
    gives(
        Format::CoinBlocker,
        "! list\n||miner.example^$third-party\n0.0.0.0 host.example\nplain.example\n198.51.100.1\n04.27.157.60\nwhat is this\n",
        &["name host.example", "name miner.example", "name plain.example", "address 198.51.100.1"],
        &["list:6: error: \"04.27.157.60\" has leading zeros", "list:7: error"],
    );
}

#[test]
fn tables_are_read_by_their_headers() {
    let text = "pool,coin,domain_suffix,ports_plain,ports_tls,source,source_date\n\
                \"Pool, \"\"big\"\"\",XMR/multi,pool.example,3333;4444,443,x,2026-07-24\nBad,,,,,,\n\"open,\n";
    let imported = import(Format::Csv, "list", text.as_bytes()).unwrap();
    let (what, said) = imported.found.first().unwrap();
    assert_eq!(*what, What::Name("pool.example".to_owned()));
    assert_eq!(said.pool.as_deref(), Some("Pool, \"big\""));
    assert_eq!(
        (&said.coins[..], &said.plain[..], &said.tls[..]),
        (&["XMR".to_owned()][..], &[3333, 4444][..], &[443][..])
    );
    assert_eq!(said.last_seen, Some("2026-07-24".parse().unwrap()));
    assert_eq!(imported.problems.len(), 2);
    gives(Format::Csv, "a.example;x\nb.example;y\n", &["name a.example", "name b.example"], &[]);
}

#[test]
fn misp_attributes_are_taken_wherever_they_are() {
    let text = r#"{"response":[{"Event":{"info":"x","Attribute":[
        {"type":"domain","value":"pool.example","to_ids":true,"first_seen":"2026-01-02T03:04:05+00:00"},
        {"type":"ip-dst|port","value":"198.51.100.7|3333"},
        {"type":"domain","value":"seen.example","to_ids":false},
        {"type":"md5","value":"d41d8cd98f00b204e9800998ecf8427e"}],
        "Object":[{"Attribute":[{"type":"hostname","value":"eu.pool.example"},{"type":"ip-dst","value":"04.27.157.60"}]}]}}]}"#;
    gives(
        Format::Misp,
        text,
        &["name pool.example", "host eu.pool.example", "address 198.51.100.7 3333"],
        &["04.27.157.60"],
    );
    assert_eq!(import(Format::Misp, "list", text.as_bytes()).unwrap().skipped, 1);
    assert!(import(Format::Misp, "list", b"{").unwrap_err().to_string().contains("cannot be read as misp"));
}

#[test]
fn stix_indicators_are_taken_when_a_list_can_hold_them() {
    let text = r#"{"type":"bundle","id":"bundle--1","objects":[
        {"type":"indicator","pattern_type":"stix","pattern":"[domain-name:value = 'pool.example' OR ipv4-addr:value = '198.51.100.7']","valid_from":"2026-01-01T00:00:00Z","valid_until":"2026-12-01T00:00:00Z"},
        {"type":"indicator","pattern_type":"stix","pattern":"[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '203.0.113.7' AND network-traffic:dst_port = 3333]"},
        {"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value ISSUBSET '198.51.100.0/24']"},
        {"type":"indicator","pattern_type":"stix","pattern":"[ipv6-addr:value IN ('2001:db8::1','2001:db8::2')]"},
        {"type":"indicator","pattern_type":"stix","pattern":"[domain-name:value != 'good.example']"},
        {"type":"indicator","pattern_type":"stix","pattern":"[file:name = 'x']"},
        {"type":"indicator","pattern_type":"stix","revoked":true,"pattern":"[domain-name:value = 'old.example']"},
        {"type":"malware","name":"x"}]}"#;
    gives(
        Format::Stix,
        text,
        &[
            "name pool.example",
            "address 198.51.100.0/24",
            "address 198.51.100.7",
            "address 203.0.113.7 3333",
            "address 2001:db8::1",
            "address 2001:db8::2",
        ],
        &["compares in a way", "names no host"],
    );
    let imported = import(Format::Stix, "list", text.as_bytes()).unwrap();
    assert_eq!(imported.skipped, 1);
    let (_, said) = imported.found.iter().find(|(w, _)| *w == What::Name("pool.example".to_owned())).unwrap();
    assert_eq!(said.expires, Some("2026-12-01".parse().unwrap()));
}

#[test]
fn datasets_are_base64_or_plain() {
    gives(
        Format::Suricata,
        "cG9vbC5leGFtcGxl\nZXUucG9vbC5leGFtcGxl,3\n198.51.100.7\nplain.example\n010.010.010.010\n!!\nd41d8cd98f00b204e9800998ecf8427e\n",
        &["name eu.pool.example", "name plain.example", "name pool.example", "address 198.51.100.7"],
        &["list:5: error", "list:7: error"],
    );
}

fn options() -> Options {
    Options {
        pool: "Some \"list\"".to_owned(),
        source: "list.txt\nversion = 9".to_owned(),
        role: Role::WebMiner,
        confidence: Confidence::Candidate,
        date: "2026-11-26".parse().unwrap(),
    }
}

#[test]
fn what_was_imported_is_a_feed_that_loads() {
    let imported = import(Format::CoinBlocker, "l", b"b.example\na.example\na.example\n198.51.100.7:3333\n").unwrap();
    let text = render(&imported, &options());
    let (intel, problems) = Intel::from_text("own.toml", &text).unwrap();
    assert_eq!(problems, [], "{text}");
    assert_eq!((intel.lists()[0].names, intel.lists()[0].addresses), (2, 1));
    let m = intel.name("x.a.example", None).unwrap();
    assert_eq!((m.pool, m.role, m.confidence), ("Some \"list\"", Role::WebMiner, Confidence::Candidate));
    assert!(intel.address("198.51.100.7".parse().unwrap(), Some(3333)).unwrap().port.is_listed());
    assert!(text.find("a.example").unwrap() < text.find("b.example").unwrap());
}

proptest! {
    /// Whatever a list holds: what is taken from it loads, all of it, and its text is the same again.
    #[test]
    fn anything_imported_loads(
        which in 0..FORMATS.len(),
        text in prop::collection::vec("[a-z0-9.:/ ,;#|\\[\\]{}\"'*\\\\=-]{0,40}|[a-z]{1,5}\\.example(:[0-9]{1,6})?|([0-9]{1,3}\\.){3}[0-9]{1,3}(/[0-9]{1,2})?|\\PC{0,20}", 0..12),
    ) {
        if let Ok(imported) = import(FORMATS[which].1, "l", text.join("\n").as_bytes()) {
            let feed = render(&imported, &options());
            let (intel, problems) = Intel::from_text("own.toml", &feed).unwrap();
            prop_assert_eq!(problems, vec![]);
            prop_assert_eq!(intel.lists()[0].entries(), imported.found.len());
        }
    }
}
