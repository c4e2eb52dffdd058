//! One policy through the real program, beside a good one.
//!
//! A policy that is not loaded ends the program before the run, in one clear line. Any other is played twice: as the
//! second of two with fresh instances, and as the first with one instance for all calls; the good policy's part of the
//! journal must be that of a run without it, byte for byte.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::case::{Case, Stage};
use crate::program::{self, Ran};

/// Plays a case and judges what came of it.
pub(crate) fn check(case: &Case) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("hostile.wasm"), case.bytes()?)?;
    fs::write(
        folder.path().join("trace.jsonl"),
        trace(case.expected.rounds),
    )?;
    let inspected = program::run(folder.path(), &["inspect", "hostile.wasm"])?;
    let code = inspected.status.code();
    let code = code.filter(|code| [0, 2, 3].contains(code));
    inspected.ended(code.unwrap_or(0))?;
    for play in PLAYS {
        let ran = play.run(case, folder.path())?;
        println!("{}: {}, {}", case.name, play.name(), ran.price());
        match case.expected.at {
            Stage::Load | Stage::Describe | Stage::Prepare | Stage::Open => refused(case, &ran)?,
            Stage::Observe | Stage::Decide | Stage::Round | Stage::Nothing => {
                played(case, &ran, &play.journal(folder.path(), &ran)?)?;
            }
        }
    }
    Ok(())
}

/// One way to put it into a site.
#[derive(Clone, Copy)]
struct Play {
    first: bool,
    instances: &'static str,
}

const PLAYS: [Play; 2] = [
    Play {
        first: false,
        instances: "fresh",
    },
    Play {
        first: true,
        instances: "reuse",
    },
];

impl Play {
    fn name(self) -> String {
        let place = if self.first { "first" } else { "second" };
        format!("{place} with instances `{}`", self.instances)
    }

    fn run(self, case: &Case, folder: &Path) -> Result<Ran, Failed> {
        let hostile = hostile_table(case)?;
        let policies = if self.first {
            hostile + GOOD
        } else {
            GOOD.to_owned() + &hostile
        };
        let journal = if self.first {
            "[journal]\npath = \"journal.jsonl\"\n"
        } else {
            ""
        };
        let site = format!("instances = \"{}\"\n{journal}{policies}", self.instances);
        fs::write(folder.join("site.toml"), site)?;
        // As text once, and once as a journal: what is shown takes two ways.
        let format = if self.first { "table" } else { "json" };
        program::run(
            folder,
            &[
                "run",
                "--config",
                "site.toml",
                "--format",
                format,
                "trace.jsonl",
            ],
        )
    }

    fn journal(self, folder: &Path, ran: &Ran) -> Result<String, Failed> {
        match self.first && ran.status.success() {
            true => Ok(fs::read_to_string(folder.join("journal.jsonl"))?),
            false => Ok(ran.stdout.clone()),
        }
    }
}

fn hostile_table(case: &Case) -> Result<String, Failed> {
    let mut table = case.expected.policy.clone();
    for (key, value) in [
        ("name", "hostile"),
        ("wasm", "hostile.wasm"),
        ("on-error", "skip"),
    ] {
        table.insert(key.to_owned(), value.into());
    }
    table.insert("config".to_owned(), case.expected.config.clone().into());
    let mut document = toml::Table::new();
    document.insert("policy".to_owned(), vec![table].into());
    Ok(toml::to_string(&document)?)
}

fn refused(case: &Case, ran: &Ran) -> Result<(), Failed> {
    let code = case
        .expected
        .exit
        .ok_or("a case that does not run says its exit code")?;
    ran.ended(code)?;
    let line = ran
        .stderr
        .lines()
        .find(|line| line.contains(&case.expected.says));
    match line {
        Some(line) if line.starts_with("error:") && !case.expected.says.is_empty() => Ok(()),
        _ => Err(format!(
            "no line `error: …{}…` in\n{}",
            case.expected.says, ran.stderr
        )
        .into()),
    }
}

