//! Site configuration: a TOML or JSON file becomes a typed [`Site`].
//!
//! Responsible for keys, values, paths and the policies of `policies.d/`; it loads no policy and
//! compiles nothing (see [`Policies`]). A `Site` that exists is valid, as far as that can be known
//! from the text alone. Everything that is wrong is reported at once, with file, position and
//! remedy.

mod fields;
mod files;
mod inspect;
mod node;
mod places;
mod policies;
mod policy;
mod problem;
mod schema;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use ckpt_policy_core::{Combine, Confirm, Rules};
use ckpt_policy_runtime::{Error, Instances, Limits, Runtime};

pub(crate) use self::fields::list_of;
use self::fields::{Fields, Source};
pub(crate) use self::files::hex;
pub(crate) use self::inspect::{authors_runtime, load, prepared, read};
use self::node::Node;
pub use self::policies::{Policies, Prepared};
use self::policy::Entry;
pub use self::problem::{Blame, Position, Problem, Problems};
pub(crate) use self::schema::Schema;

/// What a site's configuration says.
#[derive(Debug)]
pub struct Site {
    file: PathBuf,
    rules: Rules,
    limits: Limits,
    instances: Instances,
    directory: Option<Place>,
    journal: Option<Place>,
    policies: Vec<Entry>,
}

/// A path, and where the configuration says it.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    at: Option<Position>,
}

/// A configuration file as far as it could be read, and what is wrong with it.
///
/// It is what makes it possible to name the problems of a key and those of a policy at once.
#[derive(Debug)]
pub struct Survey {
    site: Option<Site>,
    problems: Vec<Problem>,
}

impl Survey {
    /// Reads a configuration file, and `policies.d/` beside it.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        let source = Source::new(file);
        let mut site = read_fields(&source).map(|fields| Site::from_fields(file, fields));
        let mut problems = source.into_problems();
        for beside in policy_files(file, &mut problems) {
            let source = Source::new(&beside);
            let more = read_fields(&source).map(only_policies).unwrap_or_default();
            if let Some(site) = &mut site {
                site.policies.extend(more);
            }
            problems.extend(source.into_problems());
        }
        if let Some(site) = &site {
            problems.extend(site.wrong_as_a_whole(problems.is_empty()));
        }
        Self { site, problems }
    }

    /// Returns what is wrong with the text of the files, in the order in which it was found.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Loads and prepares the policies.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration, and with each of its policies.
    pub fn load(&self) -> Result<Policies<'_>, Problems> {
        self.load_and(|_, _| Vec::new())
    }

    /// Loads and prepares the policies, and has a closer look at them; those that cannot be
    /// prepared are left out of it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration, with each of its policies, and with what
    /// `look` finds.
    pub(crate) fn load_and(
        &self,
        look: impl FnOnce(&Site, &Policies<'_>) -> Vec<Problem>,
    ) -> Result<Policies<'_>, Problems> {
        let mut problems = self.problems.clone();
        let loaded = self.site.as_ref().and_then(|site| {
            let runtime = site
                .runtime()
                .map_err(|problem| problems.push(*problem))
                .ok()?;
            let policies = Policies::load(site, &runtime, &mut problems);
            problems.extend(look(site, &policies));
            Some(policies)
        });
        Problems::none_of(problems)?;
        Ok(loaded.expect("a configuration that cannot be used is a problem"))
    }
}

impl Site {
    /// Returns where the configuration stands.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the rules under which policies are combined and checkpoints kept.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Returns the limits for each call of a policy.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns whether each call gets a fresh instance.
    #[must_use]
    pub fn instances(&self) -> Instances {
        self.instances
    }

    /// Returns where checkpoints are kept.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.directory
            .as_ref()
            .map(|directory| directory.path.as_path())
    }

    /// Returns where the journal is to be written.
    #[must_use]
    pub fn journal(&self) -> Option<&Path> {
        self.journal.as_ref().map(|journal| journal.path.as_path())
    }

    fn from_fields(file: &Path, mut fields: Fields<'_>) -> Self {
        let mut rules = Rules::default();
        let combine = [
            ("any", Combine::Any),
            ("all", Combine::All),
            ("majority", Combine::Majority),
        ];
        rules.combine = fields.choice("combine", &combine).unwrap_or(rules.combine);
        let confirm = [("acts", Confirm::Acts), ("never", Confirm::Never)];
        rules.confirm = fields.choice("confirm", &confirm).unwrap_or(rules.confirm);

        let instances = [("fresh", Instances::Fresh), ("reuse", Instances::Reuse)];
        let instances = fields.choice("instances", &instances).unwrap_or_default();
        let limits = read_limits(fields.table("limits"));
        let directory = read_checkpoints(file, fields.table("checkpoints"), &mut rules);

        let mut signals = fields.table("signals");
        rules.signal_steps = signals
            .count("every-steps", 1, u64::MAX)
            .unwrap_or(rules.signal_steps);
        signals.finish();

        let mut table = fields.table("journal");
        let journal = table.text("path");
        let journal = journal.map(|(path, at)| Place {
            path: beside(file, &path),
            at,
        });
        table.finish();

        let policies = fields
            .tables("policy")
            .into_iter()
            .filter_map(Entry::read)
            .collect();
        fields.finish();
        let file = file.to_path_buf();
        Self {
            file,
            rules,
            limits,
            instances,
            directory,
            journal,
            policies,
        }
    }

    /// Sets up the engine that the limits ask for.
    fn runtime(&self) -> Result<Runtime, Box<Problem>> {
        Runtime::new(self.limits.clone(), self.instances).map_err(|error| {
            let source = Source::new(&self.file);
            let (key, blame) = match error {
                Error::Limit { limit, .. } => (format!("limits.{limit}"), Blame::User),
                _ => (String::new(), Blame::Program),
            };
            Box::new(source.problem(None, &key, error.to_string()).blame(blame))
        })
    }

    /// What no file shows alone: no policy at all, and two of one name.
    fn wrong_as_a_whole(&self, files_are_right: bool) -> Vec<Problem> {
        let source = Source::new(&self.file);
        if self.policies.is_empty() && files_are_right {
            let problem = source.problem(None, "policy", "there is no policy".to_owned());
            source.report(problem.hint(
                "add a table `[[policy]]` with `name`, `wasm` and `config`, such as \
                 `wasm = \"builtin:aggregate\"`",
            ));
        }
        for (index, entry) in self.policies.iter().enumerate() {
            if let Some(first) = self.policies[..index]
                .iter()
                .find(|first| first.name == entry.name)
            {
                let text = format!(
                    "another policy has this name already, in {}; names are unique",
                    first.place()
                );
                source.report(
                    entry
                        .problem("name", text)
                        .hint("give one of them another name"),
                );
            }
        }
        source.into_problems()
    }
}

