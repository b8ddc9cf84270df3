//! The report for people: a table of miners, the evidence under each, the block list, and what was not seen.
//!
//! In: the [`Report`]. Out: text that fits the terminal, coloured only where asked. Without a terminal nothing is cut,
//! so that it can be searched.

mod details;
mod end;

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

pub use details::{alert, explain};
use unicode_width::UnicodeWidthStr;

use super::{Report, words};
use crate::evidence::Verdict;
use crate::health::Counter;
use crate::ledger::{FlowFinding, HostFinding, Work};
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

/// Columns of a machine's name.
const NAME_SHOWN: usize = 24;

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

    pub(super) fn bold(self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Cuts a line to the terminal. What peers and feeds say is made safe where it comes in; this is the last gate, as a
    /// sentence may be put together of many parts.
    pub(super) fn fit(self, text: &str) -> String {
        let text = printable(text, usize::MAX);
        match self.width {
            Some(width) if text.width() > width => shorten(&text, width),
            _ => text.into_owned(),
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
}

/// What flows must share to be one line: the other end, the wallet, where a proxy was sent, and for whom it is.
type Same<'a> = (SocketAddr, Option<&'a str>, String, Option<IpAddr>);

fn same(f: &FlowFinding) -> Same<'_> {
    if f.is_inventory() {
        // Who asks has a new port each time.
        return (SocketAddr::new(f.pool.ip(), 0), None, String::new(), None);
    }
    let inside = f.proxy_target().flatten().map(ToString::to_string).unwrap_or_default();
    (f.pool, f.wallet.as_deref(), inside, f.source().map(|s| s.ip()))
}

fn rows(h: &HostFinding) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut at = std::collections::HashMap::new();
    for f in h.alarming() {
        let i = *at.entry(same(f)).or_insert_with(|| {
            rows.push(Row { flows: Vec::new(), best: f });
            rows.len() - 1
        });
        if let Some(row) = rows.get_mut(i) {
            row.flows.push(f);
            let rank = |f: &FlowFinding| (f.verdict, f.stage, f.reported_pool.is_some());
            if rank(f) > rank(row.best) {
                row.best = f;
            }
        }
    }
    rows.sort_by(|a, b| {
        b.best.verdict.cmp(&a.best.verdict).then(b.best.stage.cmp(&a.best.stage)).then(a.best.pool.cmp(&b.best.pool))
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
        match f.source() {
            Some(source) => format!("{} for {}", host_name(h), source.ip()),
            None => host_name(h),
        },
        f.verdict.name().to_owned(),
        words::pool(f),
        f.coin.map_or_else(|| "?".to_owned(), |(c, _)| c.ticker().to_owned()),
        f.dialect.to_owned(),
        f.program.map_or_else(|| f.agent.as_deref().map_or("?".to_owned(), quoted), str::to_owned),
        match shares {
            _ if row.flows.iter().all(|f| f.is_unread()) => "-".to_owned(),
            (a, 0) => a.to_string(),
            (a, r) => format!("{a}+{r} rej"),
        },
        rate(work, unit(f.dialect)),
        seconds(&since.to_string()),
    ]
}

/// The estimate, marked as rough where it rests on a single share: its interval (in JSON) goes from a fortieth to six times of
/// it.
fn rate(work: Work, unit: difficulty::Unit) -> String {
    let Some(e) = work.hashrate() else { return "?".to_owned() };
    let rough = if work.shares == 1 { "~" } else { "" };
    format!("{rough}{}", difficulty::Rate(e.estimate, unit))
}

/// What a client calls itself, where nobody knows a program of that name: in quotation marks.
fn quoted(agent: &str) -> String {
    format!("\"{}\"", printable(agent, 24))
}

fn unit(dialect: &str) -> difficulty::Unit {
    if matches!(dialect, "equihash" | "beam") { difficulty::Unit::Solutions } else { difficulty::Unit::Hashes }
}

/// A timestamp to the second.
pub(super) fn seconds(t: &str) -> String {
    t.split_once('.').map_or_else(|| t.to_owned(), |(s, _)| format!("{s}Z"))
}

