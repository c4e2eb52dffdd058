//! Good policies with one change that an author might make by mistake: it does not go unnoticed.
//!
//! A mutant is built of a copy of the sources, in which one place has been replaced.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ckpt_policy_conformance::conform::Status;
use ckpt_policy_conformance::{PolicySource, Scenario, run};
use ckpt_policy_core::contract::Policy;
use ckpt_policy_runtime::{Instances, Limits, Loaded, Runtime};
use libtest_mimic::{Failed, Trial};
use sha2::{Digest as _, Sha256};

use crate::guests::build;
use crate::{checkout, files, read, request, stem, with_status};

/// A mutant as its file says it.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Mutant {
    /// What is wrong with it; for who reads the file.
    #[serde(rename = "about")]
    _about: String,
    /// The policy that is built, as `plugins/build` names it.
    policy: String,
    /// The folder of its scenarios.
    folder: PathBuf,
    /// The file that is changed.
    file: PathBuf,
    /// What stands there, exactly once.
    replace: String,
    /// What is put in its place.
    by: String,
    /// `scenarios`, or the id of a check.
    caught_by: String,
}

pub(crate) fn trials() -> Vec<Trial> {
    let listed = files(&checkout().join("tests/conformance/mutants"), &["toml"]);
    let trial = |file: PathBuf| {
        let name = format!("mutant/{}", stem(&file));
        Trial::test(name, move || check(&file))
    };
    listed.into_iter().map(trial).collect()
}

fn check(file: &Path) -> Result<(), Failed> {
    let text = String::from_utf8(read(file)?)?;
    let mutant: Mutant = toml::from_str(&text)?;
    let module = mutant.build(&stem(file))?;
    let caught = match mutant.caught_by.as_str() {
        "scenarios" => mutant.fails_a_scenario(&module)?,
        id => {
            let conformance =
                ckpt_policy::conformance(&module, &request(CASES), &mut |one| one == id);
            with_status(&conformance, Status::Failed).contains(&id)
        }
    };
    match caught {
        true => Ok(()),
        false => Err(format!("`{}` did not catch it", mutant.caught_by).into()),
    }
}

impl Mutant {
    /// Builds it, unless the same was built before.
    fn build(&self, name: &str) -> Result<Vec<u8>, Failed> {
        // A lock that a failed trial left behind protects nothing that is not made anew.
        let _one_at_a_time = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sources = Sources::read(&checkout())?;
        sources.replace(&self.file, (&self.replace, &self.by))?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
        let built = folder.join(format!("{name}-{}.wasm", sources.digest()));
        if !built.is_file() {
            let copy = folder.join("sources");
            sources.write(&copy)?;
            let modules = build(&copy, &self.policy, Some(&folder.join("target")))?;
            fs::copy(modules.get(&self.policy).ok_or("it was not built")?, &built)?;
        }
        read(&built)
    }

    fn fails_a_scenario(&self, module: &[u8]) -> Result<bool, Failed> {
        let loaded = load(module)?;
        let given =
            |_: &PolicySource| -> Result<Box<dyn Policy>, String> { Ok(Box::new(loaded.policy())) };
        for file in files(&checkout().join(&self.folder).join("scenarios"), &["toml"]) {
            let written = Scenario::parse(&String::from_utf8(read(&file)?)?, &file)?;
            let cut = written.cut_before_each_round();
            for scenario in [written].into_iter().chain(cut) {
                if !run(&scenario, given)?.passed() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn load(module: &[u8]) -> Result<Loaded, Failed> {
    Ok(Runtime::new(Limits::default(), Instances::Fresh)?.load(module)?)
}

/// All that policies are built of, by path.
struct Sources(BTreeMap<PathBuf, Vec<u8>>);

impl Sources {
    fn read(checkout: &Path) -> Result<Self, Failed> {
        let mut sources = Self(BTreeMap::new());
        for part in PARTS {
            sources.add(checkout, Path::new(part))?;
        }
        Ok(sources)
    }

    fn add(&mut self, checkout: &Path, part: &Path) -> Result<(), Failed> {
        let path = checkout.join(part);
        if !path.is_dir() {
            self.0.insert(part.to_owned(), read(&path)?);
            return Ok(());
        }
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            if name != "target" {
                self.add(checkout, &part.join(name))?;
            }
        }
        Ok(())
    }

    fn replace(&mut self, file: &Path, (old, new): (&str, &str)) -> Result<(), Failed> {
        let bytes = self
            .0
            .get_mut(file)
            .ok_or_else(|| format!("there is no `{}`", file.display()))?;
        let text = String::from_utf8(bytes.clone())?;
        let places = text.matches(old).count();
        if places != 1 {
            let file = file.display();
            return Err(
                format!("expected `{old}` once in `{file}`, found it {places} times").into(),
            );
        }
        *bytes = text.replace(old, new).into_bytes();
        Ok(())
    }

    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for (path, bytes) in &self.0 {
            digest.update(path.as_os_str().as_encoded_bytes());
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        }
        let bytes = digest.finalize();
        bytes
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Writes all of them anew: cargo goes by the time of a file, and each mutant is built at the same place.
    fn write(&self, copy: &Path) -> Result<(), Failed> {
        if copy.exists() {
            fs::remove_dir_all(copy)?;
        }
        for (path, bytes) in &self.0 {
            let path = copy.join(path);
            fs::create_dir_all(path.parent().unwrap_or(copy))?;
            fs::write(&path, bytes)?;
        }
        let script = copy.join("plugins/build");
        fs::set_permissions(
            &script,
            fs::metadata(checkout().join("plugins/build"))?.permissions(),
        )?;
        Ok(())
    }
}

/// The parts of a checkout that policies are built of; cargo reads the manifests of the others too.
const PARTS: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "host",
    "plugins",
    "python/Cargo.toml",
    "python/src",
    "tests/fuzz",
    "tests/probe",
    "wit",
];

/// Enough for each mutant.
const CASES: u32 = 64;

static BUILDING: Mutex<()> = Mutex::new(());
