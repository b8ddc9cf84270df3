//! A mining flow as it is reported.
//!
//! In: what the flow table and the dialect know at the end of a flow (or now, for an alert). Out: a plain value that
//! the ledger keeps and the sinks print.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::identity::Identity;
use crate::carrier::{Target, Wrap};
use crate::decode::{MacAddr, Tenant};
use crate::dialect::{Category, Conversation, Password, Shares, Stage};
use crate::evidence::{Evidence, Stamp, Verdict};
use crate::intel::passive::Known;
use crate::intel::{Day, Match, Place, Role};
use crate::wallet::{self, Coin, difficulty};

/// One mining flow.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts, each with its own word in the output
pub struct FlowFinding {
    /// Stable number of the flow, below 2^53.
    pub flow_id: u64,
    /// Community ID v1.
    pub community_id: String,
    /// Overlay or VLAN.
    pub tenant: Tenant,
    /// 802.1Q ids seen, ascending.
    pub vlans: Vec<u16>,
    /// What the conversation was unwrapped from, outermost first.
    pub wraps: Vec<Wrap>,
    /// The miner's end.
    pub miner: SocketAddr,
    /// The miner's Ethernet address as captured (its router's, when captured behind one).
    pub miner_mac: Option<MacAddr>,
    /// The pool's end.
    pub pool: SocketAddr,
    /// It goes over UDP.
    pub udp: bool,
    /// Dialect id.
    pub dialect: &'static str,
    /// What kind of mining.
    pub category: Category,
    /// Coin and what says so.
    pub coin: Option<(Coin, &'static str)>,
    /// Coins that fit what was overheard of it, the likeliest first.
    pub coins: Vec<LikelyCoin>,
    /// How far it got.
    pub stage: Stage,
    /// The level.
    pub verdict: Verdict,
    /// What the next level would take.
    pub missing: Option<&'static str>,
    /// Login as sent.
    pub login: Option<String>,
    /// Wallet address in the login.
    pub wallet: Option<String>,
    /// Worker name.
    pub worker: Option<String>,
    /// What the password carries.
    pub password: Option<Password>,
    /// Agent as sent.
    pub agent: Option<String>,
    /// Program the agent names.
    pub program: Option<&'static str>,
    /// Program that the client writes like; ends in `?` when others may write so.
    pub style: Option<&'static str>,
    /// Whether [`Self::program`] is known to write in that style.
    pub style_fits: bool,
    /// Facts on whether somebody agreed to the mining.
    pub hints: Vec<&'static str>,
    /// Algorithms advertised or named.
    pub algorithms: Vec<String>,
    /// Last difficulty.
    pub difficulty: Option<f64>,
    /// Shares.
    pub shares: Shares,
    /// Jobs delivered.
    pub jobs: u64,
    /// Last height.
    pub height: Option<u64>,
    /// Accepted work, for the host's sum.
    pub work: Work,
    /// Hash rate the miner claims, in hashes per second.
    pub reported_hashrate: Option<f64>,
    /// The pool that a rig's management interface names.
    pub reported_pool: Option<Target>,
    /// The operator allows this miner.
    pub allowed: bool,
    /// Only one direction was captured.
    pub one_way: bool,
    /// The start was not captured.
    pub mid_stream: bool,
    /// SYN, SYN-ACK and ACK seen with matching numbers.
    pub handshake_verified: bool,
    /// It came in a tunnel that one host outside could have written alone.
    pub tunnelled: bool,
    /// The pool acknowledged data that the miner sent.
    pub client_data_acked: bool,
    /// The pool said something in the protocol.
    pub peer_replied: bool,
    /// First packet.
    pub first: Stamp,
    /// Last packet.
    pub last: Stamp,
    /// IP bytes on the wire, both directions.
    pub bytes: u64,
    /// Packets, both directions.
    pub packets: u64,
    /// Names that the client sent in the clear, in TLS or HTTP.
    pub sent: Vec<Box<str>>,
    /// The host that every plain HTTP request of the conversation was for.
    pub host: Option<Box<str>>,
    /// What TLS showed.
    pub tls: Option<Box<TlsSeen>>,
    /// The machine that had the miner's address then.
    pub identity: Option<Identity>,
    /// Names by which the pool was reached, the likeliest first.
    pub names: Vec<Box<str>>,
    /// What speaks for calling the pool by a name, for those who block names.
    pub claims: Vec<NameClaim>,
    /// What a feed knows of it.
    pub known: Option<KnownPool>,
    /// Where it is.
    pub place: Place,
    /// Who else is served from its address: then only the name may be blocked.
    pub shared_front: Option<Box<str>>,
    /// Others seem to be served from its address, too: no proof, as look-ups can be made up.
    pub crowd: Option<Box<str>>,
    /// Evidence in time order.
    pub evidence: Vec<Evidence>,
}

/// A coin that may be mined.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LikelyCoin {
    /// Its ticker.
    pub coin: Box<str>,
    /// Its likelihood among those that were tried, 0 to 1.
    pub likelihood: f32,
}

