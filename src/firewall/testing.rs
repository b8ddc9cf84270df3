//! What the tests of this room share.

use std::net::IpAddr;

use crate::decode::Tenant;
use crate::evidence::Verdict;
use crate::firewall::candidate::{BlockCandidate, Proto};
use crate::firewall::guard::NeverBlock;
use crate::firewall::policy::Policy;
use crate::intel::Intel;
use crate::time::PacketTime;

/// 2026-11-25T20:00:00Z plus `secs`.
pub(super) fn at(secs: i64) -> PacketTime {
    PacketTime::from_parts(1_795_636_800 + secs, 0)
}

/// A conversation that passes every gate, last seen at `at(0)`.
pub(super) fn candidate(addr: &str, port: u16) -> BlockCandidate<'static> {
    BlockCandidate {
        addr: addr.parse().unwrap(),
        proto: Proto::Tcp,
        port,
        tenant: Tenant::None,
        miner: IpAddr::from([10, 0, 0, 5]),
        miner_mac: None,
        source: None,
        allowed: false,
        verdict: Verdict::Confirmed,
        handshake_verified: true,
        client_data_acked: true,
        peer_replied: true,
        one_way: false,
        tunnelled: false,
        proxied: false,
        shared_front: None,
        crowd: None,
        country: None,
        asn: None,
        names: &[],
        last_seen: at(0),
    }
}

/// The default policy with documentation addresses let through.
pub(super) fn test_policy() -> Policy {
    Policy { allow_documentation: true, ..Policy::default() }
}

/// A gate that spares a front's range.
pub(super) fn with_front(range: &str) -> NeverBlock {
    let feed = format!(
        "version = 1\n[[shared]]\nname = \"Example CDN\"\nkind = \"cdn\"\nsource = \"test\"\nprefixes = [\"{range}\"]\n"
    );
    let (intel, problems) = Intel::from_text("test", &feed).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    NeverBlock::new().with_fronts(intel.fronts())
}
