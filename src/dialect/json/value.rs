//! Cursors over a read message, and the JSON-RPC view.

use std::borrow::Cow;
use std::str;

use super::{Keys, Kind, Node};

/// A value of the message; copying it copies a cursor.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    tape: &'a [Node],
    src: &'a [u8],
    at: usize,
    node: Node,
}

/// The tape always has the node that is asked for; this stands in so that a mistake of ours is a null, not a panic.
const NOTHING: Node = Node {
    start: 0,
    end: 0,
    next: u32::MAX,
    count: 0,
    keys: Keys::NONE,
    kind: Kind::Null,
    escaped: false,
    wide: false,
};

impl<'a> Value<'a> {
    pub(super) fn new(tape: &'a [Node], src: &'a [u8], at: usize) -> Self {
        Self { tape, src, at, node: tape.get(at).copied().unwrap_or(NOTHING) }
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        self.node.kind
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.node.kind == Kind::Null
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.node.kind == Kind::Object
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.node.kind == Kind::Array
    }

    /// Where its text lies in the message, in bytes (of a string, without its quotes).
    pub fn span(self) -> std::ops::Range<usize> {
        self.node.start as usize..self.node.end as usize
    }

    /// The JSON-RPC view, if it is an object.
    pub fn rpc(self) -> Option<Rpc<'a>> {
        Rpc::new(self)
    }

    /// The bytes as they came: of a string, between its quotes and still escaped; of all else, the whole text.
    pub fn raw(self) -> &'a [u8] {
        self.src.get(self.node.start as usize..self.node.end as usize).unwrap_or_default()
    }

    /// The boolean.
    pub fn as_bool(self) -> Option<bool> {
        (self.node.kind == Kind::Bool).then(|| self.raw() == b"true")
    }

    /// The number as it was written.
    pub fn as_number_text(self) -> Option<&'a str> {
        if self.node.kind == Kind::Number { str::from_utf8(self.raw()).ok() } else { None }
    }

    /// The number, if it is written as an integer and fits.
    pub fn as_u64(self) -> Option<u64> {
        self.as_number_text()?.parse().ok()
    }

    /// The number, if it is written as an integer and fits.
    pub fn as_i64(self) -> Option<i64> {
        self.as_number_text()?.parse().ok()
    }

    /// The number as the nearest double; `None` where that would be infinite.
    pub fn as_f64(self) -> Option<f64> {
        self.as_number_text()?.parse().ok().filter(|v: &f64| v.is_finite())
    }

    /// The string, unescaped; borrowed where it needs no change. See [`Value::is_lossy`].
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        if self.node.kind != Kind::String {
            return None;
        }
        if self.node.escaped {
            return Some(Cow::Owned(unescape(self.raw()).0));
        }
        // The check alone takes many bytes at a time; the replacing reader takes them one by one.
        Some(str::from_utf8(self.raw()).map_or_else(|_| String::from_utf8_lossy(self.raw()), Cow::Borrowed))
    }

    /// The bytes of the string, unescaped. For what is compared to ASCII only: invalid UTF-8 stays as it is.
    pub fn bytes(self) -> Option<Cow<'a, [u8]>> {
        if self.node.kind != Kind::String {
            return None;
        }
        Some(if self.node.escaped {
            Cow::Owned(unescape(self.raw()).0.into_bytes())
        } else {
            Cow::Borrowed(self.raw())
        })
    }

    /// Whether the string is exactly `text`, without allocating for strings that have no escapes.
    pub fn is_str(self, text: &str) -> bool {
        if self.node.kind != Kind::String {
            return false;
        }
        if self.node.escaped { self.as_str().is_some_and(|s| s == text) } else { self.raw() == text.as_bytes() }
    }

    /// Whether decoding the string replaces something: invalid UTF-8 or half a surrogate pair.
    pub fn is_lossy(self) -> bool {
        self.node.kind == Kind::String
            && ((self.node.wide && str::from_utf8(self.raw()).is_err())
                || (self.node.escaped && unescape(self.raw()).1))
    }

    /// Elements of an array or members of an object; 0 for all else.
    pub fn len(self) -> usize {
        self.node.count as usize
    }

    /// Whether [`Value::len`] is 0.
    pub fn is_empty(self) -> bool {
        self.node.count == 0
    }

    /// The elements of an array; `None` for all else.
    pub fn as_array(self) -> Option<Elements<'a>> {
        self.is_array().then_some(Elements { of: self, at: self.at + 1 })
    }

    /// Element `i` of an array, found by skip links.
    pub fn index(self, i: usize) -> Option<Self> {
        self.as_array()?.nth(i)
    }

    /// The members of an object as they came, duplicates included; nothing for all else.
    pub fn members(self) -> Members<'a> {
        let at = if self.is_object() { self.at + 1 } else { self.end() };
        Members(Elements { of: self, at })
    }

    /// The keys of an object as they came, duplicates included.
    pub fn keys(self) -> impl Iterator<Item = Cow<'a, str>> {
        self.members().filter_map(|(key, _)| key.as_str())
    }

    /// The member with this key; of repeated ones the last, as [`Rpc`] takes it.
    #[inline]
    pub fn get(self, key: &str) -> Option<Self> {
        // Dialects ask for what other protocols have: mostly there is no such member.
        if self.node.keys.may_hold(key.as_bytes()) { self.find(key) } else { None }
    }

    fn find(self, key: &str) -> Option<Self> {
        let (mut at, mut found) = (self.at + 1, None);
        while at < self.end() {
            let name = self.tape.get(at)?;
            let same_length = (name.end - name.start) as usize == key.len();
            if (same_length || name.escaped) && Self::new(self.tape, self.src, at).is_str(key) {
                found = Some(at + 1);
            }
            at = self.tape.get(at + 1)?.next as usize;
        }
        found.map(|at| Self::new(self.tape, self.src, at))
    }

    /// Every member with this key.
    pub fn get_all<'k>(self, key: &'k str) -> impl Iterator<Item = Self> + use<'a, 'k> {
        self.members().filter(move |(k, _)| k.is_str(key)).map(|(_, v)| v)
    }

    /// Whether the key occurs more than once: two readers may then understand two things.
    pub fn has_duplicate(self, key: &str) -> bool {
        self.get_all(key).nth(1).is_some()
    }

    /// Tape index just after this value.
    fn end(self) -> usize {
        self.node.next as usize
    }
}

