//! What the CIS Kubernetes Benchmark asks of a node, as far as its arguments and pods decide it. What the host always
//! does, and what an operator has to do, its report tells beside the rest: `mk8s-host plugin logs cis-hardening`.

mod audit;
mod controls;
mod images;

use sdk::{Admission, Config, Edit, Error, Event, Input, Lifecycle, admission, log, settings};

#[derive(Default)]
pub struct Hardening;

sdk::addon!(Hardening: config, lifecycle, admission);

impl Config for Hardening {
    fn edits(input: &Input) -> Result<Vec<Edit>, Error> {
        let findings = controls::findings(input);
        log::info("PASS holds; SET is this addon's doing, HOST the host's; FAIL is left to you");
        for finding in &findings {
            let tell = if finding.fails() { log::warn } else { log::info };
            tell(finding.to_string());
        }
        Ok(findings.into_iter().filter_map(|finding| finding.edit).collect())
    }
}

impl Lifecycle for Hardening {
    fn notify(&mut self, _: Event) -> Result<(), Error> {
        Ok(())
    }

    /// The policy is there before the API server is told to read it.
    fn reconcile(&mut self) -> Result<Option<u32>, Error> {
        audit::keep_policy().map(|()| None)
    }
}

impl Admission for Hardening {
    fn mutate(&self, request: &admission::Request) -> Result<admission::Mutation, Error> {
        match (settings::is_on(&settings::all(), images::SETTING), &request.object) {
            (true, Some(pod)) => images::mutate(pod),
            _ => Ok(admission::Mutation::default()),
        }
    }

    fn validate(&self, request: &admission::Request) -> Result<admission::Review, Error> {
        match (settings::is_on(&settings::all(), images::SETTING), &request.object) {
            (true, Some(pod)) => images::validate(pod),
            _ => Ok(admission::Review::default()),
        }
    }
}
