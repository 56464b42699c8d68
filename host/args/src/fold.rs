//! The fold: defaults, then the profile, then the operator's files, then the edits of the enabled addons.

use std::fmt;

use crate::edit::{AddonEdits, Edit, Op};
use crate::effective::{Effective, Origin, ServiceArgs, Setting, canonical};
use crate::parse::{Argument, parse};
use crate::profile::Profile;
use crate::service::Service;
use crate::table::{Effect, Flag};
use crate::value;

/// What stands for the data directory in defaults.
const DATA_DIR: &str = "${SNAP_DATA}";

/// Something wrong with what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    #[error("args/{service}:{line}: {why}: {text:?}")]
    Line { service: Service, line: usize, why: &'static str, text: String },
    #[error("{origin}: {service} has no flag --{flag}")]
    UnknownFlag { origin: Origin, service: Service, flag: String },
    #[error("{origin}: {service} --{flag} takes {wanted}, not {value:?}")]
    Value { origin: Origin, service: Service, flag: &'static str, wanted: String, value: String },
    #[error("addon {addon}: there is no service {service:?}")]
    UnknownService { addon: String, service: String },
    #[error("addon {addon}: {service} --{flag} is read when the host starts and no addon's to change")]
    NotAnAddons { addon: String, service: Service, flag: &'static str },
    #[error("addon {addon}: {service} --{flag} is no list, so that nothing can be appended")]
    NoList { addon: String, service: Service, flag: &'static str },
    #[error(
        "addons {first} and {second} both change {service} --{flag}, each to another value: disable one of them"
    )]
    Conflict { first: String, second: String, service: Service, flag: &'static str },
}

/// Everything that is wrong, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }
}

/// What the operator asks for, read and checked.
#[derive(Clone, Debug)]
pub struct Args {
    base: Effective,
}

impl Args {
    /// `files` are the texts of `args/<service>`, those that exist.
    pub fn read(data_dir: &str, profile: Profile, files: &[(Service, String)]) -> Result<Self, Mistakes> {
        let mut base = defaults(data_dir);
        for (service, name, value) in profile.values() {
            let setting = base.setting_mut(*service, name).expect("a profile names flags of the tables");
            setting.replace(value.replace(DATA_DIR, data_dir), Origin::Profile(profile.name()));
        }
        let mut mistakes = Vec::new();
        for (service, text) in files {
            let (arguments, wrong) = parse(*service, text, data_dir);
            mistakes.extend(wrong);
            if !service.runs_here() && !arguments.is_empty() {
                base.warnings.push(format!(
                    "args/{service}: {service} does not run on this host yet: its arguments have no effect"
                ));
            }
            for argument in arguments {
                if let Err(mistake) = give(&mut base, *service, argument) {
                    mistakes.push(mistake);
                }
            }
        }
        if mistakes.is_empty() { Ok(Self { base }) } else { Err(Mistakes(mistakes)) }
    }

    /// The values in force with these addons enabled, in the order in which they are folded.
    pub fn fold(&self, addons: &[AddonEdits]) -> Result<Effective, Mistakes> {
        let mut effective = self.base.clone();
        let mut mistakes = Vec::new();
        let mut done: Vec<Done<'_>> = Vec::new();
        for AddonEdits { addon, edits } in addons {
            for edit in edits {
                match change(&mut effective, addon, edit, &done) {
                    Ok(Some((service, flag))) => done.push(Done { addon, service, flag, op: &edit.op }),
                    Ok(None) => {}
                    Err(mistake) => mistakes.push(mistake),
                }
            }
        }
        if mistakes.is_empty() { Ok(effective) } else { Err(Mistakes(mistakes)) }
    }
}

fn defaults(data_dir: &str) -> Effective {
    let setting = |flag: &'static Flag| Setting {
        flag,
        value: flag.default.replace(DATA_DIR, data_dir),
        origin: Origin::Default,
        overrides: Vec::new(),
    };
    let args =
        |service: Service| ServiceArgs { service, settings: service.flags().iter().map(setting).collect() };
    Effective { services: Service::ALL.into_iter().map(args).collect(), warnings: Vec::new() }
}

