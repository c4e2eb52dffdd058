//! Hosts that are driven over an engine: how often they exchange, and how ranks learn of trouble.

use std::thread;

use ckpt_policy_core::contract::{
    Ballot, Description, Fault, Observation, Plan, Policy, Prepared, Round, Verdict, View,
};
use ckpt_policy_core::{
    Error, Event, Metrics, Mode, Moment, OnError, Opening, Place, PolicySetup, Rules, Saved, Setup,
};
use ckpt_policy_runtime::{
    Engine, EngineError, Instances, Limits, Runtime, Session, SessionError, Solo, Threads,
};

/// Asks for a save at every third epoch.
struct Thirds;

impl Policy for Thirds {
    fn describe(&mut self) -> Result<Description, Fault> {
        Ok(Description {
            name: "thirds".to_owned(),
            version: "1.0.0".to_owned(),
            summary: "Saves at every third epoch.".to_owned(),
            config_schema: "{}".to_owned(),
        })
    }

    fn prepare(&mut self, _config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        let plan = Plan {
            inputs: Vec::new(),
            features: 0,
            reductions: Vec::new(),
            view: View::None,
            moments: vec!["epoch-end".to_owned()],
            every_steps: 0,
            passive: false,
        };
        let state = previous.unwrap_or_default().to_vec();
        Ok(Prepared {
            plan,
            settings: Vec::new(),
            state,
        })
    }

    fn observe(
        &mut self,
        _settings: &[u8],
        _state: &[u8],
        _observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        Ok(Vec::new())
    }

    fn decide(&mut self, _: &[u8], _: &[u8], round: &Round) -> Result<Verdict, Fault> {
        let ballot = match round.epoch % 3 {
            0 => Ballot::Save,
            _ => Ballot::Abstain,
        };
        Ok(Verdict {
            ballot,
            ..Verdict::default()
        })
    }
}

fn setup(engine: &impl Engine, limits: Limits) -> Setup {
    let policy = PolicySetup {
        name: "thirds".to_owned(),
        mode: Mode::Enforce,
        on_error: OnError::Skip,
        disable_after: None,
        config: serde_json::json!({}),
        digest: String::new(),
        policy: Box::new(Thirds),
    };
    let runtime = Runtime::new(limits, Instances::Fresh).expect("the limits work");
    Setup {
        place: Place {
            rank: engine.rank(),
            world_size: engine.world_size(),
        },
        rules: Rules::default(),
        policies: vec![policy],
        facts: runtime.facts(),
    }
}

fn event(moment: Moment, epoch: u64) -> Event {
    Event {
        moment,
        step: epoch * 10,
        epoch,
        metrics: Metrics::default(),
    }
}

/// Opens a session on each of three ranks and runs it; the ranks' results in their order.
fn on_three<T: Send>(
    opening: impl Fn(&Threads) -> Opening + Sync,
    run: impl Fn(Result<Session<Threads>, SessionError>) -> T + Sync,
) -> Vec<T> {
    thread::scope(|scope| {
        let ranks: Vec<_> = Threads::world(3)
            .into_iter()
            .map(|engine| scope.spawn(|| run(Session::open(opening(&engine), engine))))
            .collect();
        ranks
            .into_iter()
            .map(|rank| rank.join().expect("no rank panics"))
            .collect()
    })
}

/// Saves at epoch 3, and returns the exchanges after each step of the way.
fn one_save<E: Engine>(mut session: Session<E>) -> Result<Vec<u64>, SessionError> {
    let mut exchanges = vec![session.exchanges()];
    session.decide(&event(Moment::StepEnd, 1))?;
    exchanges.push(session.exchanges());
    session.decide(&event(Moment::EpochEnd, 1))?;
    exchanges.push(session.exchanges());
    let outcome = session.decide(&event(Moment::EpochEnd, 3))?;
    exchanges.push(session.exchanges());
    let id = outcome
        .checkpoint
        .filter(|_| outcome.save)
        .expect("the third epoch is saved");
    session.host_mut().saved(
        id,
        Saved {
            bytes: 100,
            ..Saved::default()
        },
    )?;
    let settled = session.settle()?;
    exchanges.push(session.exchanges());
    assert_eq!(settled.ended.len(), 1);
    let kept: Vec<_> = session
        .host()
        .checkpoints()
        .map(|held| (held.step, held.complete))
        .collect();
    assert_eq!(kept, [(30, true)]);
    let snapshot = session.snapshot()?;
    assert_eq!(snapshot.on_disk().len(), 1);
    session.finish()?;
    Ok(exchanges)
}

