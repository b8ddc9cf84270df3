use proptest::prelude::*;

use super::*;

fn contents(text: &str, coin: Option<&str>) -> Contents {
    read(text.as_bytes(), &Source { file: "blocks", coin, zone: 0 }).unwrap()
}

/// Blocks of the only chain, as text.
fn times(text: &str, coin: Option<&str>) -> Vec<String> {
    let read = contents(text, coin);
    assert_eq!(read.problems, [], "{read:?}");
    assert_eq!(read.feeds.len(), 1, "{read:?}");
    read.feeds[0].blocks.iter().map(ToString::to_string).collect()
}

#[test]
fn a_log_of_monerod() {
    let log = "\
2026-11-26 09:00:00.123\t[P2P3]\tINFO \tglobal\tsrc/p2p/net_node.inl:1\tsomething else with 2026-11-26 in it
2026-11-26 09:00:01.100\t[P2P3]\tINFO \tnet.p2p.msg\tsrc/a.inl:1\t[192.0.2.1:18080 OUT] Received NOTIFY_NEW_FLUFFY_BLOCK <ab> (height 3550000, 12 txes)
2026-11-26 09:00:01.400\t[P2P5]\tINFO \tnet.p2p.msg\tsrc/a.inl:1\t[192.0.2.2:18080 INC] Received NOTIFY_NEW_FLUFFY_BLOCK <ab> (height 3550000, 12 txes)
2026-11-26 09:02:11.000\t[P2P3]\tINFO \tnet.p2p.msg\tsrc/a.inl:1\tRelaying NOTIFY_NEW_FLUFFY_BLOCK
2026-11-26 09:02:11.250 I Received NOTIFY_NEW_FLUFFY_BLOCK <cd> (height 3550001, 0 txes)
";
    assert_eq!(times(log, None), ["2026-11-26T09:00:01.100000Z", "2026-11-26T09:02:11.250000Z"]);
    let feeds = contents(log, None).feeds;
    assert_eq!((&*feeds[0].chain.coin, &*feeds[0].chain.source), ("XMR", "blocks"));
    let berlin = Source { file: "f", coin: None, zone: 3_600 };
    let read = read(log.as_bytes(), &berlin).unwrap();
    assert_eq!(read.feeds[0].blocks[0].to_string(), "2026-11-26T08:00:01.100000Z");
}

#[test]
fn a_log_of_bitcoind_without_what_it_catches_up() {
    let log = "\
2026-11-26T08:00:00Z Bitcoin Core version v30.0.0
2026-11-26T08:00:05Z UpdateTip: new best=00 height=924990 version=0x2 log2_work=95.1 tx=9 date='2026-11-20T10:00:00Z' progress=0.99 cache=2.7MiB(1txo)
2026-11-26T09:00:00.500000Z UpdateTip: new best=00 height=925000 version=0x2 log2_work=95.1 tx=9 date='2026-11-26T08:59:41Z' progress=1.0 cache=2.7MiB(1txo)
2026-11-26 09:12:00 UpdateTip: new best=00  height=925001 bits=1 log2_work=66.8  tx=8  date=2026-11-26 09:11:41 progress=1.0  cache=6.8MiB(5utxo)
";
    assert_eq!(times(log, None), ["2026-11-26T09:00:00.500000Z", "2026-11-26T09:12:00.000000Z"]);
    assert_eq!(&*contents(log, Some("ltc")).feeds[0].chain.coin, "LTC");
}

#[test]
fn json_lines_and_numbers_of_any_unit() {
    let lines = r#"
{"time": "2026-11-26T10:00:00.123+01:00", "coin": "xmr", "height": 3}
{"ts": 1795683720, "ticker": "XMR"}
{"timestamp": 1795683840.5, "coin": "XMR"}
{"at": 1795683960500, "coin": "XMR"}
{"t": "1795684080500000", "coin": "XMR"}
{"t": 1795684200500000001, "coin": "XMR"}
"#;
    assert_eq!(
        times(lines, None),
        [
            "2026-11-26T09:00:00.123000Z",
            "2026-11-26T09:02:00.000000Z",
            "2026-11-26T09:04:00.500000Z",
            "2026-11-26T09:06:00.500000Z",
            "2026-11-26T09:08:00.500000Z",
            "2026-11-26T09:10:00.500000Z",
        ]
    );
}

#[test]
fn csv_with_and_without_a_header() {
    let named = "height,coin,received\n5,BTC,1795683600\n5,BTC,1795683601\n6,BTC,1795684200\n7,LTC,1795684300\n";
    let read = contents(named, None);
    let all: Vec<_> = read.feeds.iter().map(|f| (&*f.chain.coin, f.blocks.len())).collect();
    assert_eq!(all, [("BTC", 2), ("LTC", 1)]);
    assert_eq!(times("# heard here\r\n1795683600\r\n1795683720\r\n", Some("XMR")).len(), 2);
    assert_eq!(times("1795683600,XMR,8\n1795683720;XMR;9\n", None).len(), 2);
    assert_eq!(times("\u{feff}\"2026-11-26 09:00:00\",\"XMR\"\n", None), ["2026-11-26T09:00:00.000000Z"]);
}

