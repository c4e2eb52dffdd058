//! What a decision costs, and what of it is the sandbox: figures side by side, in one run.
//!
//! | group | what is measured |
//! |---|---|
//! | `bare_call` | `decide` of the compiled policy, called as the host calls it and nothing else |
//! | `decision` | a whole decision: `begin`, the exchange of one rank, `complete`; by policies and reductions |
//! | `…_native` | the same by the same policy as plain Rust: the price of the sandbox |
//! | `fold` | an exact mean over the numbers of many ranks |
//! | `gathered` | `begin` and `complete` of one rank of a world whose other ranks' messages are there |
//!
//! A last table relates them: what the host adds to a call, and the sandbox to plain Rust.
//!
//! The exchange itself costs nothing here: a world of one gets its own bytes back, and in
//! `gathered` the others' bytes are one's own again.

use std::time::Instant;

use ckpt_policy_core::contract::{
    Fault, Operation, Policy, Prepared, Reduced, Round, Statistic, Verdict,
};
use ckpt_policy_core::reduction::reduce;
use ckpt_policy_core::{
    Encoding, Event, Exchange, Host, Metrics, Mode, Moment, OnError, Opened, Opening, Place,
    PolicySetup, Progress, Rules, Setup,
};
use ckpt_policy_probe::Probe;
use ckpt_policy_runtime::{Instances, Limits, Loaded, Runtime};
use ckpt_policy_sdk::native::Native;
use divan::Bencher;

const PROBE: &[u8] = include_bytes!("../../../tests/probe/probe.wasm");

fn main() {
    divan::main();
    print_ratios();
}

/// Prints what the host adds to a bare call, and what the sandbox adds to plain Rust: one policy,
/// eight reductions, each figure the median of calls that take turns with those it is compared to.
#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn print_ratios() {
    let reductions = 8;
    println!("one policy, {reductions} reductions, medians in µs");
    println!("instance      bare call   whole decision   host adds   of the call   of plain Rust");
    let (fresh, reused) = (loaded(Instances::Fresh), loaded(Instances::Reuse));
    let kinds: [(&str, Make<'_>); 3] = [
        ("fresh", &|| Box::new(fresh.policy())),
        ("reused", &|| Box::new(reused.policy())),
        ("plain Rust", &native),
    ];
    let plain = Pair::measure(&native, reductions);
    for (name, policy) in kinds {
        let pair = Pair::measure(policy, reductions);
        println!(
            "{name:<10} {:>12.2} {:>16.2} {:>11.2} {:>13.2} {:>15.1}",
            pair.call,
            pair.decision,
            pair.decision - pair.call,
            (pair.decision - pair.call) / pair.call,
            pair.decision / plain.decision,
        );
    }
}

type Make<'a> = &'a dyn Fn() -> Box<dyn Policy>;

/// Medians of a bare call and of a whole decision, in µs.
struct Pair {
    call: f64,
    decision: f64,
}

impl Pair {
    fn measure(policy: Make<'_>, reductions: u32) -> Self {
        let mut bare = Bare::new(policy(), reductions);
        let mut host = host(
            Place {
                rank: 0,
                world_size: 1,
            },
            1,
            reductions,
            policy,
        );
        let mut event = event(reductions);
        let (mut calls, mut decisions) = (Vec::new(), Vec::new());
        for _ in 0..2_000 {
            calls.push(micros(|| drop(divan::black_box(bare.call()))));
            event.step += 1;
            decisions.push(micros(|| {
                let message = begin(&mut host, &event);
                drop(divan::black_box(host.complete(&message)));
            }));
        }
        Self {
            call: median(calls),
            decision: median(decisions),
        }
    }
}

