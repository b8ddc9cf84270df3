//! A stream cut into HTTP messages. First byte: how it is cut into segments; second: where a hole is; then the stream.
//!
//! Promises: what is held and given out is bounded; and single bytes give no other messages than one large segment
//! does, up to where the stream stops being HTTP. (Only JSON bodies are promised.)

use minewatch::carrier::http::{Http, HttpMeta};
use minewatch::carrier::{First, first_bytes};

use super::{Bytes, pieces};

/// Twice the caps of head and body, since vectors double.
const MAX_HELD: usize = 2 * (16 + 512) * 1024;
/// The body's cap.
const MAX_BODY: usize = 512 * 1024;
/// A header value's cap, if none of it is UTF-8.
const MAX_VALUE: usize = 3 * 256;

type Messages = Vec<(HttpMeta, Vec<u8>)>;

/// Cuts the stream.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (Some(cuts), Some(hole)) = (bytes.u8(), bytes.u8()) else { return };
    let stream = bytes.0;
    cut(stream, cuts, hole);

    let (whole, _) = cut(stream, 0, 0);
    let (single, at_end) = cut(stream, 1, 0);
    // A stream that is not HTTP any more is found again at the start of a segment only.
    let sure = single.len() - at_end;
    assert!(whole.len() >= sure && whole[..sure] == single[..sure], "segments change the messages");
}

/// The messages, and how many of them came with the end of the stream.
fn cut(stream: &[u8], cuts: u8, hole: u8) -> (Messages, usize) {
    let mut cutter = Http::default();
    let mut out = Messages::new();
    for (i, piece) in pieces(stream, cuts).enumerate() {
        if hole != 0 && i % usize::from(hole) == usize::from(hole) - 1 {
            cutter.gap(piece.len() as u64);
        } else if cutter.data(piece, |meta, body| take(&mut out, meta, body)).is_some() {
            // The connection turned into something else: the cutter is spent.
            return (out, 0);
        }
        assert!(cutter.held() <= MAX_HELD, "{} bytes held", cutter.held());
    }
    let before = out.len();
    cutter.end(|meta, body| take(&mut out, meta, body));
    assert_eq!(cutter.held(), 0, "held after the end");
    assert!(out.len() <= cutter.messages() as usize, "more messages ended than began");
    let at_end = out.len() - before;
    assert!(at_end <= 1);
    (out, at_end)
}

fn take(out: &mut Messages, meta: &HttpMeta, body: &[u8]) {
    assert!(body.len() <= MAX_BODY, "a body of {} bytes", body.len());
    for text in [&meta.user_agent, &meta.user, &meta.path, &meta.host].into_iter().flatten() {
        assert!(text.len() <= MAX_VALUE);
    }
    assert!(meta.response || meta.status == 0);
    // A body that cannot be JSON may be given or not.
    let body = if first_bytes(body) == First::Lines { body } else { &[] };
    out.push((meta.clone(), body.to_vec()));
}
