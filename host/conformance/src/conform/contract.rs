//! Checks of what a policy says of itself; what the later checks build on.
//!
//! [`survey`] asks for the description, tries configurations, and judges the plans that come of them.
//! A configuration whose plan the host could not use goes no further: each later check would only say
//! the same again.

mod configuration;
mod describe;
mod plan;

use std::cell::RefCell;

use ckpt_policy_core::contract::Description;

use self::configuration::Configured;
use super::configs::Schema;
use super::{Candidate, CheckReport, Finding, Measured, Passed, Request, Subject, Way, concluded};

/// Why a file is no policy, sorted by the check that finds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is damaged, too large, no WebAssembly, or cannot be started: `contract.loads`.
    #[error("{0}")]
    File(String),
    /// It wants functions of the host: `contract.imports`.
    #[error("{0}")]
    Imports(String),
    /// It exports something else than a policy: `contract.world`.
    #[error("{0}")]
    World(String),
    /// It was built for another version of the contract: `contract.version`.
    #[error("{0}")]
    Version(String),
}

/// What is known of a policy before its calls are looked at.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) description: Option<Description>,
    /// Configurations that were accepted, with a sound plan.
    pub(super) candidates: Vec<Candidate>,
    pub(super) reports: Vec<CheckReport>,
}

/// One thing that a policy must say right.
struct Clause {
    id: &'static str,
    meaning: &'static str,
    mend: &'static str,
}

/// Runs the checks of the contract.
pub(super) fn survey(subject: &dyn Subject, request: &Request) -> Survey {
    let policy = match subject.policy(Way::Fresh) {
        Ok(policy) => RefCell::new(policy),
        Err(what) => return refused(&LoadError::File(what)),
    };
    let mut survey = Survey::default();
    for clause in &LOADING {
        survey.note(clause, Ok(Passed::tried(1)));
    }
    survey.describe(&policy);
    match &survey.description {
        Some(description) => {
            let schema = Schema::parse(&description.config_schema);
            survey.schema(&schema);
            let configured = Configured {
                request,
                policy: &policy,
                schema: schema.as_ref().ok(),
            };
            survey.configurations(&configured);
            survey.plans(&configured);
        }
        None => survey.skip(&REST, "the policy could not be asked what it is"),
    }
    survey
}

/// Reports on a file that is no policy.
pub(super) fn refused(error: &LoadError) -> Survey {
    let failed = match error {
        LoadError::File(_) => 0,
        LoadError::Imports(_) => 1,
        LoadError::World(_) => 2,
        LoadError::Version(_) => 3,
    };
    let mut survey = Survey::default();
    for (position, clause) in LOADING.iter().enumerate() {
        match position == failed {
            true => survey.note(clause, Err(Finding::of(error.to_string()))),
            false => survey.skip(&[clause], "the file is no policy of this host"),
        }
    }
    let rest: Vec<&Clause> = [&DESCRIBE, &SCHEMA]
        .into_iter()
        .chain(REST_OF_SCHEMA)
        .collect();
    survey.skip(&rest, "the file is no policy of this host");
    survey
}

impl Survey {
    fn describe(&mut self, policy: &RefCell<Box<dyn Measured>>) {
        match policy.borrow_mut().describe() {
            Ok(description) => {
                self.note(&DESCRIBE, describe::judge(&description));
                self.description = Some(description);
            }
            Err(fault) => self.note(&DESCRIBE, Err(Finding::of(format!("`describe`: {fault}")))),
        }
    }

    fn schema(&mut self, schema: &Result<Schema, String>) {
        match schema {
            Ok(schema) => self.note(&SCHEMA, describe::judge_schema(schema)),
            Err(what) => self.note(&SCHEMA, Err(Finding::of(what))),
        }
    }

    fn configurations(&mut self, configured: &Configured<'_>) {
        let Some(schema) = configured.schema else {
            self.candidates = configured.without_schema(self.description.as_ref());
            return self.skip(&OF_SCHEMA, "the schema cannot be used");
        };
        let (candidates, accepted) = configured.accepts(schema);
        self.candidates = candidates;
        self.note(&ACCEPTS, accepted);
        match self.candidates.iter().min_by_key(|one| one.config.len()) {
            Some(smallest) => {
                let refuses = configured.refuses(schema, smallest);
                let unknown = configured.refuses_unknown_keys(schema, smallest);
                self.note(&REFUSES, refuses);
                self.note(&UNKNOWN_KEYS, unknown);
            }
            None => self.skip(&[&REFUSES, &UNKNOWN_KEYS], NO_CONFIGURATION),
        }
    }

