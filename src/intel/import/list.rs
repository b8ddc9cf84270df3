//! Plain lists: one name, or one address, block or range, a line; comments behind it.

use super::{Collector, Said, lines};

pub(super) fn domains(text: &str, out: &mut Collector<'_>) {
    for (number, line) in lines(text) {
        out.any(number, line, Said::default());
    }
}

pub(super) fn ips(text: &str, out: &mut Collector<'_>) {
    for (number, line) in lines(text) {
        // `198.51.100.1 - 198.51.100.9` is one thing, `198.51.100.1 2026-01-01 something` begins with one.
        let what = if line.contains('-') && line.bytes().all(|b| b.is_ascii_hexdigit() || b".:- ".contains(&b)) {
            let parts: Vec<&str> = line.split_whitespace().collect();
            match parts.as_slice() {
                [first, "-", last] => format!("{first}-{last}"),
                [one, ..] => (*one).to_owned(),
                [] => continue,
            }
        } else {
            line.split([' ', '\t', ',', '|']).next().unwrap_or(line).to_owned()
        };
        out.address(number, &what, Said::default());
    }
}
