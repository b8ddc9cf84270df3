//! All inputs of a run as one sequence of frames in time order.
//!
//! In: paths. Out: frames, merged by packet time. A file is looked at once for the time of its first packet, closed,
//! and opened again when that time has come, so that a thousand rotated files need few descriptors.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Atomic};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::discover::{self, Access, Candidate, Found};
use super::problem::Problems;
use super::source::{Advance, Source};
use super::unpack::{Counted, Raw};
use super::{CaptureError, Dropped, Frame, InputProblem, Lent, PacketSource, Severity, SourceId, Step, What};
use crate::time::PacketTime;

/// Bounds for reading. The defaults suit captures of any size.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most files open at once (default 512). Beyond it the earliest come first and the rest wait, with a note.
    pub max_open: usize,
    /// Largest zstd window, as a power of two (default 27: 128 MiB, what `zstd --long` makes). Each open input holds one.
    pub zstd_window_log: u32,
    /// Bytes that any compressed input may unpack to, however small it is (default 1 GiB).
    pub unpack_free: u64,
    /// Beyond [`unpack_free`](Self::unpack_free), how many times its own size it may unpack to (default 500).
    ///
    /// Captures reach 3 to 20 times; gzip ends at 1032 times and zstd far above. Nothing unpacked is kept, so the
    /// bound is on time alone, and there is none on the total.
    pub unpack_ratio: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_open: 512, zstd_window_log: 27, unpack_free: 1 << 30, unpack_ratio: 500 }
    }
}

/// Read buffer of an input when few are open, in bytes. Larger ones leave the second-level cache.
const BUFFER: usize = 256 * 1024;
/// Read buffer when many are open, and for the first look.
const SMALL_BUFFER: usize = 32 * 1024;
/// Longest wait for a pipe before the caller gets a turn.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// So many inputs may use large zstd windows.
const FEW: usize = 8;
/// From so many open inputs on, buffers are small.
const MANY: usize = 32;
/// Names given in the note about a folder's other files.
const EXAMPLES: usize = 3;

enum Held {
    Path(PathBuf),
    Open(Box<Source>),
}

/// An input whose first packet is not due yet.
struct Waiting {
    first: PacketTime,
    id: SourceId,
    name: Arc<str>,
    held: Held,
}

/// An open source, ordered so that the heap's greatest is the one with the earliest frame.
struct Queued(PacketTime, Box<Source>);

impl Queued {
    fn key(&self) -> (PacketTime, SourceId) {
        (self.0, self.1.id)
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// Every input of a run.
///
/// Frames come by packet time across inputs; within one input in its own order, which may step backwards. Equal
/// times come by [`SourceId`].
pub struct Inputs {
    options: Options,
    names: Vec<Arc<str>>,
    /// By time of first packet.
    waiting: VecDeque<Waiting>,
    /// Open inputs but for the current one; each stands at a frame not handed out.
    queue: BinaryHeap<Queued>,
    /// The input of the frame that was handed out last.
    current: Option<Box<Source>>,
    problems: Problems,
    /// Standard input, to wait for it without being deaf to everything else.
    pipe: Option<File>,
    crowded: bool,
    total_bytes: Option<u64>,
    bytes_read: Arc<AtomicU64>,
}

impl std::fmt::Debug for Inputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut f = f.debug_struct("Inputs");
        f.field("names", &self.names).field("problems", &self.problems.list()).finish_non_exhaustive()
    }
}

