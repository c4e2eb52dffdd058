//! The decision core of `ckpt-policy`: save a checkpoint now, and which old ones may go?
//!
//! Every rank of a training job has a [`Host`]. It asks policies, small pure functions, about
//! numbers that it has reduced across all ranks, combines what they say into one [`Outcome`], and
//! keeps the ledger of checkpoints. It does no IO, reads no clock, starts no thread and waits for
//! nobody: whoever owns the process group moves the bytes.
//!
//! ```text
//!  Event, on each rank ──► Host::begin ──► Exchange ─┐  one all-gather, or one sum and one maximum:
//!                                                    │  threads, MPI, torch.distributed
//!  Outcome ◄── Host::complete ◄── what came of it ◄──┘
//!     │        (once more, to confirm, where the outcome acts)
//!     └─ save? write, report `saved` or `failed`, then `settle`;  delete? do it, report `deleted`
//! ```
//!
//! # Invariants
//!
//! - The same bits on every rank: reductions are exact and rounded once, whatever the order.
//! - Ranks that differ find out before anybody acts, and the error changes nothing.
//! - All messages of a host have one length, also those of ranks that have come apart.
//! - What a policy causes is an agreed event; what one machine causes is never a verdict.
//! - Only what nobody holds is deleted, after what replaces it is complete on all ranks.
//!
//! # Examples
//!
//! The whole loop for a world of one rank, where an all-gather gives one's own bytes back:
//!
//! ```
//! use ckpt_policy_core::contract::*;
//! use ckpt_policy_core::*;
//!
//! /// Saves whenever the loss is the lowest so far, and keeps only that one.
//! struct Lowest;
//!
//! impl Policy for Lowest {
//!     fn describe(&mut self) -> Result<Description, Fault> {
//!         Ok(Description {
//!             name: "lowest".to_owned(),
//!             version: "1.0.0".to_owned(),
//!             summary: "Keeps the checkpoint with the lowest mean loss.".to_owned(),
//!             config_schema: r#"{"type": "object"}"#.to_owned(),
//!         })
//!     }
//!
//!     fn prepare(&mut self, _config: &str, _previous: Option<&[u8]>) -> Result<Prepared, Fault> {
//!         let mean = Reduction { source: Source::Input(0), operation: Operation::Mean };
//!         let plan = Plan {
//!             inputs: vec![Input { name: "loss".to_owned(), required: true }],
//!             features: 0,
//!             reductions: vec![mean],
//!             view: View::Mine,
//!             moments: vec!["validation-end".to_owned()],
//!             every_steps: 0,
//!             passive: false,
//!         };
//!         Ok(Prepared { plan, settings: Vec::new(), state: Vec::new() })
//!     }
//!
//!     fn observe(&mut self, _: &[u8], _: &[u8], _: &Observation) -> Result<Vec<Option<f64>>, Fault> {
//!         Ok(Vec::new())
//!     }
//!
//!     fn decide(&mut self, _: &[u8], _: &[u8], round: &Round) -> Result<Verdict, Fault> {
//!         let Reduced::Statistic(mean) = &round.values[0] else { unreachable!() };
//!         let kept = round.checkpoints.last();
//!         let lower = match (mean.value, kept.and_then(|kept| kept.values[0])) {
//!             (Some(now), Some(best)) => now < best,
//!             (now, _) => now.is_some(),
//!         };
//!         let ballot = if lower { Ballot::Save } else { Ballot::Abstain };
//!         let release = kept.filter(|_| lower).map(|kept| kept.id);
//!         Ok(Verdict { ballot, release: release.into_iter().collect(), ..Verdict::default() })
//!     }
//! }
//!
//! let policy = PolicySetup {
//!     name: "best".to_owned(),
//!     mode: Mode::Enforce,
//!     on_error: OnError::Skip,
//!     disable_after: None,
//!     config: serde_json::json!({}),
//!     digest: String::new(),
//!     policy: Box::new(Lowest),
//! };
//! let place = Place { rank: 0, world_size: 1 };
//! let setup = Setup { place, rules: Rules::default(), policies: vec![policy], facts: vec![] };
//!
//! // At the start the ranks prove to each other that they run the same thing.
//! let opening = Opening::new(setup);
//! let message = opening.begin();
//! let Opened::Host(mut host) = opening.complete(&message)? else { unreachable!() };
//!
//! /// Carries an exchange to its end.
//! fn drive(host: &mut Host, mut progress: Progress<Outcome>) -> Result<Outcome, Error> {
//!     loop {
//!         match progress {
//!             Progress::Exchange(message) => progress = host.complete(&message)?,
//!             Progress::Done(outcome) => return Ok(outcome),
//!         }
//!     }
//! }
//!
//! let mut deleted = Vec::new();
//! for (step, loss) in [(100, 0.9), (200, 0.95), (300, 0.7)] {
//!     let metrics = [("loss", loss)].into_iter().collect();
//!     let event = Event { moment: Moment::ValidationEnd, step, epoch: 0, metrics };
//!     let begun = host.begin(&event)?;
//!     let outcome = drive(&mut host, begun)?;
//!     if outcome.save {
//!         // Here the trainer writes; then all ranks learn how it went.
//!         let id = outcome.checkpoint.expect("a save names its checkpoint");
//!         host.saved(id, Saved { bytes: 4096, ..Saved::default() })?;
//!         let begun = host.settle()?;
//!         let settled = drive(&mut host, begun)?;
//!         for id in settled.delete {
//!             deleted.push(id);
//!             host.deleted(id)?;
//!         }
//!     }
//! }
//! assert_eq!(deleted, [1]);
//! assert_eq!(host.checkpoints().map(|kept| kept.step).collect::<Vec<_>>(), [300]);
//! # Ok::<(), Error>(())
//! ```

mod agreement;
mod combination;
pub mod contract;
mod digest;
mod error;
mod event;
mod exchange;
mod facts;
mod host;
mod layout;
mod ledger;
mod message;
mod number;
mod opening;
mod outcome;
pub mod reduction;
mod seat;
mod setup;
mod shadow;
mod snapshot;
pub mod text;
mod totals;
mod wishes;

pub use error::{Error, Family};
pub use event::{Event, Metrics, Moment};
pub use exchange::{Carried, Exchange, bytes_of, integers_of};
pub use facts::{FACTS, nearest};
pub use host::{Held, Host, Progress, Saved};
pub use layout::reduction_labels;
pub use number::Number;
pub use opening::{Opened, Opening};
pub use outcome::{Disabled, Ended, Mode, Opinion, Outcome, Shadow};
pub use setup::{
    Combine, Confirm, Encoding, OnError, Place, PolicyInfo, PolicySetup, Rules, Setup,
};
pub use snapshot::{OnDisk, Resume, Snapshot};
