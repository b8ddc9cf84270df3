//! What would raise a verdict further, where a dialect cannot get as far as others.
//!
//! In: dialect, category and verdict of a finding. Out: the sentence behind `missing`.

use super::Category;
use crate::evidence::{NO_CLOCK, Verdict};

/// What is missing for the next level: `usual` is what the evidence alone says, which is not to be had everywhere.
pub fn missing(
    dialect: &str,
    category: Category,
    verdict: Verdict,
    usual: Option<&'static str>,
) -> Option<&'static str> {
    match (dialect, category, verdict) {
        (_, Category::Inventory, Verdict::Noted) => Some("an answer: nobody answered as a mining rig"),
        (_, Category::Inventory, _) => Some(
            "a mining conversation of the rig: its management interface tells that it stands there, not that it mines",
        ),
        ("encrypted", _, Verdict::Suspected) if usual == Some(NO_CLOCK) => usual,
        ("encrypted", ..) => Some("what is said inside: it cannot be read, so look at the machine"),
        ("qubic", _, Verdict::Noted) => Some("a payout identity or token in the first message"),
        ("qubic" | "datum", _, Verdict::Suspected) => Some("an answer of the pool"),
        ("qubic" | "datum", _, Verdict::Probable) => {
            Some("nothing that could be seen: jobs and shares of this dialect cannot be read")
        }
        _ => usual,
    }
}
