//! Where tables of a feed begin and end, and the elements of an array that holds a wrong one.
//!
//! In: text. Out: its tables, each as text with its line; and for a table that the parser refuses the array of it, one
//! element at a time, so that a wrong line costs that line and the time for all of them is that of one.

/// The tables of a file: each from a line that begins with `[[` to the next. `[[pool.entries]]` goes on with a table.
pub(super) struct Tables<'a> {
    rest: &'a str,
    line: u32,
}

impl<'a> Tables<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }

    /// Everything before the first table.
    pub(super) fn head(&mut self) -> (u32, &'a str) {
        self.cut(begin(self.rest, 0))
    }

    fn cut(&mut self, end: usize) -> (u32, &'a str) {
        let (table, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        let line = self.line;
        self.rest = rest;
        self.line = line.saturating_add(breaks(table.as_bytes()));
        (line, table)
    }
}

impl<'a> Iterator for Tables<'a> {
    type Item = (u32, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        // Behind the brackets of this one.
        let own = self.rest.find("[[").map_or(0, |at| at + 2);
        Some(self.cut(begin(self.rest, own)))
    }
}

/// The beginning of the line on which the first table from `from` on begins; the end where there is none.
fn begin(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(found) = memchr::memmem::find(bytes.get(at..).unwrap_or_default(), b"[[") {
        let brackets = at + found;
        let line = memchr::memrchr(b'\n', bytes.get(..brackets).unwrap_or_default()).map_or(0, |n| n + 1);
        if line >= from && bytes.get(line..brackets).unwrap_or_default().iter().all(|b| is_blank(*b)) {
            let rest = text.get(brackets + 2..).unwrap_or_default();
            if !key(rest).contains('.') {
                return line;
            }
        }
        at = brackets + 2;
    }
    text.len()
}

/// The key behind two brackets.
fn key(rest: &str) -> &str {
    let line = rest.lines().next().unwrap_or_default();
    line.split("]]").next().unwrap_or_default().trim()
}

/// Whether a table, as [`Tables`] gives it, is one of pools by its first line.
pub(super) fn is_pool(table: &str) -> bool {
    let rest = table.trim_start().strip_prefix("[[").unwrap_or_default();
    matches!(key(rest), "pool" | "\"pool\"" | "'pool'")
}

/// Line breaks in `bytes`.
pub(super) fn breaks(bytes: &[u8]) -> u32 {
    memchr::memchr_iter(b'\n', bytes).count() as u32
}

const fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r')
}

/// The array of a table, with one element for each entry or block.
pub(super) struct Array<'a> {
    table: &'a str,
    /// Behind its opening bracket.
    start: usize,
    /// Whether its elements are entries, and not blocks.
    pub(super) entries: bool,
}

/// One element, right or wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// The element, or the line of what is none.
    pub(super) text: &'a str,
    /// Its first line, from that of the table, which is 0.
    pub(super) line: u32,
    /// The next one follows without a comma.
    pub(super) no_comma: bool,
}

/// An array, taken apart.
pub(super) struct Parts<'a> {
    pub(super) elements: Vec<Element<'a>>,
    /// The table with an array that is empty, each line where it was.
    pub(super) around: String,
    /// The array does not end in the table.
    pub(super) cut_off: bool,
}

impl<'a> Array<'a> {
    /// The array `entries` or `prefixes` of a table.
    pub(super) fn find(table: &'a str) -> Option<Self> {
        let mut at = 0;
        for line in table.split_inclusive('\n') {
            let opened = |key: &str| {
                let rest = line.trim_start().strip_prefix(key)?.trim_start().strip_prefix('=')?;
                rest.trim_start().strip_prefix('[').map(|rest| at + line.len() - rest.len())
            };
            for (key, entries) in [("entries", true), ("prefixes", false)] {
                if let Some(start) = opened(key) {
                    return Some(Self { table, start, entries });
                }
            }
            at += line.len();
        }
        None
    }

    /// Where the last line begins whose first character is `first`.
    fn last_line_with(&self, first: u8) -> Option<usize> {
        let bytes = self.table.as_bytes();
        memchr::memrchr_iter(first, bytes).find(|at| {
            let before = bytes.get(..*at).unwrap_or_default();
            before.iter().rev().find(|b| !is_blank(**b)) == Some(&b'\n')
        })
    }

