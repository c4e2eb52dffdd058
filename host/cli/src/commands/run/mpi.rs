//! A run whose ranks are the processes that `mpirun` has started.

use std::time::Duration;

use ckpt_policy_mpi::Mpi;

use super::{Args, one_rank};
use crate::commands::Streams;
use crate::exit;
use crate::report::{Failure, Report};

/// Runs the command on this process's rank.
pub(super) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let mut engine = Mpi::world()
        .map_err(|error| {
            let report = Report::new(error.to_string());
            let hint = "start it by `mpirun -n N ckpt-policy run --engine mpi …`";
            Failure::new(exit::AGREEMENT, report.hint(hint))
        })?
        .with_deadline(Duration::from_secs(args.deadline));
    one_rank::run(args, &mut engine, streams).map_err(|left| {
        let code = left.failure.code();
        // Said while all processes are still there: the first that ends with an error ends the rest.
        if !left.failure.reports().is_empty() {
            streams.say(left.failure.to_string().trim_end());
        }
        let _ = streams.out.flush();
        if left.alone {
            // The others wait for this rank in a collective, and nothing but MPI can call them off.
            engine.abort(i32::from(code));
        }
        Failure::all(code, Vec::new())
    })
}
