//! What stands above a configuration: a site's own rules, in a file of the same shape.
//!
//! A configuration is read over them: what it does not say is as they say, and where it says
//! something, that may be tighter and never looser. This finds what is looser, all of it; that the
//! rules' policies come first, and whom they trust, is [`Site`]'s and [`Trust`]'s part.
//!
//! Only what the rules themselves say binds, never a default: so rules that say nothing change
//! nothing.
//!
//! [`Trust`]: super::trust::Trust

use std::fmt::Display;

use ckpt_policy_core::Confirm;
use ckpt_policy_runtime::{Compile, Instances};

use super::fields::{Source, list_of};
use super::problem::{Position, Problem};
use super::{Site, Stated};

/// A configuration beside the rules above it.
struct Bounds<'a> {
    job: &'a Site,
    above: &'a Site,
    source: Source,
}

impl Site {
    /// Returns the rules above this configuration.
    #[must_use]
    pub fn above(&self) -> Option<&Self> {
        self.above.as_deref()
    }

    /// Returns everything in which this configuration is looser than the rules above it.
    pub(super) fn loosened(&self) -> Vec<Problem> {
        let Some(above) = self.above() else {
            return Vec::new();
        };
        let bounds = Bounds {
            job: self,
            above,
            source: Source::new(&self.file),
        };
        bounds.limits();
        bounds.rules();
        bounds.journal();
        bounds.cache();
        bounds.trust();
        bounds.compile();
        bounds.source.into_problems()
    }

    /// Says in one line what these rules fix for every configuration below them.
    pub(crate) fn fixes(&self) -> String {
        let keys = list_of(self.stated.keys());
        let names = list_of(self.policies.iter().map(|entry| entry.name.as_str()));
        let policies = match self.policies.len() {
            1 => "the policy",
            _ => "the policies",
        };
        let fixed = match (keys.as_str(), names.as_str()) {
            ("", "") => "nothing".to_owned(),
            (keys, "") => keys.to_owned(),
            ("", names) => format!("{policies} {names}"),
            (keys, names) => format!("{keys} and {policies} {names}"),
        };
        format!("the rules in {} fix {fixed}", self.file.display())
    }
}

impl Bounds<'_> {
    fn limits(&self) {
        let pairs = self.job.limits.named().into_iter();
        for ((name, found), (_, most)) in pairs.zip(self.above.limits.named()) {
            self.at_most(&format!("limits.{name}"), found, most);
        }
    }

    fn rules(&self) {
        let (job, above) = (&self.job.rules, &self.above.rules);
        let [found, least] = [job, above].map(|rules| rules.keep_at_least);
        let key = "checkpoints.keep-at-least";
        self.holds(key, found >= least, &format!("at least {least}"), &found);
        self.at_most("checkpoints.in-flight", job.in_flight, above.in_flight);
        self.at_most(
            "checkpoints.settle-steps",
            job.settle_steps,
            above.settle_steps,
        );
        self.at_most("signals.every-steps", job.signal_steps, above.signal_steps);
        // How wishes become one decides what those of the site's own policies are worth: none of
        // its words is tighter than another.
        let allowed = format!("`{}`", above.combine);
        self.holds(
            "combine",
            job.combine == above.combine,
            &allowed,
            &job.combine,
        );
        let keeps = job.confirm == above.confirm || job.confirm == Confirm::Acts;
        self.holds(
            "confirm",
            keeps,
            &format!("`{}`", above.confirm),
            &job.confirm,
        );
        let [found, allowed] = [self.job, self.above].map(|site| site.instances);
        let keeps = found == allowed || found == Instances::Fresh;
        self.holds("instances", keeps, &format!("`{allowed}`"), &found);
    }

    /// A journal that the site wants is its record of what was decided: it stays where it is.
    fn journal(&self) {
        let [Some(found), Some(allowed)] = [self.job.journal(), self.above.journal()] else {
            return;
        };
        let expected = format!("`{}`", allowed.display());
        self.holds(
            "journal.path",
            found == allowed,
            &expected,
            &found.display(),
        );
    }

    /// A job may always do without compiled code from a disk; where it is kept is the site's matter.
    fn cache(&self) {
        let [job, above] = [self.job, self.above].map(|site| &site.cache);
        let keeps = job.off || !above.off;
        self.holds("cache.enabled", keeps, "`false`", &!job.off);
        if let (Some(found), Some(most)) = (job.size, above.size) {
            self.at_most("cache.size", found, most);
        }
        if let (Some(found), Some(allowed)) = (&job.directory, &above.directory) {
            let expected = format!("`{}`", allowed.display());
            self.holds(
                "cache.directory",
                found == allowed,
                &expected,
                &found.display(),
            );
        }
    }

    fn trust(&self) {
        let [job, above] = [self.job, self.above].map(|site| &site.trust);
        let keeps = job.requires || !above.requires;
        self.holds("trust.require-signatures", keeps, "`true`", &job.requires);
        let trusted = above.public_keys();
        for key in &job.keys {
            let (key, at) = (&key.key, key.at);
            if self.above.stated.has("trust.keys") && !trusted.contains(key) {
                let ids = trusted.iter().map(|key| key.id().to_string());
                let ids = ids.collect::<Vec<_>>();
                let expected = match ids.as_slice() {
                    [] => "no key".to_owned(),
                    ids => format!("a key of {}", list_of(ids.iter().map(String::as_str))),
                };
                let found = format!("that of `{}`", key.id());
                self.report("trust.keys", at, &expected, &found);
            }
        }
    }

    /// The site's own policies may ask for more than it allows to others.
    fn compile(&self) {
        let most = self.above.trust.compile;
        let rule = self.above.place_of("trust.compile");
        for entry in &self.job.policies {
            if entry.compile == Compile::Large && most == Compile::Default {
                let text = format!("the site's rules in {rule} allow no more than `{most}`");
                let problem = entry.problem("compile", text);
                let hint = "leave the key out, or have the site add the policy to its own rules";
                self.source.report(problem.hint(hint));
            }
        }
    }

    fn at_most<T: Display + PartialOrd>(&self, key: &str, found: T, most: T) {
        self.holds(key, found <= most, &format!("at most {most}"), &found);
    }

    /// Reports a key in which the configuration leaves what the rules allow.
    fn holds(&self, key: &str, keeps: bool, expected: &str, found: &dyn Display) {
        if !keeps && self.above.stated.has(key) {
            let at = self.job.stated.at(key);
            self.report(key, at, expected, &format!("`{found}`"));
        }
    }

    fn report(&self, key: &str, at: Option<Position>, expected: &str, found: &str) {
        let rule = self.above.place_of(key);
        let text = format!("the site's rules in {rule} ask for {expected}, found {found}");
        let problem = self.source.problem(at, key, text);
        self.source.report(
            problem.hint("stay within the rules, or leave the key out: what they say then holds"),
        );
    }
}

impl Site {
    /// Returns where the file says a key, for messages.
    fn place_of(&self, key: &str) -> String {
        let file = self.file.display();
        match self.stated.at(key) {
            Some(at) => format!("{file}:{}:{}", at.line, at.column),
            None => file.to_string(),
        }
    }
}

impl Stated {
    /// Whether the file says this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(stated, _)| stated == key)
    }

    /// Returns where the file says this key.
    pub(super) fn at(&self, key: &str) -> Option<Position> {
        let stated = self.0.iter().find(|(stated, _)| stated == key);
        stated.and_then(|(_, at)| *at)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}
