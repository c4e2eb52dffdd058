//! Runs the program as people do, and compares what it prints.
//!
//! A case is one text file, `tests/cli/NAME.txt`, of parts in this order, any of them repeated:
//!
//! ```text
//! # What the case shows; only at the top.
//! ==== file site.toml            writes a file into the case's own empty folder
//! ==== builtin aggregate a.wasm  writes a built-in policy into a file there
//! ==== run check --config …      runs `ckpt-policy check --config …` in that folder;
//! code 2                         its exit code,
//! ---- stdout                    and what it prints to standard output
//! ---- stderr                    and to standard error
//! ==== summary --config …        runs `ckpt-policy run --config …`; of standard output only the
//!                                summary below the decisions is compared
//! ==== show decisions.jsonl      shows a file that a command wrote
//! ```
//!
//! In the folder, `tests` leads to the project's own tests, so that traces are
//! `tests/traces/NAME.jsonl`. Arguments are split at blanks; those in single quotes stay whole, and
//! `NAME=VALUE` before the command sets a variable of its environment; where none is said, nothing
//! that was compiled is kept.
//! Digests and sizes of the built-in policies are shown as `<sha256 of NAME>` and `<size of NAME>`,
//! since another compiler changes them, what a call of a policy took as `(<cost>)`, the id of the
//! key in the case's file NAME.pub as `<id of NAME>`, and the time in a signature as `<time>`. Of a
//! compile cache, sizes and times are shown as `<size>` and `<time>`, and the engine's version as
//! `<version>`.
//!
//! `BLESS=1 cargo test --test cli` writes what the program says into the files; look at the
//! difference before you believe it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use libtest_mimic::{Arguments, Failed, Trial};
use sha2::{Digest as _, Sha256};

fn main() {
    let arguments = Arguments::from_args();
    let folder = tests().join("cli");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("tests/cli is a folder of the project")
        .map(|entry| entry.expect("its entries can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    cases.sort();
    assert!(
        !cases.is_empty(),
        "there is no case in {}",
        folder.display()
    );
    let trials = cases.into_iter().map(|path| {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Trial::test(name, move || check(&path))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn check(path: &Path) -> Result<(), Failed> {
    let expected = fs::read_to_string(path)?;
    let parts = parse(&expected)?;
    let folder = tempfile::tempdir()?;
    std::os::unix::fs::symlink(fs::canonicalize(tests())?, folder.path().join("tests"))?;
    let mut found = String::new();
    for part in &parts {
        found.push_str(&play(part, folder.path())?);
    }
    if env::var_os("BLESS").is_some_and(|bless| bless == "1") {
        fs::write(path, found)?;
        return Ok(());
    }
    match found == expected {
        true => Ok(()),
        false => {
            let difference =
                similar_asserts::SimpleDiff::from_str(&expected, &found, "file", "found");
            Err(format!("{}\n{difference}", path.display()).into())
        }
    }
}

/// One part of a case: its first line, and the lines below it.
enum Part<'a> {
    /// What is above the first part.
    Comment(&'a str),
    File {
        name: &'a str,
        text: &'a str,
    },
    Builtin {
        name: &'a str,
        file: &'a str,
    },
    Run {
        line: &'a str,
    },
    Summary {
        line: &'a str,
    },
    Show {
        name: &'a str,
    },
}

fn parse(text: &str) -> Result<Vec<Part<'_>>, Failed> {
    let mut starts: Vec<usize> = text
        .match_indices("==== ")
        .map(|(start, _)| start)
        .collect();
    starts.retain(|start| *start == 0 || text[..*start].ends_with('\n'));
    let first = starts
        .first()
        .copied()
        .ok_or("the case has no part, expected `==== run …`")?;
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let mut parts = vec![Part::Comment(&text[..first])];
    for (start, end) in starts.iter().zip(ends) {
        let part = &text[start + "==== ".len()..end];
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        parts.push(match head.split_once(' ').or(Some((head, ""))) {
            Some(("file", name)) => Part::File { name, text: body },
            Some(("builtin", names)) => {
                let (name, file) = names
                    .split_once(' ')
                    .ok_or("a built-in policy needs a file")?;
                Part::Builtin { name, file }
            }
            Some(("run", line)) => Part::Run { line },
            Some(("summary", line)) => Part::Summary { line },
            Some(("show", name)) => Part::Show { name },
            _ => {
                let what = format!(
                    "unknown part `{head}`, expected `file`, `builtin`, `run`, `summary` or `show`"
                );
                return Err(what.into());
            }
        });
    }
    Ok(parts)
}

/// Does what a part says, and returns it as it should stand in the case.
fn play(part: &Part<'_>, folder: &Path) -> Result<String, Failed> {
    Ok(match part {
        Part::Comment(text) => (*text).to_owned(),
        Part::File { name, text } => {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().ok_or("a file has a folder")?)?;
            fs::write(path, text)?;
            format!("==== file {name}\n{text}")
        }
        Part::Builtin { name, file } => {
            let bytes =
                ckpt_policy_builtins::get(name).ok_or("no policy of this name is built in")?;
            fs::write(folder.join(file), bytes)?;
            format!("==== builtin {name} {file}\n")
        }
        Part::Run { line } => run(line, folder)?.shown(&format!("run {line}")),
        Part::Summary { line } => {
            let mut ran = run(&format!("run {line}"), folder)?;
            let start = ran.stdout.find("\npolicy ").ok_or("there is no summary")?;
            ran.stdout.drain(..=start);
            ran.shown(&format!("summary {line}"))
        }
        Part::Show { name } => {
            format!(
                "==== show {name}\n{}",
                stable(&fs::read_to_string(folder.join(name))?, folder)
            )
        }
    })
}

/// What a command came to.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn shown(&self, head: &str) -> String {
        let mut text = format!("==== {head}\ncode {}\n", self.code);
        for (name, printed) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            text.push_str(&format!("---- {name}\n"));
            if !printed.is_empty() {
                text.push_str(printed.trim_end_matches('\n'));
                text.push('\n');
            }
        }
        text
    }
}

