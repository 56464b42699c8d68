//! The command line.

pub(crate) mod author;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A Kubernetes node in one binary, with sandboxed WebAssembly addons.
#[derive(Parser)]
#[command(name = "mk8s-host", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Directory of everything that belongs to this node [default: /var/lib/mk8s as root, otherwise
    /// $XDG_DATA_HOME/mk8s]
    #[arg(long, global = true, env = "MK8S_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the node in the foreground until SIGTERM or Ctrl-C
    Run(Run),
    /// Show units, sockets, certificates, addons and warnings of the running node
    Status(Status),
    /// Install and manage addons
    #[command(subcommand)]
    Plugin(Plugin),
    /// Show the effective configuration
    #[command(subcommand)]
    Config(Config),
    /// Issue certificates anew, without dropping a connection
    RefreshCerts(RefreshCerts),
    /// Look after the keys that encrypt secrets in the store
    #[command(subcommand)]
    Secrets(Secrets),
    /// Print the administrator's kubeconfig
    Kubeconfig,
    /// Manage container images
    #[command(subcommand)]
    Images(Images),
    /// Look after the embedded store of the cluster's state
    #[command(subcommand)]
    Db(Db),
    /// Print what completes this command line in a shell
    Completion {
        /// `source <(mk8s-host completion bash)`
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Compile a component from stdin to stdout
    #[command(hide = true)]
    Compile,
}

#[derive(Args)]
pub(crate) struct Run {
    /// Which sockets and defaults are on
    #[arg(long, value_enum, default_value_t)]
    pub(crate) profile: Profile,
    /// What the log tells, as `info` or `apiserver=debug,info`
    #[arg(long, env = "MK8S_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
    /// Hours between two snapshots of the embedded store, to var/kubernetes/snapshots; 0 takes none
    #[arg(long, env = "MK8S_SNAPSHOT_HOURS", value_name = "HOURS", default_value_t = 12)]
    pub(crate) snapshot_hours: u32,
    /// Snapshots that are kept
    #[arg(long, env = "MK8S_SNAPSHOT_RETENTION", value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) snapshot_retention: u32,
    /// Install and enable only addons that are signed by a key in credentials/trusted-keys; one that is enabled stays so
    #[arg(long, env = "MK8S_REQUIRE_SIGNATURE")]
    pub(crate) require_signature: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Every row of the services-and-ports page
    #[default]
    Default,
    /// No plain-HTTP ports, RBAC on, and secrets encrypted in the store
    Hardened,
}

#[derive(Args)]
pub(crate) struct Status {
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Wait until the node is ready
    #[arg(long)]
    pub(crate) wait_ready: bool,
    /// Seconds to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "wait_ready")]
    pub(crate) timeout: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Pretty,
    Json,
}

