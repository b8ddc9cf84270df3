//! Wallet addresses that belong to nobody: valid checksums over payloads made from a counter.
//!
//! In: a number. Out: an address in its coin's format. The payload is the number followed by 01, 02, 03 …, so no key
//! can be known for it.

use sha3::{Digest, Keccak256};

fn payload<const N: usize>(number: u8) -> [u8; N] {
    let mut p = [0; N];
    for (i, b) in p.iter_mut().enumerate() {
        *b = if i == 0 { number } else { i as u8 };
    }
    p
}

/// Monero standard address: tag 0x12, two keys, first four bytes of Keccak-256, base58 in blocks of eight bytes.
pub fn xmr(number: u8) -> String {
    let mut raw = vec![0x12];
    raw.extend_from_slice(&payload::<64>(number));
    let check = Keccak256::digest(&raw);
    raw.extend_from_slice(&check[..4]);
    raw.chunks(8).map(base58_block).collect()
}

fn base58_block(block: &[u8]) -> String {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    const WIDTH: [usize; 9] = [0, 2, 3, 5, 6, 7, 9, 10, 11];
    let mut value = block.iter().fold(0_u64, |v, b| (v << 8) | u64::from(*b));
    let mut digits = vec![b'1'; WIDTH[block.len()]];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(value % 58) as usize];
        value /= 58;
    }
    digits.into_iter().map(char::from).collect()
}

/// base58check of a version and a hash of 20 bytes.
pub fn base58check(version: &[u8], hash: &[u8; 20]) -> String {
    let mut raw = version.to_vec();
    raw.extend_from_slice(hash);
    bs58::encode(raw).with_check().into_string()
}

/// Bitcoin pay-to-public-key-hash; the same text is a Bitcoin Cash address.
pub fn btc_p2pkh(number: u8) -> String {
    base58check(&[0], &payload(number))
}

/// Bitcoin segwit version 0 (BIP 173).
pub fn btc_bech32(number: u8) -> String {
    bech32::segwit::encode_v0(bech32::hrp::BC, &payload::<20>(number)).unwrap()
}

/// Litecoin, version byte 0x30.
pub fn ltc(number: u8) -> String {
    base58check(&[0x30], &payload(number))
}

/// Dogecoin, version byte 0x1e; `DigiByte` uses the same.
pub fn doge(number: u8) -> String {
    base58check(&[0x1e], &payload(number))
}

/// Zcash transparent, version bytes 0x1cb8.
pub fn zec(number: u8) -> String {
    base58check(&[0x1c, 0xb8], &payload(number))
}

/// An address of an Ethereum-like chain, in lower case, which has no checksum.
pub fn eth(number: u8) -> String {
    format!("0x{}", super::rng::hex(&payload::<20>(number)))
}

/// The same with the mixed case that EIP-55 uses as checksum.
pub fn eth_checksummed(number: u8) -> String {
    eip_55(&super::rng::hex(&payload::<20>(number)))
}

/// Mixed case for 40 lower-case hex digits: upper where the Keccak-256 of the digits has a nibble of 8 or more.
pub fn eip_55(plain: &str) -> String {
    let check = Keccak256::digest(plain.as_bytes());
    let mixed = plain.char_indices().map(|(i, c)| {
        let nibble = (check[i / 2] >> if i % 2 == 0 { 4 } else { 0 }) & 15;
        if nibble >= 8 { c.to_ascii_uppercase() } else { c }
    });
    format!("0x{}", mixed.collect::<String>())
}

/// Ravencoin, version byte 0x3c; Komodo and others use the same.
pub fn rvn(number: u8) -> String {
    base58check(&[0x3c], &payload(number))
}

/// Ergo pay-to-public-key: type 1 on the main network, a compressed key, four bytes of Blake2b-256.
pub fn erg(number: u8) -> String {
    let mut raw = vec![1, 2];
    raw.extend_from_slice(&payload::<32>(number));
    let check = blake2::Blake2b::<blake2::digest::consts::U32>::digest(&raw);
    raw.extend_from_slice(&check[..4]);
    bs58::encode(raw).into_string()
}

