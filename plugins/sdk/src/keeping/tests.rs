use proptest::prelude::{Strategy, any, prop_oneof, proptest};

use super::{Bar, KeepState, Keeper, SaveLast, Scores, Subject, TopK, Wish};
use crate::ranking::Direction;
use crate::{Ballot, Checkpoint, CheckpointId, Round, Verdict};

/// One policy and the list that a host would keep for it.
struct World {
    keeper: Keeper,
    state: KeepState,
    list: Vec<Checkpoint>,
    next: CheckpointId,
}

impl World {
    fn new(k: i64, save_last: SaveLast) -> Self {
        let top_k = TopK::try_from(k).expect("a valid top-k");
        let keeper = Keeper {
            direction: Direction::Min,
            top_k,
            save_last,
        };
        Self {
            keeper,
            state: KeepState::default(),
            list: Vec::new(),
            next: 1,
        }
    }

    /// Asks, and does what is asked for; a save that fails releases nothing.
    fn ask(&mut self, score: Option<f64>, fails: bool) -> Verdict {
        let round = self.round();
        let kept = self.keeper.kept(&self.state, &round.checkpoints, listed);
        let wish = match score {
            None => Wish::no_opinion("nothing measured"),
            Some(score) => {
                let subject = Subject {
                    what: "loss",
                    score,
                    evict: Some(score),
                };
                self.keeper.judge(&kept, &subject, &Bar::default())
            }
        };
        let verdict = self.keeper.verdict(&mut self.state, &round, &kept, wish);
        if verdict.ballot == Ballot::Save && fails {
            self.next += 1;
            return verdict;
        }
        self.list.retain(|one| !verdict.release.contains(&one.id));
        if verdict.ballot == Ballot::Save {
            self.list.push(checkpoint(self.next, score));
            self.next += 1;
        }
        verdict
    }

    fn save(&mut self, scores: &[f64]) -> Vec<CheckpointId> {
        scores
            .iter()
            .for_each(|score| drop(self.ask(Some(*score), false)));
        self.held()
    }

    fn held(&self) -> Vec<CheckpointId> {
        self.list.iter().map(|one| one.id).collect()
    }

    fn round(&self) -> Round {
        Round {
            moment: 0,
            step: self.next,
            epoch: 0,
            world_size: 2,
            elapsed_seconds: None,
            candidate: self.next,
            values: Vec::new(),
            checkpoints: self.list.clone(),
        }
    }
}

fn checkpoint(id: CheckpointId, score: Option<f64>) -> Checkpoint {
    Checkpoint {
        id,
        step: id,
        epoch: 0,
        elapsed_seconds: None,
        complete: true,
        mine: true,
        pinned: false,
        bytes: 0,
        tags: Vec::new(),
        values: vec![score],
    }
}

fn listed(checkpoint: &Checkpoint) -> Scores {
    Scores::same(checkpoint.values.first().copied().flatten())
}

fn label(verdict: &Verdict, name: &str) -> Option<CheckpointId> {
    verdict
        .labels
        .iter()
        .find(|label| label.name == name)
        .map(|label| label.checkpoint)
}

#[test]
fn the_worst_goes_when_a_better_one_comes() {
    let mut world = World::new(2, SaveLast::No);
    assert_eq!(world.save(&[0.5, 0.4]), [1, 2]);
    let verdict = world.ask(Some(0.45), false);
    assert_eq!(
        verdict.reason,
        "loss 0.45 beats the worst of 2 kept, 0.5 (checkpoint 1)"
    );
    assert_eq!(
        (verdict.release.as_slice(), label(&verdict, "best")),
        ([1].as_slice(), Some(2))
    );
    assert!(verdict.tags.is_empty());
    let verdict = world.ask(Some(0.45), false);
    assert_eq!(verdict.ballot, Ballot::Skip);
    assert_eq!(
        verdict.reason,
        "loss 0.45 does not beat the worst of 2 kept, 0.45 (checkpoint 3)"
    );
    assert_eq!(world.held(), [2, 3]);
}

#[test]
fn of_equal_worst_ones_the_oldest_goes() {
    let mut world = World::new(3, SaveLast::No);
    assert_eq!(world.save(&[0.5, 0.1, 0.5]), [1, 2, 3]);
    assert_eq!(world.save(&[0.4]), [2, 3, 4]);
}

