//! The messages of a dialogue, as the carriers hand them to the dialects.
//!
//! In: a dialogue. Out: each message with its side, what carried it and, where HTTP did or opened the way, its headers.

use minewatch::carrier::http::HttpMeta;
use minewatch::carrier::peel::{Peel, Piece};
use minewatch::carrier::{First, first_bytes};
use minewatch::dialect::Carrier;

use crate::kit::dialogue::Dialogue;
pub use crate::kit::dialogue::Side;

/// One message.
pub struct Said {
    /// Who said it.
    pub side: Side,
    /// What carried it.
    pub carrier: Carrier,
    /// Its JSON.
    pub json: Vec<u8>,
    /// HTTP context.
    pub http: Option<HttpMeta>,
}

/// Every message in time order of its last byte. None of a dialogue that is no JSON.
pub fn of(dialogue: &Dialogue) -> Vec<Said> {
    let mut out = Vec::new();
    let mut peels = [Peel::new(false, Some(true)), Peel::new(false, Some(false))];
    let mut opened: Option<HttpMeta> = None;
    for turn in &dialogue.turns {
        let side = turn.side;
        peels[side.index()].data(&turn.bytes, &mut |piece| {
            let (carrier, json, http) = match piece {
                Piece::Line(line) => (Carrier::Lines, line, None),
                Piece::Message(text) => (Carrier::WebSocket, text, opened.clone()),
                Piece::Http(meta, body) => {
                    if !meta.response {
                        opened.get_or_insert_with(|| meta.clone());
                    }
                    let json = if first_bytes(body) == First::Lines { body } else { b"{}" };
                    (Carrier::Http, json, Some(meta.clone()))
                }
                Piece::Wrapped(_) | Piece::Inside(_) | Piece::Raw(_) | Piece::Tls => return,
            };
            out.push(Said { side, carrier, json: json.to_vec(), http });
        });
    }
    out
}
