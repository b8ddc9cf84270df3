//! Which program a miner runs: by what it calls itself, and by how it writes.
//!
//! In: agent strings and HTTP user agents ([`name`], [`mines`]), the first messages of a miner ([`style`]), host names
//! that proxies were asked for ([`hints`]). Out: the program's name, a style of writing, facts on whether somebody
//! agreed to the mining. All of it is enrichment: the conversation decides. What programs call themselves is data, in
//! `pool-feeds/programs.toml`.

mod feed;
mod glob;
mod hints;
pub(in crate::dialect) mod style;

pub use hints::hints;

/// The program, or `None` for an agent that is not known to belong to mining.
pub fn name(agent: &str) -> Option<&'static str> {
    feed::table().agent(agent).map(|p| p.name.as_str())
}

/// Whether the program is known to write in that style: ccminer writes as cpuminer does, which it was made from.
pub fn writes_so(program: &str, style: &str) -> bool {
    style::is_of(style, program)
}

/// Whether the agent is evidence of mining: a program of miners, by a name that was read in its source or seen in a
/// capture. Names that are only expected, tools that measure pools, and wallets' interfaces are not.
pub(in crate::dialect) fn mines(agent: &str) -> bool {
    feed::table().agent(agent).is_some_and(feed::Program::is_evidence)
}

/// What a host or a download belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Belongs {
    /// The program, or what a list calls it.
    pub name: &'static str,
    /// Rigs report to it or are managed by it.
    pub manages_rigs: bool,
    /// The list's source.
    pub source: &'static str,
}

/// The mining program, or its installer, that the path of an HTTP request asks for.
pub fn downloaded(path: &str) -> Option<Belongs> {
    feed::table().file(path).map(feed::Program::belongs)
}

/// The program that a host belongs to: what rigs report to, where programs come from. Pools are known elsewhere.
pub fn serves(host: &str) -> Option<Belongs> {
    use feed::Category::{Donation, Marketplace};
    let known = feed::table().host(host)?;
    (!matches!(known.category, Donation | Marketplace)).then(|| known.belongs())
}

#[cfg(test)]
mod tests {
    use super::{mines, name};
    use proptest::prelude::*;

    #[test]
    fn the_longer_prefix_wins_and_strangers_have_no_name() {
        assert_eq!(name("XMRig/6.26.0 (Linux x86_64) libuv/1.51.0 gcc/13.2.1"), Some("XMRig"));
        assert_eq!(name("xmrig-proxy/6.22.0"), Some("xmrig-proxy"));
        assert_eq!(name("XMRigCC/3.4.0"), Some("XMRigCC"));
        assert_eq!(name("  cgminer 3.7.2"), Some("cgminer"));
        assert_eq!(name("cpuminer-opt-26.1-x64L"), Some("cpuminer-opt"));
        assert_eq!(name("cpuminer-optimised/1"), Some("cpuminer-opt"));
        assert_eq!(name("cpuminer/2.5.1"), Some("cpuminer"));
        for stranger in ["Mozilla/5.0", "", " ", "é\u{301}mining", "Phoenix-Contact PLC", "T-Rexample", "deepMiner2"] {
            assert_eq!(name(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn a_name_is_evidence_only_when_its_source_was_read_and_it_mines() {
        for miner in ["XMRig/6.26.0", "NiceHash/1.0.0", "deepMiner", "BE Cube BTC Miner", "xmrig-proxy/6.26.0"] {
            assert!(mines(miner), "{miner}");
        }
        for other in ["T-Rex/0.26.8", "stratum-ping/1.0.0", "Sia-Agent", "xmr/1.0", "curl/8.0"] {
            assert!(!mines(other), "{other}");
        }
        assert_eq!(name("T-Rex/0.26.8"), Some("T-Rex"));
        assert_eq!(name("stratum-ping/1.0.0"), Some("stratum-ping"));
    }

    proptest! {
        #[test]
        fn any_agent_is_looked_up(agent in "\\PC{0,600}", bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            for agent in [agent.as_str(), &String::from_utf8_lossy(&bytes)] {
                prop_assert!(name(agent).is_none_or(|n| !n.is_empty()));
                prop_assert!(!mines(agent) || name(agent).is_some());
            }
        }

        #[test]
        fn what_follows_a_prefix_changes_nothing_but_a_longer_prefix(rest in "[ /_.0-9]\\PC{0,60}") {
            prop_assert_eq!(name(&format!("lolMiner{rest}")), Some("lolMiner"));
            prop_assert_eq!(name(&format!("deepMiner{rest}")), None);
        }
    }
}
