//! The formats beside those of the kernel's own firewalls.

use std::collections::BTreeSet;

use super::*;

/// Formats whose files begin with a header, by the sign of a comment.
const WITH_HEADER: &[(&str, char)] = &[
    ("pf", '#'),
    ("mikrotik", '#'),
    ("cisco", '!'),
    ("exabgp", '#'),
    ("dnsmasq", '#'),
    ("unbound", '#'),
    ("rpz", ';'),
    ("hosts", '#'),
    ("domains", '#'),
    ("suricata", '#'),
    ("zeek", '#'),
];

fn names() -> Vec<NameEntry> {
    let of = |addr: &str, port| Target { addr: addr.parse().unwrap(), service: Some((Proto::Tcp, port)), from: None };
    vec![
        named("xmr.pool.example", 3600, &[of("198.51.100.10", 3333)]),
        named("_stratum._tcp.xn--bcher-kva.example", 60, &[]),
    ]
}

/// What the first file of a format looks like, with the files behind it.
fn shown(id: &str) -> String {
    let files = rendered_all(id, two_of_each(), names()).files;
    let mut out = String::new();
    for f in &files {
        if files.len() > 1 {
            let _ = writeln!(out, "== FILE{}", f.suffix);
        }
        out += &text(f).replace(concat!("minewatch ", env!("CARGO_PKG_VERSION")), "minewatch VERSION");
    }
    out
}

#[test]
fn they_print_exactly_this() {
    for format in FORMATS.iter().skip(4) {
        insta::assert_snapshot!(format.id(), shown(format.id()));
    }
}

#[test]
fn an_empty_list_is_a_file_that_blocks_nothing() {
    for (id, wanted) in [
        ("pf", ""),
        ("dnsmasq", ""),
        ("unbound", "server:\n"),
        ("hosts", ""),
        ("domains", ""),
        ("suricata", ""),
        ("exabgp", "template {\n  neighbor minewatch {\n    flow {\n    }\n  }\n}\n"),
    ] {
        assert_eq!(body(&rendered(id, vec![]).files[0]), wanted, "{id}");
    }
    let cisco = body_below(&rendered("cisco", vec![]).files[0], '!');
    assert!(cisco.contains("MINEWATCH\n permit ip any any\n") && !cisco.contains("deny"), "{cisco}");
    let rpz = body_below(&rendered("rpz", vec![]).files[0], ';');
    assert!(rpz.contains(" SOA ") && rpz.contains(" NS ") && !rpz.contains("CNAME"), "{rpz}");
    let mikrotik = body(&rendered("mikrotik", vec![]).files[0]);
    assert!(mikrotik.contains("remove [find where list=minewatch]") && !mikrotik.contains("add list"), "{mikrotik}");
    for (id, files) in [("edl", 1), ("suricata-dataset", 3)] {
        let r = rendered(id, vec![]);
        assert!(r.files.len() == files && r.files.iter().all(|f| f.bytes.is_empty()), "{id}");
    }
    assert_eq!(text(&rendered("crowdsec", vec![]).files[0]), "[]\n");
    for id in ["json", "stix", "misp"] {
        let r = rendered(id, vec![]);
        serde_json::from_str::<serde_json::Value>(text(&r.files[0])).unwrap_or_else(|e| panic!("{id}: {e}"));
    }
    assert_eq!(text(&rendered("csv", vec![]).files[0]).lines().count(), 1);
}

#[test]
fn headers_count_and_check_what_is_below_them() {
    for (id, sign) in WITH_HEADER {
        let r = rendered_all(id, two_of_each(), names());
        let body = body_below(&r.files[0], *sign);
        assert!(!body.is_empty(), "{id}");
        let head = text(&r.files[0]);
        assert!(head.contains(&format!("{sign} refused: 4 (never-block gate 3, list full 0)\n")), "{id}");
        let says = format_by_id(id).unwrap().says();
        assert_eq!(head.contains(&format!("{sign} names: 2\n")), says.names, "{id}");
        assert_eq!(head.contains(&format!("{sign} entries: ")), says.addresses, "{id}");
    }
}

