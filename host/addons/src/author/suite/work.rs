//! Claims of what is done for the node: `config` and `lifecycle`.

use args::{AddonEdits, Args, Effective, Profile, Service};
use engine::{Argument, Edit, Event, Facts, Role, Setting};

use super::{Broken, Claim, Run, Trial, answered, broken, inputs};
use crate::fold::expanded;

const DATA_DIR: &str = "/var/lib/mk8s";

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        role: Some(Role::Config),
        text: "edits flags that there are, to values that they take",
        holds: |trial| Box::pin(edits_are_taken(trial)),
    },
    Claim {
        role: Some(Role::Config),
        text: "gives the same edits for the same input, in the same instance and in another",
        holds: |trial| Box::pin(edits_are_a_function(trial)),
    },
    Claim {
        role: Some(Role::Config),
        text: "leaves what it edited as it is",
        holds: |trial| Box::pin(edits_settle(trial)),
    },
    Claim {
        role: Some(Role::Config),
        text: "survives the worst arguments",
        holds: |trial| Box::pin(edits_survive(trial)),
    },
    Claim {
        role: Some(Role::Lifecycle),
        text: "takes every event twice",
        holds: |trial| Box::pin(events_come_again(trial)),
    },
    Claim {
        role: Some(Role::Lifecycle),
        text: "reconciles once: again, in the same instance or another, changes nothing",
        holds: |trial| Box::pin(reconcile_settles(trial)),
    },
    Claim {
        role: Some(Role::Lifecycle),
        text: "asks for nothing that it does not want",
        holds: |trial| Box::pin(nothing_is_denied(trial)),
    },
    Claim {
        role: Some(Role::Lifecycle),
        text: "survives that nothing answers",
        holds: |trial| Box::pin(nobody_answers(trial)),
    },
];

/// The configuration of a node that nobody touched.
fn untouched() -> Result<Args, Broken> {
    Args::read(DATA_DIR, Profile::Default, &[]).map_err(|why| why.to_string().into())
}

fn arguments(effective: &Effective) -> Vec<Argument<'_>> {
    let settings = effective.settings().filter(|(_, setting)| !setting.value.is_empty());
    settings
        .map(|(service, setting)| Argument {
            service: service.name(),
            flag: setting.flag.name,
            value: &setting.value,
        })
        .collect()
}

fn facts() -> Facts {
    Facts {
        node_name: "node-1".to_owned(),
        addresses: vec!["192.0.2.1".to_owned(), "2001:db8::1".to_owned()],
    }
}

async fn edits(run: &mut Run, effective: &Effective) -> Result<Vec<Edit>, Broken> {
    let settings = engine::Services::settings(run.host.as_ref());
    let edits = run.instance.edits(&arguments(effective), &settings, &facts()).await;
    edits.map_err(|why| format!("{why}: a node that nobody touched must not be refused").into())
}

/// The configuration after the edits.
fn edited(addon: &str, edits: Vec<Edit>) -> Result<Effective, Broken> {
    let edits = edits.into_iter().map(|edit| expanded(addon, edit, DATA_DIR));
    let edits = edits.collect::<Result<_, _>>().map_err(|why| why.to_string())?;
    let edits = AddonEdits { addon: addon.to_owned(), edits };
    let folded = untouched()?.fold(&[edits]);
    folded.map_err(|why| format!("{why}: `mk8s-host config show` lists every flag").into())
}

async fn edits_are_taken(trial: &Trial<'_>) -> Result<(), Broken> {
    let before = untouched()?.fold(&[]).map_err(|why| why.to_string())?;
    let edits = edits(&mut trial.patient()?, &before).await?;
    edited(&trial.subject.metadata.name, edits).map(drop)
}

async fn edits_are_a_function(trial: &Trial<'_>) -> Result<(), Broken> {
    let before = untouched()?.fold(&[]).map_err(|why| why.to_string())?;
    let mut run = trial.patient()?;
    let first = edits(&mut run, &before).await?;
    let again = edits(&mut run, &before).await?;
    let other = edits(&mut trial.patient()?, &before).await?;
    if first == again && first == other {
        return Ok(());
    }
    broken("the edits differ: let nothing but the input decide, no time, no random number, no state")
}

