//! `minewatch feeds`: look at, check, convert and refresh what is known of pools.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::{Failure, Outcome};
use crate::firewall::{NeverBlock, Policy};
use crate::intel::check::{ages, check};
use crate::intel::import::{FORMATS, Format, Options, import_sparing, render};
use crate::intel::update::{Config, ConfigError, State, update, write_feed};
use crate::intel::{Confidence, Day, Intel, Match, Net, Problem, Role, Severity, check_name};
use crate::text::{counted, printable};
use crate::time::PacketTime;

/// Bytes of a list that is converted.
const MAX_LIST: u64 = 1 << 30;
/// Problems of feeds that are told beside other things.
const MAX_TOLD: usize = 5;
/// Without a configuration.
const NO_CONFIG: &str = "no feeds are configured; pool-feeds/SOURCES.md shows how, and --config FILE says where the \
                         configuration is";
/// Where a configuration of updates is looked for.
const CONFIG: &str = "/etc/minewatch/feeds.conf";

/// Which feeds to use: shared by every subcommand that looks names and addresses up.
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(next_help_heading = "Feeds")]
pub(super) struct FeedArgs {
    /// A feed of your own, or a folder of them, beside the shipped ones; may be given more than once
    #[arg(long, value_name = "PATH")]
    feeds: Vec<PathBuf>,
    /// Use none of the feeds that are part of the program
    #[arg(long)]
    no_shipped_feeds: bool,
}

impl FeedArgs {
    /// Files and folders beside the shipped feeds.
    #[cfg(feature = "live")]
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.feeds
    }

    /// The same as arguments for a program that starts in another folder.
    #[cfg(all(feature = "live", feature = "state"))]
    pub(super) fn for_another(&self) -> Vec<std::ffi::OsString> {
        let whole = |p: &PathBuf| std::path::absolute(p).unwrap_or_else(|_| p.clone()).into_os_string();
        let own = self.feeds.iter().flat_map(|p| ["--feeds".into(), whole(p)]);
        own.chain(self.no_shipped_feeds.then(|| "--no-shipped-feeds".into())).collect()
    }

    /// The feeds, and what is wrong with single entries of them. A feed that cannot be used at all is an error.
    pub(super) fn load(&self) -> Result<(Intel, Vec<Problem>), Failure> {
        let load = if self.no_shipped_feeds { Intel::load_only } else { Intel::load };
        Ok(load(&self.feeds)?)
    }
}

/// Arguments of `feeds`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Check feeds: what is wrong, doubled, stale or must never be blocked, with file and line
    Check {
        /// Feeds or folders of them [default: the shipped ones]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Fail on warnings too
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        today: Today,
    },
    /// What is loaded: lists, entries, age, memory
    Stats {
        #[command(flatten)]
        feeds: FeedArgs,
        #[command(flatten)]
        today: Today,
    },
    /// Say what a name or an address is known for, and who says so
    #[command(after_help = "Exit status: 0 known, 1 not known, 2 error.")]
    Test {
        /// A host name or an address, with or without a port
        #[arg(required = true, value_name = "NAME|IP[:PORT]")]
        what: Vec<String>,
        #[command(flatten)]
        feeds: FeedArgs,
        #[command(flatten)]
        today: Today,
    },
    /// Convert a list in another format into a feed
    Import(Import),
    /// Fetch the feeds that a configuration names; what cannot be trusted leaves the last good one in place
    Update {
        /// The configuration
        #[arg(long, value_name = "FILE", default_value = CONFIG)]
        config: PathBuf,
        /// Take lists that lost more of their entries than they may
        #[arg(long)]
        accept_shrink: bool,
        #[command(flatten)]
        today: Today,
    },
}

#[derive(ClapArgs, Debug)]
struct Today {
    /// The day to judge age by, such as 2026-11-25 [default: today]
    #[arg(long, value_name = "DATE")]
    today: Option<Day>,
}

impl Today {
    fn day(&self) -> Day {
        let now = jiff::Timestamp::now().as_second();
        self.today.unwrap_or_else(|| Day::of(PacketTime::from_parts(now, 0)))
    }
}

