use super::*;

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// One interface and counters that grow.
struct Scene {
    dog: Watchdog,
    health: Health,
    at: u64,
    frames: u64,
    drops: u64,
    watched: bool,
}

impl Scene {
    fn new() -> Self {
        let mut s =
            Self { dog: Watchdog::default(), health: Health::default(), at: 0, frames: 0, drops: 0, watched: true };
        assert!(s.after(0).is_empty());
        s
    }

    fn count(&mut self, more: &[(Counter, u64)]) -> &mut Self {
        for &(c, n) in more {
            self.health.add_n(c, n);
        }
        self
    }

    /// What is told when that many seconds have passed.
    fn after(&mut self, s: u64) -> Vec<String> {
        self.at += s;
        let port = Port {
            name: "eth1",
            watched: self.watched,
            frames: self.frames,
            kernel_drops: self.drops,
            interface_drops: 0,
        };
        self.dog.look(&Look { at: seconds(self.at), health: &self.health, ports: &[port] })
    }

    fn wrong(&self) -> Vec<Trouble> {
        self.dog.states().iter().map(|s| s.trouble).collect()
    }
}

/// Each trouble of the whole watch: what is counted, how much is still well, how much is too much, how much does not
/// end it, how much does.
#[test]
fn each_trouble_is_told_once_and_once_when_it_is_over() {
    use Counter as C;
    // Counter, of which, least whole, the thousandths.
    let cases: [(Trouble, C, C, [u64; 4]); 4] = [
        (Trouble::OneWay, C::OneWayFlows, C::Flows, [500, 510, 410, 400]),
        (Trouble::Truncated, C::FramesTruncated, C::Frames, [50, 51, 21, 20]),
        (Trouble::Undecoded, C::LinkTypeUnknown, C::Frames, [200, 201, 101, 100]),
        (Trouble::BadChecksums, C::BadChecksum, C::UdpPackets, [100, 101, 51, 50]),
    ];
    for (trouble, part, whole, [well, bad, still, good]) in cases {
        let mut s = Scene::new();
        // Only the rule under test has something to judge.
        let mut judged = |share: u64| {
            s.frames += 1;
            s.count(&[(part, share), (whole, 1000), (C::TcpPackets, u64::from(whole == C::Frames))]);
            let told = s.after(60);
            (told, s.wrong())
        };
        assert_eq!(judged(well), (vec![], vec![]), "{trouble:?}");
        let (told, wrong) = judged(bad);
        assert_eq!((told.len(), wrong), (1, vec![trouble]), "{told:?}");
        let percent = format!("{} %", bad / 10);
        assert!(told[0].contains(&percent), "{told:?} does not say {percent}");
        assert_eq!(judged(bad), (vec![], vec![trouble]), "told twice");
        assert_eq!(judged(still), (vec![], vec![trouble]), "no hysteresis");
        assert_eq!(judged(good), (vec![over(trouble).to_owned()], vec![]));
        assert_eq!(judged(good), (vec![], vec![]), "its end was told twice");
        assert_eq!(judged(bad).1, [trouble], "it is not told again");
    }
}

#[test]
fn too_little_to_judge_is_judged_when_there_is_more() {
    let mut s = Scene::new();
    for _ in 0..4 {
        s.frames += 1;
        s.count(&[(Counter::OneWayFlows, 12), (Counter::Flows, 12), (Counter::TcpPackets, 1)]);
        assert_eq!(s.after(60), Vec::<String>::new());
    }
    s.frames += 1;
    s.count(&[(Counter::OneWayFlows, 12), (Counter::Flows, 12)]);
    assert_eq!((s.after(60).len(), s.wrong()), (1, vec![Trouble::OneWay]));
}

#[test]
fn drops_name_their_interface_and_are_over_when_nothing_is_lost_any_more() {
    let mut s = Scene::new();
    (s.frames, s.drops) = (99_900, 100);
    assert_eq!(s.after(5), Vec::<String>::new(), "0.1 % is the limit");
    (s.frames, s.drops) = (199_700, 300);
    let told = s.after(5);
    assert!(told.len() == 1 && told[0].starts_with("eth1: the kernel drops 0.20 % "), "{told:?}");
    assert_eq!(s.dog.states()[0].interface.as_deref(), Some("eth1"));
    // A trickle: too little to judge, and nothing lost.
    s.frames += 10;
    assert_eq!((s.after(59), s.wrong()), (vec![], vec![Trouble::KernelDrops]));
    s.frames += 10;
    assert_eq!((s.after(1), s.wrong()), (vec!["eth1: the kernel drops no more frames".to_owned()], vec![]));
}

#[test]
fn a_silent_interface_is_told_unless_it_is_known_to_be_away() {
    let mut s = Scene::new();
    assert_eq!(s.after(59), Vec::<String>::new());
    let told = s.after(1);
    assert!(told.len() == 1 && told[0].starts_with("eth1: no frame for a minute"), "{told:?}");
    assert_eq!((s.after(600), s.wrong()), (vec![], vec![Trouble::Idle]));
    s.frames += 1;
    assert_eq!((s.after(1), s.wrong()), (vec!["eth1: frames come again".to_owned()], vec![]));
    s.watched = false;
    assert_eq!((s.after(600), s.wrong()), (vec![], vec![]));
    // It is back: its minute begins now.
    s.watched = true;
    assert_eq!(s.after(59), Vec::<String>::new());
    assert_eq!(s.after(1).len(), 1);
}

#[test]
fn an_ordinary_switch_port_shows_no_tcp() {
    let mut s = Scene::new();
    s.frames += 60;
    s.count(&[(Counter::Frames, 60), (Counter::NotIp, 40), (Counter::UdpPackets, 20)]);
    assert_eq!(s.after(59), Vec::<String>::new());
    s.frames += 60;
    s.count(&[(Counter::Frames, 60), (Counter::NotIp, 60)]);
    let told = s.after(61);
    assert!(told.len() == 1 && told[0].contains("no TCP"), "{told:?}");
    s.frames += 100_000;
    s.count(&[(Counter::Frames, 10_000_000), (Counter::TcpPackets, 1)]);
    assert_eq!((s.after(120), s.wrong()), (vec!["TCP is seen now".to_owned()], vec![]));
}

#[test]
fn counters_that_step_back_are_no_trouble() {
    let mut s = Scene::new();
    (s.frames, s.drops) = (100_000, 50);
    s.count(&[(Counter::Frames, 100_000), (Counter::TcpPackets, 90_000)]);
    assert_eq!(s.after(120), Vec::<String>::new());
    s.health = Health::default();
    (s.frames, s.drops) = (0, 0);
    assert_eq!((s.after(59), s.wrong()), (vec![], vec![]));
}