fn micros(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e6
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Policies and reductions, each pair a row.
const SIZES: [(usize, u32); 6] = [(1, 1), (1, 8), (1, 64), (4, 8), (16, 8), (16, 64)];

#[divan::bench(args = [1, 8, 64])]
fn bare_call_fresh(bencher: Bencher<'_, '_>, reductions: u32) {
    bare_call(bencher, Instances::Fresh, reductions);
}

#[divan::bench(args = [1, 8, 64])]
fn bare_call_reused(bencher: Bencher<'_, '_>, reductions: u32) {
    bare_call(bencher, Instances::Reuse, reductions);
}

#[divan::bench(args = [1, 8, 64])]
fn bare_call_native(bencher: Bencher<'_, '_>, reductions: u32) {
    call(bencher, native(), reductions);
}

#[divan::bench(args = SIZES)]
fn decision_fresh(bencher: Bencher<'_, '_>, (policies, reductions): (usize, u32)) {
    let loaded = loaded(Instances::Fresh);
    decision(bencher, policies, reductions, || Box::new(loaded.policy()));
}

#[divan::bench(args = SIZES)]
fn decision_reused(bencher: Bencher<'_, '_>, (policies, reductions): (usize, u32)) {
    let loaded = loaded(Instances::Reuse);
    decision(bencher, policies, reductions, || Box::new(loaded.policy()));
}

#[divan::bench(args = SIZES)]
fn decision_native(bencher: Bencher<'_, '_>, (policies, reductions): (usize, u32)) {
    decision(bencher, policies, reductions, || {
        Box::new(Native::<Probe>::new())
    });
}

#[divan::bench(args = [2, 8, 64, 1024, 16384])]
fn fold_mean(bencher: Bencher<'_, '_>, ranks: u32) {
    let numbers: Vec<_> = (0..ranks)
        .map(|rank| Some(1.0 / f64::from(rank + 3)))
        .collect();
    bencher.bench(|| reduce(Operation::Mean, numbers.iter().copied(), std::iter::empty()));
}

/// One rank's whole decision, eight reductions over the contributions of so many ranks.
#[divan::bench(args = [2, 8, 64, 1024])]
fn gathered_native(bencher: Bencher<'_, '_>, ranks: u32) {
    let mut host = host(
        Place {
            rank: 0,
            world_size: ranks,
        },
        1,
        8,
        &native,
    );
    let mut event = event(8);
    bencher.bench_local(|| {
        event.step += 1;
        let own = begin(&mut host, &event);
        host.complete(&world_of(&own, ranks))
            .expect("the ranks agree")
    });
}

fn bare_call(bencher: Bencher<'_, '_>, instances: Instances, reductions: u32) {
    call(bencher, Box::new(loaded(instances).policy()), reductions);
}

/// Calls `decide` with one round again and again.
fn call(bencher: Bencher<'_, '_>, policy: Box<dyn Policy>, reductions: u32) {
    let mut bare = Bare::new(policy, reductions);
    bencher.bench_local(|| bare.call());
}

/// A policy and one round for it, without a host.
struct Bare {
    policy: Box<dyn Policy>,
    prepared: Prepared,
    round: Round,
}

impl Bare {
    fn new(mut policy: Box<dyn Policy>, reductions: u32) -> Self {
        let config = config(reductions).to_string();
        let prepared = policy
            .prepare(&config, None)
            .expect("the probe takes its configuration");
        let statistic = Statistic {
            value: Some(0.25),
            finite: 1,
            non_finite: 0,
            missing: 0,
        };
        let round = Round {
            moment: 0,
            step: 1,
            epoch: 0,
            world_size: 1,
            elapsed_seconds: None,
            candidate: 1,
            values: vec![Reduced::Statistic(statistic); reductions as usize],
            checkpoints: Vec::new(),
        };
        Self {
            policy,
            prepared,
            round,
        }
    }

    fn call(&mut self) -> Result<Verdict, Fault> {
        let Prepared {
            settings, state, ..
        } = &self.prepared;
        self.policy.decide(settings, state, &self.round)
    }
}

fn decision(
    bencher: Bencher<'_, '_>,
    policies: usize,
    reductions: u32,
    policy: impl Fn() -> Box<dyn Policy>,
) {
    let mut host = host(
        Place {
            rank: 0,
            world_size: 1,
        },
        policies,
        reductions,
        &policy,
    );
    let mut event = event(reductions);
    bencher.bench_local(|| {
        event.step += 1;
        let message = begin(&mut host, &event);
        host.complete(&message)
            .expect("one rank agrees with itself")
    });
}

fn loaded(instances: Instances) -> Loaded {
    let runtime = Runtime::new(Limits::default(), instances).expect("the engine starts");
    runtime.load(PROBE).expect("the probe loads")
}

fn native() -> Box<dyn Policy> {
    Box::new(Native::<Probe>::new())
}

fn config(reductions: u32) -> serde_json::Value {
    serde_json::json!({ "reductions": reductions, "quiet": true })
}

fn host(
    place: Place,
    policies: usize,
    reductions: u32,
    policy: &dyn Fn() -> Box<dyn Policy>,
) -> Host {
    let policies = (0..policies)
        .map(|index| PolicySetup {
            name: format!("probe-{index}"),
            mode: Mode::Enforce,
            on_error: OnError::Skip,
            disable_after: None,
            config: config(reductions),
            digest: String::new(),
            policy: policy(),
        })
        .collect();
    let setup = Setup {
        place,
        rules: Rules {
            // Also where a world of this size would sum on the way.
            encoding: Encoding::Gather,
            ..Rules::default()
        },
        policies,
        facts: Vec::new(),
    };
    let opening = Opening::new(setup);
    let heads = world_of(&bytes(opening.begin()), place.world_size);
    match opening.complete(&heads).expect("the ranks agree") {
        Opened::Host(host) => *host,
        Opened::Exchange(..) => unreachable!("equal heads open a host"),
    }
}

fn event(reductions: u32) -> Event {
    let number = |index: u32| 1.0 / f64::from(index + 3);
    let metrics: Metrics = (0..reductions)
        .map(|index| (format!("m{index}"), number(index)))
        .collect();
    Event {
        moment: Moment::StepEnd,
        step: 0,
        epoch: 0,
        metrics,
    }
}

fn begin(host: &mut Host, event: &Event) -> Vec<u8> {
    match host.begin(event).expect("no exchange is open") {
        Progress::Exchange(exchange) => bytes(exchange),
        Progress::Done(_) => unreachable!("the probe is asked at every step"),
    }
}

fn bytes(exchange: Exchange) -> Vec<u8> {
    exchange.into_message().expect("the rules say so")
}

/// Returns what an all-gather would, had all ranks sent the same but for their rank, which stands
/// at the same place in all messages.
fn world_of(own: &[u8], ranks: u32) -> Vec<u8> {
    const RANK: std::ops::Range<usize> = 12..16;
    let mut gathered = own.repeat(ranks as usize);
    for (rank, message) in (0_u32..).zip(gathered.chunks_exact_mut(own.len())) {
        message[RANK].copy_from_slice(&rank.to_le_bytes());
    }
    gathered
}
