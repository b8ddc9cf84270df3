//! Messages survive the way, and nothing else does.

use proptest::prelude::*;

use super::*;

fn over<T: Serialize, R: DeserializeOwned>(message: &T) -> R {
    let mut bytes = Vec::new();
    send(&mut bytes, message).unwrap();
    match receive(&mut bytes.as_slice(), MOST_ANSWER).unwrap() {
        Received::Message(m) => m,
        Received::Odd(why) => panic!("{why}"),
        Received::End => panic!("nothing came"),
    }
}

fn target() -> impl Strategy<Value = Target> {
    let proto = any::<bool>().prop_map(|tcp| if tcp { Proto::Tcp } else { Proto::Udp });
    let service = proptest::option::of((proto, any::<u16>()));
    (any::<IpAddr>(), service, any::<Option<IpAddr>>()).prop_map(|(addr, service, from)| Target { addr, service, from })
}

fn prefixes() -> impl Strategy<Value = Vec<Prefix>> {
    proptest::collection::vec(any::<IpAddr>().prop_map(Prefix::host), 0..3)
}

proptest! {
    #[test]
    fn what_is_wanted_arrives_as_it_was(
        block in proptest::collection::vec((target(), any::<u64>()), 0..20),
        isolate in proptest::collection::vec((any::<IpAddr>(), any::<u64>(), prefixes()), 0..5),
    ) {
        let wanted = Wanted {
            block: block.into_iter().map(|(target, ttl_secs)| Block { target, ttl_secs }).collect(),
            isolate: isolate.into_iter().map(|(host, ttl_secs, keep)| Isolated { host, ttl_secs, keep }).collect(),
        };
        let Request::Apply(form) = over(&Request::Apply((&wanted).into())) else { panic!("another message") };
        prop_assert_eq!(Wanted::try_from(form).unwrap(), wanted);
    }

    #[test]
    fn what_is_held_arrives_as_it_was(
        blocked in proptest::collection::btree_map(target(), any::<u64>(), 0..20),
        isolated in proptest::collection::btree_map(any::<IpAddr>(), any::<u64>(), 0..5),
        kept in proptest::collection::btree_set((any::<IpAddr>(), any::<IpAddr>().prop_map(Prefix::host)), 0..5),
    ) {
        let held = Held { blocked, isolated, kept, rules: Rules::Changed, hits: Hits { blocked: 7, isolated: 8 } };
        let Answer::Held(form) = over(&Answer::Held(held.clone().into())) else { panic!("another message") };
        prop_assert_eq!(Held::try_from(form).unwrap(), held);
    }

    #[test]
    fn bytes_that_are_no_message_are_told_apart_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut rest = bytes.as_slice();
        while let Ok(Received::Message(_) | Received::Odd(_)) = receive::<Request>(&mut rest, MOST_REQUEST) {}
    }

    #[test]
    fn a_message_that_is_cut_off_is_no_message(cut in 1_usize..60) {
        let wanted = Wanted {
            block: vec![Block { target: Target { addr: [198, 51, 100, 1].into(), service: None, from: None }, ttl_secs: 60 }],
            isolate: Vec::new(),
        };
        let mut bytes = Vec::new();
        send(&mut bytes, &Request::Apply((&wanted).into())).unwrap();
        prop_assume!(cut < bytes.len());
        prop_assert!(receive::<Request>(&mut &bytes[..cut], MOST_REQUEST).is_err());
    }
}

#[test]
fn what_was_done_arrives_as_it_was() {
    let target = Target { addr: [198, 51, 100, 1].into(), service: Some((Proto::Udp, 9)), from: None };
    for connections in [
        Connections::NoneOpen,
        Connections::Ended(3),
        Connections::Unknown(EnforceError::NoProgram { program: "conntrack".into(), package: "conntrack".into() }),
    ] {
        let applied = Applied {
            backend: "nftables".into(),
            blocked: 5,
            isolated: 1,
            refused: vec![
                Refused::Block { target, why: "w".into() },
                Refused::Isolate { host: [10, 0, 0, 1].into(), why: "v".into() },
            ],
            connections,
            millis: 12,
        };
        let Answer::Applied(form) = over(&Answer::Applied(applied.clone().into())) else { panic!("another message") };
        assert_eq!(Applied::from(form), applied);
    }
}

#[test]
fn fields_types_and_addresses_must_be_exactly_right() {
    let odd = [
        r"{}",
        r#""Apply""#,
        r#"{"Apply":{}}"#,
        r#"{"Apply":{"block":[],"isolate":[],"shell":"true"}}"#,
        r#"{"Apply":{"block":[[{"addr":"pool.example"},60]],"isolate":[]}}"#,
        r#"{"Apply":{"block":[[{"addr":"010.0.0.1"},60]],"isolate":[]}}"#,
        r#"{"Apply":{"block":[[{"addr":"198.51.100.1; flush ruleset"},60]],"isolate":[]}}"#,
        r#"{"Apply":{"block":[[{"addr":"198.51.100.1","service":["tcp",65536]},60]],"isolate":[]}}"#,
        r#"{"Apply":{"block":[[{"addr":"198.51.100.1","service":["sctp",1]},60]],"isolate":[]}}"#,
        r#"{"Apply":{"block":[[{"addr":"198.51.100.1"},-1]],"isolate":[]}}"#,
        r#"{"Run":{"program":"sh"}}"#,
        r#"{"Remove":{}}{"Remove":{}}"#,
    ];
    for text in odd {
        let mut bytes = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(text.as_bytes());
        let got = receive::<Request>(&mut bytes.as_slice(), MOST_REQUEST).unwrap();
        assert!(matches!(got, Received::Odd(_)), "{text}");
    }
    let wide = WantedForm {
        block: Vec::new(),
        isolate: vec![IsolatedForm { host: [10, 0, 0, 5].into(), ttl_secs: 60, keep: vec!["10.1.2.3/8".into()] }],
    };
    assert!(Wanted::try_from(wide).is_err(), "a prefix with host bits");
}

#[test]
fn a_length_that_is_too_long_is_refused_before_anything_is_kept() {
    let mut bytes = u32::MAX.to_be_bytes().to_vec();
    bytes.extend([b'a'; 100]);
    assert!(receive::<Request>(&mut bytes.as_slice(), MOST_REQUEST).is_err());
}

#[test]
fn a_signal_in_the_middle_loses_nothing() {
    /// Gives a byte at every other call.
    struct Interrupted<'a>(&'a [u8], bool);

    impl Read for Interrupted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    let mut bytes = Vec::new();
    send(&mut bytes, &Request::Ping {}).unwrap();
    let mut from = Interrupted(&bytes, false);
    assert!(matches!(receive(&mut from, MOST_REQUEST), Ok(Received::Message(Request::Ping {}))));
    assert!(matches!(receive::<Request>(&mut from, MOST_REQUEST), Ok(Received::End)));
}
