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
    open: VecDeque<Open>,
}

#[derive(Clone, Copy)]
struct Open {
    key: u64,
    rough: Option<u64>,
    what: What,
}

impl Requests {
    /// Requests kept at the most; a pool answers within seconds, so this is minutes of a busy proxy.
    const CAP: usize = 128;

    /// A request was sent.
    pub fn sent(&mut self, id: Option<json::Value<'_>>, what: What) {
        if let Some((id, key)) = id.and_then(|id| Some((id, key_of(id)?))) {
            if self.open.len() >= Self::CAP {
                self.open.pop_front();
            }
            self.open.push_back(Open { key, rough: roughly(id), what });
        }
    }

    /// A reply arrived; what it answers.
    pub fn answered(&mut self, id: Option<json::Value<'_>>) -> Option<What> {
        let id = id?;
        let key = key_of(id)?;
        let at = self.open.iter().position(|o| o.key == key)?;
        // Servers may answer in any order: which of them this is for cannot be told.
        let rough = roughly(id).filter(|_| is_double(id));
        let same = |o: &Open| o.key == key || (rough.is_some() && o.rough == rough);
        let foreign = self.open.iter().any(|o| o.what == What::Foreign && same(o));
        self.open.remove(at).map(|o| o.what).filter(|_| !foreign)
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

/// Ids compare by their text: some pools answer the number 1 with the string "1", and some programs `1.0` with 1. `null`
/// is no id.
pub(super) fn key_of(id: json::Value<'_>) -> Option<u64> {
    use std::hash::BuildHasher;
    let state = foldhash::quality::FixedState::with_seed(0);
    let Some(number) = id.as_number_text() else { return id.as_str().map(|text| state.hash_one(text.as_bytes())) };
    let whole = number.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let spelled = number.parse::<f64>().ok().filter(|n| !whole && n.fract() == 0.0 && n.abs() < 1e15);
    Some(match spelled {
        Some(n) => state.hash_one(format!("{n:.0}").as_bytes()),
        None => state.hash_one(number.as_bytes()),
    })
}

/// Whether a server that reads numbers as doubles writes one so: digit by digit, or with zeros for those it has not.
fn is_double(id: json::Value<'_>) -> bool {
    let exact = |text: &str| text.parse::<f64>().is_ok_and(|n| format!("{n:.0}") == text);
    id.as_number_text().is_some_and(|text| exact(text) || text.ends_with("00"))
}

/// The same for servers that read numbers as doubles, to which large ones are alike.
fn roughly(id: json::Value<'_>) -> Option<u64> {
    let text = id.as_number_text().map(std::borrow::Cow::Borrowed).or_else(|| id.as_str())?;
    text.parse::<f64>().ok().map_or_else(|| key_of(id), |n| Some(n.to_bits()))
}
