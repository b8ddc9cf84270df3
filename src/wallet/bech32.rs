//! Addresses with a BCH-code checksum: bech32, bech32m, and the 40-bit code of Bitcoin Cash, Kaspa and Conflux.
//!
//! Source: BIP 173, BIP 350, Zcash ZIP 173 and 316, CKB RFC 21, the Bitcoin Cash `cashaddr` specification, Kaspa's
//! address encoding, Conflux CIP-37, `xelis_common` `bech32.rs`.

use bech32::primitives::decode::{CheckedHrpstring, SegwitHrpstring};
use bech32::{Bech32, Bech32m};

use super::{Checksum, Coin, Match};

/// Which code an address uses.
#[derive(Clone, Copy, PartialEq)]
enum Code {
    /// A witness version decides (BIP 350).
    Segwit,
    Bech32,
    Bech32m,
    /// Either, as old and new addresses of CKB.
    Any,
}

/// Human-readable part, code, allowed payload in bytes, coin.
const HRPS: &[(&str, Code, std::ops::RangeInclusive<usize>, &[Coin])] = &[
    ("bc", Code::Segwit, 2..=40, &[Coin::Btc]),
    ("ltc", Code::Segwit, 2..=40, &[Coin::Ltc]),
    ("dgb", Code::Segwit, 2..=40, &[Coin::Dgb]),
    ("vtc", Code::Segwit, 2..=40, &[Coin::Vtc]),
    ("btg", Code::Segwit, 2..=40, &[Coin::Btg]),
    ("zs", Code::Bech32, 43..=43, &[Coin::Zec]),
    ("u", Code::Bech32m, 40..=256, &[Coin::Zec]),
    ("ckb", Code::Any, 22..=100, &[Coin::Ckb]),
    ("dero", Code::Bech32, 34..=34, &[Coin::Dero]),
    ("deroi", Code::Bech32, 34..=200, &[Coin::Dero]),
    ("grin", Code::Bech32, 32..=32, &[Coin::Grin]),
    ("aleo", Code::Bech32m, 32..=32, &[Coin::Aleo]),
];

/// Prefixes of Kaspa-like addresses. Those after the first are *general* knowledge; the checksum covers the prefix.
const KASPA: &[(&str, &[Coin])] = &[
    ("kaspa", &[Coin::Kas]),
    ("karlsen", &[Coin::Kls]),
    ("pyrin", &[Coin::Pyi]),
    ("spectre", &[Coin::Spr]),
    ("hoosat", &[Coin::Htn]),
    ("nexellia", &[Coin::Nxl]),
];

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHARSET_CONFLUX: &[u8; 32] = b"abcdefghjkmnprstuvwxyz0123456789";

fn found(coins: &'static [Coin], valid: bool) -> Match {
    Match { coins, checksum: if valid { Checksum::Valid } else { Checksum::Invalid } }
}

/// Recognises bech32 and bech32m addresses by their human-readable part.
pub(super) fn bech32(text: &str) -> Option<Match> {
    let (hrp, data) = text.rsplit_once('1')?;
    let &(_, code, ref sizes, coins) = HRPS.iter().find(|(h, ..)| h.eq_ignore_ascii_case(hrp))?;
    // The shortest: a checksum of 6, a witness version and 20 bytes are 39 characters.
    if data.len() < 39 || !in_charset(data, CHARSET) {
        return None;
    }
    let size = |c: Result<CheckedHrpstring<'_>, _>| c.ok().map(|c: CheckedHrpstring<'_>| c.byte_iter().count());
    let len = match code {
        Code::Segwit => SegwitHrpstring::new(text).ok().map(|s| s.byte_iter().count()),
        Code::Bech32 => size(CheckedHrpstring::new::<Bech32>(text)),
        Code::Bech32m => size(CheckedHrpstring::new::<Bech32m>(text)),
        Code::Any => {
            size(CheckedHrpstring::new::<Bech32>(text)).or_else(|| size(CheckedHrpstring::new::<Bech32m>(text)))
        }
    };
    Some(found(coins, len.is_some_and(|len| sizes.contains(&len))))
}