    fn plans(&mut self, configured: &Configured<'_>) {
        if self.candidates.is_empty() {
            return self.skip(&[&PLAN, &FEATURES], NO_CONFIGURATION);
        }
        let plans = plan::sound(&mut self.candidates);
        self.note(&PLAN, plans);
        if self.candidates.is_empty() {
            return self.skip(&[&FEATURES], "no configuration has a plan that can be used");
        }
        let features = plan::features(configured, &mut self.candidates);
        self.note(&FEATURES, features);
    }

    fn note(&mut self, clause: &Clause, result: Result<Passed, Finding>) {
        let report = concluded((clause.id, clause.meaning), clause.mend, result);
        self.reports.push(report);
    }

    fn skip(&mut self, clauses: &[&Clause], why: &str) {
        for clause in clauses {
            self.note(clause, Ok(Passed::nothing(why)));
        }
    }
}

const LOADING: [Clause; 4] = [
    Clause {
        id: "contract.loads",
        meaning: "the file is WebAssembly that can be compiled and started",
        mend: "build or copy the file again; `ckpt-policy inspect` says the same in short",
    },
    Clause {
        id: "contract.imports",
        meaning: "the policy imports nothing",
        mend: "whatever the policy wants to know arrives as an argument: name it among the plan's inputs",
    },
    Clause {
        id: "contract.world",
        meaning: "it exports the four functions of the world `decision-policy`",
        mend: "build it with `wit/policy.wit`, or with the SDK",
    },
    Clause {
        id: "contract.version",
        meaning: "it is built for the version of the contract that this host speaks",
        mend: "build it with the `wit/policy.wit` of this host",
    },
];

const DESCRIBE: Clause = Clause {
    id: "contract.describe",
    meaning: "`describe` names the policy, its semantic version, and what it does in one line",
    mend: "correct what `describe` returns",
};

const SCHEMA: Clause = Clause {
    id: "contract.schema",
    meaning: "`config-schema` is a JSON Schema (draft 2020-12) of an object, and accepts its examples",
    mend: "correct `config-schema` in what `describe` returns",
};

const ACCEPTS: Clause = Clause {
    id: "contract.accepts",
    meaning: "`prepare` accepts what the schema accepts",
    mend: "say in the schema what `prepare` refuses (`minimum`, `enum`, `minLength`, `anyOf`, …), or accept it",
};

const REFUSES: Clause = Clause {
    id: "contract.refuses",
    meaning: "`prepare` refuses what the schema refuses, with `error.config`",
    mend: "check the configuration in `prepare` and return `error.config`; the SDK does it by the schema",
};

const UNKNOWN_KEYS: Clause = Clause {
    id: "contract.unknown-keys",
    meaning: "a key that the schema does not know is refused, and the error names it",
    mend: "set `\"additionalProperties\": false` in the schema, and return an `error.config` that names the key",
};

const PLAN: Clause = Clause {
    id: "contract.plan",
    meaning: "plans name known moments and inputs, and reductions of what is there",
    mend: "correct the plan that `prepare` returns",
};

const FEATURES: Clause = Clause {
    id: "contract.features",
    meaning: "`observe` returns as many numbers as the plan has features",
    mend: "return one number, or `none`, for each feature, whatever is missing; or correct `plan.features`",
};

/// What is asked of the schema.
const OF_SCHEMA: [&Clause; 3] = [&ACCEPTS, &REFUSES, &UNKNOWN_KEYS];
/// What is left once the policy has described itself.
const REST_OF_SCHEMA: [&Clause; 5] = [&ACCEPTS, &REFUSES, &UNKNOWN_KEYS, &PLAN, &FEATURES];
/// What is left where it could not.
const REST: [&Clause; 6] = [&SCHEMA, &ACCEPTS, &REFUSES, &UNKNOWN_KEYS, &PLAN, &FEATURES];

const NO_CONFIGURATION: &str = "no configuration was accepted";
