//! The report for people: a table of miners, the evidence under each, the block list, and what was not seen.
//!
//! In: the [`Report`]. Out: text that fits the terminal, coloured only where asked. Without a terminal nothing is cut,
//! so that it can be searched.

use std::io::{self, Write};
use std::net::SocketAddr;

use unicode_width::UnicodeWidthStr;

use super::Report;
use crate::evidence::Verdict;
use crate::health::Counter;
use crate::ledger::{Alert, FlowFinding, HostFinding, Work};
use crate::text::printable;
use crate::wallet::difficulty;

/// How to print.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Columns of the terminal; `None` when there is none.
    pub width: Option<usize>,
    /// Whether to colour.
    pub colour: bool,
}

/// Pools of one host shown in the table; the JSON output has all.
const MAX_ROWS: usize = 20;
/// Refused or blocked endpoints shown.
const MAX_BLOCKS: usize = 50;

impl Style {
    fn paint(self, verdict: Verdict, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match verdict {
            Verdict::Confirmed => "1;31",
            Verdict::Probable => "31",
            Verdict::Suspected => "33",
            Verdict::Noted => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    fn bold(self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Cuts a line to the terminal.
    fn fit(self, text: &str) -> String {
        match self.width {
            Some(width) if text.width() > width => shorten(text, width),
            _ => text.to_owned(),
        }
    }
}

/// Cuts to a display width with an ellipsis.
fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.width() + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) + 1 > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// One line of the table: a host at a pool.
struct Row<'a> {
    flows: Vec<&'a FlowFinding>,
    best: &'a FlowFinding,
    pool: SocketAddr,
}

fn rows(h: &HostFinding) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut at = std::collections::HashMap::new();
    for f in &h.flows {
        let i = *at.entry((f.pool, f.wallet.as_deref())).or_insert_with(|| {
            rows.push(Row { flows: Vec::new(), best: f, pool: f.pool });
            rows.len() - 1
        });
        if let Some(row) = rows.get_mut(i) {
            row.flows.push(f);
            if (f.verdict, f.stage) > (row.best.verdict, row.best.stage) {
                row.best = f;
            }
        }
    }
    rows.sort_by(|a, b| {
        b.best.verdict.cmp(&a.best.verdict).then(b.best.stage.cmp(&a.best.stage)).then(a.pool.cmp(&b.pool))
    });
    rows
}

/// Columns in order; the ones a narrow terminal loses first have the higher number.
const COLUMNS: [(&str, u8); 9] = [
    ("HOST", 0),
    ("VERDICT", 0),
    ("POOL", 0),
    ("COIN", 1),
    ("DIALECT", 3),
    ("PROGRAM", 4),
    ("SHARES", 2),
    ("HASHRATE", 5),
    ("SINCE", 6),
];

fn cells(h: &HostFinding, row: &Row<'_>) -> [String; 9] {
    let f = row.best;
    let shares = row.flows.iter().fold((0, 0), |(a, r), f| (a + f.shares.accepted, r + f.shares.rejected));
    let since = row.flows.iter().map(|f| f.first.time).min().unwrap_or_default();
    let mut work = Work::default();
    for f in &row.flows {
        work.shares += f.work.shares;
        work.hashes += f.work.hashes;
        work.seconds += f.work.seconds;
    }
    [
        host_name(h),
        f.verdict.name().to_owned(),
        pool(f, row.pool),
        f.coin.map_or_else(|| "?".to_owned(), |(c, _)| c.ticker().to_owned()),
        f.dialect.to_owned(),
        f.program
            .map_or_else(|| f.agent.as_deref().map_or("?".to_owned(), |a| printable(a, 24).to_string()), str::to_owned),
        match shares {
            (a, 0) => a.to_string(),
            (a, r) => format!("{a}+{r} rej"),
        },
        work.hashrate().map_or_else(|| "?".to_owned(), |e| difficulty::Rate(e.estimate, unit(f.dialect)).to_string()),
        seconds(&since.to_string()),
    ]
}

