//! Policies on whatever thread a trainer calls them from.

use std::thread;

use ckpt_policy_core::contract::{Fault, Policy};
use ckpt_policy_runtime::Instances;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};

use crate::guest::Guest;
use crate::{abstains, load, policy, round, runtime};

/// Recurses as often as the settings are long, and for ever without settings.
const RECURSION: &str = "
    (func $deep (param $left i32)
        (if (i32.eqz (local.get $left)) (then return))
        (call $deep (i32.sub (local.get $left) (i32.const 1)))
        (drop (i32.load (local.get $left))))";

#[test]
fn a_thread_with_little_stack_loads_and_calls() {
    let guest = Guest::plain()
        .more(RECURSION)
        .decide("(call $deep (i32.sub (local.get $settings_len) (i32.const 1))) (i32.const 16)");
    let module = guest.module();
    let little = thread::Builder::new().stack_size(64 << 10).spawn(move || {
        let mut policy = runtime(Instances::Reuse)
            .load(&module)
            .expect("it loads")
            .policy();
        for _ in 0..3 {
            assert_eq!(policy.decide(&[0; 2000], &[], &round()), Ok(abstains()));
            let fault = policy.decide(&[], &[], &round());
            assert_eq!(
                fault,
                Err(Fault::Trap("call stack exhausted in `deep`".to_owned()))
            );
        }
    });
    little.unwrap().join().expect("the thread ends well");
}

/// The thread has stack enough, and the coroutine that the trainer calls from has not.
#[test]
fn a_coroutine_with_little_stack_loads_and_calls() {
    let guest = Guest::plain()
        .more(RECURSION)
        .decide("(call $deep (i32.const -1)) unreachable");
    let module = guest.module();
    let much = thread::Builder::new().stack_size(16 << 20).spawn(move || {
        let stack = DefaultStack::new(64 << 10).expect("there is memory for a stack");
        let mut coroutine = Coroutine::with_stack(stack, move |_: &Yielder<(), ()>, ()| {
            let loaded = runtime(Instances::Fresh).load(&module);
            loaded
                .expect("it loads")
                .policy()
                .decide(&[], &[], &round())
        });
        coroutine.resume(()).as_return()
    });
    assert_eq!(
        much.unwrap().join().expect("the thread ends well"),
        Some(Err(Fault::Trap(
            "call stack exhausted in `deep`".to_owned()
        )))
    );
}

#[test]
fn a_policy_recurses_as_deep_on_every_thread() {
    // Finds how deep by halving; the depth must not depend on the calling thread's stack.
    let guest = Guest::plain()
        .more(RECURSION)
        .decide("(call $deep (i32.load (local.get $settings))) (i32.const 16)");
    let loaded = runtime(Instances::Fresh).load(&guest.module()).unwrap();
    let depths: Vec<u32> = [64 << 10, 1 << 20, 2 << 20, 16 << 20]
        .into_iter()
        .map(|stack| {
            let mut policy = loaded.policy();
            let deepest = move || {
                let (mut fits, mut fails) = (1_u32, 1 << 20);
                while fails - fits > 1 {
                    let depth = fits.midpoint(fails);
                    match policy.decide(&depth.to_le_bytes(), &[], &round()) {
                        Ok(_) => fits = depth,
                        Err(_) => fails = depth,
                    }
                }
                fits
            };
            thread::Builder::new()
                .stack_size(stack)
                .spawn(deepest)
                .unwrap()
                .join()
                .unwrap()
        })
        .collect();
    assert!(depths[0] > 1000, "{depths:?}");
    assert!(depths.iter().all(|depth| *depth == depths[0]), "{depths:?}");
}

#[test]
fn a_policy_moves_between_threads() {
    let mut policy = load(&runtime(Instances::Reuse), &Guest::plain());
    for _ in 0..3 {
        policy = thread::spawn(move || {
            assert_eq!(policy.decide(&[], &[], &round()), Ok(abstains()));
            policy
        })
        .join()
        .unwrap();
    }
}

#[test]
fn a_file_is_shared_by_many_threads() {
    let loaded = runtime(Instances::Fresh)
        .load(&Guest::plain().module())
        .unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut policy = loaded.policy();
                for _ in 0..50 {
                    assert_eq!(policy.decide(&[], &[], &round()), Ok(abstains()));
                }
            });
        }
    });
}

/// Halves the smallest normal number, which is zero where subnormal numbers are flushed.
fn halves() -> Guest {
    Guest::plain().decide(
        "(i32.store8 (i32.const 80) (i32.const 1))
         (f64.store (i32.const 88)
            (f64.mul (f64.load (local.get $settings)) (f64.load offset=8 (local.get $settings))))
         (i32.const 16)",
    )
}

#[test]
fn flush_to_zero_on_the_calling_thread_changes_nothing() {
    for stack in [64 << 10, 8 << 20] {
        let module = halves().module();
        let flushing = thread::Builder::new().stack_size(stack).spawn(move || {
            let mut policy = runtime(Instances::Fresh).load(&module).unwrap().policy();
            let factors = [f64::MIN_POSITIVE.to_le_bytes(), 0.5_f64.to_le_bytes()].concat();
            let before = modes::flush_to_zero();
            let verdict = policy.decide(&factors, &[], &round());
            let after = modes::restore(before);
            (before, after, verdict.unwrap().not_before)
        });
        let (before, after, product) = flushing.unwrap().join().unwrap();
        assert_eq!(product, Some((f64::MIN_POSITIVE.to_bits()) >> 1));
        assert_ne!(before, after);
        assert_eq!(
            after & modes::FLUSH,
            modes::FLUSH,
            "the caller's modes are back"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn no_signal_handler_is_installed() {
    fn caught() -> String {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux has `/proc`");
        let line = status.lines().find(|line| line.starts_with("SigCgt"));
        line.expect("the kernel lists the signals that are caught")
            .to_owned()
    }
    let before = caught();
    let mut trapping = policy(&Guest::plain().decide("(i32.load (i32.const -8))"));
    assert!(matches!(
        trapping.decide(&[], &[], &round()),
        Err(Fault::Trap(_))
    ));
    assert_eq!(caught(), before);
}

/// The floating-point control register, which only an instruction reaches.
mod modes {
    #![expect(unsafe_code, reason = "there is no safe way to the control register")]

    use std::arch::asm;

    #[cfg(target_arch = "x86_64")]
    pub(super) type Register = u32;
    /// Flush-to-zero and denormals-are-zero.
    #[cfg(target_arch = "x86_64")]
    pub(super) const FLUSH: Register = 0x8040;

    #[cfg(target_arch = "aarch64")]
    pub(super) type Register = u64;
    #[cfg(target_arch = "aarch64")]
    pub(super) const FLUSH: Register = 1 << 24;

    /// Sets the modes, and returns those from before.
    pub(super) fn flush_to_zero() -> Register {
        let before = read();
        write(before | FLUSH);
        before
    }

    /// Sets the modes back, and returns those that were found.
    pub(super) fn restore(before: Register) -> Register {
        let found = read();
        write(before);
        found
    }

    fn read() -> Register {
        let mut value: Register = 0;
        // SAFETY: stores the register into `value`.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags));
            #[cfg(target_arch = "aarch64")]
            asm!("mrs {}, fpcr", out(reg) value, options(nomem, nostack, preserves_flags));
        }
        value
    }

    fn write(value: Register) {
        // SAFETY: `value` was read from the register, with a mode added that all CPUs have.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, preserves_flags));
            #[cfg(target_arch = "aarch64")]
            asm!("msr fpcr, {}", in(reg) value, options(nostack, preserves_flags));
        }
    }
}
