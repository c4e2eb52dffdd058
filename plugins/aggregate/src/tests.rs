use std::path::Path;

use ckpt_policy_sdk::call::{Answer, decide, prepare};
use ckpt_policy_sdk::{
    Ballot, Checkpoint, Error, Operation, Prepared, Reduced, Round, Source, Statistic, View, schema,
};

use crate::{Aggregate, Config};

/// A prepared policy and the checkpoints that it holds.
struct World {
    prepared: Prepared,
    list: Vec<Checkpoint>,
    step: u64,
}

impl World {
    fn new(config: &str) -> Self {
        let prepared = prepare::<Aggregate>(config, None).expect("a right configuration");
        Self {
            prepared,
            list: Vec::new(),
            step: 0,
        }
    }

    /// Ten steps later, with these answers of the host; what is asked for is done.
    fn ask(&mut self, values: &[Reduced]) -> Answer {
        self.step += 10;
        let Prepared {
            settings, state, ..
        } = &self.prepared;
        let answer = decide::<Aggregate>(settings, state, &self.round(values)).expect("a verdict");
        self.prepared.state.clone_from(&answer.state);
        self.list.retain(|one| !answer.release.contains(&one.id));
        if answer.ballot == Ballot::Save {
            let values = values.iter().map(number).collect();
            self.list.push(checkpoint(self.step, values));
        }
        answer
    }

    fn held(&self) -> Vec<u64> {
        self.list.iter().map(|one| one.id).collect()
    }

    fn round(&self, values: &[Reduced]) -> Round {
        Round {
            moment: 0,
            step: self.step,
            epoch: 0,
            world_size: 4,
            elapsed_seconds: None,
            candidate: self.step,
            values: values.to_vec(),
            checkpoints: self.list.clone(),
        }
    }
}

fn checkpoint(id: u64, values: Vec<Option<f64>>) -> Checkpoint {
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
        values,
    }
}

/// What a host lists of a reduced value: nothing, for every rank's.
fn number(reduced: &Reduced) -> Option<f64> {
    match reduced {
        Reduced::Statistic(statistic) => statistic.value,
        Reduced::Tally(_) | Reduced::EveryRank(_) => None,
    }
}

fn of_four(value: f64) -> Reduced {
    Reduced::Statistic(Statistic {
        value: Some(value),
        finite: 4,
        non_finite: 0,
        missing: 0,
    })
}

fn ranks(numbers: [f64; 3]) -> Reduced {
    Reduced::EveryRank(numbers.map(Some).to_vec())
}

fn refused(config: &str) -> String {
    match prepare::<Aggregate>(config, None) {
        Err(Error::Config(text)) => text,
        other => panic!("expected a refused configuration, found {other:?}"),
    }
}

#[test]
fn the_schema_is_that_of_the_configuration() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.json");
    schema::prove::<Config>(&path).expect("schema.json");
}

