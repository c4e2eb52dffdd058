//! A new policy in each language: what `ckpt-policy new` writes is built, tested and proved to
//! conform, as a user would, and then broken, to see what a mistake looks like.
//!
//! | trial | what is proved |
//! |---|---|
//! | a language's name | `new` writes the example of `plugins/examples`, file by file; `make build test conform` succeeds; a site runs it, and says so where it is large; a mistake in it is reported with what the guest has of its place |
//! | the bindings for C | those in `plugins/examples/c` are what the generator makes of `wit/policy.wit`; `BLESS=1` writes them |
//!
//! The folders are in cargo's temporary folder for tests, each time new; what `make build` installs
//! comes from the registries of the languages. A tool that is missing is named.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

fn main() {
    let arguments = Arguments::from_args();
    let languages = LANGUAGES.iter();
    let mut trials: Vec<Trial> = languages
        .map(|language| Trial::test(language.name, || check(language)))
        .collect();
    trials.push(Trial::test("the bindings for C", bindings));
    libtest_mimic::run(&arguments, trials).exit();
}

/// What there is to know of a language.
struct Language {
    name: &'static str,
    /// It comes with an interpreter.
    large: bool,
    needs: &'static [Tool],
    mistake: Mistake,
}

/// A program without which a folder cannot be built.
struct Tool {
    /// Succeeds where it is there.
    proof: &'static [&'static str],
    install: &'static str,
}

/// A line that is no good, and what is to be said of it.
struct Mistake {
    file: &'static str,
    line: &'static str,
    /// The beginning of the line that it comes before.
    before: &'static str,
    /// `LINE` stands for its number.
    said: &'static [&'static str],
}

const LANGUAGES: [Language; 4] = [
    Language {
        name: "rust",
        large: false,
        needs: &[MAKE],
        mistake: Mistake {
            file: "src/lib.rs",
            line: "    let _ = &round.values[9];",
            before: "    let (votes, mean) = ",
            said: &["a panic in `judge (src/lib.rs:LINE)`"],
        },
    },
    Language {
        name: "python",
        large: true,
        needs: &[MAKE, PYTHON],
        mistake: Mistake {
            file: "policy.py",
            line: "    round.values[9]",
            before: "    votes, mean = ",
            said: &["IndexError: list index out of range, at policy.py:LINE in `judge`"],
        },
    },
    Language {
        name: "js",
        large: true,
        needs: &[MAKE, NODE, NPM],
        mistake: Mistake {
            file: "policy.js",
            line: "  round.values[9].val;",
            before: "  const votes = ",
            said: &[
                "TypeError: can't access property \"val\", round.values[9] is undefined",
                "at policy.js:LINE in `judge`",
            ],
        },
    },
    Language {
        name: "c",
        large: false,
        needs: &[MAKE, PYTHON],
        mistake: Mistake {
            file: "policy.c",
            line: "    statistic_at(round, 9);",
            before: "    const statistic_t *mean = ",
            said: &[
                "`unreachable`",
                "`statistic_at (",
                "`judge (",
                "policy.c:LINE)`",
            ],
        },
    },
];

const MAKE: Tool = Tool {
    proof: &["make", "--version"],
    install: "apt-get install make",
};
const PYTHON: Tool = Tool {
    proof: &["python3", "-c", "import ensurepip, venv"],
    install: "apt-get install python3-venv",
};
const NODE: Tool = Tool {
    proof: &["node", "--version"],
    install: "apt-get install nodejs",
};
const NPM: Tool = Tool {
    proof: &["npm", "--version"],
    install: "apt-get install npm",
};

