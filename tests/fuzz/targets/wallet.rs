//! Logins. The input is one.
//!
//! Promises: every part is a part of the login; what is called verified is recognised again on its own; no target
//! makes an impossible amount of work.

use std::time::Duration;

use minewatch::wallet::difficulty::{
    Measure, Rate, Unit, cryptonote_target, cryptonote_target_big_endian, hashrate, target_256, target_decimal,
};
use minewatch::wallet::{Checksum, LoginKind, MAX_LOGIN, Wallet, address, recognise};

/// 2^256, the work behind the smallest target there is.
const MAX_WORK: f64 = 1.157_920_892_373_162e77;

/// Reads the login.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let login = recognise(&text);
    let wallet = login.wallet.map(|w| w.text);
    let parts = [
        wallet,
        login.account,
        login.worker,
        login.payment_id,
        login.email,
        login.algorithm,
        login.payout,
        login.referral,
    ];
    for part in parts.into_iter().flatten() {
        assert!(part.len() <= MAX_LOGIN && text.contains(part), "{part:?} is not in the login");
    }
    assert_eq!(login.kind == LoginKind::Address, login.wallet.is_some());
    assert!(wallet.is_none() || login.account.is_none(), "wallet and account at once");
    if login.kind == LoginKind::Empty {
        assert!(parts.iter().all(Option::is_none), "parts of an empty login");
    }
    if let Some(w) = login.wallet {
        assert!(!w.text.is_empty() && w.text.is_ascii());
        assert_eq!(address(w.text), Some(w), "not recognised on its own");
        assert_eq!(w.is_verified(), w.checksum == Checksum::Valid);
        assert!(w.coin().is_none_or(|coin| w.coins == [coin]));
        assert_eq!(recognise(w.text).wallet.map(|w| w.text), Some(w.text));
    }
    assert!(address(&text).is_none_or(|w: Wallet<'_>| w.text == text));
    assert!(login.payout.is_some() || login.payout_coin().is_none());

    let number = text.parse::<f64>().ok();
    let measures = [Measure::Hashes, Measure::Bitcoin, Measure::Scrypt, Measure::Equihash, Measure::Alephium];
    let works = [cryptonote_target, cryptonote_target_big_endian, target_256, target_decimal]
        .into_iter()
        .filter_map(|read| read(&text))
        .chain(measures.into_iter().filter_map(|m| m.work(number?)));
    for work in works {
        assert!(work > 0.0 && work <= MAX_WORK, "work {work}");
        let shares = data.len() as u64;
        if let Some(e) = hashrate(shares, work, Duration::from_millis(shares)) {
            assert!(0.0 <= e.low && e.low <= e.estimate && e.estimate <= e.high && e.high.is_finite(), "{e:?}");
            assert!(Rate(e.estimate, Unit::Hashes).to_string().ends_with("H/s"));
        }
    }
}