#[test]
fn a_plan_asks_for_one_number() {
    let plan = World::new(r#"{ "monitor": "val_loss" }"#).prepared.plan;
    assert_eq!((plan.inputs.len(), plan.inputs[0].required), (1, true));
    assert_eq!(
        (plan.reductions.len(), plan.reductions[0].operation),
        (1, Operation::Mean)
    );
    assert_eq!(
        (plan.features, plan.view, plan.moments),
        (0, View::Mine, vec!["validation-end".to_owned()])
    );
    let same = World::new(r#"{ "monitor": "m", "evict-by": "mean" }"#)
        .prepared
        .plan;
    assert_eq!(
        same.reductions.len(),
        1,
        "the same number is not asked for twice"
    );
}

#[test]
fn a_weight_is_an_input_that_must_be_there() {
    let config = r#"{ "monitor": "loss", "reduce": { "weighted-mean-by": "samples" } }"#;
    let plan = World::new(config).prepared.plan;
    assert_eq!(
        (plan.inputs[1].name.as_str(), plan.inputs[1].required),
        ("samples", true)
    );
    assert_eq!(
        plan.reductions[0].operation,
        Operation::WeightedMean(Source::Input(1))
    );
}

#[test]
fn all_of_them_look_at_no_list() {
    let plan = World::new(r#"{ "monitor": "m", "top-k": -1, "every-steps": 50 }"#)
        .prepared
        .plan;
    assert_eq!((plan.view, plan.every_steps), (View::None, 50));
}

#[test]
fn the_reason_has_the_numbers_that_decided() {
    let mut world = World::new(r#"{ "monitor": "val_loss" }"#);
    assert_eq!(
        world.ask(&[of_four(0.5)]).reason,
        "mean val_loss 0.5 takes place 1 of 1"
    );
    let partly = Statistic {
        value: Some(0.4213),
        finite: 2,
        non_finite: 1,
        missing: 1,
    };
    let answer = world.ask(&[Reduced::Statistic(partly)]);
    let text = "mean val_loss 0.4213 beats the one kept, 0.5 (checkpoint 10) (1 rank not finite, 1 rank missing)";
    assert_eq!(answer.reason, text);
    let figures: Vec<_> = answer
        .figures
        .iter()
        .map(|one| (one.name.as_str(), one.value))
        .collect();
    assert_eq!(
        figures,
        [("to-beat", 0.5), ("score", 0.4213), ("finite-ranks", 2.0)]
    );
    assert_eq!(world.held(), [20]);
}

#[test]
fn no_finite_number_is_no_opinion() {
    let mut world = World::new(r#"{ "monitor": "val_loss" }"#);
    let none = Statistic {
        value: None,
        finite: 0,
        non_finite: 3,
        missing: 1,
    };
    let answer = world.ask(&[Reduced::Statistic(none)]);
    assert_eq!(answer.ballot, Ballot::Abstain);
    assert_eq!(
        answer.reason,
        "no rank has a finite mean val_loss (3 ranks not finite, 1 rank missing)"
    );
}

#[test]
fn a_gain_must_be_larger_than_min_delta() {
    let mut world = World::new(r#"{ "monitor": "acc", "mode": "max", "min-delta": 0.25 }"#);
    world.ask(&[of_four(0.25)]);
    let answer = world.ask(&[of_four(0.5)]);
    assert_eq!(answer.ballot, Ballot::Skip);
    assert_eq!(
        answer.reason,
        "mean acc 0.5 does not beat the one kept, 0.25 (checkpoint 10) by more than 0.25"
    );
    assert_eq!(world.ask(&[of_four(0.75)]).ballot, Ballot::Save);
}

#[test]
fn a_threshold_keeps_out_what_is_worse() {
    let mut world =
        World::new(r#"{ "monitor": "acc", "mode": "max", "threshold": 0.8, "top-k": -1 }"#);
    let answer = world.ask(&[of_four(0.7)]);
    assert_eq!(
        (answer.ballot, answer.reason.as_str()),
        (Ballot::Skip, "mean acc 0.7 misses the threshold 0.8")
    );
    assert_eq!(world.ask(&[of_four(0.8)]).ballot, Ballot::Save);
}

#[test]
fn patience_ends_the_training() {
    let mut world = World::new(r#"{ "monitor": "loss", "patience-steps": 20 }"#);
    let scores = [0.5, 0.4, 0.45, 0.4];
    let stops: Vec<bool> = scores
        .iter()
        .map(|score| world.ask(&[of_four(*score)]).stop)
        .collect();
    assert_eq!(stops, [false, false, false, true]);
    let answer = world.ask(&[of_four(0.1)]);
    assert!(!answer.stop, "an improvement starts it again");
}

#[test]
fn patience_also_runs_while_there_is_no_number() {
    let mut world = World::new(r#"{ "monitor": "loss", "patience-steps": 20 }"#);
    let none = Reduced::Statistic(Statistic {
        value: None,
        finite: 0,
        non_finite: 4,
        missing: 0,
    });
    let stops: Vec<bool> = (0..3)
        .map(|_| world.ask(std::slice::from_ref(&none)).stop)
        .collect();
    assert_eq!(stops, [false, false, true]);
}

#[test]
fn a_median_is_ranked_by_its_own_scores() {
    let mut world = World::new(r#"{ "monitor": "loss", "reduce": "median", "top-k": 2 }"#);
    world.ask(&[ranks([0.5, 9.0, 0.1])]);
    world.ask(&[ranks([0.3, 0.3, 0.3])]);
    let answer = world.ask(&[ranks([0.4, 0.4, 99.0])]);
    assert_eq!(
        answer.reason,
        "median loss 0.4 beats the worst of 2 kept, 0.5 (checkpoint 10)"
    );
    assert_eq!(world.held(), [20, 30]);
}

#[test]
fn what_goes_may_be_ranked_by_another_number() {
    let mut world =
        World::new(r#"{ "monitor": "loss", "reduce": "min", "top-k": 2, "evict-by": "max" }"#);
    world.ask(&[of_four(0.5), of_four(0.6)]);
    world.ask(&[of_four(0.4), of_four(0.9)]);
    let answer = world.ask(&[of_four(0.3), of_four(0.3)]);
    assert_eq!(
        answer.reason,
        "smallest loss 0.3 beats the worst of 2 kept, 0.5 (checkpoint 10)"
    );
    assert_eq!(answer.release, [20]);
}

#[test]
fn a_state_goes_on_under_the_same_configuration_only() {
    let config = r#"{ "monitor": "loss", "patience-steps": 20 }"#;
    let mut world = World::new(config);
    world.ask(&[of_four(0.5)]);
    let state = world.prepared.state;
    let resumed = prepare::<Aggregate>(config, Some(&state)).expect("its own state");
    assert_eq!(resumed.state, state);
    let other = r#"{ "monitor": "acc", "patience-steps": 20 }"#;
    let changed = prepare::<Aggregate>(other, Some(&state)).expect("its own state");
    assert_eq!(
        changed.state,
        prepare::<Aggregate>(other, None).expect("right").state
    );
}

#[test]
fn a_foreign_state_is_refused() {
    let prepared = World::new(r#"{ "monitor": "loss" }"#).prepared;
    for state in [Vec::new(), vec![0; 32], prepared.settings.clone()] {
        let error = prepare::<Aggregate>(r#"{ "monitor": "loss" }"#, Some(&state));
        assert!(matches!(error, Err(Error::State(_))), "{error:?}");
        let round = World::new(r#"{ "monitor": "loss" }"#).round(&[of_four(0.5)]);
        let error = decide::<Aggregate>(&prepared.settings, &state, &round);
        assert!(matches!(error, Err(Error::State(_))), "{error:?}");
    }
}

#[test]
fn an_answer_that_does_not_fit_the_plan_is_an_error() {
    let world = World::new(r#"{ "monitor": "loss" }"#);
    for values in [Vec::new(), vec![ranks([0.1, 0.2, 0.3])]] {
        let round = world.round(&values);
        let answer = decide::<Aggregate>(&world.prepared.settings, &world.prepared.state, &round);
        assert!(matches!(answer, Err(Error::Failed(_))), "{answer:?}");
    }
}

#[test]
fn a_wrong_configuration_is_refused_by_key() {
    assert_eq!(
        refused("{}"),
        "the key `monitor` is missing, expected a string that is not empty"
    );
    let text = refused(r#"{ "monitor": "m", "reduce": { "trimmed-mean": 0.5 } }"#);
    assert_eq!(
        text,
        "`reduce.trimmed-mean`: expected a number of at least 0.0 and below 0.5, found 0.5"
    );
    let text = refused(r#"{ "monitor": "m", "patience": 5 }"#);
    assert!(
        text.starts_with("unknown key `patience`, expected `at`, "),
        "{text}"
    );
    assert!(refused("{").starts_with("the configuration is not JSON: "));
}

#[test]
fn a_metric_that_is_its_own_weight_is_read_once() {
    let config = r#"{"monitor": "loss", "reduce": {"weighted-mean-by": "loss"}}"#;
    let plan = World::new(config).prepared.plan;
    assert_eq!(plan.inputs.len(), 1);
    let weighted = Operation::WeightedMean(Source::Input(0));
    assert_eq!(plan.reductions[0].operation, weighted);
}
