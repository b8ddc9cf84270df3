//! Capture files: the input is a whole file or pipe.
//!
//! Promises: frames are numbered upwards, never longer than the cap and never longer on the wire than claimed; nothing
//! follows the end; an unreadable input says why; and the way the bytes arrive changes nothing of what is read,
//! but for a damaged compressed stream, of which the last piece may be lost.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Cursor, Read};

use minewatch::capture::{Inputs, MAX_FRAME, Options, Step};

/// Frames read of one input: a small gzip bomb holds millions.
const MAX_FRAMES: usize = 4096;

/// One frame, with a hash of its bytes: number, time, link type, captured and wire length.
type Seen = (u64, i64, u16, usize, u32, u64);

/// Gives out its bytes in small pieces, as a pipe may.
struct Dribble(Cursor<Vec<u8>>, usize);

impl Read for Dribble {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.1 = (self.1 * 7 + 3) % 61;
        let n = (1 + self.1).min(buf.len());
        self.0.read(&mut buf[..n])
    }
}

/// Reads the input twice.
pub fn run(data: &[u8]) {
    let whole = read(Cursor::new(data.to_vec()), data);
    let pieces = read(Dribble(Cursor::new(data.to_vec()), data.len()), data);
    if packed(data) && whole.2 && pieces.2 {
        // A decompressor that finds damage gives nothing of that call: how much it gave before is a matter of chance.
        let n = whole.0.len().min(pieces.0.len());
        assert_eq!(whole.0[..n], pieces.0[..n], "the way the bytes arrive changes what is read before the damage");
    } else {
        assert_eq!(whole, pieces, "the way the bytes arrive changes what is read");
    }
}

/// Starts like gzip or zstd.
fn packed(data: &[u8]) -> bool {
    data.starts_with(&[0x1f, 0x8b])
        || data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || data.get(1..4) == Some(&[0x2a, 0x4d, 0x18])
}

fn read(reader: impl Read + Send + 'static, data: &[u8]) -> (Vec<Seen>, Vec<String>, bool) {
    let options = Options { unpack_free: 1 << 20, unpack_ratio: 20, ..Options::default() };
    let mut inputs = match Inputs::from_reader("input", reader, options) {
        Ok(inputs) => inputs,
        Err(e) => {
            assert!(!e.to_string().is_empty());
            return (Vec::new(), vec![e.to_string()], true);
        }
    };
    let mut seen = Vec::new();
    let mut captured = 0;
    while seen.len() < MAX_FRAMES {
        let frame = match inputs.next() {
            Step::Frame(frame) => frame,
            Step::Idle => unreachable!("only live capture is idle"),
            Step::End => {
                assert!(matches!(inputs.next(), Step::End), "a frame after the end");
                break;
            }
        };
        assert!(frame.data.len() <= MAX_FRAME, "a frame of {} bytes", frame.data.len());
        assert!(frame.wire_len as usize >= frame.data.len(), "longer than on the wire");
        let before = seen.last().map_or(0, |s: &Seen| s.0);
        assert_eq!(frame.at.number, before + 1, "frames are numbered from 1 without holes");
        captured += frame.data.len();
        let mut hash = DefaultHasher::new();
        frame.data.hash(&mut hash);
        let time = frame.time.as_nanos();
        seen.push((frame.at.number, time, frame.link.0, frame.data.len(), frame.wire_len, hash.finish()));
    }
    if !packed(data) && data.len() > 4 {
        assert!(captured <= data.len(), "{captured} bytes out of {}", data.len());
    }
    let problems: Vec<_> = inputs.problems().iter().map(ToString::to_string).collect();
    assert!(problems.iter().all(|p| !p.is_empty()));
    assert!(!inputs.damaged() || !problems.is_empty(), "damaged, and nothing says so");
    (seen, problems, inputs.damaged())
}
