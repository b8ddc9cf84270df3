//! Dialects that are no JSON messages: binary framing, text of their own, encrypted frames told by their sizes.
//!
//! In: the bytes of both directions in order, as the segments brought them. Out: facts and evidence. One file a dialect,
//! registered in [`STREAM_DIALECTS`]; which one a flow speaks, if any, they say themselves.

use super::{Category, Conversation, Probe, aleo_zkwork, btcagent, cgminer_api, datum, duino_coin, p2pool, stratum_v2};
use crate::evidence::Stamp;
use crate::flow::Direction;
use crate::wallet::Coin;

/// Every stream dialect. Order carries no meaning: the first one that is certain of a flow reads it.
pub static STREAM_DIALECTS: &[&dyn StreamDialect] = &[
    &aleo_zkwork::AleoZkWork,
    &btcagent::BtcAgent,
    &cgminer_api::CgminerApi,
    &datum::Datum,
    &duino_coin::DuinoCoin,
    &p2pool::P2Pool,
    &stratum_v2::StratumV2,
];

/// What is known when a direction's first bytes arrive.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The bytes of the first segment, at most a few hundred looked at.
    pub bytes: &'a [u8],
    /// Whether the sender opened the connection, if that was seen.
    pub opener: Option<bool>,
    /// The capture begins in the middle of the connection.
    pub mid_stream: bool,
}

/// A protocol variant that is read as a stream.
pub trait StreamDialect: Sync {
    /// Stable name in outputs.
    fn id(&self) -> &'static str;

    /// Whether a flow may speak it, by the first bytes of one direction. Cheap and strict: it is asked for every flow.
    fn starts(&self, start: Start<'_>) -> bool;

    /// What kind of mining it is.
    fn category(&self) -> Category {
        Category::Pool
    }

    /// The coins mined with it. With a single one, the dialect names the coin.
    fn coins(&self) -> &'static [Coin] {
        &[]
    }

    /// Whether the miner opens the connection.
    fn miner_opens(&self) -> bool {
        true
    }

    /// A new session, fed from the first byte of the direction that [`starts`](Self::starts) agreed to.
    fn open(&self) -> Box<dyn StreamSession>;

    /// The same, for a dialect whose session has to know how the flow began.
    fn open_at(&self, _start: Start<'_>) -> Box<dyn StreamSession> {
        self.open()
    }
}

/// A stream dialect's state for one flow.
pub trait StreamSession: Send {
    /// The next bytes of a direction. [`Probe::Certain`] names the sender's role and settles the flow;
    /// [`Probe::Unsure`] keeps it, [`Probe::NotForUs`] ends it.
    fn data(&mut self, from: Direction, bytes: &[u8], at: Stamp, c: &mut Conversation) -> Probe;

    /// Bytes of a direction are missing. The default gives up: most framing has no way back.
    fn gap(&mut self, _from: Direction, _missing: u64) -> Probe {
        Probe::NotForUs
    }

    /// A direction is over. Only told to the session that reads the flow.
    fn end(&mut self, _from: Direction, _at: Stamp, _c: &mut Conversation) {}
}

#[cfg(test)]
pub(super) mod bench;
