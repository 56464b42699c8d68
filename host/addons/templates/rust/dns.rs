//! Answers the names of hosts that the operator lists, and says of others to ask elsewhere (RFC 1035).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use sdk::dns::{Client, Response};
use sdk::{Dns, Error, log, settings};

const HEAD: usize = 12;
const LONGEST_LABEL: usize = 63;
/// The type of an IPv4 address.
const A: [u8; 2] = [0, 1];
/// How long an answer may be kept.
const SECONDS: u32 = 60;

struct Addon {
    hosts: BTreeMap<String, Ipv4Addr>,
}

sdk::addon!(Addon: dns);

impl Default for Addon {
    fn default() -> Self {
        let setting = settings::all().into_iter().find(|setting| setting.name == "hosts");
        // The value is JSON: texts in quotes, between brackets and commas, of which a host has none.
        let value = setting.map(|setting| setting.value).unwrap_or_default();
        let hosts = value.split(['[', ']', '"', ',']).map(str::trim).filter(|host| !host.is_empty());
        let host = |host: &str| {
            let read = host.split_once('=').and_then(|(name, address)| {
                Some((name.to_ascii_lowercase(), address.parse().ok()?))
            });
            if read.is_none() {
                log::error(format!("{host:?} is left out: NAME=ADDRESS is needed"));
            }
            read
        };
        Self { hosts: hosts.filter_map(host).collect() }
    }
}

/// The one question of a query.
struct Question {
    name: String,
    of: [u8; 2],
    /// Where it ends in the query.
    end: usize,
}

impl Question {
    fn read(query: &[u8]) -> Option<Self> {
        let head = query.get(..HEAD)?;
        // Neither a reply nor another operation, and one question.
        if head[2] & 0xf8 != 0 || head[4..6] != [0, 1] {
            return None;
        }
        let (mut labels, mut at) = (Vec::new(), HEAD);
        loop {
            let length = usize::from(*query.get(at)?);
            at += 1;
            match length {
                0 => break,
                1..=LONGEST_LABEL => {}
                _ => return None,
            }
            labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_ascii_lowercase());
            at += length;
        }
        let of = query.get(at..at + 2)?.try_into().ok()?;
        // Behind it is the class.
        query.get(at + 2..at + 4)?;
        Some(Self { name: labels.join("."), of, end: at + 4 })
    }

    /// An answer of the one who knows, which repeats the question.
    fn reply(&self, query: &[u8], address: Option<Ipv4Addr>) -> Vec<u8> {
        let answers = u8::from(address.is_some());
        let mut reply = query[..2].to_vec();
        reply.extend([0x84 | query[2] & 1, 0, 0, 1, 0, answers, 0, 0, 0, 0]);
        reply.extend(&query[HEAD..self.end]);
        if let Some(address) = address {
            // The name is where the question has it; then the type, the class and the length of the address.
            reply.extend([0xc0, 0x0c, 0, 1, 0, 1]);
            reply.extend(SECONDS.to_be_bytes());
            reply.extend([0, 4]);
            reply.extend(address.octets());
        }
        reply
    }
}

impl Dns for Addon {
    fn answer(&self, query: &[u8], _: &Client) -> Result<Response, Error> {
        let Some(question) = Question::read(query) else { return Ok(Response::Drop) };
        Ok(match self.hosts.get(&question.name) {
            Some(address) => Response::Reply(question.reply(query, (question.of == A).then_some(*address))),
            None => Response::Forward(Vec::new()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(query: &[u8]) -> Response {
        let hosts = BTreeMap::from([("a.lan".to_owned(), Ipv4Addr::new(192, 0, 2, 7))]);
        let client = Client { address: "10.1.0.7:40000".into(), transport: "udp".into(), extra: Vec::new() };
        Addon { hosts }.answer(query, &client).unwrap()
    }

    fn query(name: &[u8], of: u8) -> Vec<u8> {
        [&[7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], name, &[0, of, 0, 1]].concat()
    }

    #[test]
    fn a_host_has_its_address_and_no_other() {
        let Response::Reply(reply) = answer(&query(b"\x01A\x03lan\0", 1)) else { panic!("no reply") };
        assert_eq!((&reply[..8], &reply[reply.len() - 4..]), (&[7, 7, 0x85, 0, 0, 1, 0, 1][..], &[192, 0, 2, 7][..]));
        let Response::Reply(reply) = answer(&query(b"\x01a\x03lan\0", 28)) else { panic!("no reply") };
        assert_eq!(reply[7], 0);
    }

    #[test]
    fn others_are_asked_for_other_names_and_nonsense_is_dropped() {
        assert!(matches!(answer(&query(b"\x01b\x03lan\0", 1)), Response::Forward(_)));
        assert!(matches!(answer(b"\x07\x07"), Response::Drop));
        assert!(matches!(answer(&query(b"\xc0\x0c", 1)), Response::Drop));
    }
}
