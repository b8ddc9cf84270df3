//! Management pages of other mining programs over HTTP: T-Rex, lolMiner.
//!
//! In: HTTP messages. Out: inventory evidence, from an answer that names its program and has its shape; requests for
//! `/` or `/summary` are everybody's and say nothing. The keys are UNVERIFIED: known from the programs' use, read in no
//! source. So an answer is never more than `suspected`, as with all management interfaces.

use super::json::Value;
use super::shape::text;
use super::{Carrier, Category, Conversation, Dialect, Message, Probe, Role, Session};
use crate::evidence::Code;

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
        let response = m.http.is_some_and(|h| h.response);
        if response && answer(m.rpc.root).is_some() { Probe::Certain(Role::Miner) } else { Probe::Neutral }
    }

    fn open(&self) -> Box<dyn Session> {
        Box::new(State)
    }
}

/// The program's name for itself, if the answer is one of a mining program.
fn answer(root: Value<'_>) -> Option<String> {
    let has = |key: &str| root.get(key).is_some();
    if let Some(name) = text(root.get("name"))
        && name == "t-rex"
        && has("accepted_count")
        && has("algorithm")
        && root.get("gpus").is_some_and(Value::is_array)
    {
        let version = text(root.get("version")).unwrap_or_default();
        return Some(format!("t-rex {version}").trim_end().to_owned());
    }
    let software = text(root.get("Software"))?;
    let session = has("Session") && (has("Algorithms") || has("Mining"));
    (software.starts_with("lolMiner") && session).then(|| software.into_owned())
}

struct State;

impl Session for State {
    fn message(&mut self, role: Role, m: &Message<'_>, c: &mut Conversation) {
        if role == Role::Miner
            && let Some(program) = answer(m.rpc.root)
        {
            c.evidence.note(Code::RigAnswered, m.stamp, || "a mining program answered with its summary".to_owned());
            c.agent(m.stamp, &program);
        }
    }
}
