//! `minewatch replay`: captures in, findings and block lists out.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args as ClapArgs;
use indicatif::{ProgressBar, ProgressStyle};

use super::block_feed::BlockFeeds;
use super::lists;
use super::options::{Blocking, Knowing, Reading};
use super::session::{self, Listener, World};
use super::{Failure, Outcome};
use crate::capture::{CaptureError, Inputs, Options, Severity};
use crate::evidence::Verdict;
use crate::health::Counter;
use crate::ledger::{Alert, FlowFinding};
use crate::sink::table::Style;
use crate::sink::{Report, json, table};
use crate::text::{counted, printable};

/// Arguments of `replay`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// Captures: pcap or pcapng, plain, gzip or zstd; folders; - for standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Print JSON lines instead of a table
    #[arg(long)]
    json: bool,
    /// Hide payloads, names, feeds and ports from every detector: only sizes, directions and times of messages are left,
    /// as if all were encrypted. Shows what would be found then; nothing is ever confirmed
    #[arg(long, conflicts_with = "block_feed", help_heading = "What cannot be read")]
    payload_blind: bool,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    knowing: Knowing,
    #[command(flatten)]
    block_feeds: BlockFeeds,
    #[command(flatten)]
    blocking: Blocking,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut plan = args.blocking.resolve()?;
    let known = args.knowing.read()?;
    plan.learn(&known)?;
    let inputs = open(&args.inputs)?;
    let stream = args.inputs.iter().any(|p| p.as_os_str() == "-");
    let mut printer = Printer::new(args.json, &inputs, stream, plan.uses_stdout());
    let mut world = World::still(known.geo);
    let block_feeds = if args.payload_blind { BlockFeeds::default() } else { args.block_feeds.and(&plan.block_feeds) };
    let loaded = block_feeds.load(world.overhearing.detect_mut())?;
    let options = args.reading.resolve_blind(args.payload_blind, known.intel);
    let finished = session::run(inputs, &options, world, &plan.policy, None, &mut printer)?;
    printer.done();
    finished.spare(&mut plan);
    let mut report = finished.report;
    name_inputs(&mut report, &finished.source);
    report.notes.extend(known.warnings);
    report.notes.extend(loaded.of_other_times(finished.listened));
    report.notes.extend(loaded.said);
    let blocked = lists::block(&mut report, &plan, finished.until, None);
    if let Ok(warnings) = &blocked {
        report.notes.extend(warnings.iter().cloned());
    }
    if finished.interrupted {
        report.notes.push("interrupted: the inputs were not read to their end".to_owned());
    }
    printer.report(&report)?;
    complain(&report.problems)?;
    blocked?;
    Ok(outcome(&report))
}

/// Opens the inputs; what is wrong with one of them is told at the end.
pub(super) fn open(paths: &[PathBuf]) -> Result<Inputs, Failure> {
    Inputs::open(paths, Options::default()).map_err(|e| match e {
        CaptureError::NothingToRead { problems } => {
            let sentences: Vec<_> = problems.iter().map(|p| printable(&p.to_string(), 1024).into_owned()).collect();
            // Each on a line of its own; the last line says what it comes to.
            drop(complain(&sentences));
            anyhow::anyhow!("nothing to read")
        }
        other @ CaptureError::NoInput => other.into(),
    })
}

/// Names and problems of the inputs, and what they lack.
pub(super) fn name_inputs(report: &mut Report, inputs: &Inputs) {
    let dropped = inputs.dropped();
    report.health.add_n(Counter::KernelDrops, dropped.kernel);
    report.health.add_n(Counter::InterfaceDrops, dropped.interface);
    report.sources =
        (0..inputs.source_count() as u32).map(|i| inputs.source_name(crate::capture::SourceId(i)).to_owned()).collect();
    // The same remark on many inputs is one remark.
    let mut remarks: Vec<(String, &str, usize)> = Vec::new();
    for p in inputs.problems() {
        let sentence = p.to_string();
        if p.severity == Severity::Error {
            report.problems.push(printable(&sentence, 1024).into_owned());
            continue;
        }
        let what = sentence.strip_prefix(&*p.source).unwrap_or(&sentence).to_owned();
        match remarks.iter_mut().find(|(known, ..)| *known == what) {
            Some((.., more)) => *more += 1,
            None => remarks.push((what, &p.source, 0)),
        }
    }
    for (what, input, more) in remarks {
        let others = match more {
            0 => String::new(),
            n => format!(" and {}", counted(n, "more input", "more inputs")),
        };
        report.notes.push(printable(&format!("{input}{others}{what}"), 1024).into_owned());
    }
    let frames = report.health.get(Counter::Frames);
    if frames > 0 && report.health.get(Counter::LinkTypeUnknown) == frames {
        // With their numbers, which names alone lack.
        let types = report.health.skipped.keys().filter(|why| why.starts_with("link type"));
        let types: Vec<_> = types.map(|t| printable(t, 64).into_owned()).collect();
        report.problems.push(format!(
            "no frame could be decoded: unsupported {}. Convert the capture to Ethernet, raw IP or Linux cooked",
            types.join(", ")
        ));
    }
    if inputs.problems_omitted() > 0 {
        let rest = counted(
            inputs.problems_omitted(),
            "more remark on inputs is left out",
            "more remarks on inputs are left out",
        );
        // An error among them is one all the same.
        if inputs.damaged() && report.problems.is_empty() {
            report.problems.push(rest);
        } else {
            report.notes.push(rest);
        }
    }
}

