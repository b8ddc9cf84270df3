//! Programs from npm, installed on demand into the target folder and kept there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Whoever is slower than this is not reachable.
const SECONDS: &str = "40";
/// Without this npm waits for more than a minute where there is no network.
const IMPATIENT: [&str; 3] = ["--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=1000"];

/// Scripts and the list of packages, with their checksums.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/npm")
}

/// The folder with `node_modules`, or why there is none.
pub(crate) fn folder() -> Result<&'static Path, &'static str> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOLDER.get_or_init(install) {
        Ok(folder) => Ok(folder),
        Err(why) => Err(why),
    }
}

fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers-npm");
    let wanted = fs::read_to_string(sources().join("package-lock.json")).unwrap();
    let done = folder.join("installed.json");
    if fs::read_to_string(&done).is_ok_and(|d| d == wanted) {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).unwrap();
    for name in ["package.json", "package-lock.json"] {
        fs::copy(sources().join(name), folder.join(name)).unwrap();
    }
    // No script of a package runs outside of a namespace.
    let out = Command::new("timeout")
        .args([SECONDS, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", "cache"])
        .args(IMPATIENT)
        .current_dir(&folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("npm: {e}"))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        let why = said.lines().rfind(|l| l.contains("code ") || l.contains("not found")).unwrap_or("no answer in time");
        return Err(format!("npm could not install its packages: {}", why.trim()));
    }
    fs::write(done, wanted).unwrap();
    // Root may do this for somebody who has to be able to clean up.
    let _ = Command::new("chown").args(["-R", "--reference", env!("CARGO_TARGET_TMPDIR")]).arg(&folder).status();
    Ok(folder)
}

/// Shell words that run one of our scripts with the packages at hand.
pub(crate) fn node(script: &str) -> String {
    let modules = folder().unwrap().join("node_modules");
    format!("env NODE_PATH={} node {}", modules.display(), sources().join(script).display())
}

/// The packages that are asked for, with their versions.
pub(crate) fn wanted() -> Vec<(String, String)> {
    let text = fs::read_to_string(sources().join("package.json")).unwrap();
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    let all = list["dependencies"].as_object().unwrap();
    all.iter().map(|(name, version)| (name.clone(), version.as_str().unwrap().to_owned())).collect()
}

/// The version that is installed of a package.
pub(crate) fn version(package: &str) -> String {
    let path = folder().unwrap().join("node_modules").join(package).join("package.json");
    let package: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    package["version"].as_str().unwrap().to_owned()
}
