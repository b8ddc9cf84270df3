//! Facts that tell whether somebody agreed to the mining. They are shown, never judged.
//!
//! In: a conversation and the hosts that proxies were asked for. Out: words for the report.

use super::feed::{self, Category};
use crate::dialect::{Conversation, Password};
use crate::evidence::Code;
use crate::wallet::{self, LoginKind};

/// The words that apply, each once, in alphabetical order:
///
/// - `account`: the login is an account's name, not a wallet.
/// - `donation`: the minute in which a program mines for its authors.
/// - `email`: the miner gave an e-mail address.
/// - `nicehash`: the pool that a proxy was asked for is `NiceHash`'s, where hash rate is sold.
/// - `nicehash-rental`: the client is `NiceHash` with rented hash rate, no rig.
/// - `rig-name`: the machine has a name at the pool.
pub fn hints<'a>(c: &Conversation, hosts: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let mut out = Vec::new();
    if c.evidence.has(Code::DonationLogin) {
        out.push("donation");
    }
    for host in hosts {
        match feed::table().host(host).map(|p| p.category) {
            Some(Category::Donation) => out.push("donation"),
            Some(Category::Marketplace) => out.push("nicehash"),
            _ => {}
        }
    }
    if c.agent.as_deref().and_then(|a| feed::table().agent(a)).is_some_and(|p| p.category == Category::Marketplace) {
        out.push("nicehash-rental");
    }
    let login = c.login.as_deref().map(wallet::recognise);
    if login.is_some_and(|l| l.kind == LoginKind::Account) {
        out.push("account");
    }
    let email = login.is_some_and(|l| l.kind == LoginKind::Email || l.email.is_some());
    if email || c.password == Some(Password::Email) {
        out.push("email");
    }
    if c.worker.is_some() || login.is_some_and(|l| l.worker.is_some()) {
        out.push("rig-name");
    }
    out.sort_unstable();
    out.dedup();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Stamp;

    fn of(login: &str, agent: &str, hosts: &[&str]) -> Vec<&'static str> {
        let mut c = Conversation::default();
        c.login(Stamp::default(), login);
        c.agent(Stamp::default(), agent);
        hints(&c, hosts.iter().copied())
    }

    #[test]
    fn facts_are_named_and_nothing_is_made_up() {
        let wallet = "41d7ke5VQnR2BDNSgrTE9j3X8QQ5Bnbbs4s3SMTX7y416CxUJqrTLW97YsWGEBnhxH8tnYDcX85QRAEhaAzrTSrZ89rbBUS";
        assert_eq!(of(wallet, "XMRig/6.26.0", &["pool.example"]), Vec::<&str>::new());
        assert_eq!(of(&format!("{wallet}.rig1"), "", &[]), ["rig-name"]);
        assert_eq!(of("someone", "NiceHash/1.0.0", &[]), ["account", "nicehash-rental"]);
        assert_eq!(of("someone@pool.example", "", &[]), ["email"]);
        assert_eq!(of(wallet, "", &["Donate.v2.xmrig.com", "donate.ssl.xmrig.com"]), ["donation"]);
        assert_eq!(of(wallet, "", &["daggerhashimoto.auto.nicehash.com"]), ["nicehash"]);
    }
}
