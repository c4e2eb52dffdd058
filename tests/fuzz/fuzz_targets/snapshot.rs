//! libFuzzer's front end of the target `snapshot`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ckpt_policy_fuzz::run("snapshot", bytes));
