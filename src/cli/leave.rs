//! What the operator lets go on: whose mining is reported as allowed, and not blocked.
//!
//! In: findings and alerts as they are, the policy. Out: whether they are allowed, and sentences about claims of leave
//! that are not believed.

use super::candidates::name_use;
use crate::firewall::{NeverBlock, Policy, Talk};
use crate::ledger::{Alert, FlowFinding};
use crate::sink::Report;

/// Claims that are not believed, told at the most.
const MAX_DOUBTED: usize = 8;

/// Whether an alert tells of what is allowed.
pub(super) fn may_go_on(alert: &Alert, policy: &Policy, never: &NeverBlock) -> bool {
    let names: Vec<_> = alert.claims.iter().map(name_use).collect();
    let talk = Talk {
        miner: alert.miner.ip(),
        miner_mac: alert.miner_mac,
        source: alert.source().map(|s| s.ip()),
        wallet: alert.wallet(),
        login: alert.login.as_deref(),
        pool: alert.pool.ip(),
        proxied: alert.is_proxied(),
        names: &names,
    };
    policy.allows_talk(&talk, never)
}

/// Whether a flow is allowed.
pub(super) fn may_mine(f: &FlowFinding, policy: &Policy, never: &NeverBlock) -> bool {
    let names: Vec<_> = f.claims.iter().map(name_use).collect();
    let talk = Talk {
        miner: f.miner.ip(),
        miner_mac: f.miner_mac,
        source: f.source().map(|s| s.ip()),
        wallet: f.wallet.as_deref(),
        login: f.login.as_deref(),
        pool: f.pool.ip(),
        proxied: f.proxy_target().is_some(),
        names: &names,
    };
    policy.allows_talk(&talk, never)
}

/// Marks what the operator allows. A warning for each header, and each name, that would allow a miner and is not believed.
pub(super) fn mark(report: &mut Report, policy: &Policy, never: &NeverBlock) -> Vec<String> {
    let mut doubted = std::collections::BTreeSet::new();
    for h in &mut report.hosts {
        for f in &mut h.flows {
            f.allowed = may_mine(f, policy, never);
            if f.allowed {
                continue;
            }
            if let Some(source) = f.source().map(|s| s.ip()).filter(|s| policy.allows_host(*s, None)) {
                let sender = f.miner.ip();
                doubted.insert(format!(
                    "{sender} says by its PROXY header that it speaks for {source}, which may mine; anybody can write \
                     such a header: if {sender} is your load balancer, add --trust-proxy {sender}"
                ));
            }
            if let Some(name) = f.names.iter().find(|n| policy.names_pool(n)) {
                doubted.insert(format!(
                    "{} names {name}, which is allowed, but no believed resolver led it to {} by that name, and any \
                     client can send one: if that is the pool, allow its address as well, or name your resolver with \
                     --trust-resolver",
                    f.miner.ip(),
                    f.pool.ip()
                ));
            }
        }
        h.settle();
    }
    doubted.into_iter().take(MAX_DOUBTED).collect()
}
