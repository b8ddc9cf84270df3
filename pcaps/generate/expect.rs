//! What a detector should find in a capture: the text beside it.
//!
//! In: a scenario's declared truth. Out: `NAME.expect.json`, and back again for tests. Nothing in here comes from a
//! detector's output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::dialogue::Stage;

/// Expected findings of one capture. What is absent is not checked; what is present must hold.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What the capture shows, and which case it stands for.
    pub about: String,
    /// The capture; several where it is a rotated set, to be read as one.
    pub files: Vec<String>,
    /// Options of the replay, paths from the project's folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Frames in it.
    pub frames: u64,
    /// Every mining flow. A flow that is not listed must not be reported at `suspected` or above.
    pub flows: Vec<Flow>,
    /// `address:port` of every entry that a block list must hold at the default policy, with documentation addresses
    /// allowed; nothing else may be in it.
    pub blocked: Vec<String>,
    /// Endpoints of mining flows that must not be in a block list, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    /// Everything that is noted of hosts and pools beside mining: none of these may miss, and no other may be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    /// Health counters by name, at least these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub health_at_least: BTreeMap<String, u64>,
    /// Health counters by name, exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub health: BTreeMap<String, u64>,
}

/// A mining flow. Names are those of the `miner_flow` output where it has them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Miner's address.
    pub miner: String,
    /// Miner's port.
    pub miner_port: u16,
    /// Pool's address.
    pub pool: String,
    /// Pool's port.
    pub pool_port: u16,
    /// The dialect is one of these.
    pub dialect: Vec<String>,
    /// False: saying nothing is right as well (no more than `verdict_at_most` is wrong).
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub required: bool,
    /// Stage reached, as visible in the capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Lowest right verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict_at_least: Option<String>,
    /// Highest right verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict_at_most: Option<String>,
    /// Coin, where the wallet alone tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coin: Option<String>,
    /// Login as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Address part of the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<String>,
    /// Worker part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Program's name for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Program whose way of writing it is composed in, where that is that program's alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// Shares, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
    /// The estimate lies between these (hashes or solutions a second): the capture's accepted work over its time,
    /// with room for another choice of window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashrate_between: Option<[f64; 2]>,
    /// Only one direction is in the capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_way: Option<bool>,
    /// The start is not in the capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid_stream: Option<bool>,
    /// SYN, SYN-ACK, ACK with matching numbers and acknowledged client data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake_verified: Option<bool>,
    /// Tenant as printed, with tenants by VLAN where it is a VLAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// 802.1Q ids seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<u16>,
    /// What the conversation is wrapped in, outermost first; exactly that where it is stated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrapped: Vec<Wrapped>,
    /// The names of the pool, the likeliest first; exactly these where they are stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// Who the feeds say it is; nobody, where that is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// Who shares the pool's address; nobody, unless it is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_front: Option<String>,
    /// What TLS showed; exactly these members where it is stated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tls: BTreeMap<String, serde_json::Value>,
    /// Codes that are among its evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Codes that are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_evidence: Vec<String>,
}

/// Who feeds say a pool is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Known {
    /// They know nothing of it.
    Nobody,
    /// They know it: its name and role.
    Pool(String, String),
}

/// What a host had to do with a pool without mining: a `pool_contact` line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Whose contact it is.
    pub host: String,
    /// As printed, with tenants by VLAN where it is a VLAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The pool's or program's name in the feed.
    pub pool: String,
    /// `pool`, `web-miner`, `download`, `inventory`, `peer-to-peer`, `web-site` or `node`.
    pub kind: String,
    /// The codes of all its evidence, sorted.
    pub codes: Vec<String>,
    /// Names that were used, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// A wrapping.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrapped {
    /// `socks`, `connect`, `http-proxy`, `proxy-protocol`, `websocket` or `gzip`.
    pub kind: String,
    /// Where the client asked a proxy to connect it to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The client that a load balancer named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Wrapped {
    /// A wrapping that names nobody.
    pub fn plain(kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::default() }
    }

    /// A proxy that was asked for `target`.
    pub fn to(kind: &str, target: &str) -> Self {
        Self { kind: kind.to_owned(), target: Some(target.to_owned()), source: None }
    }

    /// A PROXY protocol header that names `source`.
    pub fn of(source: &str) -> Self {
        Self { kind: "proxy-protocol".to_owned(), target: None, source: Some(source.to_owned()) }
    }
}

/// Counted shares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Shares {
    /// Sent by the miner.
    pub submitted: u64,
    /// Taken by the pool.
    pub accepted: u64,
    /// Refused by the pool.
    pub rejected: u64,
}

/// An endpoint that must not be blocked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refused {
    /// `address:port`.
    pub endpoint: String,
    /// `verdict_too_low`, `one_way`, `no_handshake`, `datagrams`, `no_answer`, `private_address`, `proxy` or `shared_front`: the gate that has
    /// to stop it.
    pub reason: String,
}

const fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
const fn is_true(v: &bool) -> bool {
    *v
}

impl Expect {
    /// The file's text.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap() + "\n"
    }

    /// From a file's text.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Flow {
    /// The names of the pool, and who feeds say it is, by name and role.
    pub fn named(&mut self, names: &[&str], known: Option<(&str, &str)>) -> &mut Self {
        self.names = Some(names.iter().map(|n| (*n).to_owned()).collect());
        self.known = Some(known.map_or(Known::Nobody, |(pool, role)| Known::Pool(pool.to_owned(), role.to_owned())));
        self
    }

    /// Codes that are among its evidence.
    pub fn by(&mut self, codes: &[&str]) -> &mut Self {
        self.evidence = codes.iter().map(|c| (*c).to_owned()).collect();
        self
    }

    /// Codes that are not among its evidence.
    pub fn without(&mut self, codes: &[&str]) -> &mut Self {
        self.no_evidence = codes.iter().map(|c| (*c).to_owned()).collect();
        self
    }

    /// Limits the verdict from above (and, if `floor` is higher, from below too).
    pub fn at_most(&mut self, verdict: &str) -> &mut Self {
        self.verdict_at_most = Some(verdict.to_owned());
        self
    }

    /// Sets the lowest right verdict.
    pub fn at_least(&mut self, verdict: &str) -> &mut Self {
        self.verdict_at_least = Some(verdict.to_owned());
        self
    }

    /// Sets the stage.
    pub fn stage(&mut self, stage: Stage) -> &mut Self {
        self.stage = Some(stage.name().to_owned());
        self
    }
}
