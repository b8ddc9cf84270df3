//! CryptoNote addresses: base58 in blocks of 8 bytes, a tag, two keys, a Keccak checksum.
//!
//! Source: CryptoNote standard CNS007; tags from `xmrig/xmrig` `WalletAddress.cpp`, the Salvium, Zephyr and Zano
//! configuration headers.

use sha3::{Digest as _, Keccak256};

use super::{Checksum, Coin, Match};

/// Tag → coins. Standard, integrated and subaddress, main networks first; Monero's test networks count as Monero.
const TAGS: &[(u64, &[Coin])] = &[
    (0x12, &[Coin::Xmr]),
    (0x13, &[Coin::Xmr]),
    (0x2a, &[Coin::Xmr]),
    (0x35, &[Coin::Xmr]),
    (0x36, &[Coin::Xmr]),
    (0x3f, &[Coin::Xmr]),
    (0x18, &[Coin::Xmr]),
    (0x19, &[Coin::Xmr]),
    (0x24, &[Coin::Xmr]),
    (0x003e_f318, &[Coin::Sal]),
    (0x055e_f318, &[Coin::Sal]),
    (0x0f5e_f318, &[Coin::Sal]),
    (0x0018_0c96, &[Coin::Sal]),
    (0x6_241d_18c0, &[Coin::Zeph]),
    (0xc_4f7d_18c0, &[Coin::Zeph]),
    (0x08dd_58c0, &[Coin::Zeph]),
    (0x002b_b39a, &[Coin::Sumo]),
    (0x0029_339a, &[Coin::Sumo]),
    (0x0008_319a, &[Coin::Sumo]),
    (0x2cca, &[Coin::Arq]),
    (0x0011_6bc7, &[Coin::Arq]),
    (0x6847, &[Coin::Arq]),
    (0x1032, &[Coin::Wow]),
    (0x1a9a, &[Coin::Wow]),
    (0x2fb0, &[Coin::Wow]),
    (0x5a, &[Coin::Grft]),
    (0x5b, &[Coin::Grft]),
    (0x66, &[Coin::Grft]),
    (0xc5, &[Coin::Zano]),
    (0x3678, &[Coin::Zano]),
    (0x36f8, &[Coin::Zano]),
];

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Digit of each character; [`NO_DIGIT`] for all others. An address is read for every level that its miner reaches.
#[allow(clippy::indexing_slicing)] // as it is compiled
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};
const NO_DIGIT: u8 = u8::MAX;
/// Characters of a block of so many bytes.
const BLOCK_CHARS: [usize; 9] = [0, 2, 3, 5, 6, 7, 9, 10, 11];
/// Longest address: a tag of 6 bytes, two keys, a payment id, the checksum; and some room.
const MAX_BYTES: usize = 96;

/// Recognises any CryptoNote address. A valid one with an unknown tag names no coin.
pub(super) fn matches(text: &str) -> Option<Match> {
    if !(90..=120).contains(&text.len()) {
        return None;
    }
    if let Some(coins) = decode(text.as_bytes()) {
        return Some(Match { coins, checksum: Checksum::Valid });
    }
    let shaped = text.bytes().all(|b| ALPHABET.contains(&b)) && text.bytes().any(|b| b.is_ascii_digit());
    let coins: &[Coin] = match (text.len(), text.get(..4)?) {
        (95 | 106, head) if head.starts_with('4') => &[Coin::Xmr],
        (95, head) if head.starts_with('8') => &[Coin::Xmr],
        (97, head) if head.starts_with("Wo") => &[Coin::Wow],
        (_, "SaLv") => &[Coin::Sal],
        (_, "ZEPH") => &[Coin::Zeph],
        (_, "Sumo") => &[Coin::Sumo],
        _ => return None,
    };
    shaped.then_some(Match { coins, checksum: Checksum::Invalid })
}

