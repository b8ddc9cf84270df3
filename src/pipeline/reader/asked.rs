//! What was asked for over HTTP and is not answered yet.
//!
//! In: requests and answers of a connection, in their order. Out: which path an answer is for. Clients may ask for several
//! things at once, and are answered in that order (RFC 9112 §9.3.2).

use std::collections::VecDeque;

/// Requests that wait, at most: whoever asks for more at once is no reader of a rig's pages.
const WAITING: usize = 16;

/// Paths of requests, in their order.
#[derive(Default)]
pub(super) struct Asked {
    waiting: VecDeque<Option<Box<str>>>,
    /// Too many waited: it is not known any more what is answered.
    lost: bool,
}

impl Asked {
    /// A request, with its path.
    pub(super) fn request(&mut self, path: Option<&str>) {
        self.lost |= self.waiting.len() >= WAITING;
        if self.lost {
            return self.waiting.clear();
        }
        self.waiting.push_back(path.map(Into::into));
    }

    /// An answer. The path that was asked for, if it is known.
    pub(super) fn answer(&mut self) -> Option<Box<str>> {
        self.waiting.pop_front().flatten()
    }

    /// Something is missing: a request, an answer, or several.
    pub(super) fn gap(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_their_requests() {
        let mut asked = Asked::default();
        asked.request(Some("/"));
        assert_eq!(asked.answer().as_deref(), Some("/"));
        for path in [Some("/summary"), None, Some("/example")] {
            asked.request(path);
        }
        assert_eq!(asked.answer().as_deref(), Some("/summary"));
        assert_eq!(asked.answer(), None);
        assert_eq!(asked.answer().as_deref(), Some("/example"));
        assert_eq!(asked.answer(), None, "nobody asked");
    }

    #[test]
    fn what_is_missing_is_made_up_for_by_nobody_elses_path() {
        let mut asked = Asked::default();
        asked.request(Some("/example"));
        asked.gap();
        assert_eq!(asked.answer(), None);
        asked.request(Some("/summary"));
        assert_eq!(asked.answer().as_deref(), Some("/summary"));
    }

    #[test]
    fn whoever_only_asks_is_forgotten() {
        let mut asked = Asked::default();
        for _ in 0..1_000 {
            asked.request(Some("/summary"));
        }
        assert!(asked.waiting.len() <= WAITING);
        assert_eq!(asked.answer(), None);
    }
}
