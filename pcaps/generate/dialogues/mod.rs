//! What miners and pools say: one file a dialect.
//!
//! In: a seed. Out: [`Dialogue`]s with their truth.

pub mod alephium;
pub mod autolykos;
pub mod binary;
pub mod bitcoin;
pub mod coins;
pub mod conflux;
pub mod cryptonote;
pub mod equihash;
pub mod ethproxy;
pub mod ethstratum;
pub mod getwork;
pub mod grin;
pub mod hour;
pub mod kaspa;
pub mod kawpow;
pub mod management;
pub mod nonces;
pub mod oddities;
pub mod proofs;
pub mod rigs;
pub mod sia;
pub mod stratum2;
pub mod variants;
pub mod web;

use super::dialogue::Dialogue;
use super::rng::Rng;

/// Every mining dialogue, as (name, dialect id, dialogue). The same seed gives the same bytes for ever.
pub fn all(seed: u64) -> Vec<(&'static str, &'static str, Dialogue)> {
    use ethproxy::Spacing;
    let mut root = Rng::new(seed);
    let mut list = Vec::new();
    let mut add = |name, make: &dyn Fn(&mut Rng) -> Dialogue| {
        let dialogue = make(&mut root.fork());
        list.push((name, dialogue.truth.dialect, dialogue));
    };
    add("cryptonote-xmrig", &|r| cryptonote::xmrig(r, 1));
    add("cryptonote-brief", &|r| cryptonote::brief(r, 2));
    add("cryptonote-xmr-stak", &|r| cryptonote::xmr_stak(r, 3));
    add("cryptonote-ccminer", &|r| cryptonote::ccminer(r, 4));
    add("cryptonote-nicehash", &|r| cryptonote::nicehash(r, 5));
    add("cryptonote-unnamed", &|r| cryptonote::unnamed(r, "srv-17"));
    add("cryptonote-donation", &cryptonote::donation);
    add("cryptonote-refused", &|r| cryptonote::refused(r, 6));
    add("cryptonote-unanswered", &|_| cryptonote::unanswered(7));
    add("bitcoin-cgminer", &|r| bitcoin::cgminer(r, 8));
    add("bitcoin-bfgminer", &|r| bitcoin::bfgminer(r, 9));
    add("bitcoin-cpuminer", &|r| bitcoin::cpuminer(r, 10));
    add("bitcoin-bitaxe", &|r| bitcoin::bitaxe(r, 11));
    add("bitcoin-ccminer", &|r| bitcoin::ccminer(r, 12));
    add("bitcoin-unauthorised", &|r| bitcoin::unauthorised(r, 13));
    add("ethproxy-polling", &|r| ethproxy::polling(r, 14));
    add("ethproxy-no-space", &|r| ethproxy::spelled(r, 15, Spacing::None));
    add("ethproxy-wide", &|r| ethproxy::spelled(r, 16, Spacing::Wide));
    add("ethproxy-params-first", &|r| ethproxy::spelled(r, 17, Spacing::ParamsFirst));
    add("ethproxy-leading-blank", &|r| ethproxy::spelled(r, 18, Spacing::LeadingBlank));
    add("ethproxy-worker-first", &|r| ethproxy::spelled(r, 19, Spacing::WorkerFirst));
    add("ethereum-stratum-1", &|r| ethstratum::version_1(r, 20));
    add("ethereum-stratum-plain", &|r| ethstratum::plain(r, 21));
    add("ethereum-stratum-2", &|r| ethstratum::version_2(r, 22));
    add("equihash-zcash", &|r| equihash::zcash(r, 23));
    add("getwork", &getwork::getwork);
    add("getblocktemplate", &getwork::getblocktemplate);
    add("getblocktemplate-monero", &|r| getwork::monero_daemon(r, 24));
    add("eth-getwork", &getwork::eth_getwork);
    add("oddities", &|r| oddities::odd_json(r, 25));
    add("kawpow-ravencoin", &|r| kawpow::ravencoin(r, 26));
    add("autolykos-decimal", &|r| autolykos::decimal(r, 27));
    add("autolykos-target", &|r| autolykos::target(r, 28));
    add("kaspa-bridge", &|r| kaspa::bridge(r, 29));
    add("kaspa-bzminer", &|r| kaspa::bzminer(r, 30));
    // Short headers: every spelling of a job has to fit into a line.
    add("alephium-server-first", &|r| alephium::server_first(r, 31, 24));
    add("alephium-miningcore", &|r| alephium::miningcore(r, 32, 24));
    add("conflux", &|r| conflux::octopus(r, 33));
    add("eaglesong", &|r| nonces::eaglesong(r, 34));
    add("kadena", &|r| nonces::kadena(r, 35));
    add("xelis", &|r| nonces::xelis(r, 36));
    add("aeternity", &|r| proofs::aeternity(r, 37));
    add("aleo-1", &|r| proofs::aleo_1(r, 38));
    add("aleo-2", &|r| proofs::aleo_2(r, 39));
    add("sia", &|r| sia::siamining(r, 40));
    add("sia-whole-header", &sia::whole_header);
    add("grin", &|r| grin::grin(r, 26));
    add("grin-epic", &|r| grin::epic(r, 27));
    add("beam", &|r| coins::beam(r, 28));
    add("ironfish", &|r| coins::iron_fish(r, 29));
    add("chia", &|r| coins::chia(r, 30));
    add("coinhive-lines", &|r| web::coinhive_lines(r, 31));
    add("coinhive-page", &|r| web::coinhive_page(r, 32));
    add("webminerpool", &|r| web::webminerpool(r, 33));
    add("nimiq", &|r| web::nimiq(r, 34));
    add("dero", &|r| web::dero(r, 35));
    add("qubic", &|r| web::qubic(r, 36));
    add("cryptonote-self-select", &|r| variants::self_select(r, 37));
    add("cryptonote-benchmark", &|r| variants::benchmark(r, 38));
    add("cryptonote-proxy", &|r| variants::proxy(r, 39));
    add("cryptonote-p2pool", &|r| variants::p2pool(r, 40));
    add("cryptonote-tari", &|r| variants::tari(r, 41));
    add("cryptonote-kawpow", &|r| variants::kawpow(r, 42));
    add("webminerpool-plain", &|r| web::webminerpool_plain(r, 43));
    list
}

