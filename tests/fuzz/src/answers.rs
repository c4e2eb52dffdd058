//! What comes out of a guest: answers of any bytes, and guests that wasm-smith makes up.
//!
//! Two kinds of input. In most, a small guest hands the input back as its answer, so that the
//! bytes are what the host lifts. In the others the input becomes a module with the contract's
//! functions, which do whatever they do. Each call ends in an answer within the limits or in a
//! fault that no machine is blamed for; a second instance, a reused one and, for made-up guests,
//! another compiler come to the same.

use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use ckpt_policy_core::contract::Fault;
use ckpt_policy_runtime::{Compiler, Error, Instances, Limits, Loaded, Options, Runtime};

use crate::calls::Answers;
use crate::guest;

pub(crate) fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind % 8 {
        0 => {
            let _short = made_up(&mut Unstructured::new(bytes));
        }
        // Only data of the module itself can be what `describe` says, so this one is compiled anew.
        1 => {
            let data = &bytes[..bytes.len().min(LONGEST)];
            let loaded = runtime(Compiler::Plain).load(&guest::echo(data));
            alike(&loaded.expect("the guest is well-formed"), data);
        }
        _ => {
            static ECHO: OnceLock<Loaded> = OnceLock::new();
            let load = || runtime(Compiler::Plain).load(&guest::echo(&[]));
            let echo = ECHO.get_or_init(|| load().expect("the guest is well-formed"));
            alike(echo, &bytes[..bytes.len().min(LONGEST)]);
        }
    }
}

fn made_up(input: &mut Unstructured<'_>) -> Result<()> {
    let module = wasm_smith::Module::new(shaped(), input)?;
    let module = guest::embedded(module.to_bytes());
    let loaded = match runtime(Compiler::Plain).load(&module) {
        Ok(loaded) => loaded,
        Err(error) => {
            let on_machine = matches!(error, Error::Start(Fault::Machine(_)));
            assert!(!on_machine, "{error}");
            return Ok(());
        }
    };
    let answers = alike(&loaded, &[0; 16]);
    let interpreted = runtime(Compiler::Interpreter).load(&module);
    let interpreted = interpreted.expect("what one compiler takes the other takes");
    let interpreted = Answers::of(&interpreted, &limits(), &[0; 16]);
    if !answers.is_deep() && !interpreted.is_deep() {
        assert_eq!(answers.kinds(), interpreted.kinds());
    }
    Ok(())
}

/// Asks fresh instances twice, and one that is reused twice.
fn alike(loaded: &Loaded, bytes: &[u8]) -> Answers {
    let limits = limits();
    let answers = Answers::of(loaded, &limits, bytes);
    answers.blame_no_machine();
    assert_eq!(
        answers,
        Answers::of(loaded, &limits, bytes),
        "two fresh instances differ"
    );
    answers
}

/// Modules with exactly the functions of the contract, and no import.
fn shaped() -> wasm_smith::Config {
    wasm_smith::Config {
        exports: Some(guest::shape().to_vec()),
        max_imports: 0,
        min_funcs: 5,
        max_funcs: 12,
        max_instructions: 200,
        // Beside the one that is exported.
        max_memories: 0,
        max_memory32_bytes: 1 << 21,
        max_tables: 2,
        max_table_elements: 1000,
        max_data_segments: 4,
        max_element_segments: 4,
        bulk_memory_enabled: true,
        simd_enabled: true,
        relaxed_simd_enabled: false,
        memory64_enabled: false,
        threads_enabled: false,
        shared_everything_threads_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        tail_call_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        allow_start_export: true,
        ..wasm_smith::Config::default()
    }
}

fn runtime(compiler: Compiler) -> &'static Runtime {
    static PLAIN: OnceLock<Runtime> = OnceLock::new();
    static INTERPRETER: OnceLock<Runtime> = OnceLock::new();
    let runtime = match compiler {
        Compiler::Interpreter => &INTERPRETER,
        Compiler::Plain | Compiler::Optimized => &PLAIN,
    };
    runtime.get_or_init(|| {
        let options = Options {
            limits: limits(),
            instances: Instances::Fresh,
            compiler,
            ..Options::default()
        };
        Runtime::with(options).expect("these limits can work")
    })
}

/// Small ones, so that inputs reach them.
fn limits() -> Limits {
    Limits {
        fuel: 100_000,
        memory: 4 << 20,
        answer: 64 << 10,
        settings: 256,
        state: 256,
        reason: 64,
        name: 16,
        plan: 8,
        figures: 4,
        tags: 4,
        labels: 4,
        checkpoints: 8,
        ..Limits::default()
    }
}

/// Bytes of an answer at most.
const LONGEST: usize = 4096;