#[test]
fn a_number_that_is_not_finite_is_never_kept() {
    for k in [-1, 1] {
        let mut world = World::new(k, SaveLast::No);
        for score in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(world.ask(Some(score), false).ballot, Ballot::Abstain);
        }
        assert_eq!(world.ask(None, false).ballot, Ballot::Abstain);
    }
}

#[test]
fn a_kept_one_without_a_score_is_the_worst() {
    let mut world = World::new(2, SaveLast::No);
    world.list = vec![checkpoint(1, Some(0.1)), checkpoint(2, None)];
    world.next = 3;
    let verdict = world.ask(Some(0.9), false);
    assert_eq!(
        verdict.reason,
        "loss 0.9 beats checkpoint 2, whose score is not known"
    );
    assert_eq!(world.held(), [1, 3]);
}

#[test]
fn a_failed_save_costs_nothing() {
    let mut world = World::new(1, SaveLast::No);
    world.save(&[0.5]);
    let verdict = world.ask(Some(0.3), true);
    assert_eq!((verdict.ballot, world.held()), (Ballot::Save, vec![1]));
    let verdict = world.ask(Some(0.4), false);
    assert_eq!(
        verdict.reason,
        "loss 0.4 beats the one kept, 0.5 (checkpoint 1)"
    );
    assert_eq!(world.held(), [3]);
}

#[test]
fn none_and_all() {
    let mut none = World::new(0, SaveLast::No);
    assert_eq!(none.ask(Some(0.1), false).ballot, Ballot::Skip);
    let mut all = World::new(-1, SaveLast::No);
    for (score, best) in [(0.5, 1), (0.7, 1), (0.5, 1), (0.3, 4)] {
        let verdict = all.ask(Some(score), false);
        assert_eq!(
            (verdict.ballot, label(&verdict, "best")),
            (Ballot::Save, Some(best))
        );
        assert_eq!(
            verdict.tags.contains(&"best".to_owned()),
            verdict.labels[0].checkpoint + 1 == all.next
        );
    }
    assert_eq!(all.held(), [1, 2, 3, 4]);
}

#[test]
fn always_keeps_the_newest_beside_the_best() {
    let mut world = World::new(1, SaveLast::Always);
    world.save(&[0.5]);
    let verdict = world.ask(Some(0.9), false);
    assert_eq!(
        verdict.reason,
        "loss 0.9 does not beat the one kept, 0.5 (checkpoint 1); saved as the last one"
    );
    assert_eq!(
        (verdict.ballot, verdict.tags.as_slice()),
        (Ballot::Save, ["last".to_owned()].as_slice())
    );
    assert_eq!(
        (label(&verdict, "best"), label(&verdict, "last")),
        (Some(1), Some(2))
    );
    world.ask(None, false);
    assert_eq!(world.held(), [1, 3]);
    let verdict = world.ask(Some(0.4), false);
    assert_eq!(verdict.tags, ["best", "last"]);
    assert_eq!(world.held(), [4]);
}

#[test]
fn always_with_all_keeps_one_without_a_score() {
    let mut world = World::new(-1, SaveLast::Always);
    for score in [Some(0.5), None, None, Some(0.7), None] {
        world.ask(score, false);
    }
    assert_eq!(world.held(), [1, 4, 5]);
}

#[test]
fn always_without_a_top_k_keeps_the_newest() {
    let mut world = World::new(0, SaveLast::Always);
    for score in [Some(0.5), None, Some(0.9)] {
        world.ask(score, false);
    }
    assert_eq!(world.held(), [3]);
}

#[test]
fn the_last_one_stays_when_fewer_are_kept_from_now_on() {
    let mut world = World::new(3, SaveLast::Yes);
    world.save(&[0.1, 0.2, 0.3]);
    world.keeper.top_k = TopK::Best(1);
    let verdict = world.ask(Some(0.9), false);
    assert_eq!(
        (label(&verdict, "best"), label(&verdict, "last")),
        (Some(1), Some(3))
    );
    assert_eq!(world.held(), [1, 3]);
}

