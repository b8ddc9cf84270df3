//! Base58 addresses with a double SHA-256 checksum (Bitcoin and its kin), Ergo's with Blake2b, Alephium's without one.
//!
//! Source: Bitcoin `base58.cpp` and each coin's `chainparams.cpp`; Ergo address encoding (`ErgoAddress.scala`);
//! Alephium `LockupScript.scala`. Versions marked *general* are common knowledge not re-read in a source.

use blake2::Blake2b;
use blake2::digest::consts::U32;
use sha3::Digest as _;

use super::{Checksum, Coin, Match};

/// Version bytes → coins, for a hash of 20 bytes.
const VERSIONS: &[(&[u8], &[Coin])] = &[
    (&[0x00], &[Coin::Btc, Coin::Bch]),
    (&[0x05], &[Coin::Btc, Coin::Bch, Coin::Ltc, Coin::Vtc]),
    (&[0x30], &[Coin::Ltc]),
    (&[0x32], &[Coin::Ltc, Coin::Mewc]), // MEWC general
    (&[0x1e], &[Coin::Doge, Coin::Dgb]),
    (&[0x16], &[Coin::Doge]),
    (&[0x3f], &[Coin::Dgb]),
    (&[0x4c], &[Coin::Dash]),
    (&[0x10], &[Coin::Dash, Coin::Rtm]),
    (&[0x3c], &[Coin::Rvn, Coin::Kmd, Coin::Vrsc, Coin::Rtm]),
    (&[0x7a], &[Coin::Rvn]),
    (&[0x55], &[Coin::Kmd, Coin::Vrsc]),
    (&[0x66], &[Coin::Vrsc]),                  // general
    (&[0x1c, 0xb8], &[Coin::Zec, Coin::Flux]), // FLUX general
    (&[0x1c, 0xbd], &[Coin::Zec, Coin::Flux]),
    (&[0x20, 0x89], &[Coin::Zen]),
    (&[0x20, 0x96], &[Coin::Zen]),
    (&[0x26], &[Coin::Btg, Coin::Neox]),              // NEOX general
    (&[0x17], &[Coin::Btg, Coin::Clore, Coin::Aipg]), // CLORE, AIPG general
    (&[0x47], &[Coin::Vtc]),
    (&[0x52], &[Coin::Firo]), // general
    (&[0x07], &[Coin::Firo]), // general
    (&[0x35], &[Coin::Xna]),  // general
    (&[0x21], &[Coin::Evr]),  // general
];

/// First characters of addresses whose checksum may be damaged and that still look like nothing else.
const SHAPES: &[(&str, std::ops::RangeInclusive<usize>, &[Coin])] = &[
    ("t1", 35..=35, &[Coin::Zec, Coin::Flux]),
    ("t3", 35..=35, &[Coin::Zec, Coin::Flux]),
    ("zn", 35..=35, &[Coin::Zen]),
    ("1", 33..=34, &[Coin::Btc, Coin::Bch]),
    ("3", 34..=34, &[Coin::Btc, Coin::Bch, Coin::Ltc, Coin::Vtc]),
    ("L", 34..=34, &[Coin::Ltc]),
    ("D", 34..=34, &[Coin::Doge, Coin::Dgb]),
    ("X", 34..=34, &[Coin::Dash]),
    ("R", 34..=34, &[Coin::Rvn, Coin::Kmd, Coin::Vrsc, Coin::Rtm]),
];

/// Recognises Bitcoin-like addresses. A valid one of an unknown version names no coin.
pub(super) fn bitcoin(text: &str) -> Option<Match> {
    if !(26..=36).contains(&text.len()) {
        return None;
    }
    let mut out = [0u8; 32];
    // The decoded length includes the version and not the checksum.
    if let Ok(len) = bs58::decode(text).with_check(None).onto(&mut out[..]) {
        let known = VERSIONS.iter().find(|(v, _)| len == v.len() + 20 && out.starts_with(v));
        let coins = match known {
            Some((_, coins)) => coins,
            None if matches!(len, 21 | 22) => &[][..],
            None => return None,
        };
        return Some(Match { coins, checksum: Checksum::Valid });
    }
    let mixed = text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_lowercase())
        && text.bytes().any(|b| b.is_ascii_uppercase());
    if !mixed || bs58::decode(text).onto(&mut [0u8; 32][..]).is_err() {
        return None;
    }
    let (_, _, coins) = SHAPES.iter().find(|(head, len, _)| text.starts_with(head) && len.contains(&text.len()))?;
    Some(Match { coins, checksum: Checksum::Invalid })
}

/// Recognises Ergo addresses of the main network that pay to a public key.
pub(super) fn ergo(text: &str) -> Option<Match> {
    if text.len() != 51 || !text.starts_with('9') {
        return None;
    }
    let mut out = [0u8; 40];
    let len = bs58::decode(text).onto(&mut out[..]).ok()?;
    let (body, sum) = out.get(..len)?.split_last_chunk::<4>()?;
    // The leading 9 is what type 1 on the main network encodes to.
    let valid = body.len() == 34 && Blake2b::<U32>::digest(body).get(..4)? == sum;
    Some(Match { coins: &[Coin::Erg], checksum: if valid { Checksum::Valid } else { Checksum::Invalid } })
}

/// Recognises Alephium addresses by their size and type byte; there is nothing else to check.
pub(super) fn alephium(text: &str) -> Option<Match> {
    if !(43..=46).contains(&text.len()) {
        return None;
    }
    let mut out = [0u8; 36];
    let len = bs58::decode(text).onto(&mut out[..]).ok()?;
    // A type byte (pay to a key's hash or to a script's) and a hash of 32 bytes.
    (len == 33 && matches!(out.first(), Some(0 | 2)))
        .then_some(Match { coins: &[Coin::Alph], checksum: Checksum::Absent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(version: &[u8]) -> String {
        let mut body = version.to_vec();
        body.extend(0..20);
        bs58::encode(body).with_check().into_string()
    }

    #[test]
    fn every_version_gives_its_coins() {
        for &(version, coins) in VERSIONS {
            assert_eq!(bitcoin(&encode(version)), Some(Match { coins, checksum: Checksum::Valid }), "{version:x?}");
        }
    }

    #[test]
    fn versions_print_as_the_coins_say() {
        for (version, head) in [
            (&[0x32][..], "M"),
            (&[0x4c], "X"),
            (&[0x3c], "R"),
            (&[0x1c, 0xb8], "t1"),
            (&[0x1c, 0xbd], "t3"),
            (&[0x20, 0x89], "zn"),
            (&[0x20, 0x96], "zs"),
            (&[0x26], "G"),
            (&[0x17], "A"),
            (&[0x47], "V"),
            (&[0x35], "N"),
            (&[0x21], "E"),
            (&[0x7a], "r"),
            (&[0x66], "i"),
            (&[0x55], "b"),
            (&[0x3f], "S"),
        ] {
            let text = encode(version);
            assert!(text.starts_with(head), "{version:x?} {text}");
        }
    }

    #[test]
    fn an_unknown_version_with_a_good_checksum_names_no_coin() {
        assert_eq!(bitcoin(&encode(&[0x6f])), Some(Match { coins: &[], checksum: Checksum::Valid }));
        let key = bs58::encode([0x80; 33]).with_check().into_string();
        assert_eq!(bitcoin(&key), None, "a private key is no address");
    }

    #[test]
    fn account_names_are_no_damaged_address() {
        for name in ["Bitcoin", "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD", "Doooooooooooooooooooooooooooooooo12"] {
            assert_eq!(bitcoin(name), None, "{name}");
        }
    }
}
