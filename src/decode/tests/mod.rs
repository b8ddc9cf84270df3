//! Frames built layer by layer, and what the decoder makes of them.

mod cases;
mod fragments;
mod lengths;
mod links;
mod soup;
mod tunnels;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;
use crate::capture::{Frame, LinkType, SourceId};
use crate::health::{Counter, Health};

pub(super) const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0xc1];
pub(super) const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x5e];
pub(super) const LINE: &[u8] = b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n";
pub(super) const ETHERNET: u16 = 1;
pub(super) const RAW: u16 = 101;

/// A [`Packet`] that outlives its frame.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) number: u64,
    pub(super) tenant: Tenant,
    pub(super) vlan: Option<u16>,
    pub(super) src_mac: Option<MacAddr>,
    pub(super) dst_mac: Option<MacAddr>,
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) transport: Transport,
    pub(super) payload: Vec<u8>,
    pub(super) wire_payload_len: u32,
    pub(super) wire_ip_len: u32,
}

impl Seen {
    pub(super) fn ports(&self) -> (u16, u16) {
        match self.transport {
            Transport::Tcp { src_port, dst_port, .. } | Transport::Udp { src_port, dst_port } => (src_port, dst_port),
        }
    }
}

/// A decoder that numbers its frames.
#[derive(Default)]
pub(super) struct Rig {
    pub(super) decoder: Decoder,
    number: u64,
    pub(super) time: PacketTime,
}

impl Rig {
    pub(super) fn with(tenant: TenantMode) -> Self {
        Self { decoder: Decoder::new(DecodeOptions { tenant, ..DecodeOptions::default() }), ..Self::default() }
    }

    pub(super) fn feed(&mut self, link: u16, data: &[u8]) -> Option<Seen> {
        self.feed_cut(link, data, data.len())
    }

    /// A frame of which the capture kept `kept` bytes.
    pub(super) fn feed_cut(&mut self, link: u16, data: &[u8], kept: usize) -> Option<Seen> {
        self.number += 1;
        let frame = Frame {
            at: FrameRef { source: SourceId(0), number: self.number },
            time: self.time,
            link: LinkType(link),
            data: &data[..kept],
            wire_len: data.len() as u32,
        };
        self.decoder.decode(&frame).map(|p| Seen {
            number: p.at.number,
            tenant: p.tenant,
            vlan: p.vlan,
            src_mac: p.src_mac,
            dst_mac: p.dst_mac,
            src: p.src,
            dst: p.dst,
            transport: p.transport,
            payload: p.payload.to_vec(),
            wire_payload_len: p.wire_payload_len,
            wire_ip_len: p.wire_ip_len,
        })
    }

    pub(super) fn count(&self, c: Counter) -> u64 {
        self.decoder.health().get(c)
    }
}

pub(super) fn decode(link: u16, data: &[u8]) -> Option<Seen> {
    Rig::default().feed(link, data)
}

/// The stratum line from 10.0.0.5:40000 to 198.51.100.5:3333 came out, whole.
#[track_caller]
pub(super) fn assert_line(seen: Option<&Seen>) {
    let seen = seen.expect("a packet");
    assert_eq!(seen.payload, LINE);
    assert_eq!(seen.wire_payload_len as usize, LINE.len());
    assert_eq!(seen.ports(), (40000, 3333));
    assert!([addr("10.0.0.5"), addr("2001:db8::5")].contains(&seen.src), "{}", seen.src);
    assert!([addr("198.51.100.5"), addr("2001:db8:ffff::5")].contains(&seen.dst), "{}", seen.dst);
}

/// Why the only frame gave nothing.
#[track_caller]
pub(super) fn reason(link: u16, data: &[u8]) -> (Health, String) {
    let mut rig = Rig::default();
    assert!(rig.feed(link, data).is_none());
    let health = rig.decoder.health();
    assert_eq!(health.skipped.len(), 1, "{:?}", health.skipped);
    let name = health.skipped.keys().next().cloned().unwrap();
    (health, name)
}

pub(super) fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub(super) fn tcp(payload: &[u8]) -> Vec<u8> {
    let mut b = vec![0; 20];
    b[0..2].copy_from_slice(&40000u16.to_be_bytes());
    b[2..4].copy_from_slice(&3333u16.to_be_bytes());
    b[4..8].copy_from_slice(&1000u32.to_be_bytes());
    b[8..12].copy_from_slice(&2000u32.to_be_bytes());
    b[12] = 5 << 4;
    b[13] = 0x18;
    b[14..16].copy_from_slice(&512u16.to_be_bytes());
    b.extend_from_slice(payload);
    b
}

pub(super) fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16 + 8;
    cat(&[&src.to_be_bytes(), &dst.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload])
}

fn folded(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |b| u32::from(*b));
    }
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// Fills in the TCP or UDP checksum, the slow and obvious way.
fn summed(src: &[u8], dst: &[u8], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    let at = match protocol {
        6 => 16,
        17 => 6,
        _ => return payload,
    };
    let pseudo = cat(&[src, dst, &[0, protocol], &(payload.len() as u16).to_be_bytes(), &payload]);
    payload[at..at + 2].copy_from_slice(&folded(&pseudo).to_be_bytes());
    payload
}

/// An IPv4 packet with header fields of the caller's choice.
pub(super) fn v4_with(src: &str, dst: &str, id: u16, fragment: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (src, dst): (Ipv4Addr, Ipv4Addr) = (src.parse().unwrap(), dst.parse().unwrap());
    let total = (payload.len() + 20) as u16;
    cat(&[
        &[0x45, 0],
        &total.to_be_bytes(),
        &id.to_be_bytes(),
        &fragment.to_be_bytes(),
        &[64, protocol, 0, 0],
        &src.octets(),
        &dst.octets(),
        payload,
    ])
}

pub(super) fn v4_between(src: &str, dst: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let octets = |a: &str| a.parse::<Ipv4Addr>().unwrap().octets();
    v4_with(src, dst, 7, 0, protocol, &summed(&octets(src), &octets(dst), protocol, payload))
}

pub(super) fn v6_between(src: &str, dst: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let octets = |a: &str| a.parse::<Ipv6Addr>().unwrap().octets();
    let payload = summed(&octets(src), &octets(dst), protocol, payload);
    let length = payload.len() as u16;
    cat(&[&[0x60, 0, 0, 0], &length.to_be_bytes(), &[protocol, 64], &octets(src), &octets(dst), &payload])
}

/// The outside of a tunnel.
pub(super) fn outer4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    v4_between("10.9.0.1", "10.9.0.2", protocol, payload)
}

pub(super) fn outer6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    v6_between("2001:db8:9::1", "2001:db8:9::2", protocol, payload)
}

/// The stratum line in IPv4.
pub(super) fn line4() -> Vec<u8> {
    v4_between("10.0.0.5", "198.51.100.5", 6, &tcp(LINE))
}

/// The stratum line in IPv6.
pub(super) fn line6() -> Vec<u8> {
    v6_between("2001:db8::5", "2001:db8:ffff::5", 6, &tcp(LINE))
}

pub(super) fn eth(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    cat(&[&SERVER_MAC, &CLIENT_MAC, &ethertype.to_be_bytes(), payload])
}

/// An Ethernet frame between two boxes that are not the client or the server.
pub(super) fn outer_eth(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    cat(&[&[2, 9, 9, 9, 9, 2], &[2, 9, 9, 9, 9, 1], &ethertype.to_be_bytes(), payload])
}
