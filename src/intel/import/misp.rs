//! MISP: events, objects and attributes as its JSON export and its feeds write them, and its warning lists.

use serde_json::Value;

use super::csv::day;
use super::{Collector, ImportError, Said};

pub(super) fn read(text: &str, out: &mut Collector<'_>) -> Result<(), ImportError> {
    let json: Value = serde_json::from_str(text).map_err(|e| out.json_error("misp", &e))?;
    walk(&json, out);
    Ok(())
}

/// Every attribute, wherever it is: exports differ in what they wrap it in. The parser bounds the depth.
fn walk(json: &Value, out: &mut Collector<'_>) {
    match json {
        Value::Array(items) => items.iter().for_each(|i| walk(i, out)),
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str);
            if let (Some(kind), Some(value)) = (text("type"), text("value")) {
                let off = |key: &str, wanted: bool| fields.get(key).and_then(Value::as_bool) == Some(wanted);
                if off("to_ids", false) || off("deleted", true) {
                    out.out.skipped += 1;
                } else {
                    attribute(kind, value, &said(text("first_seen"), text("last_seen")), out);
                }
                return;
            }
            match fields.get("list") {
                Some(Value::Array(values)) if fields.contains_key("matching_attributes") => {
                    for value in values.iter().filter_map(Value::as_str) {
                        out.any(0, value, Said::default());
                    }
                }
                _ => fields.values().for_each(|v| walk(v, out)),
            }
        }
        _ => {}
    }
}

fn said(first: Option<&str>, last: Option<&str>) -> Said {
    Said { first_seen: first.and_then(day), last_seen: last.and_then(day), ..Said::default() }
}

fn attribute(kind: &str, value: &str, said: &Said, out: &mut Collector<'_>) {
    let port = |text: &str| {
        let mut said = said.clone();
        said.plain.extend(text.parse::<u16>().ok().filter(|p| *p != 0));
        said
    };
    match kind {
        "domain" => out.name(0, value, said.clone()),
        "hostname" => out.host(0, value, said.clone()),
        "ip-dst" | "ip-src" => out.address(0, value, said.clone()),
        "url" | "uri" => out.any(0, value, said.clone()),
        // Two values in one.
        "ip-dst|port" | "ip-src|port" | "hostname|port" | "domain|ip" => {
            // A colon in between is what older exports have.
            let Some((a, b)) = value.split_once('|').or_else(|| value.rsplit_once(':')) else {
                return out.error(0, format!("{:?} is no {kind}", super::short(value)));
            };
            match kind {
                "hostname|port" => out.host(0, a, port(b)),
                "domain|ip" => {
                    out.name(0, a, said.clone());
                    out.address(0, b, said.clone());
                }
                _ => out.address(0, a, port(b)),
            }
        }
        _ => {}
    }
}
