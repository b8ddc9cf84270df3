//! The cases that users of such tools ran into, one test a row, run end to end: a capture composed as the row says,
//! the program over it, and the row's expectation on what comes out. Each kind has siblings that no row names, because
//! the kind is to be right and not the case.
//!
//! IL01 to IL09 are also in `tests/feeds.rs`, FN09 and FN15 in `tests/wrappings.rs`, OP01 and SE09 in `tests/sandbox.rs`
//! and `tests/service.rs`, OP03 in `tests/watch.rs`, OP05 in `src/health/watchdog.rs`, OP07 in `tests/cli/policy.rs` and
//! `tests/lab`, NF13 in `tests/lab`, SF03 and SF11 in `tests/state.rs`. Rows that are nowhere, and why:
//!
//! | rows | why |
//! |---|---|
//! | NF01, NF09, EO01, EO11 | prefixes are never decided by replay; the gate and the formats are tested on their own |
//! | SF01 (as a feed) | the gate itself is here |
//! | EO15 | Suricata itself; the files are here and in the tests of the formats |
//! | AL01, AL07 | nothing is sent to a chat or a SIEM but what is printed |
//! | CR01, FS01 (5 million SYNs) | a stress run; a tenth of it is here |
//! | FN07 | miners that encrypt |

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // nothing here comes from a network

#[path = "../pcaps/generate/kit.rs"]
mod kit;
#[allow(dead_code)] // the connections and roles are for the tests of firewalls
mod netns;
#[path = "cases/said.rs"]
mod said;
#[path = "cases/scene.rs"]
mod scene;

#[path = "cases/decap.rs"]
mod decap;
#[path = "cases/false_alarms.rs"]
mod false_alarms;
#[path = "cases/flows.rs"]
mod flows;
#[path = "cases/formats.rs"]
mod formats;
#[path = "cases/leave.rs"]
mod leave;
#[path = "cases/lists.rs"]
mod lists;
#[path = "cases/misses.rs"]
mod misses;
#[path = "cases/name_lists.rs"]
mod name_lists;
#[path = "cases/names.rs"]
mod names;
#[path = "cases/pcapng.rs"]
mod pcapng;
#[path = "cases/safety.rs"]
mod safety;
#[path = "cases/security.rs"]
mod security;
