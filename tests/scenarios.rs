//! Plays every scenario of the repository to the compiled policy that it names.
//!
//! Each file is two tests: as it is written, and cut before every round, since a run that was cut
//! and resumed must decide like one that was not. A scenario of a `.wasm` that an example has still
//! to build is that example's own test.

#[path = "simulated/components.rs"]
mod components;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ckpt_policy_conformance::{PolicySource, Scenario, run};
use ckpt_policy_core::contract::Policy;
use libtest_mimic::{Arguments, Failed, Trial};

use components::{loaded, root};

fn main() -> ExitCode {
    let root = root();
    let mut files = files(&root.join("plugins"));
    files.extend(files_of_examples(&root.join("plugins/examples")));
    files.sort();
    let mut trials: Vec<Trial> = files.iter().flat_map(|file| of_file(&root, file)).collect();
    trials.extend(ckpt_policy_builtins::names().map(|name| described(name, &files)));
    trials.push(Trial::test(
        "the example in host/conformance/README.md",
        move || example(&root),
    ));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Returns the tests of one file.
fn of_file(root: &Path, file: &Path) -> Vec<Trial> {
    let name = file
        .strip_prefix(root)
        .unwrap_or(file)
        .display()
        .to_string();
    let scenario = match read(file) {
        Ok(scenario) => scenario,
        Err(error) => return vec![Trial::test(name, move || Err(error.into()))],
    };
    if matches!(scenario.policy, PolicySource::File(_)) && name.starts_with("plugins/examples/") {
        return Vec::new();
    }
    let cut = scenario.cut_before_each_round();
    let cut = cut.map(|cut| Trial::test(format!("{name} (cut)"), move || play(&cut)));
    let written = Trial::test(name, move || play(&scenario));
    std::iter::once(written).chain(cut).collect()
}

/// A test that some scenario describes this policy; without files, nothing would be tested.
fn described(name: &'static str, files: &[PathBuf]) -> Trial {
    let wanted = PolicySource::Builtin(name.to_owned());
    let found = files
        .iter()
        .any(|file| read(file).is_ok_and(|scenario| scenario.policy == wanted));
    Trial::test(
        format!("some scenario describes builtin:{name}"),
        move || {
            if found {
                Ok(())
            } else {
                Err(format!("plugins/{name}/scenarios has none").into())
            }
        },
    )
}

/// Plays what the description of the format begins with.
fn example(root: &Path) -> Result<(), Failed> {
    let path = root.join("host/conformance/README.md");
    let description = fs::read_to_string(&path)?;
    let block = description
        .split("```")
        .nth(1)
        .and_then(|block| block.strip_prefix("toml\n"));
    let text = block.ok_or("the description does not begin with an example")?;
    play(&Scenario::parse(text, &path)?)
}

fn read(file: &Path) -> Result<Scenario, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Scenario::parse(&text, file).map_err(|error| error.to_string())
}

fn play(scenario: &Scenario) -> Result<(), Failed> {
    let report = run(scenario, load)?;
    if report.passed() {
        Ok(())
    } else {
        Err(report.to_string().into())
    }
}

fn load(source: &PolicySource) -> Result<Box<dyn Policy>, String> {
    match source {
        PolicySource::Builtin(name) => Ok(Box::new(loaded(name)?.policy())),
        PolicySource::File(path) => Err(format!(
            "`{}` is not a builtin; only an example's scenario may name a file",
            path.display()
        )),
    }
}

/// Returns the scenarios of the policies that lie in `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let policies = entries(folder);
    let all = policies
        .iter()
        .flat_map(|policy| entries(&policy.join("scenarios")));
    all.filter(|file| {
        file.extension()
            .is_some_and(|extension| extension == "toml")
    })
    .collect()
}

fn files_of_examples(folder: &Path) -> Vec<PathBuf> {
    let mut all = files(folder);
    for example in entries(folder) {
        all.extend(files(&example));
    }
    all
}

/// Lists a folder; one that is not there is empty.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten();
    listed
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect()
}