fn check(language: &Language) -> Result<(), Failed> {
    for tool in language.needs {
        let found = Command::new(tool.proof[0]).args(&tool.proof[1..]).output();
        if !found.is_ok_and(|output| output.status.success()) {
            let (proof, install) = (tool.proof.join(" "), tool.install);
            return Err(format!("`{proof}` does not run; install it: {install}").into());
        }
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("scaffold")
        .join(language.name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    write(language, &folder)?;
    same(language, &folder)?;
    good(&folder)?;
    site(language, &folder)?;
    bad(&language.mistake, &folder)
}

/// Writes the folder; says what to do next.
fn write(language: &Language, folder: &Path) -> Result<(), Failed> {
    let output = Command::new(PROGRAM)
        .args(["new", EXAMPLE, "--lang", language.name, "--path"])
        .arg(folder)
        .output()?;
    let said = succeeded("ckpt-policy new", &output)?;
    let next = format!(
        "next:\n  cd '{}'\n  make build test conform\n",
        folder.display()
    );
    expect(&said, &next)
}

/// Compares with the example, whose own files are all that is in the folder, the contract and the
/// SDK aside.
fn same(language: &Language, folder: &Path) -> Result<(), Failed> {
    let example = root().join("plugins/examples").join(language.name);
    for file in files(folder, Path::new(""))? {
        let mut found = fs::read(folder.join(&file))?;
        let held = match file.components().next().map(|first| first.as_os_str()) {
            Some(first) if first == "wit" => fs::read(root().join(&file))?,
            Some(first) if first == "vendor" => continue,
            _ => fs::read(example.join(&file))?,
        };
        if language.name == "rust" && file == Path::new("Cargo.toml") {
            let text = String::from_utf8(found)?;
            found = text
                .replace("vendor/ckpt-policy-sdk", "../../sdk")
                .into_bytes();
        }
        if found != held {
            let (file, example) = (file.display(), example.display());
            return Err(format!("`{file}` differs from the one in {example}").into());
        }
    }
    Ok(())
}

/// Builds, tests and proves, as the folder's README says.
fn good(folder: &Path) -> Result<(), Failed> {
    let printed = succeeded(
        "make build test conform",
        &make(folder, &["build", "test", "conform"])?,
    )?;
    let wasm = folder.join("build").join(format!("{EXAMPLE}.wasm"));
    if !wasm.is_file() {
        return Err(format!("there is no {}\n{printed}", wasm.display()).into());
    }
    expect(&printed, "test result: ok. 16 passed; 0 failed")?;
    expect(&printed, "\nconforms: ")?;
    expect(&printed, " checks, 0 warnings")
}

/// Puts it into a site, which has to say so where it trusts a large one, and plays a recorded run.
fn site(language: &Language, folder: &Path) -> Result<(), Failed> {
    let wasm = format!("build/{EXAMPLE}.wasm");
    let traced = root().join("tests/traces/digits-mlp-ddp4.jsonl");
    let traced = traced.to_str().ok_or("the checkout's path is no text")?;
    let ckpt_policy = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(folder).output()
    };
    let entry = format!(
        "[[policy]]\nname = \"mine\"\nwasm = \"{wasm}\"\nconfig = {{ monitor = \"val_loss\" }}\n"
    );
    let config = folder.join("site.toml");
    if language.large {
        fs::write(&config, &entry)?;
        for refused in [
            ckpt_policy(&["check", "--config", "site.toml"])?,
            ckpt_policy(&["inspect", &wasm])?,
        ] {
            let said = printed(&refused);
            if refused.status.code() != Some(2) {
                return Err(format!("{}, expected exit code 2\n{said}", refused.status).into());
            }
            expect(&said, "compile = \"large\"")?;
        }
        succeeded(
            "inspect",
            &ckpt_policy(&["inspect", "--compile", "large", &wasm])?,
        )?;
    }
    let bounds = if language.large { "large" } else { "default" };
    fs::write(&config, format!("{entry}compile = \"{bounds}\"\n"))?;
    succeeded("check", &ckpt_policy(&["check", "--config", "site.toml"])?)?;
    let run = ["run", "--config", "site.toml", "--format", "json", traced];
    let ran = ckpt_policy(&run)?;
    let journal = succeeded("run", &ran)?;
    let decided: Vec<Value> = journal
        .lines()
        .skip(1)
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let asked = |event: &Value| event["policies"].as_array().cloned().unwrap_or_default();
    let failed = decided
        .iter()
        .flat_map(asked)
        .find(|it| !it["error"].is_null());
    if let Some(failed) = failed {
        return Err(format!("it failed in the run: {failed}").into());
    }
    match decided.iter().any(|event| event["outcome"]["save"] == true) {
        true => Ok(()),
        false => Err("it saved nothing in the run".into()),
    }
}

/// Makes a mistake, and plays a scenario.
fn bad(mistake: &Mistake, folder: &Path) -> Result<(), Failed> {
    let path = folder.join(mistake.file);
    let text = fs::read_to_string(&path)?;
    let mut lines: Vec<&str> = text.lines().collect();
    let place = lines
        .iter()
        .position(|line| line.starts_with(mistake.before));
    let place = place.ok_or_else(|| format!("no line of {} begins so", mistake.file))?;
    lines.insert(place, mistake.line);
    fs::write(&path, lines.join("\n") + "\n")?;
    succeeded("make build", &make(folder, &["build"])?)?;
    let output = Command::new(PROGRAM)
        .args(["test", "scenarios/share-and-mean.toml"])
        .current_dir(folder)
        .output()?;
    let printed = printed(&output);
    if output.status.code() != Some(1) {
        return Err(format!("{}, expected exit code 1\n{printed}", output.status).into());
    }
    let number = (place + 1).to_string();
    mistake
        .said
        .iter()
        .try_for_each(|said| expect(&printed, &said.replace("LINE", &number)))
}

/// Runs `make`, without what an outer cargo or a user's shell has set.
fn make(folder: &Path, targets: &[&str]) -> Result<Output, Failed> {
    let mut command = Command::new("make");
    for name in [
        "CARGO_BUILD_TARGET",
        "CC",
        "MAKEFLAGS",
        "RUSTC",
        "RUSTC_WRAPPER",
        "RUSTFLAGS",
    ] {
        command.env_remove(name);
    }
    // What Rust has compiled once is good for the next time: the folder's path is the same.
    let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scaffold-rust");
    let output = command
        .args(targets)
        .arg(format!("CKPT_POLICY={PROGRAM}"))
        .env("CARGO_TARGET_DIR", compiled)
        .current_dir(folder)
        .output()?;
    Ok(output)
}

/// Compares the generated files that are committed with what the generator makes.
fn bindings() -> Result<(), Failed> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit"))?;
    let world = resolve.select_world(&[package], None)?;
    let mut made = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut made)?;
    let folder = root().join("plugins/examples/c");
    for (name, bytes) in made.iter() {
        let path = folder.join(name);
        if env::var_os("BLESS").is_some_and(|bless| bless == "1") {
            fs::write(&path, bytes)?;
        }
        if fs::read(&path).ok().as_deref() != Some(bytes) {
            let path = path.display();
            return Err(format!("{path} is not what the generator makes; set BLESS=1").into());
        }
    }
    Ok(())
}

fn succeeded(what: &str, output: &Output) -> Result<String, Failed> {
    let printed = printed(output);
    match output.status.success() {
        true => Ok(printed),
        false => Err(format!("{what}: {}\n{printed}", output.status).into()),
    }
}

fn printed(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&all).into_owned()
}

fn expect(printed: &str, part: &str) -> Result<(), Failed> {
    match printed.contains(part) {
        true => Ok(()),
        false => Err(format!("expected `{part}` in what was printed\n{printed}").into()),
    }
}

/// Returns all files below a folder, relative to it.
fn files(folder: &Path, inner: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder.join(inner))? {
        let entry = entry?;
        let path = inner.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            all.extend(files(folder, &path)?);
        } else {
            all.push(path);
        }
    }
    Ok(all)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ckpt-policy");
/// Under the example's own name a folder is the example.
const EXAMPLE: &str = "three-quarters";
