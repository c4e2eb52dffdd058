//! The world of one rank.

use crate::engine::{Engine, EngineError};

/// One rank alone: its own message is all messages, its own numbers are the sums.
#[derive(Clone, Copy, Debug, Default)]
pub struct Solo;

impl Engine for Solo {
    fn rank(&self) -> u32 {
        0
    }

    fn world_size(&self) -> u32 {
        1
    }

    fn all_gather(&mut self, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        Ok(message.to_vec())
    }

    fn all_reduce_sum(&mut self, _numbers: &mut [i64]) -> Result<(), EngineError> {
        Ok(())
    }

    fn all_reduce_max(&mut self, _numbers: &mut [i64]) -> Result<(), EngineError> {
        Ok(())
    }
}
