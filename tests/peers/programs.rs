//! Clients, proxies and bridges from npm.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::available;
use crate::expect::{Leg, assert_told, plain};
use crate::npm;
use crate::servers::squid;
use crate::stub::{USER, WALLET};
use crate::world::{INSIDE, MINER, OUTSIDE, POOL, World, at};

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