/// Returns a path of the configuration, which is relative to the file that says it.
fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(path)
}

fn read_fields(source: &Source) -> Option<Fields<'_>> {
    let text = match fs::read_to_string(&source.file) {
        Ok(text) => text,
        Err(error) => {
            source.report(source.problem(None, "", format!("cannot read the file: {error}")));
            return None;
        }
    };
    let is_json = source.file.extension() == Some(OsStr::new("json"));
    let parsed = if is_json {
        Node::from_json(&text)
    } else {
        Node::from_toml(&text)
    };
    match parsed {
        Ok(node) => Fields::of(source, "", node),
        Err(errors) => {
            let kind = if is_json { "JSON" } else { "TOML" };
            for error in errors {
                let text = format!("this is not {kind}: {}", error.text);
                source.report(source.problem(error.at, "", text));
            }
            None
        }
    }
}

fn read_limits(mut table: Fields<'_>) -> Limits {
    let mut limits = Limits::default();
    limits.fuel = table.count("fuel", 1, u64::MAX).unwrap_or(limits.fuel);
    for (key, least, limit) in [
        ("memory", 64 << 10, &mut limits.memory),
        ("answer", 1 << 10, &mut limits.answer),
        ("input", 1 << 10, &mut limits.input),
        ("file", 1 << 10, &mut limits.file),
        ("settings", 0, &mut limits.settings),
        ("state", 0, &mut limits.state),
        ("reason", 0, &mut limits.reason),
        ("name", 1, &mut limits.name),
    ] {
        *limit = table.size(key, least).unwrap_or(*limit);
    }
    for (key, limit) in [
        ("instances", &mut limits.instances),
        ("memories", &mut limits.memories),
        ("tables", &mut limits.tables),
        ("table-elements", &mut limits.table_elements),
        ("plan", &mut limits.plan),
        ("figures", &mut limits.figures),
        ("tags", &mut limits.tags),
        ("labels", &mut limits.labels),
        ("checkpoints", &mut limits.checkpoints),
    ] {
        let count = table.count(key, 1, u64::from(u32::MAX));
        *limit = count.map_or(*limit, |count| count as u32);
    }
    table.finish();
    limits
}

fn read_checkpoints(file: &Path, mut table: Fields<'_>, rules: &mut Rules) -> Option<Place> {
    let keep = table.count("keep-at-least", 0, u64::from(u32::MAX));
    rules.keep_at_least = keep.map_or(rules.keep_at_least, |keep| keep as u32);
    let in_flight = table.count("in-flight", 1, 64);
    rules.in_flight = in_flight.map_or(rules.in_flight, |saves| saves as u32);
    let settle = table.count("settle-steps", 1, u64::MAX);
    rules.settle_steps = settle.unwrap_or(rules.settle_steps);
    let directory = table.text("directory");
    table.finish();
    directory.map(|(path, at)| Place {
        path: beside(file, &path),
        at,
    })
}

fn only_policies(mut fields: Fields<'_>) -> Vec<Entry> {
    let entries = fields
        .tables("policy")
        .into_iter()
        .filter_map(Entry::read)
        .collect();
    fields.finish();
    entries
}

/// Returns the files of `policies.d/` beside the configuration, in the order of their names.
fn policy_files(file: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let folder = beside(file, "policies.d");
    if !folder.is_dir() {
        return Vec::new();
    }
    let listed: Result<Vec<_>, _> =
        fs::read_dir(&folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    match listed {
        Ok(mut files) => {
            files.retain(|path| is_policy_file(path));
            files.sort();
            files
        }
        Err(error) => {
            let source = Source::new(&folder);
            problems.push(source.problem(None, "", format!("cannot list the folder: {error}")));
            Vec::new()
        }
    }
}

/// Editors leave hidden files beside those that they edit; these are not the site's.
fn is_policy_file(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension().and_then(OsStr::to_str);
    !hidden && matches!(extension, Some("toml" | "json")) && path.is_file()
}

#[cfg(test)]
mod tests;
