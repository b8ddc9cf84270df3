//! Rings of one interface as one group of the kernel's (packet(7), `PACKET_FANOUT`): each frame goes to one of them.
//!
//! In: packet sockets and a program that says which. Nothing comes out. Here is all that is unsafe in this package: the
//! system calls have no safe face in the crates that are used.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{SOL_PACKET, sock_filter, sock_fprog, socklen_t};

/// Options, mode and flag of `linux/if_packet.h`.
const PACKET_FANOUT: c_int = 18;
const PACKET_FANOUT_DATA: c_int = 22;
const PACKET_FANOUT_CBPF: c_int = 6;
const PACKET_FANOUT_FLAG_UNIQUEID: c_int = 0x2000;

/// A group, by the number that the kernel gave it: unique in its network namespace, gone with its last socket.
#[derive(Clone, Copy)]
pub(super) struct Group(u16);

impl Group {
    /// A new one with a first member, and `program` to say which member is to get a frame: what it returns, modulo their
    /// number.
    pub(super) fn new(first: BorrowedFd<'_>, program: &[sock_filter]) -> io::Result<Self> {
        set(first, PACKET_FANOUT, &((PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID) << 16))?;
        let group = Self(number(first)?);
        let len = u16::try_from(program.len()).map_err(io::Error::other)?;
        set(first, PACKET_FANOUT_DATA, &sock_fprog { len, filter: program.as_ptr().cast_mut() })?;
        Ok(group)
    }

    /// One more member.
    pub(super) fn join(self, more: BorrowedFd<'_>) -> io::Result<()> {
        set(more, PACKET_FANOUT, &(PACKET_FANOUT_CBPF << 16 | c_int::from(self.0)))
    }
}

/// Values that the kernel may be given for the options above.
trait OptionValue {}
impl OptionValue for c_int {}
/// Its pointer must be good for `len` instructions while the call lasts: [`Group::new`] takes both from one slice.
impl OptionValue for sock_fprog {}

fn set<T: OptionValue>(socket: BorrowedFd<'_>, option: c_int, value: &T) -> io::Result<()> {
    let from: *const T = value;
    // SAFETY: the socket is open while it is borrowed. The kernel reads `size_of::<T>()` bytes from `from`, a reference
    // to as many. For a `sock_fprog` it also reads `len` instructions from `filter`, which come from a slice that is
    // borrowed by the caller; it copies them and writes neither. The bytes between the two fields of that may hold
    // anything: it does not look at them. Nothing is kept after the call.
    let done = unsafe {
        libc::setsockopt(socket.as_raw_fd(), SOL_PACKET, option, from.cast::<c_void>(), size_of::<T>() as socklen_t)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The group that a socket is in.
fn number(socket: BorrowedFd<'_>) -> io::Result<u16> {
    let mut value: c_int = 0;
    let mut len = size_of::<c_int>() as socklen_t;
    let to: *mut c_int = &raw mut value;
    // SAFETY: the socket is open while it is borrowed. The kernel writes at most `len` bytes to `to`, which is an integer
    // of just that size, and the length to `len`; both live on this stack and nobody else has them.
    let done =
        unsafe { libc::getsockopt(socket.as_raw_fd(), SOL_PACKET, PACKET_FANOUT, to.cast::<c_void>(), &raw mut len) };
    // The number is the lower half, mode and flags are above.
    if done == 0 { Ok(value as u16) } else { Err(io::Error::last_os_error()) }
}
