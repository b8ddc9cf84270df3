//! What `ipset save` prints. Source: ipset(8).

use std::net::IpAddr;

use crate::enforce::held::Held;
use crate::enforce::problem::EnforceError;
use crate::enforce::program::IPSET;
use crate::firewall::{Proto, Target};

/// Reads the elements of `set`.
pub(super) fn elements(set: &str, saved: &str, held: &mut Held) -> Result<(), EnforceError> {
    for line in saved.lines().filter(|l| l.starts_with("add ")) {
        element(set, line, held).ok_or_else(|| IPSET.unreadable(line))?;
    }
    Ok(())
}

/// `add SET KEY timeout SECONDS`; 0 seconds is for ever.
fn element(set: &str, line: &str, held: &mut Held) -> Option<()> {
    let mut words = line.split(' ').skip(2);
    let (key, _timeout, left) = (words.next()?, words.next().filter(|w| *w == "timeout")?, words.next()?);
    let left: u64 = left.parse().ok()?;
    let left = if left == 0 { u64::MAX } else { left };
    match (set.trim_end_matches(['4', '6']), key.split_once(',')) {
        ("mwlive-addr", None) => {
            held.blocked.insert(Target { addr: key.parse().ok()?, service: None, from: None }, left);
        }
        ("mwlive-host", None) => {
            held.isolated.insert(key.parse().ok()?, left);
        }
        ("mwlive-ep", Some((addr, service))) => {
            held.blocked.insert(endpoint(addr.parse().ok()?, service)?, left);
        }
        ("mwlive-pair", Some((host, endpoint))) => {
            let (service, addr) = endpoint.split_once(',')?;
            let target = Target { from: Some(host.parse().ok()?), ..self::endpoint(addr.parse().ok()?, service)? };
            held.blocked.insert(target, left);
        }
        _ => return None,
    }
    Some(())
}

fn endpoint(addr: IpAddr, service: &str) -> Option<Target> {
    let (proto, port) = service.split_once(':')?;
    let proto = match proto {
        "tcp" => Proto::Tcp,
        "udp" => Proto::Udp,
        _ => return None,
    };
    Some(Target { addr, service: Some((proto, port.parse().ok()?)), from: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_element() {
        let mut held = Held::default();
        for (set, line) in [
            ("mwlive-ep4", "add mwlive-ep4 198.51.100.1,tcp:3333 timeout 3599"),
            ("mwlive-pair4", "add mwlive-pair4 192.0.2.2,tcp:3333,198.51.100.1 timeout 58"),
            ("mwlive-addr6", "add mwlive-addr6 2001:db8::7 timeout 0"),
            ("mwlive-host4", "add mwlive-host4 10.0.0.5 timeout 60"),
        ] {
            let saved = format!("create {set} hash:ip family inet hashsize 1024 maxelem 131072 timeout 0\n{line}\n");
            elements(set, &saved, &mut held).unwrap();
        }
        let ep = Target { addr: [198, 51, 100, 1].into(), service: Some((Proto::Tcp, 3333)), from: None };
        let addr = Target { addr: "2001:db8::7".parse().unwrap(), service: None, from: None };
        let pair = Target { from: Some([192, 0, 2, 2].into()), ..ep };
        assert_eq!(held.blocked, [(ep, 3599), (pair, 58), (addr, u64::MAX)].into());
        for bad in ["add x 192.0.2.2,tcp:3333 timeout 3", "add x 192.0.2.2,198.51.100.1,tcp:3333 timeout 3"] {
            assert!(elements("mwlive-pair4", bad, &mut held).is_err(), "{bad}");
        }
        assert_eq!(held.isolated, [([10, 0, 0, 5].into(), 60)].into());
        for bad in ["add x pool.example timeout 3", "add x 10.0.0.1", "add x 10.0.0.1,gre:0 timeout 4"] {
            assert!(elements("mwlive-ep4", bad, &mut held).is_err(), "{bad}");
        }
    }
}