/// Every mining dialogue that is no JSON messages: framed, sized or worded in its own way. Apart from [`all`], since
/// nothing of these can be spelled in another way.
pub fn streams(seed: u64) -> Vec<(&'static str, &'static str, Dialogue)> {
    let mut root = Rng::new(seed);
    let mut list = Vec::new();
    let mut add = |name, make: fn(&mut Rng, u8) -> Dialogue| {
        let dialogue = make(&mut root.fork(), 26);
        list.push((name, dialogue.truth.dialect, dialogue));
    };
    add("stratum-v2-device", stratum2::device);
    add("stratum-v2-proxy", stratum2::proxy);
    add("stratum-v2-clear", stratum2::clear);
    add("p2pool", binary::p2pool);
    add("btcagent", binary::btcagent);
    add("datum", binary::datum);
    add("duino-coin", binary::duino);
    add("aleo-zkwork", binary::aleo);
    list
}

/// What is asked of rigs and what they answer: no mining, and a finding of its own kind.
pub fn managed(seed: u64) -> Vec<(&'static str, &'static str, Dialogue)> {
    let mut root = Rng::new(seed);
    let mut list = Vec::new();
    let mut add = |name, make: fn(&mut Rng) -> Dialogue| {
        let dialogue = make(&mut root.fork());
        list.push((name, dialogue.truth.dialect, dialogue));
    };
    add("rig-cgminer-json", management::cgminer_json);
    add("rig-cgminer-text", management::cgminer_text);
    add("rig-claymore", management::claymore);
    add("rig-xmrig-http", management::xmrig);
    add("rig-trex-http", management::trex);
    add("rig-lolminer-http", management::lolminer);
    list
}
