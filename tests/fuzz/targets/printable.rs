//! Strings from the network made safe to show. First byte: the cap; then the string.
//!
//! Promises: one line within the cap, nothing that a terminal obeys or nobody sees; shown text shows as itself; a CSV
//! cell reads back and is no formula.

use minewatch::text::{csv_cell, printable};

use super::{Bytes, is_hostile};

/// Shows the string.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let Some(max) = bytes.u8() else { return };
    for max in [usize::from(max), 4096] {
        let shown = printable(bytes.0, max);
        assert!(shown.len() <= max);
        assert!(!shown.chars().any(is_hostile), "{shown:?}");
        assert_eq!(printable(&*shown, max), shown, "showing shown text changes it");
        if max >= bytes.0.len() * 4 + 4 {
            let plain = std::str::from_utf8(bytes.0).is_ok_and(|s| !s.chars().any(is_hostile) && s.is_ascii());
            assert!(!plain || shown.as_bytes() == bytes.0, "plain text was changed");
        }
    }
    let text = String::from_utf8_lossy(bytes.0);
    let cell = csv_cell(&text);
    let inner = match cell.strip_prefix('"').and_then(|c| c.strip_suffix('"')) {
        Some(quoted) if text.contains([',', ';', '"', '\r', '\n', '\t']) => quoted.replace("\"\"", "\""),
        _ => cell.to_string(),
    };
    assert!(inner == text || inner.strip_prefix('\'') == Some(&*text), "{cell:?} does not read back");
    assert!(!inner.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?} is a formula");
}
