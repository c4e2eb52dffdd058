//! The emergency brake: a call that takes longer than anybody waits is the machine's fault, on all
//! ranks, and no verdict.

use std::thread;

use ckpt_policy_core::contract::{Fault, Policy};
use ckpt_policy_core::{
    Error as HostError, Event, Metrics, Mode, Moment, OnError, Opening, Outcome, Place,
    PolicySetup, Rules, Setup,
};
use ckpt_policy_runtime::{
    Engine, Error, Instances, Limits, Loaded, Runtime, Session, SessionError, Threads,
};

use crate::guest::{ENDLESS, Guest};
use crate::{abstains, load, round};

/// More fuel than anybody will wait for, and one second.
fn impatient(instances: Instances) -> Runtime {
    let limits = Limits {
        fuel: u64::MAX,
        call_seconds: 1,
        ..Limits::default()
    };
    Runtime::new(limits, instances).expect("the limits work")
}

fn assert_braked(fault: &Fault) {
    let Fault::Machine(text) = fault else {
        panic!("expected the machine's fault, found {fault:?}");
    };
    assert!(
        text.starts_with("a call took more than 1 second, which is `call-seconds` in `[limits]`"),
        "{text}"
    );
}

#[test]
fn an_endless_call_ends_and_the_next_one_answers() {
    let body = "(if (local.get $settings_len) (then (loop $again (br $again)))) (i32.const 16)";
    for instances in [Instances::Fresh, Instances::Reuse] {
        let mut policy = load(&impatient(instances), &Guest::plain().decide(body));
        assert_eq!(policy.decide(&[], &[], &round()), Ok(abstains()));
        assert_braked(&policy.decide(&[1], &[], &round()).unwrap_err());
        assert_eq!(policy.decide(&[], &[], &round()), Ok(abstains()));
    }
}

#[test]
fn an_endless_start_ends() {
    let start = format!("(func $start {ENDLESS}) (start $start)");
    let module = Guest::plain().more(start).module();
    match impatient(Instances::Fresh).load(&module) {
        Err(Error::Start(fault)) => assert_braked(&fault),
        other => panic!("expected the start to be broken off, found {other:?}"),
    }
}

#[test]
fn calls_of_many_threads_have_a_second_each() {
    let loaded = impatient(Instances::Fresh)
        .load(&Guest::plain().decide(ENDLESS).module())
        .expect("it loads");
    thread::scope(|scope| {
        let calls: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| loaded.policy().decide(&[], &[], &round()).unwrap_err()))
            .collect();
        for call in calls {
            assert_braked(&call.join().expect("no thread panics"));
        }
    });
}

#[test]
fn a_brake_of_no_time_is_refused() {
    let limits = Limits {
        call_seconds: 0,
        ..Limits::default()
    };
    let refused = Runtime::new(limits, Instances::Fresh).expect_err("no call could end");
    assert_eq!(
        refused.to_string(),
        "`call-seconds` in `[limits]` is 0, expected at least 1"
    );
}

#[test]
fn the_ranks_agree_on_it() {
    let facts = impatient(Instances::Fresh).facts();
    let own = facts.iter().find(|(key, _)| key == "limits.call-seconds");
    assert_eq!(own.map(|(_, value)| value.as_str()), Some("1"));
}

/// Asked at each `step-end`, with one feature; `observe` never ends on rank 1.
fn endless_on_rank_1() -> Guest {
    Guest::plain()
        .more(r#"(data (i32.const 700) "\c4\02\00\00\08\00\00\00step-end")"#)
        .prepare(
            "(i32.store (i32.const 32) (i32.const 1))
             (i32.store (i32.const 48) (i32.const 700)) (i32.store (i32.const 52) (i32.const 1))
             (i32.const 16)",
        )
        .observe(
            "(if (i32.eq (local.get $rank) (i32.const 1)) (then (loop $again (br $again))))
             (i32.store (i32.const 20) (i32.const 800)) (i32.store (i32.const 24) (i32.const 1))
             (i32.const 16)",
        )
}

fn opening(engine: &Threads, runtime: &Runtime, loaded: &Loaded) -> Opening {
    let policy = PolicySetup {
        name: "endless".to_owned(),
        mode: Mode::Enforce,
        on_error: OnError::Save,
        disable_after: None,
        config: serde_json::json!({}),
        digest: loaded.digest().to_owned(),
        policy: Box::new(loaded.policy()),
    };
    Opening::new(Setup {
        place: Place {
            rank: engine.rank(),
            world_size: engine.world_size(),
        },
        rules: Rules::default(),
        policies: vec![policy],
        facts: runtime.facts(),
    })
}

/// Decides once; returns what came of it and what this rank's log says.
fn decide(
    engine: Threads,
    runtime: &Runtime,
    loaded: &Loaded,
) -> (Result<Outcome, SessionError>, Vec<String>) {
    let opening = opening(&engine, runtime, loaded);
    let mut session = Session::open(opening, engine).expect("all ranks open");
    let event = Event {
        moment: Moment::StepEnd,
        step: 1,
        epoch: 0,
        metrics: Metrics::default(),
    };
    let outcome = session.decide(&event);
    let host = session.host();
    assert_eq!(host.checkpoints().count(), 0, "nothing is saved");
    let log = host.faults().map(|(_, text)| text.to_owned()).collect();
    (outcome, log)
}

#[test]
fn a_rank_that_is_braked_is_the_same_error_on_all_whatever_on_error_says() {
    let runtime = impatient(Instances::Fresh);
    let loaded = runtime
        .load(&endless_on_rank_1().module())
        .expect("it loads");
    let ranks: Vec<_> = thread::scope(|scope| {
        let ranks: Vec<_> = Threads::world(3)
            .into_iter()
            .map(|engine| scope.spawn(|| decide(engine, &runtime, &loaded)))
            .collect();
        let ended = ranks.into_iter().map(|rank| rank.join());
        ended.map(|rank| rank.expect("no rank panics")).collect()
    });
    for (rank, (outcome, log)) in ranks.iter().enumerate() {
        match outcome {
            Err(SessionError::Host(HostError::Machine { rank: 1, name, .. })) => {
                assert_eq!(name, "endless");
            }
            other => panic!("rank {rank}: expected the machine's fault, found {other:?}"),
        }
        let told = log.iter().any(|text| text.contains("`call-seconds`"));
        assert_eq!(told, rank == 1, "only rank 1 knows why");
    }
}
