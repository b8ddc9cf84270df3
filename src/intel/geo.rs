//! Country and network of an address, from databases in `MaxMind`'s format.
//!
//! In: one or more `.mmdb` files: country, ASN, or both in one. Out: a [`Place`]. Two ways of writing a country are in
//! use and both are read: `MaxMind`'s nested `country.iso_code` and the flat `country_code` of `ip-location-db`. A file
//! that is missing or damaged is a warning: what it would have told is shown as unknown, and nothing else is lost.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use maxminddb::Reader;
use serde::Deserialize;

use super::live::FileState;
use crate::file::Unread;
use crate::text::printable;

/// Where an address is.
#[derive(Clone, PartialEq, Eq, Default, Debug, serde::Serialize)]
pub struct Place {
    /// Country, ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// Number of the network that announces it (RFC 6793).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// Name of that network, safe to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Box<str>>,
}

/// A country's two letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Country([u8; 2]);

impl Country {
    /// Reads two letters; upper and lower case are the same.
    pub fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Some(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }

    /// The letters, in upper case.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl serde::Serialize for Country {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

/// A record of any of the schemas in use; what it does not have is left out.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    country: Option<Nested<'a>>,
    #[serde(borrow, default)]
    registered_country: Option<Nested<'a>>,
    #[serde(default)]
    country_code: Option<&'a str>,
    #[serde(default)]
    autonomous_system_number: Option<u32>,
    #[serde(default)]
    autonomous_system_organization: Option<&'a str>,
}

#[derive(Deserialize)]
struct Nested<'a> {
    #[serde(default)]
    iso_code: Option<&'a str>,
}

/// One file.
#[derive(Clone)]
struct Database {
    path: PathBuf,
    /// What it was when it was read, to see that it was replaced.
    state: FileState,
    reader: Option<Arc<Reader<Vec<u8>>>>,
}

/// What is known of places; by default nothing. A clone shares the databases.
#[derive(Clone, Default)]
pub struct Geo {
    databases: Vec<Database>,
}

/// Bytes of a name of a network that are shown.
const MAX_NETWORK: usize = 64;
/// The largest file that is read: today's largest city databases have 130 MB.
const MAX_FILE: u64 = 1 << 30;

impl Geo {
    /// Reads the files. Sentences say what is wrong with those that cannot be.
    pub fn open(paths: &[PathBuf]) -> (Self, Vec<String>) {
        let mut geo = Self::default();
        let mut warnings = Vec::new();
        for path in paths {
            // Before it is read: whoever replaces it meanwhile is noticed later.
            let state = FileState::of(path);
            let (reader, warning) = match read(path) {
                Ok(reader) => (Some(Arc::new(reader)), None),
                Err(sentence) => (None, Some(sentence)),
            };
            warnings.extend(warning);
            geo.databases.push(Database { path: path.clone(), state, reader });
        }
        (geo, warnings)
    }

    /// Reads again the files that were replaced since. One that is gone or cannot be read leaves the old one in use.
    pub fn refresh(&mut self) -> Vec<String> {
        let mut warnings = Vec::new();
        for db in &mut self.databases {
            let now = FileState::of(&db.path);
            if now == db.state || !(now.is_there() || db.state.is_there()) {
                continue;
            }
            db.state = now;
            match read(&db.path) {
                Ok(reader) => db.reader = Some(Arc::new(reader)),
                Err(sentence) if db.reader.is_some() => warnings.push(format!("{sentence}; the old one stays in use")),
                Err(sentence) => warnings.push(sentence),
            }
        }
        warnings
    }

    /// Whether there is anything to ask.
    pub fn is_empty(&self) -> bool {
        self.databases.iter().all(|d| d.reader.is_none())
    }

