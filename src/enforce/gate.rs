//! The last gate, in the process that can change the firewall: whatever the other side of the socket became, these
//! are not blocked.

use std::net::IpAddr;

use super::applier::Refused;
use super::problem::EnforceError;
use super::wanted::{Block, Isolated, LONGEST_SECS, Wanted};
use crate::firewall::{MaxEntries, NeverBlock, Policy};

/// Most hosts that may be isolated at once.
const MOST_HOSTS: usize = 1_024;
/// Most networks that one of them may keep.
const MOST_KEPT: usize = 64;

/// The last gate.
#[derive(Clone, Debug)]
pub struct Gate {
    policy: Policy,
    /// What is spared on every machine.
    never: NeverBlock,
    /// Whether this machine's own addresses are asked for each time: they change.
    local: bool,
}

impl Gate {
    /// For this machine. `allow_documentation` lets documentation ranges pass, which tests use.
    pub fn new(allow_documentation: bool) -> Self {
        let policy = Policy { allow_documentation, ..Policy::default() };
        Self { policy, never: NeverBlock::new(), local: true }
    }

    /// With more that is never blocked: the shared ranges of feeds.
    #[must_use]
    pub fn sparing(self, never: NeverBlock) -> Self {
        Self { never, ..self }
    }

    /// What passes, in order and with lives that a kernel takes, and what does not.
    pub(super) fn pass(&self, wanted: &Wanted) -> Result<(Wanted, Vec<Refused>), EnforceError> {
        let too_many = |of: &str, entries, most| {
            let error = EnforceError::TooMany { of: of.to_owned(), entries, most };
            if entries > most { Err(error) } else { Ok(()) }
        };
        too_many("entries", wanted.block.len(), MaxEntries::CEILING)?;
        too_many("isolated hosts", wanted.isolate.len(), MOST_HOSTS)?;
        for host in &wanted.isolate {
            too_many("networks that a host keeps", host.keep.len(), MOST_KEPT)?;
        }

        let never = if self.local { self.never.clone().with_local_machine() } else { self.never.clone() };
        let mut refused = Vec::new();
        let mut block = Vec::with_capacity(wanted.block.len());
        for b in &wanted.block {
            let target = b.target.canonical();
            let why = life(b.ttl_secs).or_else(|| never.check_target(target, &self.policy).map(|r| r.to_string()));
            match why {
                Some(why) => refused.push(Refused::Block { target: b.target, why }),
                None => block.push(Block { target, ttl_secs: b.ttl_secs.min(LONGEST_SECS) }),
            }
        }
        let mut isolate = Vec::with_capacity(wanted.isolate.len());
        for i in &wanted.isolate {
            let host: IpAddr = i.host.to_canonical();
            let why = life(i.ttl_secs)
                .or_else(|| {
                    let all = i.keep.iter().any(|p| p.bits() == 0);
                    all.then(|| "a host that keeps every network is not isolated".to_owned())
                })
                .or_else(|| never.check_inside(host, &self.policy).map(|r| r.to_string()));
            match why {
                Some(why) => refused.push(Refused::Isolate { host: i.host, why }),
                None => isolate.push(Isolated { host, ttl_secs: i.ttl_secs.min(LONGEST_SECS), keep: i.keep.clone() }),
            }
        }
        Ok((Wanted { block, isolate }.in_order(), refused))
    }
}

