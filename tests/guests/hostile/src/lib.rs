//! An addon that does on request what no addon should, in every role: a text of the input says what.

use sdk::{
    Admission, Attributes, Authenticator, Authorizer, Change, Config, Credentials, Decision, Dns, Edit,
    Error, Event, File, Files, GroupVersionResource, Input, Lifecycle, Object, Objects, Operation, Overlay,
    RuleSet, Scheduling, User, admission, dns, overlay, scheduling,
};

#[derive(Default)]
struct Hostile;

sdk::addon!(
    Hostile: config, lifecycle, objects, files, authenticator, authorizer, admission, dns, overlay, scheduling
);

/// Misbehaves as a text says, or gives a text back.
fn act(what: &str) -> Result<String, Error> {
    match what {
        "loop" => loop {
            std::hint::black_box(());
        },
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&kept);
            }
        }
        "trap" => panic!("asked to trap"),
        "stack" => Ok(deeper(0).to_string()),
        "giant" => Ok("x".repeat(64 << 20)),
        "flood" => {
            (0..100_000).for_each(|line| println!("line {line} \u{1b}[2J"));
            Ok("flooded".to_owned())
        }
        "refuse" => Err(Error::Other("as asked".to_owned())),
        "environment" => Ok(format!(
            "{} variables, {} arguments, {}",
            std::env::vars().count(),
            std::env::args().count(),
            std::fs::read_dir("/").map_or("no folder".to_owned(), |all| format!("{} entries", all.count())),
        )),
        "socket" => Ok(match std::net::TcpStream::connect("127.0.0.1:16443") {
            Ok(_) => "connected".to_owned(),
            Err(_) => "no socket".to_owned(),
        }),
        name => Ok(name.to_owned()),
    }
}

#[expect(unconditional_recursion, reason = "it is to overflow the stack")]
fn deeper(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 64]);
    deeper(depth + 1) + here[7]
}

impl Config for Hostile {
    /// The setting `do` says what; without it the flag of the setting `flag` gets a value.
    fn edits(input: &Input) -> Result<Vec<Edit>, Error> {
        let setting = |name: &str| {
            let found = input.settings.iter().find(|setting| setting.name == name);
            found.map_or("", |setting| setting.value.trim_matches('"'))
        };
        match act(setting("do"))?.as_str() {
            "" => Ok(Vec::new()),
            "other" => Ok(vec![Edit::of("kubelet", "v", Operation::Other("shout".to_owned()))]),
            value => Ok(vec![Edit::set("kubelet", "node-labels", value)]),
        }
    }
}

impl Lifecycle for Hostile {
    fn notify(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::UnitReady(what) => act(&what).map(drop),
            _ => Ok(()),
        }
    }
}

impl Objects for Hostile {
    fn snapshot(&mut self, _: GroupVersionResource, objects: Vec<Object>) -> Result<(), Error> {
        objects.iter().try_for_each(|object| act(&object.key.name).map(drop))
    }

    fn changed(&mut self, _: GroupVersionResource, _: Vec<Change>) -> Result<(), Error> {
        Ok(())
    }
}

impl Files for Hostile {
    fn changed(&mut self, files: Vec<File>) -> Result<(), Error> {
        files.iter().try_for_each(|file| act(&file.name).map(drop))
    }
}

impl Authenticator for Hostile {
    fn authenticate(&self, credentials: &Credentials) -> Result<Option<User>, Error> {
        let named = |name| User { name, uid: String::new(), groups: Vec::new(), extra: Vec::new() };
        credentials.bearer_token.as_deref().map(|what| act(what).map(named)).transpose()
    }
}

impl Authorizer for Hostile {
    fn authorize(&self, user: &User, _: &Attributes) -> Result<Decision, Error> {
        Ok(match act(&user.name)?.as_str() {
            "unheard" => Decision::Other("unheard".to_owned()),
            reason => Decision::Allow(reason.to_owned()),
        })
    }

    fn rules(&self, user: &User, _: &str) -> Result<RuleSet, Error> {
        Ok(RuleSet { problems: vec![act(&user.name)?], ..RuleSet::default() })
    }
}

impl Admission for Hostile {
    fn mutate(&self, request: &admission::Request) -> Result<admission::Mutation, Error> {
        Ok(match act(&request.name)?.as_str() {
            "no-patch" => admission::Mutation::patch("{ this is no patch"),
            "escape" => {
                admission::Mutation::patch(r#"[{"op":"replace","path":"/metadata/name","value":"other"}]"#)
            }
            "code" => {
                let mut mutation = admission::Mutation::default();
                mutation.review = admission::Review::denied("with a strange code");
                mutation.review.denied.iter_mut().for_each(|denial| denial.code = 7);
                mutation
            }
            _ => admission::Mutation::default(),
        })
    }

    fn validate(&self, request: &admission::Request) -> Result<admission::Review, Error> {
        Ok(admission::Review::denied(act(&request.name)?))
    }
}

impl Dns for Hostile {
    fn answer(&self, query: &[u8], _: &dns::Client) -> Result<dns::Response, Error> {
        Ok(dns::Response::Reply(act(&String::from_utf8_lossy(query))?.into_bytes()))
    }
}

impl Overlay for Hostile {
    fn plan_for(&self, cluster: &overlay::Cluster) -> Result<overlay::Plan, Error> {
        Err(Error::Other(act(&cluster.this_node)?))
    }
}

impl Scheduling for Hostile {
    /// The name of the first node says what, and is why it is refused. A node of which nobody asked is refused too.
    fn filter(&self, candidates: &scheduling::Candidates) -> Result<Vec<scheduling::Refusal>, Error> {
        let Some(node) = candidates.nodes.first() else { return Ok(Vec::new()) };
        let refused = |node: &str, reason| scheduling::Refusal::lasting(node, reason);
        Ok(vec![refused(node, act(node)?), refused("nowhere", String::new())])
    }

    fn score(&self, candidates: &scheduling::Candidates) -> Result<Vec<scheduling::Rating>, Error> {
        let Some(node) = candidates.nodes.first() else { return Ok(Vec::new()) };
        act(node)?;
        Ok(vec![scheduling::Rating::new(node, 300)])
    }
}
