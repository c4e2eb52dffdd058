//! Checks of whole runs: a simulated world of real hosts, each with the policy under test.
//!
//! The runs are generated [stories](story), written down as the scenarios that an author writes
//! too, so a finding is a file to paste. What each check wants of a run is in a module of its own.
//!
//! Invariant: a policy that fails a single call is not blamed here for the call; the checks of calls
//! are there for that.

mod agreement;
mod cost;
mod difference;
mod failing;
mod growth;
mod limits;
mod nan;
mod paper;
mod play;
mod resume;
mod shorten;
mod sketch;
mod story;
mod verdicts;
mod witness;

use super::Check;

/// The checks, in the order in which they run.
pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "agreement.replicas",
        meaning: "ranks that are fed the same rounds stay equal",
        mend: "answer from the arguments alone: no clock, no random number, no order of a hash map, nothing that is kept between calls outside of `state`",
        run: agreement::replicas,
    },
    Check {
        id: "agreement.rank",
        meaning: "a verdict does not depend on the rank that comes to it",
        mend: "let `decide` look at its arguments alone; what a rank knows of itself must travel as a feature or an input",
        run: agreement::rank,
    },
    Check {
        id: "safety.release",
        meaning: "only checkpoints that the policy holds are released",
        mend: "release only what the list shows as `mine`, or the candidate; do not keep ids in `state` without looking whether they are still listed",
        run: verdicts::release,
    },
    Check {
        id: "safety.labels",
        meaning: "labels and holds point at checkpoints that exist, or at the candidate",
        mend: "point labels at listed checkpoints or the candidate, and leave a label out where what it named is gone",
        run: verdicts::labels,
    },
    Check {
        id: "safety.empties",
        meaning: "the last complete checkpoint is not released without a save in its place",
        mend: "release the old one beside `save`, where the release waits for the new one, and never the candidate with it",
        run: verdicts::empties,
    },
    Check {
        id: "safety.failed-save",
        meaning: "a save that fails, or is not done yet, costs nothing and is asked for again",
        mend: "count a checkpoint only when the list shows it as `complete`: read what is kept from the list in each round instead of noting in `state` that a save was asked for",
        run: failing::failed_save,
    },
    Check {
        id: "safety.limits",
        meaning: "reason, figures, tags, labels and state stay within the default limits",
        mend: "say less: cut lists in the reason, and keep the state short",
        run: limits::limits,
    },
    Check {
        id: "safety.growth",
        meaning: "the state does not grow without bound",
        mend: "forget what is no longer listed, and keep sums instead of histories",
        run: growth::growth,
    },
    Check {
        id: "safety.nan",
        meaning: "a number that is not finite on all ranks never passes for the best",
        mend: "ask whether `value` is there and finite before comparing, and remember that each comparison with NaN is false; a reduction has no `value` where no rank is finite",
        run: nan::nan,
    },
    Check {
        id: "resume.cut",
        meaning: "a run that was cut and resumed decides like one that was not",
        mend: "keep all that a verdict depends on in `state`, and let `prepare` return `previous` as it is under the same configuration",
        run: resume::cut,
    },
    Check {
        id: "resume.prepare",
        meaning: "`prepare` takes the policy's own states, and refuses what it cannot use",
        mend: "read `previous` with care: return it as it is where it fits, start anew where the configuration gives it another meaning, and refuse it with `error.state` where it is damaged",
        run: resume::prepare,
    },
    Check {
        id: "resume.world",
        meaning: "a run that goes on with another number of ranks is answered",
        mend: "do not rely on a state made for another `world-size`: make what it says of single ranks anew where their number is another",
        run: resume::world,
    },
    Check {
        id: "cost.fuel",
        meaning: "no call uses more than a quarter of the fuel that a site allows by default",
        mend: "",
        run: cost::fuel,
    },
    Check {
        id: "cost.memory",
        meaning: "no call uses more than a quarter of the memory that a site allows by default",
        mend: "",
        run: cost::memory,
    },
    Check {
        id: "cost.start",
        meaning: "what the start of an instance takes",
        mend: "",
        run: cost::start,
    },
    Check {
        id: "cost.time",
        meaning: "how long calls take on this machine",
        mend: "",
        run: cost::time,
    },
];