#[derive(ClapArgs, Debug)]
struct Import {
    /// The list; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its format
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    from: String,
    /// Write the feed here instead of to standard output; replaces nothing but a feed
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Name for entries that name no pool [default: the file's]
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// Where the list comes from, such as its URL [default: the file's name]
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// What the hosts are
    #[arg(long, value_name = "ROLE", default_value = "stratum")]
    role: RoleArg,
    /// How sure the list is
    #[arg(long, value_name = "HOW", default_value = "reported")]
    confidence: ConfidenceArg,
    #[command(flatten)]
    today: Today,
}

fn formats() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(FORMATS.iter().map(|(word, _)| *word))
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum RoleArg {
    Stratum,
    Proxy,
    WebMiner,
    P2p,
    Download,
    Api,
    Web,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum ConfidenceArg {
    Historical,
    Candidate,
    Reported,
    Confirmed,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    match &args.command {
        Command::Check { paths, strict, today } => check_all(paths, *strict, today.day()),
        Command::Stats { feeds, today } => stats(feeds, today.day()),
        Command::Test { what, feeds, today } => test(what, feeds, today.day()),
        Command::Import(args) => convert(args),
        Command::Update { config, accept_shrink, today } => refresh(config, *accept_shrink, today.day()),
    }
}

/// Prints problems to standard error.
fn complain<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> io::Result<()> {
    let mut err = io::stderr().lock();
    problems.into_iter().try_for_each(|p| writeln!(err, "{}", printable(&p.to_string(), 1024)))
}

/// The first errors of each feed as sentences, and how to see the others.
pub(super) fn told(problems: &[Problem]) -> Vec<String> {
    let errors = || problems.iter().filter(|p| p.severity == Severity::Error);
    let mut lists: Vec<&str> = Vec::new();
    let mut said = Vec::new();
    for p in errors() {
        if lists.contains(&p.list.as_str()) {
            continue;
        }
        lists.push(&p.list);
        let of_list = || errors().filter(|o| o.list == p.list);
        said.extend(of_list().take(MAX_TOLD).map(ToString::to_string));
        let more = of_list().count().saturating_sub(MAX_TOLD);
        if more > 0 {
            said.push(format!("{}: and {more} more: minewatch feeds check {}", p.list, quoted(&p.list)));
        }
    }
    said
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Why a block must never be blocked, whatever list holds it.
fn never(net: Net) -> Option<String> {
    // Documentation ranges are what examples are made of.
    let policy = Policy { allow_documentation: true, ..Policy::default() };
    let gate = NeverBlock::new();
    gate.check(net.first(), &policy).or_else(|| gate.check(net.last(), &policy)).map(|r| r.to_string())
}

fn check_all(paths: &[PathBuf], strict: bool, today: Day) -> Result<Outcome, Failure> {
    let shipped = paths.is_empty();
    let texts = if shipped { Intel::shipped_texts() } else { Intel::texts(paths)? };
    let mut out = io::stdout().lock();
    let mut failed = false;
    for (list, text) in &texts {
        let name = printable(list, 512);
        match check(list, text, today, &never) {
            Ok(checked) => {
                for p in &checked.problems {
                    writeln!(out, "{}", printable(&p.to_string(), 1024))?;
                }
                let errors = checked.problems.iter().filter(|p| p.severity == Severity::Error).count();
                let warnings = checked.problems.len() - errors;
                writeln!(
                    out,
                    "{name}: {}, {}, {}",
                    counted(checked.entries, "entry", "entries"),
                    counted(errors, "error", "errors"),
                    counted(warnings, "warning", "warnings")
                )?;
                failed |= errors > 0 || (strict && warnings > 0);
            }
            Err(e) => {
                writeln!(out, "{}", printable(&e.to_string(), 1024))?;
                failed = true;
            }
        }
    }
    Ok(if failed { Outcome::Failed } else { Outcome::Clean })
}

fn stats(feeds: &FeedArgs, today: Day) -> Result<Outcome, Failure> {
    let (intel, problems) = feeds.load()?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:<20} {:<10} {:>9} {:>9} {:>7} {:>7} {:>7} {:>7} {:>8}",
        "list", "date", "names", "addresses", "shared", "stale", "expired", "retired", "left out"
    )?;
    for (list, age) in ages(&intel, today) {
        let date = list.date.map_or("-".to_owned(), |d| d.to_string());
        writeln!(
            out,
            "{:<20} {date:<10} {:>9} {:>9} {:>7} {:>7} {:>7} {:>7} {:>8}",
            printable(&list.name, 512),
            list.names,
            list.addresses,
            list.shared,
            age.stale,
            age.expired,
            age.retired,
            list.left_out
        )?;
    }
    writeln!(
        out,
        "\n{} in all, {} KiB in memory",
        counted(intel.names(), "name", "names"),
        intel.bytes().div_ceil(1024)
    )?;
    complain(&problems)?;
    Ok(if problems.iter().any(|p| p.severity == Severity::Error) { Outcome::Failed } else { Outcome::Clean })
}

/// What is asked for.
enum Asked {
    Name(String),
    Address(IpAddr),
}

/// `pool.example`, `pool.example:3333`, `198.51.100.7`, `[2001:db8::7]:3333`, `2001:db8::7`.
fn asked(text: &str) -> Result<(Asked, Option<u16>), Failure> {
    if let Ok(addr) = text.parse::<IpAddr>() {
        return Ok((Asked::Address(addr), None));
    }
    if let Ok(addr) = text.parse::<SocketAddr>() {
        if addr.port() == 0 {
            bail!("\"0\" is no port: 1 to 65535");
        }
        return Ok((Asked::Address(addr.ip()), Some(addr.port())));
    }
    // `[2001:db8::7]`, as in a URL without a port.
    if let Some(addr) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')?.parse::<Ipv6Addr>().ok()) {
        return Ok((Asked::Address(addr.into()), None));
    }
    if text.contains(['/', '@']) {
        bail!("{text:?} is no host name and no address: leave out scheme and path");
    }
    if let Some((addr, zone)) = text.trim_start_matches('[').split_once('%')
        && addr.parse::<Ipv6Addr>().is_ok()
    {
        bail!(
            "{text:?} has a zone, which means something on this machine alone: leave out %{}",
            zone.trim_end_matches(']')
        );
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => match port.parse::<u16>() {
            Ok(port) if port != 0 => (name, Some(port)),
            _ => bail!("{port:?} is no port: 1 to 65535"),
        },
        None => (text, None),
    };
    if name.contains(':') || name.is_empty() {
        bail!("{text:?} is no host name and no address");
    }
    check_name(name).map_err(|e| anyhow::anyhow!("{e}"))?;
    Ok((Asked::Name(name.to_owned()), port))
}