#[test]
fn eo01_an_address_with_several_ports_is_listed_once_with_its_longest_life() {
    let entries = || {
        vec![
            entry("198.51.100.10", Some((Proto::Tcp, 3333)), 60),
            entry("198.51.100.10", Some((Proto::Tcp, 4444)), 7200),
            entry("198.51.100.10", Some((Proto::Udp, 3333)), 30),
        ]
    };
    let mikrotik = body(&rendered("mikrotik", entries()).files[0]);
    assert_eq!(mikrotik.matches("add list=").count(), 1);
    assert!(mikrotik.contains(":do { add list=minewatch address=198.51.100.10 timeout=7200s "), "{mikrotik}");
    assert_eq!(body(&rendered("pf", entries()).files[0]), "198.51.100.10\n");
    assert_eq!(text(&rendered("edl", entries()).files[0]), "198.51.100.10\n");
    let crowdsec: serde_json::Value = serde_json::from_str(text(&rendered("crowdsec", entries()).files[0])).unwrap();
    assert_eq!((crowdsec.as_array().unwrap().len(), &crowdsec[0]["duration"]), (1, &"7200s".into()));
}

#[test]
fn eo01_sibling_each_family_has_its_own_menu_and_no_life_is_longer_than_the_router_takes() {
    let r = rendered("mikrotik", vec![entry("198.51.100.1", None, 86_400 * 3650), entry("2001:db8::1", None, 60)]);
    let text = body(&r.files[0]);
    let (v4, v6) = text.split_once("/ipv6 firewall address-list\n").unwrap();
    assert!(
        v4.contains("address=198.51.100.1 timeout=21474836s") && v6.contains("address=2001:db8::1/128 timeout=60s")
    );
    assert!(!v4.contains("2001:db8::1") && !v6.contains("198.51.100.1"));
    assert!(text.lines().filter(|l| l.contains("add ")).all(|l| l.starts_with(":do {") && l.ends_with("on-error={}")));
    assert!(matches!(r.warnings[..], [Warning::TtlCapped { entries: 1, .. }]), "{:?}", r.warnings);
}

#[test]
fn eo05_a_list_longer_than_small_firewalls_take_is_warned_about() {
    let many = |n: u32| {
        (0..n).map(|k| {
            typed(Target { addr: IpAddr::from((0x2d09_0000 + k).to_be_bytes()), service: None, from: None }, 60)
        })
    };
    let r = rendered("edl", many(50_001).collect());
    assert_eq!(text(&r.files[0]).lines().count(), 50_001);
    let [w] = &r.warnings[..] else { panic!("{:?}", r.warnings) };
    assert!(w.to_string().contains("--max-entries 50000") && !w.to_string().contains('\n'), "{w}");
    assert!(rendered("edl", many(50_000).collect()).warnings.is_empty());
}

#[test]
fn eo07_a_name_blocks_itself_and_all_below_it_but_no_neighbour() {
    let names = || vec![named("pool.example", 60, &[])];
    assert_eq!(body(&rendered_all("dnsmasq", vec![], names()).files[0]), "local=/pool.example/\n");
    let rpz = body_below(&rendered_all("rpz", vec![], names()).files[0], ';');
    assert!(rpz.ends_with("@ IN NS localhost.\npool.example CNAME .\n*.pool.example CNAME .\n"), "{rpz}");
    let rules = body(&rendered_all("suricata", vec![], names()).files[0]);
    assert_eq!(rules.matches("dotprefix; content:\".pool.example\"; nocase; endswith;").count(), 2, "{rules}");
    let hosts = body(&rendered_all("hosts", vec![], names()).files[0]);
    assert_eq!(hosts, "0.0.0.0 pool.example\n:: pool.example\n");
}

