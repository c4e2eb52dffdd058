//! The policy in a real host, without a sandbox: what `Native` carries to and fro arrives.

use ckpt_policy_aggregate::Aggregate;
use ckpt_policy_core::{
    Error, Event, Host, Mode, Moment, OnError, Opened, Opening, Outcome, Place, PolicySetup,
    Progress, Rules, Saved, Setup,
};
use ckpt_policy_sdk::native::Native;

#[test]
fn the_best_is_kept() {
    let config = serde_json::json!({ "monitor": "val_loss", "save-last": true });
    let mut host = open(config).expect("a right configuration");
    let saved: Vec<bool> = [(100, 0.9), (200, 0.95), (300, 0.7)]
        .into_iter()
        .map(|(step, loss)| validate(&mut host, step, loss).save)
        .collect();
    assert_eq!(saved, [true, false, true]);
    assert_eq!(
        host.checkpoints().map(|kept| kept.step).collect::<Vec<_>>(),
        [300]
    );
    let tags: Vec<_> = host.checkpoints().flat_map(|kept| kept.tags).collect();
    assert_eq!(tags, ["best", "last"]);
}

#[test]
fn a_refused_configuration_names_the_policy_and_the_key() {
    let config = serde_json::json!({ "monitr": "val_loss" });
    let text = open(config)
        .err()
        .expect("a wrong configuration")
        .to_string();
    assert!(text.contains("policy `best`"), "{text}");
    assert!(
        text.contains("unknown key `monitr`, did you mean `monitor`?"),
        "{text}"
    );
}

fn setup(config: serde_json::Value) -> Setup {
    let policy = PolicySetup {
        name: "best".to_owned(),
        mode: Mode::Enforce,
        on_error: OnError::Skip,
        disable_after: None,
        config,
        digest: String::new(),
        policy: Box::new(Native::<Aggregate>::new()),
    };
    let place = Place {
        rank: 0,
        world_size: 1,
    };
    Setup {
        place,
        rules: Rules::default(),
        policies: vec![policy],
        facts: Vec::new(),
    }
}

/// Opens a host; what one rank has to say is the second exchange, where there is an error.
fn open(config: serde_json::Value) -> Result<Host, Error> {
    let mut opening = Opening::new(setup(config));
    let mut message = opening.begin();
    loop {
        match opening.complete(&message)? {
            Opened::Host(host) => return Ok(*host),
            Opened::Exchange(next, more) => (opening, message) = (*next, more),
        }
    }
}

/// One event, with a save that succeeds where one is asked for.
fn validate(host: &mut Host, step: u64, loss: f64) -> Outcome {
    let metrics = [("val_loss", loss)].into_iter().collect();
    let event = Event {
        moment: Moment::ValidationEnd,
        step,
        epoch: 0,
        metrics,
    };
    let begun = host.begin(&event).expect("in order");
    let outcome = drive(host, begun);
    if let Some(id) = outcome.checkpoint.filter(|_| outcome.save) {
        host.saved(id, Saved::default()).expect("it is in flight");
        let begun = host.settle().expect("in order");
        for id in drive(host, begun).delete {
            host.deleted(id).expect("it was to be deleted");
        }
    }
    outcome
}

/// Carries an exchange to its end; a world of one gets its own message back.
fn drive(host: &mut Host, mut progress: Progress<Outcome>) -> Outcome {
    loop {
        match progress {
            Progress::Exchange(message) => progress = host.complete(&message).expect("agreement"),
            Progress::Done(outcome) => return outcome,
        }
    }
}
