//! What the files look like, byte for byte, and that no set of entries can make a line a firewall would misread.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::decode::Tenant;
use crate::evidence::Verdict;
use crate::firewall::candidate::{Proto, Target, Who};
use crate::firewall::list::NameEntry;
use crate::firewall::name::DomainName;
use crate::firewall::testing::at;

fn entry(addr: &str, service: Option<(Proto, u16)>, ttl_secs: u64) -> Entry {
    let addr: IpAddr = addr.parse().unwrap();
    typed(Target { addr, service, from: None }, ttl_secs)
}

fn typed(target: Target, ttl_secs: u64) -> Entry {
    let expires = at(0).plus(std::time::Duration::from_secs(ttl_secs));
    Entry { target, ttl_secs, expires, verdict: Some(Verdict::Confirmed), last_seen: at(0), miners: Vec::new() }
}

fn meta() -> Meta {
    Meta { captured_until: at(0), refused: 4, never_block_refused: 3, capped: 0, pairs_left_out: 0 }
}

fn rendered(id: &str, entries: Vec<Entry>) -> Rendered {
    rendered_all(id, entries, Vec::new())
}

fn rendered_all(id: &str, entries: Vec<Entry>, names: Vec<NameEntry>) -> Rendered {
    format_by_id(id).unwrap().render(&BlockList::from_gate(entries, names), &meta(), &RenderOptions::default())
}

fn named(name: &str, ttl_secs: u64, endpoints: &[Target]) -> NameEntry {
    NameEntry {
        name: DomainName::parse(name).unwrap(),
        ttl_secs,
        expires: at(0).plus(Duration::from_secs(ttl_secs)),
        verdict: Some(Verdict::Confirmed),
        last_seen: at(-60),
        miners: vec![Who { tenant: Tenant::None, miner: [10, 0, 0, 5].into() }],
        endpoints: endpoints.to_vec(),
    }
}

fn text(f: &OutFile) -> &str {
    std::str::from_utf8(&f.bytes).unwrap()
}

/// Body lines, after checking that the header is one and its checksum holds.
fn body(f: &OutFile) -> String {
    body_below(f, '#')
}

fn body_below(f: &OutFile, sign: char) -> String {
    let text = text(f);
    assert!(text.ends_with('\n') && !text.contains('\r'));
    let (head, body): (Vec<&str>, Vec<&str>) = text.split_inclusive('\n').partition(|l| l.starts_with(sign));
    assert!(text.starts_with(&head.concat()), "comments stand on top only");
    let body = body.concat();
    let sum = Sha256::digest(body.as_bytes()).iter().fold(String::new(), |s, b| s + &format!("{b:02x}"));
    assert!(head.contains(&format!("{sign} sha256: {sum}\n").as_str()), "{head:?}");
    body
}

fn two_of_each() -> Vec<Entry> {
    vec![
        entry("198.51.100.10", Some((Proto::Tcp, 3333)), 86_400),
        entry("198.51.100.10", Some((Proto::Udp, 3333)), 10),
        entry("2001:db8::10", Some((Proto::Tcp, 443)), 3600),
        entry("203.0.113.7", None, 60),
        entry("2001:db8::7", None, 61),
    ]
}

fn pair(host: &str, addr: &str, service: (Proto, u16), ttl_secs: u64) -> Entry {
    let e = entry(addr, Some(service), ttl_secs);
    Entry { target: Target { from: Some(host.parse().unwrap()), ..e.target }, ..e }
}

fn some_pairs() -> Vec<Entry> {
    vec![
        pair("192.0.2.2", "198.51.100.10", (Proto::Tcp, 3333), 86_400),
        pair("192.0.2.3", "198.51.100.10", (Proto::Tcp, 3333), 60),
        pair("192.0.2.2", "198.51.100.10", (Proto::Udp, 3333), 10),
        pair("2001:db8:a::2", "2001:db8::10", (Proto::Tcp, 443), 3600),
        entry("203.0.113.7", None, 60),
    ]
}

