//! Good policies with one change that an author might make by mistake: it does not go unnoticed.
//!
//! A mutant is built of a copy of the sources, in which one place has been replaced.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ckpt_policy_conformance::conform::Status;
use ckpt_policy_conformance::{PolicySource, Scenario, run};
use ckpt_policy_core::contract::Policy;
use ckpt_policy_runtime::{Instances, Limits, Loaded, Runtime};
use libtest_mimic::{Failed, Trial};

use crate::guests::build;
use crate::{files, read, request, stem, tests, with_status};

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
    let listed = files(&tests().join("conformance/mutants"), &["toml"]);
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
            let conformance = ckpt_policy::conformance(&module, &request(), &mut |one| one == id);
            with_status(&conformance, Status::Failed).contains(&id)
        }
    };
    match caught {
        true => Ok(()),
        false => Err(format!("`{}` did not catch it", mutant.caught_by).into()),
    }
}

impl Mutant {
    fn build(&self, name: &str) -> Result<Vec<u8>, Failed> {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("mutants")
            .join(name);
        let original = tests().join("..");
        for part in [
            "Cargo.toml",
            "Cargo.lock",
            "host",
            "plugins",
            "tests/probe",
            "wit",
        ] {
            copy_over(&original.join(part), &copy.join(part))?;
        }
        let source = String::from_utf8(read(&original.join(&self.file))?)?;
        let places = source.matches(&self.replace).count();
        if places != 1 {
            let (file, replace) = (self.file.display(), &self.replace);
            return Err(
                format!("expected `{replace}` once in `{file}`, found it {places} times").into(),
            );
        }
        write(
            &copy.join(&self.file),
            source.replace(&self.replace, &self.by).as_bytes(),
        )?;
        // All mutants of a policy are built into the same file.
        let _building = BUILDING.lock();
        let modules = build(&self.policy, Some(&copy))?;
        read(modules.get(&self.policy).ok_or("it was not built")?)
    }

    fn fails_a_scenario(&self, module: &[u8]) -> Result<bool, Failed> {
        let loaded = load(module)?;
        let given =
            |_: &PolicySource| -> Result<Box<dyn Policy>, String> { Ok(Box::new(loaded.policy())) };
        for file in files(
            &tests().join("..").join(&self.folder).join("scenarios"),
            &["toml"],
        ) {
            let scenario = Scenario::parse(&String::from_utf8(read(&file)?)?, &file)?;
            if !run(&scenario, given)?.passed() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn load(module: &[u8]) -> Result<Loaded, Failed> {
    Ok(Runtime::new(Limits::default(), Instances::Fresh)?.load(module)?)
}

/// Copies a file or a folder; what is the same already is left alone, and need not be built again.
fn copy_over(from: &Path, to: &Path) -> Result<(), Failed> {
    if !from.is_dir() {
        return write(to, &read(from)?);
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() != "target" {
            copy_over(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failed> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    Ok(fs::write(path, bytes)?)
}

static BUILDING: Mutex<()> = Mutex::new(());
