//! Block lists at the end of a run.
//!
//! In: the report, and what is to be blocked. Out: the report with the decision, the lists in their places, warnings.

use std::collections::BTreeSet;

use super::Failure;
use super::candidates::decision;
use super::leave;
use super::options::BlockPlan;

use crate::address::is_private;
use crate::evidence::Verdict;
use crate::firewall::{Decision, Meta, Policy, Region, Target, left_out, write_all};
use crate::sink::Report;
use crate::text::counted;
use crate::time::PacketTime;

/// Hosts behind NAT that are told at the most.
const MAX_TOLD: usize = 8;
/// A capture may claim any time; later than this, life times would not fit behind it.
const LATEST: PacketTime = PacketTime::from_parts(7_258_118_400, 0);

/// What is in force, whenever it was found.
pub(super) struct Held {
    /// Its list, and what the last gate keeps out of it.
    pub(super) decision: Decision,
    /// When that was so.
    pub(super) at: PacketTime,
}

/// Marks allowed hosts, and, when lists were asked for, decides and writes them: `held`, if something keeps more than one
/// run has seen. Warnings as sentences.
pub(super) fn block(
    report: &mut Report,
    plan: &BlockPlan,
    until: PacketTime,
    held: Option<Held>,
) -> Result<Vec<String>, Failure> {
    let mut warnings = plan.warnings.clone();
    warnings.extend(leave::mark(report, &plan.policy, &plan.never));
    warnings.extend(behind_nat(report, &plan.policy));
    warnings.extend(no_place(report, &plan.policy));
    if plan.lists.is_empty() {
        return Ok(warnings);
    }
    let until = until.min(LATEST);
    let flows = report.hosts.iter().flat_map(|h| h.flows.iter());
    let seen = decision(flows, &plan.policy, &plan.never, until);
    let (decision, until) = match held {
        Some(Held { decision, at }) => {
            warnings.extend(not_held(&decision, &seen));
            (with_refusals_of(decision, seen), at.min(LATEST))
        }
        None => (seen, until),
    };
    let written = if plan.limits.dry_run {
        Ok(vec!["dry run: no block list was written".to_owned()])
    } else {
        write(&decision, plan, until)
    };
    report.blocks = Some(decision);
    warnings.extend(written?);
    Ok(warnings)
}

/// What is in force, with what was refused in this run.
fn with_refusals_of(mut held: Decision, seen: Decision) -> Decision {
    let listed: BTreeSet<Target> = held.list.entries().iter().map(|e| e.target).collect();
    let names: BTreeSet<String> = held.list.names().iter().map(|n| n.name.to_string()).collect();
    let is_listed = |t: Target| {
        let whole = Target { service: None, from: None, ..t };
        [t, t.for_everybody(), whole].iter().any(|t| listed.contains(t))
    };
    let known: BTreeSet<_> = held.refusals.iter().map(|r| (r.target, r.reason.code())).collect();
    let known_names: BTreeSet<_> = held.name_refusals.iter().map(|r| (r.name.clone(), r.reason.code())).collect();
    held.refusals.extend(seen.refusals.into_iter().filter(|r| {
        let is_outdone = r.reason.is_about_one_conversation() && is_listed(r.target);
        !is_outdone && !known.contains(&(r.target, r.reason.code()))
    }));
    held.refusals.sort_by(|a, b| (a.target, &a.reason).cmp(&(b.target, &b.reason)));
    held.name_refusals.extend(seen.name_refusals.into_iter().filter(|r| {
        let is_outdone = r.reason.is_about_one_conversation() && names.contains(&r.name);
        !is_outdone && !known_names.contains(&(r.name.clone(), r.reason.code()))
    }));
    held.name_refusals.sort_by(|a, b| (&a.name, &a.reason).cmp(&(&b.name, &b.reason)));
    held
}

/// What this run would block and nothing blocks.
fn not_held(held: &Decision, seen: &Decision) -> Option<String> {
    let there: BTreeSet<_> = held.list.entries().iter().map(|e| e.target).collect();
    let refused: BTreeSet<_> = held.refusals.iter().map(|r| r.target).collect();
    let missing = |t: &Target| !there.contains(t) && !refused.contains(t);
    let missing = seen.list.entries().iter().filter(|e| missing(&e.target)).count();
    let what = counted(missing, "endpoint is", "endpoints are");
    (missing > 0).then(|| {
        format!("{what} not in the block list: over, released, or waiting for the end of quiet hours or of the minute")
    })
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
    let outside: BTreeSet<_> = mining.filter(|ip| !is_private(*ip) && policy.is_home(*ip).is_some()).collect();
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
            (endpoints, 0) => counted(endpoints, "endpoint", "endpoints"),
            (0, names) => counted(names, "name", "names"),
            (endpoints, names) => {
                format!("{} and {}", counted(endpoints, "endpoint", "endpoints"), counted(names, "name", "names"))
            }
        };
        warnings.push(format!(
            "{what} did not fit the block list (--max-entries): either the network is overrun, or someone fills the list"
        ));
    }
    let formats: Vec<_> = plan.lists.iter().map(|l| l.format).collect();
    warnings.extend(left_out(&formats, decision).iter().map(ToString::to_string));
    for list in &plan.lists {
        let rendered = list.format.render(&decision.list, &Meta::of(decision, until), &plan.render);
        warnings.extend(rendered.warnings.iter().map(ToString::to_string));
        write_all(&list.to, &rendered.files)?;
    }
    Ok(warnings)
}
