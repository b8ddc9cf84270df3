//! The messages of a dialogue, as the carriers hand them to the dialects.
//!
//! In: a dialogue. Out: each JSON message with its side and, over HTTP, what the headers say.

use minewatch::carrier::http::{Http, HttpMeta};
use minewatch::carrier::lines::Lines;
use minewatch::carrier::{First, first_bytes};
use minewatch::dialect::Carrier;

use crate::kit::dialogue::{Dialogue, Side};

/// One message.
pub struct Said {
    /// Who said it.
    pub side: Side,
    /// Its JSON.
    pub json: Vec<u8>,
    /// HTTP context.
    pub http: Option<HttpMeta>,
}

/// What carries a dialogue.
pub fn carrier(dialogue: &Dialogue) -> Carrier {
    match first_bytes(&dialogue.stream(Side::Client)) {
        First::Http => Carrier::Http,
        _ => Carrier::Lines,
    }
}

/// Every message in time order of its last byte.
pub fn of(dialogue: &Dialogue) -> Vec<Said> {
    let mut out = Vec::new();
    match carrier(dialogue) {
        Carrier::Lines => {
            let mut lines = [Lines::default(), Lines::default()];
            for turn in &dialogue.turns {
                lines[turn.side.index()]
                    .data(&turn.bytes, |l| out.push(Said { side: turn.side, json: l.to_vec(), http: None }));
            }
        }
        Carrier::Http => {
            let mut http = [Http::default(), Http::default()];
            for turn in &dialogue.turns {
                http[turn.side.index()].data(&turn.bytes, |meta, body| {
                    let json = if first_bytes(body) == First::Lines { body.to_vec() } else { b"{}".to_vec() };
                    out.push(Said { side: turn.side, json, http: Some(meta.clone()) });
                });
            }
        }
    }
    out
}