#[test]
fn pairs_are_printed_exactly_like_this() {
    let mut out = String::new();
    for format in FORMATS.iter().filter(|f| f.says().pairs) {
        for f in rendered(format.id(), some_pairs()).files {
            let lines: Vec<_> =
                text(&f).lines().filter(|l| ["192.0.2.", "db8:a::2"].iter().any(|h| l.contains(h))).collect();
            let _ = writeln!(out, "== {}{}\n{}", format.id(), f.suffix, lines.join("\n"));
        }
    }
    insta::assert_snapshot!("pairs", out);
}

#[test]
fn what_cannot_say_which_host_leaves_pairs_out_and_refuses_their_scope() {
    for format in FORMATS {
        let says = format.says();
        let text: String = rendered(format.id(), some_pairs()).files.iter().map(|f| text(f).to_owned()).collect();
        assert_eq!(text.contains("198.51.100.10"), says.pairs, "{}: {text}", format.id());
        assert_eq!(text.contains("203.0.113.7"), says.addresses, "{}: {text}", format.id());
        let with_comments = text.contains(" block list: ");
        assert_eq!(
            text.contains(" left out: 4 pairs of a host "),
            with_comments && !says.pairs,
            "{}: {text}",
            format.id()
        );
        assert_eq!(format.is_unfit(Scope::HostPair).is_none(), says.pairs, "{}", format.id());
        assert_ne!(format.is_unfit(Scope::Endpoint), Some(Unfit::Hosts));
        let list = BlockList::from_gate(some_pairs(), Vec::new());
        let told = left_out(&[*format], &Decision { list, ..Decision::default() });
        assert_eq!(told.contains(&Warning::PairsLeftOut { pairs: 4 }), !says.pairs, "{}", format.id());
    }
    let said = Warning::PairsLeftOut { pairs: 1 }.to_string();
    assert!(said.starts_with("1 pair of a host and an endpoint is in no list: ") && said.contains("nft"), "{said}");
}

