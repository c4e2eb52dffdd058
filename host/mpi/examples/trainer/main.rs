//! A trainer that embeds the host: softmax regression on the iris data, data-parallel over MPI.
//!
//! Each rank has its own rows, gradients are summed by MPI, and after each epoch the ranks bring
//! their own validation losses to the policies. Rank 0 writes, deletes and restores checkpoints as the
//! host says; the parameters are the same on all ranks, so the others have nothing of their own.
//!
//! ```console
//! $ cargo build -p ckpt-policy-mpi --example trainer
//! $ mpirun -n 3 target/debug/examples/trainer runs/one --epochs 60
//! $ mpirun -n 3 target/debug/examples/trainer runs/one --epochs 60    # goes on where it was
//! ```

mod data;
mod model;
mod store;

use std::path::PathBuf;
use std::process::ExitCode;

use ckpt_policy::Survey;
use ckpt_policy_core::contract::CheckpointId;
use ckpt_policy_core::{Event, Moment, Opening, Outcome, Place, Resume, Saved};
use ckpt_policy_mpi::Mpi;
use ckpt_policy_runtime::{Engine as _, Session};
use mpi::collective::SystemOperation;
use mpi::topology::{Communicator as _, SimpleCommunicator};
use mpi::traits::CommunicatorCollectives as _;

use data::Rows;
use model::Model;
use store::Store;

type Failure = Box<dyn std::error::Error>;

/// Rows of one step, on each rank.
const BATCH: usize = 8;
const LEARNING_RATE: f64 = 0.1;

fn main() -> ExitCode {
    // Finalises MPI when it is dropped, after everything that needs it.
    let Some(universe) = mpi::initialize() else {
        return ExitCode::FAILURE;
    };
    let world = universe.world();
    match train(&world) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("rank {}: {error}", world.rank()));
            // The others may wait for this rank in a collective.
            world.abort(1);
        }
    }
}

#[expect(clippy::print_stderr, reason = "an example of a program")]
fn tell(text: &str) {
    eprintln!("{text}");
}

/// What the command line says: a folder, and how long to train.
fn arguments() -> Result<(PathBuf, u64), Failure> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: trainer FOLDER --epochs N";
    let folder = arguments.next().ok_or(usage)?;
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("--epochs"), Some(epochs)) => Ok((folder.into(), epochs.parse()?)),
        _ => Err(usage.into()),
    }
}

fn train(world: &SimpleCommunicator) -> Result<(), Failure> {
    let (folder, epochs) = arguments()?;
    let engine = Mpi::on(world)?;
    let place = Place {
        rank: engine.rank(),
        world_size: engine.world_size(),
    };
    let store = Store::open(&folder)?;
    let (training, validation) = Rows::iris().of_rank(place);

    // A rank that cannot read its configuration still opens, so that the others learn of it.
    let site = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/trainer/site.toml");
    let survey = Survey::read(site.as_ref());
    let newest = store.newest()?;
    let opening = match survey.load() {
        Err(problems) => Opening::failed(place, ckpt_policy::Failure::from(problems).to_string()),
        Ok(policies) => match &newest {
            None => Opening::new(policies.setup(place)),
            Some(newest) => Opening::resume(
                policies.setup(place),
                Resume {
                    snapshot: newest.snapshot.clone(),
                    directory: None,
                    from: Some(newest.id),
                    disk: Some(store.on_disk()?),
                },
            ),
        },
    };
    let mut trainer = Trainer {
        session: Session::open(opening, engine)?,
        store,
        model: newest
            .as_ref()
            .map(|it| it.model.clone())
            .unwrap_or_default(),
        epoch: newest.map_or(0, |newest| newest.epoch),
        is_first: place.rank == 0,
    };
    while trainer.epoch < epochs {
        trainer.epoch += 1;
        for batch in training.chunks(BATCH) {
            let own = trainer.model.gradient(batch);
            let mut sum = own;
            world.all_reduce_into(&own, &mut sum, SystemOperation::sum());
            trainer
                .model
                .descend(&sum, LEARNING_RATE / f64::from(world.size()));
        }
        let loss = trainer.model.loss(&validation);
        if trainer.validated(loss)? {
            break;
        }
    }
    let outcome = trainer.session.finish()?;
    trainer.delete(&outcome.delete)?;
    Ok(())
}

/// One rank's training, and the host beside it.
struct Trainer {
    session: Session<Mpi>,
    store: Store,
    model: Model,
    /// Epochs that were trained.
    epoch: u64,
    /// This rank writes for all.
    is_first: bool,
}

impl Trainer {
    /// Asks the policies after a validation and does what they say; returns whether to stop.
    fn validated(&mut self, loss: f64) -> Result<bool, Failure> {
        let event = Event {
            moment: Moment::ValidationEnd,
            step: self.epoch,
            epoch: self.epoch,
            metrics: [("val_loss", loss)].into_iter().collect(),
        };
        let outcome = self.session.decide(&event)?;
        let stop = outcome.stop;
        self.act(outcome)?;
        Ok(stop)
    }

    fn act(&mut self, mut outcome: Outcome) -> Result<(), Failure> {
        self.delete(&outcome.delete)?;
        while outcome.save || outcome.settle {
            if let (true, Some(id)) = (outcome.save, outcome.checkpoint) {
                self.save(id)?;
            }
            outcome = self.session.settle()?;
            self.delete(&outcome.delete)?;
        }
        Ok(())
    }

    /// Writes the parameters, and what a resumed host needs, as one file.
    fn save(&mut self, id: CheckpointId) -> Result<(), Failure> {
        // All ranks take part in a snapshot, whoever writes it down.
        let snapshot = self.session.snapshot()?;
        let written = match self.is_first {
            true => self.store.write(id, self.epoch, &self.model, &snapshot),
            false => Ok(0),
        };
        match written {
            Ok(bytes) => self.session.host_mut().saved(
                id,
                Saved {
                    bytes,
                    ..Saved::default()
                },
            )?,
            Err(error) => {
                tell(&format!("checkpoint {id} could not be written: {error}"));
                self.session.host_mut().failed(id)?;
            }
        }
        Ok(())
    }

    fn delete(&mut self, ids: &[CheckpointId]) -> Result<(), Failure> {
        for id in ids {
            if self.is_first {
                self.store.delete(*id)?;
            }
            self.session.host_mut().deleted(*id)?;
        }
        Ok(())
    }
}
