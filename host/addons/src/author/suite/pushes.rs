//! Claims of what is pushed: `objects` and `files`.

use bytes::Bytes;
use engine::{File, Kind, Object, ObjectChange, ObjectKey, Role};

use super::{Broken, Claim, Run, Trial, answered, inputs};

/// Objects of a large cluster.
const MANY: usize = 10_000;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        role: Some(Role::Objects),
        text: "takes what it wants, from nothing on",
        holds: |trial| Box::pin(async { push_nothing(trial) }),
    },
    Claim {
        role: Some(Role::Objects),
        text: "survives objects that are none",
        holds: |trial| Box::pin(async { broken_objects(trial) }),
    },
    Claim {
        role: Some(Role::Objects),
        text: "takes ten thousand objects in time",
        holds: |trial| Box::pin(async { many_objects(trial) }),
    },
    Claim {
        role: Some(Role::Objects),
        text: "survives changes of what it does not know",
        holds: |trial| Box::pin(async { strange_changes(trial) }),
    },
    Claim {
        role: Some(Role::Files),
        text: "starts without its files",
        holds: |trial| Box::pin(async { no_files(trial) }),
    },
    Claim {
        role: Some(Role::Files),
        text: "survives the worst content of its files",
        holds: |trial| Box::pin(async { broken_files(trial) }),
    },
];

pub(super) fn kinds(trial: &Trial<'_>) -> Vec<Kind> {
    trial.subject.metadata.wants.objects.iter().map(|want| want.kind()).collect()
}

/// The wanted files, all with this content.
pub(super) fn files(trial: &Trial<'_>, content: Option<&[u8]>) -> Vec<File> {
    let file = |name: &String| File {
        name: name.clone(),
        path: format!("/var/lib/mk8s/{name}"),
        content: content.map(Bytes::copy_from_slice),
    };
    let wants = &trial.subject.metadata.wants;
    let names = wants.files.iter().map(|want| &want.name);
    names.chain(wants.documents.iter().map(|want| &want.name)).map(file).collect()
}

/// Pushes what an instance gets before its first call, on a node that has nothing.
pub(super) fn nothing(trial: &Trial<'_>, run: &mut Run) -> Result<(), Broken> {
    let roles: Vec<_> = trial.subject.roles().collect();
    if roles.contains(&Role::Objects) {
        for kind in kinds(trial) {
            answered("a kind without objects", run.instance.snapshot(&kind, &[]))?;
        }
    }
    if roles.contains(&Role::Files) {
        answered("files that are not there", run.instance.files(&files(trial, None)))?;
    }
    Ok(())
}

fn object(name: &str, json: &[u8]) -> Object {
    let key = ObjectKey { namespace: "default".to_owned(), name: name.to_owned() };
    Object { key, json: Bytes::copy_from_slice(json) }
}

fn whole(kind: &Kind, index: usize) -> Object {
    let Kind { group, version, resource } = kind;
    let api = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
    let name = format!("{resource}-{index}");
    let json = format!(
        r#"{{"apiVersion":"{api}","kind":"X","metadata":{{"name":"{name}","namespace":"default","uid":"{index}","labels":{{"index":"{index}"}}}}}}"#
    );
    object(&name, json.as_bytes())
}

fn push_nothing(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = trial.patient()?;
    for kind in kinds(trial) {
        let pushed = run.instance.snapshot(&kind, &[]);
        pushed.map_err(|why| format!("{why}, told that there is no object of {}", kind.resource))?;
    }
    Ok(())
}

fn broken_objects(trial: &Trial<'_>) -> Result<(), Broken> {
    for kind in kinds(trial) {
        for (name, content) in inputs::contents() {
            let mut run = trial.patient()?;
            let input = format!("an object of {} that is {name}", kind.resource);
            answered(&input, run.instance.snapshot(&kind, &[object("a", &content)]))?;
            let change = ObjectChange::Put(object("b", &content));
            answered(&input, run.instance.changed(&kind, &[change]))?;
        }
    }
    Ok(())
}

fn many_objects(trial: &Trial<'_>) -> Result<(), Broken> {
    for kind in kinds(trial) {
        let all: Vec<_> = (0..MANY).map(|index| whole(&kind, index)).collect();
        let mut run = trial.patient()?;
        answered(&format!("{MANY} objects of {}", kind.resource), run.instance.snapshot(&kind, &all))?;
        let changes: Vec<_> =
            all.into_iter().take(1000).map(|object| ObjectChange::Delete(object.key)).collect();
        answered("1000 deletions", run.instance.changed(&kind, &changes))?;
    }
    Ok(())
}

fn strange_changes(trial: &Trial<'_>) -> Result<(), Broken> {
    let strange =
        Kind { group: "example.com".to_owned(), version: "v1".to_owned(), resource: "ghosts".to_owned() };
    for kind in kinds(trial).into_iter().chain([strange]) {
        let mut run = trial.patient()?;
        let gone = ObjectChange::Delete(ObjectKey { namespace: String::new(), name: "ghost".to_owned() });
        answered("the deletion of what was never there", run.instance.changed(&kind, &[gone.clone(), gone]))?;
        let put = ObjectChange::Put(whole(&kind, 1));
        answered("an object that comes twice", run.instance.changed(&kind, &[put.clone(), put]))?;
        answered("no changes", run.instance.changed(&kind, &[]))?;
        answered(
            "the names of Unicode",
            run.instance.changed(&kind, &[ObjectChange::Put(object("Ü👩‍👩‍👧", b"{}"))]),
        )?;
    }
    Ok(())
}

fn no_files(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = trial.patient()?;
    let pushed = run.instance.files(&files(trial, None));
    pushed.map_err(|why| format!("{why}: a file that is not there yet is no error"))?;
    answered("no files at all", run.instance.files(&[])).map(drop)
}

fn broken_files(trial: &Trial<'_>) -> Result<(), Broken> {
    for (name, content) in inputs::contents() {
        let mut run = trial.patient()?;
        answered(&format!("a file of {name}"), run.instance.files(&files(trial, Some(&content))))?;
    }
    Ok(())
}
