//! The command line of those who write addons: `mk8s-host plugin …`, without a running host.

use std::path::PathBuf;

use addons::author::{Kind, Language};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use engine::Role;

#[derive(Subcommand)]
pub(crate) enum Author {
    /// Write out a project that builds to an addon as it is
    New {
        /// Name of the addon: lower-case letters, digits and dashes
        name: String,
        #[arg(long, value_parser = languages(), default_value = "rust")]
        lang: Language,
        /// What it is for: configurators edit flags, authenticators know users, authorizers say what users may do, admission
        /// judges what is written, keepers keep objects as they should be, dns answers DNS, overlays plan the network between
        /// nodes, scheduling says where pods may go
        #[arg(long, value_parser = kinds())]
        kind: Kind,
        /// Folder to make [default: the name]
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Write metadata into a component whose build does not: that of Python or JavaScript
    Annotate {
        /// Path of the component
        file: PathBuf,
        /// The metadata: addon.json of the project
        #[arg(long, value_name = "FILE")]
        metadata: PathBuf,
        /// Where to write the component [default: in its place]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Tell what keeps nodes from taking a component, and how to mend it; fails where there is anything
    Check {
        /// Path of the component
        file: PathBuf,
    },
    /// Try the whole contract on a component, under a node's limits and without a cluster
    Test {
        /// Path of the component
        file: PathBuf,
    },
    /// Ask one role of a component one question, and print its answer as JSON:
    /// `plugin run readers.wasm --role authorizer --input case.json`
    Run {
        /// Path of the component
        file: PathBuf,
        #[arg(long, value_parser = roles())]
        role: Role,
        /// The question: case.json of a project that `plugin new` wrote is one
        #[arg(long, value_name = "FILE")]
        input: PathBuf,
    },
    /// Measure how fast a component answers on this machine
    Bench {
        /// Path of the component
        file: PathBuf,
        /// [default: each of its roles]
        #[arg(long, value_parser = roles())]
        role: Option<Role>,
        /// The question, as for `plugin run` [default: an ordinary one]
        #[arg(long, value_name = "FILE", requires = "role")]
        input: Option<PathBuf>,
    },
    /// Make a pair of keys to sign with: NAME.key, to be kept secret, and NAME.pub, for those who trust it
    Keygen {
        /// Path of the files, without the extension
        name: PathBuf,
    },
    /// Sign a component, in the place of the signature that it had
    Sign {
        /// Path of the component
        file: PathBuf,
        /// The private key that `plugin keygen` made
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Where to write the component [default: in its place]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Tell who signed a component; fails where nobody who is trusted did
    Verify {
        /// Path of the component
        file: PathBuf,
        /// Public keys to trust, instead of those in credentials/trusted-keys of the data directory
        #[arg(long, value_name = "FILE")]
        key: Vec<PathBuf>,
    },
    /// Bring a component to a registry, from which `plugin install oci://…` takes it; as whom, docker's login says
    Push {
        /// Path of the component
        file: PathBuf,
        /// `oci://HOST[:PORT]/NAME:TAG`; this machine's own registry is spoken to by plain HTTP
        reference: String,
    },
}

/// One of these by its name.
fn one_of<T: Copy + Send + Sync + 'static>(
    all: impl Iterator<Item = (&'static str, T)>,
) -> impl TypedValueParser<Value = T> {
    let all: Vec<_> = all.collect();
    let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    PossibleValuesParser::new(names).try_map(move |given| {
        let found = all.iter().find(|(name, _)| *name == given);
        found.map(|(_, value)| *value).ok_or("no such value")
    })
}

fn languages() -> impl TypedValueParser<Value = Language> {
    one_of(Language::ALL.iter().map(|one| (one.name(), *one)))
}

fn kinds() -> impl TypedValueParser<Value = Kind> {
    one_of(Kind::ALL.iter().map(|one| (one.name(), *one)))
}

fn roles() -> impl TypedValueParser<Value = Role> {
    one_of(Role::ALL.iter().map(|one| (one.name(), *one)))
}
