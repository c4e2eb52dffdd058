//! What the loader takes, and what it says about what it refuses.

use std::collections::BTreeSet;

use ckpt_policy_core::contract::{Fault, Policy};
use ckpt_policy_runtime::{Error, Instances, Kind, Limits, Runtime};

use crate::guest::{self, Guest};
use crate::{round, runtime};

/// Returns what the loader says about a file.
fn refused(file: &[u8]) -> Error {
    runtime(Instances::Fresh)
        .load(file)
        .expect_err("the file is no policy")
}

#[test]
fn the_types_are_those_of_the_wit_file() {
    let loaded = runtime(Instances::Fresh)
        .load(&guest::of_world(&guest::contract()))
        .unwrap();
    assert_eq!(
        loaded.contract(),
        ckpt_policy_core::contract::CONTRACT_VERSION
    );
    assert!(matches!(loaded.policy().describe(), Err(Fault::Trap(_))));
}

#[test]
fn a_core_module_is_as_good_as_a_component() {
    let guest = Guest::plain();
    let runtime = runtime(Instances::Fresh);
    let module = runtime.load(&guest.module()).unwrap();
    let component = runtime.load(&guest.component()).unwrap();
    assert_eq!(
        (module.kind(), component.kind()),
        (Kind::Module, Kind::Component)
    );
    assert_eq!(module.size(), guest.module().len());
    assert_eq!(module.imports(), [""; 0]);
    assert_ne!(module.digest(), component.digest());
    assert_eq!(module.policy().describe(), component.policy().describe());
    assert_eq!(
        module.policy().decide(&[], &[], &round()),
        component.policy().decide(&[], &[], &round())
    );
}

#[test]
fn the_digest_is_of_the_bytes_as_read() {
    use sha2::{Digest, Sha256};
    let file = Guest::plain().module();
    let digest: String = Sha256::digest(&file)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        runtime(Instances::Fresh).load(&file).unwrap().digest(),
        digest
    );
}

#[test]
fn an_empty_file() {
    assert_eq!(refused(b""), Error::Empty);
}

#[test]
fn text_files_each_with_a_remedy() {
    let remedies = [
        (&b"(module)"[..], "`wasm-tools parse`"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "`git lfs pull`",
        ),
        (b"<!DOCTYPE html>", "was the download refused"),
        (b"fn main() {}\n", "not its source"),
    ];
    for (file, remedy) in remedies {
        let error = refused(file);
        assert!(matches!(error, Error::Text { .. }), "{error}");
        assert!(error.to_string().contains(remedy), "{error}");
    }
    // A long text may be cut within a character.
    let long = "é".repeat(1000);
    assert!(matches!(refused(long.as_bytes()), Error::Text { .. }));
    assert!(matches!(
        refused(format!("x{long}").as_bytes()),
        Error::Text { .. }
    ));
}

#[test]
fn native_code_is_never_loaded() {
    let error = refused(b"\x7fELF\x02\x01\x01\x00");
    assert!(matches!(error, Error::Native { .. }), "{error}");
    assert!(error.to_string().contains("`.cwasm`"), "{error}");
}

#[test]
fn other_bytes() {
    let error = refused(&[0x1f, 0x8b, 0x08, 0x00, 0xff]);
    assert_eq!(
        error,
        Error::Foreign {
            start: "1f 8b 08 00".to_owned()
        }
    );
}

