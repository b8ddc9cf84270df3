//! The report, in Markdown.

use std::fmt::Write as _;

use crate::chain::{Coin, Set};
use crate::dialect::MINED;
use crate::evasion::Evasion;
use crate::figures::{Delays, MINUTES, lower_bound, minutes, percent, upper_bound};
use crate::gateway;
use crate::tape::Framing;
use crate::trial::{self, Harmless, OTHERS, Outcome};
use crate::world;

/// What is to be reported on.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) set: Set,
    /// Benign flows in all.
    pub(crate) flows: usize,
    /// Mining flows in each row.
    pub(crate) mining: usize,
    /// Worlds of many flows.
    pub(crate) worlds: usize,
}

const HEAD: &str = "| 5 min | 10 min | 15 min | 30 min | 60 min | median | p90 |";
const RULE: &str = "|---:|---:|---:|---:|---:|---:|---:|";

fn delays(d: &Delays) -> String {
    let mut out = String::new();
    for m in MINUTES {
        let _ = write!(out, "| {} ", percent(d.recall_by(m * 60.0)));
    }
    let _ = write!(out, "| {} | {} |", minutes(d.quantile(0.5)), minutes(d.quantile(0.9)));
    out
}

fn coin(o: &Outcome) -> String {
    if o.named == 0 {
        return "none named".into();
    }
    let part = f64::from(o.right) / f64::from(o.named);
    format!("{} of {} ({})", o.right, o.named, percent(part))
}

/// Mining without evasion, by coin and dialect, by framing, and in all.
fn usual(plan: &Plan, out: &mut String) -> Outcome {
    let _ = writeln!(
        out,
        "\n## Mining flows, no evasion\n\nAll framings by turns. Delay counts from the first message seen; a third of the \
         flows is picked up in the middle. Quantiles of delay are of flows found within the hour.\n\n\
         | coin | dialect | flows {HEAD} probable at 60 min | coin right |\n|---|---|---:{RULE}---:|---:|"
    );
    let mut all = Outcome::default();
    for pair in world::mined(plan.set) {
        let o = trial::mining(plan.seed, plan.set, pair, None, Evasion::None, plan.mining, true);
        let _ = writeln!(
            out,
            "| {} | {} | {} {} {} | {} |",
            pair.0.ticker(),
            pair.1.name(),
            o.suspected.flows(),
            delays(&o.suspected),
            percent(o.probable.recall_by(3600.0)),
            coin(&o)
        );
        all.add(&o);
    }
    let _ = writeln!(
        out,
        "| **all** | | {} {} {} | {} |",
        all.suspected.flows(),
        delays(&all.suspected),
        percent(all.probable.recall_by(3600.0)),
        coin(&all)
    );
    let _ = writeln!(out, "\n| framing (Monero) | flows {HEAD}\n|---|---:{RULE}");
    for framing in Framing::ALL {
        let monero = MINED[0];
        let seed = plan.seed ^ 0xf4a3;
        let o = trial::mining(seed, plan.set, monero, Some(framing), Evasion::None, plan.mining, false);
        let _ = writeln!(out, "| {} | {} {}", framing.name(), o.suspected.flows(), delays(&o.suspected));
    }
    let _ = writeln!(out, "\n| rule | {}\n|---{RULE}", &HEAD[1..]);
    let _ = writeln!(out, "| ours, without feed {}", delays(&all.suspected));
    for (name, d) in OTHERS.iter().zip(&all.others) {
        let _ = writeln!(out, "| {name} {}", delays(d));
    }
    all
}

fn matrix(plan: &Plan, out: &mut String) {
    for (title, monero) in [("Monero", true), ("all other coins", false)] {
        let _ = writeln!(
            out,
            "\n## Evasion, {title} in TLS 1.3\n\n| evasion | flows {HEAD} coin right | {} |\n|---|---:{RULE}---:{}|",
            OTHERS.map(|o| format!("{o}, 60 min")).join(" | "),
            "|---:".repeat(OTHERS.len())
        );
        let pairs: Vec<_> =
            world::mined(plan.set).into_iter().filter(|(c, _)| (*c == Coin::Monero) == monero).collect();
        for evasion in Evasion::MATRIX {
            let count = plan.mining.div_ceil(pairs.len());
            let one = |pair: &_| trial::mining(plan.seed, plan.set, *pair, Some(Framing::Tls13), evasion, count, true);
            let o = trial::sum(&pairs.iter().map(one).collect::<Vec<_>>());
            let others = o.others.each_ref().map(|d| percent(d.recall_by(3700.0)));
            let _ = writeln!(
                out,
                "| {} | {} {} {} | {} |",
                evasion.name(),
                o.suspected.flows(),
                delays(&o.suspected),
                coin(&o),
                others.join(" | ")
            );
        }
    }
}

