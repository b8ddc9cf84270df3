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
    /// The oldest ones: most miners never have more, and these need no memory of their own.
    few: [Option<Open>; Self::FEW],
    /// Those behind them; empty while there is room above.
    more: VecDeque<Open>,
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
    /// Of which that many lie in the struct itself.
    const FEW: usize = 3;

    /// A request was sent.
    pub fn sent(&mut self, id: Option<json::Value<'_>>, what: What) {
        if let Some((id, key)) = id.and_then(|id| Some((id, key_of(id)?))) {
            if self.more.len() >= Self::CAP - Self::FEW {
                self.remove(0);
            }
            let open = Open { key, rough: roughly(id), what };
            match self.few.iter_mut().find(|place| place.is_none()) {
                Some(place) => *place = Some(open),
                None => self.more.push_back(open),
            }
        }
    }

    /// A reply arrived; what it answers.
    pub fn answered(&mut self, id: Option<json::Value<'_>>) -> Option<What> {
        let id = id?;
        let key = key_of(id)?;
        let open = || self.few.iter().flatten().chain(&self.more);
        let at = open().position(|o| o.key == key)?;
        // Servers may answer in any order: which of them this is for cannot be told.
        let foreign = open().any(|o| o.what == What::Foreign) && {
            let rough = roughly(id).filter(|_| is_double(id));
            let same = |o: &Open| o.key == key || (rough.is_some() && o.rough == rough);
            open().any(|o| o.what == What::Foreign && same(o))
        };
        self.remove(at).map(|o| o.what).filter(|_| !foreign)
    }

    /// Takes out the `at`-th; those behind it move up.
    fn remove(&mut self, at: usize) -> Option<Open> {
        let Some(behind) = self.few.get_mut(at..) else { return self.more.remove(at - Self::FEW) };
        let Some((first, _)) = behind.split_first_mut() else { return self.more.remove(at - Self::FEW) };
        let taken = first.take();
        behind.rotate_left(1);
        if let (Some(last), Some(next)) = (self.few.last_mut(), self.more.pop_front()) {
            *last = Some(next);
        }
        taken
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str, then: impl FnOnce(json::Value<'_>)) {
        then(json::Parser::new(64).parse(text.as_bytes()).unwrap().root());
    }

    proptest! {
        /// The first of those with this id is answered, and the oldest is forgotten when there are too many.
        #[test]
        fn answers_come_in_the_order_of_their_requests(
            steps in prop::collection::vec((prop::bool::weighted(0.7), 0_u8..5), 0..400),
        ) {
            let (mut requests, mut model) = (Requests::default(), VecDeque::new());
            for (n, (asks, number)) in steps.into_iter().enumerate() {
                if asks {
                    let what = What::Submit { work: n as f64 };
                    id(&number.to_string(), |id| requests.sent(Some(id), what));
                    if model.len() == Requests::CAP {
                        model.pop_front();
                    }
                    model.push_back((number, what));
                } else {
                    let mut answered = None;
                    id(&number.to_string(), |id| answered = requests.answered(Some(id)));
                    let at = model.iter().position(|(k, _)| *k == number);
                    prop_assert_eq!(answered, at.and_then(|at| model.remove(at)).map(|(_, what)| what));
                }
            }
        }
    }
}
