//! What looks like mining and is not: node and wallet RPC, other JSON protocols, other text protocols, and mining words
//! in places where they mean nothing.
//!
//! In: a seed. Out: [`Dialogue`]s with an empty truth.

pub mod http;
pub mod lines;
pub mod other;
pub mod queue;
pub mod shapes;
pub mod wrapped;

use super::dialogue::Dialogue;
use super::rng::Rng;

/// Every benign dialogue, as (name, usual server port, dialogue).
pub fn all(seed: u64) -> Vec<(&'static str, u16, Dialogue)> {
    let mut root = Rng::new(seed ^ 0x00be_1197);
    let mut list = Vec::new();
    let mut add = |name, port, make: &dyn Fn(&mut Rng) -> Dialogue| list.push((name, port, make(&mut root.fork())));
    add("bitcoind-rpc", 8332, &http::bitcoind);
    add("geth-rpc", 8545, &http::geth);
    add("monero-wallet-rpc", 18082, &http::monero_wallet);
    add("monero-daemon-rpc", 18081, &http::monero_daemon);
    add("kodi", 9090, &lines::kodi);
    add("aria2", 6800, &http::aria2);
    add("camera-login", 80, &http::camera);
    add("docs-page", 80, &http::docs_page);
    add("websocket-meteor", 80, &http::meteor);
    add("rpc-over-tcp", 8545, &lines::rpc_over_tcp);
    add("electrum", 50001, &lines::electrum);
    add("verto-login", 8081, &lines::verto);
    add("language-server", 2087, &lines::language_server);
    add("log-shipping", 5170, &lines::log_shipping);
    add("container-log", 24224, &lines::container_log);
    add("chat-paste", 3333, &lines::chat_paste);
    add("context-server", 4444, &lines::context_server);
    add("redis", 6379, &other::redis);
    add("irc", 6667, &other::irc);
    add("mqtt", 1883, &other::mqtt);
    add("xmpp", 5222, &other::xmpp);
    add("smtp", 25, &other::smtp);
    add("postgres-rows", 5432, &other::postgres);
    add("bitcoin-peer", 8333, &other::bitcoin_peer);
    add("monero-peer", 18080, &shapes::levin);
    add("debug-adapter", 4711, &shapes::debug_adapter);
    add("verto-websocket", 8081, &shapes::verto);
    add("pool-website", 443, &shapes::pool_site);
    add("directory", 389, &shapes::directory);
    add("replication", 5432, &shapes::replication);
    add("tor", 9001, &shapes::tor);
    add("push", 5228, &shapes::push);
    add("dns-over-tls", 853, &shapes::resolver);
    add("rpc-of-fixed-sizes", 3336, &shapes::fixed_sizes);
    list
}