async fn edits_settle(trial: &Trial<'_>) -> Result<(), Broken> {
    let name = &trial.subject.metadata.name;
    let before = untouched()?.fold(&[]).map_err(|why| why.to_string())?;
    let mut run = trial.patient()?;
    let once = edited(name, edits(&mut run, &before).await?)?;
    let mut more = edits(&mut run, &before).await?;
    more.extend(edits(&mut run, &once).await?);
    let twice = edited(name, more)?;
    let changes = once.changes(&twice);
    match changes.first() {
        None => Ok(()),
        Some(change) => {
            broken(format!("asked again it changes {change}: give no edit for what is as wanted"))
        }
    }
}

async fn edits_survive(trial: &Trial<'_>) -> Result<(), Broken> {
    let many: Vec<_> = (0..5_000).map(|index| format!("flag-{index}")).collect();
    let mut worst: Vec<(&str, Vec<Argument<'_>>)> = vec![
        ("no arguments", Vec::new()),
        (
            "5,000 arguments",
            many.iter().map(|flag| Argument { service: "kube-apiserver", flag, value: "x" }).collect(),
        ),
    ];
    let texts = inputs::texts();
    for (name, text) in &texts {
        let argument = |flag| Argument { service: "kube-apiserver", flag, value: text };
        let mut arguments: Vec<_> =
            Service::KubeApiserver.flags().iter().map(|flag| argument(flag.name)).collect();
        // A value that long in one flag is enough.
        arguments.truncate(if text.len() > 1024 { 1 } else { usize::MAX });
        worst.push((name, arguments));
    }
    let settings: Vec<Setting> = Vec::new();
    for (name, arguments) in worst {
        let mut run = trial.patient()?;
        let outcome = run.instance.edits(&arguments, &settings, &Facts::default()).await;
        answered(name, outcome)?;
    }
    Ok(())
}

const EVENTS: &[Event<'static>] = &[
    Event::Enabled,
    Event::UnitStarting("apiserver"),
    Event::UnitReady("apiserver"),
    Event::UnitStopping("apiserver"),
    Event::NodeJoined("node-2"),
    Event::CertsRenewed(&["server.crt"]),
    Event::CertsRenewed(&[]),
    Event::UnitReady(""),
    Event::Disabled,
];

async fn events_come_again(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = trial.patient()?;
    for event in EVENTS {
        for _ in 0..2 {
            let told = run.instance.notify(*event).await;
            told.map_err(|why| {
                format!("{why}, told {event:?}: an event that means nothing here is no error")
            })?;
        }
    }
    Ok(())
}

/// Tells an instance that it is enabled and lets it reconcile.
async fn reconcile(run: &mut Run) -> Result<(), Broken> {
    let told = run.instance.notify(Event::Enabled).await;
    told.map_err(|why| format!("{why}, told that it is enabled"))?;
    run.instance.reconcile().await.map(drop).map_err(|why| {
        let denied = run.host.world.denied();
        match denied.first() {
            Some(what) => format!("{why}: add {what:?} to \"wants\".\"kube\", or do not ask for it").into(),
            None => format!("{why}: an empty cluster is no error").into(),
        }
    })
}

async fn reconcile_settles(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = trial.patient()?;
    reconcile(&mut run).await?;
    let once = run.host.world.state();
    reconcile(&mut run).await?;
    let advice = "compare with what there is before writing, and write nothing that changes by itself";
    if run.host.world.state() != once {
        return broken(format!("a second time it writes something else: {advice}"));
    }
    let mut other = trial.instance_on(run.host.clone(), engine::Limits::COLD)?;
    drop(run);
    reconcile(&mut other).await?;
    if other.host.world.state() != once {
        return broken(format!("another instance writes something else: {advice}"));
    }
    Ok(())
}

async fn nothing_is_denied(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = trial.patient()?;
    // Whether it fails is another claim.
    reconcile(&mut run).await.ok();
    match run.host.world.denied().first() {
        None => Ok(()),
        Some(what) => {
            broken(format!("it asks to {what}: add that to \"wants\".\"kube\", or do not ask for it"))
        }
    }
}

async fn nobody_answers(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = trial.patient()?;
    run.host.world.set_away();
    answered("an event while nothing answers", run.instance.notify(Event::Enabled).await)?;
    answered("what to do while nothing answers", run.instance.reconcile().await)?;
    Ok(())
}
