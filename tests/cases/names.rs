//! input-list, identity, and what names and addresses in lists may prove: feeds, DNS, TLS, DHCP, databases of places.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use maxminddb_writer::Database;
use maxminddb_writer::metadata::IpVersion;
use maxminddb_writer::paths::IpAddrWithMask;
use serde_json::{Value, json};

use crate::kit::carriage::Carriage;
use crate::kit::dialogue::{SECOND, Side};
use crate::kit::dns::{self, Data, Outcome, kind, record};
use crate::kit::tls::{self, Answer};
use crate::kit::{tcp, web, wire};
use crate::said::bitcoin;
use crate::scene::{Run, Scene};

const POOL: &str = "198.51.100.5:3333";
/// A day in the middle of the scenes' week.
const DATE: &str = "2026-02-01";

/// A folder with a feed in it, and the options that use it.
struct Feed(tempfile::TempDir);

impl Feed {
    fn new(entries: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "version = 1\ndate = \"{DATE}\"\nstale_after_days = 3650\n[[pool]]\nname = \"Own\"\ncoins = [\"XMR\"]\n\
             entries = [\n{entries}\n]\n"
        );
        std::fs::write(dir.path().join("own.toml"), text).unwrap();
        Self(dir)
    }

    fn path(&self) -> String {
        self.0.path().join("own.toml").to_str().unwrap().to_owned()
    }

    fn run(&self, scene: &Scene, more: &[&str]) -> Run {
        let path = self.path();
        scene.run_with(&[&["--feeds", &path, "--no-shipped-feeds"], more].concat())
    }
}

/// One datagram.
fn datagram(scene: &mut Scene, at: u64, from: &str, to: &str, payload: &[u8]) {
    let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
    let packet = wire::udp(from, to, 7, payload);
    scene.packet(at, &packet, Side::Client, from.ip(), &Carriage::Plain);
}

fn asks(scene: &mut Scene, at: u64, client: &str, server: &str, name: &str) {
    datagram(scene, at, client, server, &dns::question(77, name, kind::A, true));
}

fn answers(scene: &mut Scene, at: u64, client: &str, server: &str, name: &str, address: &str) {
    let records = [record(name, Data::Address(address.parse().unwrap()))];
    datagram(scene, at, server, client, &dns::answer(77, name, kind::A, true, Outcome::Whole, &records));
}

/// The time at which conversations of a scene begin.
fn start(scene: &mut Scene) -> u64 {
    scene.talk("10.0.0.9", "203.0.113.9:9").start
}

fn speak_tls(scene: &mut Scene, client: &str, server: &str, hello: &[u8]) {
    let talk = scene.talk(client, server);
    let dialogue = tls::conversation(hello, &Answer::Tls13, 4, &mut scene.rng);
    let segments = tcp::play(&talk, &dialogue, &mut scene.rng);
    scene.put(&talk, &segments, &Carriage::Plain);
}

/// A message of DHCP.
fn dhcp(op: u8, kind: u8, mac: u8, address: [u8; 4], name: &str, lease: u32) -> Vec<u8> {
    let mut m = vec![op, 1, 6, 0, 9, 9, 9, mac, 0, 0, 0, 0];
    m.extend([0; 4]);
    m.extend(address);
    m.resize(28, 0);
    m.extend([2, 0, 0, 0, 0, mac]);
    m.resize(236, 0);
    m.extend([99, 130, 83, 99, 53, 1, kind, 51, 4]);
    m.extend(lease.to_be_bytes());
    m.extend([6, 4, 198, 51, 100, 99, 3, 4, 198, 51, 100, 98]);
    if !name.is_empty() {
        m.extend([12, name.len() as u8]);
        m.extend(name.as_bytes());
    }
    m.push(255);
    m
}

fn granted(scene: &mut Scene, at: u64, mac: u8, address: [u8; 4], name: &str, lease: u32) {
    datagram(scene, at, "10.0.0.1:67", "255.255.255.255:68", &dhcp(2, 5, mac, address, name, lease));
}

/// A host that mines from `start` on.
fn mines(scene: &mut Scene, start: u64, client: &str, server: &str) {
    let mut talk = scene.talk(client, server);
    talk.start = start;
    let segments = scene.segments(&talk, &bitcoin());
    scene.put(&talk, &segments, &Carriage::Plain);
}