fn pool(f: &FlowFinding, endpoint: SocketAddr) -> String {
    match f.proxy_target() {
        Some(target) => format!("{} via {endpoint}", target.map_or_else(|| "?".to_owned(), ToString::to_string)),
        None => endpoint.to_string(),
    }
}

fn flows(n: usize) -> String {
    format!("{n} {}", if n == 1 { "flow" } else { "flows" })
}

fn unit(dialect: &str) -> difficulty::Unit {
    if matches!(dialect, "equihash" | "beam") { difficulty::Unit::Solutions } else { difficulty::Unit::Hashes }
}

/// A timestamp to the second.
fn seconds(t: &str) -> String {
    t.split_once('.').map_or_else(|| t.to_owned(), |(s, _)| format!("{s}Z"))
}

fn host_name(h: &HostFinding) -> String {
    match h.key.tenant {
        crate::decode::Tenant::None => h.key.ip.to_string(),
        t => format!("{} ({t})", h.key.ip),
    }
}

/// The whole report.
pub fn report(out: &mut impl Write, r: &Report, style: Style) -> io::Result<()> {
    headline(out, r, style)?;
    let alarmed = || r.hosts.iter().filter(|h| !h.allowed && h.verdict > Verdict::Noted);
    if alarmed().next().is_some() {
        writeln!(out)?;
        table(out, alarmed(), style)?;
    }
    for h in alarmed() {
        writeln!(out)?;
        why(out, h, r, style)?;
    }
    for h in r.hosts.iter().filter(|h| h.allowed) {
        writeln!(out, "\n{} mines and is allowed to ({})", host_name(h), flows(h.flows.len()))?;
    }
    let noted: Vec<_> = r.hosts.iter().filter(|h| !h.allowed && h.verdict == Verdict::Noted).collect();
    if !noted.is_empty() {
        writeln!(out, "\n{}", style.bold("Noted, no alarm"))?;
        for h in noted {
            // The weightiest line says why; the first in time may be the handshake.
            let weightiest = |f: &'_ FlowFinding| {
                f.evidence.iter().rev().max_by(|a, b| a.code.weight().total_cmp(&b.code.weight())).cloned()
            };
            let text = h.strongest().and_then(weightiest).map_or(String::new(), |e| e.text);
            writeln!(out, "{}", style.fit(&format!("  {}  {text}", host_name(h))))?;
        }
    }
    for relay in &r.relays {
        let also = if relay.mines { ", and mines elsewhere itself" } else { "" };
        writeln!(
            out,
            "\nInternal pool or relay: {} serves {} inside {}{also}. Private addresses are never blocked.",
            relay.pool,
            relay.miners,
            if relay.miners == 1 { "host" } else { "hosts" }
        )?;
    }
    if let Some(d) = &r.blocks {
        blocks(out, d, style)?;
    }
    health(out, r, style)
}

fn headline(out: &mut impl Write, r: &Report, style: Style) -> io::Result<()> {
    let count = |v: Verdict| r.hosts.iter().filter(|h| !h.allowed && h.verdict == v).count();
    let parts: Vec<_> = [Verdict::Confirmed, Verdict::Probable, Verdict::Suspected]
        .into_iter()
        .filter(|v| count(*v) > 0)
        .map(|v| format!("{} {v}", count(v)))
        .collect();
    let line = if parts.is_empty() {
        format!("No miners found in {} packets.", r.health.get(Counter::Frames))
    } else {
        let n = r.hosts.iter().filter(|h| !h.allowed && h.verdict > Verdict::Noted).count();
        format!("{n} {} found: {}.", if n == 1 { "miner" } else { "miners" }, parts.join(", "))
    };
    writeln!(out, "{}", style.bold(&line))
}

