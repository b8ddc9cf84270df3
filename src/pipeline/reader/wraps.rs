//! What a conversation was taken out of: proxies, tunnels, web sockets, gzip.
//!
//! In: each layer that is taken off a direction. Out: the list that is reported, each layer once, and a fresh start for
//! those who read what is inside.

use super::Reader;
use crate::carrier::Wrap;
use crate::dialect::{Arbiter, Carrier, Dialect};
use crate::flow::{BothWays, Direction};

/// Wrappings reported of a flow.
const MAX_WRAPS: usize = 6;

/// What was unwrapped.
#[derive(Default)]
pub(super) struct Unwrapped {
    pub(super) wraps: Vec<Wrap>,
    /// In which directions each of them was met.
    met: Vec<BothWays<bool>>,
}

impl Reader {
    /// What was unwrapped, in the order it was met.
    pub(in crate::pipeline) fn wraps(&self) -> &[Wrap] {
        self.unwrapped.as_ref().map_or(&[], |u| &u.wraps)
    }

    /// A message came or went through a proxy that passes on requests. One connection carries requests for many hosts:
    /// the one that is kept is that of the first request which the dialect reads.
    pub(super) fn forwarded(&mut self, wrap: Wrap) {
        // A proxy that grants a tunnel, or asks for a password first, names itself in its answer.
        if wrap.is_blank() && self.wraps().iter().any(|w| matches!(w, Wrap::Connect(_))) {
            return;
        }
        let undecided = self.reading().is_none();
        let Unwrapped { wraps, met } = &mut **self.unwrapped.get_or_insert_default();
        if let Some(known) = wraps.iter_mut().find(|w| matches!(w, Wrap::Http(_))) {
            if !wrap.is_blank() && (undecided || known.is_blank()) {
                *known = wrap;
            }
        } else {
            // Of more wrappings than are reported, this one decides whom a block list may name.
            if wraps.len() >= MAX_WRAPS {
                wraps.pop();
                met.pop();
            }
            wraps.push(wrap);
            met.push(BothWays::default());
        }
    }

    /// A layer was taken off a direction.
    pub(super) fn wrapped(&mut self, way: Direction, wrap: Wrap) {
        if matches!(wrap, Wrap::Http(_)) {
            return self.forwarded(wrap);
        }
        self.junk = 0;
        self.looks = 0;
        if wrap.is_tunnel() {
            // What is inside is a stream of its own.
            *self.inside.get_mut(way) = true;
            *self.begun.get_mut(way) = false;
        }
        // Asked again after an authentication, or opened again.
        let once = matches!(wrap, Wrap::Connect(Some(_)) | Wrap::WebSocket | Wrap::Gzip);
        let upgraded = matches!(wrap, Wrap::WebSocket);
        let Unwrapped { wraps, met } = &mut **self.unwrapped.get_or_insert_default();
        let mut known = wraps.iter().zip(met.iter());
        if once && known.any(|(w, met)| *met.get(way) && *w == wrap) {
            return;
        }
        // The same wrapping is met in both directions; only one of them names the destination.
        let same = |w: &Wrap| std::mem::discriminant(w) == std::mem::discriminant(&wrap);
        let mut known = wraps.iter_mut().zip(met.iter_mut());
        if let Some((w, met)) = known.find(|(w, met)| !met.get(way) && same(w)) {
            *met.get_mut(way) = true;
            if w.is_blank() {
                *w = wrap;
            }
            return;
        }
        if wraps.len() < MAX_WRAPS {
            let mut once = BothWays::default();
            *once.get_mut(way) = true;
            wraps.push(wrap);
            met.push(once);
        }
        // What the wrapping's own messages looked like says nothing about what is inside, except that a dialect may begin
        // with the upgrade request of its WebSocket.
        if !self.settled {
            self.streams.clear();
        }
        let begun = |d: &dyn Dialect| upgraded && d.carried_by(Carrier::WebSocket);
        let led = |a: &Arbiter| a.dialect().is_none_or(|d| d.carried_by(Carrier::Http) && !begun(d));
        if self.arbiter.as_ref().is_some_and(led) {
            self.arbiter = None;
        }
    }
}