#[test]
fn fp05_a_visit_to_a_pools_web_site_is_noted_as_one() {
    let feed = Feed::new("{ names = [\"pool.example\"], plain = [3333], tls = [3334] },");
    let mut scene = Scene::new();
    let at = start(&mut scene);
    asks(&mut scene, at - SECOND, "10.0.0.5:5353", "10.0.0.53:53", "www.pool.example");
    answers(&mut scene, at - SECOND / 2, "10.0.0.5:5353", "10.0.0.53:53", "www.pool.example", "203.0.113.20");
    for _ in 0..12 {
        speak_tls(&mut scene, "10.0.0.5", "203.0.113.20:443", &tls::browser("www.pool.example"));
    }
    let run = feed.run(&scene, &["--least", "suspected"]);
    assert_eq!(run.miners(), Vec::<&Value>::new());
    run.blocks_nothing();
    let kinds: Vec<_> = run.of("pool_contact").iter().map(|c| (&c["ip"], &c["kind"], &c["verdict"])).collect();
    assert_eq!(kinds, [(&json!("10.0.0.5"), &json!("web-site"), &json!("noted"))]);
}

#[test]
fn fp07_a_listed_pool_behind_a_content_network_is_no_address_to_block() {
    let feed = Feed::new("{ names = [\"pool.example\"], tls = [443], plain = [3333] },");
    let mut scene = Scene::new();
    let at = start(&mut scene);
    for name in ["pool.example", "xmr.pool.example"] {
        asks(&mut scene, at - SECOND, "10.0.0.5:5353", "10.0.0.53:53", name);
        answers(&mut scene, at - SECOND / 2, "10.0.0.5:5353", "10.0.0.53:53", name, "104.21.80.4");
    }
    speak_tls(&mut scene, "10.0.0.5", "104.21.80.4:443", &tls::openssl(Some("xmr.pool.example")));
    mines(&mut scene, at + SECOND, "10.0.0.5:50001", "104.21.80.4:3333");
    let path = feed.path();
    let run = scene.run_with(&["--feeds", &path, "--least", "suspected"]);
    run.blocks_nothing();
    for endpoint in ["104.21.80.4:443", "104.21.80.4:3333"] {
        assert_eq!(run.refused(endpoint), ["shared-front"], "{endpoint}");
    }
    let why = run.of("block_refused");
    assert!(!why.is_empty() && why.iter().all(|r| r["text"].as_str().unwrap().contains("Cloudflare")), "{why:?}");
}

#[test]
fn fp09_an_address_in_a_list_alone_is_noted_with_its_reason_and_not_blocked() {
    let feed = Feed::new("{ addresses = [\"203.0.113.9\"], tls = [443] },");
    let mut scene = Scene::new();
    speak_tls(&mut scene, "10.0.0.5", "203.0.113.9:443", &tls::browser("cdn.news.example"));
    let run = feed.run(&scene, &[]);
    assert_eq!(run.miners(), Vec::<&Value>::new());
    run.blocks_nothing();
    let contacts = run.of("pool_contact");
    assert_eq!((contacts.len(), &contacts[0]["verdict"]), (1, &json!("noted")));
    let evidence = &contacts[0]["evidence"][0];
    assert_eq!(evidence["code"], "address-in-feed");
    assert!(evidence["text"].as_str().unwrap().contains("own.toml lists 203.0.113.9"), "{evidence}");
}

#[test]
fn il03_a_stale_feed_is_told_and_counted() {
    let feed = Feed::new("{ names = [\"pool.example\"], plain = [3333] },");
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    let run = feed.run(&scene, &[]);
    assert_eq!(run.count("stale_feeds"), 0);
    let text = std::fs::read_to_string(feed.path()).unwrap();
    std::fs::write(feed.path(), text.replace(DATE, "2014-02-01")).unwrap();
    let run = feed.run(&scene, &[]);
    assert_eq!(run.count("stale_feeds"), 1);
    let notes = run.health()["notes"].to_string();
    assert!(notes.contains("own.toml is of 2014-02-01 and stale"), "{notes}");
    assert_eq!(run.confirmed()["dest_ip"], "198.51.100.5", "a feed is no condition for finding a miner");
}

#[test]
fn il09_what_is_retired_is_counted_and_nothing_else() {
    let feed = Feed::new("{ names = [\"nimiq.example\"], tls = [443], retired = \"2014-11-19\" },");
    let mut scene = Scene::new();
    let at = start(&mut scene);
    asks(&mut scene, at - SECOND, "10.0.0.5:5353", "10.0.0.53:53", "eu.nimiq.example");
    answers(&mut scene, at - SECOND / 2, "10.0.0.5:5353", "10.0.0.53:53", "eu.nimiq.example", "203.0.113.20");
    speak_tls(&mut scene, "10.0.0.5", "203.0.113.20:443", &tls::openssl(Some("eu.nimiq.example")));
    let run = feed.run(&scene, &["--least", "suspected"]);
    run.silent();
    assert_eq!(run.of("pool_contact").len(), 0);
    assert_eq!(run.count("retired_matches"), 2, "asked for, and named in TLS");
}