    pub(super) fn parts(&self) -> Parts<'a> {
        let bytes = self.table.as_bytes();
        let mut scan = Scan { bytes, at: self.start, line: breaks(bytes.get(..self.start).unwrap_or_default()) };
        let mut elements = Vec::new();
        // An end in front of a line with an element is none, but a slip.
        let first = if self.entries { b'{' } else { b'"' };
        let last = self.last_line_with(first).unwrap_or(self.start);
        let cut_off = loop {
            scan.skip(true);
            match scan.peek() {
                None => break true,
                Some(b']') if scan.at >= last => break false,
                Some(_) => {}
            }
            let (from, line) = (scan.at, scan.line);
            let whole = scan.element();
            // What stands behind an element on its line belongs to it: then both are wrong.
            scan.blanks();
            if !(whole && matches!(scan.peek(), None | Some(b',' | b'\n' | b'#' | b']' | b'{' | b'"' | b'\''))) {
                scan.skip_line();
            }
            let text = self.table.get(from..scan.at).unwrap_or_default();
            scan.skip(false);
            let no_comma = !matches!(scan.peek(), None | Some(b',' | b']'));
            elements.push(Element { text, line, no_comma });
        };
        let mut around = self.table.get(..self.start).unwrap_or_default().to_owned();
        around.extend(std::iter::repeat_n('\n', (scan.line - breaks(around.as_bytes())) as usize));
        around.push_str(if cut_off { "]" } else { self.table.get(scan.at..).unwrap_or_default() });
        Parts { elements, around, cut_off }
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn step(&mut self) {
        self.line += u32::from(self.peek() == Some(b'\n'));
        self.at += 1;
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.step();
        }
    }

    /// Over blanks, line breaks and comments, and commas if they are not looked for.
    fn skip(&mut self, commas: bool) {
        while let Some(b) = self.peek() {
            match b {
                b'#' => self.skip_line(),
                b',' if commas => self.step(),
                b'\n' => self.step(),
                _ if is_blank(b) => self.step(),
                _ => break,
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    /// Over one element; false where it has no end.
    fn element(&mut self) -> bool {
        match self.peek() {
            Some(b'{') => self.table(),
            Some(b'"' | b'\'') => self.string(),
            _ => false,
        }
    }

    fn table(&mut self) -> bool {
        let mut open: Vec<u8> = Vec::new();
        while let Some(b) = self.peek() {
            match b {
                b'"' | b'\'' => {
                    if !self.string() {
                        return false;
                    }
                    continue;
                }
                b'#' => {
                    self.skip_line();
                    continue;
                }
                b'{' => open.push(b'}'),
                b'[' => open.push(b']'),
                b'}' | b']' => {
                    if open.pop() != Some(b) {
                        return false;
                    }
                    if open.is_empty() {
                        self.step();
                        return true;
                    }
                }
                // No entry has tables in it: a line that begins with one is the next entry.
                b'\n' => {
                    let next = self.bytes.get(self.at + 1..).unwrap_or_default();
                    if next.iter().find(|b| !is_blank(**b)) == Some(&b'{') {
                        return false;
                    }
                }
                _ => {}
            }
            self.step();
        }
        false
    }

    /// Over a string; false where it does not end as it should.
    fn string(&mut self) -> bool {
        let Some(quote) = self.peek() else { return false };
        let long = [quote; 3];
        if self.bytes.get(self.at..).unwrap_or_default().starts_with(&long) {
            let rest = self.bytes.get(self.at + 3..).unwrap_or_default();
            let Some(end) = memchr::memmem::find(rest, &long) else { return false };
            let to = self.at + end + 6;
            self.line += breaks(self.bytes.get(self.at..to).unwrap_or_default());
            self.at = to;
            return true;
        }
        self.step();
        while let Some(b) = self.peek() {
            match b {
                b'\n' => return false,
                b'\\' if quote == b'"' && self.bytes.get(self.at + 1) != Some(&b'\n') => self.step(),
                _ if b == quote => {
                    self.step();
                    return true;
                }
                _ => {}
            }
            self.step();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(table: &str) -> Vec<(&str, u32, bool)> {
        let parts = Array::find(table).unwrap().parts();
        parts.elements.iter().map(|e| (e.text, e.line, e.no_comma)).collect()
    }

    #[test]
    fn tables_begin_at_brackets_of_their_own_line() {
        let text = "version = 1\n  [[pool]]\nname = \"[[x\"\n[[pool.entries]]\n\t[[ shared ]]\nx\n[[pool]]";
        let mut tables = Tables::new(text);
        assert_eq!(tables.head(), (1, "version = 1\n"));
        let all: Vec<_> = tables.collect();
        assert_eq!(
            all,
            [(2, "  [[pool]]\nname = \"[[x\"\n[[pool.entries]]\n"), (5, "\t[[ shared ]]\nx\n"), (7, "[[pool]]")]
        );
        assert_eq!(all.iter().map(|(_, t)| is_pool(t)).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn every_element_has_its_line_and_a_broken_one_ends_with_its_line() {
        let table = "[[pool]]\nentries = [\n  { a = [1,\n 2] }, # }\n  { b = [\"x },\n  { c = [1 },\n  { d = 1 } x,\n  { e = 1 }\n  { f = 1 }\n]\nname = 1\n";
        assert_eq!(
            elements(table),
            [
                ("{ a = [1,\n 2] }", 2, false),
                ("{ b = [\"x },", 4, true),
                ("{ c = [1 },", 5, true),
                ("{ d = 1 } x,", 6, true),
                ("{ e = 1 }", 7, true),
                ("{ f = 1 }", 8, false),
            ]
        );
        let parts = Array::find(table).unwrap().parts();
        assert_eq!(parts.around, "[[pool]]\nentries = [\n\n\n\n\n\n\n\n]\nname = 1\n");
        assert!(!parts.cut_off);
    }

    #[test]
    fn an_array_without_an_end_is_told() {
        let parts = Array::find("[[shared]]\nprefixes = [ \"a\",\n\"b").unwrap().parts();
        assert!(parts.cut_off);
        assert_eq!(parts.elements.len(), 2);
        assert!(Array::find("[[pool]]\nname = 1\n").is_none());
    }
}
