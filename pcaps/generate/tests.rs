use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use crate::kit::dialogue::{Dialogue, Side, Stage};
use crate::kit::expect::Expect;
use crate::kit::rng::Rng;
use crate::kit::tcp::{Conversation, Cut, Segment, flag, play};
use crate::kit::{benign, catalogue, dialogues, mangle, wallet};

fn talk() -> Conversation {
    let address = |ip: [u8; 4], port| SocketAddr::new(IpAddr::from(ip), port);
    Conversation::new(address([192, 0, 2, 1], 40_000), address([192, 0, 2, 2], 3333), 1_000_000_000, &mut Rng::new(5))
}

/// Puts a side's bytes together by sequence number alone, as a receiver does.
fn assemble(talk: &Conversation, segments: &[Segment], side: Side) -> Vec<u8> {
    let mut bytes = BTreeMap::new();
    for s in segments.iter().filter(|s| s.side == side) {
        let first = s.seq.wrapping_sub(talk.isn[side.index()]).wrapping_sub(1);
        bytes.extend(s.payload.iter().zip(first..).map(|(b, at)| (at, *b)));
    }
    bytes.into_values().collect()
}

#[test]
fn the_committed_captures_are_those_that_the_generator_makes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps");
    let products = catalogue::all();
    assert!(products.len() > 200);
    for p in &products {
        let old = std::fs::read(folder.join(&p.name)).unwrap_or_default();
        assert!(super::same(&p.name, &old, &p.bytes), "{} differs: run the generator again", p.name);
    }
    assert_eq!(super::strangers(&folder, &products).unwrap(), Vec::<String>::new());
    let bytes: usize = products.iter().map(|p| p.bytes.len()).sum();
    assert!(bytes < 6_000_000, "{bytes} bytes are too many for a repository");
}

#[test]
fn wallets_equal_known_vectors() {
    assert_eq!(
        wallet::xmr(0),
        "41d7ke5VQnR2BDNSgrTE9j3X8QQ5Bnbbs4s3SMTX7y416CxUJqrTLW97YsWGEBnhxH8tnYDcX85QRAEhaAzrTSrZ89rbBUS"
    );
    let hash = std::array::from_fn(|i| (i % 16 * 0x11) as u8);
    for (version, address) in [
        (&[0x00][..], "11MXTrefsj1ZS3Q5e9D6DxGzZKHWALyo9"),
        (&[0x30], "LKEJngAUkXy4pEjZFn8WNF23CmgZdcPzTp"),
        (&[0x1e], "D59T4ioHyHdJ6SDzpE8mdz7ssh3atQqjiG"),
        (&[0x1c, 0xb8], "t1HsxXoGneCWcA56J24xLE34CFDWNK6RCqD"),
    ] {
        assert_eq!(wallet::base58check(version, &hash), address);
    }
    assert_eq!(
        wallet::eip_55("00112233445566778899aabbccddeeff00112233"),
        "0x00112233445566778899AABbCCdDeeFf00112233"
    );
    assert!(bech32::segwit::decode(&wallet::btc_bech32(9)).is_ok());
}

#[test]
fn the_logarithm_is_one() {
    let mut rng = Rng::new(3);
    let mean = (0..20_000).map(|_| rng.exponential(8.0)).sum::<f64>() / 20_000.0;
    assert!((7.8..8.2).contains(&mean), "{mean}");
    assert!((1..50).all(|_| rng.exponential(1.0) >= 0.0));
}

#[test]
fn every_dialogue_crosses_tcp_unchanged_however_it_is_cut() {
    let all = dialogues::all(11).into_iter().chain(dialogues::streams(11)).map(|(n, _, d)| (n, d));
    for (name, d) in all.chain(benign::all(11).into_iter().map(|(n, _, d)| (n, d))) {
        let mut plain = talk();
        let mut wrapping = talk();
        wrapping.isn = [u32::MAX - 200, u32::MAX - 300];
        wrapping.timestamps = false;
        let mut small = talk();
        small.cut = Cut::Every(Side::Client, 7);
        plain.resend = vec![0, 3, 4, 9];
        let recut = d.recut(&mut Rng::new(1), 300_000_000);
        for (talk, d) in [(&plain, &d), (&wrapping, &d), (&small, &d), (&plain, &recut)] {
            let segments = play(talk, d, &mut Rng::new(2));
            assert!(segments.is_sorted_by_key(|s| s.at), "{name}");
            let shuffled = mangle::reordered(mangle::mirrored(segments.clone()), 1);
            for side in [Side::Client, Side::Server] {
                assert!(assemble(talk, &segments, side) == d.stream(side), "{name} {side:?}");
                assert!(assemble(talk, &shuffled, side) == d.stream(side), "{name} {side:?} shuffled");
            }
        }
    }
}