/// The values directly inside an array.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    of: Value<'a>,
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.at >= self.of.end() {
            return None;
        }
        let v = Value::new(self.of.tape, self.of.src, self.at);
        self.at = v.end();
        Some(v)
    }
}

/// The (key, value) pairs directly inside an object.
#[derive(Clone, Debug)]
pub struct Members<'a>(Elements<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Value<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

/// The members that JSON-RPC gives a meaning, collected in one pass. Of repeated keys the last counts, as it does for
/// the parsers that pools use (Node.js, Go, jansson): what the pool reads is what matters.
#[derive(Clone, Debug)]
pub struct Rpc<'a> {
    /// `id`, which may be `null`.
    pub id: Option<Value<'a>>,
    /// `method`, if it is a string.
    pub method: Option<Cow<'a, str>>,
    /// `params`, which may be `null`.
    pub params: Option<Value<'a>>,
    /// `result`, which may be `null`.
    pub result: Option<Value<'a>>,
    /// `error`, which may be `null`.
    pub error: Option<Value<'a>>,
    /// Whether one of these occurred twice.
    pub repeated: bool,
    /// The whole message, for members outside JSON-RPC (`worker`, `body`, `type` …).
    pub root: Value<'a>,
}

impl<'a> Rpc<'a> {
    pub(super) fn new(root: Value<'a>) -> Option<Self> {
        if !root.is_object() {
            return None;
        }
        let (mut id, mut method, mut params, mut result, mut error) = (None, None, None, None, None);
        let mut repeated = false;
        for (key, value) in root.members() {
            let decoded;
            let name = if key.node.escaped {
                decoded = key.as_str().unwrap_or_default();
                decoded.as_bytes()
            } else {
                key.raw()
            };
            let slot = match name {
                b"id" => &mut id,
                b"method" => &mut method,
                b"params" => &mut params,
                b"result" => &mut result,
                b"error" => &mut error,
                _ => continue,
            };
            repeated |= slot.replace(value).is_some();
        }
        Some(Self { id, method: method.and_then(Value::as_str), params, result, error, repeated, root })
    }

    /// The error, where it says that something went wrong: not absent, `null`, `false`, `0`, `""` or `[]`.
    pub fn failure(&self) -> Option<Value<'a>> {
        self.error.filter(|e| match e.kind() {
            Kind::Null => false,
            Kind::Bool => e.as_bool() == Some(true),
            Kind::Number => e.as_f64() != Some(0.0),
            Kind::String => !e.raw().is_empty(),
            Kind::Array | Kind::Object => !e.is_empty(),
        })
    }
}

/// Decodes the escapes of a scanned string, and says whether something had to be replaced by U+FFFD.
fn unescape(raw: &[u8]) -> (String, bool) {
    let mut out = String::with_capacity(raw.len());
    let mut lossy = false;
    let mut rest = raw;
    while let Some(slash) = rest.iter().position(|&b| b == b'\\') {
        let (plain, from_slash) = rest.split_at(slash);
        lossy |= push_utf8(&mut out, plain);
        let c = from_slash.get(1).copied().unwrap_or(b'\\');
        rest = from_slash.get(2..).unwrap_or_default();
        match c {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let first = hex4(rest);
                rest = rest.get(4..).unwrap_or_default();
                let mut code = first;
                if (0xD800..0xDC00).contains(&first) && rest.starts_with(b"\\u") {
                    let second = hex4(rest.get(2..).unwrap_or_default());
                    if (0xDC00..0xE000).contains(&second) {
                        code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                        rest = rest.get(6..).unwrap_or_default();
                    }
                }
                let c = char::from_u32(code);
                lossy |= c.is_none();
                out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            other => out.push(char::from(other)),
        }
    }
    lossy |= push_utf8(&mut out, rest);
    (out, lossy)
}

fn push_utf8(out: &mut String, bytes: &[u8]) -> bool {
    if let Ok(s) = str::from_utf8(bytes) {
        out.push_str(s);
        return false;
    }
    out.push_str(&String::from_utf8_lossy(bytes));
    true
}

fn hex4(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |n, &b| n * 16 + char::from(b).to_digit(16).unwrap_or(0))
}