/// A name by which the miner may have reached the pool, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameClaim {
    /// As asked for, or as sent.
    pub name: Box<str>,
    /// The resolver that told this miner that the name leads to the pool's address.
    pub told_by: Option<IpAddr>,
    /// The client sent it in the conversation: in TLS or HTTP, or to the proxy.
    pub sent: bool,
    /// Every plain HTTP request of the conversation was for it.
    pub host: bool,
    /// A feed lists it as a host that takes miners.
    pub takes_miners: bool,
}

impl NameClaim {
    /// That a resolver led `miner` there.
    pub(super) fn told(known: &Known, miner: IpAddr) -> Option<Self> {
        let told_by = Some(known.told_by(miner)?);
        Some(Self { name: (*known.name).into(), told_by, sent: false, host: false, takes_miners: false })
    }
}

/// What TLS showed of the conversation inside it. All text is safe to print.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct TlsSeen {
    /// The server's name as the client sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<Box<str>>,
    /// Fingerprint of the client's hello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<String>,
    /// Protocols that the client offered for what is inside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpn: Vec<Box<str>>,
    /// The real name may be encrypted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ech: bool,
    /// The version that was agreed, or the highest that was offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Common name in the server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Box<str>>,
    /// Its other names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<Box<str>>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Box<str>>,
    /// Its SHA-256, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Issuer and subject are the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub self_signed: bool,
}

impl TlsSeen {
    /// Names that the server's certificate is for, wildcards as what they stand below.
    pub(super) fn certificate_names(&self) -> impl Iterator<Item = &str> {
        self.subject.iter().chain(&self.sans).map(|n| n.strip_prefix("*.").unwrap_or(n))
    }
}

/// What a feed knows of the pool of a finding.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct KnownPool {
    /// Its name.
    pub name: Box<str>,
    /// What the host is there for.
    pub role: Role,
    /// What is mined there, on that port if the feed says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coins: Vec<Box<str>>,
    /// The file that says so.
    pub list: Box<str>,
    /// Why it matched, as a sentence.
    pub why: String,
}

impl KnownPool {
    pub(super) fn of(m: &Match<'_>, day: Day) -> Self {
        Self {
            name: m.pool.into(),
            role: m.role,
            coins: m.coins.iter().map(|c| (*c).into()).collect(),
            list: m.list.into(),
            why: m.why(day),
        }
    }
}

/// Accepted work: enough to estimate a rate, and to add flows up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Accepted shares of known difficulty.
    pub shares: u64,
    /// Expected hashes behind them.
    pub hashes: f64,
    /// Seconds in which they were found.
    pub seconds: f64,
}

impl Work {
    /// Hash rate with its 95 % interval, in hashes per second.
    pub fn hashrate(self) -> Option<difficulty::Estimate> {
        difficulty::hashrate(self.shares, self.hashes, Duration::try_from_secs_f64(self.seconds).ok()?)
    }

