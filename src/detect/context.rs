//! Who else visits an address, and what became of it.

use std::net::{IpAddr, SocketAddr};

use crate::time::PacketTime;

/// By what name an address was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Named {
    /// It cannot be told: no handshake was seen.
    #[default]
    Unknown,
    /// By none, though one is usual there (TLS without a server name, no DNS answer led there).
    Nothing,
    /// One that sounds like a pool.
    PoolLike,
    /// Any other. Speaks for nothing: names are free to choose.
    Other,
}

/// What is known of a flow beside its beats.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// When its first packet was seen.
    pub since: PacketTime,
    /// Application messages in both directions.
    pub messages: u64,
    /// By what name it was reached.
    pub named: Named,
    /// JA4 of its client hello.
    pub ja4: Option<&'a str>,
    /// Known pools that the inside host tried to reach in the hours before.
    pub pools_tried: u32,
}

/// A visit to an address, judged.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// As in [`super::Party`].
    pub tenant: u32,
    /// Who.
    pub inside: IpAddr,
    /// To whom.
    pub server: SocketAddr,
    /// When it was judged.
    pub at: PacketTime,
    /// Whether its shape spoke against mining, or rather for it.
    pub harmless: bool,
}
