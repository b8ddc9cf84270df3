//! One direction of a stream, cut into frames whose length their first bytes tell.
//!
//! In: bytes as they come, in segments of any size. Out: whole frames, or the beginning of one that is longer than the
//! cap. Shared by the stream dialects, which say how long a frame is; nothing is looked at twice for it, nothing beyond
//! the cap is kept.

use super::Role;

/// What the first bytes of a frame say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cut {
    /// Too few to tell.
    More,
    /// The frame has this many bytes, its header included; at least one.
    Frame(usize),
    /// No frame of this protocol.
    Bad,
}

/// What a dialect sees when it is asked how long a frame is.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// The bytes from the frame's first one on.
    pub(super) bytes: &'a [u8],
    /// How many of these were there already when it was last asked, and was not enough.
    pub(super) seen: usize,
    /// Frames before this one.
    pub(super) count: u64,
}

/// The cutter.
#[derive(Debug)]
pub(super) struct Frames {
    buf: Vec<u8>,
    seen: usize,
    skip: usize,
    count: u64,
    cap: usize,
    bad: bool,
}

impl Frames {
    /// Keeps at most `cap` bytes of a frame.
    pub(super) fn new(cap: usize) -> Self {
        Self { buf: Vec::new(), seen: 0, skip: 0, count: 0, cap, bad: false }
    }

    /// Frames so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether something came that is no frame. What follows is lost.
    pub(super) fn is_bad(&self) -> bool {
        self.bad
    }

    /// Bytes are missing, or what came is of no use: what follows is lost.
    pub(super) fn give_up(&mut self) {
        self.bad = true;
        self.buf = Vec::new();
    }

    /// The next bytes. `frame` gets the frame (or, of a longer one, its first bytes) and its number.
    pub(super) fn feed(&mut self, mut data: &[u8], cut: impl Fn(View<'_>) -> Cut, mut frame: impl FnMut(&[u8], u64)) {
        while !self.bad && !data.is_empty() {
            if self.skip > 0 {
                let (_, rest) = data.split_at(self.skip.min(data.len()));
                self.skip -= data.len() - rest.len();
                data = rest;
                continue;
            }
            let (head, rest) = data.split_at(self.cap.saturating_sub(self.buf.len()).min(data.len()));
            self.buf.extend_from_slice(head);
            data = rest;
            let mut at = 0;
            while let Some(bytes) = self.buf.get(at..).filter(|b| !b.is_empty()) {
                match cut(View { bytes, seen: self.seen, count: self.count }) {
                    Cut::More if bytes.len() < self.cap => {
                        self.seen = bytes.len();
                        break;
                    }
                    Cut::Frame(len) if len > 0 => {
                        let Some(whole) = bytes.get(..len.min(self.cap)) else { break };
                        frame(whole, self.count);
                        self.skip = len - whole.len();
                        self.count += 1;
                        self.seen = 0;
                        at += whole.len();
                    }
                    Cut::More | Cut::Frame(_) | Cut::Bad => {
                        self.give_up();
                        return;
                    }
                }
            }
            self.buf.drain(..at);
        }
    }
}

/// One value for each end of a mining flow.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Ends<T> {
    /// Of the miner.
    pub(super) miner: T,
    /// Of the pool.
    pub(super) pool: T,
}

impl<T> Ends<T> {
    /// The value of one end.
    pub(super) const fn get(&self, role: Role) -> &T {
        match role {
            Role::Miner => &self.miner,
            Role::Pool => &self.pool,
        }
    }

    /// The value of one end, to change it.
    pub(super) const fn get_mut(&mut self, role: Role) -> &mut T {
        match role {
            Role::Miner => &mut self.miner,
            Role::Pool => &mut self.pool,
        }
    }
}

/// Little-endian numbers at a place in a frame.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

/// The same of three bytes.
pub(super) fn u24_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<3>().map(|[a, b, c]| u32::from_le_bytes([*a, *b, *c, 0]))
}

/// The same of four.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

/// The same of eight.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte of length, then so many bytes.
    fn cut(v: View<'_>) -> Cut {
        v.bytes.first().map_or(Cut::More, |n| if *n == 0 { Cut::Bad } else { Cut::Frame(usize::from(*n)) })
    }

    fn frames(data: &[u8], step: usize, cap: usize) -> (Vec<Vec<u8>>, bool) {
        let (mut f, mut out) = (Frames::new(cap), Vec::new());
        for piece in data.chunks(step) {
            f.feed(piece, cut, |bytes, _| out.push(bytes.to_vec()));
        }
        (out, f.is_bad())
    }

    #[test]
    fn frames_are_the_same_however_they_are_cut() {
        let data = [3, 1, 2, 1, 5, 9, 9, 9, 9, 2, 7];
        let whole = vec![vec![3, 1, 2], vec![1], vec![5, 9, 9, 9, 9], vec![2, 7]];
        for step in 1..=data.len() {
            assert_eq!(frames(&data, step, 16), (whole.clone(), false), "{step}");
        }
    }

    #[test]
    fn what_is_longer_than_the_cap_is_seen_from_its_beginning_and_skipped() {
        let mut data = vec![200; 200];
        data.extend([2, 7]);
        for step in [1, 3, 7, 199, 200, 202] {
            assert_eq!(frames(&data, step, 8), (vec![vec![200; 8], vec![2, 7]], false), "{step}");
        }
    }

    #[test]
    fn what_is_no_frame_ends_it() {
        assert_eq!(frames(&[1, 0, 1, 1], 1, 8), (vec![vec![1]], true));
    }
}
