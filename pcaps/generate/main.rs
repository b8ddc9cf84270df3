//! Makes the captures in `pcaps/`, each with its expected findings beside it.
//!
//! In: a folder. Out: the files of the catalogue in it; with `--check`, the names of files that differ from what would
//! be written, and exit code 1 if there are any. With `workload`: one large capture for measuring ([`workload`]).
//!
//! ```text
//! cargo run --example generate -- pcaps/
//! cargo run --example generate -- --check pcaps/
//! cargo run --release --example generate -- workload mix mix.pcap --bytes 2_000_000_000
//! ```

#[path = "kit.rs"]
mod kit;
#[cfg(test)]
mod tests;
mod workload;
#[cfg(test)]
#[path = "workload/tests.rs"]
mod workload_tests;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use kit::capture::Product;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    if let Some((first, rest)) = words.split_first()
        && first == "workload"
    {
        return workload::command(rest).map_or_else(
            |e| {
                eprintln!("generate workload: {e}");
                ExitCode::from(2)
            },
            |()| ExitCode::SUCCESS,
        );
    }
    let mut check = false;
    let mut folder = None;
    for argument in std::env::args_os().skip(1) {
        if argument == "--check" {
            check = true;
        } else if folder.replace(argument).is_some() {
            folder = None;
            break;
        }
    }
    let Some(folder) = folder else {
        eprintln!("usage: generate [--check] FOLDER, or generate workload KIND FILE");
        return ExitCode::from(2);
    };
    let folder = Path::new(&folder);
    let products = kit::catalogue::all();
    let result = if check { compare(folder, &products) } else { write(folder, &products) };
    result.unwrap_or_else(|e| {
        eprintln!("generate: {}: {e}", folder.display());
        ExitCode::from(2)
    })
}

fn write(folder: &Path, products: &[Product]) -> std::io::Result<ExitCode> {
    std::fs::create_dir_all(folder)?;
    for product in products {
        let path = folder.join(&product.name);
        // A compressor's next version may write other bytes for the same content: leave such files alone.
        if std::fs::read(&path).is_ok_and(|old| same(&product.name, &old, &product.bytes)) {
            continue;
        }
        std::fs::write(path, &product.bytes)?;
        println!("{}", product.name);
    }
    for name in strangers(folder, products)? {
        println!("not of the catalogue: {name}");
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(folder: &Path, products: &[Product]) -> std::io::Result<ExitCode> {
    let mut wrong = strangers(folder, products)?;
    for product in products {
        let equal =
            std::fs::read(folder.join(&product.name)).is_ok_and(|old| same(&product.name, &old, &product.bytes));
        if !equal {
            wrong.push(product.name.clone());
        }
    }
    for name in &wrong {
        println!("differs: {name}");
    }
    println!("{} files, {} differ", products.len(), wrong.len());
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Equal content; compressed files are compared by what is in them.
fn same(name: &str, old: &[u8], new: &[u8]) -> bool {
    if Path::new(name).extension().is_some_and(|e| e == "gz") { inflate(old) == inflate(new) } else { old == new }
}

fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    // Longer than anything in the catalogue: a file that somebody else put here ends there.
    const MOST: u64 = 16 << 20;
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).take(MOST).read_to_end(&mut out).ok()?;
    Some(out)
}

/// Captures and expected findings in the folder that the catalogue does not know.
fn strangers(folder: &Path, products: &[Product]) -> std::io::Result<Vec<String>> {
    let known: BTreeSet<&str> = products.iter().map(|p| p.name.as_str()).collect();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let ours = [".pcap", ".pcapng", ".gz", ".zst", ".expect.json"].iter().any(|suffix| name.ends_with(suffix));
        if ours && !known.contains(name.as_str()) {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}
