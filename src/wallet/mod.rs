//! Address formats with their checksums, and what a login says.
//!
//! In: the login string of a mining conversation. Out: [`Login`], the wallet with the coins it can belong to, the
//! worker and the options that pools let miners write behind it. [`difficulty`] turns targets and shares into
//! hashrates.
//!
//! A format is one function in `FORMATS`. Formats that several coins share stay ambiguous: the algorithm and the
//! shape of the jobs have to decide, and account pools pay Bitcoin addresses for any algorithm.

mod base58;
mod bech32;
mod coin;
mod cryptonote;
pub mod difficulty;
mod evm;
mod login;
mod other;
#[cfg(test)]
mod tests;

pub use coin::Coin;
pub use login::{Login, LoginKind, recognise};

/// How far an address proves itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checksum {
    /// The checksum holds. By chance it does so once in a billion for most formats, in 30,000 for Ethereum's case, in
    /// 97 for Nimiq.
    Valid,
    /// The format has no checksum, or this spelling of it has none (Ethereum in one case).
    Absent,
    /// The format has a checksum that is not checked here.
    Unchecked,
    /// It looks like an address and its checksum fails: mistyped, anonymised or made up. To be shown, not to be
    /// counted as evidence.
    Invalid,
}

/// A wallet address found in a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wallet<'a> {
    /// The address as it was written, with its prefix (`kaspa:`) if it had one.
    pub text: &'a str,
    /// The coins it can belong to, likeliest first. Empty where the checksum holds and the version is unknown.
    pub coins: &'static [Coin],
    /// How far it proves itself.
    pub checksum: Checksum,
}

impl Wallet<'_> {
    /// The coin, if it can be only one.
    pub fn coin(&self) -> Option<Coin> {
        match self.coins {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// Whether the checksum holds, so that the address may count as evidence.
    pub fn is_verified(&self) -> bool {
        self.checksum == Checksum::Valid
    }
}

/// What a format says about a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Match {
    coins: &'static [Coin],
    checksum: Checksum,
}

/// Every format. Each looks at lengths and first characters before it hashes.
const FORMATS: &[fn(&str) -> Option<Match>] = &[
    cryptonote::matches,
    evm::matches,
    base58::bitcoin,
    bech32::bech32,
    bech32::kaspa,
    bech32::bitcoin_cash,
    bech32::xelis,
    bech32::conflux,
    base58::ergo,
    base58::alephium,
    other::nimiq,
    other::kadena,
    other::qubic,
];

/// Recognises `text` as an address, all of it. The format whose checksum holds wins, then one without.
pub fn address(text: &str) -> Option<Wallet<'_>> {
    if !text.is_ascii() || text.len() > MAX_LOGIN {
        return None;
    }
    let mut best: Option<Match> = None;
    for format in FORMATS {
        let Some(found) = format(text) else { continue };
        if found.checksum == Checksum::Valid {
            best = Some(found);
            break;
        }
        if best.is_none_or(|b| b.checksum == Checksum::Invalid) {
            best = Some(found);
        }
    }
    best.map(|Match { coins, checksum }| Wallet { text, coins, checksum })
}

/// Bytes of a login that are looked at.
pub const MAX_LOGIN: usize = 512;
