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
        &["name pool.example", "name tcp.pool.example 3333", "name wild.example", "address 192.0.2.1"],
        &["list:5: error: \"co.uk\" is a public suffix"],
    );
}

/// A link to a file is no reason to call everything at its host a pool.
#[test]
fn urls_of_pages_and_files_do_not_become_their_hosts() {
    let urls = |format, text: &str| {
        let imported = import(format, "list", text.as_bytes()).unwrap();
        (imported.found.into_iter().map(|(what, _)| what).collect::<Vec<_>>(), imported.urls, imported.problems.len())
    };
    let name = |n: &str| What::Name(n.to_owned());
    let misp = r#"{"Attribute":[{"type":"url","value":"https://github.com/evil/x/releases/xmrig"},
        {"type":"url","value":"https://pool.example/"},{"type":"url","value":"http://198.51.100.7/x"}]}"#;
    assert_eq!(urls(Format::Misp, misp), (vec![name("pool.example")], 2, 0));
    let stix = r#"{"type":"indicator","pattern":"[url:value = 'https://raw.githubusercontent.com/x/y' OR url:value = 'https://pool.example']"}"#;
    assert_eq!(urls(Format::Stix, stix), (vec![name("pool.example")], 1, 0));
    let list = "https://github.com/x\ngithub.com/x\nhttp://gist.github.com?x\nftp://ftp.example/x\nhttps://a.example\nb.example:3333\n\
                stratum+tcp://wallet.rig:x@c.example:3333/#x\nd.example/\n";
    let found = ["a.example", "b.example", "c.example", "d.example"].map(name).to_vec();
    assert_eq!(urls(Format::Domains, list), (found, 4, 0));
    let filter = "||github.com/x/miner.js^$third-party\n||miner.example^\n";
    assert_eq!(urls(Format::CoinBlocker, filter), (vec![name("miner.example")], 1, 0));
    let csv = "url,pool\nhttps://github.com/x,P\nstratum+ssl://e.example:443,P\n";
    assert_eq!(urls(Format::Csv, csv), (vec![name("e.example")], 1, 0));
    let e = import(Format::Domains, "list", b"https://github.com/x\n").unwrap_err().to_string();
    assert!(e.contains("URLs of single pages and files are left out"), "{e}");
}

#[test]
fn the_scheme_of_a_url_says_whether_its_port_is_for_tls() {
    let text =
        "stratum+ssl://a.example:443\nstratum+tcp://b.example:443\nwss://c.example:8443/x\nssl://198.51.100.7:443\n";
    let imported = import(Format::Domains, "list", text.as_bytes()).unwrap();
    let ports: Vec<_> = imported.found.iter().map(|(_, s)| (s.plain.clone(), s.tls.clone())).collect();
    assert_eq!(ports, [(vec![], vec![443]), (vec![443], vec![]), (vec![], vec![8443]), (vec![], vec![443])]);
}

#[test]
fn a_range_that_is_too_wide_stays_out_as_a_whole() {
    gives(
        Format::Ips,
        "1.0.0.1-9.255.255.255\n198.51.100.1-198.51.100.2\n2000::-3000::\n10.0.0.0-10.255.255.255\n",
        &["address 10.0.0.0/8", "address 198.51.100.1", "address 198.51.100.2"],
        &["list:1: error: 1.0.0.1-9.255.255.255 is wider", "list:3: error: 2000::-3000:: is wider"],
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
        {"type":"ip-dst|port","value":"[2001:db8::7]:443"},
        {"type":"domain","value":"seen.example","to_ids":false},
        {"type":"md5","value":"d41d8cd98f00b204e9800998ecf8427e"}],
        "Object":[{"Attribute":[{"type":"hostname","value":"eu.pool.example"},{"type":"ip-dst","value":"04.27.157.60"}]}]}}]}"#;
    gives(
        Format::Misp,
        text,
        &["name pool.example", "host eu.pool.example", "address 198.51.100.7 3333", "address 2001:db8::7 443"],
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

/// A list holds each thing alone: what is only meant together would accuse the innocent.
#[test]
fn stix_patterns_of_several_things_together_stay_out() {
    let bundle = |patterns: &[&str]| {
        let objects: Vec<_> = patterns.iter().map(|p| serde_json::json!({"type": "indicator", "pattern": p})).collect();
        serde_json::json!({"type": "bundle", "objects": objects}).to_string()
    };
    let text = bundle(&[
        "[domain-name:value = 'a.example' OR domain-name:value = 'b.example']",
        "[domain-name:value = 'c.example'] OR [ipv4-addr:value = '198.51.100.7']",
        "[network-traffic:dst_ref.value = '203.0.113.7' AND network-traffic:dst_port = 3333 AND network-traffic:protocols[*] = 'tcp'] OR [domain-name:value = 'd.example']",
        "[domain-name:value = 'no.example' AND domain-name:value = 'google.com']",
        "[domain-name:value = 'no.example' AND file:name = 'x']",
        "[network-traffic:src_ref.value = '198.51.100.9' AND network-traffic:dst_ref.value = '198.51.100.8']",
        "[domain-name:value = 'no.example'] AND [domain-name:value = 'google.com']",
        "[domain-name:value = 'no.example'] FOLLOWEDBY [ipv4-addr:value = '198.51.100.8']",
        "[domain-name:value = 'no.example' OR domain-name:value NOT = 'good.example']",
        "[domain-name:value = 'no.example'] REPEATS 5 TIMES",
    ]);
    gives(
        Format::Stix,
        &text,
        &[
            "name a.example",
            "name b.example",
            "name c.example",
            "name d.example",
            "address 198.51.100.7",
            "address 203.0.113.7 3333",
        ],
        &[
            "come together",
            "come together",
            "come together",
            "come together",
            "come together",
            "compares in a way",
            "says more",
        ],
    );
}

#[test]
fn what_cannot_be_shown_does_not_come_into_a_feed() {
    let text = "pool,domain\n\"a\u{202e}b\",a.example\n\"\u{200b}\",b.example\n";
    let imported = import(Format::Csv, "list", text.as_bytes()).unwrap();
    let (intel, problems) = Intel::from_text("own.toml", &render(&imported, &options())).unwrap();
    assert_eq!(problems, []);
    assert_eq!(intel.name("a.example", None).unwrap().pool, "ab");
    assert_eq!(intel.name("b.example", None).unwrap().pool, "Some \"list\"");
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

#[test]
fn a_letter_of_another_encoding_spoils_its_own_line_only() {
    let list =
        b"# Liste f\xfcr B\xf6rsen\n203.0.113.7\n203.0.113.8\n203.0.113.9 # caf\xe9\n198.51.100.1\n198.51.100.2\n"
            .repeat(4);
    let imported = import(Format::Ips, "x", &list).unwrap();
    assert_eq!(imported.found.len(), 5);
    let packed: Vec<u8> = (0..=255).cycle().take(4096).collect();
    assert!(matches!(import(Format::Ips, "x", &packed), Err(ImportError::NoText(_))));
}