fn bound(k: u64, n: u64) -> String {
    format!("{k} of {n}, at most {:.3} %", upper_bound(n, k) * 100.0)
}

fn harmless(plan: &Plan, out: &mut String) -> Harmless {
    let _ = writeln!(
        out,
        "\n## Long flows that are not mining\n\n| class | known to tuning | flows | hours | suspected | probable | {} |\n\
         |---|---|---:|---:|---:|---:{}|",
        OTHERS.join(" | "),
        "|---:".repeat(OTHERS.len())
    );
    let table = trial::benign(plan.seed, plan.set, plan.flows, true);
    let (mut all, mut twins) = (Harmless::default(), Harmless::default());
    for row in &table {
        let others = row.others.map(|o| o.to_string()).join(" | ");
        let _ = writeln!(
            out,
            "| {} | {} | {} | {:.0} | {} | {} | {others} |",
            row.name,
            if row.known { "yes" } else { "no" },
            row.flows,
            row.hours,
            row.suspected,
            row.probable
        );
        if row.twin { &mut twins } else { &mut all }.add(row);
    }
    let _ = writeln!(
        out,
        "\nIn all, twins apart, {} flows, {:.0} hours, {} messages. Upper bounds are one-sided at 95 % (Clopper and Pearson), of this \
         mixture of classes and of no real network:\n",
        all.flows, all.hours, all.messages
    );
    let hourly = |k: u64| format!("{:.2} in 1000 hours of one flow", k as f64 / all.hours * 1000.0);
    let _ = writeln!(out, "* suspected: {}; {}", bound(all.suspected, all.flows), hourly(all.suspected));
    let _ = writeln!(out, "* probable: {}", bound(all.probable, all.flows));
    for (name, count) in OTHERS.iter().zip(all.others) {
        let _ = writeln!(out, "* {name}: {}", bound(count, all.flows));
    }
    let _ = writeln!(
        out,
        "\nTwins follow the same model as mining in all that sizes and times can show: {} of {} suspected, {} probable. They \
         say what no such detector can know.",
        twins.suspected, twins.flows, twins.probable
    );
    for row in table.iter().filter(|r| !r.examples.is_empty()) {
        let _ = writeln!(out, "\nWhat was said of *{}*:\n", row.name);
        for (number, reasons) in &row.examples {
            let _ = writeln!(out, "* flow {number}: {}", reasons.join("; "));
        }
    }
    all
}

/// All of it.
pub(crate) fn write(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "# Flows without readable payload: simulated\n\nSet: {}, seed {}. {} mining flows a row, {} benign flows or a few \
         more. Everything here is simulated: sizes, timers and delays from measurements of public traces where there are \
         any, from protocols where not. No row says what a real network would show.",
        plan.set.name(),
        plan.seed,
        plan.mining,
        plan.flows
    );
    let mut body = String::new();
    let mined = usual(plan, &mut body);
    matrix(plan, &mut body);
    let benign = harmless(plan, &mut body);
    let told = gateway::judge(plan.seed, plan.set, plan.worlds);
    body += &gateway::report(&told);
    let found = mined.suspected.found_by(3600.0) as u64;
    let flows = mined.suspected.flows() as u64;
    let _ = writeln!(
        out,
        "\n| | |\n|---|---|\n| mining flows found within the hour, no evasion | {found} of {flows}, at least {} |\n\
         | benign flows suspected | {} |\n| benign flows probable | {} |\n| coin right where one was named | {} |\n\
         | Monero with block times, probable within half an hour | {} of {} |\n\
         | benign flows of the same worlds probable | {} |",
        percent(lower_bound(flows, found)),
        bound(benign.suspected, benign.flows),
        bound(benign.probable, benign.flows),
        coin(&mined),
        told.monero_probable().found_by(1800.0),
        told.monero_probable().flows(),
        bound(told.benign_probable().found_by(f64::INFINITY) as u64, told.benign_probable().flows() as u64)
    );
    out + &body
}
