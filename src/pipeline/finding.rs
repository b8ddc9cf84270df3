//! What is reported of a flow: when it is over, when it is let go, or on the way while it goes on.
//!
//! In: what the flow table knows of a flow, and its inspection. Out: a [`FlowFinding`], if its conversation has any
//! evidence. Nothing of the flow is changed, so that asking twice gives the same.

use super::around::Around;
use super::inspection::Inspection;
use super::reader::{ENCRYPTED, Reading};
use crate::address::is_inside;
use crate::carrier::Wrap;
use crate::dialect::{Category, Conversation, Stage};
use crate::evidence::{Code, EvidenceLog, Judgement, Verdict, judge};
use crate::flow::{Direction, FlowInfo, FlowKey};
use crate::ledger::{FlowFinding, Names, Work};
use crate::text::counted;
use crate::wallet::Coin;

/// The coin and what says so. What the jobs are of decides; a wallet may be where it is paid out to.
fn coin(c: &Conversation, wallet: Option<Coin>, mined: &[Coin]) -> Option<(Coin, &'static str)> {
    let paid = wallet.filter(|_| !c.other_algorithm).map(|coin| (coin, "wallet"));
    c.coin.or(paid).or(match mined {
        [only] => Some((*only, "dialect")),
        _ => None,
    })
}

/// The coin of a conversation.
pub(super) fn coin_of(reading: &Reading<'_>) -> Option<Coin> {
    let paid = Names::coin_of(reading.conversation, reading.coins);
    coin(reading.conversation, paid, reading.coins).map(|(coin, _)| coin)
}

/// The finding of a flow.
pub(super) fn finding(key: FlowKey, info: &FlowInfo, inspection: &Inspection) -> Option<FlowFinding> {
    let reader = &inspection.reader;
    let reading = reader.reading()?;
    judge(&reading.conversation.evidence)?;
    let otherwise = reader.gaps == 0 && reader.wraps().is_empty() && reader.answered_otherwise(reading.miner);
    assemble(key, info, &reading, reader.wraps().to_vec(), reader.around(), reader.gaps, otherwise)
}

/// The finding of a flow that is only listened to, whose miner's end sends in that direction. Nothing says yet that it
/// mines.
pub(super) fn overheard(key: FlowKey, info: &FlowInfo, miner: Direction) -> FlowFinding {
    let conversation = Conversation::default();
    let reading =
        Reading { dialect: ENCRYPTED, category: Category::Pool, coins: &[], miner, conversation: &conversation };
    let judgement = Judgement { verdict: Verdict::Noted, score: 0.0, missing: None };
    let mut log = EvidenceLog::default();
    context(&mut log, info, 0, false, &[]);
    let both = info.counts.lo_to_hi.payload > 0 && info.counts.hi_to_lo.payload > 0;
    FlowFinding { peer_replied: both, ..of(key, info, &reading, Vec::new(), None, &log, judgement) }
}

fn assemble(
    key: FlowKey,
    info: &FlowInfo,
    reading: &Reading<'_>,
    wraps: Vec<Wrap>,
    around: Option<&Around>,
    gaps: u64,
    otherwise: bool,
) -> Option<FlowFinding> {
    let (c, dialect, category) = (reading.conversation, reading.dialect, reading.category);
    let replied = c.evidence.has(Code::PoolReply) || c.evidence.has(Code::JobDelivered);
    let mut log = c.evidence.clone();
    let silent = !replied && category != Category::Inventory && dialect != ENCRYPTED;
    context(&mut log, info, gaps, silent, &wraps);
    if silent && otherwise && whole(info) {
        log.note(Code::OtherAnswer, info.last, || {
            "the server answered, and in no mining protocol: a probe, or a wrong port".to_owned()
        });
        let miner = key.source(reading.miner).ip();
        if !is_inside(miner) {
            log.note(Code::FromOutside, info.first, || format!("{miner} is outside, as those are who probe"));
        }
    }
    let judgement = judge(&log)?;
    log.sort();
    Some(of(key, info, reading, wraps, around, &log, judgement))
}

/// Whether both ends were seen from the beginning.
fn whole(info: &FlowInfo) -> bool {
    info.handshake.verified && !info.mid_stream && !info.second_look && info.one_way().is_none()
}

