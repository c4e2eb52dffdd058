//! One rank's host, as Python sees it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ckpt_policy_core::{Held, Place, PolicyInfo, Progress, Saved};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::{UsageError, of_host};
use crate::event::Event;
use crate::exchange::{self, Exchange};
use crate::opening::{Next, Opening};
use crate::outcome::Outcome;
use crate::resume::Resume;

/// One rank's host; `ckpt_policy.Host` makes it.
#[pyclass(subclass, module = "ckpt_policy")]
pub(crate) struct Host {
    place: Place,
    /// Locked by whoever has the host for itself; a policy cannot be used by two threads at once.
    state: Mutex<State>,
    warnings: Vec<String>,
    policies: Arc<[PolicyInfo]>,
}

enum State {
    /// Before the opening, or amid it.
    Opening {
        opening: Box<Opening>,
        begun: bool,
    },
    Open {
        host: Box<ckpt_policy_core::Host>,
        /// The exchange under way is one of a snapshot.
        snapshot: bool,
    },
    Closed,
}

/// A checkpoint of the ledger.
#[pyclass(frozen, get_all, module = "ckpt_policy")]
pub(crate) struct Checkpoint {
    /// Its number, which names it for the whole run.
    id: u64,
    /// Optimizer steps done when it was saved.
    step: u64,
    /// The epoch in progress then, from 0.
    epoch: u64,
    /// Whether it is durable on every rank.
    complete: bool,
    /// Whether something outside protects it, as the checkpoint that a run goes on from.
    pinned: bool,
    /// Bytes over all ranks; 0 until it is complete.
    bytes: u64,
    /// Of all policies that asked for it.
    tags: Vec<String>,
    /// Names of the policies that hold it.
    holders: Vec<String>,
}

#[pymethods]
impl Checkpoint {
    fn __repr__(&self) -> String {
        let state = if self.complete {
            "complete"
        } else {
            "in flight"
        };
        let (id, step, epoch) = (self.id, self.step, self.epoch);
        let holders = self.holders.join(", ");
        format!("<Checkpoint {id} of step {step}, epoch {epoch}, {state}, held by: {holders}>")
    }
}

#[pymethods]
impl Host {
    #[new]
    #[pyo3(signature = (config, rank, world_size, is_json, site, resume))]
    fn new(
        py: Python<'_>,
        config: String,
        rank: u32,
        world_size: u32,
        is_json: bool,
        site: Option<PathBuf>,
        resume: Option<Bound<'_, Resume>>,
    ) -> PyResult<Self> {
        if rank >= world_size {
            return Err(PyValueError::new_err(format!(
                "rank {rank} of {world_size}: ranks count from 0 to world size - 1"
            )));
        }
        let place = Place { rank, world_size };
        let resume = resume.map(|resume| resume.get().clone());
        let opening =
            py.detach(|| Opening::new(place, (&config, is_json), site.as_deref(), resume));
        Ok(Self {
            place,
            warnings: opening.warnings.clone(),
            state: Mutex::new(State::Opening {
                opening: Box::new(opening),
                begun: false,
            }),
            policies: Arc::new([]),
        })
    }

    /// This rank, from 0.
    #[getter]
    fn rank(&self) -> u32 {
        self.place.rank
    }

    /// The number of ranks.
    #[getter]
    fn world_size(&self) -> u32 {
        self.place.world_size
    }

    /// Whether the ranks have opened together, and the host is not closed.
    #[getter]
    fn is_open(&mut self) -> bool {
        matches!(state(&mut self.state), State::Open { .. })
    }

    /// What is allowed and hardly meant in the configuration, and what was wrong with the compile cache.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// Names of the policies, in the order of the configuration; empty before the opening.
    #[getter]
    fn policies(&self) -> Vec<String> {
        self.policies.iter().map(|info| info.name.clone()).collect()
    }