/// What an operator says to what a component wants.
#[derive(Args)]
pub(crate) struct Consent {
    /// Leave a capability out that it wants, as `plugin info FILE` names it; once for each
    #[arg(long, value_name = "CAPABILITY")]
    pub(crate) without: Vec<String>,
    /// Grant what it wants, or wants beyond its predecessor, without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Show what it wants and changes, and stop there
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

#[derive(Subcommand)]
pub(crate) enum Plugin {
    /// Install and enable a component, or a built-in addon by its name
    Install {
        /// Path of a component, `https://…` with --digest, or `oci://HOST/NAME:TAG`; `rbac` or `rbac.wasm` installs the
        /// built-in where no such file exists
        source: String,
        /// The digest that the component has to have
        #[arg(long, value_name = "sha256:…")]
        digest: Option<String>,
        #[command(flatten)]
        consent: Consent,
    },
    /// List addons
    List {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show all that is known of an addon, or what a component says of itself
    Info {
        /// Name of an addon, or path of a component, which is not run
        name: String,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Enable an installed addon
    Enable {
        /// Name of the addon; see `plugin list`
        name: String,
    },
    /// Disable an addon and keep it installed
    Disable {
        /// Name of the addon
        name: String,
    },
    /// Disable an addon and forget it with its state
    Remove {
        /// Name of the addon
        name: String,
    },
    /// Put another component in the place of an installed addon's, without a pause
    Upgrade {
        /// Name of the addon
        name: String,
        /// Path of the component, `https://…` with --digest, or `oci://HOST/NAME:TAG`
        source: String,
        /// The digest that the component has to have
        #[arg(long, value_name = "sha256:…")]
        digest: Option<String>,
        #[command(flatten)]
        consent: Consent,
    },
    /// Give settings of an addon values
    Set {
        /// Name of the addon
        name: String,
        /// `KEY=VALUE`, lists with commas; `KEY` alone brings the default back
        #[arg(required = true)]
        settings: Vec<String>,
    },
    /// Grant a capability that `plugin info` shows as not granted
    Grant {
        /// Name of the addon
        name: String,
        /// As `plugin info` names it: `kube/get,create:core:configmaps`
        capability: String,
    },
    /// Take a capability back: what the addon does with it is denied from then on
    Revoke {
        /// Name of the addon
        name: String,
        /// As `plugin info` names it
        capability: String,
    },
    /// Show what of the configuration an addon changes, and change nothing
    Diff {
        /// Path of a component, `https://…` with --digest, `oci://HOST/NAME:TAG`, or the name of an addon: what to enable it
        /// would change, or to disable it
        source: String,
        /// The digest that the component has to have
        #[arg(long, value_name = "sha256:…")]
        digest: Option<String>,
    },
    /// Show the log of an addon
    Logs {
        /// Name of the addon
        name: String,
        /// Go on with each line that comes
        #[arg(long, short)]
        follow: bool,
    },
    #[command(flatten)]
    Author(author::Author),
}

#[derive(Subcommand)]
pub(crate) enum Config {
    /// Show each flag with its value and where the value comes from
    Show {
        /// One service, as its file in args/ is called
        service: Option<String>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Subcommand)]
pub(crate) enum Secrets {
    /// Make a new key, encrypt everything by it and forget the old ones
    Rotate,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("what").multiple(false))]
pub(crate) struct RefreshCerts {
    /// List every certificate with its expiry and change nothing
    #[arg(long, group = "what")]
    pub(crate) check: bool,
    /// Issue this one, `server.crt` or any other of certs/; `ca.crt` makes a new CA
    #[arg(long, value_name = "NAME", group = "what")]
    pub(crate) cert: Option<String>,
    /// Bring the files of before the last refresh back
    #[arg(long, group = "what")]
    pub(crate) undo: bool,
    /// Drop the CA of before the last CA refresh
    #[arg(long, group = "what")]
    pub(crate) finish: bool,
    /// Folder with a ca.crt and ca.key of your own
    #[arg(value_name = "CA_FOLDER", group = "what")]
    pub(crate) ca_folder: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Images {
    /// Import an image archive (OCI or docker save), `-` for stdin
    Import { file: PathBuf },
}

#[derive(Subcommand)]
pub(crate) enum Db {
    /// Show revision, sizes, leases and alarms of the running store
    Status {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Read every record of the stopped store and tell whether all are whole
    Check,
    /// Write a snapshot that etcd's own tools take too; the node may run or not
    Snapshot {
        /// [default: snapshot-TIME.db in this directory]
        file: Option<PathBuf>,
    },
    /// Put a snapshot, of this store or of an etcd, in the place of the stopped store
    Restore {
        file: PathBuf,
        /// Go on with the snapshot's own revisions, as for a copy that no client knows; without it a billion are
        /// skipped, so that clients read anew instead of going back in time
        #[arg(long)]
        no_bump: bool,
    },
    /// Draw the running store's files together
    Defrag,
    /// Forget the history before a revision
    Compact {
        /// [default: the present one]
        revision: Option<i64>,
    },
    /// Take the running store's alarms back, once their cause is gone
    Disarm,
    /// Bring the whole state over from an etcd, or to one, with every revision and lease
    Migrate {
        /// `https://HOST:PORT` of an etcd, or `embedded`
        #[arg(long, value_name = "STORE")]
        from: String,
        /// `embedded`, or a file for `etcdutl snapshot restore`
        #[arg(long, value_name = "STORE")]
        to: String,
        #[command(flatten)]
        tls: MigrationTls,
    },
}

/// How an etcd is asked.
#[derive(Args)]
pub(crate) struct MigrationTls {
    /// The CA of its server
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// A client certificate that it takes
    #[arg(long, value_name = "FILE", requires_all = ["key", "cacert"])]
    pub(crate) cert: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}
