//! Management pages of mining programs and devices over HTTP: T-Rex, lolMiner, `NBMiner`, `GMiner`, `SRBMiner`, `BzMiner`,
//! nanominer, Rigel, Antminer, Bitaxe and its relatives (`AxeOS`).
//!
//! In: HTTP messages. Out: inventory evidence, from an answer that has the keys and the shape of its program's; never
//! more than `suspected`. Requests for `/summary`, `/stat` or `/api/v1/status` are everybody's and say nothing; those for
//! an Antminer's settings are `noted`. An answer that was asked for by another path says nothing: any web server may hand
//! out an example of one. Wallets and passwords in the answers are not kept.
//!
//! Sources of the keys and shapes, all of them by who reads the interface or documents it:
//! - T-Rex `/summary`: delawr0190/foreman-apps `foreman-trex/…/json/Summary.java`, `dennisstritzke/trex_exporter`
//!   `trex/model.go`;
//! - lolMiner `/summary`, in its older form (1.0) and with lists of workers and algorithms: foreman-apps
//!   `Lolminer1_0ITest.java`, minershive/hiveos-linux `hive/miners/lolminer/h-stats.sh`; pvwnthem/MinerInsight
//!   `src/constants/miners.ts`;
//! - `NBMiner` `/api/v1/status`: `NebuTech/NBMiner` `readme.md`;
//! - `GMiner` `/stat`, without its name (1.34) and with it (2.70): hiveos-linux `hive/miners/gminer/h-stats.sh`, foreman-apps
//!   `Gminer_1_34_ITest.java`, sokdak/miner-exporter `pkg/gminer/types.go`;
//! - `SRBMiner-MULTI` `/`, Rigel `/`, `BzMiner` `/status`: members as agents of mining rigs read them (`miner_version`,
//!   `algorithms`, `pool`; `solution_stat`, `pools`, `connection_details`; `bzminer_version`, `pools`, `current_url`);
//! - nanominer `/stats`: roboyeti/wth `lib/modules/gpu_miners/nano_miner.rb`;
//! - `AxeOS` `/api/system/info`: bitaxeorg/ESP-Miner and its readers (`ASICModel`, `stratumURL`, `sharesAccepted`);
//! - Antminer `/cgi-bin/…`: block/proto-fleet `plugin/antminer/pkg/antminer/web`, foreman-apps
//!   `AntminerChangePoolsITest.java`.
//!
//! `TeamRedMiner` speaks cgminer's interface, see `cgminer_api`.

use std::borrow::Cow;

use super::json::Value;
use super::shape::text;
use super::{Carrier, Category, Conversation, Dialect, Message, Probe, Role, Session};
use crate::evidence::Code;
use crate::text::printable;

/// Pages that only Antminers have, and their relatives with its firmware.
const PAGES: [&str; 5] = [
    "/cgi-bin/get_miner_conf.cgi",
    "/cgi-bin/set_miner_conf.cgi",
    "/cgi-bin/get_miner_status.cgi",
    "/cgi-bin/minerConfiguration.cgi",
    "/cgi-bin/minerStatus.cgi",
];
/// Pages of the others, which other programs have as well.
const SHARED_PAGES: [&str; 7] = ["/", "/summary", "/api/v1/status", "/stat", "/status", "/stats", "/api/system/info"];
/// Cards of a rig whose rates are added up.
const CARDS: usize = 64;

/// The dialect.
pub(super) struct RigHttp;

impl Dialect for RigHttp {
    fn id(&self) -> &'static str {
        "rig-http"
    }

    fn carried_by(&self, carrier: Carrier) -> bool {
        carrier == Carrier::Http
    }

    fn category(&self) -> Category {
        Category::Inventory
    }

    fn miner_opens(&self) -> bool {
        false
    }

    fn probe(&self, m: &Message<'_>) -> Probe {
        if m.http.is_some_and(|h| h.response) {
            let asked = m.http.and_then(|h| h.answers.as_deref()).and_then(|p| p.split('?').next());
            let page = asked.is_none_or(|p| PAGES.contains(&p) || SHARED_PAGES.contains(&p));
            return if page && Rig::of(m.rpc.root).is_some() { Probe::Certain(Role::Miner) } else { Probe::Neutral };
        }
        if page(m).is_some() { Probe::Unsure(Role::Pool, 3) } else { Probe::Neutral }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::new(State)
    }
}

/// The page of an Antminer that a request is for.
fn page(m: &Message<'_>) -> Option<&'static str> {
    let path = m.http?.path.as_deref()?.split('?').next()?;
    PAGES.into_iter().find(|p| *p == path)
}

/// What an answer tells of the rig behind it.
struct Rig<'a> {
    /// Name and version.
    program: Cow<'a, str>,
    pool: Option<Cow<'a, str>>,
    algorithm: Option<Cow<'a, str>>,
    /// Hashes per second.
    rate: Option<f64>,
}

