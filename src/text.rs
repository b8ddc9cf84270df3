//! Strings from the network made safe to show.
//!
//! In: whatever a peer sent (a worker name, an agent, a host name). Out: text that cannot move a cursor, start a line,
//! reorder a line or run in a spreadsheet. JSON outputs need none of this: their serialiser escapes.

mod slip;

use std::borrow::Cow;
use std::fmt::Write as _;

pub use slip::{explain_toml, nearest};

/// Usual cap for one string in a table or log, in bytes.
pub const MAX_SHOWN: usize = 256;

/// `1 host`, `2 hosts`: a number with what is counted, in the form that goes with it.
pub fn counted<N: Copy + PartialEq + From<u8> + std::fmt::Display>(n: N, one: &str, many: &str) -> String {
    format!("{n} {}", if n == N::from(1) { one } else { many })
}

/// Marks text that was cut.
const ELLIPSIS: char = '…';

/// `bytes` on one line, without control or invisible characters, in at most `max` bytes.
///
/// C0, C1, DEL, bidirectional controls, line separators, zero-width and blank filler characters are written as
/// `\n`, `\x1b` or `\u{202e}`; bytes that are no UTF-8 as `\xff`. What does not fit is cut at a character (never inside
/// an escape) and ends in `…`. A backslash stays as it is, so that showing shown text changes nothing.
pub fn printable<T: AsRef<[u8]> + ?Sized>(bytes: &T, max: usize) -> Cow<'_, str> {
    let bytes = bytes.as_ref();
    if bytes.len() <= max
        && let Ok(s) = std::str::from_utf8(bytes)
        && !s.chars().any(is_unsafe)
    {
        return Cow::Borrowed(s);
    }
    let mut line = Line { text: String::with_capacity(bytes.len().min(max)), max, keep: 0, full: false };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            line.push_char(c);
        }
        for b in chunk.invalid() {
            line.push(format_args!("\\x{b:02x}"));
        }
        if line.full {
            break;
        }
    }
    Cow::Owned(line.finish())
}

/// `text` as one cell of a CSV file: quoted as RFC 4180 section 2 says, and with a leading `'` where a spreadsheet
/// would otherwise take it for a formula (`=`, `+`, `-`, `@`, their full-width forms, tab, carriage return).
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let quote = text.contains([',', ';', '"', '\r', '\n', '\t']);
    if !formula && !quote {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 3);
    if quote {
        out.push('"');
    }
    if formula {
        out.push('\'');
    }
    for c in text.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    if quote {
        out.push('"');
    }
    Cow::Owned(out)
}

/// Characters that a terminal obeys or that nobody can see.
pub(crate) fn is_unsafe(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(c,
        '\u{80}'..='\u{9f}'            // C1
        | '\u{ad}' | '\u{34f}'         // soft hyphen, grapheme joiner
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' // bidirectional
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{ffa0}' // blank
        | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{feff}' // zero width
        | '\u{2028}' | '\u{2029}'      // line and paragraph separator
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' // variation selectors
        | '\u{fff9}'..='\u{fffb}'      // interlinear annotation
        | '\u{e0000}'..='\u{e007f}') // tags
}

/// A line that grows up to its cap.
struct Line {
    text: String,
    max: usize,
    /// Length that still leaves room for the ellipsis.
    keep: usize,
    full: bool,
}

impl Line {
    fn push_char(&mut self, c: char) {
        match c {
            '\n' => self.push(format_args!("\\n")),
            '\r' => self.push(format_args!("\\r")),
            '\t' => self.push(format_args!("\\t")),
            c if c.is_ascii() && is_unsafe(c) => self.push(format_args!("\\x{:02x}", u32::from(c))),
            c if is_unsafe(c) => self.push(format_args!("\\u{{{:x}}}", u32::from(c))),
            c => self.push(format_args!("{c}")),
        }
    }

    fn push(&mut self, piece: std::fmt::Arguments<'_>) {
        if self.full {
            return;
        }
        let before = self.text.len();
        // Writing to a String does not fail.
        let _ = self.text.write_fmt(piece);
        if self.text.len() > self.max {
            self.text.truncate(before);
            self.full = true;
        } else if self.text.len() + ELLIPSIS.len_utf8() <= self.max {
            self.keep = self.text.len();
        }
    }

