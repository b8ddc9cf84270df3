//! Names in block lists: which get there, and what nobody can make us list.

use std::net::{IpAddr, SocketAddr};

use crate::kit::capture::WEEK;
use crate::kit::carriage::Carriage;
use crate::kit::dialogue::{Dialogue, MILLI, Side};
use crate::kit::dialogues::getwork::eth_getwork;
use crate::kit::dns::{Data, Outcome, answer, question, record};
use crate::kit::rng::Rng;
use crate::kit::{build, tls, wire};
use crate::said::bitcoin;
use crate::scene::{Run, Scene, Words};

const POOL: &str = "198.51.100.5:8080";
const MINER: &str = "10.0.0.5";
/// Inside.
const RESOLVER: &str = "10.0.0.53";
const NAME: &str = "xmr.hashdig.example";

/// A look-up of an address, and its answer.
fn look_up(scene: &mut Scene, client: &str, resolver: &str, name: &str, leads_to: &str) {
    let client = SocketAddr::new(client.parse().unwrap(), 50_000 + u16::try_from(name.len()).unwrap());
    let resolver = SocketAddr::new(resolver.parse().unwrap(), 53);
    let ip: IpAddr = leads_to.parse().unwrap();
    let ask = wire::udp(client, resolver, 1, &question(7, name, 1, true));
    scene.packet(WEEK, &ask, Side::Client, client.ip(), &Carriage::Plain);
    let told = answer(7, name, 1, true, Outcome::Whole, &[record(name, Data::Address(ip))]);
    let told = wire::udp(resolver, client, 2, &told);
    scene.packet(WEEK + MILLI, &told, Side::Server, client.ip(), &Carriage::Plain);
}

