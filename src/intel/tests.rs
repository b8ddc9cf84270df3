//! What look-ups in the shipped and in own feeds give.

use super::build::Builder;
use super::*;

fn own(text: &str) -> Intel {
    let (intel, problems) = Intel::from_text("own.toml", text).unwrap();
    assert_eq!(problems, []);
    intel
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

const TODAY: &str = "2026-11-26";

#[test]
fn the_shipped_feeds_are_clean_and_complete() {
    for (name, text) in SHIPPED {
        let (intel, problems) = Intel::from_text(name, text).unwrap();
        assert_eq!(problems, [], "{name}");
        assert_eq!(intel.lists()[0].left_out, 0);
        assert!(intel.lists()[0].date.is_some(), "{name} has no date");
    }
    let intel = Intel::shipped();
    assert_eq!(intel.names(), 356);
    assert!(intel.lists().iter().map(|l| l.shared).sum::<usize>() > 200);
}

/// The files are edited by hand: their order is what makes a change readable.
#[test]
fn the_shipped_feeds_are_sorted() {
    for (name, text) in SHIPPED {
        let names: Vec<String> = text
            .lines()
            .filter_map(|l| l.strip_prefix("name = \"")?.strip_suffix('"'))
            .map(str::to_lowercase)
            .collect();
        assert!(names.len() >= 9, "{name}");
        assert!(names.is_sorted_by(|a, b| a < b), "{name}");
        for table in text.split("[[pool]]").skip(1) {
            let entries: Vec<&str> = table.lines().filter(|l| l.starts_with("    {")).collect();
            assert!(entries.is_sorted_by(|a, b| a < b), "{name}: {}", table.lines().nth(1).unwrap());
        }
    }
}

#[test]
fn known_pools_are_known_by_any_name_below_theirs() {
    let intel = Intel::shipped();
    let m = intel.name("xmr-eu1.nanopool.org", Some(10343)).unwrap();
    assert_eq!((m.pool, m.role, m.list), ("Nanopool", Role::Stratum, "pools.toml"));
    for same in ["XMR-EU1.NanoPool.org", "xmr-eu1.nanopool.org."] {
        assert_eq!(intel.name(same, Some(10343)).unwrap(), m);
    }
    assert_eq!(m.listed, Listed::Name("nanopool.org"));
    for other in ["evilnanopool.org", "nanopool.org.evil.example", "nanopool.org.", "org", "", "1.2.3.4", "a..b"] {
        let found = intel.name(other, Some(10343));
        assert_eq!(found.is_some(), other == "nanopool.org.", "{other}");
    }
}

#[test]
fn a_port_says_which_coin_and_whether_it_is_encrypted() {
    let intel = Intel::shipped();
    let m = intel.name("ckb.2miners.com", Some(16464)).unwrap();
    assert_eq!((m.port, &m.coins[..]), (PortFit::Tls, &["CKB"][..]));
    let m = intel.name("ckb.2miners.com", Some(6565)).unwrap();
    assert_eq!(m.port, PortFit::Plain);
    let m = intel.name("ckb.2miners.com", Some(64000)).unwrap();
    assert_eq!((m.port, m.role), (PortFit::Unlisted, Role::Stratum));
    assert!(m.coins.len() > 20, "{:?}", m.coins);
    assert!(m.why(day(TODAY)).contains("more): a host that takes miners, the port is none of those listed"));
}

#[test]
fn a_visit_to_a_web_site_is_told_apart() {
    let intel = Intel::shipped();
    for (name, port, role) in [
        ("2miners.com", Some(443), Role::Web),
        ("www.2miners.com", None, Role::Web),
        ("eth.2miners.com", Some(443), Role::Web),
        ("api.nanopool.org", Some(443), Role::Api),
        ("ss.antpool.com", Some(443), Role::Stratum),
        ("antpool.com", Some(443), Role::Web),
        ("server.duinocoin.com", Some(443), Role::Api),
        ("wallet.duinocoin.com", Some(443), Role::Web),
        ("app.qubic.li", Some(443), Role::Web),
        ("wps.qubic.li", Some(443), Role::Stratum),
        ("sso.nicehash.com", Some(443), Role::Web),
        ("kawpow.auto.nicehash.com", Some(443), Role::Stratum),
        ("monero.hashvault.pro", Some(443), Role::Web),
        ("pool.hashvault.pro", Some(443), Role::Stratum),
        ("supportxmr.com", Some(443), Role::Web),
        ("p2pool.io", Some(37889), Role::P2p),
        ("coinhive.com", Some(443), Role::WebMiner),
    ] {
        assert_eq!(intel.name(name, port).unwrap().role, role, "{name} {port:?}");
    }
}

#[test]
fn usual_ports_are_known_and_those_of_other_services_are_not() {
    let intel = Intel::shipped();
    let usual = intel.port(3333).unwrap();
    assert!(usual.pools > 50 && usual.plain, "{usual:?}");
    for other in [0, 80, 443, 8080, 8333, 65535] {
        assert_eq!(intel.port(other), None, "{other}");
    }
}

#[test]
fn addresses_of_many_customers_are_known() {
    let intel = Intel::shipped();
    for (addr, who) in [
        ("104.21.80.4", Some("Cloudflare")),
        ("172.67.172.85", Some("Cloudflare")),
        ("::ffff:104.21.80.4", Some("Cloudflare")),
        ("2606:4700::1", Some("Cloudflare")),
        ("151.101.1.1", Some("Fastly")),
        ("13.224.0.1", Some("Amazon CloudFront")),
        ("23.32.0.1", Some("Akamai")),
        ("142.250.1.1", Some("Google front ends")),
        ("185.199.108.153", Some("GitHub")),
        ("45.9.148.117", None),
        ("2001:db8::1", None),
    ] {
        assert_eq!(intel.shared(addr.parse().unwrap()), who, "{addr}");
    }
}

#[test]
fn an_own_address_matches_most_closely_and_says_why() {
    let intel = own(r#"
version = 1
date = "2026-11-20"
[[pool]]
name = "Drop"
coins = ["XMR"]
entries = [
    { addresses = ["203.0.113.0/24"], source = "desk" },
    { addresses = ["203.0.113.7", "2001:db8::7"], plain = [4444], tls = [443], confidence = "confirmed" },
]
"#);
    let at = |addr: &str, port| intel.address(addr.parse().unwrap(), port);
    let m = at("203.0.113.7", Some(4444)).unwrap();
    assert_eq!((m.port, m.listed), (PortFit::Plain, Listed::Address("203.0.113.7".parse().unwrap())));
    assert_eq!(
        m.why(day(TODAY)),
        "own.toml lists 203.0.113.7 as Drop (XMR): a host that takes miners, the port is listed for plain text; \
         confirmed, last seen 2026-11-20"
    );
    assert_eq!(at("::ffff:203.0.113.7", Some(443)).unwrap().port, PortFit::Tls);
    assert_eq!(at("2001:db8::7", Some(1)).unwrap().port, PortFit::Unlisted);
    assert_eq!(at("203.0.113.8", Some(1)).unwrap().port, PortFit::NoneListed);
    assert_eq!(at("203.0.114.0", None), None);
}

#[test]
fn a_host_alone_is_no_suffix_and_longer_names_win() {
    let intel = own(r#"
version = 1
[[pool]]
name = "Pool"
entries = [
    { names = ["pool.example"] },
    { hosts = ["bounties.pool.example"], role = "web" },
    { hosts = ["only.example"] },
]
"#);
    assert_eq!(intel.name("bounties.pool.example", None).unwrap().role, Role::Web);
    assert_eq!(intel.name("eu.bounties.pool.example", None).unwrap().listed, Listed::Name("pool.example"));
    assert_eq!(intel.name("only.example", None).unwrap().listed, Listed::Host("only.example"));
    assert_eq!(intel.name("eu.only.example", None), None);
}

#[test]
fn dates_age() {
    let intel = own(r#"
version = 1
date = "2026-01-01"
stale_after_days = 30
[[pool]]
name = "Pool"
entries = [
    { names = ["old.example"], last_seen = "2025-06-01" },
    { names = ["list.example"] },
    { names = ["brief.example"], last_seen = "2026-11-20", expires = "2026-11-25" },
    { names = ["nimiq.example"], retired = "2024-11-19" },
    { names = ["both.example"], expires = "2020-01-01" },
    { names = ["both.example"], last_seen = "2026-11-25" },
]
"#);
    let on = |name: &str, d: &str| intel.name(name, None).unwrap().freshness(day(d));
    assert_eq!(on("old.example", "2025-07-01"), Freshness::Current);
    assert_eq!(on("old.example", "2025-07-02"), Freshness::Stale);
    assert_eq!(on("list.example", "2026-01-31"), Freshness::Current);
    assert_eq!(on("list.example", "2026-02-01"), Freshness::Stale);
    assert_eq!(on("brief.example", "2026-11-25"), Freshness::Current);
    assert_eq!(on("brief.example", "2026-11-26"), Freshness::Expired);
    assert_eq!(on("nimiq.example", "2024-11-18"), Freshness::Stale.min(on("nimiq.example", "2024-11-18")));
    assert_eq!(on("nimiq.example", "2026-11-26"), Freshness::Retired);
    assert_eq!(on("both.example", "2026-11-26"), Freshness::Current);
    assert!(intel.name("nimiq.example", None).unwrap().why(day(TODAY)).ends_with("does not mine any more"));
}

#[test]
fn what_is_wrong_costs_its_line_and_says_where() {
    let text = r#"version = 1
[[pool]]
name = "Pool"
entries = [
    { names = ["good.example", "a.example", "b.example", "c.example"] },
    { names = ["slip.example"], tsl = [3333] },
    { addresses = ["04.27.157.60", "010.010.010.010", "198.51.100.1"] },
    { names = ["co.uk"] },
]

[[pol]]
name = "Other"

[[pool]]
name = "Last"
entries = [{ names = ["last.example"] }]
"#;
    let (intel, problems) = Intel::from_text("own.toml", text).unwrap();
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 5, "{said:#?}");
    assert!(said[0].starts_with("own.toml:6: error: unknown field `tsl`") && said[0].contains("did you mean `tls`?"));
    assert!(said[1].starts_with("own.toml:7: error: \"04.27.157.60\" has leading zeros"), "{}", said[1]);
    assert!(said[2].starts_with("own.toml:7: error: \"010.010.010.010\" has leading zeros"), "{}", said[2]);
    assert!(said[3].starts_with("own.toml:8: error: \"co.uk\" is a public suffix"), "{}", said[3]);
    assert!(said[4].starts_with("own.toml:11: error: unknown field `pol`") && said[4].contains("did you mean `pool`?"));
    assert!(intel.name("good.example", None).is_some() && intel.name("last.example", None).is_some());
    assert!(intel.address("198.51.100.1".parse().unwrap(), None).is_some());
    assert!(intel.address("8.8.8.8".parse().unwrap(), None).is_none());
    assert_eq!(intel.lists()[0].left_out, 5);
}

#[test]
fn what_is_no_feed_is_refused_with_a_remedy() {
    let said = |text: &str| Intel::from_text("own.toml", text).unwrap_err().to_string();
    for (text, says) in [
        ("", "empty"),
        ("<!DOCTYPE html><title>Sign in</title>", "a web page"),
        ("{\"Event\": {}}", "feeds import"),
        ("198.51.100.1\n", "feeds import"),
        ("version = 2\n", "version 2"),
        ("version = 1\nverion = 2\n", "own.toml:2"),
        ("version = 1\n[[pool]]\nname = \"p\"\nentries = [{ names = [\"p\"] }]\n", "1 of its 1 entries"),
    ] {
        assert!(said(text).contains(says), "{text:?}: {}", said(text));
    }
}

#[test]
fn a_list_that_shrank_is_noticed() {
    let list = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("\"p{i}.example\"")).collect();
        own(&format!("version = 1\n[[pool]]\nname = \"P\"\nentries = [{{ names = [{}] }}]\n", names.join(",")))
    };
    assert_eq!(list(40).shrunk_since(&list(1000), 50).len(), 1);
    assert_eq!(list(500).shrunk_since(&list(1000), 50), [""; 0]);
    assert_eq!(Intel::default().shrunk_since(&list(10), 50).len(), 1);
}

#[test]
fn own_lists_speak_before_the_shipped_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("own.toml");
    let text = "version = 1\n[[pool]]\nname = \"Ours\"\nentries = [{ names = [\"2miners.com\"], role = \"web\" }]\n";
    std::fs::write(&path, text).unwrap();
    let (intel, problems) = Intel::load(&[dir.path().to_owned()]).unwrap();
    assert_eq!(problems, []);
    let m = intel.name("eth.2miners.com", Some(2020)).unwrap();
    assert_eq!((m.pool, m.role), ("Ours", Role::Web));
    assert!(intel.name("nanopool.org", None).is_some());
    assert!(Intel::load_only(&[path]).unwrap().0.name("nanopool.org", None).is_none());
    assert!(Intel::load(&["/no/such/feed.toml".into()]).unwrap_err().to_string().contains("cannot read the feed"));
}

