//! Options that subcommands share: how to read, and what to block.
//!
//! In: arguments as clap parsed them. Out: resolved options of the rooms.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::Failure;
use super::feeds::FeedArgs;
#[cfg(feature = "live")]
use super::reload::Reload;
use crate::config::{Applying, BlockLimits, Resolved, Watched};
use crate::decode::{DecodeOptions, TenantMode};
use crate::evidence::Verdict;
use crate::firewall::{
    AllowedMiner, AllowedPool, AllowedWallet, Destination, FORMATS, Format, Lives, MaxEntries, NeverBlock, Policy,
    Prefix, ProtectedName, Region, RenderOptions, Scope, Ttl, Unfit, format_by_id, probe,
};
use crate::intel::{CurrentIntel, Geo, Intel};
use crate::pipeline::RunOptions;

/// How to read frames.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reading")]
pub(super) struct Reading {
    /// What keeps equal addresses apart: tunnel (VXLAN, GENEVE, ERSPAN, LISP), vlan (those, else the VLAN id), none
    #[arg(long, value_name = "WHAT", default_value = "tunnel")]
    tenant: Tenants,
    /// Worker threads [default: one for each core but one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: Option<u8>,
    /// Frames handed over at a time; changes nothing in what is found
    #[arg(long, value_name = "N", default_value_t = 512, hide = true, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch: u32,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Tenants {
    Tunnel,
    Vlan,
    None,
}

impl Reading {
    /// The same for who is to see sizes, directions and times only, if `blind`.
    pub(super) fn resolve_blind(&self, blind: bool, intel: Intel) -> RunOptions {
        RunOptions { blind, ..self.resolve(if blind { Intel::default() } else { intel }) }
    }

    /// As options of the pipeline.
    pub(super) fn resolve(&self, intel: Intel) -> RunOptions {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let tenant = match self.tenant {
            Tenants::Tunnel => TenantMode::Tunnel,
            Tenants::Vlan => TenantMode::Vlan,
            Tenants::None => TenantMode::None,
        };
        RunOptions {
            workers: self.workers.map_or_else(|| cores.saturating_sub(1).clamp(1, 16), usize::from),
            batch: self.batch as usize,
            decode: DecodeOptions { tenant, ..DecodeOptions::default() },
            intel: Arc::new(CurrentIntel::new(intel)),
            ..RunOptions::default()
        }
    }
}

/// What is known of the world.
#[derive(Args, Debug)]
#[command(next_help_heading = "Knowledge")]
pub(super) struct Knowing {
    #[command(flatten)]
    feeds: FeedArgs,
    // An attribute, because a doc comment would need marks around the name.
    #[arg(
        long,
        value_name = "FILE",
        help = "Database of countries or networks in MaxMind's format (.mmdb). May be given several times"
    )]
    geo: Vec<PathBuf>,
}

/// Knowledge, read.
pub(super) struct Known {
    /// Names and addresses.
    pub(super) intel: Intel,
    /// Countries and networks.
    pub(super) geo: Geo,
    /// What is wrong with a part of it, as sentences.
    pub(super) warnings: Vec<String>,
}

impl Knowing {
    /// Which feeds.
    pub(super) const fn feeds(&self) -> &FeedArgs {
        &self.feeds
    }

    /// Files and folders that may be read again.
    #[cfg(feature = "live")]
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.feeds.paths().iter().chain(&self.geo).map(PathBuf::as_path)
    }

    /// Which databases.
    pub(super) fn geo(&self) -> &[PathBuf] {
        &self.geo
    }

    /// Reads the files. A feed that cannot be used ends the run before anything is captured; a wrong line in one, and a
    /// database that cannot be read, are warnings.
    pub(super) fn read(&self) -> Result<Known, Failure> {
        let (intel, problems) = self.feeds.load()?;
        let (geo, mut warnings) = Geo::open(&self.geo);
        warnings.extend(super::feeds::told(&problems));
        Ok(Known { intel, geo, warnings })
    }

    /// The same, and who looks whether the files change.
    #[cfg(feature = "live")]
    pub(super) fn read_and_follow(&self) -> Result<(Known, Reload), Failure> {
        // In this order: what changes while it is read is read again.
        let files = Reload::files(&self.feeds, &self.geo);
        let known = self.read()?;
        let reload = Reload::new(&self.feeds, files, &known.intel, &known.geo);
        Ok((known, reload))
    }
}

