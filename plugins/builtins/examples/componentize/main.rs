//! Makes components of core modules, and the lock file beside them; called by `plugins/build`.
//!
//! usage: `componentize DIR rustc=VERSION library=HOW NAME=MODULE...`

use std::fs;
use std::path::Path;
use std::process::ExitCode;

mod pack;

use pack::Packed;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            report(&text);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let (folder, lines) = arguments
        .split_first()
        .ok_or("expected a folder, found no argument")?;
    let built = pack::parse(lines.iter().map(String::as_str))?;
    let packed = pack::pack(&built)?;
    write(&packed, Path::new(folder))
}

/// Writes all files; one that is there already and is not among them stays.
fn write(packed: &Packed, folder: &Path) -> Result<(), String> {
    let failed = |path: &Path, error| format!("`{}`: {error}", path.display());
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, bytes) in &packed.components {
        let path = folder.join(format!("{name}.wasm"));
        fs::write(&path, bytes).map_err(|error| failed(&path, error))?;
    }
    let lock = toml::to_string(&packed.lock).map_err(|error| error.to_string())?;
    let path = folder.join("dist.lock");
    fs::write(&path, format!("{HEAD}{lock}")).map_err(|error| failed(&path, error))
}

#[expect(clippy::print_stderr, reason = "a program that is called by a script")]
fn report(text: &str) {
    eprintln!("error: {text}");
}

const HEAD: &str = "\
# Written by plugins/build: what the components in this folder were built with, and what they are.

";
