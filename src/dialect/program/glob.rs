//! Patterns of file names: `*` stands for any characters, `#` for one digit or more.
//!
//! In: a pattern and a text, both in lower case. Out: whether it fits. Costs at most the product of both lengths.

/// Whether the whole text fits the pattern.
pub(super) fn fits(pattern: &str, text: &[u8]) -> bool {
    // at[n]: the pattern so far fits the first n bytes.
    let mut at = vec![false; text.len() + 1];
    if let Some(first) = at.first_mut() {
        *first = true;
    }
    for p in pattern.bytes() {
        let mut next = vec![false; at.len()];
        let mut before = false;
        match p {
            b'*' => {
                for (to, from) in next.iter_mut().zip(&at) {
                    before |= *from;
                    *to = before;
                }
            }
            b'#' => {
                for ((to, from), c) in next.iter_mut().skip(1).zip(&at).zip(text) {
                    before = c.is_ascii_digit() && (*from || before);
                    *to = before;
                }
            }
            _ => {
                for ((to, from), c) in next.iter_mut().skip(1).zip(&at).zip(text) {
                    *to = *from && *c == p;
                }
            }
        }
        at = next;
    }
    at.last() == Some(&true)
}

/// The longest part of a pattern that stands for itself.
pub(super) fn longest(pattern: &str) -> &str {
    pattern.split(['*', '#']).max_by_key(|part| part.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{fits, longest};

    #[test]
    fn what_fits_has_the_longest_part_in_it() {
        for (pattern, wanted) in
            [("*xmrig-#*.tar.gz", ".tar.gz"), ("v#", "v"), ("*", ""), ("", ""), ("xmrig.exe", "xmrig.exe")]
        {
            assert_eq!(longest(pattern), wanted, "{pattern}");
        }
    }

    #[test]
    fn stars_are_anything_and_hashes_are_digits() {
        for (pattern, text, wanted) in [
            ("*xmrig-#*.tar.gz", "/releases/xmrig-6.21.0-linux-x64.tar.gz", true),
            ("*xmrig-#*.tar.gz", "/releases/xmrig-new-linux.tar.gz", false),
            ("v#", "v123", true),
            ("v#", "v", false),
            ("v#.#", "v1.22", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a--b--b-c", true),
            ("a*b*c", "a--b--b-d", false),
            ("##", "12", true),
            ("##", "1", false),
        ] {
            assert_eq!(fits(pattern, text.as_bytes()), wanted, "{pattern} {text}");
        }
    }
}
