//! The simulated world itself: what travels in it, and that it notices ranks that part.

mod keeper;

use ckpt_policy_conformance::world::{Error, Played, World, Write};
use ckpt_policy_core::contract::Policy;
use ckpt_policy_core::{
    Event, Metrics, Mode, Moment, OnError, Opening, Place, PolicySetup, Rules, Setup,
};

use keeper::{Contrary, Keeper};

fn opening(place: Place, policy: Box<dyn Policy>) -> Opening {
    let policy = PolicySetup {
        name: "keeper".to_owned(),
        mode: Mode::Enforce,
        on_error: OnError::Skip,
        disable_after: None,
        config: serde_json::json!({}),
        digest: "0".repeat(64),
        policy,
    };
    Opening::new(Setup {
        place,
        rules: Rules::default(),
        policies: vec![policy],
        facts: Vec::new(),
    })
}

fn world(ranks: u32) -> World {
    let place = |rank| Place {
        rank,
        world_size: ranks,
    };
    let openings = (0..ranks).map(|rank| opening(place(rank), Box::new(Keeper)));
    World::open(openings.collect()).expect("the ranks agree")
}

fn events(step: u64, values: &[f64]) -> Vec<Event> {
    let event = |value: &f64| Event {
        moment: Moment::ValidationEnd,
        step,
        epoch: 0,
        metrics: [("x", *value)].into_iter().collect::<Metrics>(),
    };
    values.iter().map(event).collect()
}

fn play(world: &mut World, step: u64, values: &[f64]) -> Played {
    world
        .play(&events(step, values), &Write::default())
        .expect("the ranks agree")
}

/// Returns what one action cost.
fn cost<T>(world: &mut World, act: impl FnOnce(&mut World) -> T) -> (u64, T) {
    let before = world.traffic().exchanges;
    let result = act(world);
    (world.traffic().exchanges - before, result)
}

#[test]
fn exchanges_are_counted() {
    let mut world = world(3);
    let opened = world.traffic();
    assert_eq!(
        opened.exchanges, 1,
        "all agree, so nobody asks how they differ"
    );
    assert!(opened.bytes > 0);
    let (first, played) = cost(&mut world, |world| play(world, 1, &[3.0, 2.0, 1.0]));
    assert!(played.outcome.save && played.deleted.is_empty());
    assert_eq!(
        first, 3,
        "the decision, its confirmation, the settling round"
    );
    let (quiet, played) = cost(&mut world, |world| play(world, 2, &[3.0, 3.0, 3.0]));
    assert!(!played.outcome.save && played.settled.is_empty());
    assert_eq!(quiet, 1, "a quiet decision");
    let (deleting, played) = cost(&mut world, |world| play(world, 3, &[1.0, 1.0, 1.0]));
    assert_eq!(played.deleted.len(), 1);
    assert_eq!(
        deleting, 4,
        "the settling round orders a deletion, which is confirmed"
    );
    let mut idle = events(4, &[0.0, 0.0, 0.0]);
    idle.iter_mut()
        .for_each(|event| event.moment = Moment::EpochEnd);
    let (nobody, outcome) = cost(&mut world, |world| world.round(&idle));
    assert_eq!(outcome.map(|outcome| outcome.round), Ok(None));
    assert_eq!(nobody, 0, "nobody is due");
}

#[test]
fn a_deletion_that_is_ordered_again_is_done_once() {
    let mut world = world(2);
    play(&mut world, 1, &[3.0, 3.0]);
    let gone = play(&mut world, 2, &[2.0, 2.0]).deleted;
    assert_eq!(gone.len(), 1);
    assert!(world.is_gone(gone[0]));
    assert!(play(&mut world, 3, &[9.0, 9.0]).deleted.is_empty());
}

#[test]
fn a_save_ends_when_it_is_reported() {
    let mut world = world(2);
    let played = world
        .play_in_flight(&events(1, &[3.0, 3.0]))
        .expect("the ranks agree");
    let id = played.outcome.checkpoint.expect("a first value is saved");
    assert!(played.settled.is_empty());
    let complete = |world: &World| {
        world.hosts()[0]
            .checkpoints()
            .map(|held| held.complete)
            .collect()
    };
    let in_flight: Vec<bool> = complete(&world);
    assert_eq!(in_flight, [false]);
    world
        .report(id, &Write::default())
        .expect("it is in flight");
    let finished = world.finish().expect("the ranks agree");
    let ended = std::iter::once(&finished.outcome).chain(&finished.settled);
    let ended: Vec<_> = ended.flat_map(|outcome| &outcome.ended).collect();
    assert!(
        ended.len() == 1 && ended[0].failed_ranks.is_empty(),
        "found {ended:?}"
    );
    let ended: Vec<bool> = complete(&world);
    assert_eq!(ended, [true]);
}

#[test]
fn snapshots_are_the_same_on_all_ranks() {
    let mut world = world(3);
    play(&mut world, 1, &[3.0, 2.0, f64::NAN]);
    play(&mut world, 2, &[3.0, 2.0, 1.0]);
    let snapshot = world.snapshot().expect("the ranks agree");
    assert_eq!(snapshot.on_disk().len(), 1);
}

#[test]
fn a_step_that_differs_is_refused_by_every_rank() {
    let mut world = world(3);
    let mut events = events(1, &[1.0, 1.0, 1.0]);
    events[1].step = 2;
    match world.play(&events, &Write::default()) {
        Err(Error::Refused(errors)) => assert_eq!(errors.len(), 3),
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn ranks_of_which_one_acts_part() {
    let openings = (0..2).map(|rank| {
        let policy = Contrary {
            odd: rank == 1,
            vetoes: true,
        };
        opening(
            Place {
                rank,
                world_size: 2,
            },
            Box::new(policy),
        )
    });
    let mut world = World::open(openings.collect()).expect("nothing was decided yet");
    let played = world.play(&events(1, &[1.0, 1.0]), &Write::default());
    assert!(matches!(played, Err(Error::Parted(_))), "found {played:?}");
}

#[test]
fn a_world_has_ranks_and_an_event_for_each() {
    let empty = World::open(Vec::new()).err().map(|error| error.to_string());
    assert_eq!(empty.as_deref(), Some("a world needs at least one rank"));
    let short = world(2).round(&events(1, &[1.0]));
    assert_eq!(short, Err(Error::Parted("1 events for 2 ranks".to_owned())));
}