/// What to block, and where to write it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Block list")]
pub(super) struct Blocking {
    /// Write a block list here (- for standard output). May be given several times, with a format each
    #[arg(long, value_name = "FILE")]
    blocklist: Vec<PathBuf>,
    #[arg(long, value_name = "FORMAT", help = format_help())]
    format: Vec<String>,
    /// Policy in a TOML file (deploy/policy.toml): options beside it add to its lists, and come before its single values
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[arg(long, value_name = "LEVEL", help = "Weakest verdict that is blocked [default: confirmed]")]
    least: Option<Least>,
    /// How long an entry lives: 90s, 30m, 24h, 7d [default: 1d]
    #[arg(long, value_name = "TIME")]
    ttl: Option<Ttl>,
    /// Block the endpoint (address, protocol and port), the whole address, or the endpoint for the host only that mines
    /// there (host-pair) [default: endpoint]
    #[arg(long, value_name = "SCOPE")]
    scope: Option<Scopes>,
    /// Most entries in the list [default: 10000]
    #[arg(long, value_name = "N")]
    max_entries: Option<usize>,
    /// Never block this address or prefix. May be given several times
    #[arg(long, value_name = "PREFIX")]
    never_block: Vec<Prefix>,
    /// The same for every line of a file; # begins a comment
    #[arg(long, value_name = "FILE")]
    never_block_file: Vec<PathBuf>,
    // An attribute, because a doc comment would need marks around the examples.
    #[arg(
        long,
        value_name = "WHERE",
        help = "Block nothing in this country (DE) or network (AS64500), by the databases of --geo. May be given several times"
    )]
    never_block_in: Vec<Region>,
    /// Your own network: nothing in it is blocked, and of a miner at a public address in it is said that others may be
    /// behind it. May be given several times
    #[arg(long, value_name = "PREFIX")]
    home_net: Vec<Prefix>,
    /// Never block this name, nor any below it. May be given several times
    #[arg(long, value_name = "NAME")]
    never_block_name: Vec<ProtectedName>,
    /// A resolver of your network (address or prefix): names that it led miners to may be blocked. Private addresses,
    /// resolvers of this machine and the well-known public ones need not be named
    #[arg(long, value_name = "RESOLVER")]
    trust_resolver: Vec<Prefix>,
    /// This host may mine: address, prefix or MAC address. It is reported as allowed, its pools are not blocked
    #[arg(long, value_name = "HOST")]
    allow_miner: Vec<AllowedMiner>,
    /// The same for every line of a file; # begins a comment
    #[arg(long, value_name = "FILE")]
    allow_miner_file: Vec<PathBuf>,
    /// Anybody may mine for this wallet, or this account at a pool. May be given several times
    #[arg(long, value_name = "WALLET")]
    allow_wallet: Vec<AllowedWallet>,
    /// Anybody may mine at this pool: name (with all below it), address or prefix. A name counts where a believed resolver
    /// led the miner there by it
    #[arg(long, value_name = "POOL")]
    allow_pool: Vec<AllowedPool>,
    /// Believe the PROXY headers of this load balancer (address, prefix or MAC address): the client that they name may
    /// be an allowed miner
    #[arg(long, value_name = "HOST")]
    trust_proxy: Vec<AllowedMiner>,
    /// Decide and report, but write no list and change nothing
    #[arg(long)]
    dry_run: bool,
    /// nft: write the sets without chains and rules, for hooking them into your own
    #[arg(long)]
    sets_only: bool,
    // An attribute, because a doc comment would need marks around the addresses.
    #[arg(
        long,
        help = "Let the documentation ranges (192.0.2.0/24, 2001:db8::/32 …) into the list: for tests and examples"
    )]
    allow_documentation_ranges: bool,
}

/// A level from which on something is done.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum Least {
    Suspected,
    Probable,
    Confirmed,
}