    fn finish(mut self) -> String {
        if self.full {
            self.text.truncate(self.keep);
            if self.keep + ELLIPSIS.len_utf8() <= self.max {
                self.text.push(ELLIPSIS);
            }
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_of_a_kind_is_not_said_in_the_plural() {
        assert_eq!(counted(0_u64, "entry", "entries"), "0 entries");
        assert_eq!(counted(1_usize, "entry", "entries"), "1 entry");
        assert_eq!(counted(11_u32, "entry", "entries"), "11 entries");
    }

    #[test]
    fn se01_agent_cannot_drive_a_terminal_or_forge_a_line() {
        let shown = printable("x\u{1b}]0;pwn\u{7}\nALERT none", MAX_SHOWN);
        assert_eq!(shown, "x\\x1b]0;pwn\\x07\\nALERT none");
    }

    #[test]
    fn se05_cell_is_no_formula() {
        assert_eq!(csv_cell("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        for lead in ["=", "+", "-", "@", "\t", "\r"] {
            let text = format!("{lead}1");
            let cell = csv_cell(&text);
            assert!(cell.trim_start_matches('"').starts_with('\''), "{cell:?}");
        }
        assert_eq!(csv_cell("@a,b"), "\"'@a,b\"");
    }

    #[test]
    fn cells_are_quoted_as_rfc_4180_says() {
        for (text, cell) in [
            ("rig1", "rig1"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("a;b", "\"a;b\""),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }

    #[test]
    fn ordinary_text_is_not_touched() {
        for text in ["", "XMRig/6.26.0 (Linux x86_64)", "Grüße 東京 🚀", "back\\slash", "e\u{301}"] {
            assert!(matches!(printable(text, MAX_SHOWN), Cow::Borrowed(t) if t == text), "{text}");
        }
    }

    #[test]
    fn invisible_and_reordering_characters_are_written_out() {
        for (text, shown) in [
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{2066}b", "a\\u{2066}b"),
            ("a\u{200e}\u{200f}\u{61c}b", "a\\u{200e}\\u{200f}\\u{61c}b"),
            ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
            ("a\u{200b}\u{feff}b", "a\\u{200b}\\u{feff}b"),
            ("a\u{9b}31mb", "a\\u{9b}31mb"),
            ("a\u{7f}\0", "a\\x7f\\x00"),
            ("a\u{e0041}", "a\\u{e0041}"),
        ] {
            assert_eq!(printable(text, MAX_SHOWN), shown);
        }
        assert_eq!(printable(b"ok\xff\xc3(", MAX_SHOWN), "ok\\xff\\xc3(");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(printable("abcdef", 6), "abcdef");
        assert_eq!(printable("abcdefg", 6), "abc…");
        assert_eq!(printable("ééééé", 8), "éé…");
        assert_eq!(printable("ab\u{1b}\u{1b}", 8), "ab…");
        assert_eq!(printable("abc", 2), "");
        assert_eq!(printable(&vec![b'x'; 10 << 20], MAX_SHOWN).len(), MAX_SHOWN);
    }

    proptest! {
        #[test]
        fn shown_text_is_one_visible_line_within_its_cap(bytes: Vec<u8>, max in 0usize..300) {
            let shown = printable(&bytes, max).into_owned();
            prop_assert!(shown.len() <= max);
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_unsafe(c)), "{shown:?}");
            prop_assert_eq!(printable(&shown, max), &*shown);
        }

        #[test]
        fn any_characters_are_shown_safely(text in "\\PC*|[\\x00-\\x1f\u{80}-\u{9f}\u{2000}-\u{2070}a-c]{0,80}") {
            let shown = printable(&text, MAX_SHOWN).into_owned();
            prop_assert!(shown.len() <= MAX_SHOWN);
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_unsafe(c)), "{shown:?}");
        }

        #[test]
        fn cell_reads_back(text: String) {
            let cell = csv_cell(&text);
            let inner = match cell.strip_prefix('"').and_then(|c| c.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => cell.to_string(),
            };
            prop_assert!(inner == text || inner.strip_prefix('\'') == Some(&*text));
            prop_assert!(!inner.starts_with(['=', '+', '-', '@', '\t', '\r']));
        }
    }
}
