//! `CrowdSec`: decisions for `cscli decisions import`, each with its duration.

use serde::Serialize;

use super::{Format, Meta, RenderOptions, Rendered, Says, addresses};
use crate::firewall::list::BlockList;

/// A JSON list of decisions.
pub(super) struct Crowdsec;

#[derive(Serialize)]
struct Decision {
    reason: &'static str,
    scope: &'static str,
    value: std::net::IpAddr,
    r#type: &'static str,
    duration: String,
}

impl Format for Crowdsec {
    fn id(&self) -> &'static str {
        "crowdsec"
    }

    fn extension(&self) -> &'static str {
        "crowdsec.json"
    }

    fn says(&self) -> Says {
        Says::ADDRESSES
    }

    fn counts_down(&self) -> bool {
        true
    }

    fn print(&self, list: &BlockList, _meta: &Meta, _options: &RenderOptions) -> Rendered {
        let decisions = addresses(list).into_iter().map(|e| Decision {
            reason: "minewatch mining pool",
            scope: "ip",
            value: e.target.addr,
            r#type: "ban",
            duration: format!("{}s", e.ttl_secs),
        });
        Rendered::one(super::json::lines("[", decisions, "]"))
    }
}
