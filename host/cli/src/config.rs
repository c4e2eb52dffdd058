//! Site configuration: a TOML or JSON file, perhaps under rules of the site's, becomes a [`Site`].
//!
//! Responsible for keys, values, paths and the policies of `policies.d/`; it loads no policy and
//! compiles nothing (see [`Policies`]). A `Site` that exists is valid, as far as that can be known
//! from the text alone. Everything that is wrong is reported at once, with file, position and
//! remedy.

mod above;
mod cache;
mod fields;
mod files;
mod inspect;
mod node;
mod places;
mod policies;
mod policy;
mod problem;
mod schema;
mod share;
mod trust;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use ckpt_policy_core::{Combine, Confirm, Encoding, Rules};
use ckpt_policy_runtime::{Cache, Error, Instances, Limits, Options, Runtime};

pub(crate) use self::cache::{CacheSettings, Placed, cache_troubles};
pub(crate) use self::fields::list_of;
use self::fields::{Fields, Source};
pub(crate) use self::files::{hex, read_most};
pub(crate) use self::inspect::{authors_runtime, load, prepared, read};
use self::node::Node;
pub use self::policies::{Policies, Prepared};
use self::policy::Entry;
pub use self::problem::{Blame, Position, Problem, Problems};
pub(crate) use self::schema::Schema;
pub use self::share::{LoadError, Readers, Shared, Sharing, Shelf};
pub(crate) use self::trust::Signable;
use self::trust::Trust;

/// What a site's configuration says.
#[derive(Debug)]
pub struct Site {
    file: PathBuf,
    rules: Rules,
    limits: Limits,
    instances: Instances,
    readers: Readers,
    directory: Option<Place>,
    journal: Option<Place>,
    trust: Trust,
    cache: CacheSettings,
    policies: Vec<Entry>,
    stated: Stated,
    /// The site's own rules, which bind.
    above: Option<Box<Self>>,
}

/// Which keys a file says, and where.
#[derive(Debug)]
struct Stated(Vec<(String, Option<Position>)>);

/// A path, and where the configuration says it.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    at: Option<Position>,
}

/// A configuration, as a program that embeds the host has it.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// A file, TOML or JSON, and `policies.d/` beside it.
    File(&'a Path),
    /// A JSON document. Its paths are relative to the working directory.
    Json(&'a str),
}

impl Given<'_> {
    fn source(self) -> Source {
        match self {
            Self::File(file) => Source::new(file),
            Self::Json(text) => Source::text("<configuration>", text),
        }
    }
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
        Self::of(None, Given::File(file))
    }

    /// Reads a configuration file that stands under rules: a file of the same shape, which binds.
    ///
    /// Rules that are wrong themselves bind nobody, so nothing else is looked at then.
    #[must_use]
    pub fn read_under(rules: &Path, file: &Path) -> Self {
        Self::of(Some(rules), Given::File(file))
    }

    /// Reads a configuration, perhaps under rules.
    pub(crate) fn of(rules: Option<&Path>, given: Given<'_>) -> Self {
        let Some(rules) = rules else {
            return Self::read_over(None, given).with_a_policy();
        };
        match Self::read_over(None, Given::File(rules)) {
            Self {
                site: Some(above),
                problems,
            } if problems.is_empty() => Self::read_over(Some(above), given).with_a_policy(),
            wrong => wrong,
        }
    }

    /// Reads rules alone, without a configuration below them.
    pub(crate) fn rules(file: &Path) -> Self {
        Self::read_over(None, Given::File(file))
    }

    /// Returns what the configuration says.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it; its policies are not looked at.
    pub(crate) fn site(&self) -> Result<&Site, Problems> {
        Problems::none_of(self.problems.clone())?;
        Ok(self.site.as_ref().expect(UNUSABLE))
    }

    fn read_over(above: Option<Site>, given: Given<'_>) -> Self {
        let source = given.source();
        let mut problems = Vec::new();
        let files = match given {
            Given::File(file) => policy_files(file, above.as_ref(), &mut problems),
            Given::Json(_) => Vec::new(),
        };
        let fields = read_fields(&source);
        let mut site = fields.map(|fields| Site::from_fields(&source.file, fields, above));
        problems.extend(source.into_problems());
        for beside in files {
            let source = Source::new(&beside);
            let more = read_fields(&source).map(only_policies).unwrap_or_default();
            if let Some(site) = &mut site {
                site.policies.extend(more);
            }
            problems.extend(source.into_problems());
        }
        if let Some(site) = &site {
            problems.extend(site.names_given_twice());
            problems.extend(site.loosened());
        }
        Self { site, problems }
    }

    /// Nothing can be decided without a policy; where something else is wrong, there may be one.
    fn with_a_policy(mut self) -> Self {
        let Some(site) = self.site.as_ref().filter(|_| self.problems.is_empty()) else {
            return self;
        };
        if site.entries().next().is_none() {
            let source = Source::new(&site.file);
            let problem = source.problem(None, "policy", "there is no policy".to_owned());
            self.problems.push(problem.hint(
                "add a table `[[policy]]` with `name`, `wasm` and `config`, such as \
                 `wasm = \"builtin:aggregate\"`",
            ));
        }
        self
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
        self.load_from(&Shelf::default())
    }

    /// Loads and prepares the policies from what rank 0 has read.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration, and with each of its policies.
    pub fn load_from(&self, shelf: &Shelf) -> Result<Policies<'_>, Problems> {
        self.load_with(shelf, |_, _| Vec::new())
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
        self.load_with(&Shelf::default(), look)
    }

    fn load_with(
        &self,
        shelf: &Shelf,
        look: impl FnOnce(&Site, &Policies<'_>) -> Vec<Problem>,
    ) -> Result<Policies<'_>, Problems> {
        let mut problems = self.problems.clone();
        let loaded = self.site.as_ref().and_then(|site| {
            let (cache, note) = site.cache.open();
            let runtime = site
                .runtime(cache)
                .map_err(|problem| problems.push(*problem))
                .ok()?;
            let mut policies = Policies::load(site, &runtime, shelf, &mut problems);
            policies.note(note);
            problems.extend(look(site, &policies));
            Some(policies)
        });
        Problems::none_of(problems)?;
        Ok(loaded.expect(UNUSABLE))
    }
}

