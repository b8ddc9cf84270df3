//! An hour of mining, whatever the words: jobs on blocks, shares at random, an answer to each.
//!
//! In: a protocol's [`Words`] and a [`Pace`]. Out: turns of a [`Dialogue`], and its truth.

use super::super::dialogue::{Dialogue, Event, Pace, events, reply};
use super::super::rng::Rng;

/// What is said in one protocol. Lines come without their line feed.
pub trait Words {
    /// The next job.
    fn job(&mut self, rng: &mut Rng, at: u64, clean: bool) -> String;

    /// A share for the current job.
    fn share(&mut self, rng: &mut Rng, id: u64, at: u64) -> String;

    /// The pool's answer to a share.
    fn answer(&self, id: u64, ok: bool) -> String {
        answer(id, ok)
    }

    /// Expected hashes of a share.
    fn work(&self) -> f64;
}

/// The usual answer: `true`, or an error in an array.
pub fn answer(id: u64, ok: bool) -> String {
    if ok {
        format!(r#"{{"id":{id},"result":true,"error":null}}"#)
    } else {
        format!(r#"{{"id":{id},"result":null,"error":[23,"Low difficulty share",null]}}"#)
    }
}

/// Adds jobs and shares at this pace; shares have ids from `id` on.
pub fn mine(d: &mut Dialogue, rng: &mut Rng, pace: Pace, mut id: u64, words: &mut dyn Words) {
    for (at, event) in events(rng, pace) {
        match event {
            Event::Job { clean } => {
                d.server(at, words.job(rng, at, clean) + "\n");
                d.job();
            }
            Event::Share { ok } => {
                d.client(at, words.share(rng, id, at) + "\n");
                d.server(at + reply(rng), words.answer(id, ok) + "\n");
                d.share(ok, words.work());
                id += 1;
            }
        }
    }
}