#[test]
fn a_file_that_is_cut_short() {
    for file in [Guest::plain().module(), Guest::plain().component()] {
        let whole = runtime_of_tests().load(&file).unwrap().policy().describe();
        for length in 4..file.len() {
            // Only what a policy can do without may be missing: names, at the end.
            match runtime_of_tests().load(&file[..length]) {
                Ok(loaded) => assert_eq!(loaded.policy().describe(), whole, "cut at {length}"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        let error = refused(&file[..file.len() / 2]);
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}

/// One runtime for a test with many files.
fn runtime_of_tests() -> &'static Runtime {
    static RUNTIME: std::sync::OnceLock<Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| runtime(Instances::Fresh))
}

#[test]
fn no_flipped_byte_ends_the_process() {
    let file = Guest::plain().component();
    for at in (0..file.len()).step_by(17) {
        let mut flipped = file.clone();
        flipped[at] ^= 0x81;
        // Loaded or refused, and where loaded its calls end in an answer or a fault.
        if let Ok(loaded) = runtime_of_tests().load(&flipped) {
            let _answer_or_fault = loaded.policy().decide(&[], &[], &round());
        }
    }
}

#[test]
fn a_file_above_the_limit() {
    let limits = Limits {
        file: 100,
        ..Limits::default()
    };
    let runtime = Runtime::new(limits, Instances::Fresh).unwrap();
    let file = Guest::plain().module();
    let error = runtime.load(&file).unwrap_err();
    assert_eq!(
        error,
        Error::TooLarge {
            size: file.len() as u64,
            limit: 100
        }
    );
}

#[test]
fn wasi_imports_of_a_module_and_of_a_component() {
    let preview1 = Guest::plain().imports(
        r#"(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))"#,
    );
    let error = refused(&preview1.module());
    assert_eq!(
        error.to_string(),
        "the policy imports WASI (`wasi_snapshot_preview1::random_get`), but a policy imports \
         nothing; build Rust for `wasm32-unknown-unknown`, Python with `componentize-py \
         componentize --stub-wasi`, JavaScript with all features of `componentize-js` disabled"
    );
    let preview2 = wat::parse_str(
        r#"(component
            (import "wasi:cli/environment@0.2.3" (instance
                (export "get-environment" (func (result (list (tuple string string))))))))"#,
    )
    .unwrap();
    assert_eq!(
        refused(&preview2),
        Error::Wasi {
            imports: vec!["wasi:cli/environment@0.2.3".to_owned()]
        }
    );
}

#[test]
fn other_imports() {
    let error = refused(
        &Guest::plain()
            .imports(r#"(import "env" "log" (func))"#)
            .module(),
    );
    assert_eq!(
        error,
        Error::Imports {
            imports: vec!["env::log".to_owned()]
        }
    );
    let component = r#"(component (import "site:logger/log" (func (param "text" string))))"#;
    let error = refused(&wat::parse_str(component).unwrap());
    assert!(
        error.to_string().contains("imports `site:logger/log`"),
        "{error}"
    );
    // Types alone are an import too, and nothing is loaded that has one.
    let component = r#"(component (import "site:shapes/types" (instance)))"#;
    let error = refused(&wat::parse_str(component).unwrap());
    assert!(matches!(error, Error::Imports { .. }), "{error}");
}

#[test]
fn another_version_of_the_contract() {
    let package = guest::contract().replace("ckpt:policy@0.1.0", "ckpt:policy@0.2.0");
    let text = Guest::plain()
        .text()
        .replace("policy@0.1.0#", "policy@0.2.0#");
    let module = guest::embedded(&text, &package);
    for file in [guest::component(&module), module] {
        let error = refused(&file);
        assert_eq!(
            error.to_string(),
            "the policy is built for version `0.2.0` of the contract, this host speaks 0.1.0; \
             build it with the `policy.wit` of this host"
        );
    }
}

#[test]
fn a_later_version_of_the_same_series() {
    let package = guest::contract().replace("ckpt:policy@0.1.0", "ckpt:policy@0.1.7");
    let text = Guest::plain()
        .text()
        .replace("policy@0.1.0#", "policy@0.1.7#");
    let loaded = runtime(Instances::Fresh)
        .load(&guest::embedded(&text, &package))
        .unwrap();
    assert_eq!(loaded.contract(), "0.1.7");
    assert!(loaded.policy().decide(&[], &[], &round()).is_ok());
}

#[test]
fn another_world() {
    let module = r#"(module (func (export "run")))"#;
    let error = refused(&wat::parse_str(module).unwrap());
    assert_eq!(
        error,
        Error::NoWorld {
            exports: vec!["run".to_owned()]
        }
    );
    let component = r#"(component
        (core module $m (func (export "run")))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let error = refused(&wat::parse_str(component).unwrap());
    assert_eq!(
        error.to_string(),
        "the component does not export `ckpt:policy/policy@0.1.0`; it exports `run`; a policy \
         implements the world `decision-policy` of `wit/policy.wit`"
    );
    let error = refused(&wat::parse_str("(component)").unwrap());
    assert!(error.to_string().contains("it exports nothing"), "{error}");
}

#[test]
fn a_module_without_one_of_the_functions() {
    let text = Guest::plain()
        .text()
        .replace("0.1.0#observe\")", "0.1.0#watch\")");
    let text = text.replace(
        r#"(export "cabi_post_ckpt:policy/policy@0.1.0#watch" (func $free))"#,
        "",
    );
    let error = refused(&guest::embedded(&text, &guest::contract()));
    assert!(matches!(error, Error::Encode { .. }), "{error}");
    assert!(error.to_string().contains("observe"), "{error}");
}

#[test]
fn a_component_without_one_of_the_functions() {
    let error = refused(&guest::of_world(&without_decide()));
    assert_eq!(
        error,
        Error::Function {
            function: "decide",
            interface: "ckpt:policy/policy@0.1.0".to_owned()
        }
    );
}

fn without_decide() -> String {
    let contract = guest::contract();
    let (before, after) = contract
        .split_once("decide: func")
        .expect("the contract has `decide`");
    let (_, after) = after.split_once(";\n").expect("a function ends");
    // The comment of the function now stands before the end of the interface.
    let (before, _) = before
        .rsplit_once("/// Decides")
        .expect("the function has a comment");
    format!("{before}{after}")
}

#[test]
fn functions_of_other_types() {
    let differences = [
        (
            "        veto,\n",
            "        veto,\n        maybe,\n",
            "decide",
        ),
        ("        candidate: checkpoint-id,\n", "", "decide"),
        ("        passive: bool,\n", "", "prepare"),
        ("        rank: u32,\n", "        rank: u64,\n", "observe"),
        (
            "        summary: string,\n",
            "        about: string,\n",
            "describe",
        ),
    ];
    for (from, to, function) in differences {
        let contract = guest::contract();
        assert!(contract.contains(from), "`{from}` is in the contract");
        let error = refused(&guest::of_world(&contract.replacen(from, to, 1)));
        assert!(
            matches!(&error, Error::Signature { function: named, .. } if *named == function),
            "{from:?}: {error}"
        );
    }
}

#[test]
fn what_never_fits_is_refused_before_it_starts() {
    let large = Guest::plain().memory(r#"(memory (export "memory") 1025)"#);
    assert_eq!(
        refused(&large.module()).to_string(),
        "the policy needs 67174400 bytes of memory at its start, `memory` in `[limits]` is 67108864"
    );
    let table = Guest::plain().more("(table 100001 funcref)");
    assert!(matches!(
        refused(&table.module()),
        Error::Resources {
            limit: "table-elements",
            ..
        }
    ));
    let limits = Limits {
        memories: 0,
        ..Limits::default()
    };
    let error = Runtime::new(limits, Instances::Fresh)
        .unwrap()
        .load(&Guest::plain().module());
    assert!(
        matches!(
            error,
            Err(Error::Resources {
                limit: "memories",
                ..
            })
        ),
        "{error:?}"
    );
    let limits = Limits {
        instances: 0,
        ..Limits::default()
    };
    let error = Runtime::new(limits, Instances::Fresh)
        .unwrap()
        .load(&Guest::plain().module());
    let Err(Error::Start(Fault::Trap(text))) = error else {
        panic!("expected a policy that cannot be started, found {error:?}");
    };
    assert!(text.contains("`instances` in `[limits]`"), "{text}");
}

#[test]
fn a_start_function_is_limited_too() {
    let endless = Guest::plain().more("(func $s (loop $l (br $l))) (start $s)");
    let error = refused(&endless.module());
    assert_eq!(error, Error::Start(Fault::Fuel { fuel: 50_000_000 }));
    let bomb = Guest::plain().more(
        "(func $s (loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) \
         unreachable) (start $s)",
    );
    let error = refused(&bomb.module());
    assert!(matches!(&error, Error::Start(Fault::Trap(_))), "{error}");
    assert!(
        error
            .to_string()
            .contains("`memory` in `[limits]` is 67108864"),
        "{error}"
    );
}

#[test]
fn features_that_no_policy_needs_are_off() {
    let fields = [
        ("(memory 1)", "multi-memory"),
        (
            "(func (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0))))",
            "relaxed SIMD",
        ),
        (
            "(func (drop (drop (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))))",
            "wide arithmetic",
        ),
        ("(tag)", "exceptions"),
    ];
    for (field, feature) in fields {
        let error = refused(&Guest::plain().more(field).module());
        let refused = matches!(error, Error::Compile(_) | Error::Encode { .. });
        assert!(refused, "{feature}: {error}");
    }
    // What compilers do emit is on.
    let simd = "(func (drop (i32x4.add (v128.const i64x2 0 0) (v128.const i64x2 0 0))))";
    let loaded = runtime(Instances::Fresh).load(&Guest::plain().more(simd).module());
    assert!(loaded.is_ok(), "{loaded:?}");
}

#[test]
fn limits_that_cannot_work() {
    let zero = Limits {
        fuel: 0,
        ..Limits::default()
    };
    let error = Runtime::new(zero, Instances::Fresh).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`fuel` in `[limits]` is 0, expected at least 1"
    );
    for memory in [0, 65_535, (4 << 30) + 1] {
        let limits = Limits {
            memory,
            ..Limits::default()
        };
        let error = Runtime::new(limits, Instances::Fresh).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Limit {
                    limit: "memory",
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn facts_name_all_that_bears_on_an_answer() {
    let facts = runtime(Instances::Reuse).facts();
    let keys: BTreeSet<_> = facts.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys.len(), facts.len());
    for (key, value) in [
        ("contract", "0.1.0"),
        ("instances", "reuse"),
        ("limits.fuel", "50000000"),
        ("limits.memory", "67108864"),
        ("limits.answer", "1048576"),
    ] {
        assert!(
            facts.contains(&(key.to_owned(), value.to_owned())),
            "{key}: {facts:?}"
        );
    }
    let wasmtime = facts
        .iter()
        .find(|(key, _)| key == "wasmtime")
        .expect("its version is a fact");
    assert!(wasmtime.1.starts_with("48."), "{wasmtime:?}");
    assert_eq!(facts, runtime(Instances::Reuse).facts());
    assert_ne!(facts, runtime(Instances::Fresh).facts());
}