/// The coins of a valid address.
fn decode(text: &[u8]) -> Option<&'static [Coin]> {
    let mut bytes = [0u8; MAX_BYTES];
    let mut len = 0;
    for block in text.chunks(11) {
        let size = BLOCK_CHARS.iter().position(|&c| c == block.len())?;
        let mut value = 0u64;
        for &c in block {
            let digit = *DIGITS.get(usize::from(c)).filter(|d| **d != NO_DIGIT)?;
            value = value.checked_mul(58)?.checked_add(digit.into())?;
        }
        if size < 8 && value >> (8 * size) != 0 {
            return None;
        }
        let big = value.to_be_bytes();
        bytes.get_mut(len..len + size)?.copy_from_slice(big.get(8 - size..)?);
        len += size;
    }
    let (body, checksum) = bytes.get(..len)?.split_last_chunk::<4>()?;
    if Keccak256::digest(body).get(..4)? != checksum {
        return None;
    }
    let (tag, used) = varint(body)?;
    // Spend and view key, and in integrated addresses a payment id of 8 bytes.
    matches!(body.len() - used, 64 | 72)
        .then(|| TAGS.iter().find(|(t, _)| *t == tag).map_or(&[][..], |(_, coins)| coins))
}

/// A little-endian base-128 number and its length.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (i, &b) in bytes.iter().take(9).enumerate() {
        value |= u64::from(b & 0x7f) << (7 * i);
        if b & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An address of this tag over the bytes 0, 1, 2 …, with `extra` more of them than the two keys.
    pub(crate) fn encode(mut tag: u64, extra: u8) -> String {
        let mut body = Vec::new();
        while tag >= 0x80 {
            body.push((tag as u8) | 0x80);
            tag >>= 7;
        }
        body.push(tag as u8);
        body.extend(0..64 + extra);
        let sum = Keccak256::digest(&body);
        body.extend(&sum[..4]);
        let mut out = String::new();
        for block in body.chunks(8) {
            let mut value = block.iter().fold(0u64, |v, &b| v << 8 | u64::from(b));
            let mut chars = vec![b'1'; BLOCK_CHARS[block.len()]];
            for c in chars.iter_mut().rev() {
                *c = ALPHABET[(value % 58) as usize];
                value /= 58;
            }
            out.push_str(std::str::from_utf8(&chars).unwrap());
        }
        out
    }

    #[test]
    fn every_tag_gives_its_coin_and_prefix() {
        for &(tag, coins) in TAGS {
            for extra in [0, 8] {
                let got = matches(&encode(tag, extra)).unwrap();
                assert_eq!((got.coins, got.checksum), (coins, Checksum::Valid), "{tag:x}");
            }
        }
        for (tag, extra, prefix, len) in [
            (0x12, 0, "4", 95),
            (0x2a, 0, "8", 95),
            (0x13, 8, "4", 106),
            (0x003e_f318, 0, "SaLv", 99),
            (0x0018_0c96, 0, "SC1", 98),
            (0x6_241d_18c0, 0, "ZEPH", 101),
            (0x002b_b39a, 0, "Sumo", 99),
            (0x2cca, 0, "ar", 97),
            (0x1032, 0, "Wo", 97),
            (0x5a, 0, "G", 95),
            (0xc5, 0, "Z", 97),
        ] {
            let text = encode(tag, extra);
            assert!(text.starts_with(prefix), "{tag:x} {text}");
            assert_eq!(text.len(), len, "{text}");
        }
    }

    #[test]
    fn an_unknown_tag_with_a_good_checksum_names_no_coin() {
        assert_eq!(matches(&encode(0x7777, 0)), Some(Match { coins: &[], checksum: Checksum::Valid }));
    }

    #[test]
    fn a_block_beyond_its_bytes_is_no_second_spelling() {
        let text = encode(0x12, 0);
        // The last block holds 5 bytes in 7 characters, which could also hold that number plus 2^40.
        let (head, last) = text.split_at(text.len() - 7);
        let digit = |c: u8| ALPHABET.iter().position(|&a| a == c).unwrap() as u64;
        let mut value = last.bytes().fold(0, |v, c| v * 58 + digit(c)) + (1 << 40);
        let mut chars = [b'1'; 7];
        for c in chars.iter_mut().rev() {
            *c = ALPHABET[(value % 58) as usize];
            value /= 58;
        }
        assert_eq!(value, 0, "fits in 7 characters");
        let other = format!("{head}{}", std::str::from_utf8(&chars).unwrap());
        assert_eq!(matches(&other).unwrap().checksum, Checksum::Invalid);
    }

    #[test]
    fn wrong_lengths_are_no_address() {
        for extra in [1, 4, 16] {
            assert!(matches(&encode(0x12, extra)).is_none_or(|m| m.checksum == Checksum::Invalid));
        }
    }
}
