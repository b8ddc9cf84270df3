//! Opens the database: makes what is missing, moves aside what cannot be used.
//!
//! In: a folder. Out: a connection to a sound database of this version, and sentences about what was not as it should be.
//! Nothing that was there is ever overwritten or deleted.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::problem::StateError;
use super::schema::{self, APPLICATION, VERSION};
use super::store::{Loaded, Store};
use super::{FILE, rows};

/// How long another program may hold the database.
const PATIENCE: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(2) };
/// A log that grew beyond this is cut back, in bytes.
const LOG_LIMIT: i64 = 16 << 20;
/// What lies beside a database: changes that are not yet in it, and their index.
const BESIDE: &[&str] = &["-wal", "-shm"];

/// A store that can be used.
#[derive(Debug)]
pub struct Opened {
    /// It.
    pub store: Store,
    /// What was not as it should be, as sentences.
    pub warnings: Vec<String>,
}

impl Store {
    /// Opens the store in a folder for a program that lives long. Folder and database are made where they are missing; a
    /// database that is damaged, or of a newer version, is moved aside and an empty one takes its place.
    pub fn open(dir: &Path) -> Result<Opened, StateError> {
        let mut warnings = Vec::new();
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| StateError::io(dir, "made", &e))?;
        let path = place(dir)?;
        if open_to_others(&path) {
            warnings.push(format!(
                "{} may be written by other users, who could put block entries there: chmod 700 {0}",
                dir.display()
            ));
        }
        match look(&path)? {
            Found::Nothing | Found::Empty if has_leftovers(&path) => {
                warnings.push(move_aside(&path, "damaged", "its main file is missing or empty")?);
                make(&path)?;
            }
            Found::Nothing => make(&path)?,
            Found::Empty => warnings.push(format!("{} was empty: nothing is remembered from before", path.display())),
            Found::File => {}
        }
        let db = match connect(&path, Access::Shared) {
            Ok(db) => db,
            Err(e) if e.is_damage() => {
                let (word, why) = match &e {
                    StateError::Newer { found, .. } => ("newer", format!("a newer version wrote it (format {found})")),
                    StateError::Damaged { why, .. } => ("damaged", why.clone()),
                    other => ("damaged", other.to_string()),
                };
                warnings.push(move_aside(&path, word, &why)?);
                make(&path)?;
                connect(&path, Access::Shared)?
            }
            Err(e) => return Err(e),
        };
        Ok(Opened { store: Store::new(db, path)?, warnings })
    }

    /// Opens the store of another program, for reading it and for leaving orders there. Makes nothing and moves nothing.
    pub fn open_existing(dir: &Path) -> Result<Self, StateError> {
        let not_there = || StateError::NotThere(dir.to_owned());
        match fs::metadata(dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(not_there()),
            Err(e) => return Err(StateError::io(dir, "looked into", &e)),
            Ok(_) => {}
        }
        let path = place(dir)?;
        match look(&path)? {
            Found::Nothing | Found::Empty => Err(not_there()),
            Found::File => {
                let db = connect(&path, Access::Shared)?;
                Store::new(db, path)
            }
        }
    }
}

/// How a database is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// For reading and writing, with others.
    Shared,
    /// For reading, alone: needs no room on the disk.
    Alone,
    /// For reading, as it is: needs no right to write. Changes that lie beside it are not seen.
    Frozen,
}

impl Store {
    /// Reads what can be read where nothing can be written.
    pub(super) fn peek(dir: &Path) -> Option<Loaded> {
        let path = place(dir).ok().filter(|p| matches!(look(p), Ok(Found::File)))?;
        let read = |access| Self::new(connect(&path, access)?, path.clone())?.load();
        read(Access::Alone).or_else(|_| read(Access::Frozen)).ok()
    }
}

/// The database in a folder. Links on the way to the folder are the operator's business; the database itself is no link.
fn place(dir: &Path) -> Result<PathBuf, StateError> {
    fs::canonicalize(dir).map(|d| d.join(FILE)).map_err(|e| StateError::io(dir, "looked into", &e))
}

enum Found {
    Nothing,
    Empty,
    File,
}

