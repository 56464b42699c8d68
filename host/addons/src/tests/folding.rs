//! The configuration is what the set of enabled addons makes of it, whatever the way to that set.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::node::{Machine, Run, builtin, guest};
use crate::SettingEdit;

const ADDONS: [&str; 5] = ["auth-basic", "auth-token", "auth-x509", "hostile", "rbac"];

async fn start(machine: &Machine) -> Run {
    let builtins = ["auth-basic", "auth-token", "auth-x509", "rbac"].map(|name| builtin(name, false));
    let run = machine.start_ready(&builtins).await;
    run.addons.install("hostile".to_owned(), Some(guest("hostile"))).await.unwrap();
    let edit = SettingEdit { name: "do".to_owned(), value: Some("a=b".to_owned()) };
    run.addons.set("hostile".to_owned(), vec![edit]).await.unwrap();
    run.addons.disable("hostile".to_owned()).await.unwrap();
    run
}

async fn switch(run: &Run, addon: &str, on: bool) {
    let switched = match on {
        true => run.addons.enable(addon.to_owned()).await,
        false => run.addons.disable(addon.to_owned()).await,
    };
    switched.unwrap();
}

fn values(run: &Run) -> Vec<String> {
    let effective = crate::ports::Configuration::effective(run.configuration.as_ref());
    effective
        .settings()
        .map(|(_, setting)| format!("{}={} {}", setting.flag.name, setting.value, setting.origin))
        .collect()
}

#[test]
fn any_way_to_a_set_of_addons_ends_in_the_same_configuration() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let machine = Machine::new();
    let run = runtime.block_on(start(&machine));
    let none = values(&run);
    let steps = proptest::collection::vec((0..ADDONS.len(), any::<bool>()), 1..12);
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&steps, |steps| {
        runtime.block_on(async {
            let mut enabled = BTreeSet::new();
            for (addon, on) in steps {
                switch(&run, ADDONS[addon], on).await;
                if on {
                    enabled.insert(addon)
                } else {
                    enabled.remove(&addon)
                };
            }
            let after = values(&run);
            for addon in ADDONS {
                switch(&run, addon, false).await;
            }
            prop_assert_eq!(&values(&run), &none, "disabled one by one");
            for addon in enabled.iter().rev() {
                switch(&run, ADDONS[*addon], true).await;
            }
            prop_assert_eq!(&values(&run), &after, "enabled one by one");
            for addon in &enabled {
                switch(&run, ADDONS[*addon], false).await;
            }
            Ok(())
        })
    });
    runtime.block_on(run.stop());
    outcome.unwrap();
}
