use std::io::Write;

use super::*;
use proptest::prelude::*;

fn cut(chunks: &[&[u8]]) -> Vec<(HttpMeta, String)> {
    let mut h = Http::default();
    let mut out = Vec::new();
    for c in chunks {
        h.data(c, |m, b| out.push((m.clone(), String::from_utf8_lossy(b).into_owned())));
    }
    h.end(|m, b| out.push((m.clone(), String::from_utf8_lossy(b).into_owned())));
    out
}

const POST: &[u8] = b"POST / HTTP/1.1\r\nAuthorization: Basic cmlnMTp4\r\nX-Mining-Extensions: midstate\r\n\
    User-Agent: cgminer 3.7.2\r\nContent-Length: 8\r\n\r\n{\"id\":0}";

#[test]
fn a_miners_request() {
    let got = cut(&[POST]);
    assert_eq!(got.len(), 1);
    let (m, body) = &got[0];
    assert_eq!(body, "{\"id\":0}");
    assert_eq!(m.mining_header, Some("X-Mining-Extensions"));
    assert_eq!(m.user.as_deref(), Some("rig1"));
    assert_eq!(m.user_agent.as_deref(), Some("cgminer 3.7.2"));
    assert!(!m.response);
}

#[test]
fn keep_alive_pipelining_and_chunks() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n3;x=y\r\n:0}\r\n0\r\n\r\n";
    let until_close = b"HTTP/1.0 200 OK\r\nX-Stratum: stratum+tcp://pool.example:3333\r\n\r\n{\"id\":1}";
    let all = [&chunked[..], &chunked[..], &until_close[..]].concat();
    let got = cut(&[&all]);
    assert_eq!(got.iter().map(|(_, b)| b.as_str()).collect::<Vec<_>>(), ["{\"id\":0}", "{\"id\":0}", "{\"id\":1}"]);
    assert_eq!(got[2].0.mining_header, Some("X-Stratum"));
    assert_eq!(got[0].0.status, 200);
}

#[test]
fn gzip_bodies_are_opened_within_the_cap() {
    let pack = |plain: &[u8]| {
        let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        e.write_all(plain).unwrap();
        let z = e.finish().unwrap();
        let mut m =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", z.len()).into_bytes();
        m.extend_from_slice(&z);
        m
    };
    assert_eq!(cut(&[&pack(b"{\"id\":7}")])[0].1, "{\"id\":7}");
    assert_eq!(cut(&[&pack(&vec![b' '; MAX_BODY * 8])])[0].1, "", "a bomb gives nothing");
}

#[test]
fn a_page_is_not_collected_and_a_hole_in_a_body_is_survived() {
    let mut h = Http::default();
    let mut n = 0;
    h.data(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n<html>", |_, _| n += 1);
    assert!(h.held() < 64 * 1024);
    h.gap(999_993);
    h.data(b">HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", |_, b| {
        n += 1;
        assert!(b.is_empty() || b == b"{}");
    });
    assert_eq!(n, 2);
}

#[test]
fn endless_headers_are_bounded() {
    let mut h = Http::default();
    for _ in 0..1000 {
        h.data(&[b'a'; 1000], |_, _| unreachable!());
    }
    assert!(h.held() <= 4 * MAX_HEAD);
}

#[test]
fn a_request_for_a_proxy_says_whom_it_is_for() {
    let said = |head: &str| {
        let (meta, _) = cut(&[head.as_bytes()]).remove(0);
        (meta.proxied, meta.target.map(|t| t.to_string()), meta.path)
    };
    let of = |target: Option<&str>, path: &str| (true, target.map(str::to_owned), Some(path.to_owned()));
    for (head, want) in [
        ("POST http://pool.example:8332/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n", of(Some("pool.example:8332"), "/")),
        ("GET http://ws.pool.example/proxy?a=b HTTP/1.1\r\n\r\n", of(Some("ws.pool.example:80"), "/proxy?a=b")),
        ("GET HTTPS://u:p@[2001:db8::1] HTTP/1.1\r\n\r\n", of(Some("[2001:db8::1]:443"), "/")),
        ("GET http://no%20host/ HTTP/1.1\r\n\r\n", of(None, "/")),
        ("GET / HTTP/1.1\r\nHost: pool.example\r\nVIA: 1.1 x\r\n\r\n", of(Some("pool.example:80"), "/")),
        ("GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.33\r\n\r\n", of(None, "/")),
        ("GET / HTTP/1.1\r\nHost: pool.example\r\n\r\n", (false, None, Some("/".to_owned()))),
        ("GET /?u=http://pool.example/ HTTP/1.1\r\n\r\n", (false, None, Some("/?u=http://pool.example/".to_owned()))),
    ] {
        assert_eq!(said(head), want, "{head}");
    }
    let answer = "HTTP/1.1 200 OK\r\nVia: 1.1 proxy.example\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(said(answer), (true, None, None));
}

proptest! {
    #[test]
    fn any_split_gives_the_same_messages(cuts in prop::collection::vec(0usize..600, 0..12)) {
        let whole = [POST, POST].concat();
        let mut cuts = cuts.into_iter().map(|c| c % whole.len()).collect::<Vec<_>>();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for c in cuts {
            chunks.push(&whole[from..c]);
            from = c;
        }
        chunks.push(&whole[from..]);
        prop_assert_eq!(cut(&chunks), cut(&[&whole]));
    }

    #[test]
    fn byte_soup_never_panics(data in prop::collection::vec(any::<u8>(), 0..2048), head in "(POST / HTTP/1.1\r\n|HTTP/1.1 200 OK\r\n)[a-zA-Z-]{0,20}: [0-9a-f]{0,9}\r\n\r\n") {
        let mut h = Http::default();
        h.data(head.as_bytes(), |_, _| {});
        h.data(&data, |_, _| {});
        h.gap(17);
        h.data(&data, |_, _| {});
        h.end(|_, _| {});
    }
}

#[test]
fn an_interim_answer_is_none() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"id\":0}";
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"] {
        for chunks in [vec![[interim.as_bytes(), answer].concat()], vec![interim.into(), answer.to_vec()]] {
            let chunks: Vec<_> = chunks.iter().map(Vec::as_slice).collect();
            let got: Vec<_> = cut(&chunks).into_iter().map(|(m, body)| (m.status, body)).collect();
            assert_eq!(got, [(200, "{\"id\":0}".to_owned())], "{interim}");
        }
        // They are not counted either: after so many messages nobody waits any more for what is inside.
        let mut h = Http::default();
        h.data(&[interim.repeat(20).as_bytes(), answer].concat(), |_, _| {});
        assert_eq!(h.messages(), 1);
    }
}