/// Recognises Xelis addresses: bech32 with `:` in the place of `1`.
pub(super) fn xelis(text: &str) -> Option<Match> {
    let data = text.strip_prefix("xel:")?;
    if data.len() < 59 || !in_charset(data, CHARSET) {
        return None;
    }
    let mut usual = [0u8; 128];
    let usual = usual.get_mut(..4 + data.len())?;
    let (head, tail) = usual.split_at_mut(4);
    head.copy_from_slice(b"xel1");
    tail.copy_from_slice(data.as_bytes());
    let checked = std::str::from_utf8(usual).ok().and_then(|s| CheckedHrpstring::new::<Bech32>(s).ok());
    // A public key of 32 bytes and a type; integrated data may follow.
    Some(found(&[Coin::Xel], checked.is_some_and(|c| c.byte_iter().count() >= 33)))
}

/// Recognises Bitcoin Cash addresses, with or without their prefix.
pub(super) fn bitcoin_cash(text: &str) -> Option<Match> {
    let bare = strip_prefix_any_case(text, "bitcoincash:");
    let data = bare.unwrap_or(text);
    if data.len() != 42 || !data.starts_with(['q', 'p', 'z', 'r', 'Q', 'P', 'Z', 'R']) || !in_charset(data, CHARSET) {
        return None;
    }
    let valid = forty_bit("bitcoincash", data, CHARSET);
    // Without the prefix, 42 such characters may be anything.
    (valid || bare.is_some()).then(|| found(&[Coin::Bch], valid))
}

/// Recognises addresses of Kaspa and its forks; Kaspa's own also without prefix.
pub(super) fn kaspa(text: &str) -> Option<Match> {
    let (prefix, data) = text.split_once(':').unwrap_or(("", text));
    let &(name, coins) = KASPA.iter().find(|(p, _)| *p == prefix || (prefix.is_empty() && *p == "kaspa"))?;
    // A version and a key of 32 or 33 bytes.
    if !matches!(data.len(), 61 | 63) || !in_charset(data, CHARSET) {
        return None;
    }
    let valid = forty_bit(name, data, CHARSET);
    (valid || !prefix.is_empty()).then(|| found(coins, valid))
}

/// Recognises Conflux addresses, with or without the optional part between the colons.
pub(super) fn conflux(text: &str) -> Option<Match> {
    let rest = strip_prefix_any_case(text, "cfx:")?;
    let data = rest.rsplit(':').next().unwrap_or(rest);
    if data.len() != 42 || !in_charset(data, CHARSET_CONFLUX) {
        return None;
    }
    Some(found(&[Coin::Cfx], forty_bit("cfx", data, CHARSET_CONFLUX)))
}

fn strip_prefix_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Whether all characters are of the set, in one case.
fn in_charset(data: &str, charset: &[u8; 32]) -> bool {
    let upper = data.bytes().any(|b| b.is_ascii_uppercase());
    let lower = data.bytes().any(|b| b.is_ascii_lowercase());
    !(upper && lower) && data.bytes().all(|b| charset.contains(&b.to_ascii_lowercase()))
}

/// Whether the 40-bit checksum over prefix and data holds.
fn forty_bit(prefix: &str, data: &str, charset: &[u8; 32]) -> bool {
    let digits = data.bytes().map(|b| charset.iter().position(|&c| c == b.to_ascii_lowercase()).unwrap_or(0) as u8);
    polymod(prefix.bytes().map(|b| b & 0x1f).chain([0]).chain(digits)) == 0
}

