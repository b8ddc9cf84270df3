//! One open input: its bytes, its window, its parser, and the frame it stands at.
//!
//! In: a raw reader. Out: frames one at a time, and at the end what was wrong with the input.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::bytes::{Flaw, Parsed, RawFrame};
use super::classic::Classic;
use super::ng::Ng;
use super::problem::Problems;
use super::unpack::{self, Bytes, Counted};
use super::window::Window;
use super::{Frame, FrameRef, InputProblem, Offset, Options, Severity, SourceId, What};
use crate::time::PacketTime;

enum Format {
    Classic(Classic),
    Ng(Ng),
}

impl Format {
    fn detect(magic: [u8; 4]) -> Option<Self> {
        Classic::detect(magic).map(Self::Classic).or_else(|| Ng::detect(magic).map(Self::Ng))
    }

    #[inline]
    fn parse(&mut self, buf: &[u8]) -> Parsed {
        match self {
            Self::Classic(p) => p.parse(buf),
            Self::Ng(p) => p.parse(buf),
        }
    }

    fn place(&self) -> &'static str {
        match self {
            Self::Classic(p) => p.place(),
            Self::Ng(p) => p.place(),
        }
    }
}

/// What became of an attempt to reach the next frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Advance {
    /// The source stands at a frame.
    Frame,
    /// A read would be needed and was not allowed.
    Wait,
    /// No more frames.
    End,
}

/// An open input.
pub(super) struct Source {
    pub(super) id: SourceId,
    /// Whether a read may wait for a slow peer.
    pub(super) may_block: bool,
    name: Arc<str>,
    bytes: Bytes,
    window: Window,
    format: Format,
    /// Bytes to pass over before the next record, and where that stretch starts.
    skip: u64,
    skip_from: u64,
    /// Frames found so far.
    number: u64,
    head: Option<RawFrame>,
    handed_out: bool,
    /// What the parser found behind the last frame that was lent, if that was no frame.
    found: Option<Parsed>,
    over: bool,
    damage: Option<(u64, What)>,
    flaws: BTreeMap<Flaw, (u64, u64)>,
}

impl Source {
    /// Recognises the format by content. `capacity` is the size of the read buffer.
    pub(super) fn open(
        name: Arc<str>,
        raw: Counted,
        may_block: bool,
        capacity: usize,
        options: &Options,
    ) -> Result<Self, What> {
        let mut window = Window::new(capacity);
        let mut bytes = Bytes::Plain(raw);
        let mut magic = first_bytes(&mut window, &mut bytes)?.ok_or(What::Empty)?;
        if let (Some(packing), Bytes::Plain(raw)) = (unpack::packing(magic), &mut bytes) {
            let start = window.bytes().to_vec();
            window = Window::new(capacity);
            let raw = std::mem::replace(raw, Counted::new(unpack::Raw::Reader(Box::new(io::empty())), Arc::default()));
            bytes =
                Bytes::unpack(packing, start, raw, options).map_err(|e| What::Unreadable { reason: e.to_string() })?;
            magic = first_bytes(&mut window, &mut bytes)?.ok_or(What::Empty)?;
        }
        let Some(format) = Format::detect(magic) else {
            return Err(What::NotACapture { looks_like: unpack::looks_like(window.bytes()) });
        };
        Ok(Self {
            id: SourceId::default(),
            may_block,
            name,
            bytes,
            window,
            format,
            skip: 0,
            skip_from: 0,
            number: 0,
            head: None,
            handed_out: true,
            found: None,
            over: false,
            damage: None,
            flaws: BTreeMap::new(),
        })
    }

    /// Goes to the next frame, unless the one it stands at was not handed out yet. With `may_read` false it takes
    /// only what is in the window.
    #[inline]
    pub(super) fn advance(&mut self, may_read: bool) -> Advance {
        if !self.handed_out {
            return Advance::Frame;
        }
        if let Some(f) = self.head.take() {
            self.window.consume(f.total);
        }
        if self.skip > 0 || self.over || self.found.is_some() {
            let found = self.found.take();
            return self.search(may_read, found);
        }
        match self.format.parse(self.window.bytes()) {
            Parsed::Frame(f) => self.stand_at(f),
            other => self.search(may_read, Some(other)),
        }
    }

    #[inline]
    fn stand_at(&mut self, f: RawFrame) -> Advance {
        self.number += 1;
        self.head = Some(f);
        self.handed_out = false;
        Advance::Frame
    }

    /// Passes what is no frame and reads on, starting with what the parser has `found` already.
    fn search(&mut self, may_read: bool, mut found: Option<Parsed>) -> Advance {
        while !self.over {
            let mut need = 1;
            if self.skip > 0 {
                let n = self.window.consume(usize::try_from(self.skip).unwrap_or(usize::MAX));
                self.skip -= n as u64;
            }
            if self.skip == 0 {
                match found.take().unwrap_or_else(|| self.format.parse(self.window.bytes())) {
                    Parsed::Frame(f) => return self.stand_at(f),
                    Parsed::Pass(n) => {
                        self.pass(n);
                        continue;
                    }
                    Parsed::Flaw(n, flaw) => {
                        let at = self.window.offset();
                        self.flaws.entry(flaw).or_insert((0, at)).0 += 1;
                        self.pass(n);
                        continue;
                    }
                    Parsed::Bad(what) => {
                        self.end_with(self.window.offset(), what);
                        break;
                    }
                    Parsed::More(n) => need = n,
                }
            }
            if !may_read {
                return Advance::Wait;
            }
            match self.window.fill(&mut self.bytes, need) {
                Ok(true) => {}
                Ok(false) => self.end_of_stream(need),
                Err(e) => self.end_with(self.window.offset(), self.bytes.explain(&e)),
            }
        }
        Advance::End
    }

