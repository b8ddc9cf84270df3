use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;
use crate::capture::{Frame, Inputs, LinkType, Options, Step};
use crate::decode::{DecodeOptions, Decoder};
use crate::flow::FlowKey;

/// What the kernel would return for bytes that it shows, as it would: beyond the end there is 0 to be had.
fn interpret(code: &[sock_filter], data: &[u8], kind: u32, protocol: u32) -> u32 {
    let (mut a, mut x, mut m) = (0_u32, 0_u32, [0_u32; 16]);
    let mut at = 0;
    loop {
        let sock_filter { code: op, jt, jf, k } = code[at];
        at += 1;
        let load = |from: u32, n: usize| {
            let bytes = data.get(from as usize..from as usize + n)?;
            Some(bytes.iter().fold(0, |all, b| all << 8 | u32::from(*b)))
        };
        let jump = |yes: bool| usize::from(if yes { jt } else { jf });
        let loaded = match op {
            op::LD_ABS_W if k == KIND => Some(kind),
            op::LD_ABS_W if k == PROTOCOL => Some(protocol),
            op::LD_ABS_H => load(k, 2),
            op::LD_IND_W => load(x + k, 4),
            op::LD_IND_H => load(x + k, 2),
            op::LD_IND_B => load(x + k, 1),
            op::LD_IMM => Some(k),
            op::LD_MEM => Some(m[k as usize]),
            op::TXA => Some(x),
            op::ADD_K => Some(a.wrapping_add(k)),
            op::ADD_X => Some(a.wrapping_add(x)),
            op::MUL_X => Some(a.wrapping_mul(x)),
            op::AND_K => Some(a & k),
            op::LSH_K => Some(a << k),
            op::RSH_K => Some(a >> k),
            op::XOR_X => Some(a ^ x),
            _ => {
                match op {
                    op::LDX_IMM => x = k,
                    op::LDX_MEM => x = m[k as usize],
                    op::TAX => x = a,
                    op::ST => m[k as usize] = a,
                    op::STX => m[k as usize] = x,
                    op::JA => at += k as usize,
                    op::JEQ => at += jump(a == k),
                    op::JSET => at += jump(a & k != 0),
                    op::RET_K => return k,
                    op::RET_A => return a,
                    other => panic!("{other:#x} is no instruction of ours"),
                }
                Some(a)
            }
        };
        let Some(value) = loaded else { return 0 };
        a = value;
    }
}

/// The ring of a frame, which must be the same whether it comes in or is sent.
fn ring(code: &[sock_filter], frame: &[u8], of: u32) -> u32 {
    let sent = interpret(code, frame, OUTGOING, 0);
    let mut rest = frame.get(12..).unwrap_or_default();
    let protocol = |at: &[u8]| u32::from(u16::from_be_bytes([at[0], at[1]]));
    if rest.len() < 2 {
        return sent % of;
    }
    let mut kind = protocol(rest);
    rest = &rest[2..];
    if TAGS.contains(&kind) && rest.len() >= 4 {
        kind = protocol(&rest[2..]);
        rest = &rest[4..];
    }
    assert_eq!(interpret(code, rest, 0, kind), sent, "{frame:02x?}");
    sent % of
}

fn captures() -> Vec<PathBuf> {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps")).unwrap();
    let mut all: Vec<_> = files.map(|f| f.unwrap().path()).filter(|f| f.to_string_lossy().contains(".pcap")).collect();
    all.sort();
    assert!(all.len() > 100);
    let elsewhere = std::env::var_os("MINEWATCH_CAPTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"), PathBuf::from);
    for folder in ["mining", "benign", "node"] {
        let Ok(files) = std::fs::read_dir(elsewhere.join(folder)) else {
            println!("skipped 1 folder: {folder} is not here");
            continue;
        };
        all.extend(files.map(|f| f.unwrap().path()).filter(|f| f.to_string_lossy().contains(".pcap")));
    }
    all
}

fn frames(file: &Path, mut each: impl FnMut(&Frame<'_>)) {
    let mut inputs = Inputs::open(std::slice::from_ref(&file.to_owned()), Options::default()).unwrap();
    while let Step::Frame(f) = inputs.next() {
        if f.link == LinkType::ETHERNET {
            each(&f);
        }
    }
}

#[test]
fn every_packet_of_a_connection_is_put_together_in_one_ring_whatever_it_is_wrapped_in() {
    const RINGS: u32 = 3;
    let code = program(0x5bd1_e995);
    let (mut spread, mut connections) = ([0; RINGS as usize], 0);
    for file in captures() {
        let mut one = Decoder::new(DecodeOptions::default());
        let mut several: Vec<_> = (0..RINGS).map(|_| Decoder::new(DecodeOptions::default())).collect();
        let (mut whole, mut parts) = (BTreeMap::<FlowKey, u64>::new(), BTreeMap::<FlowKey, u64>::new());
        let mut of = BTreeMap::<FlowKey, BTreeSet<u32>>::new();
        frames(&file, |f| {
            if let Some(p) = one.decode(f) {
                *whole.entry(FlowKey::of(&p).0).or_default() += 1;
            }
            let r = ring(&code, f.data, RINGS);
            if let Some(p) = several[r as usize].decode(f) {
                let key = FlowKey::of(&p).0;
                *parts.entry(key).or_default() += 1;
                of.entry(key).or_default().insert(r);
            }
        });
        assert_eq!(whole, parts, "{}", file.display());
        for (key, rings) in of {
            let rings: Vec<_> = rings.into_iter().collect();
            assert_eq!(rings.len(), 1, "{}: {key:?} in {rings:?}", file.display());
            spread[rings[0] as usize] += 1;
            connections += 1;
        }
    }
    // Tunnels and DNS make the first the largest; the others must have their share.
    assert!(spread.iter().all(|n| n * 8 > connections), "{spread:?}");
}

/// Ethernet, so many tags, IPv4 or IPv6, 8 bytes from the ports on.
fn frame(tags: usize, v6: bool, protocol: u8, (src, src_port): (u8, u16), (dst, dst_port): (u8, u16)) -> Vec<u8> {
    let mut f = vec![2; 12];
    for _ in 0..tags {
        f.extend([0x81, 0x00, 0x00, 0x07]);
    }
    if v6 {
        f.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, protocol, 64]);
        for host in [src, dst] {
            f.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
        }
    } else {
        f.extend([0x08, 0x00, 0x45, 0, 0, 28, 0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, src, 192, 0, 2, dst]);
    }
    f.extend(src_port.to_be_bytes());
    f.extend(dst_port.to_be_bytes());
    f.extend([0, 8, 0, 0]);
    f
}