const UNUSABLE: &str = "a configuration that cannot be used is a problem";

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
        self.place(|site| site.directory.as_ref())
            .map(|(_, place)| place.path.as_path())
    }

    /// Returns where the journal is to be written.
    #[must_use]
    pub fn journal(&self) -> Option<&Path> {
        self.place(|site| site.journal.as_ref())
            .map(|(_, place)| place.path.as_path())
    }

    /// Returns a place that this file says, or else the rules above it, with the file that does.
    fn place(&self, of: impl Fn(&Self) -> Option<&Place>) -> Option<(&Path, &Place)> {
        let sites = [Some(self), self.above()];
        let mut sites = sites.into_iter().flatten();
        sites.find_map(|site| Some((site.file(), of(site)?)))
    }

    /// Returns all policies, the site's own first, each with whom it has to be signed by.
    fn entries(&self) -> impl Iterator<Item = (&Entry, &Trust)> {
        let sites = [self.above(), Some(self)].into_iter().flatten();
        sites.flat_map(|site| site.policies.iter().map(|entry| (entry, &site.trust)))
    }

    /// Takes what the file says; the rest is as the rules above it say.
    fn from_fields(file: &Path, mut fields: Fields<'_>, above: Option<Self>) -> Self {
        let stated = Stated(fields.stated());
        let above = above.map(Box::new);
        let mut rules = above
            .as_ref()
            .map(|above| above.rules.clone())
            .unwrap_or_default();
        let combine = [
            ("any", Combine::Any),
            ("all", Combine::All),
            ("majority", Combine::Majority),
        ];
        rules.combine = fields.choice("combine", &combine).unwrap_or(rules.combine);
        let confirm = [("acts", Confirm::Acts), ("never", Confirm::Never)];
        rules.confirm = fields.choice("confirm", &confirm).unwrap_or(rules.confirm);

        let instances = [("fresh", Instances::Fresh), ("reuse", Instances::Reuse)];
        let instances = fields.choice("instances", &instances);
        let limits = above.as_ref().map(|above| above.limits.clone());
        let limits = read_limits(fields.table("limits"), limits.unwrap_or_default());
        let directory = read_checkpoints(file, fields.table("checkpoints"), &mut rules);

        let mut exchange = fields.table("exchange");
        let encodings = [
            ("auto", Encoding::Auto),
            ("gather", Encoding::Gather),
            ("reduce", Encoding::Reduce),
        ];
        rules.encoding = exchange
            .choice("encoding", &encodings)
            .unwrap_or(rules.encoding);
        let files = [("each", Readers::Each), ("rank-zero", Readers::RankZero)];
        let readers = exchange.choice("files", &files);
        exchange.finish();

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
        let trust = above.as_ref().map(|above| above.trust.clone());
        let trust = Trust::read(fields.table("trust"), trust.unwrap_or_default());
        let cache = above.as_ref().map(|above| above.cache.clone());
        let cache = CacheSettings::read(fields.table("cache"), cache.unwrap_or_default());

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
            instances: instances
                .or_else(|| above.as_ref().map(|above| above.instances))
                .unwrap_or_default(),
            readers: readers
                .or_else(|| above.as_ref().map(|above| above.readers))
                .unwrap_or_default(),
            directory,
            journal,
            trust,
            cache,
            policies,
            stated,
            above,
        }
    }

    /// Sets up the engine that the limits ask for.
    fn runtime(&self, cache: Option<Cache>) -> Result<Runtime, Box<Problem>> {
        let options = Options {
            limits: self.limits.clone(),
            instances: self.instances,
            cache,
            ..Options::default()
        };
        Runtime::with(options).map_err(|error| {
            let (key, blame) = match error {
                Error::Limit { limit, .. } => (format!("limits.{limit}"), Blame::User),
                _ => (String::new(), Blame::Program),
            };
            let above = self.above().filter(|_| !self.stated.has(&key));
            let source = Source::new(above.unwrap_or(self).file());
            Box::new(source.problem(None, &key, error.to_string()).blame(blame))
        })
    }

    /// What no file shows alone: two policies of one name.
    fn names_given_twice(&self) -> Vec<Problem> {
        let entries: Vec<_> = self.entries().map(|(entry, _)| entry).collect();
        let given = self.above().map_or(0, |above| above.policies.len());
        let twice = |index: usize| {
            let entry = entries[index];
            let first = entries[..index]
                .iter()
                .position(|first| first.name == entry.name)?;
            let place = entries[first].place();
            let (text, hint) = match first < given {
                true => (
                    format!("the site's rules have a policy of this name, in {place}, which stays"),
                    "give this one another name",
                ),
                false => (
                    format!("another policy has this name already, in {place}; names are unique"),
                    "give one of them another name",
                ),
            };
            Some(entry.problem("name", text).hint(hint))
        };
        (given..entries.len()).filter_map(twice).collect()
    }
}

