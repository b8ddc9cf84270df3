//! Costs as a Markdown table.

use std::fmt::Write as _;

use crate::make::Input;
use crate::measure::Cost;
use crate::programs::Program;
use crate::workload::Kind;

/// First two lines.
pub(crate) const HEAD: &str = "\
| workload | program | CPU s | × reading | ns a packet | wall s | peak MB | bytes a live flow |
|---|---|---:|---:|---:|---:|---:|---:|";

/// What a reader must know of the machine.
pub(crate) fn preface(runs: usize) -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ")).map_or("", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ");
    format!(
        "minewatch {}; {cores} cores, {}; load {load}; least of {runs} interleaved runs, files in the page cache.\n",
        env!("CARGO_PKG_VERSION"),
        if model.is_empty() { "processor unknown" } else { model },
    )
}

/// The rows of one workload. `idle` is what minewatch needs before the first packet, in bytes.
pub(crate) fn rows(name: &str, input: &Input, costs: &[(&Program, Option<Cost>)], idle: u64) -> String {
    let mut out = String::new();
    let reading = costs.iter().find(|(p, _)| p.loops).and_then(|(_, cost)| *cost).map(|c| c.cpu);
    let tally = input.tally;
    let mut what = format!("{name}: {} packets, {:.1} MB", grouped(tally.packets), tally.bytes as f64 / 1e6);
    for (program, cost) in costs {
        let Some(cost) = cost else { continue };
        let ratio = reading.map_or_else(String::new, |r| format!("{:.2}", cost.cpu / r));
        let each =
            if tally.packets > 1 { format!("{:.0}", cost.cpu * 1e9 / tally.packets as f64) } else { String::new() };
        // Elsewhere most flows that are held at the peak are over for those who spoke.
        let flow = if program.ours && name == Kind::Stratum.name() && tally.live > 0 {
            format!("{:.0}", cost.peak.saturating_sub(idle) as f64 / tally.live as f64)
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "| {what} | {} | {:.3} | {ratio} | {each} | {:.3} | {:.1} | {flow} |",
            program.name,
            cost.cpu,
            cost.wall,
            cost.peak as f64 / 1e6,
        );
        what.clear();
    }
    out
}

/// 1234567 as 1,234,567.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}