#[test]
fn bad_lines_are_told_with_file_and_line() {
    let text = format!(
        "1795683600\nyesterday\n{{\"time\": \n{{\"height\": 5}}\n2026-11-26\n5\n1795683600,not a coin\n{}\n",
        "x".repeat(MAX_LINE + 5)
    );
    let mut bytes = text.into_bytes();
    bytes.extend(b"\xff\xfe\n1795683720\n");
    let read = read(&bytes[..], &Source { file: "b.csv", coin: Some("XMR"), zone: 0 }).unwrap();
    let told: Vec<_> = read.problems.iter().map(ToString::to_string).collect();
    let no_time = "no time that can be read: RFC 3339, or a number of seconds or milliseconds since 1970";
    assert_eq!(
        told,
        [
            format!("b.csv:2: {no_time}"),
            "b.csv:3: not a JSON object".to_owned(),
            format!("b.csv:4: {no_time}"),
            format!("b.csv:5: {no_time}"),
            format!("b.csv:6: {no_time}"),
            "b.csv:7: a coin is up to 12 letters and digits".to_owned(),
            format!("b.csv:8: longer than {MAX_LINE} bytes"),
            "b.csv:9: not UTF-8".to_owned(),
        ]
    );
    assert_eq!((read.lines, read.feeds[0].blocks.len()), (10, 2));
    let nameless = contents("1795683600\n", None);
    assert_eq!(nameless.problems[0].bad, Bad::NoCoin);
}

#[test]
fn what_is_told_and_kept_is_bounded() {
    let many = "nonsense\n".repeat(1_000);
    let read = contents(&many, None);
    assert_eq!((read.problems.len(), read.untold), (MAX_PROBLEMS, 980));
    let coins: Vec<_> = (0..40).map(|i| format!("1795683600,C{i}")).collect();
    let read = contents(&coins.join("\n"), None);
    assert_eq!((read.feeds.len(), read.problems.len() as u64 + read.untold), (MAX_CHAINS, 24));
}

#[test]
fn heights_go_up_and_nonsense_does_not_stop_them() {
    let mut heights = Heights::default();
    let mut new = |h| heights.is_new(h);
    assert!(!new(100), "may have been there for long");
    assert!(!new(100) && new(101) && !new(101) && !new(100) && new(103));
    assert!(!new(u64::MAX) && !new(0) && new(104), "two strays are not believed");
    assert!(!new(900) && !new(900) && !new(900) && new(901), "three are");
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let read = read(&bytes[..], &Source { file: "f", coin: Some("XMR"), zone: i32::MAX }).unwrap();
        prop_assert!(read.problems.len() <= MAX_PROBLEMS);
    }

    /// Lines that are nearly right, cut and mangled anywhere.
    #[test]
    fn mangled_lines_are_read(which in 0usize..6, cut in 0usize..160, put in any::<char>(), zone in any::<i32>()) {
        let lines = [
            "2026-11-26 09:00:01.100\t[P2P3] [192.0.2.1:1 OUT] Received NOTIFY_NEW_FLUFFY_BLOCK <ab> (height 35, 1 txes)",
            "2026-11-26T09:00:00Z UpdateTip: new best=00 height=92 tx=9 date='2026-11-26T08:59:41Z' progress=1.0",
            r#"{"time": "2026-11-26T10:00:00.123+01:00", "coin": "xmr", "height": 3}"#,
            r#"{"time": 1795683600.123456789123456789, "coin": "xmr"}"#,
            "99999999999999999999999.5,XMR,9",
            "9223372036854775807.999999999999,XMR",
        ];
        let line = lines[which];
        let at = line.floor_char_boundary(cut.min(line.len()));
        let mangled = format!("{}{put}{}\n{}\n", &line[..at], &line[at..], &line[..at]);
        read(mangled.as_bytes(), &Source { file: "f", coin: None, zone }).unwrap();
    }

    /// A time is read as it was written.
    #[test]
    fn times_come_back(nanos in 1_000_000_000_000_000_000i64..4_000_000_000_000_000_000) {
        let at = PacketTime::from_nanos(nanos / 1_000 * 1_000);
        let micros = nanos / 1_000;
        let texts = [at.to_string(), micros.to_string(), format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)];
        for text in texts {
            let read = contents(&format!("{text},XMR\n"), None);
            prop_assert_eq!(&read.feeds[0].blocks, &[at]);
        }
    }
}
