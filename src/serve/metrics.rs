//! Metrics as Prometheus reads them.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>, text format 0.0.4. In: a [`Standing`] and the
//! counters. Out: lines. Labels are interfaces, feeds and fixed words only: no host, pool or name is one, so that no
//! stranger makes their number grow.

use std::fmt::{Display, Write as _};

use super::Standing;
use crate::health::{Counter, Health, Trouble};

/// All of them.
pub fn metrics(s: &Standing, health: &Health) -> String {
    let mut out = Out::default();
    out.one("minewatch_build_info", "gauge", "Version of the program.", &[("version", &s.version)], 1);
    out.plain("minewatch_uptime_seconds", "gauge", "Time since the watch began.", s.uptime_secs);
    out.plain("minewatch_well", "gauge", "Whether nothing is wrong.", u8::from(s.well));
    for c in Counter::ALL {
        // Those of interfaces are told for each.
        if !matches!(c, Counter::KernelDrops | Counter::InterfaceDrops) {
            out.plain(&format!("minewatch_{}_total", c.name()), "counter", c.help(), health.get(*c));
        }
    }
    interfaces(&mut out, s);
    troubles(&mut out, s);
    firewall(&mut out, s);
    remembered(&mut out, s);
    feeds(&mut out, s);
    if let Some(serving) = &s.serving {
        out.plain("minewatch_serve_requests_total", "counter", "HTTP requests answered.", serving.requests);
        let help = "HTTP connections of addresses that are not served.";
        out.plain("minewatch_serve_strangers_total", "counter", help, serving.strangers);
        let help = "HTTP connections closed because there were too many.";
        out.plain("minewatch_serve_crowded_total", "counter", help, serving.crowded);
    }
    out.text
}

fn interfaces(out: &mut Out, s: &Standing) {
    type Of = fn(&super::Interface) -> u64;
    let all: [(&str, &str, &str, Of); 4] = [
        ("watched", "gauge", "Whether frames can come from the interface.", |i| u64::from(i.state == "watched")),
        ("frames_total", "counter", "Frames read from the interface.", |i| i.frames),
        ("kernel_drops_total", "counter", "Frames of the interface that the kernel dropped.", |i| i.kernel_drops),
        ("drops_total", "counter", "Frames that the interface dropped.", |i| i.interface_drops),
    ];
    for (name, kind, help, of) in all {
        let name = format!("minewatch_interface_{name}");
        out.head(&name, kind, help);
        for i in &s.interfaces {
            out.sample(&name, &[("interface", &i.name)], of(i));
        }
    }
}

fn troubles(out: &mut Out, s: &Standing) {
    let name = "minewatch_trouble";
    out.head(name, "gauge", "Interfaces, or the whole watch, of which this is wrong now.");
    for trouble in Trouble::ALL {
        let n = s.troubles.iter().filter(|t| t.trouble == trouble.name()).count();
        out.sample(name, &[("trouble", trouble.name())], n);
    }
}

fn firewall(out: &mut Out, s: &Standing) {
    out.plain(
        "minewatch_list_entries",
        "gauge",
        "Endpoints and addresses in the block list that holds now.",
        s.entries,
    );
    out.plain("minewatch_list_names", "gauge", "Names in the block list that holds now.", s.names);
    let Some(f) = &s.firewall else { return };
    let failing = u8::from(f.last_error.is_some());
    out.plain("minewatch_firewall_failing", "gauge", "Whether the kernel could not be told or asked at last.", failing);
    out.plain("minewatch_firewall_entries", "gauge", "Entries and hosts that the kernel was told last.", f.entries);
    out.plain("minewatch_firewall_applied_total", "counter", "How often the kernel was told.", f.applied);
    out.plain("minewatch_firewall_errors_total", "counter", "How often it could not be told or asked.", f.errors);
    let help = "How often it held something else than it should, and was told again.";
    out.plain("minewatch_firewall_repaired_total", "counter", help, f.drift_repaired);
    out.plain("minewatch_firewall_refused_total", "counter", "Entries that the last gate refused.", f.refused);
    let name = "minewatch_firewall_rejected_packets_total";
    out.head(name, "counter", "Packets that the kernel rejected.");
    out.sample(name, &[("of", "blocked")], f.hits_blocked);
    out.sample(name, &[("of", "isolated")], f.hits_isolated);
    let name = "minewatch_cut_seconds";
    out.head(
        name,
        "summary",
        "Time from the first packet of a connection to its entry in the kernel; median of the latest.",
    );
    if let Some(median) = s.cut.median_secs {
        out.sample(name, &[("quantile", "0.5")], median);
    }
    out.sample("minewatch_cut_seconds_sum", &[], s.cut.sum_secs);
    out.sample("minewatch_cut_seconds_count", &[], s.cut.count);
}

fn remembered(out: &mut Out, s: &Standing) {
    let Some(state) = &s.state else { return };
    out.plain("minewatch_hosts", "gauge", "Hosts that were ever found to mine, and are remembered.", s.hosts);
    let name = "minewatch_incidents";
    out.head(name, "gauge", "Incidents by what became of them.");
    let i = s.incidents;
    for (state, n) in [("open", i.open), ("contained", i.contained), ("quiet", i.quiet), ("closed", i.closed)] {
        out.sample(name, &[("state", state)], n);
    }
    if state.dir.is_some() {
        out.plain("minewatch_state_saved", "gauge", "Whether what is remembered is saved.", u8::from(state.saved));
        out.plain("minewatch_state_unsaved", "gauge", "Things that wait for the disk.", state.unsaved);
        out.plain("minewatch_state_lost_total", "counter", "Things that are lost to the disk.", state.lost);
    }
}

fn feeds(out: &mut Out, s: &Standing) {
    let (entries, age, stale) = ("minewatch_feed_entries", "minewatch_feed_age_days", "minewatch_feed_stale");
    // The same file may be given twice, but a series only once.
    let mut once = std::collections::BTreeSet::new();
    let feeds: Vec<_> = s.feeds.iter().filter(|f| once.insert(escaped(&f.name))).collect();
    out.head(entries, "gauge", "Names, addresses and blocks in the feed.");
    for f in &feeds {
        out.sample(entries, &[("feed", &f.name)], f.entries);
    }
    out.head(age, "gauge", "Days since the date of the feed.");
    for (f, days) in feeds.iter().filter_map(|f| Some((f, f.age_days?))) {
        out.sample(age, &[("feed", &f.name)], days);
    }
    out.head(stale, "gauge", "Whether the feed is older than it vouches for.");
    for f in &feeds {
        out.sample(stale, &[("feed", &f.name)], u8::from(f.stale));
    }
}

#[derive(Default)]
struct Out {
    text: String,
}

impl Out {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels.iter().map(|(label, v)| format!("{label}=\"{}\"", escaped(v))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, labels: &[(&str, &str)], value: impl Display) {
        self.head(name, kind, help);
        self.sample(name, labels, value);
    }

    fn plain(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.one(name, kind, help, &[], value);
    }
}

/// As a value of a label may hold it; what no terminal should get is written out first.
fn escaped(value: &str) -> String {
    let shown = crate::text::printable(value, crate::text::MAX_SHOWN);
    shown.replace('\\', "\\\\").replace('"', "\\\"")
}
