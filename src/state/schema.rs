//! Tables of the database, and what marks it as ours.
//!
//! Times are nanoseconds since the epoch, absolute: a restart changes nothing in them. Addresses, names and the words of
//! enums are text that people can read; lists are JSON.

use rusqlite::Connection;

/// `minw`, in the header of the file.
pub(super) const APPLICATION: i64 = 0x6d69_6e77;
/// The format that this version writes, in the header of the file.
pub(super) const VERSION: i64 = 2;

/// `kind` of an entry: one endpoint, a whole address, what one host has with an endpoint, a name, a host that is isolated.
pub(super) mod kind {
    pub(in crate::state) const ENDPOINT: &str = "endpoint";
    pub(in crate::state) const ADDRESS: &str = "address";
    pub(in crate::state) const PAIR: &str = "pair";
    pub(in crate::state) const NAME: &str = "name";
    pub(in crate::state) const HOST: &str = "host";
}

/// `subject` is an address or a name, and of a pair `HOST@ADDRESS`: so older versions, which know no pairs, read the rest; what is no endpoint has no protocol (`''`) and port 0.
const TABLES: &str = "
CREATE TABLE entries (
    kind TEXT NOT NULL, subject TEXT NOT NULL, proto TEXT NOT NULL, port INTEGER NOT NULL, origin TEXT NOT NULL,
    verdict TEXT NOT NULL, first INTEGER NOT NULL, last_seen INTEGER NOT NULL, expires INTEGER NOT NULL,
    times INTEGER NOT NULL, reason TEXT NOT NULL, who TEXT NOT NULL, miners TEXT NOT NULL,
    endpoints TEXT NOT NULL,
    PRIMARY KEY (kind, subject, proto, port, origin)
) STRICT, WITHOUT ROWID;
CREATE TABLE released (
    kind TEXT NOT NULL, subject TEXT NOT NULL, proto TEXT NOT NULL, port INTEGER NOT NULL,
    until INTEGER NOT NULL, since INTEGER NOT NULL, who TEXT NOT NULL,
    PRIMARY KEY (kind, subject, proto, port)
) STRICT, WITHOUT ROWID;
CREATE TABLE hosts (
    tenant TEXT NOT NULL, ip TEXT NOT NULL, mac TEXT NOT NULL, name TEXT NOT NULL,
    first INTEGER NOT NULL, last_seen INTEGER NOT NULL, verdict TEXT NOT NULL,
    PRIMARY KEY (tenant, ip, mac)
) STRICT, WITHOUT ROWID;
CREATE TABLE incidents (
    tenant TEXT NOT NULL, ip TEXT NOT NULL, pool TEXT NOT NULL,
    opened INTEGER NOT NULL, last_seen INTEGER NOT NULL, verdict TEXT NOT NULL, dialect TEXT NOT NULL,
    coin TEXT NOT NULL, wallet TEXT NOT NULL, names TEXT NOT NULL,
    submitted INTEGER NOT NULL, accepted INTEGER NOT NULL, rejected INTEGER NOT NULL,
    state TEXT NOT NULL, contained INTEGER, reopened INTEGER NOT NULL,
    PRIMARY KEY (tenant, ip, pool)
) STRICT, WITHOUT ROWID;
";

pub(super) const SELECT_ENTRIES: &str = "SELECT kind, subject, proto, port, origin, verdict, first, last_seen, expires, \
     times, reason, who, miners, endpoints FROM entries";
pub(super) const SELECT_RELEASED: &str = "SELECT kind, subject, proto, port, until, since, who FROM released";
pub(super) const SELECT_HOSTS: &str = "SELECT tenant, ip, mac, name, first, last_seen, verdict FROM hosts";
pub(super) const SELECT_INCIDENTS: &str = "SELECT tenant, ip, pool, opened, last_seen, verdict, dialect, coin, wallet, \
     names, submitted, accepted, rejected, state, contained, reopened FROM incidents";

/// Makes the tables in an empty database, all or none.
pub(super) fn create(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if marks(&tx)? == (0, 0) {
        tx.execute_batch(TABLES)?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.pragma_update(None, "user_version", VERSION)?;
    }
    tx.commit()
}

/// Application and version in the header; both 0 in a new file.
pub(super) fn marks(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    let one = |name| db.pragma_query_value(None, name, |row| row.get(0));
    Ok((one("application_id")?, one("user_version")?))
}

/// Whether all tables have what this version reads of them.
pub(super) fn fits(db: &Connection) -> rusqlite::Result<()> {
    [SELECT_ENTRIES, SELECT_RELEASED, SELECT_HOSTS, SELECT_INCIDENTS]
        .iter()
        .try_for_each(|sql| db.prepare(sql).map(drop))
}