impl Least {
    /// As a verdict.
    pub(super) const fn verdict(self) -> Verdict {
        match self {
            Self::Suspected => Verdict::Suspected,
            Self::Probable => Verdict::Probable,
            Self::Confirmed => Verdict::Confirmed,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Scopes {
    Endpoint,
    Address,
    HostPair,
}

/// A list to write.
pub(super) struct List {
    /// Where.
    pub(super) to: Destination,
    /// How.
    pub(super) format: &'static dyn Format,
}

/// What to block, resolved.
pub(super) struct BlockPlan {
    /// Lists to write; none when no list was asked for.
    pub(super) lists: Vec<List>,
    /// The policy.
    pub(super) policy: Policy,
    /// The last gate.
    pub(super) never: NeverBlock,
    /// How to print.
    pub(super) render: RenderOptions,
    /// How fast, and when not.
    pub(super) limits: BlockLimits,
    /// How the firewall is told.
    #[cfg_attr(not(all(feature = "live", feature = "state")), allow(dead_code))] // nobody tells it
    pub(super) applying: Applying,
    /// Block feeds that the policy file names.
    pub(super) block_feeds: Vec<String>,
    /// The policy file, to read it again; what it says then goes through [`Blocking::combine`].
    #[cfg_attr(not(feature = "live"), allow(dead_code))] // nobody reads it again
    pub(super) file: Option<Watched>,
    /// What in it can hardly be meant, as sentences.
    pub(super) warnings: Vec<String>,
}

impl BlockPlan {
    /// Takes what is known of addresses that serve many into the last gate. The knowledge that the policy goes by must be
    /// there: what is to be spared must not be blocked because a file was moved.
    pub(super) fn learn(&mut self, known: &Known) -> Result<(), Failure> {
        self.never.learn(known.intel.fronts());
        if !self.policy.never_block_in.is_empty() && known.geo.is_empty() {
            let why = known.warnings.first().map_or(String::new(), |w| format!(" ({w})"));
            bail!("--never-block-in goes by a database of places, and none can be read: add --geo FILE.mmdb{why}");
        }
        Ok(())
    }

    /// Whether a list goes to standard output.
    pub(super) fn uses_stdout(&self) -> bool {
        self.lists.iter().any(|l| l.to == Destination::Stdout)
    }
}

impl Blocking {
    /// Checks that files and formats go together, before anything is read.
    pub(super) fn resolve(&self) -> Result<BlockPlan, Failure> {
        self.needs_a_list()?;
        self.resolve_for_kernel()
    }

    /// The same where something else than a list takes what is blocked.
    pub(super) fn resolve_for_kernel(&self) -> Result<BlockPlan, Failure> {
        let (mut file, said) = match &self.policy {
            Some(path) => {
                let (file, said) = Watched::open(path)?;
                (Some(file), said)
            }
            None => (None, Resolved::default()),
        };
        let warnings = match &self.policy {
            Some(path) => said.warnings.iter().map(|w| w.at(path)).collect(),
            None => Vec::new(),
        };
        let whole = self.combine(said)?;
        if let Some(file) = &mut file {
            file.in_use(&whole);
        }
        let Resolved { policy, limits, applying, block_feeds, .. } = whole;
        Ok(BlockPlan {
            lists: self.lists(policy.scope)?,
            policy,
            never: NeverBlock::new().with_local_machine(),
            render: RenderOptions { sets_only: self.sets_only },
            limits,
            applying,
            block_feeds,
            file,
            warnings,
        })
    }

    /// Whether the command line asks for a dry run.
    #[cfg(all(feature = "live", feature = "state"))]
    pub(super) const fn is_dry(&self) -> bool {
        self.dry_run
    }

    /// Files that may be read again.
    #[cfg(feature = "live")]
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = self.policy.iter().chain(&self.never_block_file).chain(&self.allow_miner_file);
        files.map(PathBuf::as_path)
    }

    /// A policy file with what the command line says beside it: lists add up, single values of the command line win, and
    /// a switch that either turns on is on.
    pub(super) fn combine(&self, mut said: Resolved) -> Result<Resolved, Failure> {
        let p = &mut said.policy;
        match self.scope {
            Some(Scopes::Endpoint) => p.scope = Scope::Endpoint,
            Some(Scopes::Address) => p.scope = Scope::Address,
            Some(Scopes::HostPair) => p.scope = Scope::HostPair,
            None => {}
        }
        p.least = self.least.map_or(p.least, Least::verdict);
        p.ttl = self.ttl.unwrap_or(p.ttl);
        p.max_ttl = p.max_ttl.max(p.ttl);
        if let Some(n) = self.max_entries {
            p.max_entries = MaxEntries::new(n)?;
        }
        p.lives = Lives::FromNow;
        p.allow_documentation |= self.allow_documentation_ranges;
        said.limits.dry_run |= self.dry_run;
        p.never_block.extend(&self.never_block);
        for file in &self.never_block_file {
            p.never_block.extend(lines::<Prefix>(file)?);
        }
        p.never_block_in.extend(&self.never_block_in);
        p.home.extend(&self.home_net);
        p.never_block_names.extend(self.never_block_name.iter().cloned());
        p.trust_resolver.extend(&self.trust_resolver);
        p.allow_miner.extend(&self.allow_miner);
        for file in &self.allow_miner_file {
            p.allow_miner.extend(lines::<AllowedMiner>(file)?);
        }
        p.allow_wallet.extend(self.allow_wallet.iter().cloned());
        p.allow_pool.extend(self.allow_pool.iter().cloned());
        p.trust_proxy.extend(&self.trust_proxy);
        Ok(said)
    }

    /// What says what is in a list needs one.
    fn needs_a_list(&self) -> Result<(), Failure> {
        let given = [
            ("--least", self.least.is_some()),
            ("--ttl", self.ttl.is_some()),
            ("--scope", self.scope.is_some()),
            ("--max-entries", self.max_entries.is_some()),
            ("--never-block", !self.never_block.is_empty()),
            ("--never-block-file", !self.never_block_file.is_empty()),
            ("--never-block-in", !self.never_block_in.is_empty()),
            ("--never-block-name", !self.never_block_name.is_empty()),
            ("--trust-resolver", !self.trust_resolver.is_empty()),
            ("--dry-run", self.dry_run),
            ("--sets-only", self.sets_only),
            ("--allow-documentation-ranges", self.allow_documentation_ranges),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((name, _)) if self.blocklist.is_empty() => {
                bail!("{name} says what is in a block list, but there is none: add --blocklist FILE")
            }
            _ => Ok(()),
        }
    }

    fn lists(&self, scope: Scope) -> Result<Vec<List>, Failure> {
        let lists = self.pairs()?;
        for (i, list) in lists.iter().enumerate() {
            match list.format.is_unfit(scope) {
                Some(why @ Unfit::Ports) => {
                    bail!("{} {why}: add {} if that is what you want", list.format.id(), why.fit())
                }
                Some(why @ Unfit::Hosts) => {
                    bail!("{} {why}: use {} if that is what you want", list.format.id(), why.fit())
                }
                None => {}
            }
            if lists.iter().take(i).any(|other| other.to == list.to) {
                bail!("two block lists go to the same place: name a file for each");
            }
            probe(&list.to, list.format.is_bare())?;
        }
        Ok(lists)
    }

    fn pairs(&self) -> Result<Vec<List>, Failure> {
        let formats: Vec<&'static dyn Format> = self.format.iter().map(|f| known(f)).collect::<Result<_, _>>()?;
        let destination = |p: &PathBuf| Destination::from(p.as_path());
        match (self.blocklist.as_slice(), formats.as_slice()) {
            ([], []) => Ok(Vec::new()),
            ([], _) => bail!("--format says how to write a block list, but not where: add --blocklist FILE"),
            (files, []) => files.iter().map(|f| Ok(List { to: destination(f), format: by_extension(f)? })).collect(),
            (files, formats) if files.len() == formats.len() => {
                Ok(files.iter().zip(formats).map(|(f, format)| List { to: destination(f), format: *format }).collect())
            }
            ([one], many) if one.as_os_str() != "-" => Ok(many
                .iter()
                .map(|format| {
                    let mut name = without_extension(one).into_os_string();
                    name.push(".");
                    name.push(format.extension());
                    List { to: destination(&name.into()), format: *format }
                })
                .collect()),
            (files, formats) => bail!(
                "--blocklist and --format do not go together ({} and {}): give one --format for each --blocklist",
                files.len(),
                formats.len()
            ),
        }
    }
}

/// The lines of a file, each one value; empty lines, what follows a `#`, and the mark that some editors begin a file with
/// are left out.
pub(super) fn lines<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    file: &Path,
) -> Result<Vec<T>, Failure> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let content = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    let lines = text.lines().map(content).enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(|(n, line)| line.parse().with_context(|| format!("{}, line {}", file.display(), n + 1))).collect()
}