/// Zero seconds are for ever in nft and ipset.
fn life(secs: u64) -> Option<String> {
    (secs == 0).then(|| "its life is over".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::{Proto, Target};

    fn block(addr: &str, service: Option<(Proto, u16)>, ttl_secs: u64) -> Block {
        Block { target: Target { addr: addr.parse().unwrap(), service, from: None }, ttl_secs }
    }

    #[test]
    fn nothing_gets_past_that_must_stay_reachable() {
        let tcp = Some((Proto::Tcp, 3333));
        let bad = [
            block("0.0.0.0", None, 60),
            block("127.0.0.1", tcp, 60),
            block("::1", tcp, 60),
            block("::ffff:127.0.0.1", tcp, 60),
            block("192.168.1.1", tcp, 60),
            block("8.8.8.8", tcp, 60),
            block("192.0.2.1", tcp, 60),
            block("45.9.148.117", Some((Proto::Tcp, 0)), 60),
            block("45.9.148.117", tcp, 0),
        ];
        let pair = |from: &str, addr, service| {
            let b = block(addr, service, 60);
            Block { target: Target { from: Some(from.parse().unwrap()), ..b.target }, ..b }
        };
        let bad: Vec<Block> = bad
            .into_iter()
            .chain([
                pair("10.0.0.5", "192.168.1.1", tcp),
                pair("10.0.0.5", "45.9.148.117", None),
                pair("10.0.0.5", "45.9.148.117", Some((Proto::Udp, 0))),
                pair("0.0.0.0", "45.9.148.117", tcp),
                pair("127.0.0.1", "45.9.148.117", tcp),
                pair("224.0.0.1", "45.9.148.117", tcp),
                pair("255.255.255.255", "45.9.148.117", tcp),
                pair("45.9.148.117", "45.9.148.117", tcp),
                pair("fd00::5", "45.9.148.117", tcp),
                pair("::ffff:127.0.0.1", "45.9.148.117", tcp),
                pair("ff02::1", "2a00::7", tcp),
            ])
            .collect();
        let host = |host: &str, keep: &str| Isolated {
            host: host.parse().unwrap(),
            ttl_secs: 60,
            keep: vec![keep.parse().unwrap()],
        };
        let hosts = [host("127.0.0.1", "10.9.0.0/16"), host("10.0.0.5", "0.0.0.0/0")];
        let (passed, refused) = Gate::new(false).pass(&Wanted { block: bad.clone(), isolate: hosts.to_vec() }).unwrap();
        assert_eq!(passed, Wanted::default());
        assert_eq!(refused.len(), bad.len() + hosts.len());
    }

    #[test]
    fn an_address_that_serves_many_is_cut_off_from_one_host_at_the_most() {
        let feed = "version = 1\n[[shared]]\nname = \"Example CDN\"\nkind = \"cdn\"\nsource = \"test\"\n\
                    prefixes = [\"45.9.148.0/24\"]\n";
        let (intel, problems) = crate::intel::Intel::from_text("test", feed).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        let gate = Gate::new(false).sparing(NeverBlock::new().with_fronts(intel.fronts()));
        let tcp = Some((Proto::Tcp, 443));
        let (whole, port) = (block("45.9.148.117", None, 60), block("45.9.148.117", tcp, 60));
        let pair = Block { target: Target { from: Some([10, 0, 0, 5].into()), ..port.target }, ..port };
        let wanted = Wanted { block: vec![whole, port, pair, block("45.9.149.1", tcp, 60)], isolate: Vec::new() };
        let (passed, refused) = gate.pass(&wanted).unwrap();
        let passed: Vec<_> = passed.block.iter().map(|b| b.target.to_string()).collect();
        assert_eq!(passed, ["10.0.0.5@45.9.148.117:443/tcp", "45.9.149.1:443/tcp"]);
        assert_eq!(refused.len(), 2, "{refused:?}");
    }

    #[test]
    fn what_passes_has_a_life_that_the_kernel_takes() {
        let wanted = Wanted {
            block: vec![block("45.9.148.117", None, u64::MAX), block("::ffff:45.9.148.118", None, 60)],
            isolate: vec![Isolated { host: [10, 77, 0, 5].into(), ttl_secs: u64::MAX, keep: Vec::new() }],
        };
        let (passed, refused) = Gate::new(false).pass(&wanted).unwrap();
        assert_eq!(passed.block, [block("45.9.148.117", None, LONGEST_SECS), block("45.9.148.118", None, 60)]);
        assert_eq!(passed.isolate[0].ttl_secs, LONGEST_SECS);
        assert_eq!(refused, []);
    }

    #[test]
    fn more_than_any_list_has_is_refused_as_a_whole() {
        let one = block("45.9.148.117", None, 60);
        let wanted = Wanted { block: vec![one; MaxEntries::CEILING + 1], isolate: Vec::new() };
        assert!(matches!(Gate::new(false).pass(&wanted), Err(EnforceError::TooMany { .. })));
    }
}
