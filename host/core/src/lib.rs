//! The decision core of `ckpt-policy`.

mod agreement;
mod combination;
pub mod contract;
mod digest;
mod error;
mod event;
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
mod wishes;

pub use error::{Error, Family};
pub use event::{Event, Metrics, Moment};
pub use facts::{FACTS, nearest};
pub use host::{Held, Host, Progress, Saved};
pub use number::Number;
pub use opening::{Opened, Opening};
pub use outcome::{Ended, Mode, Opinion, Outcome, Shadow};
pub use setup::{Combine, Confirm, OnError, Place, PolicyInfo, PolicySetup, Rules, Setup};
pub use snapshot::{OnDisk, Resume, Snapshot};
