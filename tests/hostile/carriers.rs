//! The cutters hold no more than their caps, whatever they are fed.

use std::io::Write;

use minewatch::carrier::http::Http;
use minewatch::carrier::lines::{Lines, MAX_LINE};

#[test]
fn se07_a_line_is_held_up_to_its_cap_and_no_further() {
    let streams: [(&str, Vec<u8>, u64); 6] = [
        ("brackets", vec![b'['; 200_000], 1),
        ("objects in objects", "{\"a\":".repeat(40_000).into_bytes(), 1),
        ("10 MB without a line end", [&b"{\"a\":\""[..], &vec![b'x'; 10 << 20]].concat(), 1),
        ("10 MB of escapes", [&b"{\"a\":\""[..], &b"\\\\".repeat(5 << 20)].concat(), 1),
        ("10 MB that is no UTF-8", vec![0xff; 10 << 20], 1),
        ("many lines too long", [&b"{\"a\":\""[..], &vec![b'y'; 140_000], b"\n"].concat().repeat(50), 50),
    ];
    for (name, stream, long) in streams {
        let (mut lines, mut given, mut most, mut last) = (Lines::default(), 0, 0, Vec::new());
        let mut read = |lines: &mut Lines, data: &[u8]| {
            lines.data(data, |l| {
                given += l.len();
                last = l.to_vec();
            });
        };
        for chunk in stream.chunks(1400) {
            read(&mut lines, chunk);
            most = most.max(lines.held());
        }
        read(&mut lines, b"\n{\"id\":1}\n");
        assert!(most <= 2 * MAX_LINE, "{name}: {most} bytes held");
        assert!(given <= 100 + MAX_LINE, "{name}: {given} bytes given out");
        assert_eq!(lines.take_too_long(), long, "{name}");
        assert_eq!(last, b"{\"id\":1}", "{name}: what follows is read");
        assert!(lines.held() <= 4096, "{name}: {} bytes are kept for nothing", lines.held());
    }
}

#[test]
fn a_million_small_lines_are_a_million_lines() {
    let (mut lines, mut n) = (Lines::default(), 0_u64);
    let stream = b"{}\n[]\n".repeat(500_000);
    for chunk in stream.chunks(1399) {
        lines.data(chunk, |_| n += 1);
        assert!(lines.held() <= 4096);
    }
    assert_eq!(n, 1_000_000);
}

/// Feeds one direction of HTTP; the messages with the length of their bodies, and the most bytes held.
fn http(stream: &[u8], step: usize) -> (Vec<(u16, usize)>, usize) {
    let (mut http, mut out, mut most) = (Http::default(), Vec::new(), 0);
    for chunk in stream.chunks(step) {
        http.data(chunk, |meta, body| out.push((meta.status, body.len())));
        most = most.max(http.held());
    }
    http.end(|meta, body| out.push((meta.status, body.len())));
    (out, most)
}

#[test]
fn http_that_never_ends_or_lies_about_its_length_is_bounded() {
    const HELD: usize = 2 * (512 + 16) * 1024;
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
    let json = [&b"{\"a\":\""[..], &vec![b'z'; 4 << 20]].concat();
    let body = |fields: &str| [head(fields).as_bytes(), &json].concat();
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("endless header line", [&b"GET / HTTP/1.1\r\nX: "[..], &vec![b'a'; 4 << 20]].concat()),
        ("endless headers", [&b"GET / HTTP/1.1\r\n"[..], &b"A: b\r\n".repeat(700_000)].concat()),
        ("endless start line", [&b"GET /"[..], &vec![b'a'; 4 << 20]].concat()),
        ("largest chunk", [head("Transfer-Encoding: chunked").as_bytes(), b"ffffffffffffffff\r\n", &json].concat()),
        (
            "too large a chunk",
            [head("Transfer-Encoding: chunked").as_bytes(), b"fffffffffffffffff\r\n", &json].concat(),
        ),
        ("endless chunk size", [head("Transfer-Encoding: chunked").as_bytes(), &vec![b'0'; 4 << 20]].concat()),
        (
            "endless chunk extension",
            [head("Transfer-Encoding: chunked").as_bytes(), b"1;", &vec![b'x'; 4 << 20]].concat(),
        ),
        (
            "a million chunks",
            [head("Transfer-Encoding: chunked").as_bytes(), &b"1\r\n{\r\n".repeat(1_000_000)].concat(),
        ),
        (
            "endless trailer",
            [head("Transfer-Encoding: chunked").as_bytes(), b"0\r\n", &b"T: x\r\n".repeat(700_000)].concat(),
        ),
        ("negative length", body("Content-Length: -1")),
        ("length beyond numbers", body("Content-Length: 99999999999999999999999999")),
        ("largest length", body("Content-Length: 18446744073709551615")),
        ("hexadecimal length", body("Content-Length: 0x10")),
        ("two lengths", body("Content-Length: 5\r\nContent-Length: 4000000000")),
        ("until close", body("Connection: close")),
        ("nothing but responses", b"HTTP/1.1 204 No Content\r\n\r\n".repeat(100_000)),
        ("not HTTP after all", [&b"POST / HTTP/9.9\r\n"[..], &vec![0xff; 4 << 20]].concat()),
    ];
    for (name, stream) in hostile {
        for step in [1, 1400, stream.len()] {
            if step == 1 && stream.len() > 5 << 20 {
                continue;
            }
            let (out, most) = http(&stream, step);
            let given: usize = out.iter().map(|(_, n)| n).sum();
            assert!(most <= HELD, "{name} by {step}: {most} bytes held");
            assert!(given <= stream.len(), "{name} by {step}: {given} bytes of {}", stream.len());
            assert!(out.iter().all(|(_, n)| *n <= 512 * 1024), "{name}");
        }
    }
}

#[test]
fn a_compressed_bomb_opens_no_further_than_its_cap() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(b"{\"a\":\"").unwrap();
    for _ in 0..200 {
        bomb.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 512 * 1024, "{}", bomb.len());
    for encoding in ["gzip", "deflate", "br", "gzip, gzip"] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n", bomb.len());
        let stream = [head.as_bytes(), &bomb, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"].concat();
        let (out, most) = http(&stream, 1400);
        assert!(most <= 2 * 528 * 1024, "{encoding}: {most}");
        assert_eq!(out, [(200, 0), (200, 2)], "{encoding}: the bomb counts as empty, what follows is read");
    }
}
