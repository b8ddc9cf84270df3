//! capture-format: pcapng as other programs may write it.

use crate::formats::session;
use crate::kit::file::Record;
use crate::scene::run_bytes;

/// A pcapng section in either byte order, with any interface options.
struct Section {
    out: Vec<u8>,
    big: bool,
}

impl Section {
    fn new(big: bool) -> Self {
        let mut s = Self { out: Vec::new(), big };
        let body = [&s.u32(0x1a2b_3c4d)[..], &s.u16(1), &s.u16(0), &[0xff; 8]].concat();
        s.block(0x0a0d_0d0a, &body);
        s
    }

    fn u16(&self, v: u16) -> [u8; 2] {
        if self.big { v.to_be_bytes() } else { v.to_le_bytes() }
    }

    fn u32(&self, v: u32) -> [u8; 4] {
        if self.big { v.to_be_bytes() } else { v.to_le_bytes() }
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let len = 12 + body.len().next_multiple_of(4);
        let (kind, total) = (self.u32(kind), self.u32(u32::try_from(len).unwrap()));
        let padding = vec![0; len - 12 - body.len()];
        self.out = [&self.out[..], &kind, &total, body, &padding, &total].concat();
    }

    /// An Ethernet interface with this `if_tsresol` and `if_tsoffset`.
    fn interface(&mut self, resolution: Option<u8>, offset: Option<i64>) {
        let mut body = [&self.u16(1)[..], &[0, 0], &self.u32(262_144)].concat();
        if let Some(r) = resolution {
            body.extend_from_slice(&[self.u16(9), self.u16(1)].concat());
            body.extend_from_slice(&[r, 0, 0, 0]);
        }
        if let Some(o) = offset {
            body.extend_from_slice(&[self.u16(14), self.u16(8)].concat());
            body.extend_from_slice(&if self.big { o.to_be_bytes() } else { o.to_le_bytes() });
        }
        body.extend_from_slice(&[0; 4]);
        self.block(1, &body);
    }

    fn packet(&mut self, interface: u32, stamp: u64, data: &[u8]) {
        let len = u32::try_from(data.len()).unwrap();
        let words = [interface, (stamp >> 32) as u32, stamp as u32, len, len].map(|w| self.u32(w));
        self.block(6, &[&words.concat()[..], data].concat());
    }

    fn simple_packet(&mut self, data: &[u8]) {
        let len = self.u32(u32::try_from(data.len()).unwrap());
        self.block(3, &[&len[..], data].concat());
    }
}

/// `if_tsresol`, `if_tsoffset`, and the stamp of a time in nanoseconds since 1970.
type Clock = (Option<u8>, Option<i64>, fn(u64) -> u64);

#[test]
fn cf_sibling_pcapng_with_any_clock() {
    let scene = session();
    let records = scene.sorted();
    let seconds = |r: &Record| r.at / 1_000_000_000;
    let clocks: [Clock; 6] = [
        (None, None, |ns| ns / 1000),
        (Some(9), None, |ns| ns),
        (Some(3), None, |ns| ns / 1_000_000),
        (Some(7), None, |ns| ns / 100),
        (Some(0x94), None, |ns| ((u128::from(ns) << 20) / 1_000_000_000) as u64),
        (Some(6), Some(1_700_000_000), |ns| ns / 1000 - 1_700_000_000_000_000),
    ];
    for big in [false, true] {
        for (resolution, offset, stamp) in clocks {
            let mut s = Section::new(big);
            s.interface(resolution, offset);
            for r in &records {
                s.packet(0, stamp(r.at), &r.data);
            }
            let run = run_bytes(&s.out, &[]);
            let flow = run.confirmed();
            let first: jiff::Timestamp = flow["first_seen"].as_str().unwrap().parse().unwrap();
            assert_eq!(first.as_second() as u64, seconds(&records[0]), "{resolution:?} {offset:?} big {big}");
            assert_eq!(flow["shares"]["accepted"], 1);
        }
    }
}

#[test]
fn cf_sibling_pcapng_of_several_sections_with_blocks_that_nobody_knows() {
    let scene = session();
    let records = scene.sorted();
    let (a, b) = records.split_at(records.len() / 2);
    let mut first = Section::new(true);
    first.block(0x0bad_beef, &[7; 20]);
    first.interface(Some(9), None);
    for r in a {
        first.packet(0, r.at, &r.data);
        first.block(5, &[0; 12]);
    }
    // The second section knows nothing of the first one's interfaces, order or clock.
    let mut second = Section::new(false);
    second.interface(None, None);
    second.interface(Some(3), None);
    for r in b {
        second.packet(0, r.at / 1000, &r.data);
    }
    let run = run_bytes(&[first.out, second.out].concat(), &[]);
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    assert_eq!(run.code, 1, "{}", run.err);
}

