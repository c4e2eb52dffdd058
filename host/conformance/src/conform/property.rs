//! Properties of generated inputs: the first input that breaks one is made as small as it gets.
//!
//! What it does not do: know what an input is. Whoever states a property also says how the input
//! that broke it reads ([`Broken`]).
//!
//! Invariant: inputs follow from the seed and the property's name alone, never from what other checks
//! have drawn.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Finding, Request};

/// What an input broke, and the input, both for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// What was expected and what was found.
    pub(super) what: String,
    /// The input, so that a person can read and repeat it.
    pub(super) input: String,
}

/// How a property is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Property<'a> {
    id: &'a str,
    request: &'a Request,
    cases: u32,
    part: usize,
}

impl<'a> Property<'a> {
    /// Tries as many inputs as the request says; `id` and the seed choose them.
    pub(super) fn new(id: &'a str, request: &'a Request) -> Self {
        Self {
            id,
            request,
            cases: request.depth.cases,
            part: 0,
        }
    }

    /// One of `parts` that share the inputs, such as one of the configurations.
    pub(super) fn part(self, part: usize, parts: usize) -> Self {
        let parts = u32::try_from(parts).unwrap_or(u32::MAX).max(1);
        Self {
            cases: self.cases.div_ceil(parts),
            part: self.part * 31 + part,
            ..self
        }
    }

    /// Tries the property, and returns how many inputs it held for.
    ///
    /// # Errors
    ///
    /// What the smallest input that was found breaks.
    pub(super) fn holds<S: Strategy>(
        &self,
        strategy: &S,
        property: impl Fn(&S::Value) -> Result<(), Broken>,
    ) -> Result<u64, Finding> {
        let mut runner = self.runner();
        for _ in 0..self.cases {
            let mut tree = strategy
                .new_tree(&mut runner)
                .map_err(|reason| Finding::of(format!("no input could be made: {reason}")))?;
            if let Err(broken) = property(&tree.current()) {
                let Broken { what, input } = self.shrink(&mut tree, &property, broken);
                return Err(Finding {
                    input,
                    ..Finding::of(what)
                });
            }
        }
        Ok(self.cases.into())
    }

    /// Makes the source of the random numbers. Each property has its own, so that adding one
    /// changes no other.
    pub(super) fn runner(&self) -> TestRunner {
        let mut bytes = [0_u8; 32];
        bytes[..8].copy_from_slice(&self.request.seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&(self.part as u64).to_le_bytes());
        for (index, byte) in self.id.bytes().enumerate() {
            bytes[16 + index % 16] ^= byte.rotate_left((index / 16) as u32);
        }
        // How many inputs, and how they are made smaller, is decided here, not by the environment.
        let config = Config {
            failure_persistence: None,
            ..Config::with_cases(self.cases)
        };
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    /// Makes an input smaller for as long as it breaks the property.
    fn shrink<T: ValueTree>(
        &self,
        tree: &mut T,
        property: &impl Fn(&T::Value) -> Result<(), Broken>,
        mut broken: Broken,
    ) -> Broken {
        let mut goes_on = tree.simplify();
        for _ in 0..self.request.depth.cases * SHRINKING {
            if !goes_on {
                break;
            }
            goes_on = match property(&tree.current()) {
                Err(smaller) => {
                    broken = smaller;
                    tree.simplify()
                }
                Ok(()) => tree.complicate(),
            };
        }
        broken
    }
}

/// Steps in which an input is made smaller, for each input that is tried.
const SHRINKING: u32 = 8;