fn test(what: &[String], feeds: &FeedArgs, today: Day) -> Result<Outcome, Failure> {
    let wanted = what.iter().map(|w| Ok((w, asked(w)?))).collect::<Result<Vec<_>, Failure>>()?;
    let (intel, problems) = feeds.load()?;
    for sentence in told(&problems) {
        writeln!(io::stderr(), "{}", printable(&sentence, 1024))?;
    }
    let mut out = io::stdout().lock();
    let mut all = true;
    for (text, (what, port)) in wanted {
        let text = printable(text, 512);
        let (found, front) = match what {
            Asked::Name(name) => (intel.name(&name, port), None),
            Asked::Address(addr) => (intel.address(addr, port), intel.shared(addr)),
        };
        match &found {
            Some(m) => answer(&mut out, &text, m, today)?,
            None => writeln!(out, "{text}: not known to any feed")?,
        }
        if let Some(who) = front {
            writeln!(out, "  the address is one of {who} and serves many customers: it is never put on a block list")?;
        }
        if let Some(usual) = port.and_then(|p| intel.port(p)) {
            writeln!(
                out,
                "  {} port {}; a port alone says nothing",
                counted(usual.pools, "pool uses", "pools use"),
                usual.port
            )?;
        }
        all &= found.is_some() || front.is_some();
    }
    // Status 1 here means: not known.
    Ok(if all { Outcome::Clean } else { Outcome::Found })
}

fn answer(out: &mut impl io::Write, text: &str, m: &Match<'_>, today: Day) -> io::Result<()> {
    writeln!(out, "{text}: {} ({})", printable(m.pool, 512), m.role)?;
    writeln!(out, "  {}", printable(&m.why(today), 2048))
}