/// FILE.nft with several formats means FILE.nft, FILE.ipset and so on.
fn without_extension(file: &Path) -> PathBuf {
    let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    match in_name(name) {
        Some((_, stem)) => file.with_file_name(stem),
        None => file.to_owned(),
    }
}

/// The format that the end of a file name means, and what stands before it. The longest end wins: `list.misp.json` is
/// no `json`.
fn in_name(name: &str) -> Option<(&'static dyn Format, &str)> {
    let ends = FORMATS.iter().flat_map(|f| [f.extension(), f.id()].map(|e| (*f, e)));
    let found = ends.filter_map(|(f, e)| Some((f, name.strip_suffix(e)?.strip_suffix('.')?)));
    found.filter(|(_, stem)| !stem.is_empty()).min_by_key(|(_, stem)| stem.len())
}

pub(super) fn known(name: &str) -> Result<&'static dyn Format, Failure> {
    format_by_id(name).with_context(|| {
        let all: Vec<_> = FORMATS.iter().map(|f| f.id()).collect();
        format!("{name:?} is no block list format: use one of {}", all.join(", "))
    })
}

/// The format that the end of a file's name means.
pub(super) fn by_extension(file: &Path) -> Result<&'static dyn Format, Failure> {
    match in_name(file.file_name().and_then(|n| n.to_str()).unwrap_or_default()) {
        Some((format, _)) => Ok(format),
        None => known("nft"),
    }
}

fn format_help() -> String {
    let all: Vec<_> = FORMATS.iter().map(|f| f.id()).collect();
    format!(
        "Format of the block list: {} [default: by the end of the file's name, else nft]. Several formats with one file \
         write FILE.nft, FILE.ipset and so on",
        all.join(", ")
    )
}
