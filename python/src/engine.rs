//! An engine that is written in Python, for what is driven from here.

use ckpt_policy_runtime::{Collective, Engine, EngineError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::exchange::{integers, of_integers};

/// A Python object with `rank`, `world_size`, `all_gather` and `all_reduce`.
pub(crate) struct Carrying {
    engine: Py<PyAny>,
    rank: u32,
    world_size: u32,
    collectives: u64,
}

impl Carrying {
    pub(crate) fn new(engine: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            rank: engine.getattr("rank")?.extract()?,
            world_size: engine.getattr("world_size")?.extract()?,
            engine: engine.clone().unbind(),
            collectives: 0,
        })
    }

    fn call<T>(
        &mut self,
        operation: &'static str,
        call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, EngineError> {
        self.collectives += 1;
        let number = self.collectives;
        Python::attach(|py| {
            let engine = self.engine.bind(py);
            call(engine).map_err(|error| EngineError::Transport {
                collective: Collective { operation, number },
                what: error.value(py).to_string(),
            })
        })
    }
}

impl Engine for Carrying {
    fn rank(&self) -> u32 {
        self.rank
    }

    fn world_size(&self) -> u32 {
        self.world_size
    }

    fn all_gather(&mut self, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        self.call("all_gather", |engine| {
            let message = PyBytes::new(engine.py(), message);
            let all = engine.call_method1("all_gather", (message,))?;
            Ok(all.extract::<&[u8]>()?.to_vec())
        })
    }

    fn all_reduce_sum(&mut self, numbers: &mut [i64]) -> Result<(), EngineError> {
        self.all_reduce(numbers, &mut [])
    }

    fn all_reduce_max(&mut self, numbers: &mut [i64]) -> Result<(), EngineError> {
        self.all_reduce(&mut [], numbers)
    }

    fn all_reduce(&mut self, sum: &mut [i64], max: &mut [i64]) -> Result<(), EngineError> {
        let (sums, maxima) = self.call("all_reduce", |engine| {
            let py = engine.py();
            let own = (of_integers(py, sum), of_integers(py, max));
            let all = engine.call_method1("all_reduce", own)?;
            let (sums, maxima): (Bound<'_, PyBytes>, Bound<'_, PyBytes>) = all.extract()?;
            Ok((integers(sums.as_bytes())?, integers(maxima.as_bytes())?))
        })?;
        let lengths = [(sum.len(), sums.len()), (max.len(), maxima.len())];
        if lengths.iter().any(|(own, all)| own != all) {
            return Err(EngineError::Transport {
                collective: Collective {
                    operation: "all_reduce",
                    number: self.collectives,
                },
                what: "it returned another number of integers than it was given".to_owned(),
            });
        }
        sum.copy_from_slice(&sums);
        max.copy_from_slice(&maxima);
        Ok(())
    }
}
