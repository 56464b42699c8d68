//! An authenticator that does on request what no addon should: the bearer token says what.

use sdk::{Authenticator, Credentials, Error, User};

#[derive(Default)]
struct Hostile;

sdk::addon!(Hostile: authenticator);

impl Authenticator for Hostile {
    fn authenticate(&self, credentials: &Credentials) -> Result<Option<User>, Error> {
        match credentials.bearer_token.as_deref() {
            Some("loop") => loop {
                std::hint::black_box(());
            },
            Some("memory") => {
                let mut kept = Vec::new();
                loop {
                    kept.push(vec![1_u8; 1 << 20]);
                    std::hint::black_box(&kept);
                }
            }
            Some("trap") => panic!("asked to trap"),
            Some("stack") => Ok(Some(named(deeper(0).to_string()))),
            Some("giant") => Ok(Some(named("x".repeat(64 << 20)))),
            Some("flood") => {
                (0..100_000).for_each(|line| println!("line {line} \u{1b}[2J"));
                Ok(None)
            }
            Some("refuse") => Err(Error::Other("as asked".to_owned())),
            Some("environment") => Ok(Some(named(format!(
                "{} variables, {} arguments, {}",
                std::env::vars().count(),
                std::env::args().count(),
                std::fs::read_dir("/").map_or("no folder".to_owned(), |all| format!("{} entries", all.count())),
            )))),
            Some("socket") => Ok(Some(named(match std::net::TcpStream::connect("127.0.0.1:16443") {
                Ok(_) => "connected".to_owned(),
                Err(_) => "no socket".to_owned(),
            }))),
            Some(name) => Ok(Some(named(name.to_owned()))),
            None => Ok(None),
        }
    }
}

fn named(name: String) -> User {
    User { name, uid: String::new(), groups: Vec::new(), extra: Vec::new() }
}

#[expect(unconditional_recursion, reason = "it is to overflow the stack")]
fn deeper(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 64]);
    deeper(depth + 1) + here[7]
}