fn table<'a>(out: &mut impl Write, hosts: impl Iterator<Item = &'a HostFinding>, style: Style) -> io::Result<()> {
    let mut lines: Vec<(Verdict, [String; 9])> = Vec::new();
    let mut more: Vec<(usize, String)> = Vec::new();
    for h in hosts {
        let all = rows(h);
        for (i, row) in all.iter().enumerate().take(MAX_ROWS) {
            let mut c = cells(h, row);
            if i > 0 {
                c[0].clear();
            }
            lines.push((row.best.verdict, c));
        }
        if all.len() > MAX_ROWS {
            more.push((
                lines.len(),
                format!("  … and {} more pools of {} (--json lists all)", all.len() - MAX_ROWS, host_name(h)),
            ));
        }
    }
    let widths: Vec<usize> = COLUMNS
        .iter()
        .enumerate()
        .map(|(i, (title, _))| {
            lines.iter().map(|(_, c)| c.get(i).map_or(0, |s| s.width())).max().unwrap_or(0).max(title.len())
        })
        .collect();
    let shown = columns(&widths, style);
    let title: Vec<_> = shown.iter().filter_map(|&i| Some(pad(COLUMNS.get(i)?.0, *widths.get(i)?))).collect();
    writeln!(out, "{}", style.bold(title.join("  ").trim_end()))?;
    let mut more = more.into_iter().peekable();
    for (n, (verdict, c)) in lines.iter().enumerate() {
        let text: Vec<_> = shown
            .iter()
            .filter_map(|&i| {
                let cell = pad(c.get(i)?, *widths.get(i)?);
                Some(if i == 1 { style.paint(*verdict, &cell) } else { cell })
            })
            .collect();
        writeln!(out, "{}", text.join("  ").trim_end())?;
        while let Some((_, text)) = more.next_if(|(at, _)| *at == n + 1) {
            writeln!(out, "{text}")?;
        }
    }
    Ok(())
}

/// Which columns fit.
fn columns(widths: &[usize], style: Style) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..COLUMNS.len()).collect();
    let Some(width) = style.width else { return shown };
    loop {
        let total: usize = shown.iter().filter_map(|&i| widths.get(i)).map(|w| w + 2).sum();
        let worst = shown.iter().copied().max_by_key(|&i| COLUMNS.get(i).map_or(0, |c| c.1));
        match worst {
            Some(i) if total > width + 2 && COLUMNS.get(i).is_some_and(|c| c.1 > 0) => shown.retain(|&x| x != i),
            _ => return shown,
        }
    }
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// The strongest flow of a host and its evidence.
fn why(out: &mut impl Write, h: &HostFinding, r: &Report, style: Style) -> io::Result<()> {
    let Some(f) = h.strongest() else { return Ok(()) };
    let mac = h.mac.map_or(String::new(), |m| format!(" ({m})"));
    writeln!(out, "{}{mac} is {}:", style.bold(&host_name(h)), style.paint(h.verdict, h.verdict.name()))?;
    details(out, f, r, style)
}

/// Every flow of a host with its evidence.
pub fn explain(out: &mut impl Write, h: &HostFinding, r: &Report, style: Style) -> io::Result<()> {
    writeln!(
        out,
        "{} is {} ({})",
        style.bold(&host_name(h)),
        style.paint(h.verdict, h.verdict.name()),
        flows(h.flows.len())
    )?;
    for f in &h.flows {
        writeln!(
            out,
            "\n{} -> {}  {}  {}, stage {}, frames {} to {}",
            f.miner,
            f.pool,
            style.paint(f.verdict, f.verdict.name()),
            f.dialect,
            f.stage.name(),
            f.first.frame.number,
            f.last.frame.number
        )?;
        details(out, f, r, style)?;
    }
    Ok(())
}