impl<'a> Rig<'a> {
    /// The rig, if the answer is one of those known.
    fn of(root: Value<'a>) -> Option<Self> {
        trex(root)
            .or_else(|| lolminer(root))
            .or_else(|| nbminer(root))
            .or_else(|| gminer(root))
            .or_else(|| srbminer(root))
            .or_else(|| bzminer(root))
            .or_else(|| nanominer(root))
            .or_else(|| rigel(root))
            .or_else(|| axe(root))
            .or_else(|| antminer(root))
            .or_else(|| antminer_settings(root))
    }
}

fn number(v: Option<Value<'_>>) -> Option<f64> {
    v?.as_f64()
}

fn trex(root: Value<'_>) -> Option<Rig<'_>> {
    root.get("name").filter(|n| n.is_str("t-rex"))?;
    number(root.get("accepted_count"))?;
    root.get("gpus").filter(|g| g.is_array())?;
    let version = text(root.get("version")).unwrap_or_default();
    Some(Rig {
        program: format!("t-rex {version}").trim_end().to_owned().into(),
        pool: root.get("active_pool").and_then(|p| text(p.get("url"))),
        algorithm: Some(text(root.get("algorithm"))?),
        rate: number(root.get("hashrate")),
    })
}

fn lolminer(root: Value<'_>) -> Option<Rig<'_>> {
    let program = text(root.get("Software")).filter(|s| s.starts_with("lolMiner"))?;
    number(root.get("Session")?.get("Uptime"))?;
    let (pool, algorithm) = match root.get("Algorithms").filter(|a| a.is_array()).map(|a| a.index(0)) {
        // None yet, just after its start.
        Some(None) => (None, None),
        Some(Some(first)) => (text(first.get("Pool")), Some(text(first.get("Algorithm"))?)),
        None => {
            let pool = root.get("Stratum").and_then(|s| text(s.get("Current_Pool")));
            (pool, Some(text(root.get("Mining")?.get("Algorithm"))?))
        }
    };
    // Its units are many (sol/s, g/s, Mh/s): a rate is not told.
    Some(Rig { program, pool, algorithm, rate: None })
}

fn nbminer(root: Value<'_>) -> Option<Rig<'_>> {
    let (miner, stratum) = (root.get("miner")?, root.get("stratum")?);
    miner.get("devices").filter(|d| d.is_array())?;
    let rate = number(miner.get("total_hashrate_raw"))?;
    number(stratum.get("accepted_shares"))?;
    let version = text(root.get("version"))?;
    Some(Rig {
        program: format!("NBMiner {version}").into(),
        pool: Some(text(stratum.get("url"))?),
        algorithm: text(stratum.get("algorithm")),
        rate: Some(rate),
    })
}

fn gminer(root: Value<'_>) -> Option<Rig<'_>> {
    let devices = root.get("devices").filter(|d| d.is_array())?;
    let first = devices.index(0)?;
    number(first.get("gpu_id")).or_else(|| number(first.get("cuda_id")))?;
    let speed = |d: Value<'_>| number(d.get("speed"));
    speed(first)?;
    text(first.get("bus_id"))?;
    let (pool, _) = (text(root.get("server"))?, text(root.get("user"))?);
    number(root.get("uptime"))?;
    let program = text(root.get("miner")).filter(|m| m.starts_with("GMiner")).unwrap_or(Cow::Borrowed("GMiner"));
    let hashes = root.get("speed_unit").is_some_and(|u| u.is_str("H/s"));
    let rate = hashes.then(|| devices.as_array().into_iter().flatten().take(CARDS).filter_map(speed).sum());
    Some(Rig { program, pool: Some(pool), algorithm: text(root.get("algorithm")), rate })
}

fn srbminer(root: Value<'_>) -> Option<Rig<'_>> {
    let version = text(root.get("miner_version"))?;
    text(root.get("rig_name"))?;
    let first = root.get("algorithms").filter(|a| a.is_array())?.index(0)?;
    let algorithm = text(first.get("name"))?;
    let pool = text(first.get("pool")?.get("pool"))?;
    number(first.get("shares")?.get("accepted"))?;
    let rate = first.get("hashrate")?;
    let total = |of| number(rate.get(of).and_then(|r| r.get("total")));
    let rates = [total("cpu"), total("gpu")];
    let rate = rates.iter().any(Option::is_some).then(|| rates.into_iter().flatten().sum());
    Some(Rig {
        program: format!("SRBMiner-MULTI {version}").into(),
        pool: Some(pool),
        algorithm: Some(algorithm),
        rate,
    })
}

fn bzminer(root: Value<'_>) -> Option<Rig<'_>> {
    let version = text(root.get("bzminer_version"))?;
    root.get("devices").filter(|d| d.is_array())?;
    let first = root.get("pools").filter(|p| p.is_array())?.index(0)?;
    let algorithm = Some(text(first.get("algorithm"))?);
    // In which unit its rates are, nobody says.
    Some(Rig {
        program: format!("BzMiner {version}").into(),
        pool: text(first.get("current_url")),
        algorithm,
        rate: None,
    })
}

fn nanominer(root: Value<'_>) -> Option<Rig<'_>> {
    number(root.get("WorkTime"))?;
    root.get("Devices").filter(|d| d.is_array())?;
    let first = root.get("Algorithms").filter(|a| a.is_array())?.index(0)?;
    let algorithm = first.keys().next()?;
    let about = first.get(&algorithm)?;
    let total = about.get("Total")?;
    number(total.get("Accepted"))?;
    let rate = text(total.get("Hashrate"))?.parse().ok();
    let pool = Some(text(about.get("CurrentPool"))?);
    Some(Rig { program: Cow::Borrowed("nanominer"), pool, algorithm: Some(algorithm), rate })
}

fn rigel(root: Value<'_>) -> Option<Rig<'_>> {
    let algorithm = text(root.get("algorithm"))?;
    let version = text(root.get("version"))?;
    root.get("devices").filter(|d| d.is_array())?;
    let of = |key| root.get(key).and_then(|v| v.get(&algorithm));
    number(of("solution_stat")?.get("accepted"))?;
    let rate = number(of("hashrate"));
    let pool =
        of("pools").and_then(|p| p.index(0)?.get("connection_details")).and_then(|c| host_port(c, "hostname", "port"));
    Some(Rig { program: format!("Rigel {version}").into(), pool, algorithm: Some(algorithm), rate })
}

/// Bitaxe, `NerdAxe` and what else runs its firmware.
fn axe(root: Value<'_>) -> Option<Rig<'_>> {
    let chip = text(root.get("ASICModel"))?;
    number(root.get("sharesAccepted"))?;
    text(root.get("stratumUser"))?;
    let pool = Some(host_port(root, "stratumURL", "stratumPort")?);
    let version = text(root.get("version"))?;
    number(root.get("uptimeSeconds"))?;
    let rate = number(root.get("hashRate")).map(|rate| rate * 1e9);
    Some(Rig { program: format!("AxeOS {version} ({chip})").into(), pool, algorithm: None, rate })
}

/// A pool whose name and port stand apart.
fn host_port<'a>(at: Value<'a>, host: &str, port: &str) -> Option<Cow<'a, str>> {
    let host = text(at.get(host))?;
    Some(match number(at.get(port)) {
        Some(port) => format!("{host}:{port}").into(),
        None => host,
    })
}

/// Of a summary, its statistics or pools, and of what the device says of itself.
fn antminer(root: Value<'_>) -> Option<Rig<'_>> {
    let is = |s: &Cow<'_, str>| s.starts_with("Antminer");
    if let Some(program) = text(root.get("minertype")).filter(is) {
        text(root.get("macaddr"))?;
        return Some(Rig { program, pool: None, algorithm: None, rate: None });
    }
    let program = text(root.get("INFO")?.get("type")).filter(is)?;
    root.get("STATUS")?;
    let first = |key| root.get(key).filter(|v| v.is_array()).and_then(|v| v.index(0));
    let about = first("SUMMARY").or_else(|| first("STATS")).or_else(|| first("POOLS"))?;
    let unit = match text(about.get("rate_unit")).as_deref() {
        Some("TH/s") => Some(1e12),
        Some("GH/s") => Some(1e9),
        Some("MH/s") => Some(1e6),
        _ => None,
    };
    let rate = number(about.get("rate_5s")).zip(unit).map(|(rate, unit)| rate * unit);
    Some(Rig { program, pool: text(about.get("url")), algorithm: None, rate })
}

/// Of its settings: pools, and keys of the maker's.
fn antminer_settings(root: Value<'_>) -> Option<Rig<'_>> {
    let first = root.get("pools").filter(|p| p.is_array())?.index(0)?;
    let (pool, _) = (text(first.get("url"))?, text(first.get("user"))?);
    let makers = root.keys().any(|k| k.starts_with("bitmain-"));
    makers.then_some(Rig { program: Cow::Borrowed("Antminer"), pool: Some(pool), algorithm: None, rate: None })
}

struct State;

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        let at = m.stamp;
        if role == Role::Pool {
            if let Some(page) = page(m) {
                c.evidence.note(Code::RigAsked, at, || format!("somebody asked for {page}, a page of mining devices"));
            }
            return;
        }
        let Some(rig) = Rig::of(m.rpc.root) else { return };
        c.evidence.note(Code::RigAnswered, at, || {
            let pool = rig.pool.as_deref().filter(|p| !p.is_empty()).unwrap_or("not told");
            format!("{} answered as a rig (pool {})", printable(rig.program.as_ref(), 40), printable(pool, 60))
        });
        if let Some(pool) = &rig.pool {
            c.reported_pool(pool);
        }
        c.agent(at, &rig.program);
        if let Some(algorithm) = &rig.algorithm {
            c.algorithm(algorithm);
        }
        c.reported_hashrate = rig.rate.filter(|r| r.is_finite() && *r > 0.0).or(c.reported_hashrate);
    }
}

#[cfg(test)]
mod tests;
