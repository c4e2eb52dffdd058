use std::hint::black_box;
use std::io;
use std::panic;
use std::thread;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};

use super::{enter, float};

/// Zero where subnormal numbers are flushed.
fn half_of_the_smallest_normal() -> f64 {
    black_box(f64::MIN_POSITIVE) * black_box(0.5)
}

#[test]
fn the_callers_modes_stay_outside_and_come_back() {
    for stack in [64 << 10, 8 << 20] {
        let caller = thread::Builder::new().stack_size(stack).spawn(|| {
            let before = float::read();
            #[cfg(target_arch = "x86_64")]
            let flushing = before | 0x8040;
            #[cfg(target_arch = "aarch64")]
            let flushing = before | 1 << 24;
            float::write(flushing);
            let inside = enter(half_of_the_smallest_normal);
            let outside = float::read();
            float::write(before);
            (inside.unwrap(), flushing, outside)
        });
        let (inside, flushing, outside) = caller.unwrap().join().unwrap();
        assert_eq!(inside.to_bits(), f64::MIN_POSITIVE.to_bits() >> 1);
        assert_eq!(outside, flushing);
    }
}

#[test]
fn a_caller_with_enough_stack_keeps_its_thread() {
    let on = |stack| {
        let caller = thread::Builder::new()
            .stack_size(stack)
            .spawn(|| enter(|| thread::current().id()).unwrap() == thread::current().id());
        caller.unwrap().join().unwrap()
    };
    assert!(!on(64 << 10));
    assert!(on(4 << 20));
}

#[test]
fn a_panic_inside_stays_a_panic() {
    let caller = thread::Builder::new().stack_size(64 << 10).spawn(|| {
        let answer: io::Result<()> = enter(|| panic::resume_unwind(Box::new("a bug")));
        answer.is_ok()
    });
    let bug = caller.unwrap().join().unwrap_err();
    assert_eq!(bug.downcast_ref::<&str>(), Some(&"a bug"));
}

/// A coroutine's stack is not the thread's, however much that has left.
#[test]
fn a_caller_on_a_stack_of_its_own_gets_a_thread() {
    let caller = thread::Builder::new().stack_size(8 << 20).spawn(|| {
        let here = thread::current().id();
        assert_eq!(enter(|| thread::current().id()).unwrap(), here);
        for size in [64 << 10, 16 << 20] {
            let stack = DefaultStack::new(size).unwrap();
            let mut coroutine = Coroutine::with_stack(stack, |_: &Yielder<(), ()>, ()| {
                enter(|| thread::current().id()).unwrap()
            });
            assert_ne!(coroutine.resume(()).as_return(), Some(here));
        }
    });
    caller.unwrap().join().unwrap();
}
