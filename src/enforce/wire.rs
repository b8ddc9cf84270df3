//! What goes over the socket: a length of four bytes, most significant first, then that many bytes of JSON.
//!
//! Only these messages exist. They hold addresses, protocols, ports, prefixes and seconds, each parsed strictly before
//! anything is done, and no text that could end up in a command.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::applier::{Applied, Connections, Refused};
use super::held::{Held, Hits, Rules};
use super::problem::EnforceError;
use super::wanted::{Block, Isolated, Wanted};
use crate::firewall::{Prefix, Proto, Target};

/// Longest message to the enforcer: 100,000 entries of the longest kind, and as much again.
pub(super) const MOST_REQUEST: u32 = 24 << 20;
/// Longest answer.
pub(super) const MOST_ANSWER: u32 = 48 << 20;

/// What the enforcer is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Request {
    Apply(WantedForm),
    ReadBack {},
    Remove {},
    Ping {},
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Answer {
    Applied(AppliedForm),
    Held(HeldForm),
    Removed { had: bool },
    Pong { backend: String },
    Failed(EnforceError),
}

/// Sends one message.
pub(super) fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(&body)?;
    to.flush()
}

/// What came.
pub(super) enum Received<T> {
    Message(T),
    /// A whole message that is none of ours; the next one may be.
    Odd(String),
    /// The other end is gone.
    End,
}

/// Receives one message of at most `most` bytes. After an error there is no telling where the next one begins.
pub(super) fn receive<T: DeserializeOwned>(from: &mut impl Read, most: u32) -> io::Result<Received<T>> {
    let mut length = [0; 4];
    let begun = loop {
        match from.read(&mut length) {
            // A signal, such as the end of a child; with a time limit on the socket the kernel does not go on by itself.
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    if begun == 0 {
        return Ok(Received::End);
    }
    from.read_exact(length.get_mut(begun..).unwrap_or_default())?;
    let length = u32::from_be_bytes(length);
    if length > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {length} bytes is too long")));
    }
    // Grows with what really comes: a length alone costs nothing.
    let mut body = Vec::new();
    from.take(length.into()).read_to_end(&mut body)?;
    if body.len() < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(match serde_json::from_slice(&body) {
        Ok(message) => Received::Message(message),
        Err(e) => Received::Odd(e.to_string()),
    })
}

/// [`Target`] in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetForm {
    addr: IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<(ProtoForm, u16)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<IpAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProtoForm {
    Tcp,
    Udp,
}

impl From<Target> for TargetForm {
    fn from(t: Target) -> Self {
        let form = |p| if p == Proto::Tcp { ProtoForm::Tcp } else { ProtoForm::Udp };
        Self { addr: t.addr, service: t.service.map(|(p, port)| (form(p), port)), from: t.from }
    }
}

impl From<TargetForm> for Target {
    fn from(t: TargetForm) -> Self {
        let proto = |p| if p == ProtoForm::Tcp { Proto::Tcp } else { Proto::Udp };
        Self { addr: t.addr, service: t.service.map(|(p, port)| (proto(p), port)), from: t.from }
    }
}

/// [`Wanted`] in a message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedForm {
    block: Vec<(TargetForm, u64)>,
    isolate: Vec<IsolatedForm>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IsolatedForm {
    host: IpAddr,
    ttl_secs: u64,
    keep: Vec<String>,
}

impl From<&Wanted> for WantedForm {
    fn from(w: &Wanted) -> Self {
        let isolated = |i: &Isolated| IsolatedForm {
            host: i.host,
            ttl_secs: i.ttl_secs,
            keep: i.keep.iter().map(Prefix::to_string).collect(),
        };
        Self {
            block: w.block.iter().map(|b| (b.target.into(), b.ttl_secs)).collect(),
            isolate: w.isolate.iter().map(isolated).collect(),
        }
    }
}

fn prefix(text: &str) -> Result<Prefix, EnforceError> {
    text.parse().map_err(|e: crate::firewall::PrefixError| EnforceError::Protocol(e.to_string()))
}

impl TryFrom<WantedForm> for Wanted {
    type Error = EnforceError;

    fn try_from(form: WantedForm) -> Result<Self, EnforceError> {
        let isolated = |i: IsolatedForm| {
            let keep = i.keep.iter().map(|p| prefix(p)).collect::<Result<_, _>>()?;
            Ok(Isolated { host: i.host, ttl_secs: i.ttl_secs, keep })
        };
        Ok(Self {
            block: form.block.into_iter().map(|(t, ttl_secs)| Block { target: t.into(), ttl_secs }).collect(),
            isolate: form.isolate.into_iter().map(isolated).collect::<Result<_, EnforceError>>()?,
        })
    }
}

/// [`Applied`] in a message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AppliedForm {
    backend: String,
    blocked: usize,
    isolated: usize,
    refused_blocks: Vec<(TargetForm, String)>,
    refused_hosts: Vec<(IpAddr, String)>,
    ended: usize,
    unknown: Option<EnforceError>,
    millis: u64,
}

