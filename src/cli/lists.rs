//! Block lists at the end of a run.
//!
//! In: the report, and what is to be blocked. Out: the report with the decision, the lists in their places, warnings.

use super::Failure;
use super::candidates::decision;
use super::leave;
use super::options::BlockPlan;

use crate::address::is_private;
use crate::evidence::Verdict;
use crate::firewall::{Decision, Meta, Policy, Region, left_out, write_all};
use crate::sink::Report;
use crate::time::PacketTime;

/// Hosts behind NAT that are told at the most.
const MAX_TOLD: usize = 8;
/// A capture may claim any time; later than this, life times would not fit behind it.
const LATEST: PacketTime = PacketTime::from_parts(7_258_118_400, 0);

/// Marks allowed hosts, and, when lists were asked for, decides and writes them. Warnings as sentences.
pub(super) fn block(report: &mut Report, plan: &BlockPlan, until: PacketTime) -> Result<Vec<String>, Failure> {
    let mut warnings = plan.warnings.clone();
    warnings.extend(leave::mark(report, &plan.policy, &plan.never));
    warnings.extend(behind_nat(report, &plan.policy));
    warnings.extend(no_place(report, &plan.policy));
    if plan.lists.is_empty() {
        return Ok(warnings);
    }
    let until = until.min(LATEST);
    let flows = report.hosts.iter().flat_map(|h| h.flows.iter());
    let decision = decision(flows, &plan.policy, &plan.never, until);
    let written = if plan.limits.dry_run {
        Ok(vec!["dry run: no block list was written".to_owned()])
    } else {
        write(&decision, plan, until)
    };
    report.blocks = Some(decision);
    warnings.extend(written?);
    Ok(warnings)
}

/// A database that tells only countries spares no network, and the other way round: that must not go unnoticed.
fn no_place(report: &Report, policy: &Policy) -> Option<String> {
    let places: Vec<_> = report.hosts.iter().flat_map(|h| h.flows.iter().map(|f| &f.place)).collect();
    let untold = policy.never_block_in.iter().find(|r| match r {
        Region::Country(_) => places.iter().all(|p| p.country.is_none()),
        Region::Network(_) => places.iter().all(|p| p.asn.is_none()),
    })?;
    (!places.is_empty()).then(|| {
        format!("--never-block-in {untold} spared nothing: no database of --geo says of any pool here where it is")
    })
}

/// Miners at public addresses of the operator's own: the machine may be any behind them.
fn behind_nat(report: &Report, policy: &Policy) -> Vec<String> {
    let mining = report.hosts.iter().filter(|h| h.verdict > Verdict::Noted && !h.allowed).map(|h| h.key.ip);
    let outside: std::collections::BTreeSet<_> =
        mining.filter(|ip| !is_private(*ip) && policy.is_home(*ip).is_some()).collect();
    let told = outside.iter().take(MAX_TOLD).map(|ip| {
        format!(
            "{ip} is a public address of yours: behind NAT the capture cannot tell which machine mines; capture on the \
             inside, too"
        )
    });
    told.collect()
}

/// The same where a gateway watches its outside: its own address stands for all behind it.
#[cfg(feature = "live")]
pub(super) fn behind_us(report: &Report, plan: &BlockPlan) -> Vec<String> {
    let mining = report.hosts.iter().filter(|h| h.verdict > Verdict::Noted && !h.allowed).map(|h| h.key.ip);
    let ours = mining.filter(|ip| !is_private(*ip) && plan.never.is_own(*ip) && plan.policy.is_home(*ip).is_none());
    ours.map(|ip| {
        format!(
            "{ip} is an address of this machine: with NAT any machine behind it may be the miner; watch the inside \
             interface, too"
        )
    })
    .collect()
}

fn write(decision: &Decision, plan: &BlockPlan, until: PacketTime) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    if decision.capped() > 0 {
        let names = decision.capped_names();
        let what = match (decision.capped() - names, names) {
            (endpoints, 0) => format!("{endpoints} endpoints"),
            (0, names) => format!("{names} names"),
            (endpoints, names) => format!("{endpoints} endpoints and {names} names"),
        };
        warnings.push(format!(
            "{what} did not fit the block list (--max-entries): either the network is overrun, or someone fills the list"
        ));
    }
    let formats: Vec<_> = plan.lists.iter().map(|l| l.format).collect();
    warnings.extend(left_out(&formats, &decision.list).iter().map(ToString::to_string));
    for list in &plan.lists {
        let rendered = list.format.render(&decision.list, &Meta::of(decision, until), &plan.render);
        warnings.extend(rendered.warnings.iter().map(ToString::to_string));
        write_all(&list.to, &rendered.files)?;
    }
    Ok(warnings)
}
