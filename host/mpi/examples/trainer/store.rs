//! Checkpoints on disk, one file each: the parameters, and the host's snapshot of that moment.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use ckpt_policy_core::contract::CheckpointId;
use ckpt_policy_core::{OnDisk, Snapshot};

use crate::Failure;
use crate::model::{Model, PARAMETERS};

/// A folder of checkpoints.
pub(crate) struct Store {
    folder: PathBuf,
}

/// A checkpoint that was read.
pub(crate) struct Checkpoint {
    pub(crate) id: CheckpointId,
    pub(crate) epoch: u64,
    pub(crate) model: Model,
    pub(crate) snapshot: Snapshot,
    bytes: u64,
}

impl Store {
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_path_buf(),
        })
    }

    /// Writes a checkpoint and returns its size. It has its name only once it is whole.
    pub(crate) fn write(
        &self,
        id: CheckpointId,
        epoch: u64,
        model: &Model,
        snapshot: &Snapshot,
    ) -> Result<u64, Failure> {
        // As bits, so that training goes on with the very same numbers.
        let bits = model
            .0
            .map(|parameter| format!("{:016x}", parameter.to_bits()));
        let text = format!("{epoch}\n{}\n{}\n", bits.join(" "), snapshot.to_json());
        let partial = self.folder.join("partial");
        let mut file = fs::File::create(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, self.path(id))?;
        Ok(text.len() as u64)
    }

    /// Deletes a checkpoint; one that is gone already stays gone.
    pub(crate) fn delete(&self, id: CheckpointId) -> Result<(), Failure> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Returns the newest checkpoint, if there is one.
    pub(crate) fn newest(&self) -> Result<Option<Checkpoint>, Failure> {
        Ok(self.all()?.pop())
    }

    /// Lists what is here, for the host.
    pub(crate) fn on_disk(&self) -> Result<Vec<OnDisk>, Failure> {
        let found = |it: Checkpoint| OnDisk {
            id: it.id,
            step: it.epoch,
            epoch: it.epoch,
            bytes: it.bytes,
        };
        Ok(self.all()?.into_iter().map(found).collect())
    }

    /// Reads all checkpoints, oldest first.
    fn all(&self) -> Result<Vec<Checkpoint>, Failure> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let id = path
                .file_stem()
                .and_then(|stem| stem.to_str()?.parse().ok());
            if let (Some(id), Some("ckpt")) = (id, path.extension().and_then(|it| it.to_str())) {
                all.push(read(id, &fs::read_to_string(&path)?)?);
            }
        }
        all.sort_by_key(|it| it.id);
        Ok(all)
    }

    fn path(&self, id: CheckpointId) -> PathBuf {
        self.folder.join(format!("{id}.ckpt"))
    }
}

fn read(id: CheckpointId, text: &str) -> Result<Checkpoint, Failure> {
    let broken = || format!("checkpoint {id} is broken; delete it");
    let mut lines = text.lines();
    let mut line = || lines.next().ok_or_else(broken);
    let epoch = line()?.parse()?;
    let mut parameters = [0.0; PARAMETERS];
    let mut bits = line()?.split(' ');
    for parameter in &mut parameters {
        let bits = bits.next().ok_or_else(broken)?;
        *parameter = f64::from_bits(u64::from_str_radix(bits, 16)?);
    }
    Ok(Checkpoint {
        id,
        epoch,
        model: Model(parameters),
        snapshot: Snapshot::from_json(line()?)?,
        bytes: text.len() as u64,
    })
}
