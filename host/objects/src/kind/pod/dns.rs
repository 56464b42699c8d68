//! How a pod resolves names.

use crate::validate::address::ip;
use crate::validate::formats::search_path;
use crate::validate::{At, FieldError, dns1123_subdomain};

pub(super) const POLICIES: &[&str] = &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/// The bounds of the C library's resolver.
const SERVERS_MAX: usize = 3;
const PATHS_MAX: usize = 32;
const PATHS_LEN_MAX: usize = 2048;

pub(super) fn config(config: &At<'_>, policy: &str, errors: &mut Vec<FieldError>) {
    let (servers, paths) = (config.child("nameservers"), config.child("searches"));
    if policy == "None" {
        let (missing, what) = if config.exists() {
            (servers.is_empty().then_some(&servers), "at least one DNS nameserver")
        } else {
            (Some(config), "`dnsConfig`")
        };
        if let Some(missing) = missing {
            let why = format!("must provide {what} when `dnsPolicy` is None");
            errors.push(FieldError::required(&missing.path, why));
            return;
        }
    }
    if servers.tree.items().len() > SERVERS_MAX {
        servers.invalid(errors, format!("must not have more than {SERVERS_MAX} nameservers"));
    }
    for server in servers.items() {
        server.refuse(errors, ip(server.text()));
    }
    if paths.tree.items().len() > PATHS_MAX {
        paths.invalid(errors, format!("must not have more than {PATHS_MAX} search paths"));
    }
    let length: usize = paths.items().map(|path| path.text().len() + 1).sum();
    if length > PATHS_LEN_MAX + 1 {
        let why = format!(
            "must not have more than {PATHS_LEN_MAX} characters (including spaces) in the search list"
        );
        paths.invalid(errors, why);
    }
    for path in paths.items().filter(|path| path.text() != ".") {
        let trimmed = path.text().strip_suffix('.').unwrap_or(path.text());
        let refused = search_path(trimmed);
        errors.extend(refused.into_iter().map(|why| FieldError::invalid(&path.path, trimmed, why)));
    }
    for option in config.child("options").items().filter(|option| option.child("name").is_empty()) {
        errors.push(FieldError::required(&option.path, "must not be empty"));
    }
}

pub(super) fn host_aliases(aliases: &At<'_>, errors: &mut Vec<FieldError>) {
    for alias in aliases.items() {
        let address = alias.child("ip");
        let refused = ip(address.text());
        errors.extend(refused.into_iter().map(|why| FieldError::invalid(&address.path, address.text(), why)));
        for name in alias.child("hostnames").items() {
            name.refuse(errors, dns1123_subdomain(name.text()));
        }
    }
}
