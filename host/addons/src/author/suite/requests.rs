//! Claims of what is answered in requests: `authenticator` and `authorizer`.

use engine::{Attributes, Certificate, Credentials, Decision, Password, Role, User};

use super::{Broken, Claim, Run, Trial, answered, broken, inputs, pushes};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        role: Some(Role::Authenticator),
        text: "knows nobody by no credentials",
        holds: |trial| Box::pin(async { nobody_is_known(trial) }),
    },
    Claim {
        role: Some(Role::Authenticator),
        text: "knows nobody by credentials that were never given out",
        holds: |trial| Box::pin(async { strangers_are_not_known(trial) }),
    },
    Claim {
        role: Some(Role::Authenticator),
        text: "survives the worst credentials, each within the time of a request",
        holds: |trial| Box::pin(async { worst_credentials(trial) }),
    },
    Claim {
        role: Some(Role::Authorizer),
        text: "does not let everybody do everything",
        holds: |trial| Box::pin(async { nobody_may_everything(trial) }),
    },
    Claim {
        role: Some(Role::Authorizer),
        text: "decides the same again, in the same instance and in another",
        holds: |trial| Box::pin(async { decisions_stay(trial) }),
    },
    Claim {
        role: Some(Role::Authorizer),
        text: "survives the worst requests, each within the time of a request",
        holds: |trial| Box::pin(async { worst_requests(trial) }),
    },
    Claim {
        role: Some(Role::Authorizer),
        text: "tells the rules of anybody",
        holds: |trial| Box::pin(async { rules_are_told(trial) }),
    },
];

/// An instance that was told that there is nothing.
fn told(trial: &Trial<'_>) -> Result<Run, Broken> {
    let mut run = trial.instance()?;
    pushes::nothing(trial, &mut run)?;
    Ok(run)
}

fn nobody_is_known(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = told(trial)?;
    let known = answered("no credentials", run.instance.authenticate(&Credentials::default()))?;
    match known.flatten() {
        None => Ok(()),
        Some(user) => {
            broken(format!("it takes a request without credentials for {:?}: give none", user.name))
        }
    }
}

fn stranger(credentials: &Credentials<'_>, trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = told(trial)?;
    match answered("a stranger", run.instance.authenticate(credentials))?.flatten() {
        None => Ok(()),
        Some(user) => broken(format!(
            "it takes a stranger for {:?}: compare credentials with what was granted, and give none otherwise",
            user.name
        )),
    }
}

fn strangers_are_not_known(trial: &Trial<'_>) -> Result<(), Broken> {
    let password = Password { user: "admin", password: "was-never-given-out" };
    stranger(&Credentials { bearer_token: Some("was-never-given-out"), ..Credentials::default() }, trial)?;
    stranger(&Credentials { password: Some(password), ..Credentials::default() }, trial)
}

fn worst_credentials(trial: &Trial<'_>) -> Result<(), Broken> {
    for (name, text) in inputs::texts() {
        let password = Password { user: &text, password: &text };
        let chain = [text.as_bytes()];
        let certificate = Certificate { chain: &chain, anchor: "client-ca" };
        let none = Credentials::default();
        for (what, credentials) in [
            ("a token", Credentials { bearer_token: Some(&text), ..none }),
            ("a password", Credentials { password: Some(password), ..none }),
            ("a certificate", Credentials { certificate: Some(certificate), ..none }),
        ] {
            let mut run = told(trial)?;
            let user = answered(&format!("{what} that is {name}"), run.instance.authenticate(&credentials))?;
            if user.flatten().is_some_and(|user| user.name.is_empty()) {
                return broken(format!("it knows a user without a name by {what} that is {name}: give none"));
            }
        }
    }
    let certificate = Certificate { chain: &[], anchor: "" };
    let mut run = told(trial)?;
    let asked = Credentials { certificate: Some(certificate), ..Credentials::default() };
    answered("a chain without certificates", run.instance.authenticate(&asked)).map(drop)
}

