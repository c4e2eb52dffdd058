//! libFuzzer's front end of the target `trace`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ckpt_policy_fuzz::run("trace", bytes));
