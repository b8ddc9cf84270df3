//! The user to become. The account files are read directly: the C library's way loads plug-ins.
//!
//! Source: passwd(5).

use std::fmt;
use std::path::Path;

use rustix::process::{Gid, Uid};

/// The name that packages give it.
pub(super) const USUAL: &str = "minewatch";
const ACCOUNTS: &str = "/etc/passwd";

/// A user of this machine, who is not root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    name: String,
    uid: u32,
    gid: u32,
}

/// Why there is no such user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// The name is not in the account file.
    #[error("there is no user {0:?} in {ACCOUNTS}")]
    NotThere(String),
    /// To become root is not to give up anything.
    #[error("the user {0:?} has root's number or group")]
    Root(String),
    /// The account file cannot be read.
    #[error("{ACCOUNTS} cannot be read: {0}")]
    Unread(String),
}

impl User {
    /// The user of that name.
    pub fn named(name: &str) -> Result<Self, UserError> {
        Self::find(Path::new(ACCOUNTS), name)
    }

    /// The user `minewatch`, if there is one.
    pub fn usual() -> Option<Self> {
        Self::named(USUAL).ok()
    }

    fn find(accounts: &Path, name: &str) -> Result<Self, UserError> {
        let text = std::fs::read_to_string(accounts).map_err(|e| UserError::Unread(e.to_string()))?;
        let user = text.lines().find_map(|line| {
            let mut fields = line.split(':');
            let [found, _password, uid, gid] = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
            let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
            (found == name).then(|| Self { name: name.to_owned(), uid, gid })
        });
        match user {
            // The largest number means "no change" to the kernel.
            Some(u) if [0, u32::MAX].contains(&u.uid) || [0, u32::MAX].contains(&u.gid) => Err(UserError::Root(u.name)),
            Some(u) => Ok(u),
            None => Err(UserError::NotThere(name.to_owned())),
        }
    }

    pub(super) fn uid(&self) -> Uid {
        Uid::from_raw(self.uid)
    }

    pub(super) fn gid(&self) -> Gid {
        Gid::from_raw(self.gid)
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (uid {}, gid {})", self.name, self.uid, self.gid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_user_without_roots_numbers_is_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let accounts = "root:x:0:0:root:/root:/bin/sh\n\nodd\nnan:x:many:1::/:\nminewatch:x:991:990::/:/bin/false\n\
                        toor:x:0:5::/:\nwheel:x:5:0::/:\nwrap:x:4294967295:5::/:\nbeyond:x:4294967296:5::/:\n";
        std::fs::write(file.path(), accounts).unwrap();
        let find = |name: &str| User::find(file.path(), name);
        assert_eq!(find("minewatch").unwrap().to_string(), "minewatch (uid 991, gid 990)");
        for name in ["root", "toor", "wheel", "wrap"] {
            assert_eq!(find(name), Err(UserError::Root(name.to_owned())));
        }
        for name in ["", "odd", "nan", "beyond", "minewatc", "minewatch:x"] {
            assert_eq!(find(name), Err(UserError::NotThere(name.to_owned())));
        }
    }
}