/// The BCH code over GF(32) of the `cashaddr` specification.
fn polymod(digits: impl Iterator<Item = u8>) -> u64 {
    const GENERATOR: [u64; 5] = [0x98_f2bc_8e61, 0x79_b76d_99e2, 0xf3_3e5f_b3c4, 0xae_2eab_e2a8, 0x1e_4f43_e470];
    let mut c = 1u64;
    for d in digits {
        let top = c >> 35;
        c = (c & 0x07_ffff_ffff) << 5 ^ u64::from(d);
        for (i, g) in GENERATOR.iter().enumerate() {
            if top >> i & 1 == 1 {
                c ^= g;
            }
        }
    }
    c ^ 1
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ::bech32::Hrp;

    /// A Kaspa-like or `cashaddr` address over the bytes 0, 1, 2 … of `len`, first `version`.
    pub(crate) fn encode_40(prefix: &str, version: u8, len: u8, of_conflux: bool) -> String {
        let charset = if of_conflux { CHARSET_CONFLUX } else { CHARSET };
        let mut digits = Vec::new();
        let (mut pending, mut count) = (0u32, 0);
        for b in std::iter::once(version).chain(0..len) {
            pending = pending << 8 | u32::from(b);
            count += 8;
            while count >= 5 {
                count -= 5;
                digits.push((pending >> count & 31) as u8);
            }
        }
        if count > 0 {
            digits.push((pending << (5 - count) & 31) as u8);
        }
        let head = prefix.bytes().map(|b| b & 0x1f).chain([0]);
        let sum = polymod(head.chain(digits.iter().copied()).chain([0; 8]));
        digits.extend((0..8).rev().map(|i| (sum >> (5 * i) & 31) as u8));
        format!("{prefix}:{}", digits.iter().map(|&d| char::from(charset[d as usize])).collect::<String>())
    }

    #[test]
    fn every_kaspa_prefix_gives_its_coin() {
        for &(prefix, coins) in KASPA {
            for (version, len) in [(0, 32), (1, 33), (8, 32)] {
                let text = encode_40(prefix, version, len, false);
                assert_eq!(kaspa(&text), Some(found(coins, true)), "{text}");
            }
            let other =
                encode_40(prefix, 0, 32, false).replace(prefix, if prefix == "kaspa" { "pyrin" } else { "kaspa" });
            assert_eq!(kaspa(&other).unwrap().checksum, Checksum::Invalid, "the prefix is part of the checksum");
        }
    }

    #[test]
    fn conflux_with_and_without_options_and_case() {
        let text = encode_40("cfx", 0, 20, true);
        let data = text.strip_prefix("cfx:").unwrap();
        for text in [text.clone(), format!("cfx:type.user:{data}"), text.to_uppercase()] {
            assert_eq!(conflux(&text), Some(found(&[Coin::Cfx], true)), "{text}");
        }
        assert_eq!(bitcoin_cash(data), None);
    }

    #[test]
    fn every_human_readable_part_gives_its_coin() {
        let payload: Vec<u8> = (0..=255).collect();
        for &(hrp, code, ref sizes, coins) in HRPS.iter().filter(|h| h.1 != Code::Segwit) {
            let bytes = &payload[..*sizes.start()];
            let parsed = Hrp::parse(hrp).unwrap();
            let text = match code {
                Code::Bech32m => ::bech32::encode::<Bech32m>(parsed, bytes).unwrap(),
                _ => ::bech32::encode::<Bech32>(parsed, bytes).unwrap(),
            };
            assert_eq!(bech32(&text), Some(found(coins, true)), "{text}");
        }
        let (short, long) = (&payload[..22], &payload[..54]);
        let ckb = Hrp::parse("ckb").unwrap();
        for text in [::bech32::encode::<Bech32>(ckb, short).unwrap(), ::bech32::encode::<Bech32m>(ckb, long).unwrap()] {
            assert_eq!(bech32(&text), Some(found(&[Coin::Ckb], true)), "{text}");
        }
    }

    #[test]
    fn witness_version_decides_between_the_codes() {
        let payload: Vec<u8> = (0..32).collect();
        for hrp in ["bc", "ltc", "dgb", "vtc", "btg"] {
            let parsed = Hrp::parse(hrp).unwrap();
            for text in [
                ::bech32::segwit::encode_v0(parsed, &payload[..20]).unwrap(),
                ::bech32::segwit::encode_v1(parsed, &payload).unwrap(),
            ] {
                assert_eq!(bech32(&text).unwrap().checksum, Checksum::Valid, "{text}");
                assert_eq!(bech32(&text.to_uppercase()).unwrap().checksum, Checksum::Valid, "{text}");
                assert_eq!(bech32(&format!("{}{}", &text[..6], text[6..].to_uppercase())), None, "mixed case");
            }
        }
    }

    #[test]
    fn xelis_separates_with_a_colon() {
        let payload: Vec<u8> = (0..33).collect();
        let text = ::bech32::encode::<Bech32>(Hrp::parse("xel").unwrap(), &payload).unwrap().replacen('1', ":", 1);
        assert_eq!(xelis(&text), Some(found(&[Coin::Xel], true)));
        assert_eq!(xelis(&text.replace(":q", ":p")).unwrap().checksum, Checksum::Invalid);
    }
}
