//! minewatch finds every machine that mines cryptocurrency by its network traffic.
//!
//! The folders are the stages of the pipeline, in order:
//!
//! ```text
//! capture -> decode -> flow -> carrier -> dialect -> evidence -> ledger -> sink, firewall
//! ```
//!
//! Left of the ledger everything is a pure function of frames and their timestamps ([`time::PacketTime`]); right of
//! it slow things may wait, and `state` remembers over restarts. [`pipeline`] puts the rooms together, [`cli`] is the
//! command line on top.

pub mod address;
pub mod capture;
pub mod carrier;
pub mod cli;
pub mod config;
pub mod decode;
pub mod detect;
pub mod dialect;
pub mod enforce;
pub mod evidence;
pub mod file;
pub mod firewall;
pub mod flow;
pub mod health;
pub mod intel;
pub mod ledger;
pub mod notify;
pub mod pipeline;
pub mod prefetch;
pub mod rhythm;
pub mod sandbox;
#[cfg(all(feature = "live", feature = "state"))]
pub mod serve;
pub mod sink;
#[cfg(feature = "state")]
pub mod state;
pub mod text;
pub mod time;
pub mod wallet;
