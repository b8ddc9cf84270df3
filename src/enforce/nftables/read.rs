//! What `nft -j` prints about the table. Source: libnftables-json(5).

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use super::{CHAINS, SETS, rules_of};
use crate::enforce::held::{Held, Rules};
use crate::enforce::problem::EnforceError;
use crate::enforce::program::NFT;
use crate::firewall::{Prefix, Proto, Target};

/// What was found in the table.
pub(super) struct Found {
    held: Held,
    /// Table, sets, chains and rules without what changes by itself.
    pub(super) rules: Vec<Value>,
}

#[derive(Deserialize)]
struct Listing {
    nftables: Vec<Object>,
}

/// One object of the table; those that are not understood are somebody else's.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Object {
    Metainfo(serde::de::IgnoredAny),
    Counter {
        name: String,
        packets: u64,
    },
    Set(Set),
    #[serde(untagged)]
    Other(serde_json::Map<String, Value>),
}

#[derive(Deserialize)]
struct Set {
    name: String,
    #[serde(rename = "type")]
    kind: Value,
    #[serde(default)]
    flags: Value,
    #[serde(default)]
    elem: Vec<Element>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Element {
    Timed {
        elem: Timed,
    },
    /// Without a life time: none of ours.
    Eternal(Key),
}

#[derive(Deserialize)]
struct Timed {
    val: Key,
    #[serde(default)]
    expires: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Key {
    Address(String),
    Concat { concat: Vec<Part> },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Text(String),
    Number(u16),
    Prefix { prefix: Block },
}

#[derive(Deserialize)]
struct Block {
    addr: String,
    len: u8,
}

/// Reads a listing of the table.
pub(super) fn found(json: &[u8]) -> Result<Found, EnforceError> {
    let listing: Listing = serde_json::from_slice(json).map_err(|e| NFT.unreadable(&e.to_string()))?;
    let (mut held, mut rules) = (Held::default(), Vec::new());
    for object in listing.nftables {
        match object {
            Object::Metainfo(_) => {}
            Object::Counter { name, packets } => match name.as_str() {
                "blocked" => held.hits.blocked = packets,
                "isolated" => held.hits.isolated = packets,
                _ => {}
            },
            Object::Set(set) => {
                for element in set.elem {
                    let (key, left) = match element {
                        Element::Timed { elem } => (elem.val, elem.expires),
                        Element::Eternal(key) => (key, u64::MAX),
                    };
                    put(&mut held, &set.name, key, left)
                        .ok_or_else(|| NFT.unreadable(&format!("an element of {}", set.name)))?;
                }
                rules.push(serde_json::json!([set.name, set.kind, set.flags]));
            }
            Object::Other(mut object) => {
                for inner in object.values_mut().filter_map(Value::as_object_mut) {
                    inner.remove("handle");
                }
                rules.push(object.into());
            }
        }
    }
    Ok(Found { held, rules })
}

/// Puts an element where it belongs; nothing if it has no place there.
fn put(held: &mut Held, set: &str, key: Key, left: u64) -> Option<()> {
    match (set, key) {
        ("addr4" | "addr6", Key::Address(a)) => {
            held.blocked.insert(Target { addr: a.parse().ok()?, service: None, from: None }, left);
        }
        ("host4" | "host6", Key::Address(a)) => {
            held.isolated.insert(a.parse().ok()?, left);
        }
        ("ep4" | "ep6", Key::Concat { concat }) => {
            held.blocked.insert(endpoint(&concat)?, left);
        }
        ("pair4" | "pair6", Key::Concat { concat }) => {
            let [Part::Text(host), endpoint @ ..] = concat.as_slice() else { return None };
            let target = Target { from: Some(host.parse().ok()?), ..self::endpoint(endpoint)? };
            held.blocked.insert(target, left);
        }
        ("keep4" | "keep6", Key::Concat { concat }) => {
            let [Part::Text(host), to] = concat.as_slice() else { return None };
            let to: Prefix = match to {
                Part::Text(one) => one.parse().ok()?,
                Part::Prefix { prefix } => format!("{}/{}", prefix.addr, prefix.len).parse().ok()?,
                Part::Number(_) => return None,
            };
            held.kept.insert((host.parse().ok()?, to));
        }
        // Of a set that is not ours.
        _ => {}
    }
    Some(())
}

fn endpoint(parts: &[Part]) -> Option<Target> {
    let [Part::Text(addr), Part::Text(proto), Part::Number(port)] = parts else { return None };
    let addr: IpAddr = addr.parse().ok()?;
    let proto = match proto.as_str() {
        "tcp" => Proto::Tcp,
        "udp" => Proto::Udp,
        _ => return None,
    };
    Some(Target { addr, service: Some((proto, *port)), from: None })
}

impl Found {
    /// With the state of the rules, by how they looked when they were put there, or by their number where that is not
    /// known.
    pub(super) fn held(self, ours: Option<&[Value]>) -> Held {
        let intact = ours.map_or_else(|| self.is_complete(), |ours| ours == self.rules);
        Held { rules: if intact { Rules::Intact } else { Rules::Changed }, ..self.held }
    }

