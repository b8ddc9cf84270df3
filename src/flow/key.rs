//! What names a conversation: tenant and 5-tuple in one canonical order, its hashes and its public identifiers.
//!
//! In: packets. Out: [`FlowKey`] and [`Direction`]; hashes for tables and for dealing frames to workers; the
//! Community ID and the `flow_id` of the outputs.

use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use foldhash::quality::RandomState;
use sha1::{Digest, Sha1};

use crate::decode::{Packet, Tenant, Transport};
use crate::time::PacketTime;

/// IANA protocol number of TCP.
const TCP: u8 = 6;
/// IANA protocol number of UDP.
const UDP: u8 = 17;

/// Which end sent a packet, in the canonical order of [`FlowKey`]; says nothing about client and server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// From the lower (address, port) to the higher.
    LoToHi,
    /// From the higher to the lower.
    HiToLo,
}

impl Direction {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::LoToHi, Self::HiToLo];

    /// The way back.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::LoToHi => Self::HiToLo,
            Self::HiToLo => Self::LoToHi,
        }
    }
}

/// One value for each direction of a flow.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct BothWays<T> {
    /// Of what the lower end sends.
    pub lo_to_hi: T,
    /// Of what the higher end sends.
    pub hi_to_lo: T,
}

impl<T> BothWays<T> {
    /// The value of one direction.
    pub const fn get(&self, way: Direction) -> &T {
        match way {
            Direction::LoToHi => &self.lo_to_hi,
            Direction::HiToLo => &self.hi_to_lo,
        }
    }

    /// The value of one direction, to change it.
    pub const fn get_mut(&mut self, way: Direction) -> &mut T {
        match way {
            Direction::LoToHi => &mut self.lo_to_hi,
            Direction::HiToLo => &mut self.hi_to_lo,
        }
    }
}

/// Tenant and 5-tuple with the lower (address, port) first, so that both directions give the same key. Kept in whole
/// words: it is hashed and compared for every packet. Its order means nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FlowKey {
    lo: Bits,
    hi: Bits,
    /// Kind and id, as [`tenant_parts`] gives them.
    tenant: u64,
    /// Ports, protocol, and which of the addresses are IPv6.
    ends: u64,
}

/// The bits of an address, most significant first.
type Bits = [u64; 2];

/// Whether an address is IPv6, and its bits.
fn bits(ip: IpAddr) -> (bool, Bits) {
    match ip {
        IpAddr::V4(v4) => (false, [0, u64::from(v4.to_bits())]),
        IpAddr::V6(v6) => (true, [(v6.to_bits() >> 64) as u64, v6.to_bits() as u64]),
    }
}

fn address(v6: bool, [high, low]: Bits) -> IpAddr {
    if v6 {
        IpAddr::V6(Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)))
    } else {
        IpAddr::V4(Ipv4Addr::from_bits(low as u32))
    }
}

impl FlowKey {
    /// Key and direction of a packet.
    pub fn of(packet: &Packet<'_>) -> (Self, Direction) {
        let (src_port, dst_port, proto) = match packet.transport {
            Transport::Tcp { src_port, dst_port, .. } => (src_port, dst_port, TCP),
            Transport::Udp { src_port, dst_port } => (src_port, dst_port, UDP),
        };
        let (kind, id) = tenant_parts(packet.tenant);
        let tenant = u64::from(kind) << 32 | u64::from(id);
        if let (IpAddr::V4(src), IpAddr::V4(dst)) = (packet.src, packet.dst) {
            // The same order in whole words.
            let word = |ip: Ipv4Addr, port: u16| u64::from(ip.to_bits()) << 16 | u64::from(port);
            let (src, dst) = (word(src, src_port), word(dst, dst_port));
            let (lo, hi, way) = if src <= dst { (src, dst, Direction::LoToHi) } else { (dst, src, Direction::HiToLo) };
            let ends = (lo & 0xffff) << 48 | (hi & 0xffff) << 32 | u64::from(proto) << 8;
            return (Self { lo: [0, lo >> 16], hi: [0, hi >> 16], tenant, ends }, way);
        }
        let (src, dst) = ((bits(packet.src), src_port), (bits(packet.dst), dst_port));
        let (lo, hi, way) = if src <= dst { (src, dst, Direction::LoToHi) } else { (dst, src, Direction::HiToLo) };
        let (((lo_v6, lo), lo_port), ((hi_v6, hi), hi_port)) = (lo, hi);
        let versions = u64::from(lo_v6) << 1 | u64::from(hi_v6);
        let ends = u64::from(lo_port) << 48 | u64::from(hi_port) << 32 | u64::from(proto) << 8 | versions;
        (Self { lo, hi, tenant, ends }, way)
    }

    /// The lower end and the higher one.
    fn addresses(&self) -> (IpAddr, IpAddr) {
        (address(self.versions() & 2 != 0, self.lo), address(self.versions() & 1 != 0, self.hi))
    }

    /// Bits 1 and 0: the lower and the higher address are IPv6.
    const fn versions(&self) -> u64 {
        self.ends & 3
    }

    const fn ports(&self) -> (u16, u16) {
        ((self.ends >> 48) as u16, (self.ends >> 32) as u16)
    }

    /// Overlay or VLAN.
    pub const fn tenant(&self) -> Tenant {
        let id = self.tenant as u32;
        match self.tenant >> 32 {
            1 => Tenant::Vlan(id as u16),
            2 => Tenant::Vxlan(id),
            3 => Tenant::Geneve(id),
            4 => Tenant::Erspan(id as u16),
            5 => Tenant::Lisp(id),
            _ => Tenant::None,
        }
    }