impl From<Applied> for AppliedForm {
    fn from(a: Applied) -> Self {
        let (mut refused_blocks, mut refused_hosts) = (Vec::new(), Vec::new());
        for refused in a.refused {
            match refused {
                Refused::Block { target, why } => refused_blocks.push((target.into(), why)),
                Refused::Isolate { host, why } => refused_hosts.push((host, why)),
            }
        }
        let (ended, unknown) = match a.connections {
            Connections::NoneOpen => (0, None),
            Connections::Ended(n) => (n, None),
            Connections::Unknown(why) => (0, Some(why)),
        };
        let Applied { backend, blocked, isolated, millis, .. } = a;
        Self { backend, blocked, isolated, refused_blocks, refused_hosts, ended, unknown, millis }
    }
}

impl From<AppliedForm> for Applied {
    fn from(form: AppliedForm) -> Self {
        let blocks = form.refused_blocks.into_iter();
        let mut refused: Vec<_> = blocks.map(|(t, why)| Refused::Block { target: t.into(), why }).collect();
        refused.extend(form.refused_hosts.into_iter().map(|(host, why)| Refused::Isolate { host, why }));
        let connections = match (form.unknown, form.ended) {
            (Some(why), _) => Connections::Unknown(why),
            (None, 0) => Connections::NoneOpen,
            (None, n) => Connections::Ended(n),
        };
        let AppliedForm { backend, blocked, isolated, millis, .. } = form;
        Self { backend, blocked, isolated, refused, connections, millis }
    }
}

/// [`Held`] in a message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeldForm {
    blocked: Vec<(TargetForm, u64)>,
    isolated: Vec<(IpAddr, u64)>,
    kept: Vec<(IpAddr, String)>,
    rules: Rules,
    hits: Hits,
}

impl From<Held> for HeldForm {
    fn from(h: Held) -> Self {
        Self {
            blocked: h.blocked.into_iter().map(|(t, left)| (t.into(), left)).collect(),
            isolated: h.isolated.into_iter().collect(),
            kept: h.kept.into_iter().map(|(host, p)| (host, p.to_string())).collect(),
            rules: h.rules,
            hits: h.hits,
        }
    }
}

impl TryFrom<HeldForm> for Held {
    type Error = EnforceError;

    fn try_from(form: HeldForm) -> Result<Self, EnforceError> {
        Ok(Self {
            blocked: form.blocked.into_iter().map(|(t, left)| (t.into(), left)).collect::<BTreeMap<_, _>>(),
            isolated: form.isolated.into_iter().collect(),
            kept: form.kept.into_iter().map(|(h, p)| Ok((h, prefix(&p)?))).collect::<Result<BTreeSet<_>, _>>()?,
            rules: form.rules,
            hits: form.hits,
        })
    }
}

#[cfg(test)]
mod tests;
