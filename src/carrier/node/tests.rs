use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use sha3::Keccak256;

use super::*;

fn bitcoin(magic: [u8; 4], command: &str, payload: &[u8]) -> Vec<u8> {
    let mut m = magic.to_vec();
    m.extend(command.as_bytes());
    m.resize(16, 0);
    m.extend((payload.len() as u32).to_le_bytes());
    m.extend(&Sha256::digest(Sha256::digest(payload))[..4]);
    m.extend(payload);
    m
}

const MAIN: [u8; 4] = [0xf9, 0xbe, 0xb4, 0xd9];

fn version(agent: &str) -> Vec<u8> {
    let mut v = 70_016_u32.to_le_bytes().to_vec();
    v.resize(80, 1);
    v.push(agent.len() as u8);
    v.extend(agent.as_bytes());
    v.extend([0; 5]);
    v
}

fn levin(command: u32, body: &[u8]) -> Vec<u8> {
    let mut m = vec![1, 0x21, 1, 1, 1, 1, 1, 1];
    m.extend((body.len() as u64).to_le_bytes());
    m.push(1);
    m.extend(command.to_le_bytes());
    m.extend([0; 4]);
    m.extend(1_u32.to_le_bytes());
    m.extend(1_u32.to_le_bytes());
    m.extend(body);
    m
}

fn network(last: u8) -> Vec<u8> {
    let mut id = b"\x01\x11\x01\x01\x01\x01\x02\x01\x01\x08\x09node_data\x0c\x10\x0anetwork_id\x0a\x40".to_vec();
    id.extend([0x12, 0x30, 0xf1, 0x71, 0x61, 0x04, 0x41, 0x61, 0x17, 0x31, 0x00, 0x82, 0x16, 0xa1, 0xa1, last]);
    id
}

fn discv4(kind: u8, data: &[u8]) -> Vec<u8> {
    let signed = [&[7; 65][..], &[kind], data].concat();
    [&Keccak256::digest(&signed)[..], &signed].concat()
}

fn peer(step: Step) -> Option<Peer> {
    match step {
        Step::Peer(p) => Some(*p),
        _ => None,
    }
}

fn whole(bytes: &[u8]) -> Option<Peer> {
    peer(Opening::default().push(bytes))
}

#[test]
fn a_version_message_names_network_and_program() {
    let p = whole(&bitcoin(MAIN, "version", &version("/Satoshi:28.0.0/"))).unwrap();
    assert_eq!((p.network, p.coins, &*p.said), ("Bitcoin", &["BTC"][..], "a `version` message as /Satoshi:28.0.0/"));
    let p = whole(&bitcoin([0x24, 0xe9, 0x27, 0x64], "version", &version("/MagicBean:6.0.0/"))).unwrap();
    assert_eq!((p.network, p.coins), ("Zcash", &["ZEC"][..]));
}

#[test]
fn old_versions_have_no_checksum() {
    let old = [&MAIN[..], b"version\0\0\0\0\0", &[85, 0, 0, 0, 0x01, 0x7d, 0, 0], &[0; 81]].concat();
    assert_eq!(whole(&old).unwrap().said, "a `version` message of before 2012");
    let mut unknown = old;
    unknown[0] = 1;
    assert_eq!(whole(&unknown), None);
}

#[test]
fn a_coin_that_nobody_knows_is_told_by_its_checksum() {
    let m = bitcoin([1, 2, 3, 4], "version", &version("/New:1/"));
    assert_eq!(whole(&m).unwrap().network, "an unknown coin made from Bitcoin");
    for at in 21..m.len() {
        let mut damaged = m.clone();
        damaged[at] ^= 1;
        assert_eq!(whole(&damaged), None, "byte {at}");
    }
    // Its other messages say nothing.
    assert_eq!(whole(&bitcoin([1, 2, 3, 4], "ping", &[1; 8])), None);
}