    /// IANA protocol number: 6 or 17.
    pub const fn proto(&self) -> u8 {
        (self.ends >> 8) as u8
    }

    /// Whether this is TCP.
    pub const fn is_tcp(&self) -> bool {
        self.proto() == TCP
    }

    /// The end that sends in direction `way`.
    pub fn source(&self, way: Direction) -> SocketAddr {
        let ((lo, hi), (lo_port, hi_port)) = (self.addresses(), self.ports());
        match way {
            Direction::LoToHi => SocketAddr::new(lo, lo_port),
            Direction::HiToLo => SocketAddr::new(hi, hi_port),
        }
    }

    /// The end that receives in direction `way`.
    pub fn destination(&self, way: Direction) -> SocketAddr {
        self.source(way.reverse())
    }

    /// Community ID version 1 with seed 0, as the public specification (corelight/community-id-spec) defines it:
    /// the same text that Zeek, Suricata and Wireshark give this flow. The tenant is not part of it.
    pub fn community_id(&self) -> String {
        let mut sha = Sha1::new();
        sha.update(0_u16.to_be_bytes());
        let ((lo, hi), (lo_port, hi_port)) = (self.addresses(), self.ports());
        update_with_address(&mut sha, lo);
        update_with_address(&mut sha, hi);
        sha.update([self.proto(), 0]);
        sha.update(lo_port.to_be_bytes());
        sha.update(hi_port.to_be_bytes());
        format!("1:{}", STANDARD.encode(sha.finalize()))
    }

    /// A number for the outputs that tells two flows with the same 5-tuple apart: stable over runs and machines,
    /// below 2^53 so that JavaScript reads it exactly. `first` is the time of the flow's first packet.
    pub fn flow_id(&self, first: PacketTime) -> u64 {
        let mut sha = Sha1::new();
        let ((lo, hi), (lo_port, hi_port)) = (self.addresses(), self.ports());
        let (kind, id) = tenant_parts(self.tenant());
        sha.update([kind, self.proto()]);
        sha.update(id.to_be_bytes());
        update_with_address(&mut sha, lo);
        update_with_address(&mut sha, hi);
        sha.update(lo_port.to_be_bytes());
        sha.update(hi_port.to_be_bytes());
        sha.update(first.as_nanos().to_be_bytes());
        let digest = sha.finalize();
        digest.iter().take(8).fold(0, |all, &byte| all << 8 | u64::from(byte)) >> 11
    }
}

/// Hashes of one run. The seed is secret and new with every run, so that no sender can aim at one bucket; results
/// must never depend on it. Copies share the seed.
#[derive(Clone, Debug, Default)]
pub struct FlowHasher(RandomState);

impl FlowHasher {
    /// A hasher with a new random seed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hash of a flow, the same for both directions.
    pub fn flow(&self, key: &FlowKey) -> u64 {
        let mut h = self.0.build_hasher();
        let ([lo_high, lo], [hi_high, hi]) = (key.lo, key.hi);
        if key.versions() == 0 {
            h.write_u64(lo << 32 | hi);
        } else {
            for word in [lo_high, lo, hi_high, hi] {
                h.write_u64(word);
            }
        }
        h.write_u64(key.tenant);
        h.write_u64(key.ends);
        h.finish()
    }

    /// Hash of tenant and unordered address pair, without ports: deals frames to workers such that both directions
    /// of a flow, and fragments, which carry no ports, meet.
    pub fn pair(&self, tenant: Tenant, a: IpAddr, b: IpAddr) -> u64 {
        let mut h = self.0.build_hasher();
        write_pair(&mut h, tenant, a.min(b), a.max(b));
        h.finish()
    }

    /// The seeded state itself, for maps keyed by what a sender chooses.
    pub(super) fn state(&self) -> RandomState {
        self.0.clone()
    }
}

fn write_pair(h: &mut impl Hasher, tenant: Tenant, lo: IpAddr, hi: IpAddr) {
    let (kind, id) = tenant_parts(tenant);
    if let (IpAddr::V4(lo), IpAddr::V4(hi)) = (lo, hi) {
        h.write_u64(u64::from(lo.to_bits()) << 32 | u64::from(hi.to_bits()));
        h.write_u64(u64::from(kind) << 32 | u64::from(id));
        return;
    }
    for ip in [lo, hi] {
        h.write_u128(match ip {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        });
    }
    // The versions keep a mixed pair apart from an IPv6 pair with the same low bits.
    let versions = u64::from(lo.is_ipv6()) << 1 | u64::from(hi.is_ipv6());
    h.write_u64(versions << 40 | u64::from(kind) << 32 | u64::from(id));
}

const fn tenant_parts(tenant: Tenant) -> (u8, u32) {
    match tenant {
        Tenant::None => (0, 0),
        Tenant::Vlan(id) => (1, id as u32),
        Tenant::Vxlan(id) => (2, id),
        Tenant::Geneve(id) => (3, id),
        Tenant::Erspan(id) => (4, id as u32),
        Tenant::Lisp(id) => (5, id),
    }
}

fn update_with_address(sha: &mut Sha1, ip: IpAddr) {
    match ip {
        IpAddr::V4(v4) => sha.update(v4.octets()),
        IpAddr::V6(v6) => sha.update(v6.octets()),
    }
}

#[cfg(test)]
mod tests;
