use std::net::{Ipv4Addr, Ipv6Addr};

use domain::base::iana::Opcode;
use domain::base::{MessageBuilder, Ttl};
use domain::rdata::{A, Aaaa, Cname};
use proptest::prelude::*;

use super::*;

type N = Name<Vec<u8>>;

fn name(s: &str) -> N {
    s.parse().unwrap()
}

fn ask(s: &str) -> Vec<u8> {
    let mut m = MessageBuilder::new_vec();
    m.header_mut().set_rd(true);
    m.header_mut().set_id(7);
    let mut q = m.question();
    q.push((name(s), Rtype::A)).unwrap();
    q.finish()
}

/// Records as (owner, seconds, target or address).
fn answer(question: &str, records: &[(&str, u32, &str)]) -> Vec<u8> {
    let mut m = MessageBuilder::new_vec();
    m.header_mut().set_qr(true);
    m.header_mut().set_id(7);
    let mut q = m.question();
    q.push((name(question), Rtype::A)).unwrap();
    let mut a = q.answer();
    for (owner, ttl, to) in records {
        let (owner, ttl) = (name(owner), Ttl::from_secs(*ttl));
        match (to.parse::<Ipv4Addr>(), to.parse::<Ipv6Addr>()) {
            (Ok(v4), _) => a.push((owner, ttl, A::new(v4))).unwrap(),
            (_, Ok(v6)) => a.push((owner, ttl, Aaaa::new(v6))).unwrap(),
            _ => a.push((owner, ttl, Cname::new(name(to)))).unwrap(),
        }
    }
    a.finish()
}

fn addresses(d: &Dns) -> Vec<(String, u32)> {
    d.addresses.iter().map(|a| (a.ip.to_string(), a.ttl)).collect()
}

#[test]
fn a_question_names_what_is_asked() {
    let d = read(&ask("XMR-EU1.Pool.Example.")).unwrap();
    assert_eq!((&*d.name, d.qtype, d.id), ("xmr-eu1.pool.example", 1, 7));
    assert!(!d.reply && d.recursion_desired && d.addresses.is_empty());
}

#[test]
fn an_answer_is_followed_through_its_aliases_in_any_order() {
    let d = read(&answer(
        "pool.example",
        &[
            ("eu.lb.example", 30, "192.0.2.7"),
            ("pool.example", 300, "lb.example"),
            ("eu.lb.example", 60, "2001:db8::7"),
            ("lb.example", 90, "eu.lb.example"),
        ],
    ))
    .unwrap();
    assert_eq!(d.aliases, [Box::from("lb.example"), "eu.lb.example".into()]);
    assert_eq!(addresses(&d), [("192.0.2.7".to_owned(), 30), ("2001:db8::7".to_owned(), 60)]);
}

#[test]
fn what_does_not_lead_from_the_question_teaches_nothing() {
    let d =
        read(&answer("www.example", &[("pool.example", 60, "192.0.2.7"), ("www.example", 60, "192.0.2.8")])).unwrap();
    assert_eq!(addresses(&d), [("192.0.2.8".to_owned(), 60)]);
}

#[test]
fn a_loop_of_aliases_ends() {
    let d = read(&answer("a.example", &[("a.example", 1, "b.example"), ("b.example", 1, "a.example")])).unwrap();
    assert_eq!(d.aliases, [Box::from("b.example")]);
}

#[test]
fn a_loop_of_compression_pointers_is_no_message() {
    let mut bytes = ask("a.example");
    bytes.truncate(12);
    bytes.extend([0xc0, 12, 0, 1, 0, 1]);
    assert_eq!(read(&bytes), None);
}

#[test]
fn odd_bytes_in_a_name_are_escaped() {
    let mut bytes = ask("a.example");
    bytes.truncate(12);
    bytes.extend(b"\x04\x1b[1m\x07example\0\0\x01\0\x01");
    assert_eq!(&*read(&bytes).unwrap().name, "\\027[1m.example");
}

#[test]
fn hints_of_a_service_are_addresses() {
    // pool.example HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9 ech=…, written by hand (RFC 9460 §2.2).
    let mut m = MessageBuilder::new_vec();
    m.header_mut().set_qr(true);
    let mut q = m.question();
    q.push((name("pool.example"), Rtype::HTTPS)).unwrap();
    let mut bytes = q.finish();
    bytes[7] = 1;
    bytes.extend(b"\xc0\x0c\0\x41\0\x01\0\0\0\x3c");
    let data = b"\0\x01\0\0\x01\0\x03\x02h2\0\x04\0\x04\xc0\0\x02\x09\0\x05\0\x02zz";
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    let d = read(&bytes).unwrap();
    assert_eq!(addresses(&d), [("192.0.2.9".to_owned(), 60)]);
}

#[test]
fn errors_and_other_operations_teach_nothing() {
    let mut bytes = answer("a.example", &[("a.example", 1, "192.0.2.1")]);
    bytes[3] = 3;
    assert!(read(&bytes).unwrap().addresses.is_empty(), "NXDOMAIN");
    let mut m = MessageBuilder::new_vec();
    m.header_mut().set_opcode(Opcode::UPDATE);
    let mut q = m.question();
    q.push((name("a.example"), Rtype::A)).unwrap();
    assert_eq!(read(&q.finish()), None);
}

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().flat_map(|m| [&(m.len() as u16).to_be_bytes()[..], m].concat()).collect()
}

proptest! {
    #[test]
    fn messages_in_a_stream_are_whole_however_it_is_cut(sizes in prop::collection::vec(0_usize..40, 1..6), cut in 1_usize..50) {
        let messages: Vec<Vec<u8>> = sizes.iter().map(|n| vec![*n as u8; *n]).collect();
        let (mut f, mut got) = (Framed::default(), Vec::new());
        for piece in framed(&messages).chunks(cut) {
            f.data(piece, |m| got.push(m.to_vec()));
        }
        // Shorter than a header is no message.
        let wanted: Vec<_> = messages.into_iter().filter(|m| m.len() >= 12).collect();
        prop_assert_eq!(got, wanted);
    }

    #[test]
    fn nothing_breaks_it(bytes in prop::collection::vec(any::<u8>(), 0..400), flips in prop::collection::vec((0_usize..200, any::<u8>()), 0..6)) {
        let _ = read(&bytes);
        let mut near = answer("pool.example", &[("pool.example", 3, "lb.example"), ("lb.example", 3, "192.0.2.1")]);
        for (at, b) in flips {
            if let Some(x) = near.get_mut(at) { *x = b; }
        }
        if let Some(d) = read(&near) {
            prop_assert!(d.name.is_ascii() && d.aliases.len() <= MAX_ALIASES && d.addresses.len() <= MAX_ADDRESSES);
        }
        let mut f = Framed::default();
        f.data(&bytes, |m| { let _ = read(m); });
        prop_assert!(f.held() <= MAX_FRAMED * 2 + 4);
    }
}
