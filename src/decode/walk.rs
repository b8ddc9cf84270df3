//! The walk through a frame: what is left of it, what was learned on the way, and which layer comes next.
//!
//! In: bytes and the [`Layer`] they start with. Out: an innermost [`Packet`], an IP fragment, or the [`Skip`] that says
//! why there was neither. It is a loop, not a recursion: nesting costs turns of the loop, which are bounded. A step
//! returns little and leaves what it learned in the [`Walk`], so that a packet is put together once, at the end.

use super::tally::{Skip, Tally};
use super::{DecodeOptions, MacAddr, Packet, Tenant, TenantMode, Transport, ether, ip, link, mpls, ppp, tunnel, wlan};
use crate::capture::FrameRef;
use crate::health::Counter;
use crate::time::PacketTime;

/// Tunnels opened in one frame. Real stacks have three or four; more is somebody's bomb.
const MAX_TUNNELS: u8 = 8;
/// Turns of the loop for one frame: eight tunnels with their Ethernet, tags and headers fit.
const MAX_LAYERS: usize = 64;

/// What stands at the start of the remaining bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// A frame of this LINKTYPE_ value.
    Link(u16),
    Ethernet,
    /// The payload of this ethertype.
    Ethertype(u16),
    /// IEEE 802.2 LLC.
    Llc,
    Wlan,
    Ppp,
    Mpls,
    /// IP of the version that the first nibble says.
    Ip,
    Ipv4,
    Ipv6,
    Gre,
    Nsh,
    /// The payload of the walk's IP header, all of it.
    Upper,
}

/// Where one step led.
pub(super) enum Next {
    Layer(Layer),
    End(End),
}

/// How a walk ended well.
pub(super) enum End {
    /// The rest of the walk is the payload of this.
    Packet(Transport),
    /// The rest of the walk is this part of a datagram.
    Fragment(ip::Part),
}

pub(super) type Step = Result<Next, Skip>;

/// What the outer layers said about the packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) at: FrameRef,
    pub(super) time: PacketTime,
    pub(super) overlay: Tenant,
    pub(super) vlan: Option<u16>,
    pub(super) src_mac: Option<MacAddr>,
    pub(super) dst_mac: Option<MacAddr>,
    /// VLAN tags seen in the current Ethernet layer.
    pub(super) tags: u8,
    /// Addresses of the outermost IP header, once there is an inner one.
    pub(super) outer: Option<(std::net::IpAddr, std::net::IpAddr)>,
    tunnels: u8,
}

impl Context {
    pub(super) fn new(at: FrameRef, time: PacketTime) -> Self {
        Self {
            at,
            time,
            overlay: Tenant::None,
            vlan: None,
            src_mac: None,
            dst_mac: None,
            tags: 0,
            outer: None,
            tunnels: 0,
        }
    }

    pub(super) fn tenant(&self, mode: TenantMode) -> Tenant {
        match (mode, self.overlay, self.vlan) {
            (TenantMode::None, ..) => Tenant::None,
            (TenantMode::Vlan, Tenant::None, Some(id)) => Tenant::Vlan(id),
            (_, overlay, _) => overlay,
        }
    }
}

/// The walker.
pub(super) struct Walk<'d, 't> {
    /// Captured bytes not yet read.
    pub(super) data: &'d [u8],
    /// How many bytes they were on the wire; never below `data.len()`.
    pub(super) wire: usize,
    pub(super) ctx: Context,
    /// The IP header passed last.
    pub(super) head: ip::Head,
    pub(super) options: DecodeOptions,
    pub(super) tally: &'t mut Tally,
}

impl<'d, 't> Walk<'d, 't> {
    pub(super) fn new(data: &'d [u8], wire: usize, ctx: Context, options: DecodeOptions, tally: &'t mut Tally) -> Self {
        Self { data, wire: wire.max(data.len()), ctx, head: ip::Head::NONE, options, tally }
    }

    /// An IP header follows: what was passed before it, if anything, was a tunnel's.
    pub(super) fn enter(&mut self, head: ip::Head) {
        if self.head != ip::Head::NONE {
            let outside = (self.head.src.to_canonical(), self.head.dst.to_canonical());
            self.ctx.outer.get_or_insert(outside);
        }
        self.head = head;
    }

    /// Walks inwards from `layer`.
    pub(super) fn run(&mut self, mut layer: Layer) -> Result<End, Skip> {
        for _ in 0..MAX_LAYERS {
            let next = match layer {
                Layer::Link(kind) => link::open(self, kind)?,
                Layer::Ethernet => ether::ethernet(self)?,
                Layer::Ethertype(kind) => ether::ethertype(self, kind)?,
                Layer::Llc => ether::llc(self)?,
                Layer::Wlan => wlan::data_frame(self)?,
                Layer::Ppp => ppp::frame(self)?,
                Layer::Mpls => mpls::labels(self)?,
                Layer::Ip => ip::either(self)?,
                Layer::Ipv4 => ip::v4(self)?,
                Layer::Ipv6 => ip::v6(self)?,
                Layer::Gre => tunnel::gre(self)?,
                Layer::Nsh => tunnel::nsh(self)?,
                Layer::Upper => ip::upper(self)?,
            };
            match next {
                Next::Layer(l) => layer = l,
                Next::End(end) => return Ok(end),
            }
        }
        Err(Skip::TooDeep)
    }

    /// The packet whose transport header was just passed.
    pub(super) fn packet(&self, transport: Transport) -> Packet<'d> {
        Packet {
            at: self.ctx.at,
            time: self.ctx.time,
            tenant: self.ctx.tenant(self.options.tenant),
            outer: self.ctx.outer,
            vlan: self.ctx.vlan,
            src_mac: self.ctx.src_mac,
            dst_mac: self.ctx.dst_mac,
            src: self.head.src.to_canonical(),
            dst: self.head.dst.to_canonical(),
            ip_id: self.head.id,
            transport,
            payload: self.data,
            wire_payload_len: u32::try_from(self.wire).unwrap_or(u32::MAX),
            wire_ip_len: self.head.ip_len,
        }
    }

    /// Reads a fixed header off the front.
    pub(super) fn take<const N: usize>(&mut self, what: &'static str) -> Result<&'d [u8; N], Skip> {
        let (head, rest) = self.data.split_first_chunk::<N>().ok_or(Skip::Cut(what))?;
        self.data = rest;
        self.wire = self.wire.saturating_sub(N);
        Ok(head)
    }

    /// Drops `n` bytes off the front.
    pub(super) fn strip(&mut self, n: usize, what: &'static str) -> Result<(), Skip> {
        self.data = self.data.get(n..).ok_or(Skip::Cut(what))?;
        self.wire = self.wire.saturating_sub(n);
        Ok(())
    }

    /// A header says that `n` bytes follow: padding goes, and a snaplen cut shows as `wire` above `data.len()`.
    pub(super) fn bound(&mut self, n: usize) {
        self.data = self.data.get(..n).unwrap_or(self.data);
        self.wire = n;
    }

    /// Notes that a tunnel is being opened.
    pub(super) fn peel(&mut self) -> Result<(), Skip> {
        if self.ctx.tunnels >= MAX_TUNNELS {
            return Err(Skip::TooDeep);
        }
        self.ctx.tunnels += 1;
        self.tally.health.add(Counter::TunnelsPeeled);
        Ok(())
    }
}

/// Big-endian 16 bits at an offset.
pub(super) fn be16(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|b| u16::from_be_bytes(*b))
}

/// Big-endian 32 bits at an offset.
pub(super) fn be32(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}
