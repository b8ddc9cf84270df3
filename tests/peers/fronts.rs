//! Load balancers and TLS terminators in front of a pool.

use std::net::SocketAddr;

use serde_json::json;

use crate::available;
use crate::expect::{Leg, assert_told, plain};
use crate::servers::{certificate, squid};
use crate::support::output::{Output, ends};
use crate::world::{INSIDE, MINER, OUTSIDE, POOL, Replay, World, at, ip};

/// A session through TLS from a known port.
fn mine_in_tls(world: &mut World, dialect: &str, from: SocketAddr, to: SocketAddr) {
    world.mine(&format!(
        "{dialect} run openssl s_client -quiet -no_ign_eof -bind {from} -connect {to} -servername front.example"
    ));
}

/// Where the only reported flow from a miner to a front comes from.
pub(crate) fn source(replay: &Replay, from: &str, to: SocketAddr) -> String {
    let out = Output::parse(&replay.run.stdout).unwrap();
    let all: Vec<_> = out.of("miner_flow").map(ends).filter(|(f, t)| f.ip() == ip(from) && *t == to).collect();
    assert_eq!(all.len(), 1, "flows from {from} to {to}");
    all[0].0.to_string()
}

/// A leg from a front to the pool, in which the front says for whom it speaks.
pub(crate) fn spoken_for(source: &str, dialect: &str, from: &str, to: SocketAddr) -> Leg {
    let wrapped = json!([{"kind": "proxy-protocol", "source": source}]);
    Leg { wrapped, ..plain(dialect, from, to) }
}

#[test]
fn nginx_names_the_miner_and_hides_it_only_as_far_as_its_tls_goes() {
    if !available(&["nginx", "openssl", "/usr/lib/nginx/modules/ngx_stream_module.so"], false) {
        return;
    }
    let mut world = World::new();
    let (certificate, folder) = (certificate(&world), world.path("").display().to_string());
    let server = |listen: SocketAddr, to: SocketAddr, options: &str| {
        format!("server {{ listen {listen}{options}; proxy_pass {to}; }}\n")
    };
    let keys = format!("; ssl_certificate {certificate}.crt; ssl_certificate_key {certificate}.key");
    let servers = [
        server(at(INSIDE[0], 3333), at(POOL[0], 3331), "; proxy_protocol on"),
        server(at(INSIDE[1], 3333), at(POOL[1], 3332), "; proxy_protocol on"),
        server(at(INSIDE[0], 443), at(POOL[0], 3333), &format!(" ssl{keys}")),
        server(at(INSIDE[0], 444), at(POOL[0], 3334), &format!(" ssl{keys}; proxy_protocol on")),
    ];
    let config = format!(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\npid {folder}/nginx.pid;\n\
         error_log stderr;\nworker_processes 1;\nevents {{ }}\nstream {{\n{}}}\n",
        servers.concat()
    );
    let config = world.write("nginx.conf", &config);
    world.start(&format!("exec nginx -e stderr -p {folder} -c {}", config.display()), &[3333, 443, 444]);
    fronts(world);
}

#[test]
fn haproxy_names_the_miner_in_both_versions_and_hides_it_only_as_far_as_its_tls_goes() {
    if !available(&["haproxy", "openssl"], false) {
        return;
    }
    for version in ["send-proxy", "send-proxy-v2"] {
        let mut world = World::new();
        let certificate = certificate(&world);
        let listen = |name: &str, bind: SocketAddr, to: SocketAddr, tls: bool, options: &str| {
            let tls = if tls { format!(" ssl crt {certificate}") } else { String::new() };
            format!("listen {name}\n  bind {bind}{tls}\n  server pool {to} {options}\n")
        };
        let config = [
            "defaults\n  mode tcp\n  timeout connect 1m\n  timeout client 1m\n  timeout server 1m\n".to_owned(),
            listen("plain4", at(INSIDE[0], 3333), at(POOL[0], 3331), false, version),
            listen("plain6", at(INSIDE[1], 3333), at(POOL[1], 3332), false, version),
            listen("tls", at(INSIDE[0], 443), at(POOL[0], 3333), true, ""),
            listen("both", at(INSIDE[0], 444), at(POOL[0], 3334), true, version),
        ]
        .concat();
        let config = world.write("haproxy.cfg", &config);
        world.start(&format!("exec haproxy -db -f {}", config.display()), &[3333, 443, 444]);
        fronts(world);
    }
}

