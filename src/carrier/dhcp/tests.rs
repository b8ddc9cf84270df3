//! Messages as clients and servers write them, and what nobody should believe.

use proptest::prelude::*;

use super::*;

/// A message of that operation with these addresses and options.
fn message(op: u8, client: [u8; 4], yours: [u8; 4], options: &[(u8, &[u8])]) -> Vec<u8> {
    let mut m = vec![op, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0];
    m.extend(client);
    m.extend(yours);
    m.resize(28, 0);
    m.extend([2, 0, 0, 0, 0, 0xa1]);
    m.resize(FIXED, 0);
    m.extend(COOKIE);
    for (code, value) in options {
        m.extend([*code, value.len() as u8]);
        m.extend(*value);
    }
    m.push(255);
    m
}

#[test]
fn an_acknowledgement_says_who_holds_what() {
    let m = message(
        2,
        [0; 4],
        [192, 0, 2, 50],
        &[
            (53, &[5]),
            (51, &3600_u32.to_be_bytes()),
            (3, &[192, 0, 2, 1]),
            (6, &[192, 0, 2, 53, 0, 0, 0, 0, 192, 0, 2, 54]),
            (12, b"alice-pc"),
        ],
    );
    let d = read(&m).unwrap();
    assert_eq!((d.kind, d.address), (Kind::Acknowledged, Some(Ipv4Addr::new(192, 0, 2, 50))));
    assert_eq!((d.mac.to_string().as_str(), d.hostname.as_deref()), ("02:00:00:00:00:a1", Some("alice-pc")));
    assert_eq!((d.lease, d.routers, d.resolvers.len()), (Some(3600), vec![Ipv4Addr::new(192, 0, 2, 1)], 2));
}

#[test]
fn offers_and_refusals_bind_nobody() {
    for (op, kind) in [(1, 1), (2, 2), (1, 4), (2, 6), (1, 5), (2, 3), (3, 5)] {
        assert_eq!(read(&message(op, [0; 4], [192, 0, 2, 50], &[(53, &[kind])])), None, "{op}/{kind}");
    }
    assert_eq!(read(&message(2, [0; 4], [192, 0, 2, 50], &[])), None, "BOOTP without a kind");
    let mut token_ring = message(2, [0; 4], [192, 0, 2, 50], &[(53, &[5])]);
    token_ring[1] = 6;
    assert_eq!(read(&token_ring), None);
}

#[test]
fn renewals_and_releases_name_the_address_that_the_client_has() {
    let renewed = read(&message(1, [192, 0, 2, 50], [0; 4], &[(53, &[3]), (12, b"a")])).unwrap();
    assert_eq!((renewed.kind, renewed.address), (Kind::Request, Some(Ipv4Addr::new(192, 0, 2, 50))));
    let informed = read(&message(2, [192, 0, 2, 50], [0; 4], &[(53, &[5])])).unwrap();
    assert_eq!(informed.address, Some(Ipv4Addr::new(192, 0, 2, 50)));
    let released = read(&message(1, [192, 0, 2, 50], [0; 4], &[(53, &[7])])).unwrap();
    assert_eq!((released.kind, released.address), (Kind::Released, Some(Ipv4Addr::new(192, 0, 2, 50))));
    assert_eq!(read(&message(1, [0; 4], [0; 4], &[(53, &[7])])), None);
}

#[test]
fn names_come_in_three_ways() {
    let name = |options: &[(u8, &[u8])]| {
        let all = [&[(53_u8, &[3_u8][..])], options].concat();
        read(&message(1, [0; 4], [0; 4], &all)).unwrap().hostname.map(String::from)
    };
    assert_eq!(name(&[(12, b"alice-pc\0\0")]).as_deref(), Some("alice-pc"));
    assert_eq!(name(&[(81, b"\0\0\0alice-pc.example")]).as_deref(), Some("alice-pc.example"));
    assert_eq!(name(&[(81, b"\x04\0\0\x08alice-pc\x07example\0")]).as_deref(), Some("alice-pc.example"));
    assert_eq!(name(&[(81, b"\0\0\0full"), (12, b"short")]).as_deref(), Some("short"));
    assert_eq!(name(&[(12, b"")]), None);
    assert_eq!(name(&[(12, b" \t")]), None);
    assert_eq!(name(&[(12, b"a\x1b]0;x\x07\nb")]).as_deref(), Some("a\\x1b]0;x\\x07\\nb"));
    assert!(name(&[(12, &[b'a'; 255])]).unwrap().len() <= NAME_SHOWN + 3);
}

#[test]
fn an_option_that_is_cut_off_ends_the_reading() {
    let mut m = message(2, [0; 4], [192, 0, 2, 50], &[(53, &[5]), (12, b"alice")]);
    m.pop();
    m.extend([51, 4, 0, 0]);
    let d = read(&m).unwrap();
    assert_eq!((d.hostname.as_deref(), d.lease), (Some("alice"), None));
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&bytes);
        let mut m = message(2, [0; 4], [1; 4], &[(53, &[5])]);
        m.pop();
        m.extend(&bytes);
        if let Some(d) = read(&m) {
            prop_assert!(d.routers.len() <= MAX_SERVERS && d.resolvers.len() <= MAX_SERVERS);
        }
    }
}