/// Mining over HTTP where every request is for `host`; `first` is asked for before.
fn over_http(host: &str, first: Option<&str>) -> Words {
    let d = eth_getwork(&mut Rng::named("names"));
    let mut out = Dialogue { turns: Vec::new(), ..d.clone() };
    for turn in &d.turns {
        let text = String::from_utf8(turn.bytes.clone()).unwrap();
        if let (Side::Client, Some(first), true) = (turn.side, first, out.turns.is_empty()) {
            out.client(turn.at, format!("GET / HTTP/1.1\r\nHost: {first}\r\n\r\n"));
            out.server(turn.at, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
        let said = text.replace("Host: etc.pool.example:8545", &format!("Host: {host}"));
        match turn.side {
            Side::Client => out.client(turn.at + 5 * MILLI, said),
            Side::Server => out.server(turn.at + 5 * MILLI, said),
        }
    }
    Words::of(out)
}

fn mined(prepare: impl FnOnce(&mut Scene), words: &Words, args: &[&str]) -> Run {
    let mut scene = Scene::new();
    prepare(&mut scene);
    scene.play(MINER, POOL, words);
    let run = scene.run_with(args);
    run.confirmed();
    run
}

#[test]
fn a_name_that_led_there_is_listed_for_resolvers_beside_the_endpoint() {
    let run = mined(|s| look_up(s, MINER, RESOLVER, NAME, "198.51.100.5"), &bitcoin(), &[]);
    assert_eq!((run.names(), run.blocked()), (vec![NAME], vec![POOL.to_owned()]));
    assert_eq!(run.of("name_blocked")[0]["miners"], serde_json::json!([MINER]));
    assert_eq!(run.warned("in no list"), 0, "nothing is lost: the endpoint is in the list");
    let mut scene = Scene::new();
    look_up(&mut scene, MINER, RESOLVER, NAME, "198.51.100.5");
    scene.play(MINER, POOL, &bitcoin());
    for (format, line) in [
        ("dnsmasq", format!("local=/{NAME}/")),
        ("unbound", format!("    local-zone: \"{NAME}.\" always_nxdomain")),
        ("rpz", format!("*.{NAME} CNAME .")),
        ("hosts", format!(":: {NAME}")),
        ("domains", NAME.to_owned()),
    ] {
        let said = scene.text(&["--allow-documentation-ranges", "--blocklist", "-", "--format", format]);
        assert!(said.text().lines().any(|l| l == line), "{format}: {}", said.text());
        assert!(said.err.contains(&format!("  {NAME}  86400 s, used by {MINER}")), "{}", said.err);
    }
}

#[test]
fn eo_sibling_documentation_names_are_off_unless_asked_for() {
    let mut scene = Scene::new();
    look_up(&mut scene, MINER, RESOLVER, NAME, "45.9.148.1");
    scene.play(MINER, "45.9.148.1:3333", &bitcoin());
    let said = scene.text(&["--blocklist", "-", "--format", "domains"]);
    assert!(!said.text().lines().any(|l| l == NAME), "{}", said.text());
    assert!(said.err.contains(&format!("  {NAME}  documentation: ")), "{}", said.err);
}

#[test]
fn sf07_a_name_in_tls_to_a_pool_of_ones_own_is_not_listed() {
    for innocent in ["www.google.com", "update.vendor.example"] {
        let hello = build::records(&tls::openssl(Some(innocent)), 16_000);
        let words = Words::new().c(hello).then(&bitcoin());
        for prepare in [&(|_: &mut Scene| ()) as &dyn Fn(&mut Scene), &|s| {
            // What everybody knows of it, asked for by the miner and by others.
            look_up(s, MINER, RESOLVER, innocent, "192.0.2.80");
            look_up(s, "10.0.0.6", RESOLVER, innocent, "192.0.2.80");
        }] {
            let run = mined(prepare, &words, &[]);
            assert_eq!((run.names(), run.blocked()), (vec![], vec![POOL.to_owned()]));
            assert_eq!(run.refused_name(innocent), ["not-vouched"]);
        }
    }
}

#[test]
fn sf07_sibling_a_host_header_to_a_pool_of_ones_own_is_not_listed() {
    let run = mined(|_| (), &over_http("www.google.com", None), &[]);
    assert_eq!((run.names(), run.refused_name("www.google.com")), (vec![], vec!["not-vouched"]));
}

#[test]
fn sf07_sibling_a_resolver_of_ones_own_lists_nobody() {
    let prepare = |s: &mut Scene| look_up(s, MINER, "203.0.113.53", "www.google.com", "198.51.100.5");
    let run = mined(prepare, &bitcoin(), &[]);
    assert_eq!((run.names(), run.refused_name("www.google.com")), (vec![], vec!["unknown-resolver"]));
    let run = mined(prepare, &bitcoin(), &["--trust-resolver", "203.0.113.53"]);
    assert_eq!(run.names(), ["www.google.com"], "the operator's word");
}

#[test]
fn sf07_an_answer_that_nobody_asked_for_teaches_no_name() {
    let prepare = |s: &mut Scene| {
        look_up(s, MINER, RESOLVER, NAME, "198.51.100.5");
        // Without the question.
        let answer = s.records.pop().unwrap();
        s.records.clear();
        s.records.push(answer);
    };
    let run = mined(prepare, &bitcoin(), &[]);
    assert_eq!((run.names(), run.refused_name(NAME)), (vec![], vec![]));
}

/// Eight strangers at the pool's address, asked for by others.
fn front(s: &mut Scene) {
    for (n, name) in ["a", "bb", "ccc", "dddd", "eeeee", "ffffff", "ggggggg", "hhhhhhhh"].iter().enumerate() {
        look_up(s, &format!("10.0.0.{}", 20 + n), RESOLVER, &format!("www.{name}.example"), "198.51.100.5");
    }
}

#[test]
fn a_shared_front_is_refused_and_the_name_is_listed_instead() {
    let prepare = |s: &mut Scene| {
        front(s);
        look_up(s, MINER, RESOLVER, NAME, "198.51.100.5");
    };
    let run = mined(prepare, &over_http(&format!("{NAME}:3333"), None), &[]);
    assert_eq!(run.names(), [NAME]);
    run.blocks_nothing();
    assert_eq!(run.refused(POOL), ["shared-front"]);
    let refusal = run.of("block_refused")[0];
    assert_eq!(refusal["names"], serde_json::json!([NAME]));
    assert!(refusal["text"].as_str().unwrap().ends_with(&format!("lists of names hold {NAME}")), "{refusal}");
    // None of the lists takes names: told once.
    assert_eq!(run.warned("1 name is in no list"), 1, "{}", run.health());
}

#[test]
fn domain_fronting_lists_no_stranger() {
    let innocent = "www.a.example";
    let prepare = |s: &mut Scene| {
        front(s);
        look_up(s, MINER, RESOLVER, innocent, "198.51.100.5");
    };
    // Asked for the stranger, in TLS for the stranger.
    let hello = build::records(&tls::openssl(Some(innocent)), 16_000);
    let run = mined(prepare, &Words::new().c(hello).then(&bitcoin()), &[]);
    assert_eq!((run.names(), run.refused_name(innocent)), (vec![], vec!["shared-front"]));
    // Asked for the stranger, requests for the pool's own.
    let run = mined(prepare, &over_http("worker.example", None), &[]);
    assert_eq!((run.names(), run.refused_name(innocent)), (vec![], vec!["not-meant"]));
    // One request for the stranger first, then the pool's own: either could be the one that mines.
    let run = mined(prepare, &over_http("worker.example", Some(innocent)), &[]);
    assert_eq!((run.names(), run.refused_name(innocent)), (vec![], vec!["not-vouched"]));
    // The same without anything that tells a front.
    let alone = |s: &mut Scene| look_up(s, MINER, RESOLVER, innocent, "198.51.100.5");
    let run = mined(alone, &over_http("worker.example", None), &[]);
    assert_eq!((run.names(), run.refused_name(innocent)), (vec![], vec!["not-meant"]));
}

#[test]
fn a_pool_behind_a_proxy_is_listed_by_name_where_a_feed_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("own.toml");
    let text =
        "version = 1\n[[pool]]\nname = \"Hashdig\"\nentries = [{ names = [\"hashdig.example\"], plain = [3333] }]\n";
    std::fs::write(&feed, text).unwrap();
    let connect = |name: &str| {
        let ask = format!("CONNECT {name}:3333 HTTP/1.1\r\nHost: {name}:3333\r\n\r\n");
        Words::new().c(ask).s("HTTP/1.1 200 Connection established\r\n\r\n").then(&bitcoin())
    };
    let run_of = |name: &str| {
        let mut scene = Scene::new();
        scene.play(MINER, "198.51.100.80:3128", &connect(name));
        scene.run_with(&["--feeds", feed.to_str().unwrap()])
    };
    let run = run_of(NAME);
    run.blocks_nothing();
    assert_eq!((run.names(), run.refused("198.51.100.80:3128")), (vec![NAME], vec!["proxy"]));
    let run = run_of("www.google.com");
    run.blocks_nothing();
    assert_eq!((run.names(), run.refused_name("www.google.com")), (vec![], vec!["not-vouched"]));
}

#[test]
fn sf_sibling_the_operators_names_are_never_blocked() {
    let prepare = |s: &mut Scene| look_up(s, MINER, RESOLVER, NAME, "198.51.100.5");
    for (option, code) in [
        (NAME, "never-block-list"),
        ("hashdig.example", "never-block-list"),
        ("*.example", "never-block-list"),
        ("eu.xmr.hashdig.example", "covers-never-block"),
    ] {
        let run = mined(prepare, &bitcoin(), &["--never-block-name", option]);
        assert_eq!((run.names(), run.refused_name(NAME)), (vec![], vec![code]), "{option}");
        assert_eq!(run.blocked(), [POOL], "the endpoint is another matter");
    }
    let run = mined(prepare, &bitcoin(), &["--never-block-name", "dig.example"]);
    assert_eq!(run.names(), [NAME], "on label boundaries");
}

#[test]
fn sf09_sibling_an_allowed_miner_keeps_its_name() {
    let mut scene = Scene::new();
    for host in [MINER, "10.0.0.6"] {
        look_up(&mut scene, host, RESOLVER, NAME, "198.51.100.5");
        scene.play(host, POOL, &bitcoin());
    }
    let run = scene.run_with(&["--allow-miner", "10.0.0.6"]);
    assert_eq!(run.names(), [""; 0]);
    let mut codes = run.refused_name(NAME);
    codes.sort_unstable();
    assert_eq!(codes, ["allow-listed", "used-by-allowed-miner"]);
}

#[test]
fn sf05_sibling_one_way_captures_list_no_name() {
    let mut scene = Scene::new();
    look_up(&mut scene, MINER, RESOLVER, NAME, "198.51.100.5");
    let talk = scene.talk(MINER, POOL);
    let segments: Vec<_> = scene.segments(&talk, &bitcoin()).into_iter().filter(|s| s.side == Side::Client).collect();
    scene.put(&talk, &segments, &Carriage::Plain);
    let run = scene.run_with(&["--least", "suspected"]);
    run.blocks_nothing();
    assert_eq!((run.names(), run.refused_name(NAME)), (vec![], vec!["one-way"]));
}
