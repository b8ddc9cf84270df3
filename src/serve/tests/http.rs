use std::io::{Read, Write};
use std::net::TcpStream;

use proptest::prelude::*;

use super::super::http::{Limits, OF_ONE};
use super::*;
use crate::firewall::{FORMATS, Meta, Prefix, RenderOptions};

/// What came back.
struct Reply {
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("no status: {:?}", self.head))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn send(at: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(at).unwrap();
    // Who was answered already need not read the rest.
    let _ = stream.write_all(bytes);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

fn ask_for(at: SocketAddr, request: &str) -> Reply {
    let all = send(at, request.as_bytes());
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(all.len());
    let body = all.get(end + 4..).unwrap_or_default().to_vec();
    Reply { head: String::from_utf8_lossy(&all[..end]).replace("\r\n", "\n"), body }
}

fn get(at: SocketAddr, path: &str, headers: &str) -> Reply {
    ask_for(at, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"))
}

fn serving(board: &Board, to: &[&str], limits: Limits) -> SocketAddr {
    let to: Vec<Prefix> = to.iter().map(|p| p.parse().unwrap()).collect();
    let mut listener = Listener::bind(any_port(), to).unwrap();
    listener.limits = limits;
    let at = listener.address();
    listener.start(board.clone()).unwrap();
    at
}

fn served(board: &Board) -> SocketAddr {
    serving(board, &[], Limits::default())
}

#[test]
fn every_format_is_served_as_it_would_be_written() {
    let (board, at) = (well(), from_now(-10));
    let decision = decided(pools(), at);
    let meta = Meta::of(&decision, at);
    board.list(decision.clone(), at, Scope::Address);
    let desk = served(&board);
    let index = get(desk, "/lists/", "");
    let mut files = 0;
    for format in FORMATS {
        for file in format.render(&decision.list, &meta, &RenderOptions::default()).files {
            let path = format!("/lists/{}{}", format.id(), file.suffix);
            let reply = get(desk, &path, "");
            assert_eq!((reply.status(), reply.body == file.bytes), (200, true), "{path}: {}", reply.head);
            assert_eq!(reply.header("content-length"), Some(&*file.bytes.len().to_string()), "{path}");
            assert_eq!(reply.header("cache-control"), Some("private, no-cache"));
            assert!(reply.header("last-modified").is_some_and(|d| d.ends_with(" GMT")), "{path}: {}", reply.head);
            assert!(index.text().lines().any(|l| l.split(' ').next() == Some(&path)), "{path} is not in the index");
            files += 1;
        }
    }
    assert_eq!(index.text().lines().count(), files);
    assert_eq!(get(desk, "/lists/misp", "").header("content-type"), Some("application/json"));
    assert_eq!(get(desk, "/lists/csv", "").header("content-type"), Some("text/csv; charset=utf-8"));
    for path in ["/lists/nft.v6", "/lists/nonsense", "/lists/nft/", "/lists/../metrics", "/list", "//lists/nft"] {
        assert_eq!(get(desk, path, "").status(), 404, "{path}");
    }
}

#[test]
fn an_empty_list_is_a_list_and_no_list_yet_is_none() {
    let board = well();
    let desk = served(&board);
    let reply = get(desk, "/lists/nft", "");
    assert_eq!((reply.status(), reply.header("retry-after")), (503, Some("1")));
    board.list(Decision::default(), from_now(0), Scope::Address);
    for format in FORMATS {
        assert_eq!(get(desk, &format!("/lists/{}", format.id()), "").status(), 200, "{}", format.id());
    }
}

#[test]
fn a_dry_run_serves_no_list_that_a_firewall_might_load() {
    let board = well();
    board.list(decided(pools(), from_now(0)), from_now(0), Scope::Endpoint);
    board.dry_run(true);
    let at = served(&board);
    let reply = get(at, "/lists/nft", "");
    assert_eq!((reply.status(), reply.text().contains("dry run")), (503, true), "{}", reply.text());
    assert_eq!(get(at, "/metrics", "").status(), 200);
    board.dry_run(false);
    assert_eq!(get(at, "/lists/nft", "").status(), 200);
}

#[test]
fn what_cannot_say_ports_is_served_for_whole_addresses_only() {
    let board = well();
    board.list(decided(pools(), from_now(0)), from_now(0), Scope::Endpoint);
    let desk = served(&board);
    for format in FORMATS {
        let reply = get(desk, &format!("/lists/{}", format.id()), "");
        assert_eq!(reply.status(), if format.needs_address_scope() { 409 } else { 200 }, "{}", format.id());
    }
    let reply = get(desk, "/lists/edl", "");
    assert!(reply.text().contains("--scope address"), "{}", reply.text());
    // Nor what cannot say which host is meant, where that is wanted.
    board.list(decided(pools(), from_now(0)), from_now(0), Scope::HostPair);
    let index = get(desk, "/lists/", "");
    for format in FORMATS {
        let reply = get(desk, &format!("/lists/{}", format.id()), "");
        assert_eq!(reply.status(), if format.says().pairs { 200 } else { 409 }, "{}", format.id());
    }
    let (pf, dnsmasq) = (get(desk, "/lists/pf", ""), get(desk, "/lists/dnsmasq", ""));
    assert!(pf.text().contains("--scope address"), "{}", pf.text());
    assert!(dnsmasq.text().contains("cannot say which host"), "{}", dnsmasq.text());
    assert!(index.text().contains("only with --scope endpoint"), "{}", index.text());
}

#[test]
fn who_has_it_already_is_not_sent_it_again() {
    let (board, at) = (well(), from_now(-10));
    board.list(decided(pools(), at), at, Scope::Address);
    let desk = served(&board);
    for path in ["/lists/edl", "/lists/nft"] {
        let first = get(desk, path, "");
        let tag = first.header("etag").unwrap().to_owned();
        assert!(tag.starts_with('"') && tag.len() > 20, "{tag}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let reply = get(desk, path, &format!("If-None-Match: {known}\r\n"));
            assert_eq!((reply.status(), reply.body.len()), (304, 0), "{known}");
            assert_eq!(reply.header("etag"), Some(&*tag));
        }
        let date = first.header("last-modified").unwrap();
        let since = |date: &str| get(desk, path, &format!("If-Modified-Since: {date}\r\n")).status();
        assert_eq!(since(date), 304);
        assert_eq!((since("Sat, 29 Oct 1994 19:43:31 GMT"), since("nonsense")), (200, 200));
        // The tag comes before the time.
        let both = get(desk, path, &format!("If-None-Match: \"other\"\r\nIf-Modified-Since: {date}\r\n"));
        assert_eq!(both.status(), 200);
        // As time passes, only what counts down is another file.
        board.list(decided(pools(), from_now(100)), from_now(100), Scope::Address);
        let later = get(desk, path, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!(later.status(), if path == "/lists/nft" { 200 } else { 304 });
        // What is new is sent.
        board.list(decided(pools()[1..].to_vec(), at), at, Scope::Address);
        assert_eq!(get(desk, path, &format!("If-None-Match: {tag}\r\n")).status(), 200);
        board.list(decided(pools(), at), at, Scope::Address);
    }
}

#[test]
fn a_list_of_this_very_second_has_no_time_to_go_by() {
    let board = well();
    board.list(decided(pools(), from_now(0)), from_now(3_600), Scope::Address);
    let reply = get(served(&board), "/lists/nft", "");
    assert_eq!((reply.status(), reply.header("last-modified")), (200, None));
}

#[test]
fn only_reading_is_done_and_bodies_are_not_taken() {
    let board = well();
    board.list(decided(pools(), from_now(-9)), from_now(-9), Scope::Address);
    let desk = served(&board);
    for path in ["/", "/lists/", "/lists/nft", "/lists/nothing", "/metrics", "/health"] {
        let whole = get(desk, path, "");
        let head = ask_for(desk, &format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        assert_eq!((head.status(), head.body.len()), (whole.status(), 0), "{path}");
        if path != "/metrics" {
            assert_eq!(head.header("content-length"), whole.header("content-length"), "{path}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "MINE"] {
            let target = if method == "CONNECT" { "x:1" } else { path };
            let reply = ask_for(desk, &format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
            assert_eq!((reply.status(), reply.header("allow")), (405, Some("GET, HEAD")), "{method}");
        }
        for body in ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] {
            let reply = ask_for(desk, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n{body}"));
            assert_eq!((reply.status(), reply.header("connection")), (413, Some("close")), "{body:?}");
        }
    }
    // Nobody waits for what was announced.
    let reply = ask_for(desk, "POST /lists/nft HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n");
    assert_eq!((reply.status(), reply.header("connection")), (405, Some("close")));
    let long = format!("GET /health HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(40_000));
    assert!(matches!(send(desk, long.as_bytes()).get(..12), None | Some(b"HTTP/1.1 431")));
    let many = format!("GET /health HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(1_000));
    assert!(matches!(send(desk, many.as_bytes()).get(..12), None | Some(b"HTTP/1.1 431")));
    assert_eq!(get(desk, "/health", "").status(), 200);
}

#[test]
fn several_requests_may_use_one_connection() {
    let board = well();
    let twice = "GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let all = String::from_utf8(send(served(&board), twice.as_bytes())).unwrap();
    assert_eq!(all.matches("HTTP/1.1 200").count(), 2, "{all}");
}

#[test]
fn health_is_503_when_something_is_wrong() {
    let board = well();
    let desk = served(&board);
    assert_eq!((get(desk, "/health", "").status(), get(desk, "/health", "").text()), (200, "well\n"));
    let drops = vec![trouble(health::Trouble::KernelDrops, Some("eth1\u{1b}[2J"))];
    board.watched(Vec::new(), Health::default(), drops, Duration::ZERO);
    let reply = get(desk, "/health", "");
    assert_eq!(reply.status(), 503);
    assert!(reply.text().contains("eth1\\x1b[2J"), "{}", reply.text());
}

#[test]
fn strangers_are_told_that_they_are_none_of_ours() {
    let board = well();
    board.list(decided(pools(), from_now(0)), from_now(0), Scope::Address);
    let desk = serving(&board, &["192.0.2.0/24", "2001:db8::/32"], Limits::default());
    for path in ["/", "/lists/nft", "/metrics", "/health"] {
        let reply = get(desk, path, "");
        assert_eq!(reply.status(), 403, "{path}");
        assert!(!reply.text().contains("198.51.100"), "{}", reply.text());
    }
    assert_eq!(board.standing(from_now(0)).serving.unwrap().strangers, 4);
    let desk = serving(&board, &["192.0.2.0/24", "127.0.0.0/8"], Limits::default());
    assert_eq!(get(desk, "/health", "").status(), 200);
}

#[test]
fn who_takes_too_many_connections_gets_no_more_and_loses_them_in_time() {
    let board = well();
    let quick = Duration::from_millis(300);
    let desk = serving(&board, &[], Limits { header: quick, longest: quick, stranger: quick });
    let mut idle: Vec<_> = (0..OF_ONE).map(|_| TcpStream::connect(desk).unwrap()).collect();
    // One more is closed without a word.
    assert_eq!(TcpStream::connect(desk).unwrap().read(&mut [0; 8]).unwrap_or(0), 0);
    assert!(board.standing(from_now(0)).serving.unwrap().crowded >= 1);
    // A byte now and then keeps none of them.
    for stream in &mut idle {
        let _ = stream.write_all(b"GET /hea");
    }
    for stream in &mut idle {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
    assert_eq!(get(desk, "/health", "").status(), 200);
}

#[test]
fn ipv6_is_served_and_an_address_in_use_is_a_sentence() {
    let listener = Listener::bind("[::1]:0".parse().unwrap(), Vec::new()).unwrap();
    let at = listener.address();
    let taken = Listener::bind(at, Vec::new()).unwrap_err().to_string();
    assert!(taken.contains("another program listens there"), "{taken}");
    listener.start(well()).unwrap();
    assert_eq!(get(at, "/health", "").status(), 200);
}

#[test]
fn an_address_that_others_reach_is_warned_of() {
    let warning = |at: &str| Listener::bind(at.parse().unwrap(), Vec::new()).unwrap().warning();
    assert_eq!(warning("127.0.0.1:0"), None);
    assert_eq!(warning("[::1]:0"), None);
    assert!(warning("0.0.0.0:0").unwrap().contains("without encryption"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nonsense_is_never_answered_with_a_list_and_harms_nobody(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        line in "(GET|HEAD|G T|get) ?(/lists/[a-z0-9.%]{0,12}|[^\r\n]{0,20}) ?(HTTP/[0-9.]{1,4})?",
    ) {
        static DESK: std::sync::OnceLock<SocketAddr> = std::sync::OnceLock::new();
        let desk = *DESK.get_or_init(|| {
            let quick = Duration::from_millis(100);
            serving(&well(), &[], Limits { header: quick, longest: quick, stranger: quick })
        });
        for request in [bytes, format!("{line}\r\n\r\n").into_bytes()] {
            let answer = send(desk, &request);
            prop_assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{:?}", answer);
        }
        prop_assert_eq!(get(desk, "/health", "").status(), 200);
    }
}