#[test]
fn from_the_middle_of_a_stream_messages_of_known_networks_tell() {
    assert_eq!(whole(&bitcoin(MAIN, "ping", &[1; 8])).unwrap().said, "a `ping` message");
    assert!(whole(&bitcoin(MAIN, "block", &vec![0; 100_000])[..1448]).is_some());
    let mut wrong = bitcoin(MAIN, "ping", &[1; 8]);
    wrong[21] ^= 1;
    assert_eq!(whole(&wrong), None);
    assert_eq!(whole(&bitcoin(MAIN, "mining", &[1; 8])), None);
}

#[test]
fn levin_tells_monero_from_its_family() {
    assert_eq!(whole(&levin(1001, &network(0x10))).unwrap().coins, ["XMR"]);
    assert_eq!(whole(&levin(1001, &network(0x12))).unwrap().network, "Monero testnet");
    assert_eq!(whole(&levin(1001, &network(0x42))).unwrap().network, "a coin of the CryptoNote family");
    assert_eq!(whole(&levin(2002, &[9; 3000])[..1400]).unwrap().network, "Monero or a coin of its family");
    assert_eq!(whole(&levin(3003, &[])), None);
    let far = [vec![0; 1000], network(0x10)].concat();
    assert_eq!(whole(&levin(1001, &far)).unwrap().network, "Monero or a coin of its family", "as if it came later");
    let mut flags = levin(1001, &[]);
    flags[26] = 1;
    assert_eq!(whole(&flags), None);
}

#[test]
fn discovery_is_told_by_its_hash() {
    let data = [&[0xc2, 1, 2][..], &[0; 30]].concat();
    let ping = discv4(1, &data);
    assert!(datagram(&ping).unwrap().said.starts_with("a Ping"));
    for at in 0..ping.len() {
        let mut damaged = ping.clone();
        damaged[at] ^= 1;
        assert_eq!(datagram(&damaged), None, "byte {at}");
    }
    for kind in [0, 7, 0xff] {
        assert_eq!(datagram(&discv4(kind, &data)), None);
    }
    assert_eq!(datagram(&discv4(1, &[0xf8, 200, 1])), None, "a list longer than the datagram");
    assert_eq!(datagram(&discv4(1, &[0xc0; 1300])), None, "longer than any");
}

#[test]
fn nobody_elses_first_bytes_are_taken_for_a_nodes() {
    for (name, bytes) in crate::carrier::look::strangers::STRANGERS {
        assert_eq!(whole(bytes), None, "{name}");
        assert_eq!(datagram(bytes), None, "{name}");
    }
    // A challenge of p2pool begins with zero.
    assert_eq!(begins(&[0; 17]), Look::No);
}

proptest! {
    #[test]
    fn cuts_change_nothing(cuts in prop::collection::vec(1_usize..40, 1..80), which in 0..3_usize) {
        let m = [
            bitcoin(MAIN, "version", &version("/Satoshi:28.0.0/")),
            levin(1001, &network(0x10)),
            bitcoin([0xc0; 4], "verack", &[]),
        ][which].clone();
        let (mut opening, mut rest, mut got) = (Opening::default(), &m[..], None);
        for n in cuts.into_iter().chain([m.len()]) {
            let (head, tail) = rest.split_at(n.min(rest.len()));
            rest = tail;
            if head.is_empty() {
                break;
            }
            match opening.push(head) {
                Step::More => {}
                step => {
                    got = peer(step);
                    break;
                }
            }
        }
        prop_assert_eq!(got, whole(&m));
        prop_assert!(opening.held() <= 2 * MAX_HELD);
    }

    #[test]
    fn anything_is_bounded(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..12)) {
        let mut opening = Opening::default();
        for p in &pieces {
            if opening.push(p) == Step::No {
                break;
            }
            let _ = datagram(p);
        }
        prop_assert!(opening.held() <= 2 * MAX_HELD);
    }

    /// Whatever is claimed, an opening is decided before its buffer is full.
    #[test]
    fn nothing_is_waited_for_without_end(len in any::<u32>(), command in 0..4_usize) {
        let mut m = bitcoin(MAIN, ["version", "ping", "block", "addr"][command], &[]);
        m[16..20].copy_from_slice(&len.to_le_bytes());
        m.resize(MAX_HELD, 5);
        prop_assert_ne!(Opening::default().push(&m), Step::More);
    }
}
