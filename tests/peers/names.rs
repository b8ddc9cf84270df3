//! Names of pools: looked up through real resolvers, named in real TLS and QUIC.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::available;
use crate::expect::{Leg, assert_told, session};
use crate::support::output::Output;
use crate::world::{INSIDE, MINER, OUTSIDE, POOL, Replay, World, at};

/// What the tests know of pools. Its addresses are not listed: only names can tell.
pub(crate) const FEED: &str = r#"
version = 1

[[pool]]
name = "Mountain Pool"
coins = ["XMR"]
entries = [
    { names = ["mountainpool.example"], plain = [3331, 3332], tls = [3443, 3444] },
]
"#;

/// Who looks names up for the miner. One that has two addresses asks from the one it is asked at: who sees both sides
/// of it sees one host.
#[derive(Clone, Copy)]
enum Resolver {
    Dnsmasq,
    Unbound,
}

impl Resolver {
    /// Starts it at `own`, in front of the one that knows the names.
    fn start(self, world: &mut World, own: &str, upstream: &str, tcp: bool) {
        let line = match self {
            Self::Dnsmasq => format!("{DNSMASQ} --listen-address={own} --server={upstream}@{own}"),
            Self::Unbound => {
                let config = format!(
                    "server:\n do-daemonize: no\n use-syslog: no\n logfile: \"\"\n chroot: \"\"\n username: \"\"\n \
                     pidfile: \"\"\n directory: \"{}\"\n interface: {own}\n outgoing-interface: {own}\n \
                     access-control: 0.0.0.0/0 allow\n access-control: ::/0 allow\n module-config: \"iterator\"\n \
                     tcp-upstream: {}\nremote-control:\n control-enable: no\n\
                     forward-zone:\n name: \".\"\n forward-addr: {upstream}\n",
                    world.path("").display(),
                    if tcp { "yes" } else { "no" },
                );
                format!("exec unbound -d -p -c {}", world.write("unbound.conf", &config).display())
            }
        };
        world.start(&line, &[53]);
    }
}

/// Without any configuration of the machine.
const DNSMASQ: &str = "exec dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces \
                       --user=root --group=root --pid-file= --log-facility=- --cache-size=0";

/// Starts the one that knows the names, beside the pool: `known` are options of dnsmasq.
fn zone(world: &mut World, own: &str, known: &str) {
    world.start_beside_pool(&format!("{DNSMASQ} --listen-address={own} {known}"), 53);
}

/// What tells a program which resolver to ask: resolv.conf(5).
fn resolv(world: &World, resolver: &str, tcp: bool) -> String {
    let options = if tcp { "options use-vc\n" } else { "" };
    world.write("resolv.conf", &format!("nameserver {resolver}\n{options}")).display().to_string()
}

fn feed(world: &World) -> PathBuf {
    world.write("own.toml", FEED)
}

