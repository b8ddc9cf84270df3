use std::net::Ipv4Addr;

use super::super::tests::{at, party};
use super::*;

const CAP: usize = 64;

fn visit(host: u32, seconds: f64, harmless: bool) -> Visit {
    let p = party(1, 1);
    Visit { tenant: 0, inside: Ipv4Addr::from(0x0a00_0000 + host).into(), server: p.server, at: at(seconds), harmless }
}

fn weight(visits: &Visits, facts: &Facts<'_>, seconds: f64) -> Weighed {
    visits.weigh(&party(1, 1), facts, at(seconds))
}

/// `MineShark`'s rule: nine harmless visits of ten, and the address is none of ours.
#[test]
fn an_address_of_harmless_visits_speaks_against() {
    let mut visits = Visits::default();
    for i in 0..20 {
        visits.judged(&visit(i % 3, f64::from(i), i >= 2), CAP);
    }
    let ja4 = Some("t13i310900_e8f1e7e78f70_1f22a2ca17c4");
    let pool_like = Facts { named: Named::PoolLike, ja4, ..Facts::default() };
    assert!(weight(&visits, &Facts::default(), 30.0).weight < -0.7);
    assert!(weight(&visits, &pool_like, 30.0).weight > -0.4, "but no single one decides");
    visits.judged(&visit(1, 31.0, false), CAP);
    let now = weight(&visits, &Facts::default(), 31.0);
    assert_eq!(now.visits, Some((21, 18)));
    assert!(now.weight > 0.0, "{now:?}");
}

#[test]
fn few_visits_are_no_share() {
    let mut visits = Visits::default();
    for i in 0..9 {
        visits.judged(&visit(1, f64::from(i), true), CAP);
    }
    assert_eq!(weight(&visits, &Facts::default(), 10.0).visits, None);
}

#[test]
fn visitors_are_counted_for_two_hours_and_no_further_than_eight() {
    let mut visits = Visits::default();
    for i in 0..7 {
        visits.judged(&visit(i, 0.0, false), CAP);
    }
    assert_eq!(weight(&visits, &Facts::default(), 60.0).visitors, 7);
    for i in 7..100 {
        visits.judged(&visit(i, 60.0, false), CAP);
    }
    assert_eq!(weight(&visits, &Facts::default(), 60.0).visitors, 9, "many");
    visits.judged(&visit(1, 3.0 * 3_600.0, false), CAP);
    assert_eq!(weight(&visits, &Facts::default(), 3.0 * 3_600.0).visitors, 1);
}

#[test]
fn all_of_it_together_is_little() {
    let visits = Visits::default();
    let facts = Facts {
        since: at(0.0),
        messages: 100,
        named: Named::PoolLike,
        ja4: Some("t13i310900_e8f1e7e78f70_1f22a2ca17c4"),
    };
    let all = weight(&visits, &facts, 7_200.0);
    assert!(all.weight <= MOST);
    assert_eq!(all.words.len(), 3);
    let named = Facts { named: Named::Other, ja4: Some("t13d1516h2_8daaf6152771_e5627efa2ab1"), ..facts };
    assert!(weight(&visits, &named, 7_200.0).words.len() < 3, "an innocent name is not held for anyone");
}

#[test]
fn addresses_are_bounded() {
    let mut visits = Visits::default();
    for i in 0..10_000u32 {
        visits.see(0, party(1, 1).inside, Ipv4Addr::from(i).into(), at(f64::from(i)), CAP);
    }
    assert!(visits.addresses.len() <= CAP);
    assert!(visits.addresses.contains_key(&(0, Ipv4Addr::from(9_999).into())), "the youngest stay");
    assert_eq!(visits.evicted as usize + visits.addresses.len(), 10_000);
}
