//! Pools and relays inside the network: hosts of ours that hand out work.
//!
//! In: hosts with their findings, and what the policy says is ours. Out: a [`Relay`] for each end that miners got an answer
//! from. A scan of our servers, or a miner that nobody answers, makes none.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::address::is_inside;
use crate::evidence::Verdict;
use crate::firewall::Policy;
use crate::ledger::{FlowFinding, HostFinding};
use crate::sink::Relay;

/// Those of all hosts.
pub(super) fn relays(hosts: &[HostFinding], policy: &Policy) -> Vec<Relay> {
    let ours = |ip: IpAddr| is_inside(ip) || policy.is_home(ip).is_some();
    let mut found = BTreeMap::new();
    for h in hosts {
        // Who asks a rig is none.
        let served = |f: &&FlowFinding| f.verdict > Verdict::Noted && f.peer_replied && !f.is_inventory();
        for f in h.flows.iter().filter(served).filter(|f| ours(f.pool.ip())) {
            let (miners, proxy) = found.entry((h.key.tenant, f.pool)).or_insert_with(|| (BTreeSet::new(), false));
            miners.insert(h.key.ip);
            *proxy |= f.proxy_target().is_some();
        }
    }
    let mining: BTreeSet<_> =
        hosts.iter().filter(|h| h.verdict > Verdict::Noted).map(|h| (h.key.tenant, h.key.ip)).collect();
    found
        .into_iter()
        .map(|((tenant, pool), (miners, proxy))| Relay {
            pool,
            tenant,
            outside: miners.iter().filter(|ip| !ours(**ip)).count(),
            miners: miners.len(),
            mines: mining.contains(&(tenant, pool.ip())),
            proxy,
        })
        .collect()
}