fn codes(line: &Value) -> BTreeSet<&str> {
    line["evidence"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect()
}

/// Host, pool and kind of every contact, with what it shows.
fn contacts(out: &Output) -> Vec<(&str, &str, &str, BTreeSet<&str>)> {
    out.of("pool_contact")
        .map(|c| (c["ip"].as_str().unwrap(), c["pool"].as_str().unwrap(), c["kind"].as_str().unwrap(), codes(c)))
        .collect()
}

/// One miner that looks its pool up by `name`, over one family and transport, and mines in the clear.
fn looked_up(resolver: Resolver, family: usize, tcp: bool, name: &str, names: &[&str], zone_options: &str) {
    let mut world = World::new();
    let (own, upstream) = (INSIDE[family], POOL[family]);
    zone(&mut world, upstream, zone_options);
    resolver.start(&mut world, own, upstream, tcp);
    let resolv = resolv(&world, own, tcp);
    world.mine(&format!("cryptonote named {resolv} {name}:3331"));
    let feed = feed(&world);
    let replay = world.replay_with(&["--feeds", feed.to_str().unwrap()]);
    let mut told = session("cryptonote");
    told["names"] = json!(names);
    let to = at(POOL[family], 3331);
    assert_told(&replay, &[Leg { from: at(MINER[family], 0), to, wrapped: json!([]), told }], &[to]);
    let out = Output::parse(&replay.run.stdout).unwrap();
    let flow = out.of("miner_flow").next().unwrap();
    assert_eq!(flow["known"]["name"], "Mountain Pool", "{flow}");
    assert_eq!((&flow["known"]["role"], &flow["known"]["coins"]), (&json!("stratum"), &json!(["XMR"])), "{flow}");
    assert!(codes(flow).contains("name-in-dns"), "{flow}");
    // The one that it asked asked another one on its behalf.
    let asked = [(MINER[family], "Mountain Pool", "pool", BTreeSet::from(["name-in-dns"]))];
    assert_eq!(contacts(&out), asked, "the resolver is nobody's miner");
    let [contact] = out.of("pool_contact").collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!((&contact["names"], &contact["verdict"]), (&json!([name]), &json!("noted")));
    let health = out.health();
    // Questions and answers of two hops, of one family or of both.
    assert!(health["dns_messages"].as_u64().unwrap() >= 4, "{health}");
    assert_eq!(health["dns_unasked"], 0, "{health}");
}

/// A name of the pool that leads to its host in two steps.
fn chain(family: usize) -> String {
    format!(
        "--host-record=node7.hosting.example,{} --cname=lb.hosting.example,node7.hosting.example \
         --cname=xmr.mountainpool.example,lb.hosting.example",
        POOL[family]
    )
}

/// A name of nobody that leads to one of the pool.
fn disguise(family: usize) -> String {
    format!("--host-record=eu1.mountainpool.example,{} --cname=cdn.shop.example,eu1.mountainpool.example", POOL[family])
}

#[test]
fn a_pool_is_named_after_a_look_up_through_dnsmasq() {
    if !available(&["dnsmasq"], false) {
        return;
    }
    let name = "xmr.mountainpool.example";
    looked_up(Resolver::Dnsmasq, 0, false, name, &[name], &chain(0));
    let name = "cdn.shop.example";
    looked_up(Resolver::Dnsmasq, 1, true, name, &[name, "eu1.mountainpool.example"], &disguise(1));
}

#[test]
fn a_pool_is_named_after_a_look_up_through_unbound() {
    if !available(&["dnsmasq", "unbound"], false) {
        return;
    }
    let name = "cdn.shop.example";
    // It follows an alias itself.
    looked_up(Resolver::Unbound, 0, true, name, &[name, "eu1.mountainpool.example"], &disguise(0));
    let name = "xmr.mountainpool.example";
    looked_up(Resolver::Unbound, 1, false, name, &[name], &chain(1));
}

#[test]
fn a_visit_to_the_web_site_of_a_pool_is_noted_and_nothing_more() {
    if !available(&["dnsmasq", "curl", "openssl"], false) {
        return;
    }
    let mut world = World::new();
    zone(&mut world, POOL[0], &format!("--host-record=www.mountainpool.example,{}", POOL[0]));
    Resolver::Dnsmasq.start(&mut world, INSIDE[0], POOL[0], false);
    let keys = certificate(&world, "www.mountainpool.example", None);
    world.start_beside_pool(&format!("exec openssl s_server -accept {} -www {keys}", at(POOL[0], 443)), 443);
    let resolv = resolv(&world, INSIDE[0], false);
    let page = "https://www.mountainpool.example/";
    let said = world.visit(&format!("sh -c 'mount --bind {resolv} /etc/resolv.conf && curl -sSk {page}'"));
    assert!(said.contains("s_server"), "{said}");
    let feed = feed(&world);
    let replay = world.replay_with(&["--feeds", feed.to_str().unwrap()]);
    assert_web_site(&replay, &["name-in-dns", "name-sent"]);
}

#[test]
fn a_visit_over_quic_is_one_too() {
    if !available(&["gtlsclient", "gtlsserver", "openssl"], false) {
        return;
    }
    let mut world = World::new();
    let name = "www.mountainpool.example";
    let keys = certificate(&world, name, None);
    let [_, certificate, _, key, ..] = keys.split(' ').collect::<Vec<_>>()[..] else { panic!("{keys}") };
    world.start_udp_beside_pool(&format!("exec gtlsserver -q {} 443 {key} {certificate}", POOL[0]), 443);
    let hosts = world.write("hosts", &format!("{} {name}\n", POOL[0])).display().to_string();
    let client = format!("gtlsclient -q --exit-on-all-streams-close {name} 443 https://{name}/");
    world.visit(&format!("sh -c 'mount --bind {hosts} /etc/hosts && {client}'"));
    let feed = feed(&world);
    let replay = world.replay_with(&["--feeds", feed.to_str().unwrap()]);
    assert_web_site(&replay, &["name-sent"]);
}

/// Nobody is accused, one contact with the web site is told.
fn assert_web_site(replay: &Replay, evidence: &[&str]) {
    assert_told(replay, &[], &[]);
    let out = Output::parse(&replay.run.stdout).unwrap();
    assert_eq!(out.of("miner_host").count(), 0);
    let [contact] = out.of("pool_contact").collect::<Vec<_>>()[..] else { panic!("{:?}", out.lines) };
    assert_eq!(contacts(&out), [(MINER[0], "Mountain Pool", "web-site", evidence.iter().copied().collect())]);
    assert_eq!((&contact["verdict"], &contact["names"]), (&json!("noted"), &json!(["www.mountainpool.example"])));
    assert_eq!(contact["endpoints"], json!([at(POOL[0], 443)]));
}

/// Options of openssl for a certificate with its key, made by `issuer` or by itself.
pub(crate) fn certificate(world: &World, name: &str, issuer: Option<&str>) -> String {
    let path = world.path(&format!("{name}-{}", issuer.is_some())).display().to_string();
    let new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    let signed = match issuer {
        None => String::new(),
        Some(issuer) => {
            world.pool.run(&format!("{new} -subj '/CN={issuer}' -keyout {path}.ca.key -out {path}.ca"));
            format!("-CA {path}.ca -CAkey {path}.ca.key")
        }
    };
    world.pool.run(&format!(
        "{new} {signed} -subj '/O=Somebody/CN={name}' -addext subjectAltName=DNS:{name},DNS:*.{name} \
         -keyout {path}.key -out {path}.crt && chmod 644 {path}.*"
    ));
    format!("-cert {path}.crt -key {path}.key ")
}

/// A resolver that nobody is seen to ask may ask for itself, and asking is no mining.
#[test]
fn a_resolver_alone_is_no_miner() {
    if !available(&["dnsmasq"], false) {
        return;
    }
    let mut world = World::new();
    zone(&mut world, POOL[0], &chain(0));
    // Asked over the loopback of its own machine, which nobody watches.
    let line = format!("{DNSMASQ} --listen-address=127.0.0.1 --server={}@{}", POOL[0], OUTSIDE[0]);
    world.start(&line, &[53]);
    let resolv = world.write("resolv.conf", "nameserver 127.0.0.1\n").display().to_string();
    world.middle.run(&format!("mount --bind {resolv} /etc/resolv.conf && getent ahostsv4 xmr.mountainpool.example"));
    let feed = feed(&world);
    let replay = world.replay_with(&["--feeds", feed.to_str().unwrap()]);
    assert_told(&replay, &[], &[]);
    let out = Output::parse(&replay.run.stdout).unwrap();
    assert_eq!(contacts(&out), [(OUTSIDE[0], "Mountain Pool", "pool", BTreeSet::from(["name-in-dns"]))]);
    assert!(out.of("pool_contact").all(|c| c["verdict"] == "noted"));
}