    fn is_complete(&self) -> bool {
        let of_chain =
            |chain: &str| self.rules.iter().filter(|r| r.pointer("/rule/chain").is_some_and(|c| c == chain)).count();
        let has = |name: &str| self.rules.iter().any(|r| r.pointer("/chain/name").is_some_and(|n| n == name));
        let hooked = self.rules.iter().filter(|r| r.pointer("/chain/hook").is_some()).count();
        CHAINS.iter().all(|(chain, _)| has(chain) && of_chain(chain) == rules_of(chain))
            && hooked == CHAINS.iter().filter(|(_, hook)| !hook.is_empty()).count()
            && self.rules.iter().filter(|r| r.is_array()).count() == SETS.len()
            && self.rules.iter().all(|r| r.pointer("/table/flags").is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nft 1.0.6 prints it.
    const LISTING: &str = r#"{"nftables":[{"metainfo":{"version":"1.0.6","release_name":"Lester Gooch #5",
        "json_schema_version":1}},{"table":{"family":"inet","name":"minewatch_live","handle":1}},
        {"counter":{"family":"inet","name":"blocked","table":"minewatch_live","handle":1,"packets":7,"bytes":420}},
        {"set":{"family":"inet","name":"ep4","table":"minewatch_live","type":["ipv4_addr","inet_proto","inet_service"],
        "handle":3,"flags":["timeout"],"elem":[{"elem":{"val":{"concat":["198.51.100.1","tcp",3333]},"timeout":3600,
        "expires":3599}}]}},{"set":{"family":"inet","name":"addr6","table":"minewatch_live","type":"ipv6_addr",
        "handle":4,"flags":["timeout"],"elem":[{"elem":{"val":"2001:db8::7","timeout":60,"expires":59}},"2001:db8::8"]}},
        {"set":{"family":"inet","name":"pair4","table":"minewatch_live","type":["ipv4_addr","ipv4_addr","inet_proto",
        "inet_service"],"handle":9,"flags":["timeout"],"elem":[{"elem":{"val":{"concat":["192.0.2.2","198.51.100.1","tcp",
        3333]},"timeout":60,"expires":58}}]}},
        {"set":{"family":"inet","name":"host4","table":"minewatch_live","type":"ipv4_addr","handle":5}},
        {"set":{"family":"inet","name":"keep4","table":"minewatch_live","type":["ipv4_addr","ipv4_addr"],"handle":6,
        "flags":["interval","timeout"],"elem":[{"elem":{"val":{"concat":["192.168.1.5",{"prefix":{"addr":"10.0.0.0",
        "len":8}}]},"timeout":60,"expires":59}},{"elem":{"val":{"concat":["192.168.1.6","10.1.2.3"]},"timeout":3600,
        "expires":3599}}]}},{"chain":{"family":"inet","table":"minewatch_live","name":"cut","handle":7}},
        {"rule":{"family":"inet","table":"minewatch_live","chain":"cut","handle":10,"expr":[{"counter":"blocked"}]}}]}"#;

    #[test]
    fn reads_every_kind_of_element_and_forgets_the_handles() {
        let found = found(LISTING.as_bytes()).unwrap();
        let ep = Target { addr: [198, 51, 100, 1].into(), service: Some((Proto::Tcp, 3333)), from: None };
        let addr = |a: &str| Target { addr: a.parse().unwrap(), service: None, from: None };
        let pair = Target { from: Some([192, 0, 2, 2].into()), ..ep };
        assert_eq!(
            found.held.blocked,
            [(ep, 3599), (pair, 58), (addr("2001:db8::7"), 59), (addr("2001:db8::8"), u64::MAX)].into()
        );
        assert_eq!(
            found.held.kept,
            [
                ("192.168.1.5".parse().unwrap(), "10.0.0.0/8".parse().unwrap()),
                ("192.168.1.6".parse().unwrap(), "10.1.2.3".parse().unwrap())
            ]
            .into()
        );
        assert_eq!(found.held.hits.blocked, 7);
        assert_eq!(found.rules.len(), 8);
        assert!(found.rules.iter().all(|r| !r.to_string().contains("handle")));
        assert_eq!(found.held(None).rules, Rules::Changed, "one rule is not all of them");
    }

    #[test]
    fn what_nft_does_not_print_is_an_error_and_no_empty_set() {
        for bad in ["", "{}", r#"{"nftables":1}"#] {
            assert!(found(bad.as_bytes()).is_err(), "{bad}");
        }
        let odd = LISTING.replace("\"198.51.100.1\"", "\"pool.example\"");
        assert!(found(odd.as_bytes()).is_err());
    }
}
