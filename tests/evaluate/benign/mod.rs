//! Long flows that are not mining, of the kinds that look most like it: constant sizes, timers, waits without memory,
//! pushes that nobody asked for, and several of these at once.
//!
//! Each class draws its own parameters for each flow. Some classes are in the test set only: a detector must be silent
//! about kinds of traffic that nobody tuned it on.

mod agents;
mod machines;
mod people;
mod pushes;
mod requests;

use crate::chain::{Chains, Set};
use crate::random::Random;
use crate::tape::{Event, Framing, Tape};

/// What a class is given to write a flow with.
pub(crate) struct Draw<'a> {
    pub(crate) random: &'a mut Random,
    pub(crate) tape: Tape,
    /// Seconds that the flow lasts.
    pub(crate) end: f64,
    /// For what follows a block chain without mining.
    pub(crate) chains: &'a Chains,
}

impl Draw<'_> {
    /// Seconds until an answer, drawn anew each time around a median of the flow's own.
    pub(crate) fn delay(&mut self, median: f64) -> f64 {
        self.random.log_normal(median, 0.35)
    }

    /// A median delay: what a server near or far takes.
    pub(crate) fn latency(&mut self) -> f64 {
        self.random.log_range(0.002, 0.3)
    }

    /// Calls `tell` at each tick of a timer that is off by up to `jitter` of its period.
    pub(crate) fn every(&mut self, period: f64, jitter: f64, mut tell: impl FnMut(&mut Self, f64)) {
        let mut at = self.random.unit() * period;
        while at < self.end {
            tell(self, at);
            at += period * (1.0 + jitter * self.random.range(-1.0, 1.0));
        }
    }

    /// Calls `tell` at events that remember nothing, this many seconds apart on average.
    pub(crate) fn whenever(&mut self, mean: f64, mut tell: impl FnMut(&mut Self, f64)) {
        let mut at = self.random.exp(mean);
        while at < self.end {
            tell(self, at);
            at += self.random.exp(mean);
        }
    }

    /// Times of a timer of `period` that each of `events` starts again: when it ran out.
    pub(crate) fn quiet(&mut self, events: &[f64], period: f64, jitter: f64) -> Vec<f64> {
        let mut rang = Vec::new();
        let mut last = 0.0;
        for event in events.iter().copied().chain([self.end]) {
            let mut at = last + period * (1.0 + jitter * self.random.range(-1.0, 1.0));
            while at < event {
                rang.push(at);
                at += period * (1.0 + jitter * self.random.range(-1.0, 1.0));
            }
            last = event;
        }
        rang
    }

    /// Times of events without memory.
    pub(crate) fn moments(&mut self, mean: f64) -> Vec<f64> {
        let mut at = Vec::new();
        self.whenever(mean, |_, t| at.push(t));
        at
    }
}

/// A kind of traffic.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    /// Whether detectors may be tuned on it.
    pub(crate) tuning: bool,
    /// Made to follow the same model as mining in all that sizes and times can show: no such detector can be silent on
    /// these and find miners. Counted apart, to say what the method cannot know.
    pub(crate) twin: bool,
    write: fn(&mut Draw<'_>),
    framings: &'static [Framing],
}

const PLAIN: &[Framing] = &[Framing::Plain];
const TLS: &[Framing] = &[Framing::Tls12, Framing::Tls13];
const ANY: &[Framing] = &[Framing::Plain, Framing::Tls12, Framing::Tls12Cbc, Framing::Tls13];
const WEB_SOCKET: &[Framing] = &[Framing::WebSocketTls13];

