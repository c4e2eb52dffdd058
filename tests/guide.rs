//! The guide for policy authors, `plugins/README.md`, is true: what it tells to type is typed, and what it shows
//! is there.
//!
//! | block | what is proved |
//! |---|---|
//! | `sh` | the blocks, typed one after the other from an empty folder, with the program on the path, succeed |
//! | `text` | the lines stand in this order in what the last `sh` block printed; `…` stands for anything |
//! | `toml` with a `[[policy]]` | it is a site's configuration with which `ckpt-policy check` finds nothing wrong |
//! | any other | the lines stand together in one file: of the examples, the SDK, the contract, or what the `sh` blocks made |
//!
//! Indentation does not count in the last, nor the marks of a comment, since the SDK's examples are in comments.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let trial = Trial::test("plugins/README.md", check);
    libtest_mimic::run(&arguments, vec![trial]).exit();
}

fn check() -> Result<(), Failed> {
    let guide = fs::read_to_string(root().join("plugins/README.md"))?;
    let blocks = blocks(&guide)?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut shell = Shell {
        folder: folder.path().to_owned(),
    };
    let mut printed = String::new();
    let mut quotes = Vec::new();
    for block in &blocks {
        match block.language {
            "sh" => printed = shell.typed(block, &block.text.join("\n"))?,
            "text" => shown(block, &printed)?,
            "toml" if block.text.contains(&"[[policy]]") => shell.checked(block)?,
            _ => quotes.push(block),
        }
    }
    let files = files(folder.path())?;
    quotes
        .into_iter()
        .try_for_each(|block| quoted(block, &files))
}

/// A fenced block of the guide.
struct Block<'a> {
    line: usize,
    language: &'a str,
    text: Vec<&'a str>,
}

fn blocks(guide: &str) -> Result<Vec<Block<'_>>, Failed> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (line, text) in guide.lines().enumerate() {
        match (text.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                open = Some(Block {
                    line: line + 1,
                    language,
                    text: Vec::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text.push(text),
            (None, None) => {}
        }
    }
    let has = |language| blocks.iter().any(|block| block.language == language);
    match has("sh") && has("text") && has("rust") {
        true => Ok(blocks),
        false => Err("the guide has no longer any block to run, to show, or to quote".into()),
    }
}

/// Where the reader stands.
struct Shell {
    folder: PathBuf,
}

impl Shell {
    /// Types commands; returns what they printed. The next ones begin where these have ended.
    fn typed(&mut self, block: &Block<'_>, commands: &str) -> Result<String, Failed> {
        let program = Path::new(env!("CARGO_BIN_EXE_ckpt-policy"));
        let beside = program.parent().ok_or("the program is in a folder")?;
        let mut path = vec![beside.to_owned()];
        path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let output = Command::new("bash")
            .args([
                "-euo",
                "pipefail",
                "-c",
                &format!("exec 2>&1\n{commands}\npwd"),
            ])
            .current_dir(&self.folder)
            .env("PATH", env::join_paths(path)?)
            .output()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let (line, status) = (block.line, output.status);
            return Err(
                format!("line {line}: {status}\n{commands}\n--- printed\n{printed}").into(),
            );
        }
        let folder = printed.lines().last().ok_or("`pwd` printed nothing")?;
        self.folder = PathBuf::from(folder);
        Ok(printed)
    }

    /// Checks a site's configuration that lies where the reader stands.
    fn checked(&mut self, block: &Block<'_>) -> Result<(), Failed> {
        fs::write(self.folder.join("site.toml"), block.text.join("\n"))?;
        self.typed(block, "ckpt-policy check --config site.toml")
            .map(drop)
    }
}

/// Looks for the lines of a block in what was printed, one after the other.
fn shown(block: &Block<'_>, printed: &str) -> Result<(), Failed> {
    let mut lines = printed.lines();
    for wanted in block.text.iter().filter(|line| !line.trim().is_empty()) {
        if !lines.any(|line| fits(wanted, line)) {
            let line = block.line;
            return Err(
                format!("line {line}: not printed: {wanted}\n--- printed\n{printed}").into(),
            );
        }
    }
    Ok(())
}

/// Compares a line, of which each `…` stands for anything; blanks count as one.
fn fits(wanted: &str, line: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (wanted, mut rest) = (words(wanted), words(line));
    let mut parts = wanted.split('…').map(str::trim);
    let first = parts.next().unwrap_or_default();
    match rest.strip_prefix(first) {
        Some(after) => rest = after.to_owned(),
        None => return false,
    }
    let mut open = false;
    for part in parts {
        open = part.is_empty();
        match rest.find(part) {
            Some(at) => rest = rest[at + part.len()..].to_owned(),
            None => return false,
        }
    }
    open || rest.trim().is_empty()
}

/// Files in which a quotation may stand: path and lines.
fn files(made: &Path) -> Result<Vec<(PathBuf, Vec<String>)>, Failed> {
    let mut paths = vec![root().join("wit/policy.wit")];
    for folder in [
        &root().join("plugins/examples"),
        &root().join("plugins/sdk/src"),
        made,
    ] {
        collect(folder, &mut paths)?;
    }
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read(&path)?;
            let text = String::from_utf8_lossy(&text);
            Ok((
                path,
                text.lines().map(|line| bare(line).to_owned()).collect(),
            ))
        })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Failed> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_built = [".venv", "node_modules", "target", "build"]
            .iter()
            .any(|built| name == *built);
        // A link, such as that to the contract, is not followed.
        let kind = entry.file_type()?;
        if kind.is_dir() && !is_built {
            collect(&entry.path(), paths)?;
        } else if kind.is_file() && entry.metadata()?.len() < LARGEST {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// Looks for all lines of a block together in one file.
fn quoted(block: &Block<'_>, files: &[(PathBuf, Vec<String>)]) -> Result<(), Failed> {
    let wanted: Vec<&str> = block.text.iter().map(|line| bare(line)).collect();
    let stands = |lines: &Vec<String>| lines.windows(wanted.len()).any(|window| window == wanted);
    match files.iter().any(|(_, lines)| stands(lines)) {
        true => Ok(()),
        false => Err(format!(
            "line {}: this stands in no file of the examples, the SDK or the contract:\n{}",
            block.line,
            block.text.join("\n")
        )
        .into()),
    }
}

/// A line without its indentation, and without the mark of a comment.
fn bare(line: &str) -> &str {
    line.trim_start_matches(['/', ' ']).trim()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Bytes of a file beyond which nobody wrote it by hand.
const LARGEST: u64 = 256 << 10;
