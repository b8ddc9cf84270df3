//! Which of several rings gets a frame: a program for the kernel, in classic BPF.
//!
//! In: a secret. Out: instructions. What replay finds must be found here, too, so all that is to be looked at together
//! goes to one ring. TCP, and UDP that stands for itself, are dealt by unordered address pair, as frames are dealt to
//! workers. All else goes to the first ring: tunnels and MPLS, as two directions of a connection may come in tunnels with
//! different ends or ports; fragments of UDP, which do not show their ports; and DNS, whose answers come in fragments.
//!
//! The kernel's own `PACKET_FANOUT_HASH` would part what belongs together: it takes the ports, so that fragments (those of
//! IPv6 even with `PACKET_FANOUT_FLAG_DEFRAG`) do not meet their connection, and for VXLAN and its like the outer ones,
//! which each end chooses by a hash of its own.

use libc::sock_filter;

/// Classes, sizes, modes and operations of `linux/filter.h` and `linux/bpf_common.h`.
mod op {
    pub(super) const LD_ABS_W: u16 = 0x20;
    pub(super) const LD_ABS_H: u16 = 0x28;
    pub(super) const LD_IND_W: u16 = 0x40;
    pub(super) const LD_IND_H: u16 = 0x48;
    pub(super) const LD_IND_B: u16 = 0x50;
    pub(super) const LD_IMM: u16 = 0x00;
    pub(super) const LD_MEM: u16 = 0x60;
    pub(super) const LDX_IMM: u16 = 0x01;
    pub(super) const LDX_MEM: u16 = 0x61;
    pub(super) const ST: u16 = 0x02;
    pub(super) const STX: u16 = 0x03;
    pub(super) const ADD_K: u16 = 0x04;
    pub(super) const ADD_X: u16 = 0x0c;
    pub(super) const MUL_X: u16 = 0x2c;
    pub(super) const AND_K: u16 = 0x54;
    pub(super) const LSH_K: u16 = 0x64;
    pub(super) const RSH_K: u16 = 0x74;
    pub(super) const XOR_X: u16 = 0xac;
    pub(super) const JA: u16 = 0x05;
    pub(super) const JEQ: u16 = 0x15;
    pub(super) const JSET: u16 = 0x45;
    pub(super) const RET_K: u16 = 0x06;
    pub(super) const RET_A: u16 = 0x16;
    pub(super) const TAX: u16 = 0x07;
    pub(super) const TXA: u16 = 0x87;
}

/// What the kernel knows beside the bytes: `SKF_AD_OFF` and `SKF_AD_…`.
const PROTOCOL: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PROTOCOL) as u32;
const KIND: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE) as u32;
/// Of the kinds, what this machine sends (`linux/if_packet.h`).
const OUTGOING: u32 = 4;

/// UDP ports at either end that the first ring gets: DNS, and the tunnels that `decode` opens.
const TOGETHER: [u32; 9] = [53, 1701, 2152, 3544, 4789, 4790, 6081, 8472, 37008];
/// Tags of 802.1Q and 802.1ad; more than so many before IP are not looked through.
const TAGS: [u32; 2] = [0x8100, 0x88a8];
const MAX_TAGS: usize = 3;

/// Cells of the program's memory.
const BASE: u32 = 0;
const SUM: u32 = 1;
const SOURCE: u32 = 2;

/// Where a jump leads. All lead forward.
/// What an IPv6 packet holds when it is a tunnel (IANA): IPv4, IPv6, GRE, Ethernet, MPLS.
const TUNNELS: [u32; 5] = [4, 41, 47, 97, 137];

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Sent,
    Type,
    Tag(usize),
    Ip,
    V4,
    V6,
    Pair4,
    Fragment6,
    Pair6,
    First,
}

#[derive(Default)]
struct Program {
    code: Vec<sock_filter>,
    open: Vec<(usize, bool, To)>,
}

impl Program {
    fn put(&mut self, code: u16, k: u32) {
        self.code.push(sock_filter { code, jt: 0, jf: 0, k });
    }

    fn jump(&mut self, code: u16, k: u32, when: bool, to: To) {
        self.open.push((self.code.len(), when, to));
        self.put(code, k);
    }

    fn here(&mut self, label: To) {
        let here = self.code.len();
        for (at, when, _) in self.open.extract_if(.., |(.., to)| *to == label) {
            let Some(jump) = self.code.get_mut(at) else { continue };
            let over = here - at - 1;
            match when {
                _ if jump.code == op::JA => jump.k = over as u32,
                // `every_jump_fits` is a test.
                true => jump.jt = over as u8,
                false => jump.jf = over as u8,
            }
        }
    }

    /// Behind a UDP header's first byte in X: to the first ring with ports that are to stay together.
    fn ports(&mut self) {
        for end in [0, 2] {
            self.put(op::LD_IND_H, end);
            for port in TOGETHER {
                self.jump(op::JEQ, port, true, To::First);
            }
        }
        self.put(op::LDX_MEM, BASE);
    }

