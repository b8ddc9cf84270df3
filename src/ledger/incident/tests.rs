use std::time::Duration;

use super::*;
use crate::decode::Tenant;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn at(secs: i64) -> PacketTime {
    PacketTime::from_parts(1_795_636_800 + secs, 0)
}

fn key(port: u16) -> IncidentKey {
    IncidentKey {
        host: HostKey { tenant: Tenant::None, ip: [10, 0, 0, 5].into() },
        pool: SocketAddr::from(([198, 51, 100, 7], port)),
    }
}

fn seen(secs: i64, verdict: Verdict) -> Seen {
    Seen {
        key: key(3333),
        first: at(secs),
        last: at(secs),
        verdict,
        verified: true,
        dialect: "cryptonote".to_owned(),
        coin: None,
        wallet: None,
        names: Vec::new(),
        flow: None,
    }
}

/// What happens, at which second.
#[derive(Clone, Copy, Debug)]
enum Event {
    Traffic,
    Cut,
    Wait,
}
use Event::{Cut, Traffic, Wait};

/// What it is about, what happens with which state after it, how often it came back in the end.
type Course = (&'static str, &'static [(i64, Event, State)], u32);

#[test]
fn an_incident_goes_from_state_to_state_as_the_table_says() {
    #[rustfmt::skip]
    let courses: &[Course] = &[
        ("it mines on", &[(0, Traffic, State::Open), (29 * MINUTE, Wait, State::Open),
            (29 * MINUTE, Traffic, State::Open), (58 * MINUTE, Wait, State::Open)], 0),
        ("it stops by itself", &[(0, Traffic, State::Open), (30 * MINUTE, Wait, State::Quiet),
            (DAY - 1, Wait, State::Quiet), (DAY, Wait, State::Closed)], 0),
        ("nobody looked for long", &[(0, Traffic, State::Open), (2 * DAY, Wait, State::Closed)], 0),
        ("it is cut off", &[(0, Traffic, State::Open), (1, Cut, State::Contained),
            (29 * MINUTE, Wait, State::Contained), (30 * MINUTE, Wait, State::Quiet), (DAY, Wait, State::Closed)], 0),
        ("last words of what is cut off", &[(0, Traffic, State::Open), (1, Cut, State::Contained),
            (61, Traffic, State::Contained), (62, Wait, State::Contained)], 0),
        ("cutting off does not help", &[(0, Traffic, State::Open), (1, Cut, State::Contained),
            (62, Traffic, State::Open)], 1),
        ("it comes back when it was quiet", &[(0, Traffic, State::Open), (30 * MINUTE, Wait, State::Quiet),
            (HOUR, Traffic, State::Open), (HOUR + 1, Cut, State::Contained)], 1),
        ("it comes back every other day", &[(0, Traffic, State::Open), (DAY, Wait, State::Closed),
            (2 * DAY, Traffic, State::Open), (3 * DAY, Wait, State::Closed), (4 * DAY, Traffic, State::Open)], 2),
        ("cut off what is quiet", &[(0, Traffic, State::Open), (HOUR, Wait, State::Quiet), (HOUR, Cut, State::Quiet)], 0),
        ("the clock goes back", &[(0, Traffic, State::Open), (-2 * DAY, Wait, State::Open),
            (-DAY, Traffic, State::Open)], 0),
    ];
    for (course, events, reopened) in courses {
        let mut all = Incidents::default();
        let mut before = None;
        for (secs, event, state) in *events {
            let steps = match event {
                Traffic => all.see(seen(*secs, Verdict::Confirmed)).into_iter().collect(),
                Cut => all.contain(|key| key.pool.port() == 3333, at(*secs)),
                Wait => all.tick(at(*secs)),
            };
            let i = all.get(&key(3333)).unwrap();
            assert_eq!(i.state, *state, "{course}, {secs}, {event:?}");
            // Every change is told of, and nothing else is.
            let told: Vec<_> = steps.iter().map(|s| (s.from, s.to)).collect();
            let want: Vec<_> = (before != Some(*state)).then_some((before, *state)).into_iter().collect();
            assert_eq!(told, want, "{course}, {secs}, {event:?}");
            before = Some(*state);
        }
        assert_eq!(all.get(&key(3333)).unwrap().reopened, *reopened, "{course}");
    }
}