fn of(
    key: FlowKey,
    info: &FlowInfo,
    reading: &Reading<'_>,
    wraps: Vec<Wrap>,
    around: Option<&Around>,
    log: &EvidenceLog,
    judgement: Judgement,
) -> FlowFinding {
    let Reading { dialect, category, coins, miner, conversation: c } = *reading;
    let greeted = dialect == ENCRYPTED && around.is_some_and(Around::server_answered);
    let (first, last) = (info.first, info.last);
    let one_way = info.one_way().is_some();
    let replied = c.evidence.has(Code::PoolReply) || c.evidence.has(Code::JobDelivered);
    let names = Names::of(c, coins);
    let hints = crate::dialect::hints(c, category, wraps.iter().filter_map(Wrap::host));
    let program = c.agent.as_deref().and_then(crate::dialect::program_of);
    let mut vlans = info.vlans.ids().to_vec();
    vlans.sort_unstable();
    let total = info.total();
    FlowFinding {
        flow_id: key.flow_id(first.time),
        community_id: key.community_id(),
        tenant: key.tenant(),
        vlans,
        wraps,
        miner: key.source(miner),
        miner_mac: *info.macs.get(miner),
        pool: key.destination(miner),
        udp: !key.is_tcp(),
        dialect,
        category,
        coin: coin(c, names.coin, coins),
        stage: if replied { c.stage() } else { Stage::Attempt },
        verdict: judgement.verdict,
        missing: crate::dialect::missing(dialect, category, judgement.verdict, judgement.missing),
        login: c.login.clone(),
        wallet: names.wallet,
        worker: names.worker,
        password: c.password.clone(),
        style_fits: program.zip(c.style).is_some_and(|(p, s)| crate::dialect::writes_so(p, s)),
        program,
        agent: c.agent.clone(),
        style: c.style,
        hints,
        algorithms: c.algorithms.clone(),
        difficulty: c.difficulty,
        shares: c.shares,
        jobs: c.jobs,
        height: c.height,
        work: Work {
            shares: c.weighed,
            hashes: if names.scrypt && dialect == "bitcoin-v1" { c.work / 65_536.0 } else { c.work },
            seconds: c.work_seconds(),
        },
        reported_hashrate: c.reported_hashrate,
        reported_pool: c.reported_pool.clone(),
        allowed: false,
        one_way,
        mid_stream: info.mid_stream,
        handshake_verified: info.handshake.verified,
        tunnelled: info.may_be_one_writer(),
        client_data_acked: info.handshake.data_acked(miner),
        peer_replied: replied || greeted,
        first,
        last,
        bytes: total.bytes,
        packets: total.packets,
        sent: around.map(|a| a.sent().to_vec()).unwrap_or_default(),
        host: around.and_then(Around::host).map(Box::from),
        tls: around.and_then(Around::seen),
        identity: None,
        names: Vec::new(),
        claims: Vec::new(),
        known: None,
        place: crate::intel::Place::default(),
        shared_front: None,
        crowd: None,
        coins: Vec::new(),
        evidence: log.to_vec(),
    }
}

/// What the flow says beside the conversation.
fn context(log: &mut EvidenceLog, info: &FlowInfo, gaps: u64, silent: bool, wraps: &[Wrap]) {
    let (first, last) = (info.first, info.last);
    if info.handshake.verified && info.handshake.client_data_acked() {
        log.note(Code::HandshakeVerified, first, || {
            "the TCP handshake was seen with matching numbers, and the server acknowledged the client's data".to_owned()
        });
    }
    if info.mid_stream {
        log.note(Code::MidStream, first, || "the capture starts in the middle of the conversation".to_owned());
    }
    if info.one_way().is_some() {
        log.note(Code::OneWay, first, || "only one direction of the conversation was captured".to_owned());
    } else if silent {
        log.note(Code::NoAnswer, last, || "the server never answered in the protocol".to_owned());
    }
    if gaps > 0 {
        log.note(Code::StreamGaps, last, || {
            format!("the streams have {}: messages may be missing", counted(gaps, "hole", "holes"))
        });
    }
    if let Some(source) = wraps.iter().find_map(Wrap::source) {
        log.note(Code::ProxyHeader, first, || {
            format!("a PROXY header says that the connection is that of {source}: the sender only passes it on")
        });
    }
}