    /// The same for both directions, and nothing that a sender can aim at: (source ^ secret) × (destination ^ secret),
    /// of which the upper half depends on every bit.
    fn pair(&mut self, source: &[u32], destination: &[u32], secret: u32) {
        self.put(op::STX, BASE);
        for (address, sum) in [(source, SOURCE), (destination, SUM)] {
            self.put(op::LD_IMM, secret);
            self.put(op::ST, SUM);
            for word in address {
                self.put(op::LDX_MEM, BASE);
                self.put(op::LD_IND_W, *word);
                self.put(op::LDX_MEM, SUM);
                self.put(op::XOR_X, 0);
                self.put(op::ST, SUM);
            }
            self.put(op::ST, sum);
        }
        self.put(op::LDX_MEM, SOURCE);
        self.put(op::MUL_X, 0);
        self.put(op::RSH_K, 16);
        self.put(op::RET_A, 0);
    }
}

/// The program, for interfaces with Ethernet headers. The ring's number is what it returns, modulo their count.
pub(super) fn program(secret: u32) -> Vec<sock_filter> {
    let mut p = Program::default();
    // What comes in starts behind its Ethernet header and has lost its outermost tag; what is sent is whole.
    p.put(op::LD_ABS_W, KIND);
    p.jump(op::JEQ, OUTGOING, true, To::Sent);
    p.put(op::LD_ABS_W, PROTOCOL);
    p.put(op::LDX_IMM, 0);
    p.jump(op::JA, 0, true, To::Type);
    p.here(To::Sent);
    p.put(op::LD_ABS_H, 12);
    p.put(op::LDX_IMM, 14);
    p.here(To::Type);
    for tag in 0..MAX_TAGS {
        p.jump(op::JEQ, TAGS[0], true, To::Tag(tag));
        p.jump(op::JEQ, TAGS[1], false, To::Ip);
        p.here(To::Tag(tag));
        p.put(op::LD_IND_H, 2);
        p.put(op::ST, BASE);
        p.put(op::TXA, 0);
        p.put(op::ADD_K, 4);
        p.put(op::TAX, 0);
        p.put(op::LD_MEM, BASE);
    }
    p.here(To::Ip);
    p.jump(op::JEQ, 0x0800, true, To::V4);
    p.jump(op::JEQ, 0x86dd, true, To::V6);
    // PPPoE (RFC 2516 §4): six bytes, then PPP's number of the protocol.
    p.jump(op::JEQ, 0x8864, false, To::First);
    p.put(op::LD_IND_H, 6);
    p.put(op::ST, BASE);
    p.put(op::TXA, 0);
    p.put(op::ADD_K, 8);
    p.put(op::TAX, 0);
    p.put(op::LD_MEM, BASE);
    p.jump(op::JEQ, 0x0021, true, To::V4);
    p.jump(op::JEQ, 0x0057, false, To::First);

    p.here(To::V6);
    p.put(op::LD_IND_B, 6);
    p.jump(op::JEQ, 44, true, To::Fragment6);
    p.jump(op::JEQ, 6, true, To::Pair6);
    for tunnel in TUNNELS {
        p.jump(op::JEQ, tunnel, true, To::First);
    }
    // What else stands in front of TCP, only one end may send.
    p.jump(op::JEQ, 17, false, To::Pair6);
    p.put(op::STX, BASE);
    p.put(op::TXA, 0);
    p.put(op::ADD_K, 40);
    p.put(op::TAX, 0);
    p.ports();
    p.jump(op::JA, 0, true, To::Pair6);
    p.here(To::Fragment6);
    p.put(op::LD_IND_B, 40);
    for apart in TUNNELS.into_iter().chain([17]) {
        p.jump(op::JEQ, apart, true, To::First);
    }
    p.here(To::Pair6);
    p.pair(&[8, 12, 16, 20], &[24, 28, 32, 36], secret);

    p.here(To::V4);
    p.put(op::LD_IND_B, 9);
    p.jump(op::JEQ, 6, true, To::Pair4);
    p.jump(op::JEQ, 17, false, To::First);
    p.put(op::LD_IND_H, 6);
    // More fragments, or an offset.
    p.jump(op::JSET, 0x3fff, true, To::First);
    p.put(op::STX, BASE);
    p.put(op::LD_IND_B, 0);
    p.put(op::AND_K, 15);
    p.put(op::LSH_K, 2);
    p.put(op::ADD_X, 0);
    p.put(op::TAX, 0);
    p.ports();
    p.here(To::Pair4);
    p.pair(&[12], &[16], secret);

    p.here(To::First);
    p.put(op::RET_K, 0);
    p.code
}

#[cfg(test)]
mod tests;