    /// Both together: rates of flows that ran side by side add up.
    pub fn add(&mut self, other: Self) {
        self.shares = self.shares.saturating_add(other.shares);
        self.hashes += other.hashes;
        self.seconds = self.seconds.max(other.seconds);
    }
}

/// Names taken out of a login: wallet and worker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    /// Wallet address.
    pub wallet: Option<String>,
    /// Worker name.
    pub worker: Option<String>,
    /// The coin, when the address belongs to one coin only and that coin is mined with this dialect.
    pub coin: Option<Coin>,
    /// The address belongs to a coin of scrypt pools, whose difficulty 1 is 2^16 hashes instead of 2^32.
    pub scrypt: bool,
}

impl Names {
    /// Splits a login.
    pub fn of(conversation: &Conversation, mined: &[Coin]) -> Self {
        let login = conversation.login.as_deref().map(wallet::recognise);
        let coin = Self::coin_of(conversation, mined);
        let mut names = Self { worker: conversation.worker.clone(), coin, ..Self::default() };
        let Some(login) = login else { return names };
        if let Some(worker) = login.worker {
            names.worker = Some(worker.to_owned());
        }
        if let Some(w) = login.wallet {
            names.wallet = Some(w.text.to_owned());
            names.scrypt = matches!(w.coins, [Coin::Ltc]);
        }
        names
    }

    /// The coin that the login's wallet is of. Payout addresses of another coin (`NiceHash` and the like pay Bitcoin for
    /// anything) name none.
    pub fn coin_of(conversation: &Conversation, mined: &[Coin]) -> Option<Coin> {
        // Zcash and Flux share their addresses; Flux used parameters of its own.
        let flux = conversation.algorithms.iter().any(|a| a == "equihash/125,4");
        let shared = |c: &Coin| if flux { *c != Coin::Zec } else { *c != Coin::Flux };
        let mut coins = conversation.wallet_coins.iter().filter(|c| mined.contains(c) && shared(c));
        match (coins.next(), coins.next()) {
            (Some(only), None) => Some(*only),
            _ => None,
        }
    }
}

/// Address of an endpoint, for sorting and for the gate.
impl FlowFinding {
    /// The pool behind a proxy, when the conversation went through one: `None` inside when the proxy was not told a name
    /// that could be read.
    pub fn proxy_target(&self) -> Option<Option<&Target>> {
        self.wraps.iter().rev().find_map(Wrap::proxy)
    }

    /// The pool by the name it was reached by: behind a proxy, what the proxy was asked for. For the management of a rig
    /// the other end is no pool: what the rig says it mines at, if it does.
    pub fn pool_name(&self) -> Option<String> {
        if self.is_inventory() {
            return self.reported_pool.as_ref().map(ToString::to_string);
        }
        Some(match self.proxy_target() {
            Some(Some(target)) => target.to_string(),
            _ => self.pool.to_string(),
        })
    }

    /// Whether it was listened to, and what was heard is not enough to say that it mines.
    pub fn is_harmless(&self) -> bool {
        self.missing == Some(super::overheard::TOO_LITTLE)
    }

    /// Whether nobody can read what is said in it: jobs and shares are not known then.
    pub fn is_unread(&self) -> bool {
        self.dialect == "encrypted" && self.jobs == 0 && self.shares == Shares::default()
    }

    /// Whether it is the management of a rig: [`Self::pool`] is who asked.
    pub fn is_inventory(&self) -> bool {
        self.category == Category::Inventory
    }

    /// The client that the sender's PROXY header names. The outermost header is the one that the sender itself wrote.
    pub fn source(&self) -> Option<SocketAddr> {
        self.wraps.iter().find_map(Wrap::source)
    }

    /// The miner's address.
    pub fn miner_ip(&self) -> IpAddr {
        self.miner.ip()
    }
}
