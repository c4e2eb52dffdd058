//! Programs that have the host inside: small stacks, forks, many threads, an exit in between.
//!
//! Where a whole process is the subject, the test starts this program once more, to run that one test alone.

use std::env;
use std::process::Command;
use std::thread;

use ckpt_policy_core::contract::{Fault, Policy as _, Round};
use ckpt_policy_core::{
    Event, Metrics, Mode, Moment, OnError, Opening, Place, PolicySetup, Rules, Setup,
};
use ckpt_policy_runtime::{Instances, Limits, Loaded, Runtime, Session, Solo};

/// Set where a test runs as a process of its own.
const ALONE: &str = "CKPT_POLICY_TEST_ALONE";

/// Runs one of the tests in a process of its own; says whether this is that process.
pub(crate) fn alone(name: &str) -> bool {
    if env::var_os(ALONE).is_some() {
        return true;
    }
    let mut command = Command::new("timeout");
    command
        .args(["--signal=KILL", "120"])
        .arg(env::current_exe().expect("a running program knows its file"));
    command
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .env("RUST_TEST_THREADS", "1");
    let output = command.output().expect("`timeout` of GNU coreutils runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    // One that ends its process on purpose has nothing more to say.
    assert!(
        said.contains("1 passed") || said.contains("ends here"),
        "{said}"
    );
    false
}

pub(crate) fn runtime() -> Runtime {
    Runtime::new(Limits::default(), Instances::Fresh).expect("the engine starts")
}

pub(crate) fn aggregate(runtime: &Runtime) -> Loaded {
    let file = ckpt_policy_builtins::get("aggregate").expect("it is built in");
    runtime.load(file).expect("it loads")
}

pub(crate) fn round() -> Round {
    Round {
        moment: 0,
        step: 40,
        epoch: 2,
        world_size: 4,
        elapsed_seconds: None,
        candidate: 7,
        values: Vec::new(),
        checkpoints: Vec::new(),
    }
}

/// Whether a policy that is called now answers.
pub(crate) fn answers(loaded: &Loaded) -> Result<String, Fault> {
    loaded
        .policy()
        .describe()
        .map(|description| description.name)
}

/// Opens a session and goes through a few events; returns how many checkpoints it asked for.
fn session(runtime: &Runtime) -> usize {
    let policy = aggregate(runtime);
    let policy = PolicySetup {
        name: "best".to_owned(),
        mode: Mode::Enforce,
        on_error: OnError::Skip,
        disable_after: None,
        config: serde_json::json!({ "monitor": "val_loss" }),
        digest: policy.digest().to_owned(),
        policy: Box::new(policy.policy()),
    };
    let setup = Setup {
        place: Place {
            rank: 0,
            world_size: 1,
        },
        rules: Rules::default(),
        policies: vec![policy],
        facts: runtime.facts(),
    };
    let mut session = Session::open(Opening::new(setup), Solo).expect("it opens");
    let mut saves = 0;
    for epoch in 1..4_u32 {
        let metrics = Metrics::from_iter([("val_loss".to_owned(), 1.0 / f64::from(epoch))]);
        let (step, epoch) = (u64::from(epoch) * 10, u64::from(epoch));
        let event = Event {
            moment: Moment::ValidationEnd,
            step,
            epoch,
            metrics,
        };
        saves += usize::from(session.decide(&event).expect("it decides").save);
    }
    saves
}

#[test]
fn a_whole_session_on_a_stack_of_64_kib() {
    let thread = thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(|| session(&runtime()));
    assert!(thread.expect("it starts").join().expect("it ends") > 0);
}

#[test]
fn many_runtimes_in_many_threads() {
    let threads: Vec<_> = (0..8)
        .map(|_| thread::spawn(|| session(&runtime())))
        .collect();
    for thread in threads {
        assert!(thread.join().expect("it ends") > 0);
    }
}

#[test]
fn no_thread_is_left_behind() {
    if !alone("embedded::no_thread_is_left_behind") {
        return;
    }
    let count = || {
        std::fs::read_dir("/proc/self/task")
            .expect("Linux lists threads")
            .count()
    };
    let before = count();
    let runtime = runtime();
    assert!(session(&runtime) > 0);
    // What is there while it lives: the brake's thread, and none for each call.
    assert!(count() <= before + 1, "{} threads", count());
    drop(runtime);
    assert_eq!(count(), before);
}

#[test]
fn an_exit_while_a_call_runs() {
    if !alone("embedded::an_exit_while_a_call_runs") {
        return;
    }
    let limits = Limits {
        fuel: u64::MAX / 2,
        ..Limits::default()
    };
    let runtime = Runtime::new(limits, Instances::Fresh).expect("the engine starts");
    let loaded = runtime.load(&crate::signals::looping()).expect("it loads");
    let (begun, has_begun) = std::sync::mpsc::channel();
    thread::spawn(move || {
        begun.send(()).expect("somebody waits");
        loaded.policy().decide(&[], &[], &round())
    });
    has_begun.recv().expect("it begins");
    println!("it ends here");
    #[expect(
        clippy::exit,
        reason = "a trainer that ends in the middle is the subject"
    )]
    std::process::exit(0);
}

#[test]
fn a_fork_before_anything_is_opened() {
    if !alone("embedded::a_fork_before_anything_is_opened") {
        return;
    }
    forked(|| session(&runtime()) > 0);
    assert!(session(&runtime()) > 0);
}

#[test]
fn a_fork_after_it_was_opened() {
    if !alone("embedded::a_fork_after_it_was_opened") {
        return;
    }
    let runtime = runtime();
    let loaded = aggregate(&runtime);
    assert!(answers(&loaded).is_ok());
    // An answer or a fault, and never a child that hangs.
    forked(|| match answers(&loaded) {
        Ok(name) => name == "aggregate",
        Err(fault) => !fault.to_string().is_empty(),
    });
    assert!(answers(&loaded).is_ok());
}

/// Runs this in a child that was forked, and waits for it.
fn forked(child: impl FnOnce() -> bool) {
    #[expect(unsafe_code, reason = "a fork is the subject")]
    // SAFETY: the child runs on its only thread, ends with `_exit`, and uses the allocator, whose locks the C library
    // takes along.
    let status = unsafe {
        let pid = libc::fork();
        assert!(pid >= 0, "it forks");
        if pid == 0 {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            libc::_exit(if matches!(done, Ok(true)) { 0 } else { 1 });
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(pid, &raw mut status, 0), pid);
        status
    };
    assert_eq!(status, 0, "the child failed");
}
