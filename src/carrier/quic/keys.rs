//! The keys of a client's Initial packets, which follow from the connection id that it made up (RFC 9001 §5.2).

use aes_gcm::aead::AeadInPlace;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockEncrypt;
use aes_gcm::{Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

use super::packet::{MAX_CONNECTION_ID, Version};

/// Bytes of the authentication tag.
pub(super) const TAG: usize = 16;
/// Bytes taken of a packet to protect its header (RFC 9001 §5.4.3).
pub(super) const SAMPLE: usize = 16;

/// What a version mixes into its keys.
struct Words {
    salt: [u8; 20],
    key: &'static [u8],
    iv: &'static [u8],
    hp: &'static [u8],
}

/// Keys of one connection and what they were made from.
pub(super) struct Keys {
    version: Version,
    dcid: [u8; MAX_CONNECTION_ID],
    dcid_len: usize,
    aead: Aes128Gcm,
    iv: [u8; 12],
    header: Aes128,
}

impl Keys {
    pub(super) fn of_client(version: Version, dcid: &[u8]) -> Self {
        let words = words(version);
        let (_, initial) = Hkdf::<Sha256>::extract(Some(&words.salt), dcid);
        let mut secret = [0; 32];
        expand(&initial, b"client in", &mut secret);
        // The secret is as long as a hash, which is all that is asked of it.
        let client = Hkdf::<Sha256>::from_prk(&secret).unwrap_or(initial);
        let (mut key, mut iv, mut header) = ([0; 16], [0; 12], [0; 16]);
        expand(&client, words.key, &mut key);
        expand(&client, words.iv, &mut iv);
        expand(&client, words.hp, &mut header);
        let mut kept = [0; MAX_CONNECTION_ID];
        for (to, from) in kept.iter_mut().zip(dcid) {
            *to = *from;
        }
        Self {
            version,
            dcid: kept,
            dcid_len: dcid.len(),
            aead: Aes128Gcm::new(&key.into()),
            iv,
            header: Aes128::new(&header.into()),
        }
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    pub(super) fn made_from(&self, version: Version, dcid: &[u8]) -> bool {
        self.version == version && self.dcid.get(..self.dcid_len) == Some(dcid)
    }

    /// What hides the first byte and the packet number (RFC 9001 §5.4.3).
    pub(super) fn mask(&self, sample: [u8; SAMPLE]) -> [u8; 5] {
        let mut block = sample.into();
        self.header.encrypt_block(&mut block);
        block.first_chunk().copied().unwrap_or_default()
    }

    /// Decrypts in place; `false` if the packet was not made with these keys.
    pub(super) fn decrypt(&self, number: u64, header: &[u8], payload: &mut [u8], tag: [u8; TAG]) -> bool {
        let mut nonce = self.iv;
        for (n, b) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *n ^= b;
        }
        self.aead.decrypt_in_place_detached(&nonce.into(), header, payload, &tag.into()).is_ok()
    }
}

fn words(version: Version) -> Words {
    let (key, iv, hp): (&[u8], &[u8], &[u8]) = match version {
        Version::V1 | Version::Draft29 => (b"quic key", b"quic iv", b"quic hp"),
        // RFC 9369 §3.3.2
        Version::V2 => (b"quicv2 key", b"quicv2 iv", b"quicv2 hp"),
    };
    let salt = match version {
        // RFC 9001 §5.2
        Version::V1 => [
            0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb,
            0x7f, 0x0a,
        ],
        // RFC 9369 §3.3.1
        Version::V2 => [
            0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd,
            0x2e, 0xd9,
        ],
        // draft-ietf-quic-tls-29 §5.2
        Version::Draft29 => [
            0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90,
            0xa8, 0x99,
        ],
    };
    Words { salt, key, iv, hp }
}

/// HKDF-Expand-Label with no context (RFC 8446 §7.1).
fn expand(secret: &Hkdf<Sha256>, label: &[u8], out: &mut [u8]) {
    let info: [&[u8]; 5] = [&[0, out.len() as u8], &[6 + label.len() as u8], b"tls13 ", label, &[0]];
    // Only more than 255 hashes' worth of output is refused.
    let _ = secret.expand_multi_info(&info, out);
}
