//! Properties of generated inputs: the first input that breaks one is made as small as it gets.

use std::cell::RefCell;
use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::{Finding, Trial};

/// Tries a property on as many inputs as the request says, with `id` and the seed choosing them.
///
/// # Errors
///
/// The smallest input that was found to break it, and what it broke.
pub(super) fn holds<S>(
    trial: &Trial<'_>,
    id: &str,
    strategy: &S,
    property: impl Fn(&S::Value) -> Result<(), String>,
) -> Result<u64, Finding>
where
    S: Strategy,
    S::Value: Debug,
{
    let tried = RefCell::new(0_u64);
    let mut runner = TestRunner::new_with_rng(
        Config {
            cases: trial.request.depth.cases,
            failure_persistence: None,
            max_shrink_iters: MOST_SHRINKING,
            ..Config::default()
        },
        generator(trial.request.seed, id),
    );
    let result = runner.run(strategy, |input| {
        *tried.borrow_mut() += 1;
        property(&input).map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => Ok(tried.into_inner()),
        Err(TestError::Fail(reason, input)) => Err(Finding {
            what: reason.message().to_owned(),
            input: format!("{input:#?}"),
            config: String::new(),
            mend: String::new(),
        }),
        Err(TestError::Abort(reason)) => Err(Finding {
            what: format!("the inputs could not be generated: {reason}"),
            input: String::new(),
            config: String::new(),
            mend: String::new(),
        }),
    }
}

/// Each check has random numbers of its own, so that adding one changes no other.
pub(super) fn generator(seed: u64, id: &str) -> TestRng {
    let mut bytes = [0_u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    for (index, byte) in id.bytes().enumerate() {
        bytes[8 + index % 24] ^= byte.rotate_left((index / 24) as u32);
    }
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// Steps in which an input is made smaller.
const MOST_SHRINKING: u32 = 2_000;
