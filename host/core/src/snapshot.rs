//! All that a run needs to go on, as one JSON document with a version and a checksum.
//!
//! Values are kept by name (of a metric, of a reduction, of a policy), never by position, so a
//! changed plan finds them again. Does not read or write a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::contract::CheckpointId;
use crate::error::Error;
use crate::number::Number;
use crate::outcome::Mode;
use crate::text;

/// The version of the format that this host writes.
const FORMAT: u32 = 1;

/// All that a run needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub(crate) body: Body,
}

/// From where a run goes on.
#[derive(Clone, Debug)]
pub struct Resume {
    /// States, ledger and per-rank values.
    pub snapshot: Snapshot,
    /// The newest snapshot of the checkpoint directory, where `snapshot` is an older one: the
    /// ledger is taken from it, states and values from `snapshot`.
    pub directory: Option<Snapshot>,
    /// The checkpoint that the weights come from; it is protected from now on, and what is younger
    /// is an abandoned future. `None`: the run goes on where the snapshot was taken, as if it had
    /// never stopped.
    pub from: Option<CheckpointId>,
    /// What is on disk, complete on all ranks; `None`: what the ledger says.
    pub disk: Option<Vec<OnDisk>>,
}

/// A checkpoint that the trainer found on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDisk {
    /// Its id.
    pub id: CheckpointId,
    /// Optimizer steps done when it was saved.
    pub step: u64,
    /// Epoch in progress then.
    pub epoch: u64,
    /// Size in bytes over all ranks; zero where unknown.
    pub bytes: u64,
}

/// The document around the body.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Version of the format.
    snapshot: u32,
    /// SHA-256 of the body as this host writes it, hex.
    checksum: String,
    body: Body,
}

/// What is in a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Body {
    pub(crate) contract: String,
    pub(crate) world_size: u32,
    pub(crate) round: u64,
    pub(crate) next_id: CheckpointId,
    pub(crate) restarts: u64,
    /// Left out where there is none, so that a run without restarts is read by hosts that do not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) came_from: Option<CheckpointId>,
    pub(crate) failed_saves: u64,
    pub(crate) step: u64,
    pub(crate) epoch: u64,
    pub(crate) step_end: u64,
    pub(crate) round_step: u64,
    pub(crate) interrupted: bool,
    /// Digest of the newest outcome, hex.
    pub(crate) outcome: String,
    pub(crate) policies: Vec<PolicyPart>,
    pub(crate) ledger: LedgerPart,
    /// What ranks remember between events, by name: each rank's number and the step of it.
    pub(crate) memory: BTreeMap<String, Vec<(Option<Number>, u64)>>,
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PolicyPart {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    /// SHA-256 of its file, hex.
    pub(crate) sha256: String,
    /// Its configuration, keys sorted.
    pub(crate) config: String,
    /// Base64.
    pub(crate) state: String,
    pub(crate) not_before: Option<u64>,
    pub(crate) labels: BTreeMap<String, CheckpointId>,
    /// Rounds in a row in which it failed. Left out where there are none, so that a document without
    /// failures is read by hosts that do not count them, and one with failures is not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) failures: u64,
    /// The ledger of a shadow.
    pub(crate) ledger: Option<LedgerPart>,
}

/// A ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LedgerPart {
    pub(crate) checkpoints: Vec<EntryPart>,
    pub(crate) deleting: Vec<CheckpointId>,
}

/// One checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct EntryPart {
    pub(crate) id: CheckpointId,
    pub(crate) step: u64,
    pub(crate) epoch: u64,
    pub(crate) elapsed_seconds: Option<Number>,
    pub(crate) complete: bool,
    pub(crate) bytes: u64,
    pub(crate) pinned: bool,
    pub(crate) abandoned: bool,
    pub(crate) tags: Vec<String>,
    /// Names of the policies that hold it.
    pub(crate) held_by: Vec<String>,
    /// Names of the policies that asked for it.
    pub(crate) asked_by: Vec<String>,
    /// Releases that wait for it, by policy.
    pub(crate) releases: Vec<(String, Vec<CheckpointId>)>,
    /// Reduced values then, by reduction.
    pub(crate) values: BTreeMap<String, Option<Number>>,
    /// Each rank's inputs then, by name.
    pub(crate) inputs: BTreeMap<String, Vec<Option<Number>>>,
}

impl Snapshot {
    /// Reads a snapshot and proves its version and checksum.
    ///
    /// # Errors
    ///
    /// [`Error::Snapshot`] with what was expected and what was found.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Version {
            snapshot: u32,
        }
        let unreadable = |error: serde_json::Error| Error::Snapshot(error.to_string());
        // The version first, so that a newer document is named as one and not as a broken one.
        let Version { snapshot } = serde_json::from_str(text).map_err(unreadable)?;
        if snapshot != FORMAT {
            return Err(Error::Snapshot(format!(
                "its format is version {snapshot}, this host reads version {FORMAT}; use the host that wrote it, or a newer one"
            )));
        }
        let document: Document = serde_json::from_str(text).map_err(unreadable)?;
        let checksum = document.body.checksum();
        if checksum != document.checksum {
            return Err(Error::Snapshot(format!(
                "its checksum is `{}`, but its content gives `{checksum}`; the file was cut or changed, use an older one",
                document.checksum
            )));
        }
        Ok(Self {
            body: document.body,
        })
    }

    /// Writes the document: one line of JSON, the same bytes for the same snapshot.
    #[must_use]
    pub fn to_json(&self) -> String {
        let checksum = self.body.checksum();
        let document = Document {
            snapshot: FORMAT,
            checksum,
            body: self.body.clone(),
        };
        text::json(serde_json::to_string(&document).unwrap_or_default())
    }

    /// Returns the checkpoints that the enforced ledger lists as complete.
    #[must_use]
    pub fn on_disk(&self) -> Vec<OnDisk> {
        let complete = self
            .body
            .ledger
            .checkpoints
            .iter()
            .filter(|entry| entry.complete);
        complete
            .map(|entry| OnDisk {
                id: entry.id,
                step: entry.step,
                epoch: entry.epoch,
                bytes: entry.bytes,
            })
            .collect()
    }

    /// Returns the world size of the run that it was taken of.
    #[must_use]
    pub fn world_size(&self) -> u32 {
        self.body.world_size
    }
}

impl Body {
    fn checksum(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        hex(&Sha256::digest(text))
    }
}

impl Resume {
    /// Returns how a run goes on where `snapshot` was taken, as if it had never stopped.
    #[must_use]
    pub fn seamless(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            directory: None,
            from: None,
            disk: None,
        }
    }

    /// Returns what all ranks must have in common of it.
    pub(crate) fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        for snapshot in [Some(&self.snapshot), self.directory.as_ref()] {
            digest.update(snapshot.map(|it| it.body.checksum()).unwrap_or_default());
        }
        // An empty directory is not one that nobody looked into; the order is a file system's.
        digest.update([u8::from(self.disk.is_some())]);
        let mut disk: Vec<_> = self.disk.iter().flatten().collect();
        disk.sort_by_key(|found| found.id);
        for found in disk {
            for number in [found.id, found.step, found.epoch, found.bytes] {
                digest.update(number.to_le_bytes());
            }
        }
        let from = self
            .from
            .map_or_else(|| "its end".to_owned(), |id| format!("checkpoint {id}"));
        format!(
            "{from}, snapshot and disk {}",
            &hex(&digest.finalize())[..16]
        )
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Writes bytes as lower-case hex.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
