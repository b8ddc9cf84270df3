//! Captures that nobody here made, and the truth about them. They are not part of the project.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The folder, or a line that says that `tests` are skipped.
pub(crate) fn folder(tests: usize) -> Option<PathBuf> {
    let path = std::env::var_os("MINEWATCH_CAPTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"), PathBuf::from);
    if path.join("truth.json").is_file() {
        return Some(path);
    }
    say(&format!("skipped {tests} tests over real captures: {} is not here", path.display()));
    None
}

/// Prints past the test runner's own capture.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Every file below a folder, sorted.
pub(crate) fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// What is known of one flow.
#[derive(Deserialize, Debug)]
pub(crate) struct Truth {
    pub(crate) client: IpAddr,
    client_port: Option<u16>,
    pub(crate) server: IpAddr,
    server_port: Option<u16>,
    pub(crate) label: String,
    pub(crate) first_frame: u64,
    pub(crate) dialect: Option<String>,
    detectable_by: Option<String>,
    pub(crate) pool_response: Option<String>,
    pub(crate) worker: Option<String>,
    pub(crate) agent: Option<String>,
    /// Elements of a `mining.notify`, as a number or its digits.
    notify_params: Option<serde_json::Value>,
}

/// Two ends, whoever is first.
pub(crate) type Ends = [SocketAddr; 2];

/// The two ends in a fixed order.
pub(crate) fn unordered(a: SocketAddr, b: SocketAddr) -> Ends {
    let mut ends = [a, b];
    ends.sort();
    ends
}

impl Truth {
    pub(crate) fn ends(&self) -> Ends {
        unordered(
            SocketAddr::new(self.client, self.client_port.unwrap_or(0)),
            SocketAddr::new(self.server, self.server_port.unwrap_or(0)),
        )
    }

    /// Mining that the payload shows.
    pub(crate) fn must_be_found(&self) -> bool {
        self.label == "mining" && self.detectable_by.as_deref() == Some("payload")
    }

    /// What must not be accused.
    pub(crate) fn is_innocent(&self) -> bool {
        self.label == "benign" || self.label == "p2p-node"
    }

    /// How many elements its `mining.notify` has.
    pub(crate) fn notify_elements(&self) -> Option<u64> {
        let v = self.notify_params.as_ref()?;
        v.as_u64().or_else(|| v.as_str()?.parse().ok())
    }
}

/// The truth by file name relative to the folder.
pub(crate) fn truth(folder: &Path) -> BTreeMap<PathBuf, Vec<Truth>> {
    #[derive(Deserialize)]
    struct File {
        file: PathBuf,
        flows: Vec<Truth>,
    }
    let text = std::fs::read_to_string(folder.join("truth.json")).unwrap();
    let list: Vec<File> = serde_json::from_str(&text).unwrap();
    list.into_iter().map(|f| (f.file, f.flows)).collect()
}
