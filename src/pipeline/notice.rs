//! What is told of names and addresses that hosts met.
//!
//! In: what the feeds know of a name, a port or an address, and whose packet is at hand. Out: [`Sighting`]s.

use std::net::SocketAddr;

use super::inspection::Tools;
use crate::dialect;
use crate::evidence::Code;
use crate::flow::Direction;
use crate::intel::{Day, Freshness, Intel, Match};
use crate::ledger::{ContactKind, HostKey, Sighting, sighting};

impl<'a> Tools<'a> {
    pub(super) fn day(&self) -> Day {
        Day::of(self.stamp.time)
    }

    pub(super) fn usable(&self, m: &Match<'_>) -> bool {
        let freshness = m.freshness(self.day());
        if freshness == Freshness::Retired {
            self.retired.set(self.retired.get() + 1);
        }
        matches!(freshness, Freshness::Current | Freshness::Stale)
    }

    /// What a name is known for on that port.
    pub(super) fn name(&self, name: &str, port: Option<u16>) -> Option<Match<'a>> {
        let intel: &'a Intel = self.intel;
        intel.name(name, port).filter(|m| self.usable(m))
    }

    pub(super) fn mined_on(&self, port: u16, m: &Match<'_>) -> bool {
        self.intel.mined_on(port, m, true)
    }

    /// Tells that a client met what a feed knows.
    pub(super) fn tell(
        &mut self,
        client: Direction,
        server: Option<SocketAddr>,
        m: &Match<'_>,
        code: Code,
        text: String,
        name: Option<&str>,
    ) {
        let mut s = sighting(self.stamp, self.host(client), m, code, text);
        (s.endpoint, s.name) = (server, name.map(Into::into));
        self.noticed.push(s);
    }

    /// Tells that a client met something of that name and kind.
    #[allow(clippy::too_many_arguments)] // a row of a table
    pub(super) fn tell_of(
        &mut self,
        client: Direction,
        server: Option<SocketAddr>,
        pool: &str,
        kind: ContactKind,
        code: Code,
        text: String,
        name: Option<&str>,
    ) {
        self.noticed.push(Sighting {
            at: self.stamp,
            host: self.host(client),
            mac: None,
            endpoint: server,
            name: name.map(Into::into),
            pool: pool.into(),
            coins: Vec::new(),
            kind,
            code,
            text,
        });
    }

    /// Tells that a client named a host of a mining program or of rigs' management.
    pub(super) fn program_host(&mut self, client: Direction, server: SocketAddr, name: &str, how: &str) {
        if let Some(known) = dialect::serves(name) {
            let (kind, what) = if known.manages_rigs {
                (ContactKind::Inventory, "to which rigs report")
            } else {
                (ContactKind::Download, "a mining program's own host")
            };
            let text = format!("named {name} in {how} to {server}: {}, {what} ({})", known.name, known.source);
            self.tell_of(client, Some(server), known.name, kind, Code::NameSent, text, Some(name));
        }
    }

    pub(super) fn host(&self, client: Direction) -> HostKey {
        HostKey { tenant: self.key.tenant(), ip: self.key.source(client).ip() }
    }
}
