//! Proxies, load balancers, TLS terminators, bridges and clients that others wrote, between a stub miner and a stub
//! pool, in network namespaces: captured, replayed with the program, and compared with what the miner said.
//!
//! Needs root, the Debian packages named in `available`, and npm for some; without them the tests say so and are
//! skipped. Nothing mines. `MINEWATCH_KEEP=FOLDER` keeps the captures.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[path = "peers/encrypted.rs"]
mod encrypted;
#[path = "peers/expect.rs"]
mod expect;
#[path = "peers/fronts.rs"]
mod fronts;
#[path = "peers/names.rs"]
mod names;
#[allow(dead_code)] // firewalls are for other tests
mod netns;
#[path = "peers/npm.rs"]
mod npm;
#[path = "peers/programs.rs"]
mod programs;
#[path = "peers/proxies.rs"]
mod proxies;
#[path = "peers/reload.rs"]
mod reload;
#[path = "peers/servers.rs"]
mod servers;
#[path = "peers/stub.rs"]
mod stub;
mod support;
#[path = "peers/sv2.rs"]
mod sv2;
#[path = "peers/world.rs"]
mod world;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Not a test of its own: the other tests start copies of this program that play a pool or a miner.
#[test]
#[ignore = "a role in the other tests"]
fn role() {
    netns::play(stub::play);
}

/// Whether namespaces, `tools` and, if wanted, the packages of npm are here. If not, says so past the capture of the
/// test runner. What they are packaged as: squid, dante-server, nginx with libnginx-mod-stream, haproxy, stunnel4,
/// tcpdump, curl, openssl, dnsmasq-base, unbound, ngtcp2-client, ngtcp2-server, nodejs, npm.
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
        ("dnsmasq", "dnsmasq --version"),
        ("unbound", "unbound -V"),
        ("ngtcp2", "dpkg-query -W ngtcp2-client"),
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
