//! Reads JSON lines of the program.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

/// Verdicts from weak to strong.
pub(crate) const VERDICTS: [&str; 4] = ["noted", "suspected", "probable", "confirmed"];

/// Rank of a verdict.
#[track_caller]
pub(crate) fn rank(verdict: &str) -> usize {
    VERDICTS.iter().position(|v| *v == verdict).unwrap_or_else(|| panic!("{verdict:?} is no verdict"))
}

/// What one run printed.
#[derive(Clone, Default, Debug)]
pub(crate) struct Output {
    /// Every line in order.
    pub(crate) lines: Vec<Value>,
}

impl Output {
    /// Parses; an error tells the line that is no JSON object with an `event_type`, or that `health` is not the last.
    pub(crate) fn parse(stdout: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(stdout).map_err(|e| format!("the output is not UTF-8: {e}"))?;
        let mut lines = Vec::new();
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).map_err(|e| format!("not JSON ({e}): {line:?}"))?;
            if !value["event_type"].is_string() {
                return Err(format!("no event_type: {line:?}"));
            }
            lines.push(value);
        }
        match lines.iter().filter(|l| l["event_type"] == "health").count() {
            1 if lines.last().is_some_and(|l| l["event_type"] == "health") => Ok(Self { lines }),
            n => Err(format!("{n} health lines, or not at the end")),
        }
    }

    /// Lines of one kind.
    pub(crate) fn of(&self, event_type: &str) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(move |l| l["event_type"] == event_type)
    }

    /// The health line.
    pub(crate) fn health(&self) -> &Value {
        self.lines.last().unwrap()
    }

    /// `address:port` of each line of one kind.
    pub(crate) fn endpoints(&self, event_type: &str) -> BTreeSet<String> {
        self.of(event_type).map(|l| endpoint(l, "ip", "port").to_string()).collect()
    }
}

/// A socket address out of two members.
#[track_caller]
pub(crate) fn endpoint(line: &Value, ip: &str, port: &str) -> SocketAddr {
    let address: IpAddr = line[ip].as_str().and_then(|a| a.parse().ok()).unwrap_or_else(|| panic!("{ip} of {line}"));
    let port = line[port].as_u64().and_then(|p| u16::try_from(p).ok()).unwrap_or_else(|| panic!("{port} of {line}"));
    SocketAddr::new(address, port)
}

/// Miner and pool of a `miner_flow` or `miner_alert`.
#[track_caller]
pub(crate) fn ends(line: &Value) -> (SocketAddr, SocketAddr) {
    (endpoint(line, "src_ip", "src_port"), endpoint(line, "dest_ip", "dest_port"))
}

/// Rank of the verdict of a line.
#[track_caller]
pub(crate) fn verdict(line: &Value) -> usize {
    rank(line["verdict"].as_str().unwrap_or_else(|| panic!("no verdict: {line}")))
}

/// Whether a line says that something mines.
#[track_caller]
pub(crate) fn accuses(line: &Value) -> bool {
    verdict(line) >= rank("suspected")
}

/// A flow in a few words, for reports.
pub(crate) fn brief(flow: &Value) -> String {
    let (miner, pool) = ends(flow);
    let tenant = flow["tenant"].as_str().map(|t| format!(" in {t}")).unwrap_or_default();
    let word = |name: &str| flow[name].as_str().unwrap_or("-").to_owned();
    format!("{miner} -> {pool}{tenant} {} {} {}", word("dialect"), word("stage"), word("verdict"))
}

/// Removes the members that name the input, everywhere.
pub(crate) fn forget_names(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for name in ["file", "inputs"] {
                map.remove(name);
            }
            map.values_mut().for_each(forget_names);
        }
        Value::Array(list) => list.iter_mut().for_each(forget_names),
        _ => {}
    }
}
