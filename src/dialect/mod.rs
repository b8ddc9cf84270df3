//! What miners and pools say: one file a mining protocol variant, registered in [`DIALECTS`].
//!
//! In: messages (a JSON line, or an HTTP request or response with a JSON body) with their direction and stamp. Out:
//! facts and evidence in a [`Conversation`]. A dialect does no I/O, has no clock and no configuration, and knows no
//! other dialect: which one a flow speaks is decided by the [`Arbiter`] from what each makes of the messages.

mod aeternity;
mod aleo;
mod aleo_zkwork;
mod alephium;
mod arbiter;
mod autolykos;
mod beam;
mod bitcoin_v1;
mod btcagent;
mod ceiling;
mod cgminer_api;
mod chia;
mod claymore_api;
mod coinhive;
mod conflux;
mod conversation;
mod cryptonote;
mod datum;
mod dero;
mod duino_coin;
mod eaglesong;
mod equihash;
mod eth_getwork;
mod ethereum_stratum;
mod ethereum_stratum_1;
mod ethereum_stratum_2;
mod ethproxy;
mod family;
mod frames;
mod getblocktemplate;
mod getwork;
mod grin;
mod http;
mod ironfish;
pub mod json;
mod kadena;
mod kaspa;
mod kawpow;
mod nimiq;
mod p2pool;
mod program;
mod qubic;
mod requests;
mod rig_http;
mod shape;
mod sia;
mod stratum;
mod stratum_v2;
mod stream;
#[cfg(test)]
mod trial;
mod webminerpool;
mod xelis;
mod xmrig_api;

pub use arbiter::{Arbiter, Interest, Origin, Scratch};
pub use ceiling::missing;
pub use conversation::{Conversation, Password, Shares, Stage};
pub use program::{Belongs, downloaded, hints, name as program_of, serves, writes_so};
pub use requests::{Requests, What};
pub use stream::{STREAM_DIALECTS, Start, StreamDialect, StreamSession};

pub use crate::carrier::http::HttpMeta;
use crate::evidence::Stamp;
use crate::flow::Direction;
use crate::wallet::Coin;
use json::{Rpc, Value};

/// Every dialect. Order carries no meaning; ties between probes are broken by evidence, then by name.
pub static DIALECTS: &[&dyn Dialect] = &[
    &aeternity::Aeternity,
    &aleo::Aleo,
    &alephium::Alephium,
    &autolykos::Autolykos,
    &beam::Beam,
    &bitcoin_v1::BitcoinV1,
    &chia::Chia,
    &claymore_api::ClaymoreApi,
    &coinhive::CoinHive,
    &conflux::Conflux,
    &cryptonote::CryptoNote,
    &dero::Dero,
    &eaglesong::Eaglesong,
    &equihash::Equihash,
    &eth_getwork::EthGetWork,
    &ethereum_stratum::EthereumStratum,
    &ethereum_stratum_1::EthereumStratum1,
    &ethereum_stratum_2::EthereumStratum2,
    &ethproxy::EthProxy,
    &getblocktemplate::GetBlockTemplate,
    &getwork::GetWork,
    &grin::Grin,
    &ironfish::IronFish,
    &kadena::Kadena,
    &kaspa::Kaspa,
    &kawpow::KawPow,
    &nimiq::Nimiq,
    &qubic::Qubic,
    &rig_http::RigHttp,
    &sia::Sia,
    &webminerpool::WebMinerPool,
    &xelis::Xelis,
    &xmrig_api::XmrigApi,
];

/// What carries a dialect's messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// One JSON object a line over TCP.
    Lines,
    /// JSON bodies of HTTP requests and responses.
    Http,
    /// WebSocket messages.
    WebSocket,
}

/// Which end of a mining flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Asks for work and submits shares.
    Miner,
    /// Hands out work.
    Pool,
}

impl Role {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Miner => Self::Pool,
            Self::Pool => Self::Miner,
        }
    }
}

/// What kind of mining a conversation is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// With a pool.
    #[default]
    Pool,
    /// With a node of one's own.
    Solo,
    /// In a web page or an embedded script.
    Web,
    /// With the peers of a decentralised pool.
    PeerToPeer,
    /// No mining itself: the management of a machine that mines.
    Inventory,
}

impl Category {
    /// Name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Solo => "solo",
            Self::Web => "web",
            Self::PeerToPeer => "peer-to-peer",
            Self::Inventory => "inventory",
        }
    }
}

/// What a dialect makes of one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probe {
    /// No other protocol says this; the sender plays this role.
    Certain(Role),
    /// Fits, as it would fit others; the weight (1 = hardly, 4 = but for one twin) orders them.
    Unsure(Role, u8),
    /// Nothing to say: a bare reply, a message of a later stage, junk.
    Neutral,
    /// This dialect never says this: it is out for this flow.
    NotForUs,
}

/// One protocol message.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Which way it went.
    pub from: Direction,
    /// Frame and time of its last byte.
    pub stamp: Stamp,
    /// Its JSON, or an empty object for an HTTP message without.
    pub rpc: &'a Rpc<'a>,
    /// What carried it.
    pub carrier: Carrier,
    /// The HTTP message that carried it, or the request that opened the WebSocket it came over.
    pub http: Option<&'a HttpMeta>,
}

impl<'a> Message<'a> {
    /// The method name.
    pub fn method(&self) -> Option<&str> {
        self.rpc.method.as_deref()
    }

    /// The `i`-th positional parameter.
    pub fn param(&self, i: usize) -> Option<Value<'a>> {
        self.rpc.params?.index(i)
    }

    /// How many positional parameters there are; 0 when they are no array.
    pub fn params(&self) -> usize {
        self.rpc.params.filter(|p| p.is_array()).map_or(0, Value::len)
    }

    /// The positional parameters that are strings, in one pass: asking for each by its place takes a pass each.
    pub fn texts(&self) -> impl Iterator<Item = std::borrow::Cow<'a, str>> + use<'a> {
        self.rpc.params.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// A named parameter.
    pub fn named(&self, key: &str) -> Option<Value<'a>> {
        self.rpc.params?.get(key)
    }
}

/// A mining protocol variant.
pub trait Dialect: Sync {
    /// Stable name in outputs.
    fn id(&self) -> &'static str;

    /// Whether this carries it. Whoever speaks lines is also found inside WebSocket, where bridges put it.
    fn carried_by(&self, carrier: Carrier) -> bool {
        carrier != Carrier::Http
    }

    /// What kind of mining it is.
    fn category(&self) -> Category {
        Category::Pool
    }

    /// The coins mined with it, as far as their addresses are known. With a single one, the dialect names the coin.
    fn coins(&self) -> &'static [Coin] {
        &[]
    }

    /// Whether the miner opens the connection. Not where somebody else manages it.
    fn miner_opens(&self) -> bool {
        true
    }

    /// Judges one message without state.
    fn probe(&self, m: &Message<'_>) -> Probe;

    /// A new session.
    fn open(&self) -> Box<dyn Session>;
}

/// A dialect's state for one flow.
pub trait Session: Send {
    /// Reads a message sent by `role`, recording facts and evidence.
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation);
}