#[test]
fn the_serial_of_a_zone_rises_with_packet_time_and_is_never_zero() {
    let serial = |t| {
        let meta = Meta { captured_until: t, ..meta() };
        let r = format_by_id("rpz").unwrap().render(&BlockList::default(), &meta, &RenderOptions::default());
        let line = text(&r.files[0]).lines().find(|l| l.contains(" SOA ")).unwrap().to_owned();
        line.split(' ').nth(5).unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(serial(at(0)), 1_795_636_800);
    assert_eq!(serial(at(1)), 1_795_636_801);
    assert_eq!(serial(PacketTime::ZERO), 1);
    assert!(serial(PacketTime::from_nanos(i64::MAX)) > 0 && serial(PacketTime::from_nanos(i64::MIN)) > 0);
}

#[test]
fn a_name_too_long_for_a_zone_is_left_out_of_the_zone_alone_and_told() {
    let long = format!("{}.example", ["a".repeat(60).as_str(); 4].join("."));
    let names = || vec![named(&long, 60, &[]), named("pool.example", 60, &[])];
    let r = rendered_all("rpz", vec![], names());
    assert!(!text(&r.files[0]).contains(&long) && text(&r.files[0]).contains("\npool.example CNAME"));
    assert!(matches!(r.warnings[..], [Warning::NamesTooLong { names: 1, .. }]));
    assert!(text(&rendered_all("unbound", vec![], names()).files[0]).contains(&long));
}

#[test]
fn eo13_indicators_are_valid_for_a_span_and_have_the_same_number_in_the_next_bundle() {
    let bundle = |until: PacketTime| -> serde_json::Value {
        let meta = Meta { captured_until: until, ..meta() };
        let list = BlockList::from_gate(two_of_each(), names());
        let r = format_by_id("stix").unwrap().render(&list, &meta, &RenderOptions::default());
        serde_json::from_str(text(&r.files[0])).unwrap()
    };
    let (one, two) = (bundle(at(0)), bundle(at(3600)));
    assert_eq!(one, bundle(at(0)));
    assert_ne!(one["id"], two["id"]);
    let of = |b: &serde_json::Value| b["objects"].as_array().unwrap().clone();
    assert_eq!(of(&one).len(), 1 + 5 + 2);
    let ids: BTreeSet<String> = of(&one).iter().map(|o| o["id"].to_string()).collect();
    assert_eq!(ids.len(), 8);
    assert_eq!(ids, of(&two).iter().map(|o| o["id"].to_string()).collect());
    for o in of(&one).iter().filter(|o| o["type"] == "indicator") {
        let time = |m: &str| o[m].as_str().unwrap().to_owned();
        assert!(time("valid_until") > time("valid_from"), "{o}");
        for m in ["created", "modified", "valid_from", "valid_until"] {
            assert!(time(m).len() == "2026-11-25T20:00:00.000Z".len() && time(m).ends_with('Z'), "{o}");
        }
        let id = o["id"].as_str().unwrap().strip_prefix("indicator--").unwrap();
        assert_eq!((id.len(), &id[14..15]), (36, "5"), "{id}");
    }
}

#[test]
fn a_misp_event_holds_each_value_once() {
    let entries = vec![
        entry("198.51.100.10", Some((Proto::Tcp, 3333)), 60),
        entry("198.51.100.10", Some((Proto::Udp, 3333)), 60),
        entry("198.51.100.11", None, 60),
    ];
    let event: serde_json::Value =
        serde_json::from_str(text(&rendered_all("misp", entries, names()).files[0])).unwrap();
    let attributes = event["Event"]["Attribute"].as_array().unwrap();
    let values: Vec<_> =
        attributes.iter().map(|a| (a["type"].as_str().unwrap(), a["value"].as_str().unwrap())).collect();
    assert_eq!(
        values,
        [
            ("ip-dst", "198.51.100.11"),
            ("ip-dst|port", "198.51.100.10|3333"),
            ("domain", "_stratum._tcp.xn--bcher-kva.example"),
            ("domain", "xmr.pool.example"),
        ]
    );
    assert!(attributes.iter().all(|a| a["to_ids"] == true));
}

#[test]
fn eo15_datasets_are_bare_values_of_one_kind_a_file() {
    let r = rendered_all("suricata-dataset", two_of_each(), names());
    let files: Vec<_> = r.files.iter().map(|f| (f.suffix, text(f))).collect();
    assert_eq!(files[0], ("", "203.0.113.7\n"));
    assert_eq!(files[1], (".v6", "2001:db8::7\n"));
    assert_eq!(files[2].0, ".names");
    assert!(files[2].1.lines().any(|l| l == "eG1yLnBvb2wuZXhhbXBsZQ=="), "base64 of xmr.pool.example: {}", files[2].1);
}

#[test]
fn what_a_format_cannot_say_is_told_only_where_nothing_else_says_it() {
    let pool = Target { addr: "198.51.100.10".parse().unwrap(), service: Some((Proto::Tcp, 3333)), from: None };
    let other = Target { addr: "198.51.100.99".parse().unwrap(), ..pool };
    let told = |ids: &[&str], entries: &[Target], names: &[(&str, &[Target])]| -> Vec<String> {
        let formats: Vec<_> = ids.iter().map(|id| format_by_id(id).unwrap()).collect();
        let entries = entries.iter().map(|t| typed(*t, 60)).collect();
        let names = names.iter().map(|(n, to)| named(n, 60, to)).collect();
        left_out(&formats, &Decision { list: BlockList::from_gate(entries, names), ..Decision::default() })
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    // The endpoint is in the list: nothing is lost.
    assert!(told(&["nft"], &[pool], &[("a.example", &[pool])]).is_empty());
    assert!(told(&["dnsmasq"], &[pool], &[("a.example", &[pool])]).is_empty());
    // Its endpoint was refused, or a proxy's. Once, however many lists there are.
    for to in [&[other][..], &[]] {
        let names: &[(&str, &[Target])] = &[("a.example", &[pool]), ("b.example", to)];
        let [said] = &told(&["nft", "ipset", "plain"], &[pool], names)[..] else { panic!() };
        assert!(said.starts_with("1 name is in no list: ") && !said.contains('\n'), "{said}");
        assert!(told(&["nft", "unbound"], &[pool], names).is_empty());
    }
    // No name leads to an endpoint.
    let [said] = &told(&["rpz"], &[pool, other], &[("a.example", &[pool])])[..] else { panic!() };
    assert!(said.starts_with("1 endpoint is in no list: ") && said.contains("nft"), "{said}");
    assert!(told(&["rpz", "nft"], &[pool, other], &[]).is_empty());
    assert!(told(&["rpz", "plain"], &[pool, other], &[]).is_empty());
    let [said] = &told(&["zeek"], &[pool, other], &[])[..] else { panic!() };
    assert!(said.starts_with("2 endpoints are in no list: ") && said.contains("--scope address"), "{said}");
    // Formats that say everything leave nothing out.
    assert!(told(&["json"], &[pool], &[("b.example", &[])]).is_empty());
    let whole = Target { service: None, ..pool };
    assert!(told(&["zeek"], &[whole], &[("b.example", &[])]).is_empty());
}

#[test]
fn formats_that_know_no_ports_want_the_scope_said() {
    let want: Vec<_> = FORMATS.iter().filter(|f| f.needs_address_scope()).map(|f| f.id()).collect();
    assert_eq!(want, ["pf", "mikrotik", "edl", "crowdsec"]);
}

fn any_name() -> impl Strategy<Value = NameEntry> {
    let label = "[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?";
    (prop::collection::vec(label, 1..4), "[a-z]{2,8}", 1u64..400_000_000).prop_filter_map(
        "no name",
        |(labels, top, ttl)| {
            let text = format!("{}.{top}", labels.join("."));
            DomainName::parse(&text).ok().map(|_| named(&text, ttl, &[]))
        },
    )
}

fn is_name(text: &str) -> bool {
    DomainName::parse(text).is_ok_and(|n| n.as_str() == text)
}

proptest! {
    #[test]
    fn se03_every_line_of_every_name_format_holds_a_name_and_its_frame(
        names in prop::collection::vec(any_name(), 0..20).prop_map(|mut v| {
            v.sort_by(|a, b| a.name.cmp(&b.name));
            v.dedup_by(|a, b| a.name == b.name);
            v
        }),
        entries in prop::collection::vec(any_entry_or_pair(), 0..10).prop_map(unique),
    ) {
        let lines = |id: &str, sign| {
            let text = body_below(&rendered_all(id, entries.clone(), names.clone()).files[0], sign);
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let all = |id: &str, before: &str, after: &str, skip: usize| {
            let sign = if id == "rpz" { ';' } else { '#' };
            let lines = lines(id, sign);
            let cut = |l: &str| l.strip_prefix(before).and_then(|l| l.strip_suffix(after)).is_some_and(is_name);
            lines.len() - skip == names.len() && lines[skip..].iter().all(|l| cut(l))
        };
        prop_assert!(all("dnsmasq", "local=/", "/", 0));
        prop_assert!(all("unbound", "    local-zone: \"", ".\" always_nxdomain", 1));
        prop_assert!(all("domains", "", "", 0));
        for pair in lines("hosts", '#').chunks(2) {
            prop_assert!(pair[0].strip_prefix("0.0.0.0 ").is_some_and(is_name), "{pair:?}");
            prop_assert!(pair[1].strip_prefix(":: ").is_some_and(is_name), "{pair:?}");
        }
        for pair in lines("rpz", ';')[3..].chunks(2) {
            prop_assert!(pair[0].strip_suffix(" CNAME .").is_some_and(is_name), "{pair:?}");
            prop_assert_eq!(&format!("*.{}", pair[0]), &pair[1]);
        }
        let rules = lines("suricata", '#');
        prop_assert_eq!(rules.len(), entries.len() + 2 * names.len());
        let sids: BTreeSet<&str> = rules.iter().map(|l| l.split("sid:").nth(1).unwrap().split(';').next().unwrap()).collect();
        prop_assert_eq!(sids.len(), rules.len());

        // Nothing that a spreadsheet would run, and nothing that breaks a column.
        let csv = rendered_all("csv", entries.clone(), names.clone()).files.remove(0);
        for line in text(&csv).lines() {
            let cells: Vec<&str> = line.split(',').collect();
            prop_assert_eq!(cells.len(), 10, "{}", line);
            prop_assert!(cells.iter().all(|c| !c.starts_with(['=', '+', '-', '@', '\t', '\r', '"', '\''])), "{}", line);
        }
        let zeek = rendered_all("zeek", entries.clone(), names.clone()).files.remove(0);
        let zeek = text(&zeek);
        let rows = zeek.lines().skip_while(|l| !l.starts_with("#fields\t")).skip(1);
        for row in rows {
            let columns: Vec<&str> = row.split('\t').collect();
            prop_assert!(columns.len() == 4 && (strict(columns[0], true) || strict(columns[0], false) || is_name(columns[0])), "{}", row);
        }
        for id in ["json", "stix", "misp", "crowdsec"] {
            let file = rendered_all(id, entries.clone(), names.clone()).files.remove(0);
            prop_assert!(serde_json::from_str::<serde_json::Value>(text(&file)).is_ok(), "{}", id);
        }
        let cisco = lines("cisco", '!');
        let rule = |l: &str| {
            let words: Vec<&str> = l.trim_start().split(' ').collect();
            match words[..] {
                ["deny", "tcp" | "udp", "any", "host", a, "eq", p] => (strict(a, true) || strict(a, false)) && number(p, 1..=65_535),
                ["deny", "tcp" | "udp", "host", h, "host", a, "eq", p] => {
                    let v4 = h.contains('.');
                    strict(h, v4) && strict(a, v4) && number(p, 1..=65_535)
                }
                ["deny", "ip", "any", "host", a] => strict(a, true),
                ["deny", "ipv6", "any", "host", a] => strict(a, false),
                _ => false,
            }
        };
        let denied: Vec<_> = cisco.iter().filter(|l| l.starts_with(" deny")).collect();
        prop_assert!(denied.len() == entries.len() && denied.iter().all(|l| rule(l)), "{cisco:?}");
        for line in lines("pf", '#') {
            prop_assert!(strict(&line, true) || strict(&line, false), "{line}");
        }
    }
}