/// Returns a path of the configuration, which is relative to the file that says it.
fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(path)
}

fn read_fields(source: &Source) -> Option<Fields<'_>> {
    let text = match &source.text {
        Some(text) => Ok(text.clone()),
        None => fs::read_to_string(&source.file),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            source.report(source.problem(None, "", format!("cannot read the file: {error}")));
            return None;
        }
    };
    let is_json = source.text.is_some() || source.file.extension() == Some(OsStr::new("json"));
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

fn read_limits(mut table: Fields<'_>, mut limits: Limits) -> Limits {
    for (key, limit) in [
        ("fuel", &mut limits.fuel),
        ("functions", &mut limits.compile.functions),
        ("locals", &mut limits.compile.locals),
        ("nesting", &mut limits.compile.nesting),
        ("work", &mut limits.compile.work),
    ] {
        *limit = table.count(key, 1, u64::MAX).unwrap_or(*limit);
    }
    for (key, least, limit) in [
        ("memory", 64 << 10, &mut limits.memory),
        ("answer", 1 << 10, &mut limits.answer),
        ("input", 1 << 10, &mut limits.input),
        ("file", 1 << 10, &mut limits.file),
        ("settings", 0, &mut limits.settings),
        ("state", 0, &mut limits.state),
        ("reason", 0, &mut limits.reason),
        ("name", 1, &mut limits.name),
        ("function", 1 << 10, &mut limits.compile.function),
        ("data", 0, &mut limits.compile.data),
        ("definitions", 1 << 10, &mut limits.compile.definitions),
    ] {
        *limit = table.size(key, least).unwrap_or(*limit);
    }
    for (key, limit) in [
        ("call-seconds", &mut limits.call_seconds),
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

/// Returns the files of `policies.d/` beside the configuration, in the order of their names; not
/// of the folder that is that of the rules above it, too.
fn policy_files(file: &Path, above: Option<&Site>, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let folder = beside(file, "policies.d");
    let real = |folder: &Path| fs::canonicalize(folder).ok();
    let known = above.and_then(|above| real(&beside(above.file(), "policies.d")));
    if !folder.is_dir() || (known.is_some() && known == real(&folder)) {
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
