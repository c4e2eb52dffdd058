//! All files in one process, one after the other, and a good policy after each.
//!
//! Here the errors have types: what the loader or a call ends in must be the variant that the case names. Each call is
//! made twice, with fresh instances and with one for all, since a limit that holds only once is none. The process is
//! this program once more, so that one that does not come back is seen from outside.

use std::env;
use std::fmt::Debug;
use std::process::{Command, ExitCode};
use std::time::Instant;

use ckpt_policy_core::contract::{Fault, Observation, Policy as _, Prepared, Round};
use ckpt_policy_runtime::{Error, Instances, Limits, Loaded, Runtime};
use libtest_mimic::Failed;

use crate::case::{Case, Expected, Stage};

/// What the process that takes all files is started with.
pub(crate) const ARGUMENT: &str = "take-all-files";

/// Starts that process, and says what it found.
pub(crate) fn in_a_process_of_its_own() -> Result<(), Failed> {
    let output = Command::new("timeout")
        .args(["--signal=KILL", "300"])
        .arg(env::current_exe()?)
        .arg(ARGUMENT)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{}\n{said}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
        .into()),
    }
}

/// Takes all files, or those that are named on the command line; what it finds goes to standard output.
pub(crate) fn all(cases: &[Case]) -> ExitCode {
    let runtime = Runtime::new(Limits::default(), Instances::Fresh).expect("the engine starts");
    let good = Good::load(&runtime);
    let named: Vec<_> = env::args().skip(2).collect();
    let mut failed = false;
    for case in cases
        .iter()
        .filter(|case| named.is_empty() || named.contains(&case.name))
    {
        // Where the process ends at one, this is the last line.
        println!("{}", case.name);
        let begun = Instant::now();
        let taken = take(case, &runtime).and_then(|()| good.answers_as_before());
        if let Err(what) = taken {
            failed = true;
            println!("  FAILED: {what}");
        }
        println!("  took {:.2} s", begun.elapsed().as_secs_f64());
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn take(case: &Case, runtime: &Runtime) -> Result<(), String> {
    let bytes = case
        .bytes()
        .map_err(|error| error.message().unwrap_or_default().to_owned())?;
    let expected = &case.expected;
    let loaded = match (runtime.load(&bytes), expected.at) {
        (Err(error), Stage::Load) => return refused(&error, expected),
        (Err(error), _) => return Err(format!("it is not loaded: {error}")),
        (Ok(_), Stage::Load) => return Err("it is loaded".to_owned()),
        (Ok(loaded), _) => loaded,
    };
    for instances in [Instances::Fresh, Instances::Reuse] {
        let mut policy = Called::new(&loaded.with_instances(instances), expected);
        for _ in 0..2 {
            policy
                .once()
                .map_err(|what| format!("instances `{instances}`: {what}"))?;
        }
    }
    Ok(())
}

fn refused(error: &Error, expected: &Expected) -> Result<(), String> {
    if let Error::Start(fault) = error
        && expected
            .fault
            .as_ref()
            .is_some_and(|named| *named != variant(fault))
    {
        return Err(format!("its start ended in {fault:?}"));
    }
    let named = expected
        .error
        .as_deref()
        .ok_or("a case that is not loaded names its `error`")?;
    says(error, named, expected)
}

/// Checks the variant, and what is said.
fn says<E: Debug + ToString>(error: &E, named: &str, expected: &Expected) -> Result<(), String> {
    let text = error.to_string();
    if variant(error) != named {
        return Err(format!("it ended in {error:?}, expected `{named}`"));
    }
    match text.contains(&expected.says) && !text.contains('\n') {
        true => Ok(()),
        false => Err(format!(
            "it says\n{text}\nexpected one line with `{}`",
            expected.says
        )),
    }
}

fn variant(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// One policy, and the calls that a host makes.
struct Called<'a> {
    policy: ckpt_policy_runtime::WasmPolicy,
    expected: &'a Expected,
}

impl<'a> Called<'a> {
    fn new(loaded: &Loaded, expected: &'a Expected) -> Self {
        Self {
            policy: loaded.policy(),
            expected,
        }
    }

    /// Makes each call once, up to the one that is to fail.
    fn once(&mut self) -> Result<(), String> {
        let described = self.policy.describe();
        if self.is_over(Stage::Describe, described.map(drop))? {
            return Ok(());
        }
        let config =
            serde_json::to_string(&self.expected.config).map_err(|error| error.to_string())?;
        let prepared = self.policy.prepare(&config, None);
        let failed = prepared.as_ref().map(drop).map_err(Clone::clone);
        let (
            false,
            Ok(Prepared {
                settings, state, ..
            }),
        ) = (self.is_over(Stage::Prepare, failed)?, prepared)
        else {
            return Ok(());
        };
        let observed = self.policy.observe(&settings, &state, &observation());
        if self.is_over(Stage::Observe, observed.map(drop))? {
            return Ok(());
        }
        let decided = self.policy.decide(&settings, &state, &round());
        self.is_over(Stage::Decide, decided.map(drop)).map(drop)
    }

    /// Judges one call; says whether it was the one that had to fail.
    fn is_over(&self, stage: Stage, result: Result<(), Fault>) -> Result<bool, String> {
        match (result, self.expected.at == stage) {
            (Ok(()), false) => Ok(false),
            (Ok(()), true) => Err(format!("{stage:?}: it answers")),
            (Err(fault), true) => {
                let named = self
                    .expected
                    .fault
                    .as_deref()
                    .ok_or("a case whose call fails names its `fault`")?;
                says(&fault, named, self.expected).map(|()| true)
            }
            (Err(fault), false) => Err(format!("{stage:?}: {fault:?}")),
        }
    }
}

/// A policy that must not notice anything.
struct Good {
    loaded: Loaded,
    before: String,
}

impl Good {
    fn load(runtime: &Runtime) -> Self {
        let file = ckpt_policy_builtins::get("aggregate").expect("it is built in");
        let loaded = runtime.load(file).expect("a built-in policy loads");
        let before = Self::answers(&loaded);
        Self { loaded, before }
    }

    fn answers_as_before(&self) -> Result<(), String> {
        let now = Self::answers(&self.loaded);
        match now == self.before {
            true => Ok(()),
            false => Err(format!(
                "a good policy now answers\n{now}\nand before\n{}",
                self.before
            )),
        }
    }

    fn answers(loaded: &Loaded) -> String {
        let mut policy = loaded.policy();
        let prepared = policy
            .prepare(r#"{"monitor": "val_loss"}"#, None)
            .expect("a good configuration");
        let decided = policy.decide(&prepared.settings, &prepared.state, &round());
        format!("{:?} {prepared:?} {decided:?}", policy.describe())
    }
}

/// Late enough for a policy that behaves for a while.
const LATE: u64 = 1_000_000;

fn observation() -> Observation {
    Observation {
        moment: Some(0),
        step: LATE,
        epoch: 9,
        rank: 1,
        world_size: 2,
        values: Vec::new(),
        checkpoints: Vec::new(),
    }
}

fn round() -> Round {
    Round {
        moment: 0,
        step: LATE,
        epoch: 9,
        world_size: 2,
        elapsed_seconds: None,
        candidate: 7,
        values: Vec::new(),
        checkpoints: Vec::new(),
    }
}
