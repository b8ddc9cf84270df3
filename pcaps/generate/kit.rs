//! The parts of which the project's captures are made, for the generator and for tests.
//!
//! A test takes them with
//!
//! ```ignore
//! #[path = "../pcaps/generate/kit.rs"]
//! mod kit;
//!
//! for (name, dialect, dialogue) in kit::dialogues::all(1) { /* bytes of both sides, with the truth about them */ }
//! ```
//!
//! From small to large: [`rng`] and [`wallet`] make values, [`dialogues`] and [`benign`] what two programs say to each
//! other ([`dialogue::Dialogue`]), [`heard`] what goes on for long and cannot be read, [`dns`], [`tls`] and [`web`] what they say around it, [`wrappings`] what that
//! travels in, [`tcp`] the segments that carry it, [`mangle`] what networks and sensors do to
//! segments, [`wire`] and [`carriage`] the frames, [`file`] the capture files, [`expect`] what a detector should find,
//! [`capture`] one capture with its hosts and hours, and [`catalogue`] all of them.

// Every user takes a part of the kit, and none of its input comes from a network.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::indexing_slicing)]
#![allow(clippy::missing_panics_doc, clippy::too_many_lines, clippy::cast_lossless)]
#![allow(clippy::doc_markdown, clippy::similar_names)]

pub mod benign;
#[path = "../../tests/tls/build.rs"]
pub mod build;
pub mod capture;
pub mod carriage;
pub mod catalogue;
pub mod deflate;
pub mod dialogue;
pub mod dialogues;
pub mod dns;
pub mod expect;
pub mod file;
pub mod heard;
pub mod mangle;
pub mod rng;
pub mod tcp;
pub mod tls;
pub mod wallet;
pub mod web;
pub mod websocket;
pub mod wire;
pub mod wrappings;
