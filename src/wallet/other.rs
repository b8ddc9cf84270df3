//! Formats that belong to one coin each: Nimiq, Kadena, Qubic.
//!
//! Source: Nimiq address format (an IBAN, ISO 13616 with base 32); Kadena account names; Qubic identities are general
//! knowledge, and their `KangarooTwelve` checksum is not checked.

use super::{Checksum, Coin, Match};

const NIMIQ: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVXY";

/// Recognises `NQ`, two check digits and 32 characters, in groups of four or not.
pub(super) fn nimiq(text: &str) -> Option<Match> {
    let rest = text.strip_prefix("NQ")?;
    let plain = || rest.bytes().filter(|&b| b != b' ');
    if text.len() > 44 || plain().count() != 34 {
        return None;
    }
    let (check, body) = (plain().take(2), plain().skip(2));
    if !check.clone().all(|b| b.is_ascii_digit()) || !body.clone().all(|b| NIMIQ.contains(&b)) {
        return None;
    }
    // ISO 7064 modulo 97: country and check digits go last, letters count from 10.
    let rest = body.chain(*b"NQ").chain(check).fold(0u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
    });
    let checksum = if rest == 1 { Checksum::Valid } else { Checksum::Invalid };
    Some(Match { coins: &[Coin::Nim], checksum })
}

/// Recognises `k:` and a public key in hexadecimal.
pub(super) fn kadena(text: &str) -> Option<Match> {
    let key = text.strip_prefix("k:")?;
    (key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()))
        .then_some(Match { coins: &[Coin::Kda], checksum: Checksum::Absent })
}

/// Recognises 60 capital letters.
pub(super) fn qubic(text: &str) -> Option<Match> {
    (text.len() == 60 && text.bytes().all(|b| b.is_ascii_uppercase()))
        .then_some(Match { coins: &[Coin::Qubic], checksum: Checksum::Unchecked })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nimiq_zero_address_is_valid_in_both_spellings() {
        for text in ["NQ07 0000 0000 0000 0000 0000 0000 0000 0000", "NQ0700000000000000000000000000000000"] {
            assert_eq!(nimiq(text), Some(Match { coins: &[Coin::Nim], checksum: Checksum::Valid }));
        }
        assert_eq!(nimiq("NQ0800000000000000000000000000000000").unwrap().checksum, Checksum::Invalid);
        assert_eq!(nimiq("NQ0700000000000000000000000000000001").unwrap().checksum, Checksum::Invalid);
        for text in ["NQ", "NQ07", "NQab00000000000000000000000000000000", "NQ07OOOO0000000000000000000000000000"] {
            assert_eq!(nimiq(text), None, "{text}");
        }
    }

    #[test]
    fn kadena_and_qubic_shapes() {
        assert_eq!(kadena(&format!("k:{}", "0a".repeat(32))).unwrap().checksum, Checksum::Absent);
        assert_eq!(kadena(&format!("k:{}", "0a".repeat(31))), None);
        assert_eq!(qubic(&"ABCDEF".repeat(10)).unwrap().checksum, Checksum::Unchecked);
        assert_eq!(qubic(&"ABCDEf".repeat(10)), None);
    }
}
