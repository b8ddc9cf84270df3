//! Addresses of Ethereum-like chains: `0x` and 40 hexadecimal digits, checksummed by their case.
//!
//! Source: EIP-55.

use sha3::{Digest as _, Keccak256};

use super::{Checksum, Coin, Match};

/// Chains that share the format and are, or were, mined.
const COINS: &[Coin] = &[Coin::Etc, Coin::Ethw, Coin::Eth, Coin::Quai, Coin::Cfx];

/// Letters that an address must have for its case to prove something: each is one bit, so chance passes one in a
/// thousand. Nine of ten addresses have as many.
const PROVING_LETTERS: usize = 10;

/// Recognises an address. Only mixed case carries a checksum.
pub(super) fn matches(text: &str) -> Option<Match> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    if digits.len() != 40 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mixed = digits.bytes().any(|b| b.is_ascii_lowercase()) && digits.bytes().any(|b| b.is_ascii_uppercase());
    let letters = digits.bytes().filter(u8::is_ascii_alphabetic).count();
    let checksum = match (mixed, cased_right(digits)) {
        (false, _) => Checksum::Absent,
        (true, true) if letters >= PROVING_LETTERS => Checksum::Valid,
        (true, true) => Checksum::Absent,
        (true, false) => Checksum::Invalid,
    };
    Some(Match { coins: COINS, checksum })
}

/// EIP-55: a letter is upper case where the digit of the hash at its place is 8 or more.
fn cased_right(digits: &str) -> bool {
    let mut hasher = Keccak256::new();
    for b in digits.bytes() {
        hasher.update([b.to_ascii_lowercase()]);
    }
    let hash = hasher.finalize();
    let nibbles = hash.iter().flat_map(|b| [b >> 4, b & 15]);
    digits.bytes().zip(nibbles).all(|(c, n)| !c.is_ascii_alphabetic() || c.is_ascii_uppercase() == (n >= 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eip_55_own_examples() {
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            assert_eq!(matches(text).unwrap().checksum, Checksum::Valid, "{text}");
            assert_eq!(matches(&text.to_lowercase()).unwrap().checksum, Checksum::Absent);
            assert_eq!(matches(&text.replacen('B', "b", 1)).unwrap().checksum, Checksum::Invalid);
        }
        assert_eq!(matches(&format!("0x{}", "AB".repeat(20))).unwrap().checksum, Checksum::Absent);
    }

    #[test]
    fn other_lengths_are_no_address() {
        for text in
            ["0x", "0x1234", &format!("0x{}", "a".repeat(41)), &format!("0x{}", "a".repeat(64)), &"a".repeat(42)]
        {
            assert_eq!(matches(text), None, "{text}");
        }
    }
}
