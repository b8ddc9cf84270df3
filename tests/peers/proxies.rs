//! Proxies that a miner asks for its pool.

use std::net::SocketAddr;

use serde_json::json;

use crate::available;
use crate::expect::{Leg, assert_told, plain, session};
use crate::fronts::{source, spoken_for};
use crate::servers::{dante, squid};
use crate::sv2;
use crate::world::{INSIDE, MINER, NAME, OUTSIDE, POOL, Replay, World, at};

/// The session as the proxy's client sends it, and as the proxy passes it on.
fn proxied(proxy: u16, kind: &str, cases: &[(&str, u16, String)]) -> Vec<Leg> {
    let mut legs = Vec::new();
    for (dialect, port, target) in cases {
        // The target tells the family: names resolve to IPv4.
        let v6 = usize::from(target.starts_with('['));
        legs.push(Leg {
            from: at(MINER[0], 0),
            to: at(INSIDE[0], proxy),
            wrapped: json!([{"kind": kind, "target": target}]),
            told: session(dialect),
        });
        legs.push(plain(dialect, OUTSIDE[v6], at(POOL[v6], *port)));
    }
    legs
}

/// Ways to name the pool: by name, by address, by IPv6 address; each on a port of its own.
fn targets() -> Vec<(&'static str, u16, String)> {
    vec![
        ("cryptonote", 3331, format!("{NAME}:3331")),
        ("bitcoin-v1", 3332, format!("{}:3332", POOL[0])),
        ("cryptonote", 3333, format!("[{}]:3333", POOL[1])),
    ]
}

/// A session through curl, which speaks lines when told to speak telnet, and answers while it reads when told that its
/// input is an upload.
fn curl(world: &mut World, dialect: &str, options: &str, target: &str) {
    world.mine(&format!("{dialect} cut curl -sN -T . {options} telnet://{target}"));
}

#[test]
fn a_miner_behind_squid_is_found_with_the_pool_it_asked_for() {
    if !available(&["squid", "curl"], false) {
        return;
    }
    let mut world = World::new();
    squid(&mut world, "http_access allow all");
    for (dialect, _, target) in &targets() {
        curl(&mut world, dialect, &format!("-p -x http://{}:3128", INSIDE[0]), target);
    }
    let replay = world.replay();
    assert_told(&replay, &proxied(3128, "connect", &targets()), &pools(&targets()));
}

#[test]
fn a_miner_that_gives_squid_a_password_is_found_and_the_password_is_not_told() {
    if !available(&["squid", "curl", "openssl", "/usr/lib/squid/basic_ncsa_auth"], false) {
        return;
    }
    let mut world = World::new();
    let hash = world.middle.run("openssl passwd -apr1 geheim77");
    let users = world.write("users", &format!("clerk:{hash}"));
    let access = format!(
        "auth_param basic program /usr/lib/squid/basic_ncsa_auth {}\nacl known proxy_auth REQUIRED\n\
         http_access allow known\nhttp_access deny all",
        users.display()
    );
    squid(&mut world, &access);
    let proxy = format!("-p -U clerk:geheim77 -x http://{}:3128", INSIDE[0]);
    // At once, and after the proxy has asked (407); both ways the same legs.
    for ((dialect, _, target), auth) in targets().iter().zip(["--proxy-basic", "--proxy-anyauth", "--proxy-anyauth"]) {
        curl(&mut world, dialect, &format!("{auth} {proxy}"), target);
    }
    let replay = world.replay();
    assert_told(&replay, &proxied(3128, "connect", &targets()), &pools(&targets()));
    assert_keeps_secret(&replay, &["geheim77", "Y2xlcms6Z2VoZWltNzc"]);
}

fn pools(cases: &[(&str, u16, String)]) -> Vec<SocketAddr> {
    cases.iter().map(|(_, port, target)| at(POOL[usize::from(target.starts_with('['))], *port)).collect()
}

#[track_caller]
fn assert_keeps_secret(replay: &Replay, secrets: &[&str]) {
    for secret in secrets {
        let told = [replay.run.text(), &replay.run.stderr, &replay.list].iter().any(|t| t.contains(secret));
        assert!(!told, "{secret} is in the output");
    }
}

