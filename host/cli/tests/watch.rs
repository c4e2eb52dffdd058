//! `ckpt-policy test --watch`, as the program that it is: it plays again when a file has changed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// A program that is ended with the test, whatever comes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself needs no end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Longer than anything here takes; a test that waits for it has failed.
const DEADLINE: Duration = Duration::from_secs(120);

fn scenario(save: bool) -> String {
    format!(
        "about = \"the first is saved\"\npolicy = \"mine.wasm\"\nranks = 1\n\
         config = {{ monitor = \"val_loss\", mode = \"min\" }}\n\
         [[round]]\nmetrics.val_loss = 0.5\nexpect.save = {save}\n"
    )
}

/// Returns the lines up to the one that counts.
fn closing_line(lines: &Receiver<String>) -> String {
    loop {
        let line = lines.recv_timeout(DEADLINE);
        let line = line.expect("the program plays and counts before the deadline");
        if line.starts_with("test result") {
            return line;
        }
    }
}

#[test]
fn a_change_of_a_scenario_or_a_policy_is_played() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let policy = |name| ckpt_policy_builtins::get(name).expect("it is built in");
    fs::write(at("case.toml"), scenario(true)).expect("written");
    fs::write(at("mine.wasm"), policy("aggregate")).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ckpt-policy"));
    command.args(["test", "case.toml", "--watch"]);
    command.current_dir(folder.path()).stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut program = Running(child.expect("the program starts"));
    let stdout = program.0.stdout.take().expect("it is piped");
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    assert_eq!(closing_line(&lines), "test result: ok. 1 passed; 0 failed");

    fs::write(at("case.toml"), scenario(false)).expect("written");
    assert_eq!(
        closing_line(&lines),
        "test result: FAILED. 0 passed; 1 failed"
    );

    // As builds do it: a new file takes the name of the old one.
    fs::write(at("new"), b"no policy at all").expect("written");
    fs::rename(at("new"), at("mine.wasm")).expect("renamed");
    let broken = "test result: FAILED. 0 passed; 0 failed; 1 could not be played";
    assert_eq!(closing_line(&lines), broken);
}