/// Own lists beside the shipped feeds.
fn with_own(lists: &[&str]) -> Intel {
    let mut builder = Builder::with_shipped();
    for (i, text) in lists.iter().enumerate() {
        builder.add(&format!("own{i}.toml"), false, &format!("version = 1\ndate = \"2026-11-20\"\n{text}")).unwrap();
    }
    let (intel, problems) = builder.finish();
    assert_eq!(problems, []);
    intel
}

fn pool(entries: &str) -> String {
    format!("[[pool]]\nname = \"Own\"\nentries = [\n{entries}\n]\n")
}

/// A list of bare names, as an import writes it, knows less than the shipped one and takes nothing from it.
#[test]
fn an_own_list_of_names_adds_and_silences_nothing() {
    let shipped = Intel::shipped();
    let own = with_own(&[&pool(
        "{ names = [\"nanopool.org\"] }, { names = [\"xmr-eu1.nanopool.org\"] }, { names = [\"miningrigrentals.com\"] },\n\
         { names = [\"www.nanopool.org\"] }, { hosts = [\"api.nanopool.org\"] }, { names = [\"ss.antpool.com\"] }, { names = [\"new.example\"] },",
    )]);
    for name in [
        "xmr-eu1.nanopool.org",
        "nanopool.org",
        "www.nanopool.org",
        "api.nanopool.org",
        "eu.miningrigrentals.com",
        "ss.antpool.com",
    ] {
        for port in [None, Some(443), Some(3333), Some(10343), Some(10300), Some(64000)] {
            assert_eq!(own.name(name, port), shipped.name(name, port), "{name} {port:?}");
        }
    }
    assert_eq!(own.name("eu.new.example", None).unwrap().list, "own0.toml");
}

