//! Bytes to tape: the grammar, without recursion.

use super::{JsonError, Keys, Kind, MAX_DEPTH, MAX_NODES, Node};

/// What may come next.
#[derive(Clone, Copy)]
enum Want {
    Value,
    /// Just after `[`.
    ValueOrClose,
    /// Just after `{`.
    KeyOrClose,
    /// After `,` in an object.
    Key,
    /// After a value inside a container.
    CommaOrClose,
}

struct Scan<'a> {
    src: &'a [u8],
    at: usize,
}

/// In no container.
const OUTSIDE: u32 = u32::MAX;

/// Fills `tape` with the one value in `src`, or says what is wrong.
pub(super) fn scan(src: &[u8], tape: &mut Vec<Node>) -> Result<(), JsonError> {
    let mut s = Scan { src, at: if src.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 } };
    s.skip_padding();
    if s.peek().is_none() {
        return Err(JsonError::Empty);
    }
    // While a container is open its skip link points to the one around it.
    let mut inside = OUTSIDE;
    let mut depth = 0;
    let mut want = Want::Value;
    loop {
        s.skip_space();
        let c = s.peek().ok_or(JsonError::Truncated)?;
        if tape.len() >= MAX_NODES && !matches!(c, b']' | b'}' | b',') {
            return Err(JsonError::TooManyValues);
        }
        match (want, c) {
            (Want::Value | Want::ValueOrClose, b'{' | b'[') => {
                if depth == MAX_DEPTH {
                    return Err(JsonError::TooDeep { at: s.at });
                }
                depth += 1;
                let kind = if c == b'{' { Kind::Object } else { Kind::Array };
                let index = tape.len() as u32;
                tape.push(Node { next: inside, ..node(kind, s.at, s.at) });
                inside = index;
                s.at += 1;
                want = if c == b'{' { Want::KeyOrClose } else { Want::ValueOrClose };
                continue;
            }
            (Want::ValueOrClose | Want::CommaOrClose, b']') | (Want::KeyOrClose | Want::CommaOrClose, b'}') => {
                let next = tape.len() as u32;
                let Some(container) = tape.get_mut(inside as usize) else { return Err(s.wrong()) };
                if (c == b'}') != (container.kind == Kind::Object) {
                    return Err(s.wrong());
                }
                s.at += 1;
                container.end = s.at as u32;
                inside = std::mem::replace(&mut container.next, next);
                depth -= 1;
            }
            (Want::KeyOrClose | Want::Key, b'"') => {
                s.string(tape)?;
                let key = s.key(tape.last());
                if let Some(object) = tape.get_mut(inside as usize) {
                    object.keys.add(key);
                }
                s.skip_space();
                match s.peek() {
                    Some(b':') => s.at += 1,
                    Some(_) => return Err(s.wrong()),
                    None => return Err(JsonError::Truncated),
                }
                want = Want::Value;
                continue;
            }
            (Want::CommaOrClose, b',') => {
                s.at += 1;
                let in_object = tape.get(inside as usize).is_some_and(|n| n.kind == Kind::Object);
                want = if in_object { Want::Key } else { Want::Value };
                continue;
            }
            (Want::Value | Want::ValueOrClose, b'"') => s.string(tape)?,
            (Want::Value | Want::ValueOrClose, b'-' | b'0'..=b'9') => s.number(tape)?,
            (Want::Value | Want::ValueOrClose, b'n') => s.word(tape, b"null", Kind::Null)?,
            (Want::Value | Want::ValueOrClose, b't') => s.word(tape, b"true", Kind::Bool)?,
            (Want::Value | Want::ValueOrClose, b'f') => s.word(tape, b"false", Kind::Bool)?,
            _ => return Err(s.wrong()),
        }
        // One value is complete.
        if inside == OUTSIDE {
            break;
        }
        if let Some(container) = tape.get_mut(inside as usize) {
            container.count += 1;
        }
        want = Want::CommaOrClose;
    }
    s.skip_padding();
    if s.peek().is_some() { Err(s.wrong()) } else { Ok(()) }
}