/// Four sessions through a front that listens on 3333 (plain, both families), 443 (TLS) and 444 (TLS), and names the
/// miner to the pool for all but 443.
fn fronts(mut world: World) {
    world.mine(&format!("cryptonote tcp {}", at(INSIDE[0], 3333)));
    world.mine(&format!("bitcoin-v1 tcp {}", at(INSIDE[1], 3333)));
    mine_in_tls(&mut world, "cryptonote", at(MINER[0], 50_443), at(INSIDE[0], 443));
    mine_in_tls(&mut world, "bitcoin-v1", at(MINER[0], 50_444), at(INSIDE[0], 444));
    let replay = world.replay();
    let front = [at(INSIDE[0], 3333), at(INSIDE[1], 3333)];
    let pool = [at(POOL[0], 3331), at(POOL[1], 3332), at(POOL[0], 3333), at(POOL[0], 3334)];
    let legs = [
        plain("cryptonote", MINER[0], front[0]),
        plain("bitcoin-v1", MINER[1], front[1]),
        spoken_for(&source(&replay, MINER[0], front[0]), "cryptonote", OUTSIDE[0], pool[0]),
        spoken_for(&source(&replay, MINER[1], front[1]), "bitcoin-v1", OUTSIDE[1], pool[1]),
        // What goes into 443 and 444 is not readable, so nothing is said of it.
        plain("cryptonote", OUTSIDE[0], pool[2]),
        spoken_for(&at(MINER[0], 50_444).to_string(), "bitcoin-v1", OUTSIDE[0], pool[3]),
    ];
    // Whoever speaks plainly to a front has it for its pool, and nobody could tell otherwise.
    assert_told(&replay, &legs, &[front.as_slice(), &pool].concat());
}

#[test]
fn stunnel_hides_a_miner_only_as_far_as_its_tls_goes() {
    if !available(&["stunnel4", "squid", "openssl"], false) {
        return;
    }
    let mut world = World::new();
    squid(&mut world, "http_access allow all");
    let certificate = certificate(&world);
    let service = |name: &str, accept: SocketAddr, connect: SocketAddr, options: &str| {
        format!("[{name}]\naccept = {accept}\nconnect = {connect}\n{options}\n")
    };
    let head = "foreground = yes\npid =\nsyslog = no\n";
    let keys = format!("cert = {certificate}");
    let server = [
        head.to_owned(),
        service("plain", at(INSIDE[0], 443), at(POOL[0], 3331), &keys),
        service("named", at(INSIDE[0], 444), at(POOL[0], 3332), &format!("{keys}\nprotocol = proxy")),
        service("far", at(OUTSIDE[0], 445), at(POOL[0], 3333), &keys),
    ];
    let server = world.write("server.conf", &server.concat());
    world.start(&format!("exec stunnel4 {}", server.display()), &[443, 444, 445]);
    // TLS inside of CONNECT, from a stunnel beside the miner.
    let through = format!("client = yes\nprotocol = connect\nprotocolHost = {}", at(OUTSIDE[0], 445));
    let client = head.to_owned() + &service("in", at("127.0.0.1", 3333), at(INSIDE[0], 3128), &through);
    let client = world.write("client.conf", &client);
    world.start_beside_miner(&format!("exec stunnel4 {}", client.display()), 3333);
    mine_in_tls(&mut world, "cryptonote", at(MINER[0], 50_443), at(INSIDE[0], 443));
    mine_in_tls(&mut world, "bitcoin-v1", at(MINER[0], 50_444), at(INSIDE[0], 444));
    world.mine(&format!("cryptonote tcp {}", at("127.0.0.1", 3333)));
    let replay = world.replay();
    let pool = [at(POOL[0], 3331), at(POOL[0], 3332), at(POOL[0], 3333)];
    let legs = [
        plain("cryptonote", OUTSIDE[0], pool[0]),
        spoken_for(&at(MINER[0], 50_444).to_string(), "bitcoin-v1", OUTSIDE[0], pool[1]),
        plain("cryptonote", OUTSIDE[0], pool[2]),
    ];
    assert_told(&replay, &legs, &pool);
}