fn golden(file: &OutFile, want: &str) {
    let version = format!("minewatch {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(text(file).replace(&version, "minewatch VERSION"), want);
}

#[test]
fn nft_prints_exactly_this() {
    golden(&rendered("nft", two_of_each()).files[0], include_str!("golden/list.nft"));
}

#[test]
fn ipset_prints_exactly_this() {
    golden(&rendered("ipset", two_of_each()).files[0], include_str!("golden/list.ipset"));
}

#[test]
fn iptables_prints_exactly_this_one_file_a_family() {
    let r = rendered("iptables", two_of_each());
    assert_eq!(r.files.iter().map(|f| f.suffix).collect::<Vec<_>>(), ["", ".v6"]);
    golden(&r.files[0], include_str!("golden/list.rules"));
    golden(&r.files[1], include_str!("golden/list.rules.v6"));
}

#[test]
fn plain_prints_exactly_this() {
    golden(&rendered("plain", two_of_each()).files[0], include_str!("golden/list.txt"));
}

#[test]
fn sets_only_leaves_the_chains_out_and_nothing_else() {
    let list = BlockList::from_gate(two_of_each(), Vec::new());
    let nft = format_by_id("nft").unwrap();
    let whole = body(&nft.render(&list, &meta(), &RenderOptions::default()).files[0]);
    let sets = body(&nft.render(&list, &meta(), &RenderOptions { sets_only: true }).files[0]);
    assert!(!sets.contains("chain") && !sets.contains("rule"));
    let without: String =
        whole.split_inclusive('\n').filter(|l| !l.contains(" chain ") && !l.starts_with("add rule ")).collect();
    assert_eq!(sets, without);
}

#[test]
fn nf05_an_empty_list_empties_the_sets_and_holds_no_empty_statement() {
    let nft = body(&rendered("nft", vec![]).files[0]);
    assert!(nft.contains("flush set inet minewatch ep4\n") && !nft.contains("add element"));
    let ipset = body(&rendered("ipset", vec![]).files[0]);
    assert!(ipset.contains("swap minewatch4-new minewatch4\n") && !ipset.contains("\nadd "));
    for f in rendered("iptables", vec![]).files {
        assert_eq!(body(&f), "*filter\n:MINEWATCH - [0:0]\nCOMMIT\n");
    }
    assert_eq!(body(&rendered("plain", vec![]).files[0]), "");
}

#[test]
fn nf07_ip07_each_family_goes_to_its_own_set() {
    let e = vec![entry("198.51.100.1", Some((Proto::Tcp, 1)), 9), entry("2001:db8::1", Some((Proto::Tcp, 1)), 9)];
    let nft = body(&rendered("nft", e.clone()).files[0]);
    assert!(nft.contains("ep4 {\n    198.51.100.1 . tcp . 1 timeout 9s,\n}"));
    assert!(nft.contains("ep6 {\n    2001:db8::1 . tcp . 1 timeout 9s,\n}"));
    let ipset = body(&rendered("ipset", e).files[0]);
    assert!(ipset.contains("add minewatch4-new 198.51.100.1,tcp:1 timeout 9\n"));
    assert!(ipset.contains("add minewatch6-new 2001:db8::1,tcp:1 timeout 9\n"));
}

#[test]
fn ip03_a_life_beyond_the_limit_of_ipset_is_shortened_with_one_warning() {
    let year = 365 * 86_400;
    let r = rendered(
        "ipset",
        vec![
            entry("198.51.100.1", Some((Proto::Tcp, 1)), year),
            entry("198.51.100.2", Some((Proto::Tcp, 1)), year),
            entry("198.51.100.3", Some((Proto::Tcp, 1)), 2_147_483),
        ],
    );
    assert_eq!(body(&r.files[0]).matches(" timeout 2147483\n").count(), 3);
    let [w] = &r.warnings[..] else { panic!("{:?}", r.warnings) };
    assert_eq!(w.to_string(), "ipset knows no life time above 2147483 seconds: 2 entries were shortened to that");
    assert!(rendered("nft", vec![entry("198.51.100.1", None, year)]).warnings.is_empty());
}

#[test]
fn ipset_names_leave_room_for_the_kernel() {
    let text = body(&rendered("ipset", two_of_each()).files[0]);
    for name in text.lines().filter_map(|l| l.split(' ').nth(1)) {
        assert!(name.len() <= 31, "{name}");
    }
}

#[test]
fn a_long_chain_is_warned_about() {
    let many = (0..1001u16).map(|p| entry("198.51.100.1", Some((Proto::Tcp, p + 1)), 60)).collect();
    assert!(matches!(rendered("iptables", many).warnings[..], [Warning::ManyRules { rules: 1001 }]));
    assert!(rendered("iptables", two_of_each()).warnings.is_empty());
}

#[test]
fn formats_are_found_by_name_and_no_two_share_a_name_or_an_extension() {
    let ids: std::collections::BTreeSet<_> = FORMATS.iter().map(|f| f.id()).collect();
    let extensions: std::collections::BTreeSet<_> = FORMATS.iter().map(|f| f.extension()).collect();
    assert_eq!((ids.len(), extensions.len()), (FORMATS.len(), FORMATS.len()));
    assert!(format_by_id("abacus").is_none());
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let v4 = any::<u32>().prop_map(|n| IpAddr::from(n.to_be_bytes()));
    let v6 = any::<u128>().prop_map(|n| IpAddr::from(n.to_be_bytes()).to_canonical());
    // Sparse ones, whose text is full of `::` and embedded IPv4.
    let sparse = (any::<u16>(), any::<u32>())
        .prop_map(|(a, b)| IpAddr::from(((u128::from(a) << 112) | u128::from(b)).to_be_bytes()));
    let service = prop::option::of((prop::sample::select(vec![Proto::Tcp, Proto::Udp]), 1u16..));
    (prop_oneof![v4, v6, sparse], service, 1u64..=400_000_000)
        .prop_map(|(addr, service, ttl)| typed(Target { addr, service, from: None }, ttl))
}

/// The same, for one host in some.
fn any_entry_or_pair() -> impl Strategy<Value = Entry> {
    (any_entry(), any::<Option<u32>>()).prop_map(|(e, host)| {
        let from = host.filter(|_| e.target.service.is_some()).map(|n| match e.target.addr {
            IpAddr::V4(_) => IpAddr::from(n.to_be_bytes()),
            IpAddr::V6(_) => IpAddr::from(((0xfd00_u128 << 112) | u128::from(n)).to_be_bytes()),
        });
        Entry { target: Target { from, ..e.target }, ..e }
    })
}

/// An address in exactly the form that prints back, which a resolver could never take for a name.
fn strict(addr: &str, v4: bool) -> bool {
    addr.parse::<IpAddr>().is_ok_and(|a| a.is_ipv4() == v4 && a.to_string() == addr && a.to_canonical() == a)
}

fn number(s: &str, range: std::ops::RangeInclusive<u64>) -> bool {
    s.parse::<u64>().is_ok_and(|n| n.to_string() == s && range.contains(&n))
}

fn nft_element(set: &str, line: &str) -> bool {
    let words: Vec<&str> = line.trim_start().split(' ').collect();
    let v4 = set.ends_with('4');
    let ttl = |s: &str| s.strip_suffix("s,").is_some_and(|n| number(n, 1..=315_360_000));
    match &words[..] {
        [a, ".", "tcp" | "udp", ".", port, "timeout", t] => {
            set.starts_with("ep") && strict(a, v4) && number(port, 1..=65_535) && ttl(t)
        }
        [h, ".", a, ".", "tcp" | "udp", ".", port, "timeout", t] => {
            set.starts_with("pair") && strict(h, v4) && strict(a, v4) && number(port, 1..=65_535) && ttl(t)
        }
        [a, "timeout", t] => set.starts_with("pool") && strict(a, v4) && ttl(t),
        _ => false,
    }
}

fn ipset_add(line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    let ["add", set, what, "timeout", t] = words[..] else { return false };
    let v4 = set.ends_with("4-new");
    number(t, 1..=2_147_483)
        && match (set, what.split_once(',')) {
            ("minewatch4-new" | "minewatch6-new", Some((a, s))) => {
                let port = s.strip_prefix("tcp:").or(s.strip_prefix("udp:"));
                strict(a, v4) && port.is_some_and(|p| number(p, 1..=65_535))
            }
            ("minewatch-pair4-new" | "minewatch-pair6-new", Some((h, rest))) => {
                let Some((s, a)) = rest.split_once(',') else { return false };
                let port = s.strip_prefix("tcp:").or(s.strip_prefix("udp:"));
                strict(h, v4) && strict(a, v4) && port.is_some_and(|p| number(p, 1..=65_535))
            }
            ("minewatch-pool4-new" | "minewatch-pool6-new", None) => strict(what, v4),
            _ => false,
        }
}

fn iptables_rule(line: &str, v4: bool) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    let (host, unreachable) = if v4 { ("/32", "icmp-port-unreachable") } else { ("/128", "icmp6-port-unreachable") };
    let (source, words) = match &words[..] {
        ["-A", "MINEWATCH", "-s", source, rest @ ..] => (Some(source), rest),
        ["-A", "MINEWATCH", rest @ ..] => (None, rest),
        _ => return false,
    };
    if !source.is_none_or(|s| s.strip_suffix(host).is_some_and(|a| strict(a, v4))) {
        return false;
    }
    let ["-d", dest, rest @ ..] = words else { return false };
    dest.strip_suffix(host).is_some_and(|a| strict(a, v4))
        && match rest {
            ["-p", "tcp", "-m", "tcp", "--dport", p, "-j", "REJECT", "--reject-with", "tcp-reset"] => {
                number(p, 1..=65_535)
            }
            ["-p", "udp", "-m", "udp", "--dport", p, "-j", "REJECT", "--reject-with", u] => {
                number(p, 1..=65_535) && *u == unreachable
            }
            ["-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"] => true,
            ["-j", "REJECT", "--reject-with", u] => *u == unreachable,
            _ => false,
        }
}

