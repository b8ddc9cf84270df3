//! Leave to mine: which conversations the operator allows, by host, wallet, account or pool.
//!
//! In: what is known of one conversation ([`Talk`]). Out: whether it may go on. A wallet or an account is what the miner
//! logs in with, which is his own word: whoever lies about it mines for the operator's account. A pool's name counts only
//! where a believed resolver led this miner to the pool's address by it, since a client can send any name to a pool of
//! its own.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::decode::MacAddr;
use crate::firewall::candidate::NameUse;
use crate::firewall::guard::NeverBlock;
use crate::firewall::name::DomainName;
use crate::firewall::policy::Policy;
use crate::firewall::prefix::Prefix;

/// Longest wallet or account, in bytes.
const MAX_WALLET: usize = 256;

/// Not something that could be allowed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AllowError {
    /// Not a wallet.
    #[error(
        "{0:?} is no wallet or account that could be allowed: write it as the miner logs in, without the worker's name; 1 \
         to 256 characters without spaces"
    )]
    Wallet(String),
    /// Not a pool.
    #[error(
        "{text:?} is no pool that could be allowed: write a name, an address or a prefix, as in pool.example or \
         192.0.2.0/24 ({why})"
    )]
    Pool {
        /// As written.
        text: String,
        /// What was wrong with it.
        why: String,
    },
}

/// A wallet address or a pool account for which anybody may mine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AllowedWallet(Box<str>);

impl AllowedWallet {
    fn is(&self, other: &str) -> bool {
        // Hexadecimal digits are the same in either case, and mixed case is only a checksum (EIP-55).
        let hexadecimal = self.0.get(..2).is_some_and(|p| p.eq_ignore_ascii_case("0x"));
        if hexadecimal { self.0.eq_ignore_ascii_case(other) } else { *self.0 == *other }
    }
}

impl FromStr for AllowedWallet {
    type Err = AllowError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let fits = (1..=MAX_WALLET).contains(&s.len()) && !s.chars().any(|c| c.is_whitespace() || c.is_control());
        if fits { Ok(Self(s.into())) } else { Err(AllowError::Wallet(s.chars().take(MAX_WALLET).collect())) }
    }
}

/// A pool at which anybody may mine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AllowedPool {
    /// By its name, with all below it.
    Name(DomainName),
    /// By its address, or the block that it is in.
    Net(Prefix),
}

impl FromStr for AllowedPool {
    type Err = AllowError;

    /// `pool.example`, also written `*.pool.example`; `192.0.2.7`, `192.0.2.0/24`.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let bad = |why: &dyn fmt::Display| AllowError::Pool { text: s.to_owned(), why: why.to_string() };
        match s.parse::<Prefix>() {
            Ok(net) => return Ok(Self::Net(net)),
            Err(e) if s.contains('/') => return Err(bad(&e)),
            Err(_) => {}
        }
        let bare = s.strip_prefix("*.").or_else(|| s.strip_prefix('.')).unwrap_or(s);
        let name = DomainName::parse(bare).map_err(|e| bad(&e))?;
        if psl::suffix(name.as_str().as_bytes()).is_some_and(|s| s.as_bytes().len() == name.as_str().len()) {
            return Err(bad(&"anybody can have a name below it"));
        }
        Ok(Self::Name(name))
    }
}

/// One conversation with a pool, as far as leave to mine depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Talk<'a> {
    /// Who mines.
    pub miner: IpAddr,
    /// Its hardware address, if it was seen.
    pub miner_mac: Option<MacAddr>,
    /// The client that its PROXY header names.
    pub source: Option<IpAddr>,
    /// The wallet in its login.
    pub wallet: Option<&'a str>,
    /// Its whole login, as sent.
    pub login: Option<&'a str>,
    /// The other end's address.
    pub pool: IpAddr,
    /// The other end is a proxy: the pool is behind it.
    pub proxied: bool,
    /// Names by which the pool may have been reached.
    pub names: &'a [NameUse<'a>],
}

impl Policy {
    /// Whether the operator lets this go on, for whatever reason.
    pub fn allows_talk(&self, t: &Talk<'_>, never: &NeverBlock) -> bool {
        self.allows_client(t.miner, t.miner_mac, t.source) || self.allows_login(t) || self.allows_pool(t, never)
    }

    fn allows_login(&self, t: &Talk<'_>) -> bool {
        // What comes behind these names the rig, by the custom of pools.
        let account = t.login.and_then(|l| l.split(['.', '/', '+']).next());
        let said = [t.wallet, t.login, account];
        self.allow_wallet.iter().any(|w| said.iter().flatten().any(|s| w.is(s)))
    }

