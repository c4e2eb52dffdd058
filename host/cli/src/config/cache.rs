//! Where compiled policies are kept: `[cache]`, the environment, and what is usual.
//!
//! Keeps one invariant: a cache that cannot be used is something to tell, and never an error. It is
//! nothing that ranks must agree on: each may have another one, or none.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ckpt_policy_runtime::{Cache, CacheError, CacheOptions, Loaded};

use super::Survey;
use super::fields::Fields;
use super::files::Files;
use super::problem::Problems;
use super::share::Shelf;
use ckpt_policy_core::text::Printable;

/// What `[cache]` says; what it does not say is as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheSettings {
    pub(super) off: bool,
    pub(super) directory: Option<PathBuf>,
    pub(super) size: Option<u64>,
    wait: Option<Duration>,
}

impl CacheSettings {
    /// Reads the table; what it does not say is as above it.
    pub(super) fn read(mut table: Fields<'_>, above: Self) -> Self {
        let directory = table.text("directory");
        let directory = directory.map(|(path, _)| super::beside(table.file(), &path));
        let off = table.flag("enabled").map(|enabled| !enabled);
        let wait = table.count("wait-seconds", 0, 3600);
        let settings = Self {
            off: off.unwrap_or(above.off),
            directory: directory.or(above.directory),
            size: table.size("size", 1 << 20).or(above.size),
            wait: wait.map(Duration::from_secs).or(above.wait),
        };
        table.finish();
        settings
    }

    /// Returns the same with another directory, which is used whatever else is said.
    #[must_use]
    pub(crate) fn at(self, directory: PathBuf) -> Placed {
        Placed::At(self.options(directory))
    }

    /// Returns where the cache is, by the configuration, the environment, or habit.
    #[must_use]
    pub(crate) fn place(&self) -> Placed {
        self.place_in(env::var_os(VARIABLE).map(PathBuf::from))
    }

    /// Opens the cache. Where that is impossible, the second part says so in a line.
    #[must_use]
    pub(crate) fn open(&self) -> (Option<Cache>, Option<String>) {
        match self.place() {
            Placed::Off(_) => (None, None),
            Placed::At(options) => match Cache::open(options) {
                Ok(cache) => (Some(cache), None),
                Err(error) => (None, Some(unused(&error))),
            },
        }
    }

    pub(super) fn place_in(&self, variable: Option<PathBuf>) -> Placed {
        let variable = variable.filter(|variable| !variable.as_os_str().is_empty());
        if self.off {
            return Placed::Off("`enabled = false` in `[cache]`");
        }
        if variable.as_deref() == Some(Path::new("off")) {
            return Placed::Off("the environment variable `CKPT_POLICY_CACHE`");
        }
        let directory = self.directory.clone().or(variable).unwrap_or_else(usual);
        Placed::At(self.options(directory))
    }

    fn options(&self, directory: PathBuf) -> CacheOptions {
        let usual = CacheOptions::new(directory);
        CacheOptions {
            size: self.size.unwrap_or(usual.size),
            wait: self.wait.unwrap_or(usual.wait),
            ..usual
        }
    }
}

impl Survey {
    /// Returns where the configuration keeps compiled policies.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration.
    pub(crate) fn cache(&self) -> Result<CacheSettings, Problems> {
        Ok(self.site()?.cache.clone())
    }

    /// Compiles each policy's file into a cache; no policy is prepared.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration, and with the files.
    pub(crate) fn warm(&self, cache: Cache) -> Result<Vec<(String, Loaded)>, Problems> {
        let site = self.site()?;
        let runtime = site.runtime(Some(cache));
        let runtime = runtime.map_err(|problem| Problems::from(*problem))?;
        let shelf = Shelf::default();
        let mut files = Files::new(&runtime, &shelf);
        let (mut warmed, mut problems) = (Vec::new(), Vec::new());
        for (entry, trust) in site.entries() {
            match files.load(entry, trust) {
                Ok(Some(loaded)) => warmed.push((entry.wasm.to_string(), loaded)),
                Ok(None) => {}
                Err(problem) => problems.push(*problem),
            }
        }
        Problems::none_of(problems)?;
        warmed.dedup_by(|next, before| next.0 == before.0);
        Ok(warmed)
    }
}

/// Where a cache is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    At(CacheOptions),
    /// Nowhere, by whose wish.
    Off(&'static str),
}

/// Returns what was wrong with the cache while a policy was loaded, each in a line.
pub(crate) fn cache_troubles(loaded: &Loaded) -> Vec<String> {
    let trouble = loaded.cache_use().map_or(&[][..], |used| &used.trouble);
    trouble
        .iter()
        .map(|error| format!("note: compile cache: {}", Printable(&error.to_string())))
        .collect()
}

fn unused(error: &CacheError) -> String {
    let error = error.to_string();
    format!("note: no compile cache: {}", Printable(&error))
}

/// A folder of this user's on this machine: unlike a home directory it is not on a network, and
/// it is there for users who have none.
fn usual() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    env::temp_dir().join(format!("ckpt-policy-{user}"))
}

/// Names the directory for all sites that name none; `off` switches all caches off.
const VARIABLE: &str = "CKPT_POLICY_CACHE";

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use super::{CacheSettings, Placed};

    fn directory(settings: &CacheSettings, variable: Option<&str>) -> Option<PathBuf> {
        match settings.place_in(variable.map(PathBuf::from)) {
            Placed::At(options) => Some(options.directory),
            Placed::Off(_) => None,
        }
    }

    #[test]
    fn the_configuration_names_the_directory_before_the_environment_does() {
        let named = CacheSettings {
            directory: Some("/site".into()),
            ..CacheSettings::default()
        };
        assert_eq!(directory(&named, Some("/all")), Some("/site".into()));
        let silent = CacheSettings::default();
        assert_eq!(directory(&silent, Some("/all")), Some("/all".into()));
        let usual = directory(&silent, None).expect("there is a usual one");
        assert_eq!(directory(&silent, Some("")), Some(usual.clone()));
        assert!(usual.starts_with(std::env::temp_dir()), "{usual:?}");
    }

    #[test]
    fn either_can_switch_it_off() {
        let off = CacheSettings {
            off: true,
            ..CacheSettings::default()
        };
        assert_eq!(directory(&off, Some("/all")), None);
        let named = CacheSettings {
            directory: Some("/site".into()),
            ..CacheSettings::default()
        };
        assert_eq!(directory(&named, Some("off")), None);
    }

    #[test]
    fn a_directory_on_the_command_line_is_used_whatever_else_is_said() {
        let settings = CacheSettings {
            off: true,
            size: Some(7 << 20),
            wait: Some(Duration::ZERO),
            ..CacheSettings::default()
        };
        let Placed::At(options) = settings.at("here".into()) else {
            panic!("it is switched off");
        };
        assert_eq!(options.directory, Path::new("here"));
        assert_eq!((options.size, options.wait), (7 << 20, Duration::ZERO));
    }
}
