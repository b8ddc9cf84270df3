use super::*;
use crate::carrier::look::strangers::{STRANGERS, random, split};
use proptest::prelude::*;

/// Target and rest; `Err` tells `More` (false) from `Lost` (true).
type Read = Result<(Option<String>, Vec<u8>), bool>;

fn read(mut socks: Socks, chunks: &[impl AsRef<[u8]>]) -> Read {
    let mut got = Err(false);
    for c in chunks {
        match socks.data(c.as_ref()) {
            Step::More => {}
            Step::Lost => return Err(true),
            Step::Done { target, rest } => match &mut got {
                Ok((_, all)) => Vec::extend(all, rest),
                Err(_) => got = Ok((target.map(|t| t.to_string()), rest.to_vec())),
            },
        }
        assert!(socks.held() <= 1024, "{}", socks.held());
    }
    got
}

fn client(bytes: &[u8]) -> Read {
    read(Socks::client(), &[bytes])
}

fn server(bytes: &[u8]) -> Read {
    read(Socks::server(), &[bytes])
}

/// The target of a handshake that nothing follows.
fn target(bytes: &[u8]) -> Option<String> {
    let (target, rest) = client(bytes).unwrap();
    assert_eq!(rest, b"");
    target
}

const BY_NAME: &[u8] = b"\x05\x01\x00\x05\x01\x00\x03\x0cpool.example\x0d\x05";
const BY_V4: &[u8] = b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x07\x0d\x05";
const BY_V6: &[u8] =
    b"\x05\x02\x00\x02\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x11\x5c";
const WITH_PASSWORD: &[u8] = b"\x05\x02\x00\x02\x01\x04rig1\x06secret\x05\x01\x00\x03\x0cpool.example\x0d\x05";
const FOUR: &[u8] = b"\x04\x01\x0d\x05\xc0\x00\x02\x07rig\0";
const FOUR_A: &[u8] = b"\x04\x01\x0d\x05\x00\x00\x00\x01\0pool.example\0";
const CLIENTS: [&[u8]; 6] = [BY_NAME, BY_V4, BY_V6, WITH_PASSWORD, FOUR, FOUR_A];

const ANSWER: &[u8] = b"\x05\x00\x05\x00\x00\x01\xc0\x00\x02\x01\x04\x38";
const ANSWER_PASSWORD: &[u8] = b"\x05\x02\x01\x00\x05\x00\x00\x03\x01a\x04\x38";
const ANSWER_V6: &[u8] = b"\x05\x00\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const ANSWER_FOUR: &[u8] = b"\x00\x5a\x00\x00\x00\x00\x00\x00";
const SERVERS: [&[u8]; 4] = [ANSWER, ANSWER_PASSWORD, ANSWER_V6, ANSWER_FOUR];

#[test]
fn the_pool_behind_the_proxy_is_named() {
    assert_eq!(target(BY_NAME).as_deref(), Some("pool.example:3333"));
    assert_eq!(target(BY_V4).as_deref(), Some("192.0.2.7:3333"));
    assert_eq!(target(BY_V6).as_deref(), Some("[2001:db8::7]:4444"));
    assert_eq!(target(WITH_PASSWORD).as_deref(), Some("pool.example:3333"));
    assert_eq!(target(FOUR).as_deref(), Some("192.0.2.7:3333"));
    assert_eq!(target(FOUR_A).as_deref(), Some("pool.example:3333"));
    let literal = b"\x05\x01\x00\x05\x01\x00\x03\x0c2001:db8::77\x00\x50";
    assert_eq!(target(literal).as_deref(), Some("[2001:db8::77]:80"), "an address sent as a name");
}