fn details(out: &mut impl Write, f: &FlowFinding, r: &Report, style: Style) -> io::Result<()> {
    for (name, value) in [("login", &f.login), ("wallet", &f.wallet), ("worker", &f.worker), ("agent", &f.agent)] {
        if let Some(v) = value {
            writeln!(out, "{}", style.fit(&format!("  {name:<18} {}", printable(v, 256))))?;
        }
    }
    if let Some(written) = f.style {
        writeln!(out, "{}", style.fit(&format!("  {:<18} {written}", "style")))?;
    }
    if !f.hints.is_empty() {
        writeln!(out, "{}", style.fit(&format!("  {:<18} {}", "hints", f.hints.join(", "))))?;
    }
    for e in &f.evidence {
        let file = r.source_of(e.at.frame).map_or(String::new(), |s| format!(" of {}", printable(s, 64)));
        let when = seconds(&e.at.time.to_string());
        let line = format!("  {:<18} frame {}{file}, {when}: {}", e.code.name(), e.at.frame.number, e.text);
        writeln!(out, "{}", style.fit(&line))?;
    }
    if let Some(missing) = f.missing {
        writeln!(out, "{}", style.fit(&format!("  {:<18} {missing}", "missing")))?;
    }
    Ok(())
}

fn blocks(out: &mut impl Write, d: &crate::firewall::Decision, style: Style) -> io::Result<()> {
    let n = d.list.entries().len();
    writeln!(out, "\n{}", style.bold(&format!("Block list: {n} {}", if n == 1 { "entry" } else { "entries" })))?;
    for e in d.list.entries().iter().take(MAX_BLOCKS) {
        let who: Vec<_> = e.miners.iter().take(4).map(|w| w.miner.to_string()).collect();
        writeln!(out, "{}", style.fit(&format!("  {}  {} s, used by {}", e.target, e.ttl_secs, who.join(", "))))?;
    }
    if n > MAX_BLOCKS {
        writeln!(out, "  … and {} more", n - MAX_BLOCKS)?;
    }
    if !d.refusals.is_empty() {
        writeln!(out, "{}", style.bold(&format!("Not blocked: {}", d.refusals.len())))?;
    }
    for refusal in d.refusals.iter().take(MAX_BLOCKS) {
        writeln!(
            out,
            "{}",
            style.fit(&format!("  {}  {}: {}", refusal.target, refusal.reason.code(), refusal.reason))
        )?;
    }
    if d.refusals.len() > MAX_BLOCKS {
        writeln!(out, "  … and {} more (--json lists all)", d.refusals.len() - MAX_BLOCKS)?;
    }
    Ok(())
}

fn health(out: &mut impl Write, r: &Report, style: Style) -> io::Result<()> {
    let h = &r.health;
    let types: Vec<_> = h.link_types.iter().map(|(k, v)| format!("{k} {v}")).collect();
    writeln!(
        out,
        "\n{}",
        style.fit(&format!(
            "Read {} frames ({} bytes) from {} {}: {}.",
            h.get(Counter::Frames),
            h.get(Counter::Bytes),
            r.sources.len(),
            if r.sources.len() == 1 { "input" } else { "inputs" },
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
    if !h.skipped.is_empty() {
        let skipped: Vec<_> = h.skipped.iter().map(|(k, v)| format!("{k} {v}")).collect();
        writeln!(out, "{}", style.fit(&format!("Skipped: {}.", skipped.join(", "))))?;
    }
    for w in super::warnings(r) {
        writeln!(out, "Warning: {w}.")?;
    }
    for n in &r.notes {
        writeln!(out, "Note: {n}")?;
    }
    Ok(())
}

/// An alert as it comes, for pipes and live capture.
pub fn alert(out: &mut impl Write, a: &Alert, style: Style) -> io::Result<()> {
    writeln!(
        out,
        "{}  {} mines at {} ({}): {}, frame {}",
        seconds(&a.at.time.to_string()),
        a.miner.ip(),
        a.pool,
        style.paint(a.verdict, a.verdict.name()),
        a.reason,
        a.at.frame.number
    )
}
