//! WebSocket as clients and servers write it (RFC 6455, RFC 7692).
//!
//! In: paths, keys and payloads. Out: the upgrade's two messages, and frames.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

/// Request and answer that open a WebSocket. `key`: the value of `Sec-WebSocket-Key`, 16 bytes in base64.
pub fn upgrade(path: &str, host: &str, key: &str) -> (Vec<u8>, Vec<u8>) {
    upgrade_with(path, host, key, None)
}

/// The same with an extension asked for and agreed, as (offer, answer).
pub fn upgrade_with(path: &str, host: &str, key: &str, extension: Option<(&str, &str)>) -> (Vec<u8>, Vec<u8>) {
    let accept = STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
    let field = |value: Option<&str>| value.map(|v| format!("Sec-WebSocket-Extensions: {v}\r\n")).unwrap_or_default();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n{}Sec-WebSocket-Version: 13\r\n\r\n",
        field(extension.map(|e| e.0))
    );
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{}\r\n",
        field(extension.map(|e| e.1))
    );
    (request.into_bytes(), answer.into_bytes())
}

/// A whole text message in one frame, masked as clients must.
pub fn frame(text: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    raw_frame(0x81, text, mask)
}

/// A frame with this first byte: FIN, reserved bits and opcode (RFC 6455 §5.2).
pub fn raw_frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = u8::from(mask.is_some()) << 7;
    let mut f = vec![first];
    match payload.len() {
        n @ 0..126 => f.push(masked | n as u8),
        n @ 126..0x1_0000 => {
            f.push(masked | 0x7e);
            f.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            f.push(masked | 0x7f);
            f.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    let key = mask.unwrap_or_default();
    f.extend_from_slice(mask.as_ref().map_or(&[], |m| &m[..]));
    f.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
    f
}
