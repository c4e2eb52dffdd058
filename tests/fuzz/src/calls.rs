//! One round of calls of a policy, and what any answer must keep to.

use ckpt_policy_core::contract::{
    Checkpoint, Fault, Observation, Plan, Policy, Reduced, Round, Statistic, Tally, Verdict,
};
use ckpt_policy_runtime::{Limits, Loaded};

/// What one policy answered, as text: a NaN is not equal to itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answers(pub(crate) Vec<Result<String, Fault>>);

impl Answers {
    /// Calls all four functions with small arguments that a host could hand over, with `bytes` as
    /// settings and as previous state.
    pub(crate) fn of(loaded: &Loaded, limits: &Limits, bytes: &[u8]) -> Self {
        let mut policy = loaded.policy();
        let described = policy.describe().inspect(|description| {
            assert!(
                description.name.len() as u64 <= limits.name,
                "{description:?}"
            );
            assert!(
                description.summary.len() as u64 <= limits.reason + MARK,
                "{description:?}"
            );
        });
        let prepared = policy.prepare("{}", Some(bytes));
        if let Ok(prepared) = &prepared {
            assert!(prepared.settings.len() as u64 <= limits.settings);
            assert!(prepared.state.len() as u64 <= limits.state);
            check_plan(&prepared.plan, limits);
        }
        let observed = policy.observe(bytes, &[], &observation());
        let decided = policy.decide(bytes, &[], &round());
        if let Ok(verdict) = &decided {
            check_verdict(verdict, limits);
        }
        Self(vec![
            text(described),
            text(prepared),
            text(observed),
            text(decided),
        ])
    }

    /// What a policy causes is the same on all machines, so it is never laid on one.
    pub(crate) fn blame_no_machine(&self) {
        for answer in &self.0 {
            assert!(!matches!(answer, Err(Fault::Machine(_))), "{answer:?}");
        }
    }

    /// Whether a call ran out of stack, of which compilers use more or less.
    pub(crate) fn is_deep(&self) -> bool {
        let deep = |answer: &_| matches!(answer, Err(Fault::Trap(text)) if text.contains("stack"));
        self.0.iter().any(deep)
    }

    /// The answers, with faults reduced to what they are: where exactly a guest trapped is said in
    /// terms of the code that a compiler made of it.
    pub(crate) fn kinds(&self) -> Vec<Result<&str, u8>> {
        let answers = self.0.iter().map(Result::as_deref);
        answers.map(|answer| answer.map_err(Fault::code)).collect()
    }
}

fn text<T: std::fmt::Debug>(answer: Result<T, Fault>) -> Result<String, Fault> {
    answer.map(|answer| format!("{answer:?}"))
}

fn check_plan(plan: &Plan, limits: &Limits) {
    let most = limits.plan as usize;
    assert!(
        plan.inputs.len() <= most && plan.reductions.len() <= most,
        "{plan:?}"
    );
    assert!(
        plan.features as usize <= most && plan.moments.len() <= most,
        "{plan:?}"
    );
    let names = plan
        .inputs
        .iter()
        .map(|input| &input.name)
        .chain(&plan.moments);
    for name in names {
        assert!(name.len() as u64 <= limits.name, "{name:?}");
    }
}

fn check_verdict(verdict: &Verdict, limits: &Limits) {
    assert!(
        verdict.reason.len() as u64 <= limits.reason + MARK,
        "{verdict:?}"
    );
    assert!(verdict.state.len() as u64 <= limits.state, "{verdict:?}");
    for (count, most) in [
        (verdict.figures.len(), limits.figures),
        (verdict.tags.len(), limits.tags),
        (verdict.labels.len(), limits.labels),
        (verdict.hold.len(), limits.checkpoints),
        (verdict.release.len(), limits.checkpoints),
    ] {
        assert!(count <= most as usize, "{verdict:?}");
    }
    let figures = verdict.figures.iter().map(|figure| &figure.name);
    let names = figures
        .chain(&verdict.tags)
        .chain(verdict.labels.iter().map(|it| &it.name));
    for name in names {
        assert!(name.len() as u64 <= limits.name, "{name:?}");
    }
}

fn observation() -> Observation {
    Observation {
        moment: Some(0),
        step: 100,
        epoch: 1,
        rank: 1,
        world_size: 3,
        values: vec![Some(0.5), None, Some(f64::NAN)],
        checkpoints: vec![checkpoint()],
    }
}

fn round() -> Round {
    let statistic = Statistic {
        value: Some(0.5),
        finite: 2,
        non_finite: 1,
        missing: 0,
    };
    let tally = Tally {
        yes: 1,
        no: 1,
        abstaining: 1,
    };
    Round {
        moment: 0,
        step: 100,
        epoch: 1,
        world_size: 3,
        elapsed_seconds: Some(1.5),
        candidate: 9,
        values: vec![
            Reduced::Statistic(statistic),
            Reduced::Tally(tally),
            Reduced::EveryRank(vec![Some(1.0), None, Some(2.0)]),
        ],
        checkpoints: vec![checkpoint()],
    }
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        id: 7,
        step: 50,
        epoch: 0,
        elapsed_seconds: None,
        complete: true,
        mine: true,
        pinned: false,
        bytes: 4096,
        tags: vec!["best".to_owned()],
        values: vec![Some(0.25), None],
    }
}

/// Bytes of the mark that says that a text was cut.
const MARK: u64 = '…'.len_utf8() as u64;
