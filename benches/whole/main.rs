//! Whole programs over whole captures: what minewatch costs beside programs that do less, or the same.
//!
//! In: nothing; the captures come from the project's generator and are kept for the next time. Out: a Markdown table of
//! CPU seconds (least of several interleaved runs), memory, and ratios to a loop that only reads. Nothing here fails
//! because a machine is slow.
//!
//! `./dev bench`, or `cargo bench --bench whole -- [--quick] [--only KIND…] [--runs N] [--scale F] [--folder DIR]`

#![allow(missing_docs)] // a program, not a library

#[path = "../../pcaps/generate/kit.rs"]
mod kit;
mod make;
mod measure;
mod programs;
mod table;
#[path = "../../pcaps/generate/workload/mod.rs"]
mod workload;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use make::Input;
use measure::Cost;
use programs::Program;
use workload::Kind;

/// A run that takes longer is not repeated.
const PATIENCE: f64 = 30.0;

/// What was asked for.
struct Wish {
    kinds: Vec<Kind>,
    runs: usize,
    thousandths: u64,
    folder: PathBuf,
}

impl Wish {
    fn read(words: &[String]) -> Result<Self, String> {
        let mut wish = Self {
            kinds: Vec::new(),
            runs: 5,
            thousandths: 1000,
            folder: std::env::var_os("CARGO_TARGET_DIR")
                .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from)
                .join("bench"),
        };
        let mut rest = words.iter().peekable();
        while let Some(word) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                // cargo's own.
                "--bench" => {}
                "--quick" => wish.thousandths = 100,
                "--scale" => {
                    let factor: f64 = value()?.parse().map_err(|_| "--scale needs a number, such as 0.1 or 7")?;
                    wish.thousandths = (factor * 1000.0).clamp(1.0, 1e6) as u64;
                }
                "--runs" => wish.runs = value()?.parse::<usize>().map_err(|_| "--runs needs a number")?.max(1),
                "--folder" => wish.folder = PathBuf::from(value()?),
                "--only" => {
                    while let Some(name) = rest.next_if(|w| !w.starts_with("--")) {
                        wish.kinds.push(Kind::named(name).ok_or_else(|| unknown(name))?);
                    }
                }
                _ => return Err(format!("{word}: not understood; see ./dev help")),
            }
        }
        if wish.kinds.is_empty() {
            wish.kinds = Kind::ALL.to_vec();
        }
        Ok(wish)
    }
}

fn unknown(name: &str) -> String {
    format!("{name} is not one of {}", Kind::ALL.map(Kind::name).join(", "))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // What would make this process large is done by another one: a child's peak is at least that of its parent when
    // it was started.
    let done = match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [make::VERB, kind, thousandths, path] => make::child(kind, thousandths, Path::new(path)),
        [programs::COUNT, path] => programs::count(Path::new(path)),
        [programs::INFLATE, path] => programs::inflate(Path::new(path)),
        _ => Wish::read(&words).and_then(|wish| bench(&wish)),
    };
    done.map_or_else(
        |e| {
            eprintln!("bench: {e}");
            ExitCode::from(2)
        },
        |()| ExitCode::SUCCESS,
    )
}

fn bench(wish: &Wish) -> Result<(), String> {
    std::fs::create_dir_all(&wish.folder).map_err(|e| format!("{}: {e}", wish.folder.display()))?;
    println!("{}", table::preface(wish.runs));
    println!("{}", table::HEAD);
    // What it takes to begin: one packet.
    let start = Input::start(&wish.folder)?;
    let alone = programs::minewatch(1);
    let begun = measure_all(&start, &alone, 3)?;
    let idle = begun.first().and_then(|(_, cost)| cost.map(|c| c.peak)).unwrap_or(0);
    print!("{}", table::rows("one packet", &start, &begun, 0));
    for kind in &wish.kinds {
        let input = Input::of(*kind, wish.thousandths, &wish.folder)?;
        let programs = programs::all(*kind);
        let costs = measure_all(&input, &programs, wish.runs)?;
        print!("{}", table::rows(kind.name(), &input, &costs, idle));
    }
    for absent in programs::absent() {
        println!("\n{absent}");
    }
    Ok(())
}

/// Every program in turn, so many times over; the least of each.
fn measure_all<'p>(
    input: &Input,
    programs: &'p [Program],
    runs: usize,
) -> Result<Vec<(&'p Program, Option<Cost>)>, String> {
    input.warm()?;
    let mut costs: Vec<(&Program, Option<Cost>)> = programs.iter().map(|p| (p, None)).collect();
    for _ in 0..runs {
        for (program, best) in &mut costs {
            if best.is_some_and(|b| b.wall > PATIENCE) {
                continue;
            }
            let cost = measure::run(&mut program.command(&input.path), program.good)?;
            *best = Some(best.map_or(cost, |b| b.least(cost)));
        }
    }
    Ok(costs)
}
