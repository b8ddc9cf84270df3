//! Suricata datasets: bare values, a file for IPv4, IPv6 and names each.
//!
//! A comment, an empty line or an address of the other family would be an error there, and text is in base64 (tried).
//! Endpoints cannot be said: a list of those holds its names only.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Format, Meta, OutFile, RenderOptions, Rendered, Says, addresses};
use crate::firewall::list::BlockList;

/// Values for `dataset:isset`, of types ipv4, ip and string.
pub(super) struct Dataset;

impl Format for Dataset {
    fn id(&self) -> &'static str {
        "suricata-dataset"
    }

    fn extension(&self) -> &'static str {
        "dataset"
    }

    fn says(&self) -> Says {
        Says::ADDRESSES_AND_NAMES
    }

    fn is_bare(&self) -> bool {
        true
    }

    fn print(&self, list: &BlockList, _meta: &Meta, _options: &RenderOptions) -> Rendered {
        let (mut v4, mut v6, mut names) = (String::new(), String::new(), String::new());
        for e in addresses(list).iter().filter(|e| e.target.service.is_none()) {
            let _ = writeln!(if e.target.addr.is_ipv4() { &mut v4 } else { &mut v6 }, "{}", e.target.addr);
        }
        for n in list.names() {
            let _ = writeln!(names, "{}", STANDARD.encode(n.name.as_str()));
        }
        let files = [("", v4), (".v6", v6), (".names", names)];
        let files = files.map(|(suffix, text)| OutFile { suffix, bytes: text.into_bytes() });
        Rendered { files: files.into(), warnings: Vec::new() }
    }
}
