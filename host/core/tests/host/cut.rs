//! A run that is cut in two at any event goes on as the uncut one would have.
//!
//! Any mix of policies, any numbers, saves that fail or stay in flight, interruptions and
//! requests. Policies remember a digest of all that they are shown, so one difference would show
//! in everything after it; the world proves at each exchange that all ranks come to the same.

use std::collections::{BTreeMap, BTreeSet};

use ckpt_policy_conformance::world::{World, Write};
use ckpt_policy_core::contract::CheckpointId;
use ckpt_policy_core::{
    Combine, Confirm, Encoding, Event, Metrics, Moment, Opening, Outcome, Resume, Rules, Saved,
    Snapshot,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use proptest::{prop_assert, prop_assert_eq};

use crate::support::{places, setup};
use crate::whim::{Whim, any_whim};

const RANKS: u32 = 3;

/// What happens to a run.
#[derive(Clone, Debug)]
enum Happening {
    Event {
        moment: Moment,
        steps: u64,
        /// For each rank: `x` and `y`.
        numbers: Vec<(Option<f64>, Option<f64>)>,
        /// A save of this event stays in flight.
        in_flight: bool,
        fails: Vec<u32>,
    },
    /// The oldest save in flight ends.
    End {
        fails: Vec<u32>,
    },
    Interrupt(u32),
    Request(u32),
}

fn number() -> impl Strategy<Value = Option<f64>> {
    let finite = any::<i8>().prop_map(|it| f64::from(it) / 4.0);
    let odd = prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-0.0)];
    option::weighted(0.8, prop_oneof![8 => finite, 1 => odd])
}

fn event() -> impl Strategy<Value = Happening> {
    let moments = [
        Moment::TrainStart,
        Moment::StepEnd,
        Moment::StepEnd,
        Moment::EpochEnd,
        Moment::ValidationEnd,
        Moment::ValidationEnd,
        Moment::TrainEnd,
    ];
    let numbers = vec((number(), number()), RANKS as usize);
    let how = (any::<bool>(), failing());
    (select(moments.to_vec()), 0..6_u64, numbers, how).prop_map(
        |(moment, steps, numbers, (in_flight, fails))| Happening::Event {
            moment,
            steps,
            numbers,
            in_flight,
            fails,
        },
    )
}

fn failing() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![4 => Just(Vec::new()), 1 => vec(0..RANKS, 1)]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => event(),
        3 => failing().prop_map(|fails| Happening::End { fails }),
        1 => (0..RANKS).prop_map(Happening::Interrupt),
        1 => (0..RANKS).prop_map(Happening::Request),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let combine = prop_oneof![
        3 => Just(Combine::Any),
        1 => Just(Combine::All),
        1 => Just(Combine::Majority)
    ];
    let confirm = prop_oneof![Just(Confirm::Acts), Just(Confirm::Never)];
    let encoding = prop_oneof![Just(Encoding::Gather), Just(Encoding::Reduce)];
    (combine, confirm, encoding, 0..3_u32, 1..4_u32).prop_map(
        |(combine, confirm, encoding, keep_at_least, in_flight)| Rules {
            combine,
            confirm,
            encoding,
            keep_at_least,
            in_flight,
            settle_steps: 7,
            signal_steps: 9,
        },
    )
}

/// One run and what the trainer knows of it, which outlives a host.
struct Run {
    world: World,
    step: u64,
    in_flight: Vec<CheckpointId>,
    /// What was reported and is not settled; a new host has to be told again.
    reported: BTreeMap<CheckpointId, Write>,
    interrupted: BTreeSet<u32>,
    deleted: BTreeSet<CheckpointId>,
    log: Vec<Outcome>,
}

impl Run {
    fn start(policies: &[Whim], rules: &Rules, resume: Option<Snapshot>) -> Self {
        let openings = places(RANKS).map(|place| {
            let named = policies.iter().enumerate();
            let policies = named.map(|(at, whim)| whim.setup(&format!("p{at}")));
            let setup = setup(place, rules.clone(), policies.collect());
            match resume.clone() {
                Some(snapshot) => Opening::resume(setup, Resume::seamless(snapshot)),
                None => Opening::new(setup),
            }
        });
        Self {
            world: World::open(openings.collect()).expect("the world opens"),
            step: 0,
            in_flight: Vec::new(),
            reported: BTreeMap::new(),
            interrupted: BTreeSet::new(),
            deleted: BTreeSet::new(),
            log: Vec::new(),
        }
    }

    /// Goes on with new hosts from a snapshot that was a file in between.
    fn resume(mut self, policies: &[Whim], rules: &Rules) -> Self {
        let text = self.snapshot().to_json();
        let snapshot = Snapshot::from_json(&text).expect("the snapshot is whole");
        assert_eq!(snapshot.to_json(), text);
        let mut world = Self::start(policies, rules, Some(snapshot)).world;
        world.take_over(&self.world);
        for (id, write) in &self.reported {
            world.report(*id, write).expect("it is in flight");
        }
        for rank in &self.interrupted {
            world.hosts_mut()[*rank as usize].interrupt();
        }
        for host in world.hosts_mut() {
            for id in &self.deleted {
                // What all ranks have learnt is not waited for any more.
                let _known = host.deleted(*id);
            }
        }
        Self { world, ..self }
    }

    fn snapshot(&mut self) -> Snapshot {
        self.world.snapshot().expect("a snapshot")
    }

