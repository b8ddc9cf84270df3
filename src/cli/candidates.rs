//! Findings as the gate wants them.
//!
//! In: flows of the ledger, or claims of flows that go on. Out: the gate's decision.

use std::net::IpAddr;

use super::leave::may_mine;
use crate::firewall::{BlockCandidate, Decision, NameUse, NeverBlock, Policy, Proto, decide};
use crate::ledger::{FlowFinding, NameClaim};
use crate::time::PacketTime;

/// What is blocked of these flows. Who asks a rig is no pool: there is nothing to block.
pub(super) fn decision<'a>(
    flows: impl Iterator<Item = &'a FlowFinding>,
    policy: &Policy,
    never: &NeverBlock,
    until: PacketTime,
) -> Decision {
    let flows: Vec<_> = flows.filter(|f| !f.is_inventory()).collect();
    let names: Vec<Vec<NameUse<'_>>> = flows.iter().map(|f| f.claims.iter().map(name_use).collect()).collect();
    let candidates: Vec<_> =
        flows.iter().zip(&names).map(|(f, names)| candidate(f, names, may_mine(f, policy, never))).collect();
    decide(&candidates, policy, never, until)
}

/// A name as the gate wants it.
pub(super) fn name_use(c: &NameClaim) -> NameUse<'_> {
    NameUse { name: &c.name, told_by: c.told_by, sent: c.sent, host: c.host, takes_miners: c.takes_miners }
}

fn candidate<'a>(f: &'a FlowFinding, names: &'a [NameUse<'a>], allowed: bool) -> BlockCandidate<'a> {
    BlockCandidate {
        addr: f.pool.ip(),
        proto: if f.udp { Proto::Udp } else { Proto::Tcp },
        port: f.pool.port(),
        tenant: f.tenant,
        miner: f.miner.ip(),
        miner_mac: f.miner_mac,
        source: f.source().map(|s| s.ip()),
        allowed,
        verdict: f.verdict,
        handshake_verified: f.handshake_verified,
        client_data_acked: f.client_data_acked,
        peer_replied: f.peer_replied,
        one_way: f.one_way,
        proxied: f.proxy_target().is_some(),
        shared_front: f.shared_front.as_deref(),
        crowd: f.crowd.as_deref(),
        country: f.place.country,
        asn: f.place.asn,
        names,
        tunnelled: f.tunnelled,
        last_seen: f.last.time,
    }
}

/// The gate's last word, with what this network lives on.
pub(super) fn sparing(
    never: NeverBlock,
    routers: impl IntoIterator<Item = IpAddr>,
    resolvers: impl IntoIterator<Item = IpAddr>,
) -> NeverBlock {
    never.with_gateways(routers).with_resolvers(resolvers)
}