fn convert(args: &Import) -> Result<Outcome, Failure> {
    let format = FORMATS.iter().find(|(word, _)| *word == args.from).map_or(Format::Domains, |(_, f)| *f);
    let stdin = args.file.as_os_str() == "-";
    let name = if stdin {
        "standard input".into()
    } else {
        printable(args.file.as_os_str().as_encoded_bytes(), 512).into_owned()
    };
    let bytes = read(&args.file, stdin).with_context(|| format!("cannot read {name}"))?;
    let imported = import_sparing(format, &name, &bytes, &never)?;
    let file = args.file.file_stem().filter(|_| !stdin).map_or_else(|| "imported".into(), |s| s.to_string_lossy());
    let options = Options {
        pool: args.pool.clone().unwrap_or_else(|| file.into_owned()),
        source: args.source.clone().unwrap_or_else(|| name.clone()),
        role: match args.role {
            RoleArg::Stratum => Role::Stratum,
            RoleArg::Proxy => Role::Proxy,
            RoleArg::WebMiner => Role::WebMiner,
            RoleArg::P2p => Role::P2p,
            RoleArg::Download => Role::Download,
            RoleArg::Api => Role::Api,
            RoleArg::Web => Role::Web,
        },
        confidence: match args.confidence {
            ConfidenceArg::Historical => Confidence::Historical,
            ConfidenceArg::Candidate => Confidence::Candidate,
            ConfidenceArg::Reported => Confidence::Reported,
            ConfidenceArg::Confirmed => Confidence::Confirmed,
        },
        date: args.today.day(),
    };
    let text = render(&imported, &options);
    match args.output.as_deref().filter(|p| !matches!(p.to_str(), Some("-" | "/dev/stdout"))) {
        Some(path) => write_feed(path, &text).map_err(anyhow::Error::msg)?,
        None => io::stdout().lock().write_all(text.as_bytes())?,
    }
    complain(&imported.problems)?;
    let left_out = imported.problems.len() + imported.more_problems;
    let skipped = match imported.skipped {
        0 => String::new(),
        n => format!(", {n} skipped that the list marks as not for detection"),
    };
    let urls = match imported.urls {
        0 => String::new(),
        1 => ", 1 URL of a page or file left out: its host serves more than that".to_owned(),
        n => format!(", {n} URLs of pages or files left out: their hosts serve more than that"),
    };
    writeln!(
        io::stderr(),
        "{} imported, {left_out} left out{skipped}{urls}",
        counted(imported.found.len(), "entry", "entries")
    )?;
    Ok(if left_out > 0 { Outcome::Failed } else { Outcome::Clean })
}

/// The bytes of a list, up to the cap.
fn read(path: &Path, stdin: bool) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let n = if stdin {
        io::stdin().lock().take(MAX_LIST + 1).read_to_end(&mut bytes)?
    } else {
        fs::File::open(path)?.take(MAX_LIST + 1).read_to_end(&mut bytes)?
    };
    if n as u64 > MAX_LIST {
        bail!("it has more than {} MiB", MAX_LIST >> 20);
    }
    Ok(bytes)
}

fn refresh(config: &Path, accept_shrink: bool, today: Day) -> Result<Outcome, Failure> {
    let config = Config::read(config).map_err(|e| {
        let missing = matches!(&e, ConfigError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound);
        let e = anyhow::Error::from(e);
        if missing { e.context(NO_CONFIG) } else { e.context("the configuration of the feeds cannot be used") }
    })?;
    let mut out = io::stdout().lock();
    let mut failed = false;
    for updated in update(&config, today, accept_shrink, &never) {
        let name = &updated.name;
        match &updated.state {
            State::Updated { entries, before, left_out, unshared } => {
                let before = before.map_or(String::new(), |b| format!(", {b} before"));
                let left_out = if *left_out > 0 { format!(", {left_out} left out") } else { String::new() };
                let entries = counted(*entries, "entry", "entries");
                writeln!(out, "{name}: updated, {entries}{before}{left_out}")?;
                if *unshared > 0 {
                    writeln!(
                        io::stderr(),
                        "minewatch: {name}: {} not taken: what is in such a table is never blocked; `shared = true` in \
                         its configuration takes it",
                        counted(*unshared, "table of shared ranges was", "tables of shared ranges were")
                    )?;
                }
            }
            State::Unchanged { entries } => {
                writeln!(out, "{name}: unchanged, {}", counted(*entries, "entry", "entries"))?;
            }
            State::Kept { why, entries } => {
                failed = true;
                let kept = match entries {
                    Some(n) => format!("the last good one stays in use, {}", counted(*n, "entry", "entries")),
                    None => "there is no earlier one to use".to_owned(),
                };
                writeln!(io::stderr(), "minewatch: {name}: NOT updated: {}; {kept}", printable(why, 1024))?;
            }
        }
    }
    Ok(if failed { Outcome::Failed } else { Outcome::Clean })
}
