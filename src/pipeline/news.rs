//! What is told of a mining flow while it goes on: a level that was reached, a job, how it stands.
//!
//! In: what the flow table knows of a flow, and its inspection. Out: one of each at most, when it is new.

use std::time::Duration;

use super::finding::finding;
use super::inspection::{Claimed, Inspection};
use super::reader::Reading;
use crate::capture::Stamp;
use crate::decode::Packet;
use crate::evidence::Verdict;
use crate::flow::{FlowInfo, FlowKey};
use crate::ledger::{Alert, FlowFinding, PlainJob};

/// How often a flow that goes on is told of, whatever is new of it.
const AGAIN: Duration = Duration::from_mins(1);

/// What is told of a level that was reached.
pub(super) fn alert(
    key: FlowKey,
    info: &FlowInfo,
    inspection: &Inspection,
    verdict: Verdict,
    at: Stamp,
) -> Option<Alert> {
    let Reading { dialect, category, miner, conversation: c, .. } = inspection.reader.reading()?;
    let reason = c.evidence.lines().last().map(|e| e.text.to_owned()).unwrap_or_default();
    Some(Alert {
        at,
        tenant: key.tenant(),
        miner: key.source(miner),
        miner_mac: *info.macs.get(miner),
        pool: key.destination(miner),
        dialect,
        category,
        wraps: inspection.reader.wraps().to_vec(),
        verdict,
        verified: info.handshake.verified && info.one_way().is_none(),
        reason,
        login: c.login.as_deref().map(Into::into),
        claims: Vec::new(),
        name: None,
        identity: None,
    })
}

/// Work at a height that the flow's pool did not name before, where the coin is known.
pub(super) fn job(inspection: &mut Inspection, packet: &Packet<'_>) -> Option<PlainJob> {
    let reading = inspection.reader.reading()?;
    let height = reading.conversation.height.filter(|h| inspection.height != Some(*h))?;
    let coin = super::finding::coin_of(&reading);
    inspection.height = Some(height);
    Some(PlainJob { coin: coin?, height, at: packet.time })
}

/// What is told of a flow that goes on, if that is new.
pub(super) fn claim(key: FlowKey, info: &FlowInfo, inspection: &mut Inspection) -> Option<FlowFinding> {
    let verdict = inspection.reader.level()?;
    let miner = inspection.reader.reading()?.miner;
    let proven = info.handshake.verified && info.handshake.data_acked(miner) && info.one_way().is_none();
    let now = Claimed { verdict, proven, at: info.last.time };
    let old = inspection.claimed.filter(|c| now.at.since(c.at) < AGAIN);
    if old.is_some_and(|c| (c.verdict, c.proven) == (verdict, proven)) {
        return None;
    }
    inspection.claimed = Some(now);
    finding(key, info, inspection)
}