const fn class(name: &'static str, tuning: bool, framings: &'static [Framing], write: fn(&mut Draw<'_>)) -> Class {
    Class { name, tuning, twin: false, write, framings }
}

const fn twin(name: &'static str, framings: &'static [Framing], write: fn(&mut Draw<'_>)) -> Class {
    Class { name, tuning: false, twin: true, write, framings }
}

pub(crate) const CLASSES: &[Class] = &[
    class("Tor cells", true, TLS, machines::tor),
    class("VPN (WireGuard) with browsing", true, PLAIN, machines::wireguard),
    class("SSH, interactive", true, PLAIN, people::ssh),
    class("SSH port forward, database in it", false, PLAIN, machines::forward),
    class("database replication", true, ANY, machines::replication),
    class("database connection pool", true, ANY, requests::database),
    class("LDAP", true, ANY, requests::ldap),
    class("cache (Redis) with pings", false, PLAIN, requests::cache),
    class("MQTT sensor", true, ANY, requests::mqtt_sensor),
    class("MQTT subscriber", true, ANY, pushes::mqtt_subscriber),
    class("MQTT gateway, commands and acknowledgements", false, TLS, pushes::mqtt_gateway),
    class("push service", true, TLS, pushes::push_service),
    class("DNS over TLS", true, TLS, requests::dns),
    class("DNS over HTTPS", true, TLS, requests::dns_https),
    class("chat over web socket", true, WEB_SOCKET, people::chat),
    class("IRC", true, ANY, people::irc),
    class("XMPP", true, TLS, people::xmpp),
    class("IMAP IDLE", true, TLS, pushes::imap_idle),
    class("time and status polling", true, ANY, requests::polling),
    class("monitoring agent", true, ANY, requests::monitoring),
    class("telemetry without memory", true, TLS, requests::telemetry),
    class("telemetry without memory, settings on a timer", true, TLS, requests::telemetry_pushed),
    class("payment terminals", false, ANY, requests::payments),
    class("FIX session", true, ANY, requests::fix),
    class("video with heartbeats", true, ANY, machines::video),
    class("SIP over TLS", false, TLS, machines::sip),
    class("CI runner", true, TLS, pushes::ci_runner),
    class("long poll with timeout", false, TLS, pushes::long_poll),
    class("stock ticker", true, WEB_SOCKET, pushes::ticker),
    class("price alerts", false, WEB_SOCKET, pushes::alerts),
    class("game server", true, PLAIN, machines::game),
    class("turn-based game", true, WEB_SOCKET, people::turns),
    class("driver of a fleet", true, TLS, people::dispatch),
    class("program that trades", true, TLS, people::trader),
    class("node: new block headers", true, ANY, pushes::new_heads),
    class("node: new headers and requests", true, ANY, pushes::electrum),
    class("chain dashboard", false, WEB_SOCKET, pushes::chain_dashboard),
    class("blockchain peer", false, PLAIN, machines::peer),
    class("dashboard over web socket", true, WEB_SOCKET, pushes::dashboard),
    class("event stream with comments", false, TLS, pushes::event_stream),
    class("OPC UA subscription", false, ANY, pushes::opc_ua),
    class("watch on a key store", true, TLS, pushes::watch),
    class("industrial polling (Modbus)", true, PLAIN, requests::modbus),
    class("gRPC with keepalives", true, TLS, requests::grpc),
    class("message queue consumer", false, ANY, pushes::queue),
    class("BGP", false, PLAIN, machines::bgp),
    class("remote desktop", true, TLS, people::desktop),
    class("home device in the cloud", true, TLS, pushes::home_device),
    class("syslog over TLS", false, TLS, machines::syslog),
    class("licence server", false, ANY, requests::licence),
    class("vehicle or charger (OCPP)", false, WEB_SOCKET, requests::charger),
    class("lightning and quake alerts", false, WEB_SOCKET, pushes::quakes),
    class("build worker (distributed)", false, ANY, pushes::build_worker),
    class("volunteer computing", false, TLS, pushes::volunteer),
    class("vehicle tracker", false, ANY, agents::tracker),
    class("kubelet", true, TLS, agents::kubelet),
    class("Matrix client", false, TLS, agents::matrix),
    class("stream worker (JetStream)", false, ANY, agents::stream_worker),
    class("charging gateway (Diameter)", false, ANY, agents::diameter),
    class("odds feed with own bets", false, TLS, agents::odds),
    class("LoRa gateway", false, WEB_SOCKET, agents::lora),
    class("host agent (Wazuh)", false, PLAIN, agents::host_agent),
    twin("twin: telemetry, and settings on a timer that changes restart", TLS, requests::telemetry_twin),
    twin("twin: auction whose clock each bid starts again", WEB_SOCKET, people::auction),
    twin("twin: event stream whose comments are as large as events", TLS, pushes::event_twin),
];

impl Class {
    /// The classes of this set.
    pub(crate) fn of(set: Set) -> impl Iterator<Item = &'static Class> {
        CLASSES.iter().filter(move |c| c.tuning || set == Set::Test)
    }

    /// One flow of this class, `end` seconds long.
    pub(crate) fn flow(&self, random: &mut Random, chains: &Chains, end: f64) -> Vec<Event> {
        let framing = random.pick(self.framings);
        let mut events = framing.greet(random, 0.0, 0.05);
        let greeted = events.last().map_or(0.0, |e| e.at + 0.01);
        let mut draw = Draw { random, tape: Tape::default(), end, chains };
        (self.write)(&mut draw);
        let mut said = draw.tape.finish(end);
        said.retain(|e| e.at >= greeted);
        framing.over(&mut said);
        events.append(&mut said);
        events
    }
}
