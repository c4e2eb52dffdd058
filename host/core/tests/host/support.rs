//! Policies that a test writes down as closures, and worlds of them.

use std::fmt::Debug;
use std::num::NonZeroU64;

use ckpt_policy_conformance::world::{Played, World, Write};
use ckpt_policy_core::contract::{
    Ballot, CheckpointId, Description, Fault, Input, Observation, Operation, Plan, Policy,
    Prepared, Reduced, Reduction, Round, Source, Verdict, View,
};
use ckpt_policy_core::{
    Error, Event, Exchange, Host, Metrics, Mode, Moment, OnError, Opening, Outcome, Place,
    PolicySetup, Progress, Rules, Setup, Snapshot,
};

type Decide = Box<dyn FnMut(&[u8], &Round) -> Result<Verdict, Fault> + Send>;
type Observe = Box<dyn FnMut(&Observation) -> Result<Vec<Option<f64>>, Fault> + Send>;

/// A policy made of a plan and closures; asked at `validation-end` unless told otherwise.
pub(crate) struct Scripted {
    plan: Plan,
    decide: Decide,
    observe: Observe,
}

impl Scripted {
    pub(crate) fn new(
        decide: impl FnMut(&[u8], &Round) -> Result<Verdict, Fault> + Send + 'static,
    ) -> Self {
        Self {
            plan: Plan {
                inputs: Vec::new(),
                features: 0,
                reductions: Vec::new(),
                view: View::All,
                moments: vec!["validation-end".to_owned()],
                every_steps: 0,
                passive: false,
            },
            decide: Box::new(decide),
            observe: Box::new(|_| Ok(Vec::new())),
        }
    }

    /// Says what `verdict` makes of each round.
    pub(crate) fn says(verdict: impl Fn(&Round) -> Verdict + Send + 'static) -> Self {
        Self::new(move |_, round| Ok(verdict(round)))
    }

    /// Always abstains.
    pub(crate) fn quiet() -> Self {
        Self::says(|_| abstain())
    }

    /// Saves at each round in which it is asked, and keeps everything.
    pub(crate) fn saver() -> Self {
        Self::says(|_| save())
    }

    pub(crate) fn at(mut self, moments: &[Moment]) -> Self {
        self.plan.moments = moments
            .iter()
            .map(|moment| moment.name().to_owned())
            .collect();
        self
    }

    /// Takes back the reductions but for the first and those after `skip`.
    pub(crate) fn keep_last_reduction(&mut self, skip: usize) {
        self.plan.reductions.drain(1..skip);
    }

    /// Names a moment that may not exist.
    pub(crate) fn misname(&mut self, moment: &str) {
        self.plan.moments = vec![moment.to_owned()];
    }

    pub(crate) fn view(mut self, view: View) -> Self {
        self.plan.view = view;
        self
    }

    pub(crate) fn every(mut self, steps: u64) -> Self {
        self.plan.every_steps = steps;
        self
    }

    pub(crate) fn passive(mut self) -> Self {
        self.plan.passive = true;
        self
    }

    /// Reads an input, and its mean.
    pub(crate) fn reads(mut self, name: &str) -> Self {
        self.input(name, false);
        self.mean()
    }

    pub(crate) fn requires(mut self, name: &str) -> Self {
        self.input(name, true);
        self.mean()
    }

    fn mean(mut self) -> Self {
        let newest = u32::try_from(self.plan.inputs.len() - 1).unwrap_or(0);
        let source = Source::Input(newest);
        self.plan.reductions.push(Reduction {
            source,
            operation: Operation::Mean,
        });
        self
    }

    fn input(&mut self, name: &str, required: bool) {
        let name = name.to_owned();
        self.plan.inputs.push(Input { name, required });
    }

    /// Makes one feature of each observation, and its sum.
    pub(crate) fn feature(
        mut self,
        observe: impl FnMut(&Observation) -> Result<Vec<Option<f64>>, Fault> + Send + 'static,
    ) -> Self {
        self.plan.features = 1;
        self.plan.reductions.push(Reduction {
            source: Source::Feature(0),
            operation: Operation::Sum,
        });
        self.observe = Box::new(observe);
        self
    }