const REMOVAL: Attributes<'static> = Attributes {
    verb: "deletecollection",
    namespace: "",
    group: "",
    version: "v1",
    resource: "secrets",
    subresource: "",
    name: "",
    path: "",
};

fn nobody_may_everything(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = told(trial)?;
    let decision = answered("a user without a name", run.instance.authorize(&User::default(), &REMOVAL))?;
    match decision {
        Some(Decision::Allow(_)) => broken(
            "a user without name and groups may delete all secrets: have no opinion where no rule says otherwise",
        ),
        _ => Ok(()),
    }
}

/// Ordinary questions.
fn questions() -> Vec<(User, Attributes<'static>)> {
    let user = |name: &str, groups: &[&str]| User {
        name: name.to_owned(),
        groups: groups.iter().map(ToString::to_string).collect(),
        ..User::default()
    };
    let users = [
        user("alice", &["system:authenticated", "developers"]),
        user("system:node:node-1", &["system:nodes", "system:authenticated"]),
        user("system:serviceaccount:default:default", &["system:serviceaccounts", "system:authenticated"]),
        user("system:anonymous", &["system:unauthenticated"]),
    ];
    let resource = |verb, resource, name| Attributes {
        verb,
        namespace: "default",
        version: "v1",
        resource,
        name,
        ..Attributes::default()
    };
    let asked = [
        resource("get", "pods", "a"),
        resource("list", "pods", ""),
        resource("create", "secrets", ""),
        Attributes { verb: "get", path: "/healthz", ..Attributes::default() },
        REMOVAL,
    ];
    users.iter().flat_map(|user| asked.iter().map(|asked| (user.clone(), *asked))).collect()
}

fn decisions_stay(trial: &Trial<'_>) -> Result<(), Broken> {
    let (mut run, mut other) = (told(trial)?, told(trial)?);
    for (user, asked) in questions() {
        let decide = |run: &mut Run| {
            let what = format!("{} {}{} by {}", asked.verb, asked.resource, asked.path, user.name);
            answered(&what, run.instance.authorize(&user, &asked))
        };
        let first = decide(&mut run)?;
        if decide(&mut run)? != first || decide(&mut other)? != first {
            let what = format!("{} {}{}", asked.verb, asked.resource, asked.path);
            return broken(format!(
                "{} may {what} at one time and not at another: decide by the request and what was pushed",
                user.name
            ));
        }
    }
    Ok(())
}

fn worst_requests(trial: &Trial<'_>) -> Result<(), Broken> {
    for (name, text) in inputs::texts() {
        let user = User {
            name: text.clone(),
            uid: text.clone(),
            groups: vec![text.clone()],
            extra: vec![(text.clone(), vec![text.clone()])],
        };
        let text = text.as_str();
        let everything = Attributes {
            verb: text,
            namespace: text,
            group: text,
            version: text,
            resource: text,
            subresource: text,
            name: text,
            path: "",
        };
        let path = Attributes { verb: "get", path: text, ..Attributes::default() };
        for asked in [everything, path] {
            let mut run = told(trial)?;
            answered(&format!("texts that are {name}"), run.instance.authorize(&user, &asked))?;
        }
    }
    let groups = (0..2_000).map(|index| format!("group-{index}")).collect();
    let user = User { name: "alice".to_owned(), groups, ..User::default() };
    answered("a user of 2000 groups", told(trial)?.instance.authorize(&user, &REMOVAL)).map(drop)
}

fn rules_are_told(trial: &Trial<'_>) -> Result<(), Broken> {
    let mut run = told(trial)?;
    for (user, _) in questions() {
        for namespace in ["default", ""] {
            let rules = run.instance.rules(&user, namespace);
            rules.map_err(|why| format!("{why}, asked for the rules of {}: give none", user.name))?;
        }
    }
    for (name, text) in inputs::texts() {
        let user = User { name: text.clone(), ..User::default() };
        answered(&format!("the rules of a user called {name}"), told(trial)?.instance.rules(&user, &text))?;
    }
    Ok(())
}
