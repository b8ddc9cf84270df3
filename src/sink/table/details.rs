//! The evidence under a host, and alerts.
//!
//! In: hosts and alerts. Out: a line for each fact, with its frame.

use std::io::{self, Write};

use super::{Style, host_name, seconds, table};
use crate::dialect::Category;
use crate::evidence::Verdict;
use crate::ledger::{Alert, FlowFinding, HostFinding};
use crate::sink::{Report, words};
use crate::text::printable;

/// The strongest flow of a host and its evidence.
pub(super) fn why(out: &mut impl Write, h: &HostFinding, r: &Report, style: Style) -> io::Result<()> {
    let Some(f) = h.strongest() else { return Ok(()) };
    let own = h.identity.as_ref().map(|i| i.mac);
    let mac = match (h.mac, own) {
        // A router's, where the host is behind one.
        (Some(m), Some(own)) if m != own => format!(" ({own}, seen behind {m})"),
        (Some(m), _) | (None, Some(m)) => format!(" ({m})"),
        (None, None) => String::new(),
    };
    let verdict = style.paint(h.verdict, h.verdict.name());
    let at = if f.is_inventory() {
        format!("as a rig that {} asked", f.pool.ip())
    } else {
        format!("at {}", words::pool(f))
    };
    writeln!(out, "{}{mac} is {verdict} {at}:", style.bold(&host_name(h)))?;
    own_name(out, h, style)?;
    details(out, f, r, style)
}

/// What the host calls itself: its own word.
fn own_name(out: &mut impl Write, h: &HostFinding, style: Style) -> io::Result<()> {
    let Some(own) = &h.own_name else { return Ok(()) };
    let by = if own.by == "mdns" { "mDNS" } else { "LLMNR" };
    let text = format!("  {:<18} says its name is {} ({by})", "hostname", printable(&*own.name, 128));
    writeln!(out, "{}", style.fit(&text))
}

/// A host's flows with their evidence; where they are many, what they come to first.
pub fn explain(out: &mut impl Write, h: &HostFinding, r: &Report, style: Style) -> io::Result<()> {
    let by_level: Vec<_> = [Verdict::Confirmed, Verdict::Probable, Verdict::Suspected, Verdict::Noted]
        .into_iter()
        .map(|v| (v, h.flows.iter().filter(|f| f.verdict == v).count()))
        .filter(|(_, n)| *n > 0)
        .map(|(v, n)| format!("{n} {v}"))
        .collect();
    let levels = if by_level.len() > 1 { format!(": {}", by_level.join(", ")) } else { String::new() };
    writeln!(
        out,
        "{} is {} ({}{levels})",
        style.bold(&host_name(h)),
        style.paint(h.verdict, h.verdict.name()),
        words::count(h.flows.len(), "flow", "flows")
    )?;
    own_name(out, h, style)?;
    if h.flows.len() > 1 {
        writeln!(out)?;
        table(out, std::iter::once(h), style)?;
    }
    for f in &h.flows {
        let stage = match f.stage.name() {
            _ if f.is_harmless() => "listened to".to_owned(),
            stage => format!("stage {stage}"),
        };
        let way = if f.is_inventory() { "asked by" } else { "->" };
        writeln!(
            out,
            "\n{} {way} {}  {}  {}, {stage}, frames {} to {}",
            f.miner,
            words::named_route(&f.wraps, f.pool, f.names.first().map(|n| &**n)),
            style.paint(f.verdict, f.verdict.name()),
            f.dialect,
            f.first.frame.number,
            f.last.frame.number
        )?;
        details(out, f, r, style)?;
    }
    Ok(())
}

fn details(out: &mut impl Write, f: &FlowFinding, r: &Report, style: Style) -> io::Result<()> {
    let mut row = |name: &str, text: &str| writeln!(out, "{}", style.fit(&format!("  {name:<18} {text}")));
    if let Some(wrapped) = words::wrapped(&f.wraps) {
        row("wrapped", &wrapped)?;
    }
    if let Some(pool) = &f.reported_pool {
        row("reported pool", &pool.to_string())?;
    }
    if f.names.len() > 1 {
        row("names", &f.names.join(", "))?;
    }
    if let Some(place) = words::place(&f.place) {
        row("place", &place)?;
    }
    if let Some(front) = &f.shared_front {
        row("shared address", &format!("{front}: never blocked, only the name may be"))?;
    } else if let Some(crowd) = &f.crowd {
        row(
            "shared address",
            &format!("{crowd} were looked up for it, too: on ports of the web only the name is blocked"),
        )?;
    }
    if let Some(tls) = &f.tls {
        row("tls", &words::tls(tls))?;
    }
    for (name, value) in [("login", &f.login), ("wallet", &f.wallet), ("worker", &f.worker), ("agent", &f.agent)] {
        if let Some(v) = value {
            row(name, &printable(v, 256))?;
        }
    }
    if let Some(written) = f.style {
        match f.program.filter(|p| *p != written) {
            Some(program) if f.style_fits => row("style", &format!("{written} ({program} writes so, too)"))?,
            _ => row("style", written)?,
        }
    }
    if !f.hints.is_empty() {
        let hints: Vec<_> = f.hints.iter().map(|h| format!("{h} ({})", words::hint(h))).collect();
        row("hints", &hints.join(", "))?;
    }
    if !f.coins.is_empty() {
        let coins: Vec<_> =
            f.coins.iter().map(|c| format!("{} ({:.0} %)", printable(&*c.coin, 16), c.likelihood * 100.0)).collect();
        row("coins that fit", &coins.join(", "))?;
    }
    for e in &f.evidence {
        let file = r.source_of(e.at.frame).map_or(String::new(), |s| format!(" of {}", printable(s, 64)));
        let when = seconds(&e.at.time.to_string());
        row(e.code.name(), &format!("frame {}{file}, {when}: {}", e.at.frame.number, e.text))?;
    }
    if let Some(missing) = f.missing {
        row("missing", missing)?;
    }
    Ok(())
}

/// An alert as it comes, for pipes and live capture.
pub fn alert(out: &mut impl Write, a: &Alert, style: Style) -> io::Result<()> {
    let name = a.identity.as_ref().and_then(|i| i.hostname.as_deref()).map_or(String::new(), |n| format!(" ({n})"));
    let whom = a.source().map_or(String::new(), |s| format!(" for {}", s.ip()));
    let what = if a.category == Category::Inventory {
        format!("is a rig that {} asked", a.pool.ip())
    } else {
        // A suspicion is no accusation.
        let verb = if a.verdict <= Verdict::Suspected { "may mine" } else { "mines" };
        format!("{verb} at {}", words::named_route(&a.wraps, a.pool, a.name.as_deref()))
    };
    writeln!(
        out,
        "{}  {}{name}{whom} {what} ({}): {}, frame {}",
        seconds(&a.at.time.to_string()),
        a.miner.ip(),
        style.paint(a.verdict, a.verdict.name()),
        printable(&a.reason, usize::MAX),
        a.at.frame.number
    )
}
