//! The end of the report: what was blocked and why not, and what was read.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::Style;
use crate::firewall::{Decision, NameRefusal, Refusal, Target};
use crate::health::Counter;
use crate::ledger::what_was_heard;
use crate::sink::{Report, warnings, words};

/// Refused or blocked endpoints shown.
const MAX_BLOCKS: usize = 50;
/// Hosts shown of an entry.
const MAX_WHO: usize = 4;
/// Kinds of skipped frames shown.
const MAX_SKIPPED: usize = 8;

/// The block list, and what did not get into it.
pub(super) fn blocks(out: &mut impl Write, d: &Decision, style: Style) -> io::Result<()> {
    let n = d.list.entries().len();
    writeln!(out, "\n{}", style.bold(&format!("Block list: {}", words::count(n, "entry", "entries"))))?;
    for e in d.list.entries().iter().take(MAX_BLOCKS) {
        let mut who: Vec<_> = e.miners.iter().map(|w| w.miner.to_string()).collect();
        who.dedup();
        let line = format!("  {}  {} s, used by {}", e.target, e.ttl_secs, words::some(&who, MAX_WHO));
        writeln!(out, "{}", style.fit(&line))?;
    }
    if n > MAX_BLOCKS {
        writeln!(out, "  … and {} more (--json and the list have all)", n - MAX_BLOCKS)?;
    }
    names(out, d, style)?;
    // An endpoint is named once, whatever speaks against it.
    let mut refused: BTreeMap<Target, Vec<&Refusal>> = BTreeMap::new();
    for r in &d.refusals {
        refused.entry(r.target).or_default().push(r);
    }
    if !refused.is_empty() {
        writeln!(out, "{}", style.bold(&format!("Not blocked: {}", refused.len())))?;
    }
    for (target, reasons) in refused.iter().take(MAX_BLOCKS) {
        let reasons: Vec<_> = reasons.iter().map(|r| format!("{}: {}", r.reason.code(), r.text())).collect();
        writeln!(out, "{}", style.fit(&format!("  {target}  {}", reasons.join("; "))))?;
    }
    if refused.len() > MAX_BLOCKS {
        writeln!(out, "  … and {} more (--json lists all)", refused.len() - MAX_BLOCKS)?;
    }
    refused_names(out, d, style)
}

/// Names that lists for resolvers hold.
fn names(out: &mut impl Write, d: &Decision, style: Style) -> io::Result<()> {
    let names = d.list.names();
    if names.is_empty() {
        return Ok(());
    }
    let title = format!("Names for lists that take them: {}", names.len());
    writeln!(out, "{}", style.bold(&title))?;
    for n in names.iter().take(MAX_BLOCKS) {
        let mut who: Vec<_> = n.miners.iter().map(|w| w.miner.to_string()).collect();
        who.dedup();
        let line = format!("  {}  {} s, used by {}", n.name, n.ttl_secs, words::some(&who, MAX_WHO));
        writeln!(out, "{}", style.fit(&line))?;
    }
    if names.len() > MAX_BLOCKS {
        writeln!(out, "  … and {} more (--json and the list have all)", names.len() - MAX_BLOCKS)?;
    }
    Ok(())
}

/// Names that no list holds. A name is shown once, whatever speaks against it.
fn refused_names(out: &mut impl Write, d: &Decision, style: Style) -> io::Result<()> {
    let mut refused: BTreeMap<&str, Vec<&NameRefusal>> = BTreeMap::new();
    for r in &d.name_refusals {
        refused.entry(&r.name).or_default().push(r);
    }
    if refused.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", style.bold(&format!("Names not blocked: {}", refused.len())))?;
    for (name, reasons) in refused.iter().take(MAX_BLOCKS) {
        let reasons: Vec<_> = reasons.iter().map(|r| format!("{}: {}", r.reason.code(), r.reason)).collect();
        writeln!(out, "{}", style.fit(&format!("  {name}  {}", reasons.join("; "))))?;
    }
    if refused.len() > MAX_BLOCKS {
        writeln!(out, "  … and {} more (--json lists all)", refused.len() - MAX_BLOCKS)?;
    }
    Ok(())
}

/// What became of connections that cannot be read.
fn listened(out: &mut impl Write, r: &Report, style: Style) -> io::Result<()> {
    let all = r.health.get(Counter::Rhythms);
    if all == 0 {
        return Ok(());
    }
    let flows = r.hosts.iter().flat_map(|h| &h.flows);
    let told = flows.filter(|f| !f.is_harmless() && what_was_heard(f).is_some()).count();
    let those = words::count(all, "connection that lasts", "connections that last");
    let told = match told {
        0 => "nothing that sounds like mining".to_owned(),
        n => format!("what sounds like mining in {n} of them, above"),
    };
    let line = format!("Listened to {those} and cannot be read, and heard {told} (explain HOST: what was heard).");
    writeln!(out, "{}", style.fit(&line))
}

/// What was read.
pub(super) fn health(out: &mut impl Write, r: &Report, style: Style) -> io::Result<()> {
    let h = &r.health;
    let types: Vec<_> = h.link_types.iter().map(|(k, v)| format!("{k} {v}")).collect();
    writeln!(
        out,
        "\n{}",
        style.fit(&format!(
            "Read {} ({}) from {}: {}.",
            words::count(h.get(Counter::Frames), "frame", "frames"),
            words::count(h.get(Counter::Bytes), "byte", "bytes"),
            words::count(r.sources.len(), "input", "inputs"),
            if types.is_empty() { "no frames".to_owned() } else { types.join(", ") },
        ))
    )?;
    writeln!(
        out,
        "{}",
        style.fit(&format!(
            "Flows {} ({} mid-stream, {} one-way), TCP packets {}, gaps {}, duplicates {}, evicted {}.",
            h.get(Counter::Flows),
            h.get(Counter::MidStreamFlows),
            h.get(Counter::OneWayFlows),
            h.get(Counter::TcpPackets),
            h.get(Counter::ReassemblyGaps),
            h.get(Counter::Duplicates),
            h.get(Counter::FlowsEvicted),
        ))
    )?;
    listened(out, r, style)?;
    if !h.skipped.is_empty() {
        let mut kinds: Vec<_> = h.skipped.iter().collect();
        kinds.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let skipped: Vec<_> = kinds.iter().map(|(k, v)| format!("{k} {v}")).collect();
        let what = words::some(&skipped, MAX_SKIPPED);
        let hint = if skipped.len() > MAX_SKIPPED { " kinds (--json lists all)" } else { "" };
        writeln!(out, "{}", style.fit(&format!("Skipped: {what}{hint}.")))?;
    }
    for w in warnings(r) {
        writeln!(out, "Warning: {w}.")?;
    }
    for n in &r.notes {
        writeln!(out, "Note: {n}")?;
    }
    Ok(())
}