fn unique(mut v: Vec<Entry>) -> Vec<Entry> {
    v.sort_by_key(|e| e.target);
    v.dedup_by_key(|e| e.target);
    v
}

proptest! {
    #[test]
    fn se03_every_line_of_every_format_holds_addresses_ports_and_numbers_only(
        entries in prop::collection::vec(any_entry_or_pair(), 0..30).prop_map(unique)
    ) {
        let frame: Vec<String> = body(&rendered("nft", vec![]).files[0]).lines().map(str::to_owned).collect();
        let (mut set, mut n) = (String::new(), 0);
        for line in body(&rendered("nft", entries.clone()).files[0]).lines() {
            if let Some(name) = line.strip_prefix("add element inet minewatch ").and_then(|l| l.strip_suffix(" {")) {
                set = name.to_owned();
            } else if line.starts_with("    ") {
                prop_assert!(nft_element(&set, line), "{set}: {line}");
                n += 1;
            } else {
                prop_assert!(line == "}" || frame.iter().any(|f| f == line), "{line}");
            }
        }
        prop_assert_eq!(n, entries.len());

        let frame: Vec<String> = body(&rendered("ipset", vec![]).files[0]).lines().map(str::to_owned).collect();
        let ipset = body(&rendered("ipset", entries.clone()).files[0]);
        let (adds, others): (Vec<&str>, Vec<&str>) = ipset.lines().partition(|l| l.starts_with("add "));
        prop_assert!(adds.iter().all(|l| ipset_add(l)), "{ipset}");
        prop_assert_eq!(adds.len(), entries.len());
        prop_assert_eq!(others, frame);

        let files = rendered("iptables", entries.clone()).files;
        for (f, v4) in files.iter().zip([true, false]) {
            let text = body(f);
            let lines: Vec<&str> = text.lines().collect();
            prop_assert!(matches!(lines[..], ["*filter", ":MINEWATCH - [0:0]", .., "COMMIT"]));
            prop_assert!(lines[2..lines.len() - 1].iter().all(|l| iptables_rule(l, v4)), "{text}");
        }

        // EO03: readers of plain lists resolve a bare word as a name.
        let plain = body(&rendered("plain", entries.clone()).files[0]);
        for line in plain.lines() {
            prop_assert!(strict(line, true) || strict(line, false), "{line}");
        }
        let whole = entries.iter().filter(|e| e.target.from.is_none());
        let addresses: std::collections::BTreeSet<_> = whole.map(|e| e.target.addr).collect();
        prop_assert_eq!(plain.lines().count(), addresses.len());
    }
}