    fn play(&mut self, happening: &Happening) {
        match happening {
            Happening::Event {
                moment,
                steps,
                numbers,
                in_flight,
                fails,
            } => {
                self.step += steps;
                let events: Vec<_> = numbers.iter().map(|it| self.event(*moment, *it)).collect();
                let outcome = self.world.round(&events).expect("a round");
                let fails = fails.clone();
                let write = (!in_flight).then_some(fails);
                self.follow(outcome, write);
            }
            Happening::End { fails } => self.end(fails.clone()),
            Happening::Interrupt(rank) => {
                self.interrupted.insert(*rank);
                self.world.hosts_mut()[*rank as usize].interrupt();
            }
            Happening::Request(rank) => self.world.hosts_mut()[*rank as usize].request_save(),
        }
    }

    fn event(&self, moment: Moment, (x, y): (Option<f64>, Option<f64>)) -> Event {
        // On all ranks and first of all names: hints at a missing input are alike on all ranks.
        let mut metrics: Metrics = [("a", 0.0)].into_iter().collect();
        for (name, value) in [("x", x), ("y", y)] {
            if let Some(value) = value {
                metrics.insert(name, value);
            }
        }
        Event {
            moment,
            step: self.step,
            epoch: self.step / 10,
            metrics,
        }
    }

    /// Ends the oldest save that nobody has reported.
    fn end(&mut self, fails: Vec<u32>) {
        let known = |id: &&CheckpointId| !self.reported.contains_key(id);
        if let Some(id) = self.in_flight.iter().find(known).copied() {
            self.report(id, fails);
        }
    }

    fn report(&mut self, id: CheckpointId, fails: Vec<u32>) {
        let saved = Saved {
            bytes: id * 3,
            seconds: Some(0.5),
            stall_seconds: None,
        };
        let write = Write { fails, saved };
        self.world.report(id, &write).expect("it is in flight");
        self.reported.insert(id, write);
    }

    /// Does what a trainer does with an outcome.
    fn follow(&mut self, outcome: Outcome, write: Option<Vec<u32>>) {
        if let Some(id) = outcome.checkpoint.filter(|_| outcome.save) {
            self.in_flight.push(id);
        }
        let settles = outcome.settle || (outcome.save && write.is_some());
        if let (Some(id), Some(fails), true) = (outcome.checkpoint, write, outcome.save) {
            self.report(id, fails);
        }
        self.note(outcome);
        if settles {
            let settled = self.world.settle().expect("a round");
            self.note(settled);
        }
    }

    fn note(&mut self, outcome: Outcome) {
        for ended in &outcome.ended {
            self.in_flight.retain(|id| *id != ended.id);
            self.reported.remove(&ended.id);
        }
        if outcome.interrupted {
            self.interrupted.clear();
        }
        let deletions = self.world.delete(&outcome.delete, &mut Vec::new());
        deletions.expect("they were ordered");
        self.deleted.extend(&outcome.delete);
        self.log.push(outcome);
    }
}

/// The first outcome that two runs do not share, as text: a NaN is not equal to itself.
fn difference(one: &[Outcome], other: &[Outcome]) -> Option<(String, String)> {
    let text = |log: &[Outcome], at: usize| match log.get(at) {
        Some(outcome) => format!("{outcome:?}"),
        None => "nothing".to_owned(),
    };
    (0..one.len().max(other.len()))
        .map(|at| (text(one, at), text(other, at)))
        .find(|(one, other)| one != other)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_run_decides_as_the_uncut_one(
        policies in vec(any_whim(), 1..5),
        rules in rules(),
        happenings in vec(happening(), 2..40),
        last in event(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let cut = cut.index(happenings.len());
        let policies = match rules.encoding {
            Encoding::Reduce => policies.into_iter().map(Whim::summed).collect(),
            _ => policies,
        };
        let mut uncut = Run::start(&policies, &rules, None);
        let mut run = Run::start(&policies, &rules, None);
        let parts = happenings.iter().chain([&last]).enumerate();
        for (at, happening) in parts {
            if at == cut {
                run = run.resume(&policies, &rules);
            }
            uncut.play(happening);
            run.play(happening);
            prop_assert_eq!(difference(&run.log, &uncut.log), None, "after {}", at);
            prop_assert_eq!(run.snapshot().to_json(), uncut.snapshot().to_json(), "after {}", at);
        }
        for run in [&mut uncut, &mut run] {
            while !run.in_flight.iter().all(|id| run.reported.contains_key(id)) {
                run.end(Vec::new());
            }
            let finished = run.world.finish().expect("it is settled");
            run.log.push(finished.outcome);
            prop_assert!(run.world.hosts()[0].checkpoints().all(|held| held.complete));
        }
        prop_assert_eq!(difference(&run.log, &uncut.log), None);
        prop_assert_eq!(run.snapshot().to_json(), uncut.snapshot().to_json());
    }

    #[test]
    fn both_encodings_decide_alike(
        policies in vec(any_whim(), 1..5),
        rules in rules(),
        happenings in vec(happening(), 2..40),
    ) {
        let policies: Vec<_> = policies.into_iter().map(Whim::summed).collect();
        let [mut gathered, mut reduced] = [Encoding::Gather, Encoding::Reduce]
            .map(|encoding| Run::start(&policies, &Rules { encoding, ..rules.clone() }, None));
        for (at, happening) in happenings.iter().enumerate() {
            gathered.play(happening);
            reduced.play(happening);
            prop_assert_eq!(difference(&gathered.log, &reduced.log), None, "after {}", at);
        }
        let held = |run: &Run| run.world.hosts()[0].checkpoints().collect::<Vec<_>>();
        prop_assert_eq!(held(&gathered), held(&reduced));
    }
}