    fn allows_pool(&self, t: &Talk<'_>, never: &NeverBlock) -> bool {
        // The address of a proxy says nothing of the pool behind it, and what it was asked for is the client's word.
        if self.allow_pool.is_empty() || t.proxied {
            return false;
        }
        if self.allow_pool.iter().any(|p| matches!(p, AllowedPool::Net(net) if net.contains(t.pool))) {
            return true;
        }
        let ends = [t.pool, t.miner].map(|a| a.to_canonical());
        let led = |n: &NameUse<'_>| {
            n.told_by.is_some_and(|r| never.believes(r, t.miner, self) && !ends.contains(&r.to_canonical()))
        };
        // At an address that serves others as well, the name that was meant is the one that was sent.
        t.names.iter().any(|n| led(n) && self.names_pool(n.name))
            && t.names.iter().all(|n| !n.sent || self.names_pool(n.name))
    }

    /// Whether the name is an allowed pool's, whoever says it.
    pub fn names_pool(&self, name: &str) -> bool {
        let Ok(name) = DomainName::parse(name) else { return false };
        self.allow_pool.iter().any(|p| matches!(p, AllowedPool::Name(zone) if name.is_or_is_below(zone)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk<'a>(login: Option<&'a str>, names: &'a [NameUse<'a>]) -> Talk<'a> {
        Talk {
            miner: [10, 0, 0, 5].into(),
            miner_mac: None,
            source: None,
            wallet: None,
            login,
            pool: [198, 51, 100, 7].into(),
            proxied: false,
            names,
        }
    }

    fn name(name: &str, told_by: Option<[u8; 4]>, sent: bool) -> NameUse<'_> {
        NameUse { name, told_by: told_by.map(Into::into), sent, host: false, takes_miners: false }
    }

    fn pools(all: &[&str]) -> Policy {
        Policy { allow_pool: all.iter().map(|p| p.parse().unwrap()).collect(), ..Policy::default() }
    }

    #[test]
    fn a_wallet_is_the_whole_of_what_is_paid_and_an_account_ends_where_the_rig_begins() {
        let policy = |w: &str| Policy { allow_wallet: vec![w.parse().unwrap()], ..Policy::default() };
        let allowed = |w: &str, t: &Talk<'_>| policy(w).allows_talk(t, &NeverBlock::new());
        for login in ["firm", "firm.rig1", "firm/rig1", "firm+1000"] {
            assert!(allowed("firm", &talk(Some(login), &[])), "{login}");
        }
        for login in ["firms", "firm-rig1", "FIRM.rig1", "rig1.firm", ""] {
            assert!(!allowed("firm", &talk(Some(login), &[])), "{login}");
        }
        let hex = Talk { wallet: Some("0x00000000219ab540356cBB839Cbe05303d7705Fa"), ..talk(None, &[]) };
        assert!(allowed("0X00000000219AB540356CBB839CBE05303D7705FA", &hex));
        let base58 = Talk { wallet: Some("abcDEF"), ..hex };
        assert!(allowed("abcDEF", &base58) && !allowed("ABCDEF", &base58));
        for bad in ["", "two words", "a\nb", &"a".repeat(257)] {
            assert!(bad.parse::<AllowedWallet>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_pool_is_allowed_by_its_address_and_by_a_name_that_a_believed_resolver_told() {
        let never = NeverBlock::new();
        let policy = pools(&["pool.example", "203.0.113.0/24"]);
        let inside = Some([10, 0, 0, 1]);
        let says = |names: &[NameUse<'_>]| policy.allows_talk(&talk(None, names), &never);
        assert!(says(&[name("eu1.pool.example", inside, false)]));
        assert!(says(&[name("eu1.pool.example", inside, true)]));
        assert!(!says(&[name("eu1.pool.example", None, true)]), "a client can send any name");
        assert!(!says(&[name("pool.example", Some([192, 0, 2, 9]), false)]), "a stranger's resolver");
        assert!(!says(&[name("pool.example", Some([10, 0, 0, 5]), false)]), "the miner itself");
        assert!(!says(&[name("mypool.example", inside, false)]));
        assert!(!says(&[name("pool.example", inside, false), name("other.example", None, true)]), "another was meant");
        assert!(policy.allows_talk(&Talk { pool: [203, 0, 113, 9].into(), ..talk(None, &[]) }, &never));
        let proxied = Talk { pool: [203, 0, 113, 9].into(), proxied: true, ..talk(None, &[]) };
        assert!(!policy.allows_talk(&proxied, &never), "what is behind a proxy is not at its address");
    }

    #[test]
    fn what_is_no_pool_is_refused_with_the_reason() {
        for (bad, says) in [
            ("", "the root"),
            ("example", "one label"),
            ("co.uk", "anybody can have a name below it"),
            ("192.0.2.1/24", "did you mean 192.0.2.0/24?"),
            ("po ol.example", "letters, digits"),
        ] {
            let e = bad.parse::<AllowedPool>().unwrap_err().to_string();
            assert!(e.contains(says), "{bad}: {e}");
        }
        assert_eq!("*.Pool.example".parse::<AllowedPool>(), "pool.example".parse());
    }
}