/// Alephium pay-to-public-key-hash: type 0 and a hash of 32 bytes, no checksum.
pub fn alph(number: u8) -> String {
    let mut raw = vec![0];
    raw.extend_from_slice(&payload::<32>(number));
    bs58::encode(raw).into_string()
}

/// bech32m over a payload.
fn bech32m(hrp: &str, bytes: &[u8]) -> String {
    bech32::encode::<bech32::Bech32m>(bech32::Hrp::parse(hrp).unwrap(), bytes).unwrap()
}

/// Nervos CKB full address (RFC 21): format 0, a code hash, a hash type and an argument of 20 bytes.
pub fn ckb(number: u8) -> String {
    bech32m("ckb", &[&[0][..], &payload::<32>(0x9b), &[1], &payload::<20>(number)].concat())
}

/// Aleo: a group element of 32 bytes.
pub fn aleo(number: u8) -> String {
    bech32m("aleo", &payload::<32>(number))
}

/// Xelis: a key of 32 bytes and a type, bech32 with a colon in the place of the 1.
pub fn xel(number: u8) -> String {
    let raw = [&payload::<32>(number)[..], &[0]].concat();
    bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("xel").unwrap(), &raw).unwrap().replacen('1', ":", 1)
}

/// Kaspa or one of its kin by prefix: version 0, a key of 32 bytes, a checksum of 40 bits over all of it.
pub fn kaspa(prefix: &str, number: u8) -> String {
    forty_bit(prefix, b"qpzry9x8gf2tvdw0s3jn54khce6mua7l", &[&[0][..], &payload::<32>(number)].concat())
}

/// Conflux (CIP-37): version 0, 20 bytes that begin with the user type.
pub fn cfx(number: u8) -> String {
    let mut raw = payload::<20>(number);
    raw[0] = 0x10 | (number & 15);
    forty_bit("cfx", b"abcdefghjkmnprstuvwxyz0123456789", &[&[0][..], &raw].concat())
}

/// The encoding of the cash address specification.
fn forty_bit(prefix: &str, charset: &[u8; 32], raw: &[u8]) -> String {
    let mut digits = Vec::new();
    let (mut pending, mut bits) = (0_u32, 0);
    for b in raw {
        pending = ((pending & 0xff) << 8) | u32::from(*b);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            digits.push((pending >> bits & 31) as u8);
        }
    }
    if bits > 0 {
        digits.push((pending << (5 - bits) & 31) as u8);
    }
    let mut check = 1_u64;
    for d in prefix.bytes().map(|b| b & 31).chain([0]).chain(digits.iter().copied()).chain([0; 8]) {
        let top = check >> 35;
        check = (check & 0x07_ffff_ffff) << 5 ^ u64::from(d);
        for (i, g) in
            [0x98_f2bc_8e61_u64, 0x79_b76d_99e2, 0xf3_3e5f_b3c4, 0xae_2eab_e2a8, 0x1e_4f43_e470].iter().enumerate()
        {
            if top >> i & 1 == 1 {
                check ^= g;
            }
        }
    }
    check ^= 1;
    digits.extend((0..8).rev().map(|i| (check >> (5 * i) & 31) as u8));
    format!("{prefix}:{}", digits.iter().map(|d| charset[usize::from(*d)] as char).collect::<String>())
}

/// DERO: bech32 of a version and a point of 33 bytes.
pub fn dero(number: u8) -> String {
    bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("dero").unwrap(), &payload::<34>(number)).unwrap()
}

/// Nimiq, in groups of four: base 32 with the check digits of an IBAN (ISO 7064 modulo 97).
pub fn nim(number: u8) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVXY";
    let bits = payload::<20>(number).iter().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1)).collect::<Vec<u8>>();
    let digits = bits.chunks(5).map(|five| five.iter().fold(0, |n, b| n << 1 | b));
    let body: String = digits.map(|d| char::from(ALPHABET[usize::from(d)])).collect();
    let rest = format!("{body}NQ00").chars().fold(0, |rest, c| match c.to_digit(36) {
        Some(d) if d < 10 => (rest * 10 + d) % 97,
        d => (rest * 100 + d.unwrap_or(0)) % 97,
    });
    let plain = format!("NQ{:02}{body}", 98 - rest);
    plain.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}
