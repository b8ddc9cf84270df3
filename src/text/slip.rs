//! What was probably meant: by a word that is nearly another, and by what a TOML parser says of such a word.
//!
//! In: a word or a parser's message. Out: the word that it is nearest to, or the message on one line with it.

/// The parser's words on one line, with a suggestion where a word is nearly right.
pub fn explain_toml(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().take(300).collect();
    // «unknown field `prots`, expected one of `plain`, `tls`»
    let mut quoted = line.split('`').skip(1).step_by(2);
    let (Some(given), true) = (quoted.next(), line.starts_with("unknown ")) else { return line };
    match quoted.map(|word| (distance(given, word), word)).min() {
        Some((d, word)) if d <= 1 + word.len() / 3 => format!("{line}: did you mean `{word}`?"),
        _ => line,
    }
}

/// The word that is spelt most like `given`, if one is nearly it: two letters off at the most, or one begins with the
/// other, as an address does with its port left out.
pub fn nearest<T: AsRef<str>>(given: &str, words: impl IntoIterator<Item = T>) -> Option<T> {
    let off = |word: &str| {
        let whole = !given.is_empty() && (word.starts_with(given) || given.starts_with(word));
        if whole { 2 } else { distance(given, word) }
    };
    let words = words.into_iter().filter(|w| !w.as_ref().is_empty()).map(|w| (off(w.as_ref()), w));
    words.filter(|(d, _)| *d <= 2).min_by(|(a, x), (b, y)| (a, x.as_ref()).cmp(&(b, y.as_ref()))).map(|(_, w)| w)
}

/// Letters to change, add or take away to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let change = diagonal + usize::from(x != *y);
            diagonal = *cell;
            left = change.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_key_gets_a_suggestion() {
        assert_eq!(distance("prots", "ports"), 2);
        let pools = ["198.51.100.7:3333/tcp", "198.51.100.81", "pool.example"];
        assert_eq!(nearest("198.51.100.18", pools), Some("198.51.100.81"));
        assert_eq!(nearest("198.51.100.7", pools), Some("198.51.100.7:3333/tcp"));
        assert_eq!(nearest("pol.exmaple", pools), None);
        assert_eq!(nearest("pool.exmple", pools), Some("pool.example"));
        assert_eq!(nearest("10.0.0.5", pools), None);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        let said = explain_toml("unknown field `conf`, expected one of `names`, `confidence`, `coins`");
        assert!(said.ends_with("did you mean `coins`?"), "{said}");
        assert_eq!(
            explain_toml("unknown field `zzzzzzz`, expected `names`"),
            "unknown field `zzzzzzz`, expected `names`"
        );
    }
}