/// Puts an argument of a file in force.
fn give(base: &mut Effective, service: Service, argument: Argument) -> Result<(), Mistake> {
    let Argument { line, name, value } = argument;
    let origin = Origin::File { service, line };
    let table = service.table();
    let name = table.short.iter().find(|(short, _)| *short == name).map_or(name.as_str(), |(_, long)| long);
    let Some(flag) = table.flag(name) else {
        if table.is_ignored(name) {
            if service.runs_here() {
                base.warnings.push(format!("{origin}: --{name} has no effect here"));
            }
            return Ok(());
        }
        return Err(Mistake::UnknownFlag { origin, service, flag: name.to_owned() });
    };
    // Upstream takes a bare flag for true; of another kind the flag has no value to take.
    let value = value.unwrap_or_else(|| if flag.kind == crate::Kind::Bool { "true" } else { "" }.to_owned());
    let value = checked(service, flag, &value, &origin)?;
    let setting = base.setting_mut(service, name).expect("the fold has every row");
    if flag.effect == Effect::Fixed {
        if value != setting.value {
            let always = setting.value.clone();
            base.warnings
                .push(format!("{origin}: --{name}={value} has no effect here: it is always {always}"));
        }
        return Ok(());
    }
    // As upstream: the first line takes the place of the default, the next ones add up.
    let adds_up = flag.kind.adds_up() && matches!(setting.origin, Origin::File { .. });
    let value = if adds_up { joined(&setting.value, &value) } else { value };
    setting.replace(value, origin);
    Ok(())
}

fn checked(service: Service, flag: &'static Flag, value: &str, origin: &Origin) -> Result<String, Mistake> {
    let empty = value.is_empty() && (flag.kind.may_be_empty() || flag.default.is_empty());
    if empty || flag.kind.is_valid(value) {
        Ok(canonical(flag.kind, value))
    } else {
        let (wanted, value) = (flag.kind.wanted(), value.to_owned());
        Err(Mistake::Value { origin: origin.clone(), service, flag: flag.name, wanted, value })
    }
}

fn joined(list: &str, value: &str) -> String {
    if list.is_empty() { value.to_owned() } else { format!("{list},{value}") }
}

/// An edit that is in force.
struct Done<'a> {
    addon: &'a str,
    service: Service,
    flag: &'static str,
    op: &'a Op,
}

