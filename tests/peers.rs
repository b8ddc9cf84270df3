//! Proxies, load balancers, TLS terminators, bridges and clients that others wrote, between a stub miner and a stub
//! pool, in network namespaces: captured, replayed with the program, and compared with what the miner said.
//!
//! Needs root, the Debian packages named in `available`, and npm for some; without them the tests say so and are
//! skipped. Nothing mines. `MINEWATCH_KEEP=FOLDER` keeps the captures.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[path = "peers/expect.rs"]
mod expect;
#[allow(dead_code)] // firewalls are for other tests
mod netns;
#[path = "peers/npm.rs"]
mod npm;
#[path = "peers/servers.rs"]
mod servers;
#[path = "peers/stub.rs"]
mod stub;
mod support;
#[path = "peers/world.rs"]
mod world;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use expect::{Leg, assert_told, session};
use servers::{certificate, dante, squid};
use stub::{USER, WALLET};
use support::output::{Output, ends};
use world::{INSIDE, MINER, NAME, OUTSIDE, POOL, Replay, World, at, ip};

/// Not a test of its own: the other tests start copies of this program that play a pool or a miner.
#[test]
#[ignore = "a role in the other tests"]
fn role() {
    netns::play(stub::play);
}

/// Whether namespaces, `tools` and, if wanted, the packages of npm are here. If not, says so past the capture of the
/// test runner. What they are packaged as: squid, dante-server, nginx with libnginx-mod-stream, haproxy, stunnel4,
/// tcpdump, curl, openssl, nodejs, npm.
fn available(tools: &[&str], from_npm: bool) -> bool {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    let why = netns::obstacle(&[])
        .or_else(|| [&["tcpdump"], tools].concat().iter().find_map(|t| missing(t)))
        .or_else(|| if from_npm { npm::folder().err().map(str::to_owned) } else { None });
    let Some(why) = why else { return true };
    let n = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    // In one piece: others write, too.
    let _ = std::io::stderr().write_all(format!("peer tests skipped so far: {n} ({why})\n").as_bytes());
    false
}

fn missing(tool: &str) -> Option<String> {
    let found =
        world::version(&format!("PATH=$PATH:/usr/sbin:/sbin command -v {tool} || test -e {tool} && echo {tool}"));
    found.is_empty().then(|| format!("{tool} is not installed"))
}

// ---- proxies that miners ask for a pool

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

