//! MISP: one event with an attribute for each entry, all of them meant for blocking.

use serde::Serialize;

use super::{Format, Meta, RenderOptions, Rendered, Says, uuid};
use crate::firewall::list::{BlockList, known_as};
use crate::time::PacketTime;

/// An event to import.
pub(super) struct Misp;

#[derive(Serialize)]
struct Attribute {
    uuid: String,
    r#type: &'static str,
    category: &'static str,
    value: String,
    to_ids: bool,
    comment: String,
    last_seen: String,
}

impl Format for Misp {
    fn id(&self) -> &'static str {
        "misp"
    }

    fn extension(&self) -> &'static str {
        "misp.json"
    }

    fn says(&self) -> Says {
        Says::ENDPOINTS_AND_NAMES
    }

    fn counts_down(&self) -> bool {
        true
    }

    fn print(&self, list: &BlockList, meta: &Meta, _options: &RenderOptions) -> Rendered {
        let attribute = |kind: &'static str, value: String, comment: String, last_seen: PacketTime| Attribute {
            uuid: uuid::v5(&format!("misp {kind} {value}")),
            r#type: kind,
            category: "Network activity",
            value,
            to_ids: true,
            comment,
            last_seen: last_seen.to_string(),
        };
        let mut attributes: Vec<Attribute> = Vec::with_capacity(list.len() + list.names().len());
        for e in list.entries() {
            let comment = format!("{}, for {} s", known_as(e.verdict), e.ttl_secs);
            let addr = e.target.addr;
            attributes.push(match e.target.service {
                Some((_, port)) => attribute("ip-dst|port", format!("{addr}|{port}"), comment, e.last_seen),
                None => attribute("ip-dst", addr.to_string(), comment, e.last_seen),
            });
        }
        // An event holds a value once, and a port there has no protocol.
        attributes.sort_by(|a, b| a.uuid.cmp(&b.uuid).then_with(|| b.last_seen.cmp(&a.last_seen)));
        attributes.dedup_by(|a, b| a.uuid == b.uuid);
        attributes.sort_by(|a, b| (a.r#type, &a.value).cmp(&(b.r#type, &b.value)));
        for n in list.names() {
            let comment = format!("{}, for {} s", known_as(n.verdict), n.ttl_secs);
            attributes.push(attribute("domain", n.name.to_string(), comment, n.last_seen));
        }
        let until = meta.captured_until;
        let time = until.to_string();
        let date = time.split('T').next().unwrap_or_default();
        let seconds = until.as_nanos().div_euclid(1_000_000_000);
        let head = format!(
            "{{\"Event\":{{\"info\":\"minewatch block list\",\"uuid\":\"{}\",\"date\":\"{date}\",\
             \"timestamp\":\"{seconds}\",\"threat_level_id\":\"3\",\"analysis\":\"2\",\"distribution\":\"0\",\
             \"published\":false,\"Attribute\":[",
            uuid::v5("misp event")
        );
        Rendered::one(super::json::lines(&head, attributes.iter(), "]}}"))
    }
}
