//! The one comparison of policies that decide on a single number.

use serde::{Deserialize, Serialize};

use crate::keeping::{Keeper, Kept, Scores, TopK, Wish};
use crate::ranking::Scored;
use crate::text;

/// How good a number must be beyond being better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// An improvement must be larger than this to be one.
    pub min_delta: f64,
    /// Nothing worse than this is saved; equal is good enough.
    pub threshold: Option<f64>,
}

/// The number to judge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subject<'a> {
    /// What it is, such as `mean val_loss`.
    pub what: &'a str,
    /// The number; not finite is unusable.
    pub score: f64,
    /// What ranks it when one must go.
    pub evict: Option<f64>,
}

impl Keeper {
    /// Whether `new` is better than `old` by more than the bar asks for.
    #[must_use]
    pub fn improves(&self, new: f64, old: f64, bar: &Bar) -> bool {
        self.direction.better(new, old) && self.direction.gain(new, old) > bar.min_delta
    }

    /// Judges a number against the checkpoints that are kept.
    #[must_use]
    pub fn judge(&self, kept: &Kept, subject: &Subject<'_>, bar: &Bar) -> Wish {
        let Subject { what, score, .. } = *subject;
        if !score.is_finite() {
            return Wish::no_opinion(format!("{what} is {score}, which is never kept"));
        }
        let wish = self.compare(kept, subject, bar).figure("score", score);
        match bar.threshold {
            Some(threshold) => wish.figure("threshold", threshold),
            None => wish,
        }
    }

    fn compare(&self, kept: &Kept, subject: &Subject<'_>, bar: &Bar) -> Wish {
        let Subject { what, score, evict } = *subject;
        if let Some(threshold) = bar
            .threshold
            .filter(|bound| self.direction.better(*bound, score))
        {
            let (score, threshold) = text::pair(score, threshold);
            return Wish::stay_out(format!("{what} {score} misses the threshold {threshold}"));
        }
        let enters = |reason| {
            Wish::enter(
                Scores {
                    own: Some(score),
                    evict,
                },
                reason,
            )
        };
        let shown = text::number(score);
        let k = match self.top_k {
            TopK::All => return enters(format!("{what} {shown} is kept as all are (top-k -1)")),
            TopK::Best(0) => return Wish::stay_out(format!("{what} {shown}, but top-k is 0")),
            TopK::Best(k) => k,
        };
        let ranking = kept.by_own(self.direction);
        let held = ranking.len();
        match ranking.kth(k as usize) {
            None => enters(format!("{what} {shown} takes place {} of {k}", held + 1)),
            Some(Scored { id, score: None }) => enters(format!(
                "{what} {shown} beats checkpoint {id}, whose score is not known"
            )),
            Some(Scored {
                id,
                score: Some(worst),
            }) => self
                .against(subject, bar, &Kth { k, id, worst })
                .figure("to-beat", worst),
        }
    }

    fn against(&self, subject: &Subject<'_>, bar: &Bar, kth: &Kth) -> Wish {
        let (score, worst) = text::pair(subject.score, kth.worst);
        let (what, id) = (subject.what, kth.id);
        let rival = match kth.k {
            1 => format!("the one kept, {worst} (checkpoint {id})"),
            k => format!("the worst of {k} kept, {worst} (checkpoint {id})"),
        };
        if self.improves(subject.score, kth.worst, bar) {
            let scores = Scores {
                own: Some(subject.score),
                evict: subject.evict,
            };
            return Wish::enter(scores, format!("{what} {score} beats {rival}"));
        }
        let much = if self.direction.better(subject.score, kth.worst) {
            format!(" by more than {}", text::number(bar.min_delta))
        } else {
            String::new()
        };
        Wish::stay_out(format!("{what} {score} does not beat {rival}{much}"))
    }
}

struct Kth {
    k: u32,
    id: u64,
    worst: f64,
}