    fn pass(&mut self, n: u64) {
        self.skip = n;
        self.skip_from = self.window.offset();
    }

    fn end_of_stream(&mut self, need: usize) {
        let (have, at) = (self.window.bytes().len() as u64, self.window.offset());
        let place = self.format.place();
        if self.skip > 0 {
            let have = at.saturating_sub(self.skip_from);
            let need = have.saturating_add(self.skip);
            self.end_with(self.skip_from, What::Cut { place, have, need });
        } else if have > 0 {
            self.end_with(at, What::Cut { place, have, need: need as u64 });
        }
        self.over = true;
    }

    fn end_with(&mut self, at: u64, what: What) {
        self.damage = Some((at, what));
        self.over = true;
    }

    /// Time of the frame it stands at.
    #[inline]
    pub(super) fn head_time(&self) -> Option<PacketTime> {
        self.head.map(|f| f.time)
    }

    /// The frame it stands at; the next [`advance`](Self::advance) leaves it.
    #[inline]
    pub(super) fn hand_out(&mut self) -> Option<Frame<'_>> {
        let f = self.head?;
        self.handed_out = true;
        let data = self.window.bytes().get(f.data_at..f.data_at + f.data_len)?;
        let at = FrameRef { source: self.id, number: self.number };
        Some(Frame { at, time: f.time, link: f.link, data, wire_len: f.wire_len })
    }

    /// Lends the frame it stands at and those that follow in the window, at most `most`, as long as they are earlier
    /// than `before`.
    pub(super) fn lend<'s>(&'s mut self, most: usize, before: Option<PacketTime>, out: &mut Vec<Frame<'s>>) {
        let Self { id, window, format, number, head, handed_out, found, .. } = self;
        let (bytes, lease) = window.lend();
        let mut rest = bytes;
        while let Some(f) = *head {
            let (Some(data), Some(behind)) = (rest.get(f.data_at..f.data_at + f.data_len), rest.get(f.total..)) else {
                break;
            };
            let at = FrameRef { source: *id, number: *number };
            out.push(Frame { at, time: f.time, link: f.link, data, wire_len: f.wire_len });
            rest = behind;
            (*head, *handed_out) = (None, true);
            if out.len() >= most {
                break;
            }
            match format.parse(rest) {
                Parsed::Frame(next) => {
                    *number += 1;
                    (*head, *handed_out) = (Some(next), false);
                    if before.is_some_and(|before| next.time >= before) {
                        break;
                    }
                }
                // To be asked again with more bytes.
                Parsed::More(_) => break,
                other => {
                    *found = Some(other);
                    break;
                }
            }
        }
        lease.consume(bytes.len() - rest.len());
    }

    /// Reports what was wrong with the input.
    pub(super) fn finish(self, problems: &mut Problems) {
        let unpacked = self.bytes.packing().is_some();
        let place = |at| Some(Offset { at, unpacked });
        for (flaw, (n, at)) in self.flaws {
            let (severity, what) = match flaw {
                Flaw::UnknownInterface => (Severity::Error, What::UnknownInterface { packets: n }),
                Flaw::PacketOutsideBlock => (Severity::Error, What::PacketOutsideBlock { packets: n }),
                Flaw::PacketTooLong => (Severity::Error, What::PacketTooLong { packets: n }),
                Flaw::Joined => (Severity::Note, What::Joined { more: n }),
            };
            problems.push(InputProblem { offset: place(at), ..InputProblem::of(&self.name, severity, what) });
        }
        if let Format::Ng(ng) = &self.format {
            problems.lose(ng.dropped());
            if ng.untimed() {
                problems.push(InputProblem::of(&self.name, Severity::Note, What::Untimed));
            }
        }
        if let Some((at, what)) = self.damage {
            problems.push(InputProblem {
                offset: place(at),
                frames_before: Some(self.number),
                ..InputProblem::of(&self.name, Severity::Error, what)
            });
        }
    }
}

/// The first four bytes (padded with zeros if there are fewer), or `None` if there is not one.
fn first_bytes(window: &mut Window, bytes: &mut Bytes) -> Result<Option<[u8; 4]>, What> {
    while window.bytes().len() < 4 {
        match window.fill(bytes, 4) {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => return Err(bytes.explain(&e)),
        }
    }
    let mut magic = [0; 4];
    for (to, from) in magic.iter_mut().zip(window.bytes()) {
        *to = *from;
    }
    Ok((!window.bytes().is_empty()).then_some(magic))
}
