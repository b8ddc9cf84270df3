//! What networks and sensors do to segments.
//!
//! In: the segments of a whole conversation. Out: the same, as a worse sensor or network would show them.

use super::dialogue::{MILLI, Side};
use super::tcp::Segment;

/// Only what `side` sent.
#[must_use]
pub fn one_way(segments: Vec<Segment>, side: Side) -> Vec<Segment> {
    segments.into_iter().filter(|s| s.side == side).collect()
}

/// The capture begins with the first data of the server at or after `seconds` into the conversation whose payload
/// starts with `begins`.
#[must_use]
pub fn from_message(segments: Vec<Segment>, seconds: u64, begins: &[u8]) -> Vec<Segment> {
    let start = segments.first().map_or(0, |s| s.at) + seconds * 1000 * MILLI;
    let first = segments.iter().position(|s| s.at >= start && s.payload.starts_with(begins)).unwrap_or(0);
    segments.into_iter().skip(first).collect()
}

/// Every packet twice, the second time 40 to 900 microseconds later: ingress and egress of one mirror.
#[must_use]
pub fn mirrored(segments: Vec<Segment>) -> Vec<Segment> {
    let mut out = Vec::new();
    for (i, s) in segments.into_iter().enumerate() {
        let mut again = s.clone();
        again.at += 40_000 + (i as u64 * 97_000) % 860_000;
        out.push(s);
        out.push(again);
    }
    out.sort_by_key(|s| s.at);
    out
}

/// Neighbours that both carry data of one side, less than 5 ms apart, change places; so do the first data of either
/// side and what comes before and after it, every `every`th time.
#[must_use]
pub fn reordered(mut segments: Vec<Segment>, every: usize) -> Vec<Segment> {
    let mut n = 0;
    for i in 1..segments.len() {
        let (a, b) = (&segments[i - 1], &segments[i]);
        let near = a.side == b.side && !a.payload.is_empty() && !b.payload.is_empty() && b.at - a.at < 5 * MILLI;
        if near && a.seq.wrapping_add(a.payload.len() as u32) == b.seq {
            n += 1;
            if n % every == 0 {
                let (early, late) = (a.at, b.at);
                segments[i - 1].at = late;
                segments[i].at = early;
                segments.swap(i - 1, i);
            }
        }
    }
    segments
}

/// The sensor misses every data segment of `side` whose number (from 0, of that side's data) is listed.
#[must_use]
pub fn missed(segments: Vec<Segment>, side: Side, numbers: &[usize]) -> Vec<Segment> {
    let mut n = 0;
    segments
        .into_iter()
        .filter(|s| {
            if s.side != side || s.payload.is_empty() {
                return true;
            }
            n += 1;
            !numbers.contains(&(n - 1))
        })
        .collect()
}

/// Each listed data segment (numbered from 0 over both sides) also carries the last half of the segment of the same
/// side before it: a retransmission that starts inside what was already sent.
#[must_use]
pub fn overlapping(mut segments: Vec<Segment>, numbers: &[usize]) -> Vec<Segment> {
    let data: Vec<usize> = (0..segments.len()).filter(|i| !segments[*i].payload.is_empty()).collect();
    for n in numbers {
        let Some(&i) = data.get(*n) else { continue };
        let before = data.iter().rev().find(|j| **j < i && segments[**j].side == segments[i].side);
        if let Some(&j) = before {
            let old = segments[j].payload.clone();
            let back = (old.len() / 2).min(700);
            let mut payload = old[old.len() - back..].to_vec();
            payload.extend_from_slice(&segments[i].payload);
            segments[i].payload = payload;
            segments[i].seq = segments[i].seq.wrapping_sub(back as u32);
        }
    }
    segments
}