fn run(line: &str, folder: &Path) -> Result<Ran, Failed> {
    let mut words = words(line);
    let is_variable = |word: &String| word.contains('=') && !word.starts_with('-');
    let command = words.iter().position(|word| !is_variable(word));
    let arguments = words.split_off(command.unwrap_or(words.len()));
    let variables = words.iter().filter_map(|word| word.split_once('='));
    let output = Command::new(env!("CARGO_BIN_EXE_ckpt-policy"))
        .args(&arguments)
        .env_remove("CKPT_POLICY_SITE")
        .env("CKPT_POLICY_CACHE", "off")
        .envs(variables)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()?;
    Ok(Ran {
        code: output
            .status
            .code()
            .ok_or("the program was ended by a signal")?,
        stdout: stable_cache(
            &arguments,
            stable(&String::from_utf8(output.stdout)?, folder),
        ),
        stderr: stable(&String::from_utf8(output.stderr)?, folder),
    })
}

/// Splits a command line at blanks outside of single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, piece) in line.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(piece.split_whitespace().map(str::to_owned)),
            _ => words.push(piece.to_owned()),
        }
    }
    words
}

/// Replaces what another compiler of the policies, another key or another day would change.
fn stable(text: &str, folder: &Path) -> String {
    let mut text = text.to_owned();
    for (name, id) in keys(folder) {
        text = text.replace(&id, &format!("<id of {name}>"));
    }
    let time = regex::Regex::new("timestamp:[0-9]+").expect("the expression is right");
    text = time.replace_all(&text, "timestamp:<time>").into_owned();
    for name in ckpt_policy_builtins::names() {
        let bytes = ckpt_policy_builtins::get(name).expect("each name has its bytes");
        let digest: String = Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let size = bytes.len();
        let shown = format!("{} ({size} bytes)", bytesize::ByteSize(size as u64));
        text = text
            .replace(&digest, &format!("<sha256 of {name}>"))
            .replace(&digest[..16], &format!("<sha256 of {name}>"))
            .replace(&shown, &format!("<size of {name}>"))
            .replace(
                &format!("\"size\": {size},"),
                &format!("\"size\": <size of {name}>,"),
            );
    }
    let cost = regex::Regex::new(r"\([0-9]+ fuel, [^)]*\)").expect("the expression is right");
    cost.replace_all(&text, "(<cost>)").into_owned()
}

/// Returns the name and the id of each public key in a folder; the id ends the comment above it.
fn keys(folder: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(folder).expect("the case's folder can be read");
    let paths = files.map(|file| file.expect("its entries can be read").path());
    let key = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let text = fs::read_to_string(&path).ok()?;
        let id = text.lines().next()?.rsplit(' ').next()?.to_owned();
        Some((name, id))
    };
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "pub"))
        .filter_map(key)
        .collect()
}

/// Replaces what another machine, or another moment, would change in what is said of a cache.
fn stable_cache(words: &[String], text: String) -> String {
    if words.first().is_none_or(|command| command != "cache") {
        return text;
    }
    let mut text = text;
    for (what, by) in [
        (
            r" +[0-9.]+ (B|KiB|MiB)( +)[0-9]+ (s|min) ago",
            "  <size>  <time> ago",
        ),
        (r"[0-9.]+ (KiB|MiB) of", "<size> of"),
        (r"(entry|entries), [0-9.]+ (KiB|MiB)\b", "$1, <size>"),
        (r#""(bytes|unused-seconds)": [0-9]+"#, "\"$1\": <$1>"),
        (r"[0-9]+\.[0-9]+\.[0-9]+", "<version>"),
        (r" +size +last use", "  size    last use"),
        (r"─+", "─"),
    ] {
        let what = regex::Regex::new(what).expect("the expression is right");
        text = what.replace_all(&text, by).into_owned();
    }
    text
}
