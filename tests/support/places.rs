//! Databases of countries and networks, made by a writer of the format.

use std::collections::BTreeMap;

use maxminddb_writer::Database;
use maxminddb_writer::metadata::IpVersion;
use maxminddb_writer::paths::IpAddrWithMask;
use serde::Serialize;

/// A database with a record for each IPv4 /24 or IPv6 /64.
pub(crate) fn database<R: Serialize>(rows: &[(&str, R)]) -> Vec<u8> {
    let mut db = Database::default();
    db.metadata.ip_version = IpVersion::V6;
    db.metadata.binary_format_major_version = 2;
    for (ip, record) in rows {
        let data = db.insert_value(record).unwrap();
        let (ip, bits) = match ip.parse().unwrap() {
            // Where a database of both families has IPv4.
            std::net::IpAddr::V4(v4) => (std::net::Ipv6Addr::from(u128::from(u32::from(v4))), 96 + 24),
            std::net::IpAddr::V6(v6) => (v6, 64),
        };
        db.insert_node(IpAddrWithMask::new(ip.into(), bits), data);
    }
    db.write_to(Vec::new()).unwrap()
}

/// Countries, in the flat schema.
pub(crate) fn countries(rows: &[(&str, &str)]) -> Vec<u8> {
    let records: Vec<_> = rows.iter().map(|(ip, code)| (*ip, BTreeMap::from([("country_code", *code)]))).collect();
    database(&records)
}
