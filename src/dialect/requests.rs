//! Which reply answers which request.
//!
//! In: requests with their ids as sent. Out: what a reply with that id answers. Miners reuse ids (cpuminer submits
//! every share as 4, xmr-stak as 1), so requests of the same id are answered in order.

use std::collections::VecDeque;

use super::json;

/// What a miner asked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum What {
    /// Login, authorize.
    Login,
    /// Subscribe, hello, configure.
    Subscribe,
    /// Work asked for.
    GetWork,
    /// A share of this many expected hashes.
    Submit {
        /// Expected hashes behind the share; 0 when the difficulty is not known.
        work: f64,
    },
    /// Anything else that will be answered.
    Other,
    /// A request of some other protocol, whose answer says nothing of mining.
    Foreign,
}

/// Requests waiting for an answer. Bounded: the oldest is forgotten first.
#[derive(Default)]
pub struct Requests {
    open: VecDeque<(u64, What)>,
}

impl Requests {
    /// Requests kept at the most; a pool answers within seconds, so this is minutes of a busy proxy.
    const CAP: usize = 128;

    /// A request was sent.
    pub fn sent(&mut self, id: Option<json::Value<'_>>, what: What) {
        if let Some(id) = id.and_then(key_of) {
            if self.open.len() >= Self::CAP {
                self.open.pop_front();
            }
            self.open.push_back((id, what));
        }
    }

    /// A reply arrived; what it answers.
    pub fn answered(&mut self, id: Option<json::Value<'_>>) -> Option<What> {
        let id = id.and_then(key_of)?;
        let mut same = self.open.iter().enumerate().filter(|(_, (k, _))| *k == id);
        let (at, _) = same.clone().next()?;
        // Servers may answer in any order: which of them this is for cannot be told.
        let foreign = same.any(|(_, (_, what))| *what == What::Foreign);
        self.open.remove(at).map(|(_, what)| what).filter(|_| !foreign)
    }
}

/// Shares of a protocol whose answers name none: answered in order. Bounded as [`Requests`] are.
#[derive(Default)]
pub(super) struct InOrder {
    open: VecDeque<f64>,
}

impl InOrder {
    /// A share of this many expected hashes was sent.
    pub(super) fn sent(&mut self, work: f64) {
        if self.open.len() >= Requests::CAP {
            self.open.pop_front();
        }
        self.open.push_back(work);
    }

    /// A share was answered: the work behind it, or `None` when the share was not seen.
    pub(super) fn answered(&mut self) -> Option<f64> {
        self.open.pop_front()
    }
}

/// Ids compare by their text: some pools answer the number 1 with the string "1". Numbers compare as doubles, which is
/// what servers make of `1.0`. `null` is no id.
pub(super) fn key_of(id: json::Value<'_>) -> Option<u64> {
    use std::hash::BuildHasher;
    let state = foldhash::quality::FixedState::with_seed(0);
    let number = |text: &str| text.parse::<f64>().ok().map(|n| state.hash_one((n + 0.0).to_bits()));
    if let Some(text) = id.as_number_text() {
        return number(text);
    }
    let text = id.as_str()?;
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    number(&text).filter(|_| digits).or_else(|| Some(state.hash_one(text.as_bytes())))
}
