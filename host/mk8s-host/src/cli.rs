//! The command line.

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
    /// Print the administrator's kubeconfig
    Kubeconfig,
    /// Manage container images
    #[command(subcommand)]
    Images(Images),
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
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Every row of the services-and-ports page
    #[default]
    Default,
    /// No plain-HTTP ports, and RBAC on
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

#[derive(Subcommand)]
pub(crate) enum Plugin {
    /// Install and enable a component, or a built-in addon by its name
    Install {
        /// Path of a component; `rbac` or `rbac.wasm` installs the built-in where no such file exists
        source: String,
        /// Grant what it wants without asking
        #[arg(long, short)]
        yes: bool,
        /// Show what it wants and changes, and stop there
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
    },
    /// List addons
    List {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show one addon
    Info {
        name: String,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Enable an installed addon
    Enable { name: String },
    /// Disable an addon and keep it installed
    Disable { name: String },
    /// Disable an addon and forget it with its state
    Remove { name: String },
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
