//! From findings to files that a firewall loads: policy, then the never-block gate, then a format.
//!
//! In: [`BlockCandidate`]s, one for each host × endpoint of the ledger. Out: a [`BlockList`] of typed entries, every
//! [`Refusal`] with its [`Reason`], and for each [`Format`] the bytes of its files. Nothing here reads the wall clock
//! or text that a peer chose: the same capture gives the same bytes on any day.
//!
//! ```text
//! candidates -> gate::decide (forgery, policy, never-block) -> BlockList -> Format::render -> write::write_all
//! ```
//!
//! A [`BlockList`] can only come out of the gate, so no format can print what the gate has not passed. A new format is
//! one file in `format/` and its line in [`FORMATS`].

mod allow;
mod book;
mod candidate;
mod format;
mod gate;
mod guard;
mod isolate;
mod item;
mod list;
mod local;
mod name;
mod policy;
mod prefix;
mod quiet;
mod reason;
mod special;
mod write;

#[cfg(test)]
mod testing;

pub use allow::{AllowError, AllowedPool, AllowedWallet, Talk};
pub use book::{Book, Changes, Limits, Origin, Quiet, Record, Release, Saved, Touched};
pub use candidate::{BlockCandidate, NameUse, Proto, Target, TargetError, Who};
pub use format::{
    FORMATS, Format, Meta, OutFile, RenderOptions, Rendered, Says, Unfit, Warning, format_by_id, left_out,
};
pub use gate::{Decision, NameRefusal, Refusal, admit, admit_with_names, decide, instead_of};
pub use guard::NeverBlock;
pub use isolate::{HostEntry, HostRefusal, Isolation};
pub use item::{Item, ItemError};
pub use list::{BlockList, Entry, NameEntry};
pub use name::{DomainName, NameError, ProtectedName, ProtectedNameError};
pub use policy::{AllowedMiner, Lives, MaxEntries, Policy, PolicyError, Region, Scope, Ttl};
pub use prefix::{Prefix, PrefixError};
pub use quiet::{QuietHours, QuietHoursError, QuietSpan};
pub use reason::Reason;
pub use write::{Destination, WriteError, probe, write_all};