#[test]
fn id01_a_miner_at_a_public_address_of_ones_own_may_be_anybody_behind_it() {
    let mut scene = Scene::new();
    scene.play("203.0.113.10", POOL, &bitcoin());
    scene.play("10.0.0.6", POOL, &bitcoin());
    let run = scene.run_with(&["--home-net", "203.0.113.10/32", "--home-net", "10.0.0.0/8"]);
    let notes = run.health()["notes"].to_string();
    assert!(notes.contains("203.0.113.10 is a public address of yours: behind NAT"), "{notes}");
    assert!(!notes.contains("10.0.0.6"), "{notes}");
    assert!(run.lists.values().all(|l| !l.contains("203.0.113.10")));
}

#[test]
fn id01_sibling_nothing_in_ones_own_network_is_blocked() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    let run = scene.run_with(&["--home-net", "198.51.100.0/24"]);
    run.blocks_nothing();
    assert_eq!(run.refused(POOL), ["home-net"]);
}

#[test]
fn id03_an_address_is_the_machine_that_had_it_then() {
    let mut scene = Scene::new();
    let at = start(&mut scene);
    granted(&mut scene, at - SECOND, 0xa, [10, 0, 0, 50], "alice-pc", 86_400);
    mines(&mut scene, at, "10.0.0.50:50001", POOL);
    granted(&mut scene, at + 9000 * SECOND, 0xb, [10, 0, 0, 50], "bob-pc", 86_400);
    let mut talk = scene.talk("10.0.0.50:50002", "203.0.113.80:80");
    talk.start = at + 9001 * SECOND;
    let dialogue = web::visit("news.example", &["/"], web::BROWSER, &mut scene.rng);
    let segments = tcp::play(&talk, &dialogue, &mut scene.rng);
    scene.put(&talk, &segments, &Carriage::Plain);

    let run = scene.run();
    let alice = json!({ "mac": "02:00:00:00:00:0a", "name": "alice-pc" });
    for kind in ["miner_alert", "miner_flow", "miner_host"] {
        let lines = run.of(kind);
        assert!(!lines.is_empty() && lines.iter().all(|l| l["machine"] == alice), "{kind}: {lines:?}");
    }
    assert!(!run.findings().contains("bob-pc"));
    let said = scene.text(&[]).text();
    assert!(said.contains("10.0.0.50 (alice-pc)") && !said.contains("bob-pc"), "{said}");
}

#[test]
fn id03_sibling_two_machines_that_mined_at_one_address_are_two_hosts() {
    let mut scene = Scene::new();
    let at = start(&mut scene);
    for (n, mac, name) in [(0_u64, 0xa, "alice-pc"), (1, 0xb, "")] {
        granted(&mut scene, at + n * 9000 * SECOND, mac, [10, 0, 0, 50], name, 3600);
        mines(&mut scene, at + n * 9000 * SECOND + SECOND, &format!("10.0.0.50:{}", 50_001 + n), POOL);
    }
    // Nobody was seen to get this address.
    mines(&mut scene, at + SECOND, "10.0.0.51:50001", POOL);
    let run = scene.run();
    let hosts: Vec<_> = run.of("miner_host").iter().map(|h| (h["ip"].clone(), h["machine"].clone())).collect();
    assert_eq!(
        hosts,
        [
            (json!("10.0.0.50"), json!({ "mac": "02:00:00:00:00:0a", "name": "alice-pc" })),
            (json!("10.0.0.50"), json!({ "mac": "02:00:00:00:00:0b" })),
            (json!("10.0.0.51"), Value::Null),
        ]
    );
}

#[test]
fn id03_sibling_a_machines_name_is_its_own_word_and_safe_to_print() {
    let mut scene = Scene::new();
    let at = start(&mut scene);
    granted(&mut scene, at - SECOND, 0xa, [10, 0, 0, 50], "x\x1b]0;pwn\x07\nALERT none", 86_400);
    mines(&mut scene, at, "10.0.0.50:50001", POOL);
    let said = scene.text(&[]).text();
    assert!(!said.contains('\x1b') && !said.contains("\nALERT"), "{said}");
    assert!(scene.run().lists.values().all(|l| !l.contains("pwn")));
}

#[test]
fn id_sibling_resolvers_and_routers_that_dhcp_names_are_never_blocked() {
    // As what they were named: anybody may send such a message, and would name his pool.
    for (host, pool, reason) in
        [([10, 0, 0, 50], "198.51.100.99:853", "resolver"), ([198, 51, 100, 50], "198.51.100.98:3333", "gateway")]
    {
        let mut scene = Scene::new();
        let at = start(&mut scene);
        granted(&mut scene, at - SECOND, 0xa, host, "", 60);
        mines(&mut scene, at, &format!("{}:50001", std::net::Ipv4Addr::from(host)), pool);
        let run = scene.run();
        run.blocks_nothing();
        assert_eq!(run.refused(pool), [reason]);
    }
}