#[test]
fn eo03_every_line_of_a_plain_list_is_a_comment_or_an_address() {
    let r = rendered("plain", two_of_each());
    for line in text(&r.files[0]).lines() {
        assert!(line.starts_with('#') || line.parse::<IpAddr>().is_ok(), "{line}");
    }
    assert!(text(&r.files[0]).contains("# ports are lost"));
}

mod further;

/// Who serves files that lie about for a while goes by this.
#[test]
fn formats_that_count_down_say_so() {
    let endpoint = "198.51.100.7";
    let body = |format: &dyn Format, later: u64| {
        let e = entry(endpoint, None, 5_000 - later);
        let n = named("pool.example", 5_000 - later, &[]);
        let e = Entry { expires: at(5_000), ..e };
        let n = NameEntry { expires: at(5_000), ..n };
        let list = BlockList::from_gate(vec![e], vec![n]);
        let meta = Meta {
            captured_until: at(i64::try_from(later).unwrap()),
            refused: 0,
            never_block_refused: 0,
            capped: 0,
            pairs_left_out: 0,
        };
        let files = format.render(&list, &meta, &RenderOptions::default()).files;
        let text: String = files.iter().map(|f| String::from_utf8(f.bytes.clone()).unwrap()).collect();
        let lines = text.lines().filter(|l| !l.starts_with(['#', '!', ';']));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    for format in FORMATS {
        // When it was made is in it, and lives end at a moment.
        if ["rpz", "stix"].contains(&format.id()) {
            assert!(!format.counts_down());
            continue;
        }
        let same = body(*format, 0) == body(*format, 100);
        assert_eq!(same, !format.counts_down(), "{}", format.id());
    }
}