/// Tells what went wrong with the inputs.
pub(super) fn complain(problems: &[String]) -> io::Result<()> {
    let mut err = io::stderr().lock();
    for p in problems {
        writeln!(err, "minewatch: {p}")?;
    }
    Ok(())
}

/// The exit status a report deserves.
pub(super) fn outcome(report: &Report) -> Outcome {
    if !report.problems.is_empty() {
        Outcome::Failed
    } else if report.hosts.iter().any(|h| !h.allowed && h.verdict > Verdict::Noted) {
        Outcome::Found
    } else {
        Outcome::Clean
    }
}

/// How to print on standard output.
pub(super) fn style() -> Style {
    let terminal = io::stdout().is_terminal();
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    Style {
        width: terminal.then(|| terminal_size::terminal_size().map_or(80, |(w, _)| usize::from(w.0).max(40))),
        colour: terminal && !no_colour && !dumb,
    }
}

/// Progress on a terminal: bytes read of all bytes, and frames; of a pipe only frames.
struct Bar {
    bar: ProgressBar,
    read: Arc<AtomicU64>,
}

impl Bar {
    fn new(inputs: &Inputs) -> Self {
        let (bar, template) = match inputs.total_bytes() {
            Some(total) => (ProgressBar::new(total), "{bar:30} {bytes}/{total_bytes} {eta}  {msg}"),
            None => (ProgressBar::new_spinner(), "{spinner} {bytes} {elapsed}  {msg}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, read: inputs.meter() }
    }

    fn show(&self, frames: u64) {
        self.bar.set_position(self.read.load(Ordering::Relaxed));
        self.bar.set_message(counted(frames, "frame", "frames"));
    }
}

/// Prints alerts as they come and the report at the end.
#[allow(clippy::struct_excessive_bools)] // independent facts of the run
pub(super) struct Printer {
    json: bool,
    /// Text: alerts are printed too, because the end may be far.
    stream: bool,
    /// The input has no end.
    live: bool,
    /// Standard output belongs to a block list: print beside it.
    beside: bool,
    /// Nobody reads the output any more.
    gone: bool,
    style: Style,
    sources: Vec<String>,
    bar: Option<Bar>,
}

impl Printer {
    fn new(json: bool, inputs: &Inputs, stream: bool, beside: bool) -> Self {
        let sources = (0..inputs.source_count() as u32)
            .map(|i| inputs.source_name(crate::capture::SourceId(i)).to_owned())
            .collect();
        let bar = io::stderr().is_terminal().then(|| Bar::new(inputs));
        Self { json, stream, live: false, beside, gone: false, style: style(), sources, bar }
    }

    /// For interfaces.
    #[cfg(feature = "live")]
    pub(super) fn live(json: bool, sources: Vec<String>, beside: bool) -> Self {
        Self { json, stream: true, live: true, beside, gone: false, style: style(), sources, bar: None }
    }

    /// Takes the progress away.
    pub(super) fn done(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.bar.finish_and_clear();
        }
    }

    /// A reader that went away (`| head`) hears nothing more; the block list is written all the same.
    fn heard(&mut self, printed: io::Result<()>) -> io::Result<()> {
        match printed {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(())
            }
            other => other,
        }
    }

    /// Prints a line now.
    fn say(&mut self, line: &[u8]) -> Result<(), Failure> {
        let print = || -> io::Result<()> {
            let mut out: Box<dyn Write> =
                if self.beside { Box::new(io::stderr().lock()) } else { Box::new(io::stdout().lock()) };
            out.write_all(line)?;
            out.flush()
        };
        let printed = match &self.bar {
            Some(bar) => bar.bar.suspend(print),
            None => print(),
        };
        self.heard(printed).map_err(Failure::from)
    }

    /// Prints the report.
    pub(super) fn report(&mut self, report: &Report) -> io::Result<()> {
        let printed = self.print(report);
        self.heard(printed)
    }

    fn print(&self, report: &Report) -> io::Result<()> {
        if self.gone {
            return Ok(());
        }
        let to: Box<dyn Write> =
            if self.beside { Box::new(io::stderr().lock()) } else { Box::new(io::stdout().lock()) };
        let mut out = BufWriter::new(to);
        if self.json {
            json::report(&mut out, report, !self.tells_flows())?;
        } else {
            if self.stream {
                writeln!(out)?;
            }
            table::report(&mut out, report, self.style)?;
        }
        out.flush()
    }
}

impl Listener for Printer {
    fn alert(&mut self, alert: &Alert) -> Result<(), Failure> {
        if self.gone || (!self.json && !self.stream) {
            return Ok(());
        }
        let mut line = Vec::new();
        if self.json {
            json::alert(&mut line, alert, &self.sources)?;
        } else {
            table::alert(&mut line, alert, self.style)?;
        }
        self.say(&line)
    }

    /// A reader of lines cannot wait for a report that may be months away.
    fn tells_flows(&self) -> bool {
        self.json && self.live
    }

    fn flow(&mut self, flow: &FlowFinding) -> Result<(), Failure> {
        if self.gone {
            return Ok(());
        }
        let mut line = Vec::new();
        json::flow(&mut line, flow, &self.sources)?;
        self.say(&line)
    }

    fn progress(&mut self, frames: u64) {
        if let Some(bar) = &self.bar {
            bar.show(frames);
        }
    }
}
