//! Plays scenarios to compiled policies: each policy is compiled once, each call gets a fresh
//! instance.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ckpt_policy_conformance::{Change, PolicySource, Report, Scenario, bless, run, run_recorded};
use ckpt_policy_core::contract::Policy;
use ckpt_policy_runtime::{Cache, Compile, Loaded, Runtime};

use super::files::ScenarioFile;
use crate::commands::called::measured;
use crate::config;
use crate::exit;
use crate::report::Failure;

/// What one file came to.
pub(crate) struct Tested {
    pub(crate) path: PathBuf,
    /// The policy as the scenario names it, where it could be read.
    pub(crate) policy: Option<PolicySource>,
    pub(crate) about: Option<String>,
    /// What was played, or why nothing was.
    pub(crate) played: Result<Played, Failure>,
    /// What was written into the file.
    pub(crate) blessed: Vec<Change>,
}

/// What a scenario came to.
pub(crate) struct Played {
    pub(crate) scenario: Scenario,
    /// The run as it is written.
    pub(crate) written: Report,
    /// The run cut and resumed before each round; `None` where that was not played.
    pub(crate) cut: Option<Report>,
    /// Why nothing was written into the file, though not everything matched.
    pub(crate) unblessed: Option<String>,
}

impl Played {
    pub(crate) fn passed(&self) -> bool {
        let cut = self.cut.as_ref().is_none_or(Report::passed);
        self.written.passed() && cut
    }
}

/// How scenarios are played.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Each is also cut and resumed before each round.
    pub(super) cuts: bool,
    /// What was decided is written into the file.
    pub(super) blesses: bool,
}

/// Plays scenarios, and keeps what it compiles for them.
pub(super) struct Player {
    runtime: Runtime,
    policy: Option<PolicySource>,
    loaded: BTreeMap<PolicySource, Result<Loaded, Failure>>,
}

impl Player {
    /// Sets up an engine as a site has it; `policy` is played to in place of the scenarios' own.
    pub(super) fn new(policy: Option<PolicySource>, cache: Option<Cache>) -> Result<Self, Failure> {
        Ok(Self {
            runtime: config::authors_runtime(cache)?,
            policy,
            loaded: BTreeMap::new(),
        })
    }

    /// Forgets what was compiled, since files may have changed.
    pub(super) fn forget(&mut self) {
        self.loaded.clear();
    }

    /// Plays one file.
    pub(super) fn test(&mut self, file: &ScenarioFile, manner: Manner) -> Tested {
        let mut tested = Tested {
            path: file.path.clone(),
            policy: None,
            about: None,
            played: Err(Failure::all(exit::USER, Vec::new())),
            blessed: Vec::new(),
        };
        let scenario = match &file.scenario {
            Ok(scenario) => self.cast(scenario),
            Err(failure) => {
                tested.played = Err(failure.clone());
                return tested;
            }
        };
        tested.policy = Some(scenario.policy.clone());
        tested.about = Some(scenario.about.clone());
        tested.played = self.play(scenario, manner);
        if manner.blesses {
            self.bless(file, &mut tested, manner);
        }
        tested
    }

    /// Returns the scenario with the policy that it is played to.
    fn cast(&self, scenario: &Scenario) -> Scenario {
        let mut scenario = scenario.clone();
        if let Some(policy) = &self.policy {
            scenario.policy.clone_from(policy);
        }
        scenario
    }

    fn play(&mut self, scenario: Scenario, manner: Manner) -> Result<Played, Failure> {
        let loaded = self.load(&scenario.policy)?;
        let written = run_recorded(&scenario, |_| Ok::<_, Failure>(measured(&loaded)))?;
        // What fails as it is written, fails when it is cut.
        let cuts = manner.cuts && written.passed();
        let cut = scenario.cut_before_each_round().filter(|_| cuts);
        let cut = cut.map(|cut| {
            run(&cut, |_| {
                let policy: Box<dyn Policy> = Box::new(loaded.policy());
                Ok::<_, Failure>(policy)
            })
        });
        Ok(Played {
            scenario,
            written,
            cut: cut.transpose()?,
            unblessed: None,
        })
    }

    /// Writes what was decided into the file, and plays the file as it is then.
    fn bless(&mut self, file: &ScenarioFile, tested: &mut Tested, manner: Manner) {
        let (Ok(played), Some(text)) = (&mut tested.played, &file.text) else {
            return;
        };
        match bless(text, &played.written) {
            Ok(blessed) if blessed.changes.is_empty() => {}
            Ok(blessed) => match write(file, &blessed.text) {
                Ok(scenario) => {
                    tested.played = self.play(self.cast(&scenario), manner);
                    tested.blessed = blessed.changes;
                }
                Err(failure) => tested.played = Err(failure),
            },
            Err(why) => played.unblessed = Some(why.to_string()),
        }
    }

    fn load(&mut self, policy: &PolicySource) -> Result<Loaded, Failure> {
        let runtime = &self.runtime;
        let loaded = self.loaded.entry(policy.clone());
        let loaded = loaded.or_insert_with(|| {
            // Its author tests it, and one in Python or JavaScript is large.
            config::load(&policy.to_string(), runtime, Compile::Large)
        });
        loaded.clone()
    }
}

/// Writes a scenario's new text, once it is sure that it is one.
fn write(file: &ScenarioFile, text: &str) -> Result<Scenario, Failure> {
    let scenario =
        Scenario::parse(text, &file.path).map_err(|error| Failure::user(error.to_string()))?;
    fs::write(&file.path, text).map_err(|error| {
        let path = file.path.display();
        Failure::user(format!("cannot write `{path}`: {error}"))
    })?;
    Ok(scenario)
}
