//! Feeds and lists of others. The first byte says which format the rest is in.
//!
//! Promises: what is imported loads as a feed, all of it, and imports again as the same; a name matches where the listed
//! one ends at a dot, and nowhere else; every problem has a line of the file; a check tells what a load tells.

use minewatch::intel::check::check;
use minewatch::intel::import::{FORMATS, Options, What, import, render};
use minewatch::intel::{Confidence, Day, Intel, Listed, PortFit, Role};

/// Reads the list.
pub fn run(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else { return };
    match FORMATS.get(usize::from(*which)) {
        Some((_, format)) => {
            let Ok(imported) = import(*format, "list", rest) else { return };
            let feed = render(&imported, &options());
            let (intel, problems) = Intel::from_text("list", &feed).unwrap();
            assert_eq!(problems, [], "{feed}");
            assert_eq!(intel.lists()[0].entries(), imported.found.len(), "{feed}");
            for (what, _) in &imported.found {
                match what {
                    What::Name(name) => {
                        assert!(intel.name(name, None).is_some());
                        assert!(intel.name(&format!("eu.{name}."), Some(1)).is_some() || name.len() > 249);
                    }
                    What::Host(name) => assert!(intel.name(name, None).is_some()),
                    What::Address(net) => assert!(intel.address(net.last(), None).is_some()),
                }
            }
        }
        None => feed(&String::from_utf8_lossy(rest)),
    }
}

fn feed(text: &str) {
    let lines = text.lines().count() as u32 + 1;
    let today: Day = "2026-11-26".parse().unwrap();
    let loaded = Intel::from_text("list", text);
    let checked = check("list", text, today, &|_| None);
    assert_eq!(loaded.is_ok(), checked.is_ok());
    let (Ok((intel, problems)), Ok(checked)) = (loaded, checked) else { return };
    assert!(checked.problems.len() >= problems.len());
    assert!(checked.problems.iter().all(|p| p.line <= lines), "{:?}", checked.problems);
    // Words of the text are the names that are likely to be listed.
    for word in text.split(|c: char| !(c.is_alphanumeric() || ".-_".contains(c))).take(200) {
        let Some(m) = intel.name(word, Some(3333)) else { continue };
        assert_ne!(m.port, PortFit::NotAsked);
        assert!(!m.pool.is_empty() && !m.why(today).is_empty());
        let (Listed::Name(listed) | Listed::Host(listed)) = m.listed else { panic!("an address for a name") };
        assert!(intel.name(listed, None).is_some());
        if word.is_ascii() {
            let host = word.strip_suffix('.').unwrap_or(word).to_ascii_lowercase();
            let own = host.strip_suffix(listed).unwrap();
            assert!(own.is_empty() || own.ends_with('.'), "{word} is not below {listed}");
        }
    }
}

fn options() -> Options {
    Options {
        pool: "Pool".to_owned(),
        source: "a list".to_owned(),
        role: Role::Proxy,
        confidence: Confidence::Candidate,
        date: "2026-11-26".parse().unwrap(),
    }
}