#[test]
fn ports_of_every_list_count_and_who_lists_one_is_named() {
    let own = with_own(&[
        &pool("{ names = [\"xmr-eu1.nanopool.org\"], tls = [7443] },"),
        &pool(
            "{ addresses = [\"203.0.113.0/24\"], tls = [9443], coins = [\"XMR\"] },\n{ addresses = [\"203.0.113.7\"], plain = [3333] },",
        ),
    ]);
    for (port, list, fit) in
        [(7443, "own0.toml", PortFit::Tls), (10343, "pools.toml", PortFit::Tls), (10300, "pools.toml", PortFit::Plain)]
    {
        let m = own.name("xmr-eu1.nanopool.org", Some(port)).unwrap();
        assert_eq!((m.list, m.port, m.role), (list, fit, Role::Stratum), "{port}");
        assert!(m.why(day(TODAY)).starts_with(list), "{}", m.why(day(TODAY)));
    }
    let at = |addr: &str, port| own.address(addr.parse().unwrap(), Some(port)).unwrap();
    let wide = at("203.0.113.7", 9443);
    assert_eq!((wide.port, wide.listed), (PortFit::Tls, Listed::Address("203.0.113.0/24".parse().unwrap())));
    let close = at("203.0.113.7", 3333);
    assert_eq!((close.port, close.listed), (PortFit::Plain, Listed::Address("203.0.113.7".parse().unwrap())));
    assert_eq!(at("203.0.113.7", 1).port, PortFit::Unlisted);
    assert_eq!(at("203.0.113.8", 3333).port, PortFit::Unlisted);
}

