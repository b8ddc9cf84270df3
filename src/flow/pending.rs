//! Segments that came before their turn: a sorted run of pieces that never overlap, within caps.
//!
//! The first-seen bytes of a place win; later ones are compared and dropped.

use super::seq::distance;
use crate::time::PacketTime;

/// Pieces one direction may hold. A reordered burst of ordinary size fits; a sender of single bytes does not get far.
const MAX_PIECES: usize = 64;
/// Bytes one direction may hold, about four times the usual receive window.
const MAX_BYTES: usize = 256 * 1024;

/// Bytes that all buffers of one table may hold together.
#[derive(Debug)]
pub struct Budget {
    used: usize,
    cap: usize,
}

impl Budget {
    /// A budget of `cap` bytes.
    pub const fn new(cap: usize) -> Self {
        Self { used: 0, cap }
    }

    /// Bytes held now.
    pub const fn used(&self) -> usize {
        self.used
    }

    /// Frees bytes.
    pub(super) const fn give(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }

    const fn has(&self, bytes: usize) -> bool {
        bytes <= self.cap.saturating_sub(self.used)
    }
}

/// Bytes waiting for the hole before them.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) seq: u32,
    pub(super) data: Box<[u8]>,
    /// Bytes after `data` that a snaplen cut off.
    pub(super) missing: u32,
    pub(super) since: PacketTime,
}

impl Piece {
    /// What it counts in budgets.
    const fn cost(len: usize) -> usize {
        len + size_of::<Self>()
    }
}

/// The pieces of one direction, in stream order.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Hardly any flow has one at a time.
    held: Option<Box<Held>>,
}

/// At least one piece.
#[derive(Debug, Default)]
struct Held {
    pieces: Vec<Piece>,
    bytes: usize,
}

impl Pending {
    pub(super) fn first(&self) -> Option<&Piece> {
        self.held.as_ref()?.pieces.first()
    }

    /// Bytes counted against the budget.
    pub(super) fn bytes(&self) -> usize {
        self.held.as_ref().map_or(0, |h| h.bytes)
    }

    fn pieces(&self) -> &[Piece] {
        self.held.as_ref().map_or(&[], |h| &h.pieces)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.pieces().len()
    }

    pub(super) fn pop(&mut self, budget: &mut Budget) -> Option<Piece> {
        let held = self.held.as_mut().filter(|h| !h.pieces.is_empty())?;
        let piece = held.pieces.remove(0);
        let cost = Piece::cost(piece.data.len());
        held.bytes -= cost;
        budget.give(cost);
        if held.pieces.is_empty() {
            // A flow that once reordered need not keep room for 64 pieces for the rest of its life.
            self.held = None;
        }
        Some(piece)
    }

    /// Keeps what is new of `data`, which starts at `seq`. `Ok` tells whether bytes differed from earlier ones at the
    /// same place; `Err` that a cap forbids it, and nothing was kept.
    pub(super) fn insert(
        &mut self,
        seq: u32,
        data: &[u8],
        missing: u32,
        since: PacketTime,
        budget: &mut Budget,
    ) -> Result<bool, Full> {
        let (mut runs, mut fresh, mut conflict) = (0, 0, false);
        self.split(seq, data, |run| match run {
            Run::New { bytes, .. } => {
                runs += 1;
                fresh += bytes.len();
            }
            Run::Seen { differs } => conflict |= differs,
        });
        let cost = fresh + runs * Piece::cost(0);
        if self.pieces().len() + runs > MAX_PIECES || self.bytes() + cost > MAX_BYTES || !budget.has(cost) {
            return Err(Full);
        }
        if runs == 0 {
            return Ok(conflict);
        }
        let mut new: Vec<Piece> = Vec::with_capacity(runs);
        let end = seq.wrapping_add(data.len() as u32);
        self.split(seq, data, |run| {
            if let Run::New { seq, bytes } = run {
                let last = seq.wrapping_add(bytes.len() as u32) == end;
                let missing = if last { missing } else { 0 };
                new.push(Piece { seq, data: bytes.into(), missing, since });
            }
        });
        let held = self.held.get_or_insert_default();
        for piece in new {
            let at = held.pieces.partition_point(|p| distance(p.seq, piece.seq) < 0);
            held.pieces.insert(at, piece);
        }
        held.bytes += cost;
        budget.used += cost;
        Ok(conflict)
    }

    /// Cuts `data` at the edges of the pieces held.
    fn split<'d>(&self, seq: u32, data: &'d [u8], mut each: impl FnMut(Run<'d>)) {
        let (mut at, mut rest) = (seq, data);
        for piece in self.pieces() {
            if rest.is_empty() {
                return;
            }
            let before = usize::try_from(distance(piece.seq, at)).unwrap_or(0).min(rest.len());
            let (new, tail) = rest.split_at_checked(before).unwrap_or((rest, &[]));
            if !new.is_empty() {
                each(Run::New { seq: at, bytes: new });
            }
            at = at.wrapping_add(before as u32);
            rest = tail;
            let inside = usize::try_from(distance(at, piece.seq)).unwrap_or(usize::MAX);
            let held = piece.data.get(inside..).unwrap_or(&[]);
            let shared = held.len().min(rest.len());
            if shared > 0 {
                each(Run::Seen { differs: held.get(..shared) != rest.get(..shared) });
                rest = rest.get(shared..).unwrap_or(&[]);
                at = at.wrapping_add(shared as u32);
            }
        }
        if !rest.is_empty() {
            each(Run::New { seq: at, bytes: rest });
        }
    }
}

/// A cap was reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

enum Run<'d> {
    New { seq: u32, bytes: &'d [u8] },
    Seen { differs: bool },
}
