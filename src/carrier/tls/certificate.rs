//! What a server's own certificate says (RFC 5280).
//!
//! In: its DER. Out: [`Certificate`]. Nothing is verified: a certificate here is a fact to compare, not to trust.

use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::name;
use crate::text::{MAX_SHOWN, printable};

/// Alternative names kept. Certificates of content networks list hundreds.
pub const MAX_SANS: usize = 64;

/// Extensions looked at for alternative names: real certificates have about ten.
const MAX_EXTENSIONS: usize = 64;

/// A server's certificate. All text is safe to print.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// Common name of the subject.
    pub subject_cn: Option<Box<str>>,
    /// Alternative DNS names in lower case, at most [`MAX_SANS`]; the first label may be `*`.
    pub sans: Vec<Box<str>>,
    /// The issuer: its common name, else its organisation, else all of its name; empty if it has none.
    pub issuer: Box<str>,
    /// SHA-256 of the whole certificate.
    pub fingerprint: [u8; 32],
    /// Issuer and subject are the same; whether it signed itself is not checked.
    pub self_signed: bool,
    /// Begin of validity, in seconds since 1970.
    pub not_before: i64,
    /// End of validity, in seconds since 1970.
    pub not_after: i64,
}

impl Certificate {
    /// Reads a certificate; `None` if it is malformed.
    pub(super) fn parse(der: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let (subject, issuer) = (parsed.subject(), parsed.issuer());
        Some(Self {
            subject_cn: first(subject.iter_common_name()),
            sans: alternative_names(&parsed),
            issuer: issued_by(issuer),
            fingerprint: Sha256::digest(der).into(),
            self_signed: subject.as_raw() == issuer.as_raw(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
        })
    }
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<Box<str>> {
    let mut names = Vec::new();
    for extension in certificate.iter_extensions().take(MAX_EXTENSIONS) {
        let x509_parser::extensions::ParsedExtension::SubjectAlternativeName(list) = extension.parsed_extension()
        else {
            continue;
        };
        let dns = list.general_names.iter().filter_map(|n| match n {
            GeneralName::DNSName(n) => name::pattern(n.as_bytes()),
            _ => None,
        });
        let room = MAX_SANS - names.len();
        names.extend(dns.take(room));
    }
    names
}

fn issued_by(name: &X509Name<'_>) -> Box<str> {
    first(name.iter_common_name())
        .or_else(|| first(name.iter_organization()))
        .unwrap_or_else(|| printable(&name.to_string(), MAX_SHOWN).into())
}

fn first<'a>(mut values: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>) -> Option<Box<str>> {
    let value = values.next()?.attr_value();
    // Old certificates write names in two-byte characters or Latin-1; whatever they are, they must be printable.
    let text = value.as_str().map_or(value.data, str::as_bytes);
    Some(printable(text, MAX_SHOWN).into())
}