#[test]
fn nothing_goes_while_what_stays_is_in_flight() {
    let mut world = World::new(3, SaveLast::No);
    world.save(&[0.3, 0.2, 0.1]);
    world.keeper.top_k = TopK::Best(1);
    world.list[2].complete = false;
    assert!(world.ask(Some(0.9), false).release.is_empty());
    world.list[2].complete = true;
    assert_eq!(world.ask(Some(0.9), false).release, [1, 2]);
}

#[test]
fn a_checkpoint_of_this_step_is_not_asked_for_twice() {
    let mut world = World::new(2, SaveLast::Always);
    world.save(&[0.5]);
    world.next = 1;
    let verdict = world.ask(Some(0.4), false);
    assert_eq!(
        verdict.reason,
        "loss 0.4 takes place 2 of 2; the checkpoint of this step is kept already"
    );
    assert_eq!(
        (verdict.ballot, verdict.release.len()),
        (Ballot::Abstain, 0)
    );
}

#[test]
fn the_last_one_may_become_one_of_the_best_at_its_own_step() {
    let mut world = World::new(1, SaveLast::Always);
    world.ask(None, false);
    world.next = 1;
    world.list[0].values = vec![None];
    let verdict = world.ask(Some(0.4), true);
    assert_eq!(
        (verdict.ballot, label(&verdict, "best")),
        (Ballot::Save, Some(1))
    );
    let kept = world.keeper.kept(&world.state, &world.list, listed);
    assert_eq!(
        kept.by_own(Direction::Min).best(),
        Some((1, 0.4)),
        "its score is noted"
    );
}

#[test]
fn scores_of_another_meaning_are_forgotten() {
    let mut world = World::new(1, SaveLast::No);
    world.state = KeepState::start(&["mean", "loss"], None);
    world.save(&[0.5]);
    world.list[0].values = vec![None];
    let score = |state: &KeepState| {
        world
            .keeper
            .kept(state, &world.list, listed)
            .by_own(Direction::Min)
            .best()
    };
    let same = KeepState::start(&["mean", "loss"], Some(world.state.clone()));
    assert_eq!(score(&same), Some((1, 0.5)));
    let other = KeepState::start(&["meanloss", ""], Some(world.state.clone()));
    assert_eq!(score(&other), None);
}

proptest! {
    /// After every event the kept ones are the k best of all that were offered, failures aside.
    #[test]
    fn the_best_are_kept(k in 1_usize..4, events in events()) {
        let mut world = World::new(i64::try_from(k).expect("small"), SaveLast::No);
        let mut model: Vec<(f64, CheckpointId)> = Vec::new();
        for (score, fails) in events {
            let candidate = world.next;
            let verdict = world.ask(score, fails);
            let room = model.len() < k || model.iter().any(|(worst, _)| score.is_some_and(|new| new < *worst));
            let wanted = room && score.is_some_and(f64::is_finite);
            assert_eq!(verdict.ballot == Ballot::Save, wanted);
            if wanted && !fails {
                model.push((score.expect("wanted"), candidate));
                // The oldest of the equal worst goes.
                model.sort_by(|left, right| left.0.total_cmp(&right.0).then(right.1.cmp(&left.1)));
                model.truncate(k);
            }
            let mut ids: Vec<_> = model.iter().map(|(_, id)| *id).collect();
            ids.sort_unstable();
            assert_eq!(world.held(), ids);
        }
    }

    /// Whatever comes and whatever fails, the state stays small and the last one is there.
    #[test]
    fn the_state_is_bounded(k in -1_i64..4, events in events()) {
        let mut world = World::new(k, SaveLast::Always);
        for (score, fails) in events {
            let newest = world.next;
            world.ask(score, fails);
            assert!(fails || world.held().contains(&newest));
        }
        let size = postcard::to_allocvec(&world.state).expect("plain data").len();
        assert!(size < 400, "{size} bytes");
        if k >= 0 {
            assert!(world.list.len() <= usize::try_from(k).expect("not negative") + 1);
        }
    }
}

fn events() -> impl Strategy<Value = Vec<(Option<f64>, bool)>> {
    let score = prop_oneof![
        6 => (0_u8..6).prop_map(|tenths| Some(f64::from(tenths) / 10.0)),
        1 => proptest::sample::select(vec![None, Some(f64::NAN), Some(f64::INFINITY)]),
    ];
    let fails = any::<u8>().prop_map(|roll| roll < 40);
    proptest::collection::vec((score, fails), 0..60)
}