/// A leg without wrapping from a machine in the middle to the pool.
fn plain(dialect: &str, from: &str, to: SocketAddr) -> Leg {
    Leg { from: at(from, 0), to, wrapped: json!([]), told: session(dialect) }
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
        "listen quiet\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n  \
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

// ---- load balancers and TLS terminators in front of a pool

/// A session through TLS from a known port.
fn mine_in_tls(world: &mut World, dialect: &str, from: SocketAddr, to: SocketAddr) {
    world.mine(&format!(
        "{dialect} run openssl s_client -quiet -no_ign_eof -bind {from} -connect {to} -servername front.example"
    ));
}

/// Where the only reported flow from a miner to a front comes from.
fn source(replay: &Replay, from: &str, to: SocketAddr) -> String {
    let out = Output::parse(&replay.run.stdout).unwrap();
    let all: Vec<_> = out.of("miner_flow").map(ends).filter(|(f, t)| f.ip() == ip(from) && *t == to).collect();
    assert_eq!(all.len(), 1, "flows from {from} to {to}");
    all[0].0.to_string()
}

/// A leg from a front to the pool, in which the front says for whom it speaks.
fn spoken_for(source: &str, dialect: &str, from: &str, to: SocketAddr) -> Leg {
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
            "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n".to_owned(),
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

// ---- programs from npm

/// A session with two shares, none of them wrong.
fn two_shares(dialect: &str, login: &str) -> Value {
    json!({
        "dialect": dialect, "login": login, "agent": null, "verdict": "confirmed", "handshake_verified": true,
        "shares": {"submitted": 2, "accepted": 2, "rejected": 0},
    })
}

#[test]
fn a_browser_that_mines_is_found_and_so_is_coin_hive_stratum_that_mines_for_it() {
    if !available(&["node"], true) {
        return;
    }
    let mut world = World::new();
    world.start(&format!("exec {} 8892 {} 3331", npm::node("coinhive-bridge.js"), POOL[0]), &[8892]);
    let (bridge, pool) = (at(INSIDE[0], 8892), at(POOL[0], 3331));
    world.run_client(&format!("{} ws://{bridge}/ {WALLET}", npm::node("coinhive-browser.js")));
    world.stop();
    let replay = world.replay();
    let leg = |dialect, from, to, wrapped| Leg { wrapped, told: two_shares(dialect, WALLET), ..plain("", from, to) };
    let legs = [
        leg("coinhive", MINER[0], bridge, json!([{"kind": "websocket"}])),
        leg("cryptonote", OUTSIDE[0], pool, json!([])),
    ];
    assert_told(&replay, &legs, &[bridge, pool]);
}

#[test]
fn websocket_messages_are_read_masked_fragmented_compressed_and_inside_of_connect() {
    if !available(&["node", "squid"], true) {
        return;
    }
    let mut world = World::new();
    squid(&mut world, &format!("acl any_port port 1-65535\nhttp_access allow any_port\nhttp_port {}:3129", INSIDE[0]));
    let bridge = |address: &str, port: u16| {
        format!("exec {} {address} {port} {} 3331", npm::node("websocket-bridge.js"), POOL[0])
    };
    world.start(&bridge(OUTSIDE[0], 8080), &[8080]);
    world.start(&bridge(INSIDE[0], 8081), &[8081]);
    let pipe = npm::node("websocket-pipe.js");
    let (near, far) = (at(INSIDE[0], 8081), at(OUTSIDE[0], 8080));
    for deflate in ["plain", "deflate"] {
        world.mine(&format!("cryptonote run {pipe} ws://{near}/ {deflate}"));
    }
    world.mine(&format!("bitcoin-v1 run {pipe} ws://{far}/ deflate {} 3128", INSIDE[0]));
    let replay = world.replay();
    let socket = json!({"kind": "websocket"});
    let leg = |dialect: &str, from: &str, to: SocketAddr, wrapped: Value| Leg { wrapped, ..plain(dialect, from, to) };
    let legs = [
        leg("cryptonote", MINER[0], near, json!([socket])),
        leg("cryptonote", MINER[0], near, json!([socket])),
        leg(
            "bitcoin-v1",
            MINER[0],
            at(INSIDE[0], 3128),
            json!([{"kind": "connect", "target": far.to_string()}, socket]),
        ),
        leg("bitcoin-v1", OUTSIDE[0], far, json!([socket])),
        plain("cryptonote", OUTSIDE[0], at(POOL[0], 3331)),
        plain("cryptonote", OUTSIDE[0], at(POOL[0], 3331)),
        plain("bitcoin-v1", OUTSIDE[0], at(POOL[0], 3331)),
    ];
    assert_told(&replay, &legs, &[near, far, at(POOL[0], 3331)]);
}

#[test]
fn stratum_client_is_found_directly_and_behind_stratum_proxy() {
    if !available(&["node"], true) {
        return;
    }
    let mut world = World::new();
    let proxy = format!("exec {} 3340 {} 3331 {USER}", npm::node("stratum-proxy.js"), POOL[0]);
    world.start(&proxy, &[3340]);
    let client = npm::node("stratum-client.js");
    world.run_client(&format!("{client} {} 3332 {USER}", POOL[1]));
    world.run_client(&format!("{client} {} 3340 {USER}", INSIDE[0]));
    world.stop();
    let replay = world.replay();
    let leg = |from: &str, to: SocketAddr, submitted: u32, accepted: u32| {
        let shares = json!({"submitted": submitted, "accepted": accepted, "rejected": 0});
        let told = json!({"dialect": "bitcoin-v1", "login": USER, "verdict": "confirmed", "shares": shares});
        Leg { told, ..plain("bitcoin-v1", from, to) }
    };
    let (direct, proxied, pool) = (at(POOL[1], 3332), at(INSIDE[0], 3340), at(POOL[0], 3331));
    // This proxy authorizes by itself, and sends shares back to where they came from instead of to the pool.
    let legs = [leg(MINER[1], direct, 2, 2), leg(MINER[0], proxied, 1, 0), leg(OUTSIDE[0], pool, 0, 0)];
    assert_told(&replay, &legs, &[direct, proxied, pool]);
}

/// Tells which peers the other tests meet here.
#[test]
fn the_packages_of_npm_are_the_ones_that_are_asked_for() {
    let tools = [
        ("squid", "squid -v"),
        ("dante", "danted -v"),
        ("nginx", "nginx -v"),
        ("haproxy", "haproxy -v"),
        ("stunnel", "stunnel4 -version 2>&1 | grep ^stunnel"),
        ("tcpdump", "tcpdump --version"),
        ("curl", "curl -V"),
        ("openssl", "openssl version"),
        ("node", "node -v"),
    ];
    let mut told: Vec<String> = tools.iter().map(|(name, line)| format!("{name}: {}", world::version(line))).collect();
    if available(&["node"], true) {
        for (package, wanted) in npm::wanted() {
            assert_eq!(npm::version(&package), wanted, "{package}");
            told.push(format!("npm {package}: {wanted}"));
        }
    }
    let _ = std::io::stderr().write_all(format!("peers:\n  {}\n", told.join("\n  ")).as_bytes());
}
