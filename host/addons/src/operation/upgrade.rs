//! Another component in the place of an addon's, with the grants that it had.

use std::sync::Arc;

use bytes::Bytes;

use super::{Candidate, Offer, OperationError, granted};
use crate::library::Package;
use crate::metadata::Wants;
use crate::record::{Record, Source};
use crate::report::InstallPlan;
use crate::task::Node;

impl Node {
    pub(super) async fn plan_upgrade(
        &self,
        name: &str,
        offer: Offer<Bytes>,
    ) -> Result<InstallPlan, OperationError> {
        let (candidate, more) = self.successor(name, offer).await?;
        let loaded = self.load(&candidate.package, Some(&candidate.record)).await;
        loaded.map_err(|why| OperationError::Component { addon: name.to_owned(), why })?;
        let changes = match candidate.record.enabled {
            true => {
                let plan = self.plan(&self.enabled(&candidate).await?).await?;
                let changes = self.configuration.effective().changes(&plan.effective);
                changes.iter().map(ToString::to_string).collect()
            }
            false => Vec::new(),
        };
        Ok(InstallPlan { wants_more: more, ..candidate.shown(changes) })
    }

    pub(super) async fn upgrade(
        &self,
        name: &str,
        offer: Offer<Bytes>,
    ) -> Result<InstallPlan, OperationError> {
        let (candidate, more) = self.successor(name, offer).await?;
        self.keep(&candidate.package).await?;
        let before = self.configuration.effective();
        let committed = match self.target(name, candidate.record.clone()).await {
            Ok(target) => self.commit(target).await,
            Err(why) => Err(why),
        };
        self.sweep(&candidate.digests()).await;
        committed?;
        let changes = before.changes(&self.configuration.effective());
        let mut plan = candidate.shown(changes.iter().map(ToString::to_string).collect());
        plan.addon = self.report(name)?;
        Ok(InstallPlan { wants_more: more, ..plan })
    }

    /// The component as the next one of the addon, and what it wants beyond the present one.
    async fn successor(
        &self,
        name: &str,
        offer: Offer<Bytes>,
    ) -> Result<(Candidate, Vec<String>), OperationError> {
        let Offer { component, without } = offer;
        let entry = self.entry(name)?;
        let of = |why| OperationError::Component { addon: name.to_owned(), why };
        let signed = self.signed(name, &component)?;
        let package = Arc::new(Package::read(component).map_err(of)?);
        if package.metadata.name != name {
            let (addon, found) = (name.to_owned(), package.metadata.name.clone());
            return Err(OperationError::OtherAddon { addon, found });
        }
        let Some(record @ Record { source: Source::Component { grants, .. }, .. }) = &entry.record else {
            return Err(OperationError::NotInstalled(name.to_owned()));
        };
        // Where the component of before is lost, what it was granted is what it wanted.
        let before = self.package(name, &entry).await;
        let wanted = before.map_or_else(|_| Wants::clone(grants), |package| package.metadata.wants.clone());
        let wants = granted(&package.metadata, &without)?;
        let (grants, more) = inherited(&wants, &wanted, grants);
        let metadata = &package.metadata;
        let record = Record {
            version: metadata.version.clone(),
            roles: metadata.roles.clone(),
            admission: metadata.admission.clone(),
            scheduling: metadata.scheduling.clone(),
            source: Source::Component { digest: package.digest.clone(), grants: Box::new(grants) },
            ..record.clone()
        };
        Ok((Candidate { package, signed: Some(signed), record, entered: Some(entry) }, more))
    }
}

/// What a successor is granted, and the lines of what it wants that its predecessor did not.
fn inherited(wants: &Wants, wanted: &Wants, granted: &Wants) -> (Wants, Vec<String>) {
    let (wanted, granted) = (wanted.names(), granted.names());
    let revoked = wanted.difference(&granted).cloned().collect();
    let names = wants.names().difference(&revoked).cloned().collect();
    let more = wants.capabilities().into_iter().filter(|one| !wanted.contains(&one.name));
    (wants.only(&names), more.map(|one| one.text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(names: &str) -> Wants {
        serde_json::from_str(&format!("{{{names}}}")).unwrap()
    }

    #[test]
    fn what_was_revoked_stays_revoked_and_what_is_new_is_told() {
        let (kv, clock) = (r#""kv":{"why":"a"}"#, r#""clock":{"why":"b"}"#);
        let metrics = r#""metrics":{"why":"c"}"#;
        let before = wants(&format!("{kv},{clock}"));
        let after = wants(&format!("{kv},{clock},{metrics}"));
        let (granted, more) = inherited(&after, &before, &wants(kv));
        assert_eq!(granted, wants(&format!("{kv},{metrics}")));
        assert_eq!(more, ["tells numbers of its own on /metrics: c"]);
        let (granted, more) = inherited(&wants(clock), &before, &before);
        assert_eq!((granted, more.len()), (wants(clock), 0));
    }
}
