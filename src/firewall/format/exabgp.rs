//! `ExaBGP`: flow specification routes (RFC 8955, RFC 8956) that tell routers to discard what goes to an endpoint.
//!
//! A template, which stands in front of the neighbours of a configuration and is inherited by them: so the list holds no
//! address of a router and no AS number. One route each, never wider than one address.

use std::fmt::Write as _;

use super::{Format, Meta, RenderOptions, Rendered, Says, use_newer_by, with_header};
use crate::firewall::list::BlockList;

/// A template for `ExaBGP` 4.
pub(super) struct Exabgp;

impl Format for Exabgp {
    fn id(&self) -> &'static str {
        "exabgp"
    }

    fn extension(&self) -> &'static str {
        "exabgp.conf"
    }

    fn says(&self) -> Says {
        Says::PAIRS
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let mut body = "template {\n  neighbor minewatch {\n    flow {\n".to_owned();
        for (n, e) in list.entries().iter().enumerate() {
            let (len, protocol) = if e.target.addr.is_ipv4() { (32, "protocol") } else { (128, "next-header") };
            let _ = write!(body, "      route mw{} {{ match {{ ", n + 1);
            if let Some(from) = e.target.from {
                let _ = write!(body, "source {from}/{len}; ");
            }
            let _ = write!(body, "destination {}/{len}; ", e.target.addr);
            if let Some((proto, port)) = e.target.service {
                let _ = write!(body, "{protocol} {proto}; destination-port ={port}; ");
            }
            body.push_str("} then { discard; } }\n");
        }
        body.push_str("    }\n  }\n}\n");
        let expiry = use_newer_by(list.entries().iter().map(|e| e.ttl_secs), meta);
        let mut notes = vec![
            "load: put it above your neighbours, each with: inherit minewatch; family { ipv4 flow; ipv6 flow; }",
            "then reload ExaBGP (SIGUSR1): what is not in a newer list is withdrawn",
        ];
        notes.extend(expiry.as_deref());
        Rendered::one(with_header("ExaBGP flow routes", list.entries().iter(), meta, &notes, &body))
    }
}
