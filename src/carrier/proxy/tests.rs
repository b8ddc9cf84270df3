use super::*;
use crate::carrier::look::strangers::{STRANGERS, random, split};
use proptest::prelude::*;

/// Source, destination and rest; `Err` tells `More` (false) from `Lost` (true).
type Read = Result<(Option<String>, Option<String>, Vec<u8>), bool>;

fn read(chunks: &[impl AsRef<[u8]>]) -> Read {
    let mut p = Proxy::default();
    let mut got = Err(false);
    for c in chunks {
        match p.data(c.as_ref()) {
            Step::More => {}
            Step::Lost => return Err(true),
            Step::Done { source, destination, rest } => match &mut got {
                Ok((_, _, all)) => Vec::extend(all, rest),
                Err(_) => {
                    got = Ok((source.map(|s| s.to_string()), destination.map(|d| d.to_string()), rest.to_vec()));
                }
            },
        }
        assert!(p.held() <= 256, "{}", p.held());
    }
    got
}

fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut all = SIGNATURE.to_vec();
    all.extend([command, family]);
    all.extend((body.len() as u16).to_be_bytes());
    all.extend(body);
    all
}

fn v2_tcp4() -> Vec<u8> {
    // Two addresses, two ports, then a NOOP TLV (type 4).
    v2(0x21, 0x11, &[192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0x0d, 0x05, 4, 0, 2, 0, 0])
}

fn v2_tcp6() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
    body.extend("2001:db8::2".parse::<Ipv6Addr>().unwrap().octets());
    body.extend([0xdc, 0x04, 0x0d, 0x05]);
    v2(0x21, 0x21, &body)
}

#[test]
fn the_miner_behind_the_balancer_is_named() {
    let ends = |a: &str, b: &str| Ok((Some(a.to_owned()), Some(b.to_owned()), b"{\"id\":1}\n".to_vec()));
    let line = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 3333\r\n";
    assert_eq!(read(&[[&line[..], b"{\"id\":1}\n"].concat()]), ends("192.0.2.1:56324", "198.51.100.2:3333"));
    let line = b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 3333\r\n";
    assert_eq!(read(&[[&line[..], b"{\"id\":1}\n"].concat()]), ends("[2001:db8::1]:56324", "[2001:db8::2]:3333"));
    assert_eq!(read(&[[&v2_tcp4()[..], b"{\"id\":1}\n"].concat()]), ends("192.0.2.1:56324", "198.51.100.2:3333"));
    assert_eq!(read(&[[&v2_tcp6()[..], b"{\"id\":1}\n"].concat()]), ends("[2001:db8::1]:56324", "[2001:db8::2]:3333"));
}

#[test]
fn headers_that_name_no_one_are_skipped() {
    let nothing = Ok((None, None, b"{".to_vec()));
    for head in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN ffff::1 what ever 1\r\n".to_vec(),
        v2(0x20, 0, &[]),
        v2(0x20, 0x11, &[1, 2, 3]),
        v2(0x21, 0, &[9; 40]),
        v2(0x21, 0x31, &[b'/'; 216]),
        v2(0x21, 0x12, &[1; 12]),
        v2(0x21, 0x11, &[])[..13].iter().copied().chain([0, 8, 0]).chain([7; 2048]).collect(),
    ] {
        assert_eq!(starts(&head), Look::Yes, "{head:?}");
        assert_eq!(read(&[[&head[..], b"{"].concat()]), nothing, "{head:?}");
    }
}

#[test]
fn damaged_headers_are_refused() {
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(MAX_LINE));
    for line in [
        "PROXY TCP4 192.0.02.1 198.51.100.2 56324 3333\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.2 56324 3333\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 56324 3333\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.2 56324 3333\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 056324 3333\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 66324 3333\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 3333 1\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.2 56324 3333\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 3333\n",
        "PROXY TCP5 192.0.2.1 198.51.100.2 56324 3333\r\n",
        "PROXY UNKNOWNS\r\n",
        &long,
    ] {
        assert_eq!(read(&[line]), Err(true), "{line:?}");
    }
    assert_eq!(read(&[v2(0x21, 0x11, &[0; 11])]), Err(true), "too short for its family");
    assert_eq!(read(&[v2(0x21, 0x11, &[0; MAX_LENGTH + 1])]), Err(true), "too long");
    assert_eq!(read(&[v2(0x11, 0x11, &[0; 12])]), Err(true), "another version");
    assert_eq!(read(&[v2(0x22, 0x11, &[0; 12])]), Err(true), "another command");
    assert_eq!(read(&["PROXY TCP4 192.0.2.1"]), Err(false), "unfinished");
}

#[test]
fn the_longest_line_is_read() {
    let v6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let line = format!("PROXY TCP6 {v6} {v6} 65535 65535\r\n");
    assert!(line.len() <= MAX_LINE);
    assert!(read(&[line]).is_ok());
}

#[test]
fn a_hole_ends_it() {
    let mut p = Proxy::default();
    assert_eq!(p.data(b"PROXY TCP4 192."), Step::More);
    p.gap();
    assert_eq!(p.data(b"0.2.1 198.51.100.2 56324 3333\r\n"), Step::Lost);
    assert_eq!(p.held(), 0);
}

#[test]
fn strangers_are_told_apart() {
    for (name, bytes) in STRANGERS {
        assert_eq!(starts(bytes), Look::No, "{name}");
    }
    assert_eq!(random(10_000).filter(|b| b.len() > 15 && starts(b) != Look::No).count(), 0);
    for n in 0..11 {
        assert_eq!(starts(&b"PROXY TCP4 "[..n]), Look::Short);
    }
    assert_eq!(starts(&v2_tcp4()[..15]), Look::Short);
    assert_eq!(starts(b"PROXY TCP7 "), Look::No);
}

proptest! {
    #[test]
    fn any_split_gives_the_same(cuts in prop::collection::vec(any::<usize>(), 0..8), which in 0usize..4) {
        let mut whole = match which {
            0 => v2_tcp4(),
            1 => v2_tcp6(),
            2 => b"PROXY UNKNOWN\r\n".to_vec(),
            _ => b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 3333\r\n".to_vec(),
        };
        whole.extend(b"{\"id\":1}\n");
        prop_assert_eq!(read(&split(&whole, &cuts)), read(&[whole]));
    }

    #[test]
    fn byte_soup_is_bounded(head in prop::sample::select(vec![&b"PROXY TCP4 "[..], b"PROXY UNKNOWN ", b"", b"\r\n\r\n\0\r\nQUIT\n\x21"]),
                            soup in prop::collection::vec(any::<u8>(), 0..3000), cuts in prop::collection::vec(any::<usize>(), 0..8)) {
        let whole = [head, &soup].concat();
        let _ = read(&split(&whole, &cuts));
    }
}
