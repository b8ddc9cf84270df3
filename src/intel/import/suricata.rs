//! Datasets of Suricata: one value a line, strings in base64, addresses plain, a reputation behind a comma (Suricata
//! user guide, «Datasets»).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Collector, Said};

pub(super) fn read(text: &str, out: &mut Collector<'_>) {
    for (number, line) in super::lines(text) {
        let value = line.split_once(',').map_or(line, |(value, _)| value).trim();
        // No base64 has dots or colons in it.
        if value.contains(['.', ':']) {
            out.any(number, value, Said::default());
            continue;
        }
        match STANDARD.decode(value).ok().and_then(|b| String::from_utf8(b).ok()) {
            Some(text) => out.any(number, text.trim(), Said::default()),
            None => {
                out.error(
                    number,
                    format!("{:?} is neither a name, an address, nor base64 of one", super::short(value)),
                );
            }
        }
    }
}
