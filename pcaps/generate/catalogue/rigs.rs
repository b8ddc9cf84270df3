//! Web pages of rigs, and Stratum V2 where less was seen than convicts. Numbers 241 to 249.

use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::SECOND;
use super::super::dialogues::{rigs, stratum2};
use super::super::tcp::End;
use super::framed::{Asked, stations};

/// The captures.
pub fn all() -> Vec<Product> {
    use Family::{V4, V6};
    let pages: [(u8, &str, Family, u16, Asked, &str); 5] = [
        (241, "rig-trex", V4, 4067, rigs::trex, "T-Rex's page"),
        (242, "rig-lolminer", V6, 8080, rigs::lolminer, "lolMiner's page"),
        (243, "rig-nbminer", V4, 22333, rigs::nbminer, "NBMiner's page"),
        (244, "rig-gminer", V6, 10555, rigs::gminer, "GMiner's page"),
        (245, "rig-antminer", V4, 80, rigs::antminer, "an Antminer's pages, its settings among them"),
    ];
    let mut out = stations(&pages);
    out.extend(short_session());
    out.extend(older_answer());
    out
}

/// Sizes of the opening and of a share or two are no proof: what else is so has to be seen first.
fn short_session() -> Vec<Product> {
    let about = "Stratum V2 under Noise, cut off a minute after its beginning: probable, and not blocked";
    let mut c = Capture::new(246, "stratum-v2-noise-short", about);
    let mut dialogue = stratum2::device(&mut c.rng, 246);
    dialogue.turns.retain(|t| t.at < 50 * SECOND);
    let mut talk = c.line(Family::V6, 11, 3336);
    talk.end = End::Open;
    c.show(&talk, &dialogue, &Carriage::Plain);
    let flow = c.expect.flows.last_mut().unwrap();
    (flow.shares, flow.stage) = (None, None);
    flow.at_least("probable").at_most("probable");
    c.refuse(&talk.server.to_string(), "verdict_too_low");
    c.finish()
}

/// The specification had another size of the answer until August 2026; no program sends it.
fn older_answer() -> Vec<Product> {
    let about = "as Stratum V2 under Noise, but the handshake's answer is the 170 bytes of an older text: not blocked";
    let mut c = Capture::new(247, "stratum-v2-noise-older", about);
    let mut dialogue = stratum2::device(&mut c.rng, 247);
    dialogue.turns[1].bytes.truncate(170);
    dialogue.turns.retain(|t| t.at < 300 * SECOND);
    let talk = c.line(Family::V4, 11, 3336);
    c.show(&talk, &dialogue, &Carriage::Plain);
    let flow = c.expect.flows.last_mut().unwrap();
    (flow.shares, flow.stage) = (None, None);
    flow.at_least("probable").at_most("probable");
    c.refuse(&talk.server.to_string(), "verdict_too_low");
    c.finish()
}
