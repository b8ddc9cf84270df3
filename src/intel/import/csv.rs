//! Tables: comma, semicolon, tab or bar between columns, quotes where needed, with or without a header (RFC 4180 but
//! for line breaks within quotes).

use super::{Collector, Said};
use crate::intel::words::Day;

/// What a column holds, by the words of its header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    What,
    Pool,
    Coin,
    Port,
    Tls,
    /// Whether the ports are encrypted, or which of them is.
    Encrypted,
    /// A pool, or what is listed where no other column is.
    Name,
    First,
    Last,
    Expires,
    Other,
}

const HEADERS: &[(&str, Column)] = &[
    ("domain", Column::What),
    ("domain_suffix", Column::What),
    ("fqdn", Column::What),
    ("host", Column::What),
    ("hostname", Column::What),
    ("name", Column::Name),
    ("indicator", Column::What),
    ("ioc", Column::What),
    ("ioc_value", Column::What),
    ("value", Column::What),
    ("address", Column::What),
    ("dst_ip", Column::What),
    ("ip", Column::What),
    ("url", Column::What),
    ("pool", Column::Pool),
    ("coin", Column::Coin),
    ("coins", Column::Coin),
    ("port", Column::Port),
    ("ports", Column::Port),
    ("dst_port", Column::Port),
    ("ports_plain", Column::Port),
    ("ports_tls", Column::Tls),
    ("tls", Column::Encrypted),
    ("first_seen", Column::First),
    ("first_seen_utc", Column::First),
    ("last_seen", Column::Last),
    ("last_seen_utc", Column::Last),
    ("source_date", Column::Last),
    ("date", Column::Last),
    ("expires", Column::Expires),
    ("valid_until", Column::Expires),
];

fn column(word: &str) -> Column {
    let word = word.trim().to_ascii_lowercase();
    HEADERS.iter().find(|(w, _)| *w == word).map_or(Column::Other, |(_, c)| *c)
}

pub(super) fn read(text: &str, out: &mut Collector<'_>) {
    let mut rows = text.lines().zip(1u32..).filter(|(l, _)| {
        let l = l.trim();
        !l.is_empty() && !l.starts_with('#')
    });
    let Some((first, number)) = rows.next() else { return };
    let marks = [',', ';', '\t', '|'];
    let mark = marks.into_iter().max_by_key(|m| (first.matches(*m).count(), *m == ',')).unwrap_or(',');
    let mut columns: Vec<Column> = fields(first, mark).unwrap_or_default().iter().map(|w| column(w)).collect();
    let listed = if columns.contains(&Column::What) { Column::Pool } else { Column::What };
    columns.iter_mut().filter(|c| **c == Column::Name).for_each(|c| *c = listed);
    let header = columns.contains(&Column::What);
    let columns = if header { columns } else { vec![Column::What, Column::Port] };
    for (line, number) in (!header).then_some((first, number)).into_iter().chain(rows) {
        match fields(line, mark) {
            Some(fields) => row(&fields, &columns, number, out),
            None => out.error(number, "a quote is not closed on its line"),
        }
    }
}

fn row(fields: &[String], columns: &[Column], line: u32, out: &mut Collector<'_>) {
    let mut said = Said::default();
    let mut what = Vec::new();
    let mut encrypted = false;
    for (field, column) in fields.iter().zip(columns) {
        let field = field.trim();
        if field.is_empty() {
            continue;
        }
        match column {
            Column::What | Column::Name => what.push(field),
            Column::Pool => said.pool = Some(field.to_owned()),
            Column::Coin => said.coins = coins(field),
            Column::Encrypted if matches!(&*field.to_ascii_lowercase(), "yes" | "true" | "tls" | "1") => {
                encrypted = true;
            }
            Column::Encrypted if field.parse::<u16>().is_ok_and(|p| p > 0) => said.tls.extend(field.parse::<u16>()),
            Column::Encrypted => {}
            Column::Port | Column::Tls => {
                let too_large = |p: &str| !p.is_empty() && p.parse::<u16>().is_err();
                if field.split(|c: char| !c.is_ascii_digit()).any(too_large) {
                    return out.error(line, format!("{field:?} is no port: 1 to 65535"));
                }
                let numbers = field
                    .split(|c: char| !c.is_ascii_digit())
                    .filter_map(|p| p.parse::<u16>().ok())
                    .filter(|p| *p != 0);
                if *column == Column::Tls { said.tls.extend(numbers) } else { said.plain.extend(numbers) }
            }
            Column::First => said.first_seen = day(field),
            Column::Last => said.last_seen = day(field),
            Column::Expires => said.expires = day(field),
            Column::Other => {}
        }
    }
    if encrypted {
        said.tls.append(&mut said.plain);
    }
    said.plain.sort_unstable();
    said.tls.sort_unstable();
    if what.is_empty() {
        out.error(line, "no name and no address");
    }
    for what in what {
        out.any(line, what, said.clone());
    }
}

/// Symbols in a list of coins; words such as «multi» are none.
fn coins(text: &str) -> Vec<String> {
    let symbol =
        |c: &str| (2..=10).contains(&c.len()) && c.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|c| symbol(c)).map(str::to_owned).collect()
}

/// The day at the beginning of a date, with or without a time.
pub(super) fn day(text: &str) -> Option<Day> {
    text.get(..10)?.parse().ok()
}

/// The fields of a line; `None` for a quote without an end.
fn fields(line: &str, mark: char) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        let field = fields.last_mut()?;
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
            }
            _ if c == mark && !quoted => fields.push(String::new()),
            _ => field.push(c),
        }
    }
    (!quoted).then_some(fields)
}