/// An address, its tenant and the name that the machine behind it gives itself.
fn host_name(h: &HostFinding) -> String {
    let mut beside = Vec::new();
    if h.key.tenant != crate::decode::Tenant::None {
        beside.push(h.key.tenant.to_string());
    }
    beside.extend(h.identity.as_ref().and_then(|i| i.hostname.as_deref()).map(|n| shorten(n, NAME_SHOWN)));
    if beside.is_empty() { h.key.ip.to_string() } else { format!("{} ({})", h.key.ip, beside.join(", ")) }
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
        details::why(out, h, r, style)?;
    }
    for h in &r.hosts {
        let n = h.flows.iter().filter(|f| f.allowed).count();
        if n > 0 {
            let flows = words::count(n, "flow", "flows");
            let part = if h.allowed { String::new() } else { format!(" of {}", h.flows.len()) };
            writeln!(out, "\n{} mines and is allowed to ({flows}{part})", host_name(h))?;
        }
    }
    noted(out, r, style)?;
    super::contacts::table(out, r, style)?;
    if !r.relays.is_empty() {
        writeln!(out)?;
    }
    for relay in &r.relays {
        let also = if relay.mines { ", and mines elsewhere itself" } else { "" };
        let what = if relay.proxy { "Internal proxy" } else { "Internal pool or relay" };
        let inside = relay.miners - relay.outside;
        let hosts = match (inside, relay.outside) {
            (_, 0) => words::count(inside, "inside host", "inside hosts"),
            (0, n) => words::count(n, "host outside", "hosts outside"),
            (n, m) => format!("{} and {m} outside", words::count(n, "inside host", "inside hosts")),
        };
        writeln!(out, "{what}: {} serves {hosts}{also}. What is inside is never blocked.", relay.pool)?;
    }
    if let Some(d) = &r.blocks {
        end::blocks(out, d, style)?;
    }
    end::health(out, r, style)
}

fn noted(out: &mut impl Write, r: &Report, style: Style) -> io::Result<()> {
    let mut noted = r.hosts.iter().filter(|h| !h.allowed && h.verdict == Verdict::Noted).peekable();
    if noted.peek().is_some() {
        writeln!(out, "\n{}", style.bold("Noted, no alarm"))?;
    }
    for h in noted {
        // The weightiest line says why; the first in time may be the handshake.
        let weightiest = |f: &'_ FlowFinding| {
            f.evidence.iter().rev().max_by(|a, b| a.code.weight().total_cmp(&b.code.weight())).cloned()
        };
        let text = h.strongest().and_then(weightiest).map_or(String::new(), |e| e.text);
        writeln!(out, "{}", style.fit(&format!("  {}  {text}", host_name(h))))?;
    }
    Ok(())
}

fn headline(out: &mut impl Write, r: &Report, style: Style) -> io::Result<()> {
    let count = |v: Verdict| r.hosts.iter().filter(|h| !h.allowed && h.verdict == v).count();
    let parts: Vec<_> = [Verdict::Confirmed, Verdict::Probable, Verdict::Suspected]
        .into_iter()
        .filter(|v| count(*v) > 0)
        .map(|v| format!("{} {v}", count(v)))
        .collect();
    let line = if parts.is_empty() {
        let but = if r.hosts.iter().any(|h| h.allowed) { " but allowed ones" } else { "" };
        format!("No miners{but} found in {}.", words::count(r.health.get(Counter::Frames), "packet", "packets"))
    } else {
        let n = r.hosts.iter().filter(|h| !h.allowed && h.verdict > Verdict::Noted).count();
        format!("{} found: {}.", words::count(n, "miner", "miners"), parts.join(", "))
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
                c[0] = row.best.source().map_or(String::new(), |source| format!("  for {}", source.ip()));
            }
            lines.push((row.best.verdict, c));
        }
        if all.len() > MAX_ROWS {
            more.push((
                lines.len(),
                format!(
                    "  … and {} of {} (--json lists all)",
                    words::count(all.len() - MAX_ROWS, "more pool", "more pools"),
                    host_name(h)
                ),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_from_a_single_share_is_marked_as_rough() {
        let of = |shares| Work { shares, hashes: 2_000.0 * 10.0, seconds: 10.0 };
        let unit = unit("cryptonote");
        assert_eq!([0, 1, 2].map(|n| rate(of(n), unit)), ["?", "~2.00 kH/s", "2.00 kH/s"]);
    }
}
