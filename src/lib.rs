//! minewatch finds every machine that mines cryptocurrency by its network traffic.
//!
//! The folders are the stages of the pipeline, in order:
//!
//! ```text
//! capture -> decode -> flow -> carrier -> dialect -> evidence -> ledger -> sink, firewall
//! ```
//!
//! Left of the ledger everything is a pure function of frames and their timestamps ([`time::PacketTime`]); right of
//! it slow things may wait. [`pipeline`] puts the rooms together, [`cli`] is the command line on top.

pub mod capture;
pub mod decode;
pub mod health;
pub mod time;
