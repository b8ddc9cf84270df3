//! One direction of newline-delimited JSON, cut into lines.
//!
//! In: stream data and gaps. Out: lines without their newline, borrowed from the segment when they lie within one.
//! A JSON object that is complete at the end of a segment is given out at once, newline or not: some clients send none,
//! and nothing valid can follow on the same line. An object that goes on over several lines is given out as one: line
//! feeds between its values are blanks (RFC 8259 section 2), and who put them there would hide what he says from a
//! reader of lines. Linear: a byte is looked at twice at the most.

use memchr::memchr;

/// The longest line kept. The longest mining messages (Verus and Zcash submits, large Bitcoin jobs) are below 3 kB, but
/// some pools read lines of up to 100 kB, and a miner may pad his.
pub const MAX_LINE: usize = 104 * 1024;
/// Most line feeds in an object. Work for all chains of Alephium, with a line for each of its values, has some six hundred.
const MAX_JOINED: u16 = 4_096;

/// The cutter of one direction.
#[derive(Default, Debug)]
pub struct Lines {
    partial: Vec<u8>,
    scan: Scan,
    /// Where the line begins that is read now, in an object that began in an earlier one; and how many there were.
    joined: Option<(usize, u16)>,
    /// Inside a line that is not wanted: too long, or its beginning was lost.
    skipping: bool,
    too_long: u64,
}

/// Finds the end of a JSON object byte by byte.
#[derive(Default, Debug, Clone, Copy)]
struct Scan {
    depth: u32,
    string: bool,
    escape: bool,
}

