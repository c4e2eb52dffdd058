//! The front end without coverage: replays what was kept, and changes it by chance.
//!
//! - `corpus/TARGET/*`: small inputs worth starting from.
//! - `found/TARGET/*`: inputs that once broke a promise. Each of them is a test.
//! - For each target, some hundred inputs more, made of the corpus by chance that is the same each
//!   time. `CKPT_POLICY_FUZZ_SECONDS` makes as many of them as that time allows, from a new seed,
//!   and writes one that breaks a promise into `found/`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use ckpt_policy_fuzz::{TARGETS, Target};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let seconds = std::env::var(SECONDS).ok();
    let limit = seconds.map(|text| text.parse().expect("a number of seconds"));
    let mut trials = Vec::new();
    for target in TARGETS {
        let corpus = inputs("corpus", target.name);
        for path in corpus.iter().cloned().chain(inputs("found", target.name)) {
            let name = format!("{}::{}", target.name, shown(&path));
            trials.push(Trial::test(name, move || replay(target, &path)));
        }
        let name = format!("{}::by-chance", target.name);
        trials.push(Trial::test(name, move || by_chance(target, &corpus, limit)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn inputs(kind: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(kind)
        .join(target);
    let Ok(listed) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = listed.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn shown(path: &Path) -> String {
    let parts: Vec<_> = path.iter().rev().take(3).collect();
    format!("{}/{}", parts[2].display(), parts[0].display())
}

fn replay(target: Target, path: &Path) -> Result<(), Failed> {
    (target.run)(&fs::read(path)?);
    Ok(())
}

fn by_chance(target: Target, corpus: &[PathBuf], limit: Option<u64>) -> Result<(), Failed> {
    let corpus: Vec<_> = corpus.iter().map(fs::read).collect::<Result<_, _>>()?;
    let begun = Instant::now();
    let mut chance = Chance(match limit {
        Some(_) => SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs(),
        None => 0,
    });
    let goes_on = |runs: u32| match limit {
        Some(seconds) => begun.elapsed() < Duration::from_secs(seconds),
        None => runs < target.runs,
    };
    let mut runs = 0;
    while goes_on(runs) {
        let input = chance.input(&corpus);
        if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
            return Err(kept(target, &input)?.into());
        }
        runs += 1;
    }
    if limit.is_some() {
        say(&format!("{}: {runs} inputs", target.name));
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "how far chance got is for people")]
fn say(line: &str) {
    eprintln!("{line}");
}

/// Keeps an input that broke a promise, and says where.
fn kept(target: Target, input: &[u8]) -> Result<String, Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("found")
        .join(target.name);
    fs::create_dir_all(&folder)?;
    let sum = input.iter().fold(0_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add((*byte).into())
    });
    let path = folder.join(format!("{sum:016x}"));
    fs::write(&path, input)?;
    Ok(format!(
        "an input that breaks a promise lies in {}",
        path.display()
    ))
}

/// Numbers that are the same for the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Any bytes, or something of the corpus with changes.
    fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let known = corpus.get(self.below(corpus.len() + 1));
        let Some(mut input) = known.cloned() else {
            let length = self.below(512);
            return (0..length).map(|_| self.next() as u8).collect();
        };
        for _ in 0..=self.below(6) {
            self.change(&mut input, corpus);
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let end = at + self.below(32).min(input.len() - at);
        match self.below(6) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..end)),
            2 => {
                let part = input[at..end].to_vec();
                let to = self.below(input.len());
                input.splice(to..to, part);
            }
            3 => {
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len());
                let part = other[from..].iter().copied().take(end - at + 8);
                input.splice(at..end, part);
            }
            4 => input.insert(at, self.next() as u8),
            _ => {
                let byte = self.next() as u8;
                if let Some(old) = input.get_mut(at) {
                    *old = byte;
                }
            }
        }
    }
}

const SECONDS: &str = "CKPT_POLICY_FUZZ_SECONDS";
