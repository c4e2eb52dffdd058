//! What a round came to.

use std::sync::Arc;

use ckpt_policy::journal;
use ckpt_policy_core::PolicyInfo;
use pyo3::prelude::*;

use crate::host::names;

/// What the host tells the trainer to do now; the same on all ranks.
#[pyclass(frozen, module = "ckpt_policy")]
pub(crate) struct Outcome {
    inner: ckpt_policy_core::Outcome,
    policies: Arc<[PolicyInfo]>,
}

impl Outcome {
    pub(crate) fn new(inner: ckpt_policy_core::Outcome, policies: Arc<[PolicyInfo]>) -> Self {
        Self { inner, policies }
    }
}

#[pymethods]
impl Outcome {
    /// The moment at which the policies were asked.
    #[getter]
    fn moment(&self) -> &'static str {
        self.inner.moment.name()
    }

    /// The round's number from 1; `None` where nobody was due and nothing was exchanged.
    #[getter]
    fn round(&self) -> Option<u64> {
        self.inner.round
    }

    /// Write a checkpoint now, under the number in `checkpoint`.
    #[getter]
    fn save(&self) -> bool {
        self.inner.save
    }

    /// The checkpoint to write or, without `save`, the one of this step that is asked for again.
    #[getter]
    fn checkpoint(&self) -> Option<u64> {
        self.inner.checkpoint
    }

    /// Why a save that was asked for is not made, such as a veto.
    #[getter]
    fn refused(&self) -> Option<&str> {
        self.inner.refused.as_deref()
    }

    /// What enforced policies tell the trainer, saved or not; sorted, each once.
    #[getter]
    fn tags(&self) -> Vec<String> {
        self.inner.tags.clone()
    }

    /// Checkpoints to delete now, on all ranks; repeated until every rank has reported them.
    #[getter]
    fn delete(&self) -> Vec<u64> {
        self.inner.delete.clone()
    }

    /// End the training after this moment.
    #[getter]
    fn stop(&self) -> bool {
        self.inner.stop
    }

    /// Saves that ended on all ranks, as this round learnt: tuples of the checkpoint and the ranks on
    /// which it failed, none where it is complete.
    #[getter]
    fn ended(&self) -> Vec<(u64, Vec<u32>)> {
        let ended = self.inner.ended.iter();
        ended.map(|it| (it.id, it.failed_ranks.clone())).collect()
    }

    /// A save came to its end: drive a settling round next.
    #[getter]
    fn settle(&self) -> bool {
        self.inner.settle
    }

    /// Some rank was told to leave: the moment `interrupted` comes next.
    #[getter]
    fn interrupted(&self) -> bool {
        self.inner.interrupted
    }

    /// Names of the policies that failed once too often in this round and are not asked any more.
    #[getter]
    fn disabled(&self) -> Vec<String> {
        names(
            &self.policies,
            self.inner.disabled.iter().map(|it| it.policy),
        )
    }

    /// Why policies could not answer: tuples of name and text.
    #[getter]
    fn errors(&self) -> Vec<(String, String)> {
        let named = self.inner.opinions.iter().filter_map(|it| {
            let policy = names(&self.policies, [it.policy]).concat();
            Some((policy, it.error.clone()?))
        });
        named.collect()
    }

    /// What each policy said, as the journal writes it: a list of dictionaries with `name`, `mode`,
    /// `ballot`, `reason`, `values`, `figures` and the rest that `host/cli/FORMATS.md` describes.
    #[getter]
    fn opinions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let json = py.import("json")?;
        let opinions = journal::opinions_json(&self.inner.opinions, &self.policies);
        json.call_method1("loads", (opinions,))
    }

    fn __repr__(&self) -> String {
        let moment = self.moment();
        let Some(round) = self.inner.round else {
            return format!("<Outcome of `{moment}`: nobody was asked>");
        };
        let mut said = Vec::new();
        match (self.inner.checkpoint, &self.inner.refused) {
            (Some(id), _) if self.inner.save => said.push(format!("save checkpoint {id}")),
            (_, Some(why)) => said.push(format!("a save was refused: {why}")),
            _ => {}
        }
        if !self.inner.delete.is_empty() {
            said.push(format!("delete {:?}", self.inner.delete));
        }
        for (holds, what) in [
            (self.inner.settle, "settle"),
            (self.inner.interrupted, "interrupted"),
            (self.inner.stop, "stop"),
        ] {
            if holds {
                said.push(what.to_owned());
            }
        }
        let said = match said.is_empty() {
            true => "go on".to_owned(),
            false => said.join(", "),
        };
        format!("<Outcome of `{moment}`, round {round}: {said}>")
    }
}
