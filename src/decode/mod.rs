//! Bytes to packets: link types, VLAN, MPLS, `PPPoE`, tunnels (bounded depth), fragments (bounded), TCP and UDP.
//!
//! In: [`Frame`](crate::capture::Frame)s. Out: [`Packet`]s borrowed from the frame (or from the defragmentation
//! buffer), and counters for everything that was not one. No length field is trusted further than the captured bytes.

mod checksum;
mod decoder;
mod ether;
mod fragment;
mod ip;
mod link;
mod mpls;
mod names;
mod plain;
mod ppp;
mod tally;
mod transport;
mod tunnel;
mod walk;
mod wlan;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

pub use decoder::{Begun, DecodeOptions, Decoder, Part, TenantMode};

use crate::capture::{FrameRef, Stamp};
use crate::time::PacketTime;

/// What keeps equal addresses apart: an overlay or VLAN identifier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Tenant {
    /// Plain traffic.
    #[default]
    None,
    /// IEEE 802.1Q VLAN id of the outermost tag (only with `--tenant vlan`).
    Vlan(u16),
    /// VXLAN network identifier.
    Vxlan(u32),
    /// GENEVE network identifier.
    Geneve(u32),
    /// ERSPAN session id.
    Erspan(u16),
    /// LISP instance id.
    Lisp(u32),
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Vlan(id) => write!(f, "vlan:{id}"),
            Self::Vxlan(id) => write!(f, "vxlan:{id}"),
            Self::Geneve(id) => write!(f, "geneve:{id}"),
            Self::Erspan(id) => write!(f, "erspan:{id}"),
            Self::Lisp(id) => write!(f, "lisp:{id}"),
        }
    }
}

/// An IEEE 802 address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [m0, m1, m2, m3, m4, m5] = self.0;
        write!(f, "{m0:02x}:{m1:02x}:{m2:02x}:{m3:02x}:{m4:02x}:{m5:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// TCP header flags that matter to flows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // they are bits on the wire
pub struct TcpFlags {
    /// SYN.
    pub syn: bool,
    /// ACK.
    pub ack: bool,
    /// FIN.
    pub fin: bool,
    /// RST.
    pub rst: bool,
    /// PSH.
    pub psh: bool,
    /// The urgent pointer: behind how many bytes of the payload the urgent byte ends. 0 without URG.
    pub urgent: u16,
}

/// The transport header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// TCP.
    Tcp {
        /// Source port.
        src_port: u16,
        /// Destination port.
        dst_port: u16,
        /// Sequence number of the first payload byte (of the SYN, if set).
        seq: u32,
        /// Acknowledgement number (meaningful with ACK).
        ack: u32,
        /// Window as sent, unscaled.
        window: u16,
        /// Flags.
        flags: TcpFlags,
    },
    /// UDP.
    Udp {
        /// Source port.
        src_port: u16,
        /// Destination port.
        dst_port: u16,
    },
}

/// The innermost TCP or UDP packet of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The frame it came in.
    pub at: FrameRef,
    /// Capture time.
    pub time: PacketTime,
    /// Overlay or VLAN it belongs to.
    pub tenant: Tenant,
    /// Source and destination of the outermost IP header, when the packet came in a tunnel.
    pub outer: Option<(IpAddr, IpAddr)>,
    /// Outermost 802.1Q id, recorded even when it is not part of the tenant.
    pub vlan: Option<u16>,
    /// Innermost Ethernet source, if there was one.
    pub src_mac: Option<MacAddr>,
    /// Innermost Ethernet destination.
    pub dst_mac: Option<MacAddr>,
    /// Source address (an IPv4-mapped IPv6 address is given as IPv4).
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// IPv4 identification, or 0: tells a mirror's second copy from a retransmission.
    pub ip_id: u16,
    /// Transport header.
    pub transport: Transport,
    /// Captured payload.
    pub payload: &'a [u8],
    /// Payload length on the wire; larger than `payload` when a snaplen cut it.
    pub wire_payload_len: u32,
    /// IP bytes of the packet on the wire, for byte counts.
    pub wire_ip_len: u32,
}

impl Packet<'_> {
    /// When and where it was captured.
    pub const fn stamp(&self) -> Stamp {
        Stamp { time: self.time, frame: self.at }
    }

    /// The same packet with its payload in another place, to outlive the frame.
    #[must_use]
    pub const fn with_payload<'b>(&self, payload: &'b [u8]) -> Packet<'b> {
        Packet {
            at: self.at,
            time: self.time,
            tenant: self.tenant,
            outer: self.outer,
            vlan: self.vlan,
            src_mac: self.src_mac,
            dst_mac: self.dst_mac,
            src: self.src,
            dst: self.dst,
            ip_id: self.ip_id,
            transport: self.transport,
            payload,
            wire_payload_len: self.wire_payload_len,
            wire_ip_len: self.wire_ip_len,
        }
    }
}
