//! cluster-agent, which does not run here yet; its flags are MicroK8s' own.

use super::Table;

pub(crate) const TABLE: Table = Table { flags: &[], ignored: &[IGNORED], short: &[("h", "help")] };

const IGNORED: &str = "
    bind certfile devmode enable-metrics help keyfile launch-configurations-enable launch-configurations-interval
    min-tls-version timeout";
