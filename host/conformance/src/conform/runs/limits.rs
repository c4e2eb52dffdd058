//! Whether what a policy says stays within what a site allows by default.
//!
//! A sandbox refuses an answer that is too large, and a policy in plain Rust has no sandbox; both
//! are judged here.

use std::cell::RefCell;

use ckpt_policy_core::contract::{Fault, Verdict};

use super::super::{Finding, Passed, Property, Trial};
use super::play::{Trouble, play, told};
use super::verdicts::SHAPE;
use super::witness::Watch;

/// One thing that is bounded: what it is, the bound, and how much of it a verdict has.
struct Bound {
    what: &'static str,
    most: u64,
    size: fn(&Verdict) -> usize,
}

pub(super) fn limits(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let bounds = bounds(trial);
    let highest = RefCell::new(vec![0; bounds.len()]);
    let tries = Property::new("safety.limits", trial.request);
    let passed = told(trial, tries, SHAPE, |story| {
        let scenario = story.scenario(trial);
        let played = play(trial, &scenario, Watch::Calls)?;
        for call in played.logs.iter().flat_map(|log| &log.decided) {
            let at = |what| Err(Trouble::at(what, &scenario, call.round.step));
            let verdict = match &call.result {
                Ok(verdict) => verdict,
                Err(Fault::Answer(text)) => return at(format!("its verdict is refused: {text}")),
                // What else can go wrong in a call is judged call by call.
                Err(_) => continue,
            };
            for (bound, highest) in bounds.iter().zip(highest.borrow_mut().iter_mut()) {
                let size = (bound.size)(verdict) as u64;
                if size > bound.most {
                    let Bound { what, most, .. } = bound;
                    return at(format!(
                        "its {what}: {size}, where at most {most} are allowed"
                    ));
                }
                *highest = size.max(*highest);
            }
        }
        Ok(())
    })?;
    let figures = bounds.iter().zip(highest.into_inner());
    let figures = figures.map(|(bound, highest)| {
        let text = format!("{highest} of {}", bound.most);
        (bound.what.to_owned(), text)
    });
    Ok(Passed {
        figures: figures.collect(),
        ..passed
    })
}

/// The defaults of a site's limits; what states may have is the subject's to say.
fn bounds(trial: &Trial<'_>) -> [Bound; 7] {
    let bound = |what, most, size| Bound { what, most, size };
    [
        bound("bytes of state", trial.subject.budget().state, |verdict| {
            verdict.state.len()
        }),
        bound("bytes of the reason", 4096, |verdict| verdict.reason.len()),
        bound("number of figures", 256, |verdict| verdict.figures.len()),
        bound("number of tags", 64, |verdict| verdict.tags.len()),
        bound("number of labels", 64, |verdict| verdict.labels.len()),
        bound("bytes of the longest name", 256, longest_name),
        bound("checkpoints held or released", 65_536, |verdict| {
            verdict.hold.len().max(verdict.release.len())
        }),
    ]
}

fn longest_name(verdict: &Verdict) -> usize {
    let figures = verdict.figures.iter().map(|figure| figure.name.len());
    let labels = verdict.labels.iter().map(|label| label.name.len());
    let tags = verdict.tags.iter().map(String::len);
    figures.chain(labels).chain(tags).max().unwrap_or(0)
}
