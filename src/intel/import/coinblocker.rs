//! Lists in the manner of `CoinBlockerLists` and their heirs: names, hosts lines, addresses and filter rules mixed.

use super::{Collector, Said, lines};

pub(super) fn read(text: &str, out: &mut Collector<'_>) {
    for (number, line) in lines(text) {
        // `||pool.example^$third-party`, a rule of a filter for browsers.
        if let Some(rule) = line.strip_prefix("||") {
            // With a path it is one of a page: `||site.example/miner.js^`.
            out.any(number, rule.split(['^', '$']).next().unwrap_or(rule), Said::default());
            continue;
        }
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            // `0.0.0.0 pool.example`
            (Some("0.0.0.0" | "127.0.0.1" | "::" | "::1"), Some(name)) => {
                for name in std::iter::once(name).chain(words).filter(|n| *n != "localhost") {
                    out.name(number, name, Said::default());
                }
            }
            (Some(one), None) => out.any(number, one, Said::default()),
            _ => out.error(number, format!("{:?} is no name, address, hosts line or filter rule", super::short(line))),
        }
    }
}
