//! Makes components of core modules, and the lock file beside them; called by `plugins/build`.
//!
//! usage: `componentize DIR rustc=VERSION library=HOW NAME=MODULE...`

use std::fs;
use std::path::Path;

use anyhow::Context as _;

mod pack;

use pack::Packed;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    run(&arguments)
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let (folder, lines) = arguments
        .split_first()
        .context("expected a folder, found no argument")?;
    let built = pack::parse(lines.iter().map(String::as_str))?;
    let packed = pack::pack(&built)?;
    write(&packed, Path::new(folder))
}

/// Writes all files; one that is there already and is not among them stays.
fn write(packed: &Packed, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("`{}`", folder.display()))?;
    for (name, bytes) in &packed.components {
        write_file(&folder.join(format!("{name}.wasm")), bytes)?;
    }
    let lock = toml::to_string(&packed.lock)?;
    write_file(
        &folder.join("dist.lock"),
        format!("{HEAD}{lock}").as_bytes(),
    )
}

fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("`{}`", path.display()))
}

const HEAD: &str = "\
# Written by plugins/build: what the components in this folder were built with, and what they are.

";
