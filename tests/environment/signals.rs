//! A program's own signal handlers, signal stack and mask, before policies trap and after.

use std::sync::atomic::{AtomicUsize, Ordering};

use ckpt_policy_core::contract::{Fault, Policy as _};
use ckpt_policy_runtime::Runtime;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::embedded::{alone, round, runtime};

/// Signals that a WebAssembly engine would like to have for itself.
const SIGNALS: [libc::c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGBUS,
    libc::SIGTRAP,
];

static SEEN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_signal: libc::c_int) {
    SEEN.fetch_add(1, Ordering::SeqCst);
}

/// What the kernel knows of this process's signals.
fn masks() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let of_signals = |line: &&str| {
        ["SigBlk", "SigIgn", "SigCgt", "ShdPnd"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    status
        .lines()
        .filter(of_signals)
        .map(str::to_owned)
        .collect()
}

#[test]
fn handlers_of_the_embedding_program_stay() {
    if !alone("signals::handlers_of_the_embedding_program_stay") {
        return;
    }
    SIGNALS.into_iter().for_each(install);
    block(libc::SIGUSR2);
    let (before, stack, handlers) = (masks(), signal_stack(), SIGNALS.map(handler));
    let runtime = runtime();
    trap(&runtime);
    assert_eq!(masks(), before);
    assert_eq!(signal_stack(), stack);
    assert_eq!(SIGNALS.map(handler), handlers);
    let traps_seen = SEEN.load(Ordering::SeqCst);
    assert_eq!(traps_seen, 0, "a trap of a policy is no signal");
    for (index, signal) in SIGNALS.into_iter().enumerate() {
        #[expect(unsafe_code, reason = "the signal is raised on purpose")]
        // SAFETY: its handler is installed, and only counts.
        let raised = unsafe { libc::raise(signal) };
        assert_eq!((raised, SEEN.load(Ordering::SeqCst)), (0, index + 1));
    }
    trap(&runtime);
}

/// Lets policies trap in each way that another engine would learn of by a signal.
fn trap(runtime: &Runtime) {
    let traps = [
        "(i32.load (i32.const -8))",
        "(i32.div_u (i32.const 1) (i32.const 0))",
        "unreachable",
        "(call $again)",
    ];
    for body in traps {
        let loaded = runtime.load(&policy(body)).expect("it loads");
        let fault = loaded.policy().decide(&[], &[], &round());
        assert!(matches!(fault, Err(Fault::Trap(_))), "{fault:?}");
    }
}

/// A policy that never comes back from `decide`.
pub(crate) fn looping() -> Vec<u8> {
    policy("(loop $l (br $l)) unreachable")
}

/// A policy that does this in `decide`.
fn policy(body: &str) -> Vec<u8> {
    let tests = crate::tests();
    let read =
        |path: &str| std::fs::read_to_string(tests.join(path)).expect("a file of the project");
    let plain = read("hostile/plain.wat");
    let decide = "(func $decide (type $decide) (i32.const 400))";
    assert!(plain.contains(decide), "`plain.wat` has its `decide`");
    let own = format!(
        "(func $again (result i32) (i32.add (i32.const 1) (call $again))) (func $decide (type $decide) {body})"
    );
    let text = format!("(module {})", plain.replace(decide, &own));
    let mut module = wat::parse_str(text).expect("it is well-formed");
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str("policy.wit", &read("../wit/policy.wit"))
        .expect("the contract");
    let world = resolve
        .select_world(&[package], Some("decision-policy"))
        .expect("its world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("it is embedded");
    module
}

fn install(signal: libc::c_int) {
    #[expect(unsafe_code, reason = "what the embedding program does")]
    // SAFETY: the handler only counts, which is allowed in one.
    let before = unsafe { libc::signal(signal, count as *const () as libc::sighandler_t) };
    assert_ne!(before, libc::SIG_ERR);
}

fn handler(signal: libc::c_int) -> libc::sighandler_t {
    #[expect(unsafe_code, reason = "reads what is installed")]
    // SAFETY: all zeros are such a structure, and the call only writes into it.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        assert_eq!(
            libc::sigaction(signal, std::ptr::null(), &raw mut action),
            0
        );
        action.sa_sigaction
    }
}

fn signal_stack() -> (usize, usize) {
    #[expect(unsafe_code, reason = "reads which stack is set")]
    // SAFETY: all zeros are such a structure, and the call only writes into it.
    unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        assert_eq!(libc::sigaltstack(std::ptr::null(), &raw mut stack), 0);
        (stack.ss_sp as usize, stack.ss_size)
    }
}

fn block(signal: libc::c_int) {
    #[expect(unsafe_code, reason = "what the embedding program does")]
    // SAFETY: the set is initialised before it is used.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        assert_eq!(libc::sigaddset(&raw mut set, signal), 0);
        assert_eq!(
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()),
            0
        );
    }
}