fn node(kind: Kind, start: usize, end: usize) -> Node {
    Node {
        start: start as u32,
        end: end as u32,
        next: 0,
        count: 0,
        keys: Keys::NONE,
        kind,
        escaped: false,
        wide: false,
    }
}

/// Adds a value that holds no others.
fn push(tape: &mut Vec<Node>, mut n: Node) {
    n.next = tape.len() as u32 + 1;
    tape.push(n);
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.src.get(self.at).copied()
    }

    fn wrong(&self) -> JsonError {
        JsonError::Syntax { at: self.at }
    }

    /// Error for a place where the grammar needs more: the end of input is not yet an error of syntax.
    fn unexpected(&self) -> JsonError {
        if self.at >= self.src.len() { JsonError::Truncated } else { self.wrong() }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// White space and NUL, which some senders put around a message.
    fn skip_padding(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r' | 0)) {
            self.at += 1;
        }
    }

    fn word(&mut self, tape: &mut Vec<Node>, word: &[u8], kind: Kind) -> Result<(), JsonError> {
        let start = self.at;
        for &b in word {
            if self.peek() != Some(b) {
                return Err(self.unexpected());
            }
            self.at += 1;
        }
        push(tape, node(kind, start, self.at));
        Ok(())
    }

    fn number(&mut self, tape: &mut Vec<Node>) -> Result<(), JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        push(tape, node(Kind::Number, start, self.at));
        Ok(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), JsonError> {
        let first = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == first { Err(self.unexpected()) } else { Ok(()) }
    }

    /// From the opening quote to just after the closing one.
    fn string(&mut self, tape: &mut Vec<Node>) -> Result<(), JsonError> {
        self.at += 1;
        let mut n = node(Kind::String, self.at, self.at);
        loop {
            self.at += plain_run(self.src.get(self.at..).unwrap_or_default());
            match self.peek() {
                None => return Err(JsonError::Truncated),
                Some(b'"') => break,
                Some(b'\\') => {
                    n.escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(0x80..) => {
                    n.wide = true;
                    self.at += 1;
                }
                // RFC 8259 section 7: control characters must be escaped.
                Some(_) => return Err(self.wrong()),
            }
        }
        n.end = self.at as u32;
        self.at += 1;
        push(tape, n);
        Ok(())
    }

    /// A string as a key of an object.
    fn key(&self, string: Option<&Node>) -> Keys {
        match string {
            Some(n) if !n.escaped => Keys::of(self.src.get(n.start as usize..n.end as usize).unwrap_or_default()),
            _ => Keys::ALL,
        }
    }

    /// What follows a backslash. Whether surrogates pair up is the decoder's business.
    fn escape(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|b| b.is_ascii_hexdigit()) {
                        return Err(self.unexpected());
                    }
                    self.at += 1;
                }
                Ok(())
            }
            _ => Err(self.unexpected()),
        }
    }
}

/// Length of the leading run of bytes that need no attention inside a string: not a quote, backslash, control or
/// non-ASCII byte. Eight at a time, since most bytes of a mining message are long hex strings.
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut n = 0;
    let (chunks, _) = bytes.as_chunks::<8>();
    for chunk in chunks {
        let w = u64::from_le_bytes(*chunk);
        // A byte's high bit is set where the byte is below 0x20, equals the quote or the backslash, or is not ASCII.
        let below = w.wrapping_sub(ONES * 0x20);
        let quote = (w ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
        let slash = (w ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
        let hit = (below | quote | slash | w) & HIGH;
        if hit != 0 {
            // Borrows only ever run upwards, so the lowest hit is a true one.
            return n + (hit.trailing_zeros() / 8) as usize;
        }
        n += 8;
    }
    n + bytes
        .get(n..)
        .unwrap_or_default()
        .iter()
        .take_while(|b| matches!(b, 0x20..=0x7F if **b != b'"' && **b != b'\\'))
        .count()
}
