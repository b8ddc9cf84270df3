//! Frames as somebody writes them who keeps to no rule, and frames as they pass.

use std::net::SocketAddrV4;

use etherparse::{PacketBuilder, TcpHeader};
use pcap::{Active, Capture, Direction};

use crate::netns::{Netns, say};

/// An open interface.
pub(crate) struct Wire(Capture<Active>);

impl Wire {
    /// Of the namespace that the caller is in.
    pub(crate) fn open(device: &str) -> Self {
        let capture = Capture::from_device(device).unwrap().promisc(true).snaplen(65_535).immediate_mode(true);
        Self(capture.open().unwrap())
    }

    /// Of a namespace.
    pub(crate) fn open_in(ns: &Netns, device: &str) -> Self {
        ns.within(|| Self::open(device))
    }

    /// Only what comes in, and of that only what a capture filter takes.
    pub(crate) fn taking(mut self, filter: &str) -> Self {
        self.0.direction(Direction::In).unwrap();
        self.0.filter(filter, true).unwrap();
        self
    }

    pub(crate) fn send(&mut self, frame: &[u8]) {
        self.0.sendpacket(frame).unwrap();
    }

    /// The next frame that comes.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        loop {
            match self.0.next_packet() {
                Ok(packet) => return packet.data.to_vec(),
                Err(pcap::Error::TimeoutExpired) => {}
                Err(e) => panic!("{e}"),
            }
        }
    }
}

impl std::os::fd::AsFd for Wire {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A hardware address.
pub(crate) type Mac = [u8; 6];

/// That of an interface.
pub(crate) fn mac(ns: &Netns, device: &str) -> Mac {
    let text = ns.run(&format!("cat /sys/class/net/{device}/address"));
    let bytes: Vec<u8> = text.trim().split(':').map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
    bytes.try_into().unwrap()
}

/// As one writes it.
pub(crate) fn shown(mac: &[u8]) -> String {
    mac.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":")
}

/// Who sends, and to whom.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) macs: (Mac, Mac),
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
}

impl Way {
    /// A segment: flags out of `S`, `A`, `P`, `R`; numbers of sequence and acknowledgement.
    pub(crate) fn tcp(self, flags: &str, (seq, ack): (u32, u32), payload: &[u8]) -> Vec<u8> {
        let mut header = TcpHeader::new(self.from.port(), self.to.port(), seq, 64_240);
        header.syn = flags.contains('S');
        header.psh = flags.contains('P');
        header.rst = flags.contains('R');
        header.ack = flags.contains('A');
        header.acknowledgment_number = ack;
        let builder = PacketBuilder::ethernet2(self.macs.0, self.macs.1)
            .ipv4(self.from.ip().octets(), self.to.ip().octets(), 64)
            .tcp_header(header);
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).unwrap();
        frame
    }

    pub(crate) fn udp(self, payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2(self.macs.0, self.macs.1)
            .ipv4(self.from.ip().octets(), self.to.ip().octets(), 64)
            .udp(self.from.port(), self.to.port());
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).unwrap();
        frame
    }
}

/// A role: passes frames on from one interface to another, with an 802.1Q tag; those of `mac` with the second id.
/// `FROM TO MAC ID ID`.
pub(crate) fn tagger(rest: &str) -> String {
    let [from, to, mac, first, second] = rest.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let (mut from, mut to) = (Wire::open(from).taking(""), Wire::open(to));
    let ids: [u16; 2] = [first.parse().unwrap(), second.parse().unwrap()];
    say("READY");
    loop {
        let frame = from.receive();
        let id = ids[usize::from(shown(&frame[6..12]) == mac)];
        // IEEE 802.1Q, clause 9: behind the addresses.
        to.send(&[&frame[..12], &[0x81, 0x00], &id.to_be_bytes(), &frame[12..]].concat());
    }
}