    pub(crate) fn named(self, name: &str) -> PolicySetup {
        setup_of(name, Box::new(self))
    }
}

impl Policy for Scripted {
    fn describe(&mut self) -> Result<Description, Fault> {
        Ok(description())
    }

    fn prepare(&mut self, _: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        Ok(Prepared {
            plan: self.plan.clone(),
            settings: Vec::new(),
            state: previous.unwrap_or_default().to_vec(),
        })
    }

    fn observe(
        &mut self,
        _: &[u8],
        _: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        (self.observe)(observation)
    }

    fn decide(&mut self, _: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        (self.decide)(state, round)
    }
}

pub(crate) fn description() -> Description {
    Description {
        name: "scripted".to_owned(),
        version: "1.0.0".to_owned(),
        summary: "Does what a test says.".to_owned(),
        config_schema: "{}".to_owned(),
    }
}

pub(crate) fn setup_of(name: &str, policy: Box<dyn Policy>) -> PolicySetup {
    PolicySetup {
        name: name.to_owned(),
        mode: Mode::Enforce,
        on_error: OnError::Skip,
        disable_after: None,
        config: serde_json::json!({}),
        digest: "00".to_owned(),
        policy,
    }
}

pub(crate) fn shadow(setup: PolicySetup) -> PolicySetup {
    PolicySetup {
        mode: Mode::Shadow,
        ..setup
    }
}

pub(crate) fn on_error(setup: PolicySetup, on_error: OnError) -> PolicySetup {
    PolicySetup { on_error, ..setup }
}

/// Lets a policy fail so often in a row.
pub(crate) fn disable_after(setup: PolicySetup, failures: u64) -> PolicySetup {
    PolicySetup {
        disable_after: NonZeroU64::new(failures),
        ..setup
    }
}

/// A verdict that wishes nothing.
pub(crate) fn abstain() -> Verdict {
    Verdict::default()
}

/// A verdict that asks for a save and wishes nothing else.
pub(crate) fn save() -> Verdict {
    ballot(Ballot::Save)
}

pub(crate) fn ballot(ballot: Ballot) -> Verdict {
    Verdict {
        ballot,
        ..abstain()
    }
}

/// The ids of what a policy is shown as its own.
pub(crate) fn mine(round: &Round) -> Vec<CheckpointId> {
    let own = round.checkpoints.iter().filter(|it| it.mine);
    own.map(|it| it.id).collect()
}

/// The value of a reduction that makes one number.
pub(crate) fn value(reduced: &Reduced) -> Option<f64> {
    match reduced {
        Reduced::Statistic(statistic) => statistic.value,
        Reduced::Tally(_) | Reduced::EveryRank(_) => None,
    }
}

pub(crate) fn setup(place: Place, rules: Rules, policies: Vec<PolicySetup>) -> Setup {
    Setup {
        place,
        rules,
        policies,
        facts: vec![("engine".to_owned(), "simulated".to_owned())],
    }
}

/// The place of each rank of a world.
pub(crate) fn places(world_size: u32) -> impl Iterator<Item = Place> {
    (0..world_size).map(move |rank| Place { rank, world_size })
}

/// Opens a world; `policies` is called once for each rank.
pub(crate) fn world(size: u32, policies: impl Fn(u32) -> Vec<PolicySetup>) -> World {
    world_under(Rules::default(), size, policies)
}

pub(crate) fn world_under(
    rules: Rules,
    size: u32,
    policies: impl Fn(u32) -> Vec<PolicySetup>,
) -> World {
    let openings = places(size)
        .map(|place| Opening::new(setup(place, rules.clone(), policies(place.rank))))
        .collect();
    World::open(openings).expect("the world opens")
}

pub(crate) fn event(moment: Moment, step: u64) -> Event {
    Event {
        moment,
        step,
        epoch: 0,
        metrics: Metrics::new(),
    }
}

/// One event for each rank, without any number.
pub(crate) fn events(world: &World, moment: Moment, step: u64) -> Vec<Event> {
    vec![event(moment, step); world.hosts().len()]
}