impl Scan {
    /// Whether the object that began is complete after `b`.
    fn push(&mut self, b: u8) -> bool {
        if self.string {
            match b {
                _ if self.escape => self.escape = false,
                b'\\' => self.escape = true,
                b'"' => self.string = false,
                _ => {}
            }
            return false;
        }
        match b {
            b'"' => self.string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

impl Lines {
    /// Stream data in order.
    pub fn data(&mut self, mut data: &[u8], mut line: impl FnMut(&[u8])) {
        while !data.is_empty() {
            let newline = memchr(b'\n', data);
            let (head, rest) = match newline {
                Some(at) => data.split_at_checked(at + 1).unwrap_or((data, &[])),
                None => (data, &[][..]),
            };
            data = rest;
            if self.skipping {
                self.skipping = newline.is_none();
                continue;
            }
            let body = head.strip_suffix(b"\n").unwrap_or(head);
            if newline.is_some() && self.partial.is_empty() && is_whole(body) {
                emit(body, &mut line);
            } else {
                self.append(body, &mut line);
                if newline.is_some() {
                    self.newline(&mut line);
                }
            }
        }
    }

    /// Bytes are missing. A line that begins right after the hole is read; the rest of a broken one is not.
    pub fn gap(&mut self) {
        self.partial.clear();
        (self.scan, self.joined) = (Scan::default(), None);
        self.skipping = false;
    }

    /// The stream ended: what is left counts as a line.
    pub fn end(&mut self, mut line: impl FnMut(&[u8])) {
        self.flush(&mut line);
        self.partial = Vec::new();
    }

    /// Lines skipped for their length since the last call.
    pub fn take_too_long(&mut self) -> u64 {
        std::mem::take(&mut self.too_long)
    }

    /// Whether it stands between two lines.
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty() && !self.skipping
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.partial.capacity()
    }

    fn append(&mut self, mut body: &[u8], line: &mut impl FnMut(&[u8])) {
        while let Some((&b, rest)) = body.split_first() {
            if self.partial.len() >= MAX_LINE {
                self.partial = Vec::new();
                (self.scan, self.joined) = (Scan::default(), None);
                self.skipping = true;
                self.too_long = self.too_long.saturating_add(1);
                return;
            }
            self.partial.push(b);
            body = rest;
            if self.scan.push(b) {
                self.flush(line);
            }
        }
    }

    /// A line ended, and with it what was read, unless that is an object that goes on.
    fn newline(&mut self, line: &mut impl FnMut(&[u8])) {
        let (start, lines) = self.joined.unwrap_or_default();
        let (read, this) = self.partial.split_at_checked(start).unwrap_or_default();
        let fits = if start == 0 { opens(this) } else { continues(read, this) };
        if self.scan.depth == 0 || self.scan.string || !fits || lines >= MAX_JOINED {
            // What was broken off before must not take this line with it.
            let this = if start > 0 && !fits { self.partial.split_off(start) } else { Vec::new() };
            self.flush(line);
            emit(&this, line);
            return;
        }
        self.append(b"\n", line);
        self.joined = (!self.skipping).then_some((self.partial.len(), lines + 1));
    }

    fn flush(&mut self, line: &mut impl FnMut(&[u8])) {
        (self.scan, self.joined) = (Scan::default(), None);
        if self.partial.is_empty() {
            return;
        }
        emit(&self.partial, line);
        if self.partial.capacity() > 4096 {
            self.partial = Vec::new();
        } else {
            self.partial.clear();
        }
    }
}

/// Whether a line is all there is to say, by its ends and its number of braces: all but an object that goes on.
fn is_whole(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    if text.first() != Some(&b'{') {
        return true;
    }
    matches!(text.last(), Some(b'}' | 0)) && count(text, b'{') == count(text, b'}')
}

/// How often a byte is in a text: in sums of a byte each, which are many at a time for a processor.
fn count(text: &[u8], of: u8) -> usize {
    text.chunks(255).map(|chunk| usize::from(chunk.iter().map(|b| u8::from(*b == of)).sum::<u8>())).sum()
}

/// Whether it can be the first line of an object over several.
fn opens(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    let inside = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    inside.is_some_and(|inside| inside.first().is_none_or(|b| *b == b'"'))
}

/// Whether it can be a further one: it begins as JSON goes on behind what was `read` (RFC 8259 section 2). Whoever
/// speaks after something was broken off seldom does.
fn continues(read: &[u8], line: &[u8]) -> bool {
    let Some(first) = line.trim_ascii_start().first() else { return true };
    match read.trim_ascii_end().last() {
        Some(b'{') => matches!(first, b'"' | b'}'),
        Some(b',' | b':' | b'[') => {
            matches!(first, b'"' | b'{' | b'[' | b']' | b'-' | b't' | b'f' | b'n') || first.is_ascii_digit()
        }
        _ => matches!(first, b',' | b':' | b'}' | b']'),
    }
}

fn emit(body: &[u8], line: &mut impl FnMut(&[u8])) {
    if body.iter().any(|b| !b.is_ascii_whitespace() && *b != 0) {
        line(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(chunks: &[&[u8]]) -> Vec<String> {
        let mut l = Lines::default();
        let mut out = Vec::new();
        for c in chunks {
            l.data(c, |x| out.push(String::from_utf8_lossy(x).trim().to_owned()));
        }
        l.end(|x| out.push(String::from_utf8_lossy(x).trim().to_owned()));
        out
    }

    #[test]
    fn lines_over_segments_and_segments_over_lines() {
        assert_eq!(cut(&[b"{\"a\":1}\n{\"b\":2}\r\n"]), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(
            cut(&[b"{\"id\":1,\"method\":\"mining.sub", b"scribe\",\"par", b"ams\":[]}\n"]),
            ["{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}"]
        );
        assert_eq!(cut(&[b"\n\n \r\n"]), Vec::<String>::new());
    }

    #[test]
    fn an_object_needs_no_newline() {
        assert_eq!(cut(&[b"{\"a\":\"}\"}", b"{\"b\":2}"]), ["{\"a\":\"}\"}", "{\"b\":2}"]);
        let mut l = Lines::default();
        let mut seen = 0;
        l.data(b"{\"a\":[{},{}]}", |_| seen += 1);
        assert_eq!(seen, 1, "given out before the stream ends");
    }

    #[test]
    fn an_object_may_go_on_over_several_lines() {
        let pretty = "{\r\n  \"id\": 1,\n\n  \"params\": {\n \"a\": [\n{\"x\": null}\n,\n-1 ]\n  }\n}\n";
        let split = "{\"id\":2,\n\"method\":\"login\"\n}\n{\"id\":3,\"params\":{\"a\":\"{\"}\n}\n";
        let all = [pretty, split, "{\"id\":4}\n"].concat();
        let one = |text: &str| text.split_whitespace().collect::<String>();
        let wanted = [
            one(pretty),
            one("{\"id\":2,\"method\":\"login\"}"),
            one("{\"id\":3,\"params\":{\"a\":\"{\"}}"),
            one("{\"id\":4}"),
        ];
        let whole: Vec<_> = cut(&[all.as_bytes()]).iter().map(|l| one(l)).collect();
        assert_eq!(whole, wanted);
        let bytes: Vec<_> = all.as_bytes().chunks(1).collect();
        assert_eq!(cut(&bytes).iter().map(|l| one(l)).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn an_object_that_is_broken_off_takes_no_other_line_with_it() {
        for broken in ["{\"a\":[1", "{\"a\":{\"b\":1}", "{\"a\":\"b", "{ if (x) {", "{"] {
            let text = format!("{broken}\n{{\"b\":2}}\n{{\"c\":3}}\n");
            let cut = cut(&[text.as_bytes()]);
            assert_eq!(cut, [broken, "{\"b\":2}", "{\"c\":3}"], "{broken}");
        }
        // Where a value is due the next line may be one; the one behind it is not.
        assert_eq!(cut(&[b"{\"a\":\n{\"b\":2}\n{\"c\":3}\n"]).last().unwrap(), "{\"c\":3}");
        // Programs and their configuration are no JSON.
        assert_eq!(cut(&[b"{\nserver_name x;\n{\n  listen 80;\n"]).len(), 4);
        let endless = "{\n\"a\":\n".to_owned() + &"{\"a\":\n".repeat(12_000);
        let mut l = Lines::default();
        let mut longest = 0;
        l.data(endless.as_bytes(), |x| longest = longest.max(memchr::memchr_iter(b'\n', x).count()));
        assert!(longest <= usize::from(MAX_JOINED) + 1 && l.held() <= MAX_LINE, "{longest}");
    }

    #[test]
    fn a_long_line_is_skipped_and_the_next_one_read() {
        let long = vec![b'x'; MAX_LINE * 3];
        let mut l = Lines::default();
        let mut out = Vec::new();
        l.data(&long, |x| out.push(x.to_vec()));
        assert!(l.held() <= MAX_LINE * 2);
        l.data(b"xx\n{\"a\":1}\n", |x| out.push(x.to_vec()));
        assert_eq!(out, [b"{\"a\":1}".to_vec()]);
        assert_eq!(l.take_too_long(), 1);
    }

    #[test]
    fn after_a_gap_the_next_whole_line_is_read() {
        let mut l = Lines::default();
        let mut out = Vec::new();
        l.data(b"{\"a\":", |x| out.push(x.to_vec()));
        l.gap();
        l.data(b"{\"b\":2}\n", |x| out.push(x.to_vec()));
        assert_eq!(out, [b"{\"b\":2}".to_vec()]);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(lines in prop::collection::vec("\\{\"k\":\"[ -!#-\\[\\]-~]{0,40}\"\\}", 1..8),
                                          cuts in prop::collection::vec(0usize..400, 0..12)) {
            let whole = [lines.join("\n"), "\n".to_owned()].concat().into_bytes();
            let mut cuts = cuts.into_iter().map(|c| c % whole.len()).collect::<Vec<_>>();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for c in cuts {
                chunks.push(&whole[from..c]);
                from = c;
            }
            chunks.push(&whole[from..]);
            prop_assert_eq!(cut(&chunks), cut(&[&whole]));
        }

        #[test]
        fn byte_soup_is_bounded(data in prop::collection::vec(any::<u8>(), 0..4096)) {
            let mut l = Lines::default();
            let mut total = 0;
            l.data(&data, |x| total += x.len());
            l.end(|x| total += x.len());
            prop_assert!(total <= data.len());
            let soup: Vec<u8> = data.iter().map(|b| b"{}[]\":,\n\n 1"[usize::from(*b) % 11]).collect();
            let (mut l, mut total) = (Lines::default(), 0);
            l.data(&soup, |x| total += x.len());
            l.end(|x| total += x.len());
            prop_assert!(total <= soup.len());
        }
    }
}