/// An address without ports is meant with all of them, and stays so when another list knows one.
#[test]
fn an_own_address_without_ports_means_all_of_them() {
    let own = with_own(&[
        &pool("{ addresses = [\"203.0.113.7\"] },"),
        &pool("{ addresses = [\"203.0.113.7\"], plain = [3333] },"),
    ]);
    let at = |port| own.address("203.0.113.7".parse().unwrap(), Some(port)).unwrap().port;
    assert_eq!((at(3333), at(443)), (PortFit::Plain, PortFit::NoneListed));
}

#[test]
fn an_operator_may_say_what_a_host_is() {
    let own = with_own(&[&pool(
        "{ names = [\"nanopool.org\"], retired = \"2026-01-01\" },\n{ hosts = [\"eth.2miners.com\"], role = \"web\" },\n\
         { names = [\"supportxmr.com\"], role = \"web\", expires = \"2026-12-31\" },",
    )]);
    let m = own.name("xmr-eu1.nanopool.org", Some(10343)).unwrap();
    assert_eq!((m.list, m.freshness(day(TODAY))), ("own0.toml", Freshness::Retired));
    assert_eq!(own.name("eth.2miners.com", Some(2020)).unwrap().role, Role::Web);
    assert_eq!(own.name("etc.2miners.com", Some(1010)).unwrap().role, Role::Stratum);
    // What ends does not silence what lasts.
    let m = own.name("eu.supportxmr.com", Some(3333)).unwrap();
    assert_eq!((m.role, m.freshness(day("2027-01-01"))), (Role::Stratum, Freshness::Current));
}

