use std::path::Path;

use ckpt_policy_sdk::call::{Answer, decide, prepare};
use ckpt_policy_sdk::{
    Ballot, Checkpoint, Error, Operation, Prepared, Reduced, Round, Statistic, schema,
};

use crate::{Config, RankZero};

fn prepared(config: &str) -> Prepared {
    prepare::<RankZero>(config, None).expect("a right configuration")
}

fn statistic(value: Option<f64>) -> Reduced {
    let finite = u32::from(value.is_some());
    Reduced::Statistic(Statistic {
        value,
        finite,
        non_finite: 1 - finite,
        missing: 3,
    })
}

fn kept(id: u64, values: &[f64]) -> Checkpoint {
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
        values: values.iter().copied().map(Some).collect(),
    }
}

fn ask(config: &str, values: &[Reduced], checkpoints: &[Checkpoint]) -> Result<Answer, Error> {
    let Prepared {
        settings, state, ..
    } = prepared(config);
    let round = Round {
        moment: 0,
        step: 90,
        epoch: 0,
        world_size: 4,
        elapsed_seconds: None,
        candidate: 9,
        values: values.to_vec(),
        checkpoints: checkpoints.to_vec(),
    };
    decide::<RankZero>(&settings, &state, &round)
}

#[test]
fn the_schema_is_that_of_the_configuration() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.json");
    schema::prove::<Config>(&path).expect("schema.json");
}

#[test]
fn one_rank_is_read() {
    let plan = prepared(r#"{ "monitor": "val_loss", "rank": 2 }"#).plan;
    let operations: Vec<_> = plan.reductions.iter().map(|one| one.operation).collect();
    assert_eq!(operations, [Operation::FromRank(2)]);
    let plan = prepared(r#"{ "monitor": "val_loss", "evict-by": "mean" }"#).plan;
    let operations: Vec<_> = plan.reductions.iter().map(|one| one.operation).collect();
    assert_eq!(operations, [Operation::FromRank(0), Operation::Mean]);
}

#[test]
fn its_number_decides() {
    let config = r#"{ "monitor": "val_loss" }"#;
    let answer = ask(config, &[statistic(Some(0.4))], &[kept(1, &[0.5])]).expect("a verdict");
    assert_eq!((answer.ballot, answer.release), (Ballot::Save, vec![1]));
    assert_eq!(
        answer.reason,
        "rank 0's val_loss 0.4 beats the one kept, 0.5 (checkpoint 1)"
    );
    let answer = ask(config, &[statistic(Some(0.5))], &[kept(1, &[0.5])]).expect("a verdict");
    assert_eq!(answer.ballot, Ballot::Skip);
}

#[test]
fn without_its_number_there_is_no_opinion() {
    let answer = ask(r#"{ "monitor": "val_loss" }"#, &[statistic(None)], &[]).expect("a verdict");
    assert_eq!(answer.ballot, Ballot::Abstain);
    assert_eq!(answer.reason, "rank 0's val_loss is missing or not finite");
}

#[test]
fn what_goes_may_be_ranked_by_the_mean() {
    let config = r#"{ "monitor": "val_loss", "top-k": 2, "evict-by": "mean" }"#;
    let list = [kept(1, &[0.5, 0.2]), kept(2, &[0.4, 0.9])];
    let answer = ask(config, &[statistic(Some(0.3)), statistic(Some(0.3))], &list);
    assert_eq!(answer.expect("a verdict").release, [2]);
}

#[test]
fn a_rank_that_is_not_there_is_an_error() {
    let answer = ask(
        r#"{ "monitor": "val_loss", "rank": 4 }"#,
        &[statistic(None)],
        &[],
    );
    let Err(Error::Failed(text)) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(text, "`rank` is 4, but there are 4 ranks, 0 to 3");
}

#[test]
fn a_wrong_rank_is_refused() {
    let refused = prepare::<RankZero>(r#"{ "monitor": "m", "rank": -1 }"#, None);
    let Err(Error::Config(text)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        text,
        "`rank`: expected an integer of at least 0 and of at most 4294967295, found -1"
    );
}