#[test]
fn exchanges_are_as_few_as_promised() {
    let opening = |engine: &Threads| Opening::new(setup(engine, Limits::default()));
    let ends = on_three(opening, |session| session.and_then(one_save));
    // To open; for a moment that nobody wants; for a quiet decision; to decide and to confirm; to settle.
    let expected = vec![1, 1, 2, 4, 5];
    assert_eq!(ends, vec![Ok(expected.clone()); 3]);
    let alone = Session::open(Opening::new(setup(&Solo, Limits::default())), Solo);
    assert_eq!(alone.and_then(one_save), Ok(expected));
}

#[test]
fn ranks_with_other_limits_never_start() {
    let opening = |engine: &Threads| {
        let fuel = if engine.rank() == 1 { 7 } else { 9 };
        Opening::new(setup(
            engine,
            Limits {
                fuel,
                ..Limits::default()
            },
        ))
    };
    for end in on_three(opening, |session| session.err()) {
        let Some(SessionError::Host(error @ Error::Disagreement { .. })) = end else {
            panic!("expected a disagreement, found {end:?}");
        };
        let text = error.to_string();
        assert!(
            text.contains("limits.fuel") && text.contains("rank 1"),
            "{text}"
        );
    }
}

#[test]
fn a_rank_that_cannot_open_tells_the_others() {
    let opening = |engine: &Threads| match engine.rank() {
        2 => Opening::failed(
            Place {
                rank: 2,
                world_size: 3,
            },
            "its file is missing",
        ),
        _ => Opening::new(setup(engine, Limits::default())),
    };
    for (rank, end) in on_three(opening, |session| session.err())
        .into_iter()
        .enumerate()
    {
        let error = end.expect("no rank opens");
        match rank {
            2 => assert_eq!(error.to_string(), "its file is missing"),
            _ => assert_eq!(
                error,
                SessionError::Host(Error::Open {
                    rank: 2,
                    text: "its file is missing".to_owned()
                })
            ),
        }
    }
}

#[test]
fn a_rank_that_ends_early_is_the_engines_error() {
    let opening = |engine: &Threads| Opening::new(setup(engine, Limits::default()));
    let ends = on_three(opening, |session| {
        let mut session = session?;
        if session.host().place().rank == 0 {
            return Ok(());
        }
        session.decide(&event(Moment::EpochEnd, 1)).map(|_| ())
    });
    assert_eq!(ends[0], Ok(()));
    for end in &ends[1..] {
        let Err(SessionError::Engine {
            when,
            source:
                EngineError::Left {
                    rank: 0,
                    panicked: false,
                    collective,
                },
        }) = end
        else {
            panic!("expected that rank 0 is missed, found {end:?}");
        };
        assert_eq!((when.as_str(), collective.number), ("in round 1", 2));
    }
}

#[test]
fn ranks_at_different_steps_change_nothing() {
    let opening = |engine: &Threads| Opening::new(setup(engine, Limits::default()));
    let ends = on_three(opening, |session| {
        let mut session = session?;
        let epoch = if session.host().place().rank == 1 {
            2
        } else {
            3
        };
        let disagreed = session.decide(&event(Moment::EpochEnd, epoch));
        let kept = session.host().checkpoints().count();
        Ok::<_, SessionError>((disagreed, kept))
    });
    for end in ends {
        let (disagreed, kept) = end.expect("all ranks open");
        let error = disagreed.expect_err("the ranks are at different steps");
        assert!(
            matches!(error, SessionError::Host(Error::Disagreement { .. })),
            "{error}"
        );
        assert_eq!(kept, 0);
    }
}
