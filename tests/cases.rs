//! The cases that users of such tools ran into, one test a row, run end to end: a capture composed as the row says,
//! the program over it, and the row's expectation on what comes out. Each kind has siblings that no row names, because
//! the kind is to be right and not the case.
//!
//! IL01 to IL09 are also in `tests/feeds.rs`, FN09 and FN15 in `tests/wrappings.rs`. Rows that are nowhere, and the
//! issue they wait for:
//!
//! | rows | issue | why |
//! |---|---|---|
//! | NF01, NF09, EO01, EO11 | 5 | prefixes are never decided by replay; the gate and the formats are tested on their own |
//! | NF13 (by itself), CR03, SE09, OP01, OP03, OP07 | 5 | live capture, applying, privileges, dry run |
//! | SF01 (as a feed), SF03, SF11 (restart) | 5 | entries that come from a feed or from disk; the gate itself is here |
//! | EO15 | 5 | Suricata itself; the files are here and in the tests of the formats |
//! | AL01–AL07 | 5 | sinks that alert |
//! | CR01, FS01 (5 million SYNs) | 6 | a stress run; a tenth of it is here |
//! | FN07 | 7 | miners that encrypt |

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
