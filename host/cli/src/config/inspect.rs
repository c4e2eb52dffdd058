//! One policy outside of any site: loaded, and prepared under one configuration.

use std::path::Path;

use ckpt_policy_core::contract::{Description, Fault, Policy as _};
use ckpt_policy_core::{
    Error, Mode, OnError, Opening, Place, PolicyInfo, PolicySetup, Rules, Setup, nearest,
};
use ckpt_policy_runtime::{Cache, Compile, Loaded, Options, Runtime, Session, SessionError, Solo};
use serde_json::Value;

use super::fields::list_of;
use super::files::read_file;
use super::schema::{Schema, Wrong};
use crate::exit;
use crate::report::{Failure, Report};

/// Sets up what an author's policies run on: what a site that sets nothing has, and a trap names
/// files and lines.
///
/// # Errors
///
/// Ours, where this machine cannot run WebAssembly.
pub(crate) fn authors_runtime(cache: Option<Cache>) -> Result<Runtime, Failure> {
    let options = Options {
        lines: true,
        cache,
        ..Options::default()
    };
    Runtime::with(options).map_err(|error| Failure::new(exit::OURS, Report::new(error.to_string())))
}

/// Loads a file or `builtin:NAME`, under the bounds that whoever names it has chosen.
///
/// # Errors
///
/// Everything that is wrong with the file.
pub(crate) fn load(policy: &str, runtime: &Runtime, compile: Compile) -> Result<Loaded, Failure> {
    let bytes = read(policy, runtime)?;
    runtime.load_as(&bytes, compile).map_err(|error| {
        let report = Report::new(format!("{policy}: {error}"));
        match error {
            ckpt_policy_runtime::Error::Start(_) => Failure::new(exit::POLICY, report),
            ckpt_policy_runtime::Error::Jail { large: false, .. } => {
                let hint = "here that is `--compile large`, if you trust the file";
                Failure::new(exit::USER, report.hint(hint))
            }
            _ => Failure::new(exit::USER, report),
        }
    })
}

/// Prepares a policy; without a configuration, under the first example of its schema.
///
/// # Errors
///
/// Everything that is wrong with the configuration, or the policy.
pub(crate) fn prepared(
    policy: &str,
    loaded: &Loaded,
    config: Option<Value>,
) -> Result<(Schema, Value, PolicyInfo), Failure> {
    let description: Description = loaded
        .policy()
        .describe()
        .map_err(|fault| faulty(policy, "describe", &fault))?;
    let schema = Schema::parse(&description.config_schema)
        .map_err(|what| Failure::new(exit::POLICY, Report::new(format!("{policy}: {what}"))))?;
    let config = config
        .or_else(|| schema.example().cloned())
        .unwrap_or_else(empty);
    let wrong = schema.check(&config);
    if !wrong.is_empty() {
        let reports = wrong
            .into_iter()
            .map(|wrong| report(policy, wrong))
            .collect();
        return Err(Failure::all(exit::USER, reports));
    }
    let info = prepare(policy, loaded, &config)?;
    Ok((schema, config, info))
}

/// Reads a file or `builtin:NAME`.
///
/// # Errors
///
/// The user's, where there is none.
pub(crate) fn read(policy: &str, runtime: &Runtime) -> Result<Vec<u8>, Failure> {
    let Some(name) = policy.strip_prefix("builtin:") else {
        return read_file(Path::new(policy), runtime).map_err(|error| {
            let report = Report::new(format!("cannot read `{policy}`")).caused_by(&error);
            let names = list_of(ckpt_policy_builtins::names());
            let hint = format!("name a file, or `builtin:NAME` with one of {names}");
            Failure::new(exit::USER, report.hint(hint))
        });
    };
    if let Some(bytes) = ckpt_policy_builtins::get(name) {
        return Ok(bytes.to_vec());
    }
    let names = || ckpt_policy_builtins::names();
    let text = format!(
        "no policy `{name}` is built in, expected one of {}",
        list_of(names())
    );
    let report = Report::new(text);
    Err(Failure::new(
        exit::USER,
        match nearest(name, names()) {
            Some(name) => report.hint(format!("did you mean `builtin:{name}`?")),
            None => report,
        },
    ))
}

fn prepare(policy: &str, loaded: &Loaded, config: &Value) -> Result<PolicyInfo, Failure> {
    let setup = Setup {
        place: Place {
            rank: 0,
            world_size: 1,
        },
        rules: Rules::default(),
        policies: vec![PolicySetup {
            name: policy.to_owned(),
            mode: Mode::Enforce,
            on_error: OnError::Skip,
            disable_after: None,
            config: config.clone(),
            digest: loaded.digest().to_owned(),
            policy: Box::new(loaded.policy()),
        }],
        facts: Vec::new(),
    };
    match Session::open(Opening::new(setup), Solo) {
        Ok(session) => Ok(session.host().policies()[0].clone()),
        Err(SessionError::Host(Error::Policy { fault, .. })) => {
            Err(faulty(policy, "prepare", &fault))
        }
        Err(SessionError::Host(error)) => {
            let code = crate::replay::code_of(error.family());
            Err(Failure::new(code, Report::new(error.to_string())))
        }
        Err(error) => Err(Failure::new(exit::OURS, Report::new(error.to_string()))),
    }
}

fn faulty(policy: &str, function: &str, fault: &Fault) -> Failure {
    let code = match fault {
        Fault::Config(_) => exit::USER,
        _ => exit::POLICY,
    };
    Failure::new(
        code,
        Report::new(format!("{policy}: `{function}`: {fault}")),
    )
}

fn report(policy: &str, wrong: Wrong) -> Report {
    let key = match wrong.path.as_slice() {
        [] => "the configuration".to_owned(),
        path => format!("`{}`", path.join(".")),
    };
    let report = Report::new(format!("{policy}: {key}: {}", wrong.text));
    match wrong.hint {
        Some(hint) => report.hint(hint),
        None => report,
    }
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}