#[test]
fn what_is_less_than_suspected_opens_nothing() {
    let mut all = Incidents::default();
    assert_eq!(all.see(seen(0, Verdict::Noted)), None);
    assert_eq!(all.iter().count(), 0);
    assert!(all.see(seen(1, Verdict::Suspected)).is_some());
    all.see(seen(2, Verdict::Confirmed));
    all.see(seen(3, Verdict::Noted));
    assert_eq!(all.get(&key(3333)).unwrap().verdict, Verdict::Confirmed);
}

#[test]
fn only_the_pool_that_was_cut_off_is_contained() {
    let mut all = Incidents::default();
    all.see(seen(0, Verdict::Confirmed));
    all.see(Seen { key: key(4444), ..seen(0, Verdict::Confirmed) });
    assert_eq!(all.contain(|key| key.pool.port() == 4444, at(1)).len(), 1);
    let states: Vec<_> = all.iter().map(|i| (i.key.pool.port(), i.state, i.contained)).collect();
    assert_eq!(states, [(3333, State::Open, None), (4444, State::Contained, Some(at(1)))]);
}

#[test]
fn shares_of_a_flow_that_is_told_of_twice_count_once() {
    let mut all = Incidents::default();
    let shares = |submitted| Shares { submitted, accepted: submitted, rejected: 0 };
    for (secs, flow, n) in [(0, 1, 5), (1, 2, 7), (2, 1, 9), (3, 1, 9)] {
        all.see(Seen { flow: Some((flow, shares(n))), ..seen(secs, Verdict::Confirmed) });
    }
    assert_eq!(all.get(&key(3333)).unwrap().shares, shares(16));
    for flow in 10..200 {
        all.see(Seen { flow: Some((flow, shares(1))), ..seen(4, Verdict::Confirmed) });
    }
    assert_eq!(all.get(&key(3333)).unwrap().shares, shares(16 + 190));
    // After a restart flows have other numbers, and what was counted stays.
    let mut restarted = Incidents::new(Patience { quiet: Duration::from_secs(5), ..Patience::default() });
    restarted.load(all.iter().cloned());
    restarted.see(Seen { flow: Some((1, shares(4))), ..seen(5, Verdict::Confirmed) });
    assert_eq!(restarted.get(&key(3333)).unwrap().shares, shares(210));
}

#[test]
fn what_it_knows_of_the_pool_grows_within_bounds() {
    let mut all = Incidents::default();
    for i in 0..20 {
        let names = vec![format!("pool{i}.example"), "pool0.example".to_owned()];
        let wallet = (i == 3).then(|| "wallet".to_owned());
        all.see(Seen { wallet, names, ..seen(i, Verdict::Probable) });
    }
    let i = all.get(&key(3333)).unwrap();
    assert_eq!((i.names.len(), i.names[0].as_str(), i.wallet.as_deref()), (8, "pool0.example", Some("wallet")));
    assert_eq!((i.opened, i.last_seen), (at(0), at(19)));
}

#[test]
fn floods_of_forged_packets_leave_room_for_what_is_real() {
    let mut all = Incidents::default();
    let host = |n: u32| HostKey { tenant: Tenant::None, ip: std::net::Ipv4Addr::from(0x0a00_0000 + n).into() };
    let of = |n: u32, verified| Seen {
        key: IncidentKey { host: host(n), ..key(3333) },
        verified,
        ..seen(i64::from(n), Verdict::Suspected)
    };
    for n in 0..40_000 {
        all.see(of(n, false));
    }
    assert_eq!((all.iter().count(), all.dropped()), (32_768, 40_000 - 32_768));
    for n in 100_000..140_000 {
        all.see(of(n, true));
    }
    assert_eq!(all.iter().count(), 65_536);
    // Those that are over give way, the one that is over longest first.
    all.take_touched();
    all.tick(at(140_000 + HOUR));
    assert!(all.see(of(200_000, true)).is_some());
    assert_eq!(all.iter().count(), 65_536 - 1_024 + 1, "many at once");
    assert!(all.get(&IncidentKey { host: host(0), ..key(3333) }).is_none());
    assert!(all.take_touched().contains(&(IncidentKey { host: host(0), ..key(3333) }, None)));
}