#[test]
fn a_client_that_does_not_wait_loses_nothing() {
    for hello in CLIENTS {
        let whole = [hello, b"{\"id\":1}\n"].concat();
        assert_eq!(client(&whole).map(|g| g.1), Ok(b"{\"id\":1}\n".to_vec()));
        assert_eq!(client_hello(&whole), Look::Yes, "{whole:?}");
    }
    let mut s = Socks::client();
    assert!(matches!(s.data(FOUR), Step::Done { target: Some(_), rest: [] }));
    assert_eq!(s.data(b"{}\n"), Step::Done { target: None, rest: b"{}\n" }, "and later data passes through");
    s.gap();
    assert_eq!(s.data(b"{}\n"), Step::Done { target: None, rest: b"{}\n" });
}

#[test]
fn a_name_that_no_resolver_takes_is_not_reported_but_what_follows_is_read() {
    assert_eq!(client(b"\x05\x01\x00\x05\x01\x00\x03\x03a\r\nb\x0d{}"), Ok((None, b"{}".to_vec())));
    assert_eq!(client(b"\x04\x01\x0d\x05\x00\x00\x00\x01\0a b\0{}"), Ok((None, b"{}".to_vec())));
}

#[test]
fn the_password_is_never_held() {
    let at = WITH_PASSWORD.windows(6).position(|w| w == b"secret").unwrap() + 6;
    for n in 6..=at {
        let mut s = Socks::client();
        assert_eq!(s.data(&WITH_PASSWORD[..n]), Step::More);
        assert!(s.piece.len() <= 1, "{:?}", s.piece);
    }
}

#[test]
fn servers_grant_or_refuse() {
    for granted in SERVERS {
        assert_eq!(server(&[granted, b"{}"].concat()), Ok((None, b"{}".to_vec())));
        assert_eq!(server(&granted[..granted.len() - 1]), Err(false));
    }
    for refused in [
        &b"\x05\xff"[..],
        b"\x05\x01",
        b"\x05\x80",
        b"\x05\x02\x01\x01",
        b"\x05\x00\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00",
        b"\x05\x00\x05\x00\x00\x02\x00",
        b"\x00\x5b\x00\x00\x00\x00\x00\x00",
    ] {
        assert_eq!(server(refused), Err(true), "{refused:?}");
    }
}

#[test]
fn what_opens_no_stream_is_lost() {
    for bytes in [
        &b"\x05\x00"[..],
        b"\x05\x01\x00\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00",
        b"\x05\x01\x00\x05\x02\x00\x01\xc0\x00\x02\x01\x00\x50",
        b"\x05\x01\x00\x01\x03abc\x00",
        b"\x05\x01\x00\x05\x01\x00\x03\x00",
        b"\x05\x01\x00\x05\x01\x00\x02",
        b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x00",
        b"\x04\x02\x00\x50\xc0\x00\x02\x01\0",
        b"\x06",
    ] {
        assert_eq!(client(bytes), Err(true), "{bytes:?}");
    }
}

#[test]
fn endless_names_are_bounded() {
    let mut s = Socks::client();
    assert_eq!(s.data(b"\x04\x01\x0d\x05\x00\x00\x00\x01"), Step::More);
    assert_eq!(s.data(&[b'u'; MAX_USER]), Step::More);
    assert_eq!(s.data(b"\0"), Step::More);
    assert_eq!(s.data(&[b'n'; MAX_NAME]), Step::More);
    assert_eq!(s.data(b"n"), Step::Lost);
    assert_eq!(s.held(), 0);
    let mut s = Socks::client();
    s.data(b"\x04\x01\x0d\x05\x00\x00\x00\x01");
    assert_eq!(s.data(&[b'u'; MAX_USER + 1]), Step::Lost);
}

#[test]
fn a_hole_ends_it() {
    let mut s = Socks::client();
    assert_eq!(s.data(&BY_NAME[..9]), Step::More);
    s.gap();
    assert_eq!(s.data(&BY_NAME[9..]), Step::Lost);
}

