//! Splits a login into wallet, worker and options.
//!
//! Source: `xmrig/xmrig`, `Snipa22/nodejs-pool` and `MoneroOcean/nodejs-pool` for CryptoNote pools, `zone117x` and
//! `oliverw/miningcore` for Bitcoin-like ones, dwarfpool and nanopool (`wallet/worker/email`), unMineable
//! (`COIN:wallet.worker#code`).

use super::{Coin, MAX_LOGIN, Wallet, address, cryptonote};

/// What the first part of a login is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginKind {
    /// Nothing was sent.
    Empty,
    /// A wallet address, or what looks like one.
    Address,
    /// An e-mail address.
    Email,
    /// 64 hexadecimal digits: XMRig's donation login, or an Iron Fish address.
    Hex64,
    /// Any other name: an account, a label.
    Account,
}

/// What a login says. Borrowed from it, and thus as untrusted as it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Login<'a> {
    /// What the first part is.
    pub kind: LoginKind,
    /// The address, if the first part is or looks like one.
    pub wallet: Option<Wallet<'a>>,
    /// The first part, if it is none.
    pub account: Option<&'a str>,
    /// The name of the machine.
    pub worker: Option<&'a str>,
    /// The share difficulty that the miner asks for (`wallet+50000`).
    pub fixed_difficulty: Option<u64>,
    /// A CryptoNote payment id of 16 or 64 hexadecimal digits.
    pub payment_id: Option<&'a str>,
    /// An e-mail address behind the worker.
    pub email: Option<&'a str>,
    /// An algorithm (`wallet~rx/0`).
    pub algorithm: Option<&'a str>,
    /// The ticker of the coin to be paid in, before the wallet (`DOGE:D…`): not the coin that is mined.
    pub payout: Option<&'a str>,
    /// A referral code (`#code`).
    pub referral: Option<&'a str>,
    /// The login asks for solo mining (`solo:`).
    pub solo: bool,
}

/// Prefixes that belong to the address although they end in a separator.
const ADDRESS_PREFIXES: &[&str] =
    &["kaspa:", "karlsen:", "pyrin:", "spectre:", "hoosat:", "nexellia:", "bitcoincash:", "xel:", "cfx:", "k:"];

/// Where a worker name ends. A dot is part of it: `wallet.rig.1` is the machine `rig.1`.
const WORKER_ENDS: &[char] = &['+', '/', '=', '~', ':', '@', '|', '#'];

/// Reads a login. Only its first [`MAX_LOGIN`] bytes are looked at.
pub fn recognise(login: &str) -> Login<'_> {
    let login = login
        .get(..login.floor_char_boundary(MAX_LOGIN))
        .unwrap_or_default()
        .trim_matches([' ', '\t', '\r', '\n', '\0']);
    let mut out = Login {
        kind: LoginKind::Empty,
        wallet: None,
        account: None,
        worker: None,
        fixed_difficulty: None,
        payment_id: None,
        email: None,
        algorithm: None,
        payout: None,
        referral: None,
        solo: false,
    };
    let login = out.decoration(login);
    if login.is_empty() {
        return out;
    }
    let (text, rest) = split_address(login);
    if let Some(wallet) = address(text) {
        out.found(wallet, rest);
    } else if let Some((coin, behind)) = payout(login)
        && let (text, rest) = split_address(behind)
        && let Some(wallet) = address(text)
    {
        out.payout = Some(coin);
        out.found(wallet, rest);
    } else {
        out.no_address(login);
    }
    out
}

/// Splits after the longest beginning that can be an address.
fn split_address(login: &str) -> (&str, &str) {
    let bytes = login.as_bytes();
    let prefix =
        ADDRESS_PREFIXES.iter().find(|p| login.get(..p.len()).is_some_and(|head| head.eq_ignore_ascii_case(p)));
    let mut from = prefix.map_or(0, |p| p.len());
    // Conflux may write `cfx:type.user:address`.
    if login.get(from..).is_some_and(|rest| rest.get(..5).is_some_and(|t| t.eq_ignore_ascii_case("type.")))
        && let Some(colon) = login.get(from..).and_then(|rest| rest.find(':'))
    {
        from += colon + 1;
    }
    // Nimiq may write its address in groups.
    let grouped = login.starts_with("NQ") && bytes.get(4) == Some(&b' ');
    let len = bytes.iter().skip(from).take_while(|b| b.is_ascii_alphanumeric() || (grouped && **b == b' ')).count();
    let (text, rest) = login.split_at_checked(from + len).unwrap_or((login, ""));
    (text.trim_end_matches(' '), rest)
}