/// One event for each rank, with one metric.
pub(crate) fn measured(name: &str, values: &[f64], moment: Moment, step: u64) -> Vec<Event> {
    let with = |value: &f64| Event {
        metrics: [(name, *value)].into_iter().collect(),
        ..event(moment, step)
    };
    values.iter().map(with).collect()
}

/// Plays a validation without any number; saves succeed everywhere.
pub(crate) fn validate(world: &mut World, step: u64) -> Played {
    play(world, Moment::ValidationEnd, step)
}

pub(crate) fn play(world: &mut World, moment: Moment, step: u64) -> Played {
    let events = events(world, moment, step);
    world
        .play(&events, &Write::default())
        .expect("the event plays")
}

/// Plays a validation whose save stays in flight.
pub(crate) fn in_flight(world: &mut World, step: u64) -> Played {
    let events = events(world, Moment::ValidationEnd, step);
    world.play_in_flight(&events).expect("the event plays")
}

/// Plays a validation whose save fails on one rank.
pub(crate) fn fail(world: &mut World, step: u64, rank: u32) -> Played {
    let events = events(world, Moment::ValidationEnd, step);
    let write = Write {
        fails: vec![rank],
        ..Write::default()
    };
    world.play(&events, &write).expect("the event plays")
}

/// The steps of what the ledger lists.
pub(crate) fn steps(world: &World) -> Vec<u64> {
    world.hosts()[0].checkpoints().map(|it| it.step).collect()
}

/// How many exchanges `doing` costs.
pub(crate) fn exchanges(world: &mut World, doing: impl FnOnce(&mut World)) -> u64 {
    let before = world.traffic().exchanges;
    doing(world);
    world.traffic().exchanges - before
}

/// The snapshot of a host that remembers no numbers, which needs no exchange.
pub(crate) fn snapshot(host: &mut Host) -> Snapshot {
    match host.snapshot() {
        Ok(Progress::Done(snapshot)) => snapshot,
        Ok(Progress::Exchange(_)) => panic!("this host remembers numbers"),
        Err(error) => panic!("no snapshot: {error}"),
    }
}

pub(crate) fn snapshots(world: &mut World) -> Vec<Snapshot> {
    world.hosts_mut().iter_mut().map(snapshot).collect()
}

/// The message that a host wants to exchange.
pub(crate) fn message<T: Debug>(progress: Result<Progress<T>, Error>) -> Vec<u8> {
    match progress {
        Ok(Progress::Exchange(exchange)) => bytes(exchange),
        other => panic!("an exchange was expected, found {other:?}"),
    }
}

/// The message of an exchange that is a gather.
pub(crate) fn bytes(exchange: Exchange) -> Vec<u8> {
    exchange.into_message().expect("a gather was expected")
}

/// The result of a host that is done.
pub(crate) fn done<T: Debug>(progress: Result<Progress<T>, Error>) -> T {
    match progress {
        Ok(Progress::Done(result)) => result,
        other => panic!("a result was expected, found {other:?}"),
    }
}

/// Joins messages as an engine does, which needs one length.
pub(crate) fn gather(messages: &[Vec<u8>]) -> Vec<u8> {
    for message in messages {
        assert_eq!(message.len(), messages[0].len(), "lengths differ");
    }
    messages.concat()
}

/// Hands one exchange to all hosts.
pub(crate) fn carry(
    world: &mut World,
    messages: &[Vec<u8>],
) -> Vec<Result<Progress<Outcome>, Error>> {
    let gathered = gather(messages);
    let hosts = world.hosts_mut().iter_mut();
    hosts.map(|host| host.complete(&gathered)).collect()
}

/// The error that all ranks came to, word for word.
pub(crate) fn refused<T: Debug>(results: Vec<Result<T, Error>>) -> Error {
    let errors: Vec<_> = results
        .into_iter()
        .map(|result| result.expect_err("an error was expected"))
        .collect();
    for error in &errors {
        assert_eq!(error, &errors[0], "ranks came to different errors");
    }
    errors[0].clone()
}