/// A list whose entries end is no reason to forget a name that another one lists without an end.
#[test]
fn a_name_lasts_as_long_as_one_list_vouches_for_it() {
    let ends = pool("{ names = [\"a.example\"], tls = [443], coins = [\"XMR\"], expires = \"2026-11-01\" },");
    let bare = pool("{ names = [\"a.example\"] },");
    let fresh = |lists: &[&str]| with_own(lists).name("eu.a.example", None).unwrap().freshness(day(TODAY));
    assert_eq!(fresh(&[&ends]), Freshness::Expired);
    assert_eq!(fresh(&[&ends, &bare]), Freshness::Current);
    assert_eq!(fresh(&[&bare, &ends]), Freshness::Current);
}

#[test]
fn a_bare_name_brings_nothing_back_that_is_retired() {
    let over = pool("{ names = [\"a.example\"], retired = \"2026-01-01\" },");
    let bare = pool("{ names = [\"a.example\"] },");
    for lists in [[&*over, &*bare], [&*bare, &*over]] {
        assert_eq!(with_own(&lists).name("a.example", None).unwrap().freshness(day(TODAY)), Freshness::Retired);
    }
}

/// `ss.antpool.com:443` is plain stratum: TLS there is a browser's.
#[test]
fn a_port_listed_for_plain_text_is_no_sign_in_tls_where_much_else_is() {
    let intel = with_own(&[&pool(
        "{ names = [\"a.example\"], plain = [443, 8443, 7777], tls = [3443] },\n{ names = [\"b.example\"], tls = [443] },",
    )]);
    let mined = |name: &str, port, tls| intel.mined_on(port, &intel.name(name, Some(port)).unwrap(), tls);
    assert!(!mined("ss.antpool.com", 443, true) && mined("ss.antpool.com", 443, false));
    assert!(!mined("eu.a.example", 443, true) && !mined("eu.a.example", 8443, true));
    assert!(mined("eu.a.example", 7777, true) && mined("eu.a.example", 3443, true) && mined("eu.b.example", 443, true));
    // Of no list, but of pools and of nobody else.
    assert!(
        mined("eu.a.example", 3333, true) && !mined("eu.a.example", 8080, true) && !mined("eu.a.example", 64000, true)
    );
    assert!(PortFit::PlainOrTls.fits_tls() && !PortFit::Plain.fits_tls());
}

/// On port 443 a page and miners share a name: what the hello looks like has to tell.
#[test]
fn a_page_may_take_miners_in_tls_where_its_port_is_listed_for_them() {
    let intel = with_own(&[&pool(
        "{ names = [\"a.example\"], tls = [443] },\n{ names = [\"b.example\"], plain = [443] },\n\
         { names = [\"c.example\"], tls = [443], role = \"web\" },",
    )]);
    for (name, port, role, may) in [
        ("a.example", Some(443), Role::Web, true),
        ("www.a.example", Some(443), Role::Web, true),
        ("pool.a.example", Some(443), Role::Stratum, true),
        ("a.example", Some(80), Role::Web, false),
        ("a.example", None, Role::Web, false),
        ("b.example", Some(443), Role::Web, false),
        ("c.example", Some(443), Role::Web, false),
        ("pool.hashvault.pro", Some(443), Role::Stratum, true),
        ("pool.supportxmr.com", Some(443), Role::Stratum, true),
        ("www.supportxmr.com", Some(443), Role::Web, false),
        ("server.duinocoin.com", Some(443), Role::Api, false),
    ] {
        let m = intel.name(name, port).unwrap();
        assert_eq!((m.role, m.may_take_miners_in_tls()), (role, may), "{name} {port:?}");
    }
}

#[test]
fn names_of_files_are_shown_safely() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("e\u{1b}[31m\u{202e}.toml");
    std::fs::write(&path, "version = 1\n[[pool]]\nname = \"P\"\nentries = [{ names = [\"a.example\"] }]\n").unwrap();
    let (intel, _) = Intel::load_only(std::slice::from_ref(&path)).unwrap();
    let m = intel.name("a.example", None).unwrap();
    assert!(m.list.ends_with("e\\x1b[31m\\u{202e}.toml"), "{}", m.list);
    std::fs::write(&path, "<html>").unwrap();
    let wrong = Intel::load_only(&[path]).unwrap_err().to_string();
    assert!(!wrong.contains('\u{1b}') && wrong.contains("e\\x1b[31m"), "{wrong}");
}

#[test]
fn utf16_is_called_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("own.toml");
    let text = "version = 1\n";
    for mark in [&[0xff, 0xfe][..], &[]] {
        let bytes = mark.iter().copied().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect::<Vec<u8>>();
        std::fs::write(&path, &bytes).unwrap();
        let wrong = Intel::load_only(std::slice::from_ref(&path)).unwrap_err().to_string();
        assert!(wrong.contains("UTF-16"), "{wrong}");
    }
}