#[test]
fn a_miner_behind_dante_is_found_with_the_pool_it_asked_for_in_both_versions_of_socks() {
    if !available(&["danted", "haproxy", "curl"], false) {
        return;
    }
    let mut world = World::new();
    dante(&mut world, "none");
    let (name, v4, v6) = (NAME, POOL[0], format!("[{}]", POOL[1]));
    // Dante has no SOCKS4a: it takes the address that announces a name for one to connect to.
    let cases = [
        ("socks4", "cryptonote", 3331, v4),
        ("socks5", "bitcoin-v1", 3333, v4),
        ("socks5h", "cryptonote", 3334, name),
        ("socks5", "bitcoin-v1", 3335, v6.as_str()),
    ];
    let mut asked = Vec::new();
    for (scheme, dialect, port, host) in cases {
        let target = format!("{host}:{port}");
        curl(&mut world, dialect, &format!("-x {scheme}://{}:1080", INSIDE[0]), &target);
        asked.push((dialect, port, target));
    }
    // Not all clients are curl, and not all are told of the proxy.
    let config = format!(
        "listen quiet\n  mode tcp\n  timeout connect 1m\n  timeout client 1m\n  timeout server 1m\n  \
         bind 127.0.0.1:3336\n  server pool {v4}:3336 socks4 {}:1080\n",
        INSIDE[0]
    );
    let config = world.write("haproxy.cfg", &config);
    world.start_beside_miner(&format!("exec haproxy -db -f {}", config.display()), 3336);
    world.mine("cryptonote tcp 127.0.0.1:3336");
    asked.push(("cryptonote", 3336, format!("{v4}:3336")));
    let replay = world.replay();
    assert_told(&replay, &proxied(1080, "socks", &asked), &pools(&asked));
}

#[test]
fn a_miner_that_gives_dante_a_password_is_found_and_the_password_is_not_told() {
    if !available(&["danted", "curl", "openssl"], false) {
        return;
    }
    let mut world = World::new();
    dante(&mut world, "username");
    for (dialect, _, target) in &targets() {
        curl(&mut world, dialect, &format!("-U clerk:geheim77 -x socks5h://{}:1080", INSIDE[0]), target);
    }
    let replay = world.replay();
    assert_told(&replay, &proxied(1080, "socks", &targets()), &pools(&targets()));
    assert_keeps_secret(&replay, &["geheim77"]);
}

#[test]
fn a_miner_behind_two_proxies_is_found_on_every_leg_with_what_each_was_asked() {
    if !available(&["squid", "danted", "curl"], false) {
        return;
    }
    let mut world = World::new();
    squid(&mut world, &format!("http_port {}:3129\nhttp_access allow all", OUTSIDE[0]));
    dante(&mut world, "none");
    let (second, target) = (at(OUTSIDE[0], 3129), format!("{NAME}:3331"));
    let proxies = format!("--preproxy socks5h://{}:1080 -p -x http://{second}", INSIDE[0]);
    curl(&mut world, "cryptonote", &proxies, &target);
    let replay = world.replay();
    let socks = json!({"kind": "socks", "target": second.to_string()});
    let connect = json!({"kind": "connect", "target": target});
    let legs = [
        Leg {
            from: at(MINER[0], 0),
            to: at(INSIDE[0], 1080),
            wrapped: json!([socks, connect]),
            told: session("cryptonote"),
        },
        Leg { from: at(OUTSIDE[0], 0), to: second, wrapped: json!([connect]), told: session("cryptonote") },
        plain("cryptonote", OUTSIDE[0], at(POOL[0], 3331)),
    ];
    assert_told(&replay, &legs, &[at(POOL[0], 3331)]);
}

#[test]
fn stratum_v2_is_found_directly_behind_both_kinds_of_proxies_and_behind_a_balancer() {
    if !available(&["squid", "danted", "haproxy"], false) {
        return;
    }
    let mut world = World::new();
    squid(&mut world, "http_access allow all");
    dante(&mut world, "none");
    let (v4, v6, front) = (at(POOL[0], sv2::PORT), at(POOL[1], sv2::PORT), at(INSIDE[0], sv2::PORT));
    let asks_for_miner = at("127.0.0.1", 3336);
    let listen = |name: &str, bind: SocketAddr, options: &str| {
        format!(
            "listen {name}\n  mode tcp\n  timeout connect 1m\n  timeout client 1m\n  timeout server 1m\n  \
             bind {bind}\n  server pool {v4} {options}\n"
        )
    };
    let config = world.write("front.cfg", &listen("front", front, "send-proxy-v2"));
    world.start(&format!("exec haproxy -db -f {}", config.display()), &[front.port()]);
    let quiet = listen("quiet", asks_for_miner, &format!("socks4 {}:1080", INSIDE[0]));
    let config = world.write("quiet.cfg", &quiet);
    world.start_beside_miner(&format!("exec haproxy -db -f {}", config.display()), asks_for_miner.port());
    for to in [v4, v6, front, asks_for_miner] {
        world.mine(&format!("stratum-v2 tcp {to}"));
    }
    world.mine(&format!("stratum-v2 connect {} {NAME}:{}", at(INSIDE[0], 3128), sv2::PORT));
    let replay = world.replay();
    let socks = [("stratum-v2", sv2::PORT, v4.to_string())];
    let connect = [("stratum-v2", sv2::PORT, format!("{NAME}:{}", sv2::PORT))];
    let mut legs = vec![
        plain("stratum-v2", MINER[0], v4),
        plain("stratum-v2", MINER[1], v6),
        plain("stratum-v2", MINER[0], front),
        spoken_for(&source(&replay, MINER[0], front), "stratum-v2", OUTSIDE[0], v4),
    ];
    legs.extend(proxied(1080, "socks", &socks));
    legs.extend(proxied(3128, "connect", &connect));
    assert_told(&replay, &legs, &[]);
}