    /// Names of the metrics and facts that the policies read on each rank, sorted; empty before the opening.
    #[getter]
    fn inputs(&self) -> Vec<String> {
        let inputs = self.policies.iter().flat_map(|info| &info.plan.inputs);
        let mut names: Vec<String> = inputs.map(|input| input.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Names of the moments at which the policies are asked, sorted; empty before the opening.
    #[getter]
    fn moments(&self) -> Vec<String> {
        let moments = self.policies.iter().flat_map(|info| &info.plan.moments);
        let mut names: Vec<String> = moments.cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    /// How numbers travel in this world: `gather` or `reduce`.
    #[getter]
    fn encoding(&mut self) -> PyResult<String> {
        Ok(format!("{:?}", open(&mut self.state)?.encoding()).to_lowercase())
    }

    /// Rounds that have been completed.
    #[getter]
    fn rounds(&mut self) -> PyResult<u64> {
        Ok(open(&mut self.state)?.rounds())
    }

    /// The checkpoints of the ledger, oldest first: those that are kept, or being written.
    #[getter]
    fn checkpoints(&mut self) -> PyResult<Vec<Checkpoint>> {
        let held = |held: Held| Checkpoint {
            id: held.id,
            step: held.step,
            epoch: held.epoch,
            complete: held.complete,
            pinned: held.pinned,
            bytes: held.bytes,
            tags: held.tags,
            holders: names(&self.policies, held.holders),
        };
        Ok(open(&mut self.state)?.checkpoints().map(held).collect())
    }

    /// What labels point at: tuples of the policy's name, the label, and the checkpoint.
    #[getter]
    fn labels(&mut self) -> PyResult<Vec<(String, String, u64)>> {
        let labels = open(&mut self.state)?.labels();
        let named = labels.map(|(policy, label, id)| {
            let policy = names(&self.policies, [policy]).concat();
            (policy, label.to_owned(), id)
        });
        Ok(named.collect())
    }

    /// Names of the policies that have failed too often and are not asked any more.
    #[getter]
    fn disabled(&mut self) -> PyResult<Vec<String>> {
        let disabled = open(&mut self.state)?.disabled();
        Ok(names(&self.policies, disabled.map(|(policy, _)| policy)))
    }

    /// What policies failed with on this rank in the newest round: tuples of name and text.
    #[getter]
    fn faults(&mut self) -> PyResult<Vec<(String, String)>> {
        let faults = open(&mut self.state)?.faults();
        let named = faults.map(|(policy, text)| {
            let policy = names(&self.policies, [policy]).concat();
            (policy, text.to_owned())
        });
        Ok(named.collect())
    }

    /// Begins the opening: the ranks prove to each other that they run the same thing.
    ///
    /// Carry the exchange and hand what came of it to `complete`, until that returns `None`.
    ///
    /// Raises `UsageError` where the host is open already, or closed.
    fn begin_open(&mut self) -> PyResult<Exchange> {
        match state(&mut self.state) {
            State::Opening { opening, begun } if !*begun => {
                *begun = true;
                Ok(Exchange(opening.begin()))
            }
            State::Opening { .. } => Err(UsageError::new_err(
                "the opening is under way: call `complete` with what came of its exchange",
            )),
            State::Open { .. } => Err(UsageError::new_err("the host is open already")),
            State::Closed => Err(closed()),
        }
    }

    /// Begins the round of an event.
    ///
    /// Returns an `Exchange` to be carried and handed to `complete`; or at once the `Outcome`, where no
    /// policy is due. Raises `UsageError` while another exchange is under way.
    fn begin(&mut self, py: Python<'_>, event: &Bound<'_, Event>) -> PyResult<Py<PyAny>> {
        let event = &event.get().0;
        self.progress(py, |host| host.begin(event))
    }

    /// Begins the round in which all ranks learn how a save ended; like `begin`.
    fn begin_settle(&mut self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.progress(py, ckpt_policy_core::Host::settle)
    }

    /// Begins to settle what is left at the end of a run; like `begin`.
    fn begin_finish(&mut self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.progress(py, ckpt_policy_core::Host::finish)
    }

    /// Begins a snapshot: returns an `Exchange`, or at once the snapshot as text (JSON).
    fn begin_snapshot(&mut self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let progress = open(&mut self.state)?
            .snapshot()
            .map_err(|it| of_host(&it))?;
        self.snapshot_or_more(py, progress)
    }

    /// Takes what came of the exchange under way, and goes on.
    ///
    /// `carried` is what all ranks have brought: for `gather` their messages, concatenated in the order
    /// of the ranks; for `reduce` a tuple of the sums and the maxima, both bytes of 64-bit integers in
    /// the machine's order. Returns one more `Exchange`, or the result: an `Outcome`, a snapshot, or
    /// `None` once the host is open.
    ///
    /// Raises `AgreementError` where the ranks differ, the same on all of them, and nothing has changed.
    fn complete(&mut self, py: Python<'_>, carried: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let carried = exchange::carried(carried)?;
        match state(&mut self.state) {
            State::Opening { begun: true, .. } => self.complete_opening(py, &carried),
            State::Open {
                host,
                snapshot: true,
            } => {
                let progress = host.complete_snapshot(&carried);
                match progress {
                    Ok(progress) => self.snapshot_or_more(py, progress),
                    Err(error) => {
                        self.is_snapshot_under_way(false);
                        Err(of_host(&error))
                    }
                }
            }
            State::Open { .. } => self.progress(py, |host| host.complete(&carried)),
            State::Opening { .. } => Err(UsageError::new_err(
                "`complete` without an exchange under way: call `begin_open` first",
            )),
            State::Closed => Err(closed()),
        }
    }

    /// Gives up the exchange under way, since it was not carried: the host is as it was before the
    /// round. The other ranks do not learn of it, so the run ends here, and goes on from a snapshot.
    fn give_up(&mut self) -> PyResult<()> {
        self.is_snapshot_under_way(false);
        open(&mut self.state)?.give_up();
        Ok(())
    }

    /// Reports that this rank's part of a checkpoint is durable.
    ///
    /// `bytes` is its size on this rank, `seconds` the time from the start to durable, and
    /// `stall_seconds` how long of that the training stood still. Raises `UsageError` where the
    /// checkpoint is not in flight, or was reported before.
    #[pyo3(signature = (checkpoint, bytes = 0, seconds = None, stall_seconds = None))]
    fn saved(
        &mut self,
        checkpoint: u64,
        bytes: u64,
        seconds: Option<f64>,
        stall_seconds: Option<f64>,
    ) -> PyResult<()> {
        let saved = Saved {
            bytes,
            seconds,
            stall_seconds,
        };
        let reported = open(&mut self.state)?.saved(checkpoint, saved);
        reported.map_err(|error| of_host(&error))
    }

    /// Reports that this rank's part of a checkpoint could not be written; raises as `saved` does.
    fn failed(&mut self, checkpoint: u64) -> PyResult<()> {
        let reported = open(&mut self.state)?.failed(checkpoint);
        reported.map_err(|error| of_host(&error))
    }

    /// Reports that this rank's part of a checkpoint is gone.
    ///
    /// Raises `UsageError` where nobody has ordered its deletion.
    fn deleted(&mut self, checkpoint: u64) -> PyResult<()> {
        let reported = open(&mut self.state)?.deleted(checkpoint);
        reported.map_err(|error| of_host(&error))
    }

    /// Notes that this rank was told to leave, by a signal say; all ranks learn it in the next round.
    fn interrupt(&mut self) -> PyResult<()> {
        open(&mut self.state)?.interrupt();
        Ok(())
    }

    /// Notes that somebody asked this rank for a save; policies see it as `host.save-requested`.
    fn request_save(&mut self) -> PyResult<()> {
        open(&mut self.state)?.request_save();
        Ok(())
    }

    /// Closes the host. Whatever is called then raises `UsageError`.
    fn close(&mut self) {
        *state(&mut self.state) = State::Closed;
    }

    fn __repr__(&mut self) -> String {
        let Place { rank, world_size } = self.place;
        let policies = self.policies().join(", ");
        let state = match state(&mut self.state) {
            State::Opening { .. } => "not open yet".to_owned(),
            State::Open { host, .. } => format!(
                "{policies} after {} rounds, {} checkpoints",
                host.rounds(),
                host.checkpoints().count()
            ),
            State::Closed => "closed".to_owned(),
        };
        format!("<Host of rank {rank} of {world_size}: {state}>")
    }
}

impl Host {
    /// Goes on with a round, while other Python threads run.
    fn progress(
        &mut self,
        py: Python<'_>,
        go_on: impl FnOnce(
            &mut ckpt_policy_core::Host,
        )
            -> Result<Progress<ckpt_policy_core::Outcome>, ckpt_policy_core::Error>
        + Send,
    ) -> PyResult<Py<PyAny>> {
        let host = open(&mut self.state)?;
        let progress = py.detach(|| go_on(host)).map_err(|it| of_host(&it))?;
        Ok(match progress {
            Progress::Exchange(exchange) => Py::new(py, Exchange(exchange))?.into_any(),
            Progress::Done(outcome) => {
                Py::new(py, Outcome::new(outcome, Arc::clone(&self.policies)))?.into_any()
            }
        })
    }

    fn snapshot_or_more(
        &mut self,
        py: Python<'_>,
        progress: Progress<ckpt_policy_core::Snapshot>,
    ) -> PyResult<Py<PyAny>> {
        match progress {
            Progress::Exchange(exchange) => {
                self.is_snapshot_under_way(true);
                Ok(Py::new(py, Exchange(exchange))?.into_any())
            }
            Progress::Done(taken) => {
                self.is_snapshot_under_way(false);
                Ok(taken.to_json().into_pyobject(py)?.into_any().unbind())
            }
        }
    }

    fn is_snapshot_under_way(&mut self, is: bool) {
        if let State::Open { snapshot, .. } = state(&mut self.state) {
            *snapshot = is;
        }
    }

    fn complete_opening(
        &mut self,
        py: Python<'_>,
        carried: &ckpt_policy_core::Exchange,
    ) -> PyResult<Py<PyAny>> {
        let current = state(&mut self.state);
        let State::Opening { opening, .. } = std::mem::replace(current, State::Closed) else {
            return Err(closed());
        };
        match py.detach(|| opening.complete(carried))? {
            Next::Exchange(opening, exchange) => {
                self.warnings.clone_from(&opening.warnings);
                *current = State::Opening {
                    opening,
                    begun: true,
                };
                Ok(Py::new(py, Exchange(exchange))?.into_any())
            }
            Next::Host(host) => {
                self.policies = host.policies().into();
                *current = State::Open {
                    host,
                    snapshot: false,
                };
                Ok(py.None())
            }
        }
    }
}

fn state(state: &mut Mutex<State>) -> &mut State {
    state.get_mut().unwrap_or_else(PoisonError::into_inner)
}

fn open(state_of: &mut Mutex<State>) -> PyResult<&mut ckpt_policy_core::Host> {
    match state(state_of) {
        State::Open { host, .. } => Ok(host),
        State::Opening { .. } => Err(not_open()),
        State::Closed => Err(closed()),
    }
}

/// Returns the names of policies.
pub(crate) fn names(
    infos: &[PolicyInfo],
    policies: impl IntoIterator<Item = usize>,
) -> Vec<String> {
    let policies = policies.into_iter();
    policies
        .filter_map(|policy| Some(infos.get(policy)?.name.clone()))
        .collect()
}

fn not_open() -> PyErr {
    UsageError::new_err("the host is not open yet: call `open` with an engine first, on all ranks")
}

fn closed() -> PyErr {
    UsageError::new_err("the host is closed: make a new one")
}