    /// Where an address is; of several files the first that knows a thing counts.
    pub fn place(&self, ip: IpAddr) -> Place {
        let mut place = Place::default();
        for reader in self.databases.iter().filter_map(|d| d.reader.as_ref()) {
            // An IPv4-only database refuses IPv6 addresses: that is an unknown place, too.
            let Ok(Some(r)) = reader.lookup(ip).and_then(|found| found.decode::<Record<'_>>()) else { continue };
            let nested = |n: Option<Nested<'_>>| n.and_then(|n| n.iso_code).and_then(Country::parse);
            place.country = place
                .country
                .or_else(|| nested(r.country))
                .or_else(|| r.country_code.and_then(Country::parse))
                .or_else(|| nested(r.registered_country));
            place.asn = place.asn.or(r.autonomous_system_number.filter(|n| *n != 0));
            if place.network.is_none() {
                place.network =
                    r.autonomous_system_organization.map(|n| printable(n, MAX_NETWORK).into_owned().into_boxed_str());
            }
        }
        place
    }
}

fn read(path: &Path) -> Result<Reader<Vec<u8>>, String> {
    let shown = printable(&path.to_string_lossy().into_owned(), 256).into_owned();
    let bytes = crate::file::read(path, MAX_FILE).map_err(|e| match e {
        Unread::TooLarge(_) => format!("{shown}: larger than 1 GiB, no database of countries or networks"),
        e => format!("{shown}: {e}, so that it tells no countries or networks"),
    })?;
    Reader::from_source(bytes).map_err(|e| {
        format!("{shown}: no database in MaxMind's format ({e}); give a .mmdb file with countries or networks")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use maxminddb_writer::Database as Writer;
    use maxminddb_writer::metadata::IpVersion;
    use maxminddb_writer::paths::IpAddrWithMask;
    use serde::Serialize;

    use super::*;

    /// Writes a database; each row is a prefix with its record.
    fn write<R: Serialize>(dir: &Path, name: &str, rows: Vec<(&str, u8, R)>) -> PathBuf {
        let mut db = Writer::default();
        db.metadata.ip_version = IpVersion::V6;
        db.metadata.binary_format_major_version = 2;
        for (ip, bits, record) in rows {
            let data = db.insert_value(record).unwrap();
            db.insert_node(IpAddrWithMask::new(ip.parse().unwrap(), bits), data);
        }
        let path = dir.join(name);
        fs::write(&path, db.write_to(Vec::new()).unwrap()).unwrap();
        path
    }

    type Flat = BTreeMap<&'static str, &'static str>;

    fn flat(code: &'static str) -> Flat {
        Flat::from([("country_code", code)])
    }

    fn nested(code: &'static str) -> BTreeMap<&'static str, Flat> {
        [("country", Flat::from([("iso_code", code)]))].into()
    }

    #[derive(Serialize)]
    struct Asn {
        autonomous_system_number: u32,
        autonomous_system_organization: &'static str,
    }

    fn country(geo: &Geo, ip: &str) -> Option<String> {
        geo.place(ip.parse().unwrap()).country.map(|c| c.as_str().to_owned())
    }

    #[test]
    fn both_ways_of_writing_a_country_and_networks_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let asn = Asn { autonomous_system_number: 64_500, autonomous_system_organization: "EXAMPLE\x1b[1m" };
        let paths = [
            write(dir, "a.mmdb", vec![("2001:db8::", 32, nested("DE"))]),
            write(dir, "b.mmdb", vec![("2001:db8::", 32, flat("FR")), ("2001:db9::", 32, flat("se"))]),
            write(dir, "c.mmdb", vec![("2001:db8::", 32, asn)]),
        ];
        let (geo, warnings) = Geo::open(&paths);
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(country(&geo, "2001:db8::1").as_deref(), Some("DE"), "the first file that knows counts");
        assert_eq!(country(&geo, "2001:db9::1").as_deref(), Some("SE"));
        assert_eq!(country(&geo, "2001:dba::1"), None);
        let place = geo.place("2001:db8::1".parse().unwrap());
        assert_eq!((place.asn, place.network.as_deref()), (Some(64_500), Some("EXAMPLE\\x1b[1m")));
    }

    #[test]
    fn a_missing_or_damaged_file_is_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let damaged = dir.path().join("damaged.mmdb");
        fs::write(&damaged, b"no database").unwrap();
        let (geo, warnings) = Geo::open(&[dir.path().join("missing.mmdb"), damaged]);
        assert!(geo.is_empty());
        assert_eq!(geo.place("192.0.2.1".parse().unwrap()), Place::default());
        assert!(warnings[0].contains("missing.mmdb"), "{warnings:?}");
        assert!(warnings[1].contains("no database in MaxMind's format"), "{warnings:?}");
    }

    #[test]
    fn a_replaced_file_is_read_again_and_a_damaged_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "a.mmdb", vec![("2001:db8::", 32, flat("DE"))]);
        let (mut geo, _) = Geo::open(std::slice::from_ref(&path));
        assert!(geo.refresh().is_empty());
        let touch = |seconds| {
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
        };
        write(dir.path(), "a.mmdb", vec![("2001:db8::", 32, flat("FR"))]);
        touch(1);
        let before = geo.clone();
        assert!(geo.refresh().is_empty());
        assert_eq!(country(&geo, "2001:db8::1").as_deref(), Some("FR"));
        assert_eq!(country(&before, "2001:db8::1").as_deref(), Some("DE"), "who still uses it is not disturbed");
        fs::write(&path, b"cut").unwrap();
        touch(2);
        assert!(geo.refresh()[0].contains("the old one stays in use"));
        assert_eq!(country(&geo, "2001:db8::1").as_deref(), Some("FR"));
        fs::remove_file(&path).unwrap();
        assert!(geo.refresh()[0].contains("the old one stays in use"));
        assert_eq!(geo.refresh(), [""; 0], "told once");
        assert_eq!(country(&geo, "2001:db8::1").as_deref(), Some("FR"));
    }
}