fn look(path: &Path) -> Result<Found, StateError> {
    match fs::symlink_metadata(path) {
        Ok(m) if m.is_symlink() => Err(StateError::Symlink(path.to_owned())),
        Ok(m) if !m.is_file() => Err(StateError::NotAFile(path.to_owned())),
        Ok(m) => {
            // Its readers would learn who mines. What cannot be changed is not ours to change.
            if m.permissions().mode() & 0o077 != 0 {
                let _ = fs::set_permissions(path, Permissions::from_mode(0o600));
            }
            Ok(if m.len() == 0 { Found::Empty } else { Found::File })
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(e) => Err(StateError::io(path, "looked at", &e)),
    }
}

fn open_to_others(path: &Path) -> bool {
    let mode = path.parent().and_then(|dir| fs::metadata(dir).ok()).map_or(0, |m| m.permissions().mode());
    mode & 0o022 != 0
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Whether changes of a database lie there without it.
fn has_leftovers(path: &Path) -> bool {
    fs::symlink_metadata(beside(path, "-wal")).is_ok_and(|m| !m.is_file() || m.len() > 0)
}

/// Makes an empty file; `SQLite` gives what it makes itself to everybody. Never opens one that is there: to close it again
/// would take the locks of this whole process off it.
fn make(path: &Path) -> Result<(), StateError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(StateError::io(path, "made", &e)),
        _ => Ok(()),
    }
}

/// Moves a database away with what lies beside it. The sentence that says so.
fn move_aside(path: &Path, word: &str, why: &str) -> Result<String, StateError> {
    let day = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let free = |to: &PathBuf| [""].iter().chain(BESIDE).all(|s| fs::symlink_metadata(beside(to, s)).is_err());
    let mut names = (1..).map(|n| match n {
        1 => beside(path, &format!(".{word}-{day}")),
        n => beside(path, &format!(".{word}-{day}-{n}")),
    });
    let to = names.find(free).unwrap_or_default();
    for suffix in [""].iter().chain(BESIDE) {
        match fs::rename(beside(path, suffix), beside(&to, suffix)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(StateError::io(&beside(path, suffix), "moved aside", &e));
            }
            _ => {}
        }
    }
    Ok(format!(
        "{} could not be used ({why}): it is now {}, and nothing is remembered from before",
        path.display(),
        to.display()
    ))
}

/// A connection to a database that is sound and of this version.
fn connect(path: &Path, access: Access) -> Result<Connection, StateError> {
    let fail = |what| move |e: rusqlite::Error| StateError::sqlite(path, what, &e);
    let damaged = |why: String| StateError::Damaged { path: path.to_owned(), why };
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let opened = match access {
        Access::Frozen => Connection::open_with_flags(
            frozen(path),
            flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
        ),
        _ => Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE),
    };
    let mut db = opened.map_err(fail("opened"))?;
    db.busy_timeout(PATIENCE).map_err(fail("opened"))?;
    if access == Access::Alone {
        // Before the first look: the index of changes is then kept in memory, and not in a file.
        db.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(())).map_err(fail("opened"))?;
    }
    guard(&db).map_err(fail("opened"))?;
    // Before anything is changed: what is not ours, or of a newer version, stays as it is.
    let marks = schema::marks(&db).map_err(fail("read"))?;
    let is_new = marks == (0, 0)
        && db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get::<_, i64>(0)).map_err(fail("read"))? == 0;
    match marks {
        _ if is_new => {}
        (APPLICATION, VERSION) => {
            let said: String = db.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(fail("checked"))?;
            if said != "ok" {
                return Err(damaged(rows::shown(&said, 200)));
            }
            schema::fits(&db).map_err(|e| damaged(e.to_string()))?;
        }
        (APPLICATION, found) if found > VERSION => {
            return Err(StateError::Newer { path: path.to_owned(), found, known: VERSION });
        }
        (APPLICATION, found) => return Err(damaged(format!("its format ({found}) is too old to be read"))),
        _ => return Err(damaged("it is no database of minewatch".to_owned())),
    }
    if access != Access::Shared {
        return Ok(db);
    }
    // A mode that a file system does not support is not entered: it works all the same, with more waiting.
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(fail("written"))?;
    db.pragma_update(None, "synchronous", "NORMAL").map_err(fail("written"))?;
    db.query_row(&format!("PRAGMA journal_size_limit = {LOG_LIMIT}"), [], |_| Ok(())).map_err(fail("written"))?;
    if is_new {
        schema::create(&mut db).map_err(fail("written"))?;
    }
    Ok(db)
}

/// The name of a file that does not change (<https://www.sqlite.org/uri.html>).
fn frozen(path: &Path) -> OsString {
    let mut uri = Vec::from(&b"file:"[..]);
    for b in path.as_os_str().as_encoded_bytes() {
        match b {
            b'?' | b'#' | b'%' => uri.extend(format!("%{b:02x}").bytes()),
            b => uri.push(*b),
        }
    }
    uri.extend(b"?immutable=1");
    OsString::from_vec(uri)
}

/// Nothing that a file holds may run: no triggers, no views, no functions in its tables.
fn guard(db: &Connection) -> rusqlite::Result<()> {
    for (what, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    ] {
        db.set_db_config(what, on)?;
    }
    db.pragma_update(None, "cell_size_check", true)
}
