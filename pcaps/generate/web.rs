//! Plain HTTP as browsers and download programs speak it.

use super::dialogue::{Dialogue, MILLI, SECOND};
use super::rng::Rng;

/// A browser.
pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Requests for pages, one after the other, each answered with a little text.
pub fn visit(host: &str, paths: &[&str], agent: &str, rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    for (path, n) in paths.iter().zip(0..) {
        let at = MILLI + n * 2 * SECOND;
        d.client(at, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n"));
        let body = format!("<!doctype html><title>{host}</title><p>{}</p>\n", rng.hex(200));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", body.len());
        d.server(at + rng.range(20, 60) * MILLI, head + &body);
    }
    d
}

/// A download of `size` bytes.
pub fn download(host: &str, path: &str, agent: &str, size: usize, rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.client(MILLI, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n"));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n");
    d.server(50 * MILLI, [head.into_bytes(), rng.bytes(size)].concat());
    d
}
