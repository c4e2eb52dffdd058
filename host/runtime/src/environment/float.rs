//! The floating-point modes of the calling thread: rounding, flush-to-zero, exceptions.

#![expect(
    unsafe_code,
    reason = "the control register can only be reached by an instruction that Rust has no safe name for"
)]

pub(super) use register::{read, write};

/// The modes that the caller had; dropping it brings them back.
#[must_use]
pub(super) struct FloatModes {
    callers: Register,
}

impl FloatModes {
    /// Rounds to nearest even, keeps subnormal numbers, raises no exception, until dropped.
    pub(super) fn set_default() -> Self {
        let callers = read();
        // Writing costs more than reading, and almost never is there anything to write.
        if callers & register::MODES != register::DEFAULT {
            write(register::DEFAULT);
        }
        Self { callers }
    }
}

impl Drop for FloatModes {
    fn drop(&mut self) {
        if self.callers & register::MODES != register::DEFAULT {
            write(self.callers);
        }
    }
}

#[cfg(target_arch = "x86_64")]
type Register = u32;
#[cfg(target_arch = "x86_64")]
mod register {
    use std::arch::asm;

    /// All exceptions masked, rounding to nearest, neither flush-to-zero nor
    /// denormals-are-zero: the state in which the ABI starts a program.
    pub(super) const DEFAULT: u32 = 0x1f80;
    /// All but the six sticky flags, which say what happened and change nothing.
    pub(super) const MODES: u32 = !0x3f;

    pub(crate) fn read() -> u32 {
        let mut value = 0_u32;
        // SAFETY: the instruction stores the four bytes of MXCSR at the address of `value`.
        unsafe {
            asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags));
        }
        value
    }

    pub(crate) fn write(value: u32) {
        // SAFETY: `value` is the default, or was read from the register, so no reserved bit is
        // set; between a change and its undoing only code that relies on the default modes runs.
        unsafe {
            asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, preserves_flags, readonly));
        }
    }
}

#[cfg(target_arch = "aarch64")]
type Register = u64;
#[cfg(target_arch = "aarch64")]
mod register {
    use std::arch::asm;

    /// Rounding to nearest, subnormals kept, no traps: the state in which the ABI starts a program.
    pub(super) const DEFAULT: u64 = 0;
    /// Every bit of FPCR is a mode; the sticky flags are in another register.
    pub(super) const MODES: u64 = !0;

    pub(crate) fn read() -> u64 {
        let value: u64;
        // SAFETY: reading FPCR has no side effect.
        unsafe {
            asm!("mrs {}, fpcr", out(reg) value, options(nomem, nostack, preserves_flags));
        }
        value
    }

    pub(crate) fn write(value: u64) {
        // SAFETY: `value` is the default, or was read from the register; between a change and its
        // undoing only code that relies on the default modes runs.
        unsafe {
            asm!("msr fpcr, {}", in(reg) value, options(nostack, preserves_flags));
        }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("ckpt-policy runs where the floating-point modes can be set: on x86_64 and aarch64");