impl Inputs {
    /// Looks at every path, and at the first packet of every capture found. `-` is standard input, a folder stands
    /// for all files below it. Waits for the first packet of a pipe.
    ///
    /// What is wrong with one input is in [`problems`](Self::problems), and the others are read.
    ///
    /// # Errors
    /// When there is no path, or none is a capture that can be opened.
    pub fn open(paths: &[PathBuf], options: Options) -> Result<Self, CaptureError> {
        if paths.is_empty() {
            return Err(CaptureError::NoInput);
        }
        let mut problems = Problems::default();
        let found = discover::discover(paths, &mut problems);
        let mut inputs = Self::empty(options, problems);
        if found.candidates.len() > FEW {
            // Many may be open at once: 8 MiB is what zstd's ordinary levels use at most.
            inputs.options.zstd_window_log = inputs.options.zstd_window_log.min(23);
        }
        inputs.first_look(found);
        if inputs.names.is_empty() {
            return Err(CaptureError::NothingToRead { problems: inputs.problems.into_list() });
        }
        Ok(inputs)
    }

    /// Reads a capture from any reader, as from a pipe called `name`. Waits for its first packet.
    ///
    /// # Errors
    /// When it is no capture.
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static, options: Options) -> Result<Self, CaptureError> {
        let mut inputs = Self::empty(options, Problems::default());
        let name = Arc::from(name);
        let raw = Counted::new(Raw::Reader(Box::new(reader)), Arc::clone(&inputs.bytes_read));
        inputs.total_bytes = None;
        match Source::open(Arc::clone(&name), raw, true, BUFFER, &inputs.options) {
            Err(what) => {
                let problems = vec![InputProblem::of(&name, Severity::Error, what)];
                Err(CaptureError::NothingToRead { problems })
            }
            Ok(source) => {
                inputs.names.push(Arc::clone(&name));
                if let Some((first, source)) = inputs.first_frame(source) {
                    let held = Held::Open(Box::new(source));
                    inputs.waiting.push_back(Waiting { first, id: SourceId(0), name, held });
                }
                Ok(inputs)
            }
        }
    }

    fn empty(options: Options, problems: Problems) -> Self {
        Self {
            options,
            names: Vec::new(),
            waiting: VecDeque::new(),
            queue: BinaryHeap::new(),
            current: None,
            problems,
            pipe: None,
            crowded: false,
            total_bytes: Some(0),
            bytes_read: Arc::default(),
        }
    }

    /// Finds out the order, and reports what holds no frame at all.
    fn first_look(&mut self, found: Found) {
        let mut without_frames = Vec::new();
        let mut captures = vec![0u64; found.folders.len()];
        let mut left_out: Vec<Vec<String>> = vec![Vec::new(); found.folders.len()];
        for (folder, name) in found.left_out {
            push_at(&mut left_out, folder, name);
        }
        for Candidate { name, access, folder } in found.candidates {
            match self.look_at(&name, access) {
                Ok(Some((first, held))) => self.waiting.push_back(Waiting { first, id: SourceId(0), name, held }),
                Ok(None) => without_frames.push(name),
                // A file that calls itself a capture is a damaged one, wherever it lies.
                Err(What::NotACapture { .. } | What::Empty)
                    if folder.is_some() && !discover::calls_itself_capture(&name) =>
                {
                    push_at(&mut left_out, folder.unwrap_or_default(), discover::file_name(name.as_ref().as_ref()));
                    continue;
                }
                Err(what) => {
                    self.problems.push(InputProblem::of(&name, Severity::Error, what));
                    continue;
                }
            }
            if let Some(n) = folder.and_then(|f| captures.get_mut(f)) {
                *n += 1;
            }
        }
        for ((folder, captures), mut names) in found.folders.iter().zip(captures).zip(left_out) {
            let files = names.len() as u64;
            if files > 0 {
                names.truncate(EXAMPLES);
                let what = What::FolderSkipped { files, examples: names };
                self.problems.push(InputProblem::of(folder, Severity::Note, what));
            }
            if captures == 0 {
                self.problems.push(InputProblem::of(folder, Severity::Error, What::FolderWithoutCaptures));
            }
        }
        self.waiting.make_contiguous().sort_by_key(|w| w.first);
        for (w, id) in self.waiting.iter_mut().zip(0..) {
            w.id = SourceId(id);
            self.names.push(Arc::clone(&w.name));
        }
        self.names.append(&mut without_frames);
    }

    /// The time of a candidate's first frame and how to get back to it; `None` for a capture without frames.
    fn look_at(&mut self, name: &Arc<str>, access: Access) -> Result<Option<(PacketTime, Held)>, What> {
        match access {
            Access::Stream(file) => {
                self.pipe = file.try_clone().ok();
                let len = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
                self.total_bytes = self.total_bytes.zip(len).map(|(a, b)| a.saturating_add(b));
                let raw = Counted::new(Raw::File(file), Arc::clone(&self.bytes_read));
                let source = Source::open(Arc::clone(name), raw, len.is_none(), BUFFER, &self.options)?;
                Ok(self.first_frame(source).map(|(first, s)| (first, Held::Open(Box::new(s)))))
            }
            Access::File { path, len } => {
                let file = File::open(&path).map_err(|e| discover::unopened(&e))?;
                let raw = Counted::new(Raw::File(file), Arc::default());
                let source = Source::open(Arc::clone(name), raw, false, SMALL_BUFFER, &self.options)?;
                let first = self.first_frame(source);
                if first.is_some() {
                    self.total_bytes = self.total_bytes.map(|n| n.saturating_add(len));
                }
                Ok(first.map(|(first, _)| (first, Held::Path(path))))
            }
        }
    }

    /// Goes to the first frame; reports what is wrong if there is none.
    fn first_frame(&mut self, mut source: Source) -> Option<(PacketTime, Source)> {
        source.advance(true);
        if let Some(first) = source.head_time() {
            return Some((first, source));
        }
        source.finish(&mut self.problems);
        None
    }

    /// Opens every waiting input whose first packet is not later than the earliest frame at hand.
    fn open_due(&mut self) {
        while let Some(next) = self.waiting.front() {
            let now = [self.current.as_ref().and_then(|c| c.head_time()), self.queue.peek().map(|q| q.0)];
            if now.into_iter().flatten().min().is_some_and(|now| next.first > now) {
                return;
            }
            let open = self.queue.len() + usize::from(self.current.is_some());
            if open >= self.options.max_open.max(1) {
                if !self.crowded {
                    self.crowded = true;
                    let what = What::TooManyOpen { limit: self.options.max_open.max(1) };
                    self.problems.push(InputProblem::of(&next.name, Severity::Note, what));
                }
                return;
            }
            let Some(due) = self.waiting.pop_front() else { return };
            if let Some(mut source) = self.reopen(due.held, &due.name, open) {
                source.id = due.id;
                source.advance(true);
                match source.head_time() {
                    Some(t) => self.queue.push(Queued(t, source)),
                    None => source.finish(&mut self.problems),
                }
            }
        }
    }

    fn reopen(&mut self, held: Held, name: &Arc<str>, open: usize) -> Option<Box<Source>> {
        let path = match held {
            Held::Open(source) => return Some(source),
            Held::Path(path) => path,
        };
        let capacity = if open < MANY { BUFFER } else { SMALL_BUFFER };
        let opened = File::open(path).map_err(|e| What::Gone { reason: e.to_string() }).and_then(|file| {
            let raw = Counted::new(Raw::File(file), Arc::clone(&self.bytes_read));
            Source::open(Arc::clone(name), raw, false, capacity, &self.options)
        });
        match opened {
            Ok(source) => Some(Box::new(source)),
            Err(what) => {
                self.problems.push(InputProblem::of(name, Severity::Error, what));
                None
            }
        }
    }

    /// Makes the input with the earliest frame the current one, once the current one left its last frame or others
    /// came in.
    fn choose(&mut self) {
        if !self.waiting.is_empty() {
            self.open_due();
        }
        let Some(current) = &mut self.current else {
            self.current = self.queue.pop().map(|q| q.1);
            return;
        };
        let (Some(t), Some(mut earliest)) = (current.head_time(), self.queue.peek_mut()) else { return };
        if earliest.key() < (t, current.id) {
            earliest.0 = t;
            std::mem::swap(&mut earliest.1, current);
        }
    }

    /// The next frame in time order. Waits where a pipe has nothing yet; see [`ready`](Self::ready).
    #[allow(clippy::should_implement_trait)] // it lends
    #[inline]
    pub fn next(&mut self) -> Step<'_> {
        if self.reach() {
            return Step::Idle;
        }
        self.current.as_mut().and_then(|c| c.hand_out()).map_or(Step::End, Step::Frame)
    }

    /// The next frames in time order, all from one input.
    fn lend<'s>(&'s mut self, most: usize, out: &mut Vec<Frame<'s>>) -> Lent {
        if self.reach() {
            return Lent::Idle;
        }
        let others = [self.queue.peek().map(|q| q.0), self.waiting.front().map(|w| w.first)];
        let before = others.into_iter().flatten().min();
        if let Some(current) = &mut self.current {
            current.lend(most, before, out);
        }
        if out.is_empty() { Lent::End } else { Lent::Frames }
    }

    /// Goes to the next frame. True when a pipe has nothing yet.
    #[inline]
    fn reach(&mut self) -> bool {
        if !self.ready()
            && let Some(pipe) = &self.pipe
            && poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&PATIENCE)) == Ok(0)
        {
            return true;
        }
        if let Some(current) = &mut self.current
            && current.advance(true) == Advance::End
            && let Some(ended) = self.current.take()
        {
            ended.finish(&mut self.problems);
        }
        if !(self.queue.is_empty() && self.waiting.is_empty()) {
            self.choose();
        }
        false
    }

    /// Whether [`next`](Self::next) answers without waiting for a pipe: always for files, and for a pipe while a
    /// complete packet is in the buffer.
    pub fn ready(&mut self) -> bool {
        self.current.as_mut().is_none_or(|c| !c.may_block || c.advance(false) != Advance::Wait)
    }

    /// What was wrong so far; complete after [`Step::End`]. At most 1000, see
    /// [`problems_omitted`](Self::problems_omitted).
    pub fn problems(&self) -> &[InputProblem] {
        self.problems.list()
    }

    /// Frames that are missing, as far as the inputs that were read to their end say.
    pub fn dropped(&self) -> Dropped {
        self.problems.dropped()
    }

    /// Problems beyond those kept.
    pub fn problems_omitted(&self) -> u64 {
        self.problems.omitted()
    }

    /// Whether anything that was asked for could not be read, as far as is known: exit code 2.
    pub fn damaged(&self) -> bool {
        self.problems.errors() > 0
    }

    /// Name of an input: its path, or `standard input`. Empty for an id that is not of this run.
    pub fn source_name(&self, id: SourceId) -> &str {
        usize::try_from(id.0).ok().and_then(|i| self.names.get(i)).map_or("", |n| n)
    }

    /// Number of inputs that are captures, those without a frame (which have the highest ids) included.
    pub fn source_count(&self) -> usize {
        self.names.len()
    }

    /// Bytes of all inputs that hold frames, as stored (compressed); `None` if one of them is a pipe.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// The counter behind [`bytes_read`](Self::bytes_read), for a progress display in another thread.
    pub fn meter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_read)
    }

    /// Bytes read of all inputs, as they lie on the disk.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Atomic::Relaxed)
    }
}

impl PacketSource for Inputs {
    fn next(&mut self) -> Step<'_> {
        Inputs::next(self)
    }

    fn lend<'s>(&'s mut self, most: usize, out: &mut Vec<Frame<'s>>) -> Lent {
        Inputs::lend(self, most, out)
    }

    fn ready(&mut self) -> bool {
        Inputs::ready(self)
    }
}

fn push_at(lists: &mut [Vec<String>], index: usize, item: String) {
    if let Some(list) = lists.get_mut(index) {
        list.push(item);
    }
}