#[test]
fn acknowledgements_never_run_ahead_and_never_step_back() {
    let (_, _, d) = dialogues::all(4).swap_remove(0);
    let talk = talk();
    let (mut sent, mut acked) = ([0_u32; 2], [0_u32; 2]);
    for s in play(&talk, &d, &mut Rng::new(2)) {
        let (me, peer) = (s.side.index(), s.side.other().index());
        if s.flags & flag::ACK != 0 {
            let ack = s.ack.wrapping_sub(talk.isn[peer]);
            assert!(ack <= sent[peer] && ack >= acked[me], "{s:?}");
            acked[me] = ack;
        }
        let length = s.payload.len() as u32 + u32::from(s.flags & (flag::SYN | flag::FIN) != 0);
        sent[me] = sent[me].max(s.seq.wrapping_sub(talk.isn[me]) + length);
    }
    assert_eq!(acked, [sent[1], sent[0]], "all is acknowledged in the end");
}

#[test]
fn truth_agrees_with_itself() {
    let mut dialects = BTreeSet::new();
    for (name, dialect, d) in dialogues::all(9).into_iter().chain(dialogues::streams(9)) {
        let t = &d.truth;
        dialects.insert(dialect);
        // Nimiq's pools answer no share that they take.
        assert!(t.accepted + t.rejected == t.submitted || dialect == "nimiq", "{name}");
        assert_eq!(t.stage == Stage::Accepted, t.accepted > 0, "{name}");
        // Chia's pools hand out no work: farmers take it from the chain.
        assert_eq!(t.stage == Stage::Attempt, t.jobs == 0 && t.accepted == 0, "{name}");
        let said = String::from_utf8_lossy(&d.stream(Side::Client)).into_owned();
        // HTTP hides the login in Basic authentication, WebSocket under its masks.
        let hidden = ["Authorization: Basic", "Upgrade: websocket"].iter().any(|word| said.contains(word));
        if let Some(login) = t.login.as_ref().filter(|_| !hidden) {
            assert!(said.contains(login.as_str()), "{name}");
        }
    }
    assert!(dialects.len() >= 24, "{dialects:?}");
    let silent = benign::all(9).into_iter().all(|(_, _, d): (_, _, Dialogue)| d.truth.dialect.is_empty());
    assert!(silent);
}

#[test]
fn expected_findings_read_back_and_share_no_endpoint_or_host() {
    let products = catalogue::all();
    let mut hosts: HashMap<String, String> = HashMap::new();
    for p in products.iter().filter(|p| p.name.ends_with(".expect.json")) {
        let expect = Expect::from_text(std::str::from_utf8(&p.bytes).unwrap()).unwrap();
        assert!(expect.files.iter().all(|f| products.iter().any(|q| q.name == *f)), "{}", p.name);
        assert!(!p.name.starts_with("benign-") || expect.flows.is_empty(), "{}", p.name);
        for flow in &expect.flows {
            for host in [&flow.miner, &flow.pool] {
                let owner = hosts.entry(host.clone()).or_insert_with(|| p.name.clone());
                assert_eq!(*owner, p.name, "{host} is in two captures");
            }
            let endpoint = SocketAddr::new(flow.pool.parse().unwrap(), flow.pool_port).to_string();
            let (blocked, refused) =
                (expect.blocked.contains(&endpoint), expect.refused.iter().any(|r| r.endpoint == endpoint));
            // Who asks a rig is no pool.
            let asks = flow.dialect.iter().all(|d| d.ends_with("-api") || d == "rig-http");
            assert!(!asks || !(blocked || refused), "{} {endpoint}: blocked or refused", p.name);
            assert!(blocked != refused || asks || !flow.required, "{} {endpoint}: neither or both", p.name);
        }
    }
}