#[test]
fn pairs_are_spread_by_a_secret_and_both_directions_meet() {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    let rings = |secret: u32| {
        let code = program(secret);
        let mut seen = Vec::new();
        for (tags, v6, protocol) in [(0, false, TCP), (1, false, UDP), (3, true, TCP), (0, true, UDP)] {
            for host in 1..=255 {
                let there = ring(&code, &frame(tags, v6, protocol, (host, 40_000), (0, 3333)), 4);
                let back = ring(&code, &frame(0, v6, protocol, (0, 3333), (host, 40_001)), 4);
                assert_eq!(there, back);
                seen.push(there);
            }
        }
        for r in 0..4 {
            let n = seen.iter().filter(|s| **s == r).count();
            assert!((150..360).contains(&n), "ring {r} has {n} of {} pairs with {secret:#x}", seen.len());
        }
        seen
    };
    assert_ne!(rings(0x1234_5678), rings(0x9abc_def1));
}

#[test]
fn what_may_belong_to_anything_goes_to_the_first_ring() {
    const UDP: u8 = 17;
    let code = program(0x1234_5678);
    let first = |what: &str, f: &dyn Fn(u8) -> Vec<u8>| {
        for host in 1..=64 {
            assert_eq!(interpret(&code, &f(host), OUTGOING, 0), 0, "{what} of {host}");
        }
    };
    for port in TOGETHER {
        let port = port as u16;
        for v6 in [false, true] {
            first("a tunnel", &|host| frame(0, v6, UDP, (host, 40_000), (0, port)));
            first("a tunnel", &|host| frame(1, v6, UDP, (host, port), (0, 40_000)));
        }
    }
    first("GRE", &|host| frame(0, false, 47, (host, 0), (0, 0)));
    first("IPv6 in IPv4", &|host| frame(0, false, 41, (host, 0), (0, 0)));
    first("a fragment of UDP", &|host| {
        let mut f = frame(0, false, UDP, (host, 40_000), (0, 3333));
        f[20] = 0x20;
        f
    });
    first("MPLS", &|_| [&[2; 12][..], &[0x88, 0x47, 0, 0, 1, 0x40, 0x45]].concat());
    first("nothing", &|host| vec![2; usize::from(host) % 20]);
}

#[test]
fn every_jump_fits() {
    let code = program(1);
    let mut p = 0;
    for i in &code {
        p += 1;
        let targets: &[usize] = match i.code {
            op::JA => &[i.k as usize],
            op::JEQ | op::JSET => &[usize::from(i.jt), usize::from(i.jf)],
            _ => &[],
        };
        assert!(targets.iter().all(|t| p + t < code.len()), "at {p}");
        // Of two ways one goes on; with both cut to a byte neither would.
        assert!(targets.len() < 2 || targets.contains(&0), "at {p}");
    }
    assert!(code.len() < 256, "{} instructions: a jump may be longer than a byte says", code.len());
}

/// One end alone may put something in front of TCP: what answers it must not be read elsewhere.
#[test]
fn what_stands_in_front_of_tcp_parts_no_directions() {
    let code = program(0x1234_5678);
    let packet = |next: u8, fragment: u8, n: u8, back: bool| {
        let mut frame = vec![0; 12];
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 40, next, 64]);
        let ends = [[0xfd, n], [0x20, n.wrapping_mul(3)]];
        for [first, last] in if back { [ends[1], ends[0]] } else { ends } {
            frame.push(first);
            frame.extend([0; 14]);
            frame.push(last);
        }
        frame.push(fragment);
        frame.extend([0; 39]);
        frame
    };
    let mut rings = BTreeSet::new();
    for n in 0..32 {
        let answer = ring(&code, &packet(6, 0, n, true), 4);
        rings.insert(answer);
        for (next, fragment) in [(60, 6), (0, 6), (43, 6), (51, 6), (44, 6), (44, 60)] {
            assert_eq!(ring(&code, &packet(next, fragment, n, false), 4), answer, "{next} {fragment}");
        }
        assert_eq!(ring(&code, &packet(41, 0, n, false), 4), 0, "tunnels are the first reader's");
    }
    assert_eq!(rings.len(), 4);
}
