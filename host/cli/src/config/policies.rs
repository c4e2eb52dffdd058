//! The policies of a site, loaded, checked and compiled once for all ranks.
//!
//! Responsible for the check of each configuration against the policy's own
//! JSON Schema, and for the question whether each policy can be prepared under it. Everything that
//! is wrong with any of them is reported at once.

use ckpt_policy_core::contract::{Description, Fault, Policy as _};
use ckpt_policy_core::{Error, Family, Mode, Opening, Place, PolicyInfo, PolicySetup, Setup};
use ckpt_policy_runtime::{Loaded, Runtime, Session, SessionError, Solo};

use super::cache::cache_troubles;
use super::files::Files;
use super::policy::Entry;
use super::problem::{Blame, Problem};
use super::share::Shelf;
use super::{Site, schema};

/// The policies of a site, ready for any number of ranks.
pub struct Policies<'a> {
    site: &'a Site,
    facts: Vec<(String, String)>,
    loaded: Vec<Loaded>,
    prepared: Vec<Prepared<'a>>,
    notes: Vec<String>,
}

/// One policy that could be prepared under its configuration.
#[derive(Debug)]
pub struct Prepared<'a> {
    /// What it says of itself, and what it needs.
    pub info: PolicyInfo,
    /// Its configuration.
    pub config: &'a serde_json::Value,
    entry: &'a Entry,
}

impl<'a> Policies<'a> {
    /// Loads and prepares all policies of a site; those that cannot be are left out, and
    /// everything that is wrong with them is added to `problems`.
    pub(super) fn load(
        site: &'a Site,
        runtime: &Runtime,
        shelf: &Shelf,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut files = Files::new(runtime, shelf);
        let (mut loaded, mut prepared) = (Vec::new(), Vec::new());
        let mut notes = Vec::new();
        for (entry, trust) in site.entries() {
            let file = match files.load(entry, trust) {
                Ok(Some(file)) => file,
                Ok(None) => continue,
                Err(problem) => {
                    problems.push(*problem);
                    continue;
                }
            };
            notes.extend(cache_troubles(&file));
            match prepare(site, entry, &file) {
                Ok(info) => {
                    let config = &entry.config;
                    loaded.push(file);
                    prepared.push(Prepared {
                        info,
                        config,
                        entry,
                    });
                }
                Err(more) => problems.extend(more),
            }
        }
        Self {
            site,
            facts: runtime.facts(),
            loaded,
            prepared,
            notes,
        }
    }

    /// Adds something to tell.
    pub(super) fn note(&mut self, note: Option<String>) {
        self.notes.extend(note);
    }

    /// Returns the policies in the order of the configuration.
    #[must_use]
    pub fn prepared(&self) -> &[Prepared<'a>] {
        &self.prepared
    }

    /// Returns the site whose policies they are.
    #[must_use]
    pub fn site(&self) -> &'a Site {
        self.site
    }

    /// Returns what is allowed, and hardly meant; and what was wrong with the compile cache.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.notes.clone();
        warnings.extend(self.asks_nobody());
        // Two policies in one file meet the same trouble.
        warnings.dedup();
        warnings
    }

    fn asks_nobody(&self) -> Option<String> {
        let causes_rounds = |prepared: &Prepared<'_>| {
            prepared.info.mode == Mode::Enforce && !prepared.info.plan.passive
        };
        if self.prepared.iter().any(causes_rounds) {
            return None;
        }
        Some(format!(
            "warning: {}: nobody is ever asked, since every policy is a shadow or passive and \
             those cause no rounds; give one of them `mode = \"enforce\"`",
            self.site.file.display()
        ))
    }

    /// Makes what a host on one rank is made of.
    #[must_use]
    pub fn setup(&self, place: Place) -> Setup {
        let policies = self.prepared.iter().zip(&self.loaded);
        let policies = policies
            .map(|(prepared, file)| setup_of(prepared.entry, file))
            .collect();
        Setup {
            place,
            rules: self.site.rules.clone(),
            policies,
            facts: self.facts.clone(),
        }
    }
}

impl Prepared<'_> {
    /// Makes a problem with one of the policy's keys.
    pub(crate) fn problem(&self, key: &str, text: String) -> Problem {
        self.entry.problem(key, text)
    }
}

fn setup_of(entry: &Entry, file: &Loaded) -> PolicySetup {
    PolicySetup {
        name: entry.name.clone(),
        mode: entry.mode,
        on_error: entry.on_error,
        disable_after: entry.disable_after,
        config: entry.config.clone(),
        digest: file.digest().to_owned(),
        policy: Box::new(file.policy()),
    }
}

fn prepare(site: &Site, entry: &Entry, file: &Loaded) -> Result<PolicyInfo, Vec<Problem>> {
    let description = file.policy().describe();
    let description: Description = description
        .map_err(|fault| vec![faulty(entry, &format!("`describe`: {fault}"), &fault)])?;
    let schema = schema::Schema::parse(&description.config_schema)
        .map_err(|what| vec![entry.problem("wasm", what).blame(Blame::Policy)])?;
    let wrong = schema.check(&entry.config);
    if !wrong.is_empty() {
        return Err(wrong
            .into_iter()
            .map(|wrong| wrong.problem(entry))
            .collect());
    }
    let place = Place {
        rank: 0,
        world_size: 1,
    };
    let (rules, policies) = (site.rules.clone(), vec![setup_of(entry, file)]);
    let setup = Setup {
        place,
        rules,
        policies,
        facts: Vec::new(),
    };
    match Session::open(Opening::new(setup), Solo) {
        Ok(session) => Ok(session.host().policies()[0].clone()),
        Err(SessionError::Host(Error::Policy { fault, .. })) => {
            Err(vec![faulty(entry, &fault.to_string(), &fault)])
        }
        Err(SessionError::Host(error)) if error.family() == Family::Policy => Err(vec![
            entry
                .problem("wasm", error.to_string())
                .blame(Blame::Policy),
        ]),
        Err(error) => Err(vec![entry.problem("config", error.to_string())]),
    }
}

fn faulty(entry: &Entry, text: &str, fault: &Fault) -> Problem {
    match fault {
        Fault::Config(_) => entry.config_problem(&[], text.to_owned()),
        _ => entry.problem("wasm", text.to_owned()).blame(Blame::Policy),
    }
}