fn played(case: &Case, ran: &Ran, journal: &str) -> Result<(), Failed> {
    ran.ended(0)?;
    if let Some(c) = journal.chars().find(|c| program::is_obeyed(*c)) {
        return Err(format!("the journal holds {c:?}").into());
    }
    let (good, hostile) = (said(journal, "good")?, said(journal, "hostile")?);
    let alone = alone(case.expected.rounds)?;
    if let Some((line, with)) = alone.iter().zip(&good).find(|(alone, with)| alone != with) {
        return Err(
            format!("the good policy said\n{with}\nbeside it, and without it\n{line}").into(),
        );
    }
    if alone.len() != good.len() {
        return Err(format!(
            "the good policy was asked {} times beside it, and {} times without it",
            good.len(),
            alone.len()
        )
        .into());
    }
    let failed = hostile
        .iter()
        .filter(|line| !line.contains(r#""error":null"#))
        .count();
    let text = hostile.concat() + &ran.stderr;
    match case.expected.at {
        Stage::Nothing if failed == 0 => Ok(()),
        Stage::Nothing => Err(format!("it failed {failed} times: {text}").into()),
        _ if failed > 0 && text.contains(&case.expected.says) && ran.stderr.contains("hostile") => {
            Ok(())
        }
        _ => Err(format!(
            "it failed {failed} times, and nothing says `{}`: {text}",
            case.expected.says
        )
        .into()),
    }
}

/// Returns what a policy said in each round, and what became of the good one's checkpoints.
fn said(journal: &str, name: &str) -> Result<Vec<String>, Failed> {
    let mut lines = Vec::new();
    for line in journal.lines().skip(1) {
        let event: Value = serde_json::from_str(line)?;
        for part in ["policies", "settled"] {
            let entries = event[part]
                .as_array()
                .ok_or("a journal's event lists policies")?;
            for entry in entries.iter().filter(|entry| entry["name"] == name) {
                lines.push(format!(
                    "{} {} {entry} {}",
                    event["step"], event["outcome"]["save"], event["outcome"]["delete"]
                ));
            }
        }
    }
    Ok(lines)
}

/// What the good policy says where it is the only one; played once for each length.
fn alone(rounds: u64) -> Result<Vec<String>, Failed> {
    static PLAYED: Mutex<Vec<(u64, Vec<String>)>> = Mutex::new(Vec::new());
    let mut known = PLAYED.lock().map_err(|_| "another trial failed here")?;
    if let Some((_, lines)) = known.iter().find(|(known, _)| *known == rounds) {
        return Ok(lines.clone());
    }
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("site.toml"), GOOD)?;
    fs::write(folder.path().join("trace.jsonl"), trace(rounds))?;
    let ran = program::run(
        folder.path(),
        &[
            "run",
            "--config",
            "site.toml",
            "--format",
            "json",
            "trace.jsonl",
        ],
    )?;
    ran.ended(0)?;
    println!("alone: {rounds} rounds, {}", ran.price());
    let lines = said(&ran.stdout, "good")?;
    known.push((rounds, lines.clone()));
    Ok(lines)
}

/// Two ranks whose loss falls and rises again.
fn trace(rounds: u64) -> String {
    let mut trace = r#"{"trace": 1, "name": "short", "world_size": 2, "notes": ""}"#.to_owned();
    for round in 1..=rounds {
        let loss = 1.0 / (1 + round % 4) as f64;
        let event = format!(
            "\n{{\"moment\": \"validation-end\", \"step\": {}, \"epoch\": {round}, \"metrics\": {{\"val_loss\": [{loss}, {loss}]}}}}",
            10 * round
        );
        trace.push_str(&event);
    }
    trace + "\n"
}

const GOOD: &str = "[[policy]]\nname = \"good\"\nwasm = \"builtin:aggregate\"\nconfig = { monitor = \"val_loss\", top-k = 2 }\n";
