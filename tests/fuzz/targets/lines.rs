//! A stream cut into lines. First byte: how the stream is cut into segments; second: where a hole is; then the stream.
//!
//! Promises: lines are pieces of the stream, in order, without newline and not blank; what is held is bounded; cut at
//! newlines, the segments make no difference.

use minewatch::carrier::lines::{Lines, MAX_LINE};

use super::{Bytes, pieces};

/// Cuts the stream.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (Some(cuts), Some(hole)) = (bytes.u8(), bytes.u8()) else { return };
    let stream = bytes.0;

    let mut cutter = Lines::default();
    let (mut out, mut used) = (Vec::new(), 0);
    for (i, piece) in pieces(stream, cuts).enumerate() {
        if hole != 0 && i % usize::from(hole) == usize::from(hole) - 1 {
            cutter.gap();
        } else {
            cutter.data(piece, |line| out.push(line.to_vec()));
        }
        assert!(cutter.held() <= 2 * MAX_LINE, "{} bytes held", cutter.held());
    }
    cutter.end(|line| out.push(line.to_vec()));
    assert_eq!(cutter.held(), 0, "held after the end");
    for line in &out {
        // Only an object goes on over several.
        assert!(!line.contains(&b'\n') || line.trim_ascii_start().starts_with(b"{"));
        assert!(line.iter().any(|b| !b.is_ascii_whitespace()), "a blank line");
        // Without a hole every line stands in the stream as it is; a hole forgets, and never joins.
        let found = stream[used..].windows(line.len()).position(|w| w == line);
        used += found.expect("a line that is not in the stream, or out of order") + line.len();
    }

    let whole = cut(std::iter::once(stream));
    let by_line = cut(stream.split_inclusive(|b| *b == b'\n'));
    assert_eq!(whole, by_line, "segments that end with lines make a difference");
}

fn cut<'a>(segments: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, u64) {
    let mut cutter = Lines::default();
    let mut out = Vec::new();
    for segment in segments {
        cutter.data(segment, |line| out.push(line.to_vec()));
    }
    cutter.end(|line| out.push(line.to_vec()));
    (out, cutter.take_too_long())
}
