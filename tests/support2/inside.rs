//! What carries a dialogue's messages, and those of a WebSocket taken out of it, changed and put back.
//!
//! In: a dialogue. Out: its carrier; or the same dialogue with other messages in as many frames as those take.

use minewatch::carrier::peel::{Peel, Piece};
use minewatch::carrier::{First, first_bytes};
use minewatch::dialect::Carrier;

use crate::kit::dialogue::{Dialogue, MILLI, Side, Turn};
use crate::kit::rng::Rng;
use crate::kit::websocket::{Framing, wrap_with};

/// What the kit moves a dialogue back by, to make room for the upgrade.
const MOVED: u64 = 120 * MILLI;

/// What carries the messages; `None` where there are none: a dialogue with framing of its own.
pub fn carrier(d: &Dialogue) -> Option<Carrier> {
    let first = |side| first_bytes(&d.stream(side));
    match [first(Side::Client), first(Side::Server)] {
        [First::Http, _] if request(d).contains("Upgrade: websocket") => Some(Carrier::WebSocket),
        [First::Http, _] => Some(Carrier::Http),
        [First::Lines, First::Lines | First::Short] => Some(Carrier::Lines),
        _ => None,
    }
}

/// Whether messages are packed, each with the help of the ones before it: without those, nobody can read them.
pub fn is_packed(d: &Dialogue) -> bool {
    carrier(d) == Some(Carrier::WebSocket) && request(d).contains("permessage-deflate")
}

/// The first words of the client.
fn request(d: &Dialogue) -> String {
    let first = d.turns.iter().find(|t| t.side == Side::Client);
    first.map(|t| String::from_utf8_lossy(&t.bytes).into_owned()).unwrap_or_default()
}

/// Changes a dialogue as lines, whatever carries them: what is over a WebSocket goes back into one of the same kind.
pub fn as_lines(d: &Dialogue, change: impl FnOnce(&Dialogue) -> Dialogue) -> Dialogue {
    if carrier(d) != Some(Carrier::WebSocket) {
        return change(d);
    }
    let changed = change(&opened(d));
    let request = request(d);
    let (first, fields) = request.split_once("\r\n").unwrap();
    let path = first.split(' ').nth(1).unwrap();
    let (mut host, mut more) = ("", String::new());
    for field in fields.split("\r\n").filter(|f| !f.is_empty()) {
        let (name, value) = field.split_once(": ").unwrap();
        match name {
            "Host" => host = value,
            "Upgrade" | "Connection" | "Sec-WebSocket-Extensions" => {}
            _ if name.starts_with("Sec-WebSocket") => {}
            _ => more.extend([field, "\r\n"]),
        }
    }
    let framing = if is_packed(d) { Framing::Deflate } else { Framing::Fragments };
    let mut out = wrap_with(&changed, &mut Rng::new(6), path, host, framing, &more);
    out.turns.retain(|t| !t.bytes.is_empty());
    out
}

/// The messages of a WebSocket as lines, without what opened it.
pub fn opened(d: &Dialogue) -> Dialogue {
    let mut out = Dialogue::new(d.truth.clone());
    let mut peels = [Peel::new(false, Some(true)), Peel::new(false, Some(false))];
    for turn in &d.turns {
        let mut bytes = Vec::new();
        peels[turn.side.index()].data(&turn.bytes, &mut |piece| match piece {
            Piece::Message(text) => {
                bytes.extend_from_slice(text);
                bytes.push(b'\n');
            }
            Piece::Http(..) | Piece::Wrapped(_) => {}
            piece => panic!("not a WebSocket's: {piece:?}"),
        });
        if !bytes.is_empty() {
            out.turns.push(Turn { at: turn.at.saturating_sub(MOVED), side: turn.side, bytes });
        }
    }
    out
}
