//! Facts that tell whether somebody agreed to the mining. They are shown, never judged.
//!
//! In: a conversation, its category, and the hosts that proxies were asked for. Out: words for the report. A worker's
//! name is none of them: malware names its workers as people do.

use super::feed::{self, Category as Kind};
use crate::dialect::{Category, Conversation, Password};
use crate::evidence::Code;
use crate::wallet::{self, LoginKind};

/// The longest account name. Wallet addresses of no known format are longer.
const MAX_ACCOUNT: usize = 24;
/// Hexadecimal digits from this many on are a key, no name.
const KEY: usize = 12;

/// The words that apply, each once, in alphabetical order:
///
/// - `account`: somebody registered at the pool, and the pool knows whom.
/// - `donation`: the minute in which a program mines for its authors, whoever started it.
/// - `email`: the miner gave an e-mail address.
/// - `nicehash`: the pool that a proxy was asked for is `NiceHash`'s, where hash rate is sold by registered people.
/// - `nicehash-rental`: the client is `NiceHash` with rented hash rate, no rig.
pub fn hints<'a>(c: &Conversation, category: Category, hosts: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let mut out = Vec::new();
    if c.evidence.has(Code::DonationLogin) {
        out.push("donation");
    }
    for host in hosts {
        match feed::table().host(host).map(|p| p.category) {
            Some(Kind::Donation) => out.push("donation"),
            Some(Kind::Marketplace) => out.push("nicehash"),
            _ => {}
        }
    }
    if c.agent.as_deref().and_then(|a| feed::table().agent(a)).is_some_and(|p| p.category == Kind::Marketplace) {
        out.push("nicehash-rental");
    }
    let login = c.login.as_deref().map(wallet::recognise);
    // Elsewhere the login is a site's key or a node's password.
    let account = login.filter(|l| l.kind == LoginKind::Account && category == Category::Pool);
    if account.and_then(|l| l.account).is_some_and(is_name) && !out.contains(&"donation") {
        out.push("account");
    }
    let email = login.is_some_and(|l| l.kind == LoginKind::Email || l.email.is_some());
    if email || c.password == Some(Password::Email) {
        out.push("email");
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// Whether a login looks like a name that somebody registered: a word, no key, and nothing that programs send for want
/// of one.
fn is_name(text: &str) -> bool {
    let word = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let key = text.len() >= KEY && text.bytes().all(|b| b.is_ascii_hexdigit());
    let filler = ["x", "user", "username", "worker", "test", "null", "none", "anonymous", "default", "miner"];
    word && !key
        && (2..=MAX_ACCOUNT).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !filler.iter().any(|f| text.eq_ignore_ascii_case(f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Stamp;

    const WALLET: &str =
        "41d7ke5VQnR2BDNSgrTE9j3X8QQ5Bnbbs4s3SMTX7y416CxUJqrTLW97YsWGEBnhxH8tnYDcX85QRAEhaAzrTSrZ89rbBUS";

    fn by(category: Category, login: &str, agent: &str, hosts: &[&str]) -> Vec<&'static str> {
        let mut c = Conversation::default();
        c.login(Stamp::default(), login);
        c.agent(Stamp::default(), agent);
        hints(&c, category, hosts.iter().copied())
    }

    fn of(login: &str, agent: &str, hosts: &[&str]) -> Vec<&'static str> {
        by(Category::Pool, login, agent, hosts)
    }

    #[test]
    fn facts_are_named_and_nothing_is_made_up() {
        assert_eq!(of(WALLET, "XMRig/6.26.0", &["pool.example"]), Vec::<&str>::new());
        assert_eq!(of(&format!("{WALLET}.rig1"), "", &[]), Vec::<&str>::new());
        assert_eq!(of("someone", "NiceHash/1.0.0", &[]), ["account", "nicehash-rental"]);
        assert_eq!(of("someone.rig1", "", &[]), ["account"]);
        assert_eq!(of("someone@pool.example", "", &[]), ["email"]);
        assert_eq!(of(WALLET, "", &["Donate.v2.xmrig.com", "donate.ssl.xmrig.com"]), ["donation"]);
        assert_eq!(of(WALLET, "", &["daggerhashimoto.auto.nicehash.com"]), ["nicehash"]);
    }

    #[test]
    fn keys_cookies_and_wallets_of_unknown_coins_are_no_accounts() {
        for login in [
            "__cookie__",
            "0c2f4a5b6d7e",
            "x",
            "worker",
            "qz3k4xw7l2p0v9c8n1m5t6r7y8u9i0o1",
            "0x71C7656EC7ab88b098defB751B7401B5f6d8976F",
            "f00dbabe-1d2c-4e5f-8a9b-0c1d2e3f4a5b",
        ] {
            assert_eq!(of(login, "", &[]), Vec::<&str>::new(), "{login}");
        }
        for category in [Category::Web, Category::Solo, Category::PeerToPeer, Category::Inventory] {
            assert_eq!(by(category, "someone", "", &[]), Vec::<&str>::new());
        }
    }
}