#[test]
fn hellos_are_seen_at_every_length() {
    for hello in CLIENTS {
        for n in 0..=hello.len() {
            assert_ne!(client_hello(&hello[..n]), Look::No, "{:?}", &hello[..n]);
        }
        assert_eq!(client_hello(hello), Look::Yes);
    }
    assert_eq!(client_hello(b"\x05\x01\x00"), Look::Yes, "a client that waits");
    assert_eq!(client_hello(b"\x05\x03\x00\x01\x02"), Look::Yes);
    assert_eq!(client_hello(b"\x05\x03\x00\x01"), Look::Short);
    for hello in SERVERS {
        for n in 0..=hello.len() {
            assert_ne!(server_hello(&hello[..n]), Look::No, "{:?}", &hello[..n]);
        }
        assert_eq!(server_hello(hello), Look::Yes);
    }
    assert_eq!(server_hello(b"\x05\xff"), Look::Yes);
    assert_eq!(server_hello(b"\x00\x5b\x00\x00\x00\x00\x00\x00"), Look::Yes);
}

#[test]
fn strangers_are_told_apart() {
    for (name, bytes) in STRANGERS {
        assert_eq!(client_hello(bytes), Look::No, "{name}");
        assert_eq!(server_hello(bytes), Look::No, "{name}");
    }
    for bytes in
        [&b"\x05\x11\x00"[..], b"\x05\x00", b"\x05\x02\x00\x00", b"\x05\x01\x00x", b"\x05\x01\xff", b"\x05\x01\x00\x01"]
    {
        assert_eq!(client_hello(bytes), Look::No, "{bytes:?}");
    }
    assert_eq!(client_hello(b"\x04\x01\x00\x00\xc0\x00\x02\x01\0"), Look::No, "no port");
    assert_eq!(client_hello(b"\x04\x01\x00\x50\xc0\x00\x02\x01\x07\0"), Look::No, "no text");
    assert_eq!(server_hello(b"\x05\x07"), Look::No);
    assert_eq!(server_hello(b"\x05\x00\x00"), Look::No);
}

#[test]
fn random_bytes_are_no_hello() {
    let long = random(10_000).filter(|b| b.len() >= 8).collect::<Vec<_>>();
    assert_eq!(long.iter().filter(|b| client_hello(b) != Look::No).count(), 0);
    assert_eq!(long.iter().filter(|b| server_hello(b) != Look::No).count(), 0);
}

proptest! {
    #[test]
    fn any_split_gives_the_same(cuts in prop::collection::vec(any::<usize>(), 0..8), which in 0usize..6) {
        let whole = [CLIENTS[which], b"{\"id\":1}\n"].concat();
        prop_assert_eq!(read(Socks::client(), &split(&whole, &cuts)), client(&whole));
        let whole = [SERVERS[which % 4], b"{\"id\":1}\n"].concat();
        prop_assert_eq!(read(Socks::server(), &split(&whole, &cuts)), server(&whole));
    }

    #[test]
    fn a_hello_never_turns_from_no_to_yes(which in 0usize..6, at in 0usize..12, byte in any::<u8>()) {
        let mut bytes = CLIENTS[which].to_vec();
        bytes[at % 8] = byte;
        let looks = (0..=bytes.len()).map(|n| client_hello(&bytes[..n])).collect::<Vec<_>>();
        let no = looks.iter().position(|l| *l == Look::No).unwrap_or(looks.len());
        prop_assert!(looks[no..].iter().all(|l| *l == Look::No), "{:?} {:?}", bytes, looks);
    }

    #[test]
    fn byte_soup_is_bounded(head in prop::sample::select(vec![&b"\x05\x01\x00\x05\x01\x00\x03"[..], b"\x05\x01\x02\x01", b"\x04\x01", b"\x05", b""]),
                            soup in prop::collection::vec(any::<u8>(), 0..1500), cuts in prop::collection::vec(any::<usize>(), 0..8)) {
        let whole = [head, &soup].concat();
        let _ = read(Socks::client(), &split(&whole, &cuts));
        let _ = read(Socks::server(), &split(&whole, &cuts));
        let _ = (client_hello(&whole), server_hello(&whole));
    }
}