#[test]
fn cf_sibling_simple_packets_have_no_time_and_are_read() {
    let mut s = Section::new(false);
    s.interface(None, None);
    for r in session().sorted() {
        s.simple_packet(&r.data);
    }
    let run = run_bytes(&s.out, &[]);
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    assert_eq!(run.warned("carry no time"), 1);
    assert_eq!(run.code, 1, "{}", run.err);
}

#[test]
fn cf_sibling_blocks_of_older_and_newer_programs() {
    let mut s = Section::new(false);
    s.interface(None, None);
    for (n, r) in session().sorted().iter().enumerate() {
        let (stamp, len) = (r.at / 1000, u32::try_from(r.data.len()).unwrap());
        if n % 2 == 0 {
            // The obsolete packet block: a 16-bit interface and a count of drops.
            let words = [0, (stamp >> 32) as u32, stamp as u32, len, len].map(u32::to_le_bytes);
            s.block(2, &[&words.concat()[..], &r.data].concat());
        } else {
            // An enhanced one with a comment and flags behind the data.
            let words = [0, (stamp >> 32) as u32, stamp as u32, len, len].map(u32::to_le_bytes);
            let padding = vec![0; r.data.len().next_multiple_of(4) - r.data.len()];
            let options = [&[1, 0, 6, 0][..], b"\x1b[2J\nA\0\0", &[2, 0, 4, 0, 1, 0, 0, 0], &[0; 4]].concat();
            s.block(6, &[&words.concat()[..], &r.data, &padding, &options].concat());
        }
        // Name resolution, decryption secrets, custom, systemd journal.
        for kind in [4, 10, 0xbad, 0x4000_0bad, 9] {
            s.block(kind, b"whatever it holds is not for us ");
        }
    }
    let run = run_bytes(&s.out, &[]);
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    assert_eq!(run.code, 1, "{}", run.err);
}

#[test]
fn op_sibling_what_the_file_says_was_dropped_is_warned_of() {
    for big in [false, true] {
        let mut s = Section::new(big);
        s.interface(None, None);
        let u64_of = |s: &Section, v: u64| if s.big { v.to_be_bytes() } else { v.to_le_bytes() };
        let records = session().sorted();
        for r in &records {
            s.packet(0, r.at / 1000, &r.data);
        }
        // Seven frames were lost before the last one, and the counters of the interface run on.
        let r = &records[0];
        let len = u32::try_from(r.data.len()).unwrap();
        let stamp = r.at / 1000;
        let words = [0, (stamp >> 32) as u32, stamp as u32, len, len].map(|w| s.u32(w)).concat();
        let mut body = [&words[..], &r.data].concat();
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend([&s.u16(4)[..], &s.u16(8), &u64_of(&s, 7), &[0; 4]].concat());
        s.block(6, &body);
        for (interface, system) in [(50_000, 5), (60_000, 6)] {
            let mut body = [&s.u32(0)[..], &[0; 8]].concat();
            body.extend([&s.u16(5)[..], &s.u16(8), &u64_of(&s, interface)].concat());
            body.extend([&s.u16(7)[..], &s.u16(8), &u64_of(&s, system), &[0; 4]].concat());
            s.block(5, &body);
        }
        let run = run_bytes(&s.out, &[]);
        assert_eq!((run.count("kernel_drops"), run.count("interface_drops")), (7, 60_000), "big {big}");
        assert_eq!(run.warned("60000 frames were dropped by the interface"), 1);
        assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    }
}

#[test]
fn op_sibling_old_packets_say_what_was_dropped_in_their_headers() {
    let mut s = Section::new(true);
    s.interface(None, None);
    for (n, r) in session().sorted().iter().enumerate() {
        // Five before the second; nobody knows before the third.
        let dropped = [0, 5, u16::MAX].get(n).copied().unwrap_or(0);
        let len = u32::try_from(r.data.len()).unwrap();
        let stamp = r.at / 1000;
        let words = [(stamp >> 32) as u32, stamp as u32, len, len].map(|w| s.u32(w)).concat();
        s.block(2, &[&s.u16(0)[..], &s.u16(dropped), &words, &r.data].concat());
    }
    let run = run_bytes(&s.out, &[]);
    assert_eq!(run.count("kernel_drops"), 5);
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
}
