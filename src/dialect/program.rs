//! Which program an agent string names.
//!
//! In: agent strings and HTTP user agents. Out: the program's name. The table is short on purpose: an agent is
//! enrichment, the conversation decides.

/// Program names by what their agent strings begin with (lower case), from the programs' own sources; see
/// `pool-feeds/SOURCES.md`.
const PROGRAMS: &[(&str, &str)] = &[
    ("xmrig-proxy/", "xmrig-proxy"),
    ("xmrigcc", "XMRigCC"),
    ("xmrig", "XMRig"),
    ("xmr-stak", "xmr-stak"),
    ("xmr-node-proxy", "xmr-node-proxy"),
    ("xmr/", "XMR miner"),
    ("xmrminer", "xmrMiner"),
    ("cgminer", "cgminer"),
    ("sgminer", "sgminer"),
    ("bfgminer", "BFGMiner"),
    ("bmminer", "bmminer (Antminer)"),
    ("btminer", "btminer (Whatsminer)"),
    ("bosminer", "BOSminer"),
    ("cpuminer", "cpuminer"),
    ("ccminer", "ccminer"),
    ("minerd", "cpuminer"),
    ("esp-miner", "ESP-Miner"),
    ("bitaxe", "ESP-Miner"),
    ("nerdminer", "NerdMiner"),
    ("ethminer", "ethminer"),
    ("claymore", "Claymore"),
    ("phoenixminer", "PhoenixMiner"),
    ("lolminer", "lolMiner"),
    ("t-rex", "T-Rex"),
    ("trex", "T-Rex"),
    ("teamredminer", "TeamRedMiner"),
    ("trm/", "TeamRedMiner"),
    ("gminer", "GMiner"),
    ("nbminer", "NBMiner"),
    ("nanominer", "nanominer"),
    ("srbminer", "SRBMiner"),
    ("bzminer", "BzMiner"),
    ("rigel", "Rigel"),
    ("onezerominer", "OneZeroMiner"),
    ("wildrig", "WildRig"),
    ("miniz", "miniZ"),
    ("ewbf", "EWBF"),
    ("kawpowminer", "kawpowminer"),
    ("equihashminer", "equihashminer"),
    ("nheqminer", "nheqminer"),
    ("optiminer", "Optiminer"),
    ("zecminer", "ZecMiner"),
    ("nicehash", "NiceHash"),
    ("grin-miner", "grin-miner"),
    ("cast_xmr", "Cast XMR"),
    ("cryptodredge", "CryptoDredge"),
    ("multiminer", "MultiMiner"),
    ("stratum-proxy", "stratum-proxy"),
    ("poclbm", "poclbm"),
    ("phoenix", "Phoenix"),
    ("ufasoft", "Ufasoft"),
];

/// The program, or `None` for an agent that is not known to mine.
pub fn name(agent: &str) -> Option<&'static str> {
    let head = agent.trim_start().get(..agent.trim_start().floor_char_boundary(24))?.to_ascii_lowercase();
    PROGRAMS.iter().find(|(prefix, _)| head.starts_with(prefix)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn the_longer_prefix_wins_and_strangers_have_no_name() {
        assert_eq!(name("XMRig/6.26.0 (Linux x86_64) libuv/1.51.0 gcc/13.2.1"), Some("XMRig"));
        assert_eq!(name("xmrig-proxy/6.22.0"), Some("xmrig-proxy"));
        assert_eq!(name("XMRigCC/3.4.0"), Some("XMRigCC"));
        assert_eq!(name("cgminer 3.7.2"), Some("cgminer"));
        assert_eq!(name("Mozilla/5.0"), None);
        assert_eq!(name(""), None);
        assert_eq!(name("é\u{301}mining"), None);
    }
}
