//! From where a run goes on.

use ckpt_policy_core::{Error, OnDisk, Snapshot};
use pyo3::prelude::*;

/// From where a run goes on.
///
/// `snapshot` is what `Host.snapshot` returned. `checkpoint` is the one that the weights come from: it
/// is protected until the run goes on from another, and what is younger is an abandoned future; without
/// it the run goes on where the snapshot was taken, as if it had never stopped. `directory` is the newest
/// snapshot of the checkpoints' folder where `snapshot` is an older one, and `on_disk` what was found
/// there, complete on all ranks: tuples of checkpoint, step, epoch and bytes; by default what the
/// snapshot says.
#[pyclass(frozen, skip_from_py_object, module = "ckpt_policy")]
#[derive(Clone, Debug)]
pub(crate) struct Resume {
    snapshot: String,
    /// The checkpoint that the weights come from.
    #[pyo3(get)]
    checkpoint: Option<u64>,
    directory: Option<String>,
    on_disk: Option<Vec<(u64, u64, u64, u64)>>,
}

#[pymethods]
impl Resume {
    #[new]
    #[pyo3(signature = (snapshot, checkpoint = None, *, directory = None, on_disk = None))]
    fn new(
        snapshot: String,
        checkpoint: Option<u64>,
        directory: Option<String>,
        on_disk: Option<Vec<(u64, u64, u64, u64)>>,
    ) -> Self {
        Self {
            snapshot,
            checkpoint,
            directory,
            on_disk,
        }
    }

    fn __repr__(&self) -> String {
        match self.checkpoint {
            Some(id) => format!("<Resume from checkpoint {id}>"),
            None => "<Resume where the snapshot was taken>".to_owned(),
        }
    }
}

impl Resume {
    /// Reads the snapshots.
    pub(crate) fn read(&self) -> Result<ckpt_policy_core::Resume, Error> {
        let directory = self.directory.as_deref();
        let found = |(id, step, epoch, bytes): &(u64, u64, u64, u64)| OnDisk {
            id: *id,
            step: *step,
            epoch: *epoch,
            bytes: *bytes,
        };
        let on_disk = self.on_disk.as_ref();
        Ok(ckpt_policy_core::Resume {
            snapshot: Snapshot::from_json(&self.snapshot)?,
            directory: directory.map(Snapshot::from_json).transpose()?,
            from: self.checkpoint,
            disk: on_disk.map(|found_there| found_there.iter().map(found).collect()),
        })
    }
}
