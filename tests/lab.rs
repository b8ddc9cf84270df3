//! The lab: a network of namespaces with a gateway on which `minewatch watch` runs as users run it, a pool and miners
//! that speak for real, and the kernel's own firewall.
//!
//! Needs root, `ip`, `tc` and `nft`; without them the tests say so and are skipped.

#![cfg(all(feature = "live", feature = "state"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[path = "lab/carriers.rs"]
mod carriers;
#[path = "lab/clock.rs"]
mod clock;
#[path = "lab/cut.rs"]
mod cut;
#[path = "lab/encrypted.rs"]
mod encrypted;
#[path = "lab/ends.rs"]
mod ends;
#[path = "lab/flood.rs"]
mod flood;
#[path = "lab/forged.rs"]
mod forged;
#[path = "lab/isolate.rs"]
mod isolate;
#[path = "../pcaps/generate/kit.rs"]
mod kit;
#[path = "lab/mirror.rs"]
mod mirror;
#[path = "lab/mishap.rs"]
mod mishap;
#[path = "lab/nat.rs"]
mod nat;
#[allow(dead_code)] // lists are for other tests
mod netns;
#[path = "lab/raw.rs"]
mod raw;
#[path = "lab/soak.rs"]
mod soak;
#[path = "lab/spared.rs"]
mod spared;
mod support;
#[path = "lab/watch.rs"]
mod watch;

use netns::play;

/// Not a test of its own: the other tests start copies of this program that play the pool and the miners.
#[test]
#[ignore = "a role in the other tests"]
fn role() {
    play(|role, rest| match role {
        "pool" => ends::pool(rest),
        "mine" => ends::mine(rest),
        "flood" => flood::flood(rest),
        "tagger" => raw::tagger(rest),
        "crowd" => soak::crowd(rest),
        other => panic!("no such role: {other}"),
    });
}