/// Puts an edit in force and gives what it changed; a flag without an effect here is warned about.
fn change(
    effective: &mut Effective,
    addon: &str,
    edit: &Edit,
    done: &[Done<'_>],
) -> Result<Option<(Service, &'static str)>, Mistake> {
    let origin = Origin::Addon(addon.to_owned());
    let service = Service::named(&edit.service)
        .ok_or_else(|| Mistake::UnknownService { addon: addon.to_owned(), service: edit.service.clone() })?;
    let name = edit.flag.trim_start_matches('-');
    let Some(flag) = service.table().flag(name) else {
        if service.table().is_ignored(name) {
            effective.warnings.push(format!("{origin}: {service} --{name} has no effect here"));
            return Ok(None);
        }
        return Err(Mistake::UnknownFlag { origin, service, flag: name.to_owned() });
    };
    if matches!(flag.effect, Effect::Start | Effect::Fixed) {
        return Err(Mistake::NotAnAddons { addon: addon.to_owned(), service, flag: flag.name });
    }
    let other = done.iter().find(|other| {
        (other.service, other.flag) == (service, flag.name)
            && other.addon != addon
            && !agree(other.op, &edit.op)
    });
    if let Some(other) = other {
        let (first, second) = (other.addon.to_owned(), addon.to_owned());
        return Err(Mistake::Conflict { first, second, service, flag: flag.name });
    }
    let setting = effective.setting_mut(service, flag.name).expect("the fold has every row");
    let value = match &edit.op {
        Op::Set(value) => value.clone(),
        Op::Unset => String::new(),
        Op::Append(_) if !flag.kind.adds_up() => {
            return Err(Mistake::NoList { addon: addon.to_owned(), service, flag: flag.name });
        }
        Op::Append(more) if value::list(&setting.value).any(|present| present == more) => return Ok(None),
        Op::Append(more) => joined(&setting.value, more),
    };
    let value = checked(service, flag, &value, &origin)?;
    if value != setting.value {
        setting.replace(value, origin);
    }
    Ok(Some((service, flag.name)))
}

/// Both can be in force, in any order.
fn agree(one: &Op, other: &Op) -> bool {
    matches!((one, other), (Op::Append(_), Op::Append(_))) || one == other
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn read(files: &[(Service, &str)]) -> Result<Args, Mistakes> {
        let files: Vec<_> = files.iter().map(|(service, text)| (*service, (*text).to_owned())).collect();
        Args::read("/d", Profile::Default, &files)
    }

    fn edits(addon: &str, edits: &[(&str, Op)]) -> AddonEdits {
        let edit = |(flag, op): &(&str, Op)| Edit {
            service: "kube-apiserver".to_owned(),
            flag: (*flag).to_owned(),
            op: op.clone(),
        };
        AddonEdits { addon: addon.to_owned(), edits: edits.iter().map(edit).collect() }
    }

    fn shown(effective: &Effective, flag: &str) -> String {
        let found = effective.settings().find(|(_, setting)| setting.flag.name == flag);
        let (_, Setting { value, origin, overrides, .. }) = found.unwrap();
        let overrides: Vec<_> =
            overrides.iter().map(|(value, origin)| format!("{value} ({origin})")).collect();
        format!("{value} ({origin}) instead of {overrides:?}")
    }

    fn check(result: Result<Effective, Mistakes>, expected: Expect) {
        expected.assert_eq(&result.unwrap_err().to_string());
    }

    #[test]
    fn a_value_remembers_whom_it_replaced() {
        let args = read(&[(Service::KubeApiserver, "\n--authorization-mode=AlwaysDeny")]).unwrap();
        let rbac = edits("rbac", &[("--authorization-mode", Op::Set("RBAC,Node".to_owned()))]);
        let after = args.fold(&[rbac]).unwrap();
        expect![[r#"RBAC,Node (addon rbac) instead of ["AlwaysDeny (args/kube-apiserver:2)", "AlwaysAllow (default)"]"#]]
            .assert_eq(&shown(&after, "authorization-mode"));
        let changes = args.fold(&[]).unwrap().changes(&after);
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].to_string(), "kube-apiserver --authorization-mode: AlwaysDeny -> RBAC,Node");
    }

    #[test]
    fn every_mistake_of_every_file_is_told_at_once() {
        let files = [
            (
                Service::KubeApiserver,
                "--secure-port=https\n--athorization-mode=RBAC\n--authorization-mode=ABAC",
            ),
            (Service::Kubelet, "port=1\n--max-pods=many\n--node-labels=a\n--address"),
        ];
        check(
            read(&files).and_then(|args| args.fold(&[])),
            expect![[r#"
                args/kube-apiserver:1: kube-apiserver --secure-port takes a port, from 0 to 65535, not "https"
                args/kube-apiserver:2: kube-apiserver has no flag --athorization-mode
                args/kube-apiserver:3: kube-apiserver --authorization-mode takes some of AlwaysAllow, AlwaysDeny, RBAC, Node, not "ABAC"
                args/kubelet:1: an argument begins with `--`: "port=1"
                args/kubelet:2: kubelet --max-pods takes a number, not "many"
                args/kubelet:3: kubelet --node-labels takes key=value with commas between, not "a"
                args/kubelet:4: kubelet --address takes an IP address, not """#]],
        );
    }

    #[test]
    fn what_has_no_effect_is_warned_about_and_what_is_so_anyway_is_not() {
        let args = read(&[
            (
                Service::Kubelet,
                "--root-dir=${SNAP_COMMON}/var/lib/kubelet\n--root-dir=/elsewhere\n--eviction-hard=x<1",
            ),
            (Service::Containerd, "-l=debug\n--address ${SNAP_COMMON}/run/containerd.sock"),
            (Service::KubeProxy, "--proxy-mode=nftables"),
        ])
        .unwrap();
        let effective = args.fold(&[]).unwrap();
        expect![[r#"
            args/kubelet:2: --root-dir=/elsewhere has no effect here: it is always /d/var/lib/kubelet
            args/kubelet:3: --eviction-hard has no effect here
            args/kube-proxy: kube-proxy does not run on this host yet: its arguments have no effect"#]]
        .assert_eq(&effective.warnings.join("\n"));
        assert_eq!(effective.service(Service::Kubelet).text("root-dir"), "/d/var/lib/kubelet");
        assert_eq!(effective.service(Service::Containerd).text("log-level"), "debug");
    }

    #[test]
    fn lines_of_a_list_add_up_and_a_later_line_of_a_scalar_wins() {
        let text = "--cluster-dns=10.0.0.1\n--cluster-dns=10.0.0.2\n--port=1\n--port=2";
        let effective = read(&[(Service::Kubelet, text)]).unwrap().fold(&[]).unwrap();
        let kubelet = effective.service(Service::Kubelet);
        assert_eq!(kubelet.list("cluster-dns"), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(kubelet.port("port"), Some(2));
    }

    #[test]
    fn addons_that_set_one_flag_differently_are_both_named() {
        let args = read(&[]).unwrap();
        let set = |addon: &str, mode: &str| edits(addon, &[("authorization-mode", Op::Set(mode.to_owned()))]);
        check(
            args.fold(&[set("rbac", "RBAC"), set("deny", "AlwaysDeny")]),
            expect![
                "addons rbac and deny both change kube-apiserver --authorization-mode, each to another value: disable one of them"
            ],
        );
        assert!(args.fold(&[set("rbac", "RBAC"), set("twin", "RBAC")]).is_ok());
    }

    #[test]
    fn edits_of_what_is_not_an_addons_are_refused() {
        let args = read(&[]).unwrap();
        let mut stranger = edits("x", &[("port", Op::Unset)]);
        stranger.edits[0].service = "kube-proxyd".to_owned();
        let wrong = edits(
            "x",
            &[
                ("secure-port", Op::Set("1".to_owned())),
                ("authorization-mode", Op::Append("RBAC".to_owned())),
                ("authorization-mode", Op::Set("Sometimes".to_owned())),
                ("no-such-flag", Op::Unset),
            ],
        );
        check(
            args.fold(&[stranger, wrong]),
            expect![[r#"
                addon x: there is no service "kube-proxyd"
                addon x: kube-apiserver --secure-port is read when the host starts and no addon's to change
                addon x: kube-apiserver --authorization-mode is no list, so that nothing can be appended
                addon x: kube-apiserver --authorization-mode takes some of AlwaysAllow, AlwaysDeny, RBAC, Node, not "Sometimes"
                addon x: kube-apiserver has no flag --no-such-flag"#]],
        );
    }

    #[test]
    fn the_hardened_profile_turns_plain_http_off_and_rbac_and_encryption_on() {
        let effective = Args::read("/d", Profile::Hardened, &[]).unwrap().fold(&[]).unwrap();
        assert_eq!(effective.service(Service::Kubelet).port("read-only-port"), None);
        assert_eq!(effective.service(Service::KubeScheduler).port("port"), None);
        assert_eq!(effective.service(Service::KubeControllerManager).port("port"), None);
        expect![[r#"RBAC,Node (profile hardened) instead of ["AlwaysAllow (default)"]"#]]
            .assert_eq(&shown(&effective, "authorization-mode"));
        let secrets = effective.service(Service::KubeApiserver).text("encryption-provider-config");
        assert_eq!(secrets, "/d/credentials/encryption.json");
    }

    #[test]
    fn the_files_of_the_first_start_change_nothing() {
        let files: Vec<_> =
            Service::ALL.into_iter().map(|service| (service, service.default_text())).collect();
        let effective = Args::read("/d", Profile::Default, &files).unwrap().fold(&[]).unwrap();
        assert_eq!(effective, defaults("/d"));
    }

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for (service, setting) in defaults("/d").settings() {
            checked(service, setting.flag, &setting.value, &Origin::Default).unwrap();
        }
    }
}