/// A ticker, in capitals as pools write it, and a colon before the rest: `kaspa:` misspelt is none.
fn payout(login: &str) -> Option<(&str, &str)> {
    let (coin, rest) = login.split_once(':')?;
    ((2..=8).contains(&coin.len()) && coin.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
        .then_some((coin, rest))
}

impl<'a> Login<'a> {
    /// The coin that the miner is paid in, where the login names one that is known.
    pub fn payout_coin(&self) -> Option<Coin> {
        let ticker = self.payout?;
        Coin::ALL.iter().copied().find(|c| c.ticker().eq_ignore_ascii_case(ticker))
    }

    /// Takes off what some pools want before the wallet.
    fn decoration(&mut self, mut login: &'a str) -> &'a str {
        if login.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("solo:")) {
            self.solo = true;
            login = login.get(5..).unwrap_or_default();
        }
        if let Some((inside, behind)) = login.strip_prefix("x{").and_then(|rest| rest.split_once('}')) {
            login = if behind.is_empty() { inside } else { behind };
        }
        login
    }

    fn found(&mut self, wallet: Wallet<'a>, rest: &'a str) {
        self.kind = LoginKind::Address;
        self.wallet = Some(wallet);
        self.options(rest, cryptonote::matches(wallet.text).is_some());
    }

    /// A login that starts with no address: account names are split only where it is plain.
    fn no_address(&mut self, login: &'a str) {
        let (first, rest) = split_address(login);
        if first.len() == 64 && first.bytes().all(|b| b.is_ascii_hexdigit()) {
            self.kind = LoginKind::Hex64;
            self.account = Some(first);
            self.options(rest, false);
            return;
        }
        if let Some((email, rest)) = email(login) {
            self.kind = LoginKind::Email;
            self.account = Some(email);
            self.options(rest, false);
            return;
        }
        self.kind = LoginKind::Account;
        let end = login.find(['.', '+']).unwrap_or(login.len());
        let (name, rest) = login.split_at_checked(end).unwrap_or((login, ""));
        let named = name.bytes().any(|b| b.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let plain = match rest.split_at_checked(1) {
            Some((".", worker)) => !worker.is_empty(),
            Some(("+", difficulty)) => number(difficulty).is_some(),
            _ => false,
        };
        if named && plain {
            self.account = Some(name);
            self.options(rest, false);
        } else {
            self.account = Some(login);
        }
    }

    /// Reads what follows the first part: separators and what is between them.
    fn options(&mut self, mut rest: &'a str, cryptonote: bool) {
        while let Some(separator) = rest.chars().next() {
            let body = rest.get(separator.len_utf8()..).unwrap_or_default();
            if let Some((email, behind)) = email(body)
                && (matches!(separator, '/' | ':' | '|')
                    || email.rsplit('@').next().is_some_and(|host| host.contains('.')))
            {
                self.email.get_or_insert(email);
                rest = behind;
                continue;
            }
            // An algorithm may hold a slash.
            let ends = if separator == '~' { &['+', '=', ':', '@', '|', '#'][..] } else { WORKER_ENDS };
            let (all, behind) = body.split_at_checked(body.find(ends).unwrap_or(body.len())).unwrap_or((body, ""));
            rest = behind;
            // Options end at a dot: `wallet+50000.rig1`.
            let (one, after) = all.split_at_checked(all.find('.').unwrap_or(all.len())).unwrap_or((all, ""));
            let option = match separator {
                '~' => {
                    self.algorithm.get_or_insert(all);
                    continue;
                }
                '#' => {
                    self.referral.get_or_insert(all);
                    continue;
                }
                '+' | '=' | '@' if number(one).is_some() => {
                    self.fixed_difficulty = number(one);
                    true
                }
                '.' if cryptonote && payment_id(one) => {
                    self.payment_id = Some(one);
                    true
                }
                // A difficulty below is no CryptoNote pool's, but a name that a person would give.
                '.' if cryptonote && number(one).is_some_and(|n| n >= 1000) && !one.starts_with('0') => {
                    self.fixed_difficulty = number(one);
                    true
                }
                _ => false,
            };
            if option {
                // Back to what stands behind the dot.
                if !after.is_empty() {
                    rest = body.get(one.len()..).unwrap_or_default();
                }
            } else if !all.is_empty() {
                self.worker.get_or_insert(all);
            }
        }
    }
}

fn number(text: &str) -> Option<u64> {
    if text.len() > 18 || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}

fn payment_id(text: &str) -> bool {
    matches!(text.len(), 16 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit()) && number(text).is_none()
}

/// An e-mail address at the start, and what follows it. Hosts need no dot: they are seen without.
fn email(text: &str) -> Option<(&str, &str)> {
    let end = text.find(['/', ':', '|', '+', '#', '=', '~', ' ']).unwrap_or(text.len());
    let (head, rest) = text.split_at_checked(end)?;
    let (local, host) = head.split_once('@')?;
    let name = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-%".contains(&b));
    (name(local) && name(host) && host.bytes().any(|b| b.is_ascii_alphabetic())).then_some((head, rest))
}