#[test]
fn id05_the_client_is_told_and_not_the_resolver() {
    let feed = Feed::new("{ names = [\"pool.example\"], plain = [3333] },");
    let mut scene = Scene::new();
    let at = start(&mut scene);
    for (n, client, server) in [(0, "10.0.0.5:5353", "10.0.0.53:53"), (1, "10.0.0.53:5301", "8.8.8.8:53")] {
        asks(&mut scene, at + n * 1000, client, server, "pool.example");
        answers(&mut scene, at + 9_000_000 - n * 1000, client, server, "pool.example", "203.0.113.20");
    }
    let run = feed.run(&scene, &["--least", "suspected"]);
    let told: Vec<_> = run.of("pool_contact").iter().map(|c| c["ip"].clone()).collect();
    assert_eq!(told, ["10.0.0.5"]);
    run.blocks_nothing();
}

#[test]
fn sf07_an_answer_that_nobody_asked_for_teaches_nothing() {
    let feed = Feed::new("{ names = [\"pool.example\"], plain = [3333], tls = [3334] },");
    let mut scene = Scene::new();
    let at = start(&mut scene);
    answers(&mut scene, at - SECOND, "10.0.0.5:5353", "10.0.0.53:53", "pool.example", "8.8.8.8");
    asks(&mut scene, at, "10.0.0.5:5354", "8.8.8.8:53", "news.example");
    answers(&mut scene, at + 1000, "10.0.0.5:5354", "8.8.8.8:53", "news.example", "203.0.113.80");
    speak_tls(&mut scene, "10.0.0.5", "8.8.8.8:3334", &tls::openssl(None));
    let run = feed.run(&scene, &["--least", "suspected"]);
    run.silent();
    assert_eq!((run.of("pool_contact").len(), run.count("dns_unasked")), (0, 1));
}

#[derive(serde::Serialize)]
struct Place {
    country_code: &'static str,
    autonomous_system_number: u32,
}

fn database(dir: &Path, records: &[(&str, Place)]) -> PathBuf {
    let mut db = Database::default();
    db.metadata.ip_version = IpVersion::V6;
    db.metadata.binary_format_major_version = 2;
    for (net, value) in records {
        let data = db.insert_value(value).unwrap();
        // Where a database of both families has IPv4.
        let v4: std::net::Ipv4Addr = net.parse().unwrap();
        let v6 = std::net::Ipv6Addr::from(u128::from(u32::from(v4)));
        db.insert_node(IpAddrWithMask::new(v6.into(), 96 + 24), data);
    }
    let path = dir.join("places.mmdb");
    db.write_to(std::fs::File::create(&path).unwrap()).unwrap();
    path
}

#[test]
fn cr05_a_place_that_no_database_knows_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let path =
        database(dir.path(), &[("198.51.100.0", Place { country_code: "DE", autonomous_system_number: 64_500 })]);
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "10.0.0.1:3333", &bitcoin());
    let run = scene.run_with(&["--geo", path.to_str().unwrap()]);
    assert!(run.confirmed().get("country").is_none());
    assert_eq!(run.health()["notes"], json!([]));
}

#[test]
fn cr05_sibling_the_policy_may_spare_a_country_or_a_network() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place { country_code: "DE", autonomous_system_number: 64_500 };
    let path = database(dir.path(), &[("198.51.100.0", place)]);
    let geo = ["--geo", path.to_str().unwrap()];
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    scene.play("10.0.0.5", "203.0.113.5:3333", &bitcoin());
    for region in ["de", "AS64500"] {
        let run = scene.run_with(&[&geo[..], &["--never-block-in", region]].concat());
        assert_eq!((run.blocked(), run.refused(POOL)), (vec!["203.0.113.5:3333".to_owned()], vec!["spared-region"]));
    }
    let run = scene.run_with(&[&geo[..], &["--never-block-in", "AS64501"]].concat());
    assert_eq!(run.blocked().len(), 2);
}

/// A database that was moved must not get those blocked who are to be spared.
#[test]
fn cr05_sibling_sparing_a_country_without_a_database_is_an_error() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.nft");
    let list = list.to_str().unwrap();
    for geo in [&[][..], &["--geo", "/nowhere/x.mmdb"]] {
        let said = scene.text(&[&["--blocklist", list, "--never-block-in", "DE"], geo].concat());
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("--never-block-in goes by a database of places"), "{}", said.err);
        assert!(!std::path::Path::new(list).exists());
    }
}
