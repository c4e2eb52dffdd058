//! What a decision costs over MPI, beside the bare collective that carries the same bytes: each figure
//! a median over calls that take turns, the mean over the ranks.
//!
//! ```console
//! $ cargo build --release -p ckpt-policy-mpi --example overhead
//! $ mpirun -n 2 target/release/examples/overhead
//! ```

use std::time::Instant;

use ckpt_policy::{Given, survey};
use ckpt_policy_core::{Event, Exchange, Metrics, Moment, Opening, Place, Progress};
use ckpt_policy_mpi::Mpi;
use ckpt_policy_runtime::{Engine as _, Session, carry};
use mpi::collective::SystemOperation;
use mpi::topology::{Communicator as _, SimpleCommunicator};
use mpi::traits::CommunicatorCollectives as _;

/// The benchmarks' policy, built from `tests/probe`.
const PROBE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/probe/probe.wasm");
const METRICS: u32 = 8;
const ROUNDS: u64 = 3000;
/// Rounds before the first that counts.
const WARM: u64 = 300;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let universe = mpi::initialize().ok_or("MPI was initialised already")?;
    let world = universe.world();
    if world.rank() == 0 {
        print_line(&format!(
            "{METRICS} metrics, {} ranks, medians in µs",
            world.size()
        ));
        print_line(
            "encoding  instances     bytes   bare collective   engine   decision   host adds",
        );
    }
    for encoding in ["gather", "reduce"] {
        for instances in ["fresh", "reuse"] {
            measure(&world, encoding, instances)?;
        }
    }
    Ok(())
}

/// Prints one line: the collective as MPI has it, through the engine, and the whole decision.
fn measure(world: &SimpleCommunicator, encoding: &str, instances: &str) -> Result<(), Failure> {
    let mut engine = Mpi::on(world)?;
    let mut host = open(encoding, instances, Mpi::on(world)?)?;
    let metrics: Metrics = (0..METRICS)
        .map(|index| (format!("m{index}"), f64::from(index) + 0.1))
        .collect();
    let event = |step| Event {
        moment: Moment::StepEnd,
        step,
        epoch: 0,
        metrics: metrics.clone(),
    };
    // Of the same size as all that follow.
    let mut probe = open(encoding, instances, Mpi::on(world)?)?;
    let Progress::Exchange(exchange) = probe.host_mut().begin(&event(1))? else {
        return Err("nobody is asked".into());
    };
    let (mut bare, mut carried, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for step in 1..=WARM + ROUNDS {
        let event = event(step);
        bare.push(micros(world, || bare_collective(world, &exchange))?);
        carried.push(micros(world, || through(&mut engine, &exchange))?);
        whole.push(micros(world, || {
            host.decide(&event).map(drop).map_err(Failure::from)
        })?);
    }
    let figures = [bare, carried, whole].map(|figures| mean(world, median(figures)));
    let [bare, carried, whole] = figures;
    if world.rank() == 0 {
        print_line(&format!(
            "{encoding:<9} {instances:<9} {:>9} {bare:>17.1} {carried:>8.1} {whole:>10.1} {:>11.1}",
            exchange.bytes(),
            whole - bare,
        ));
    }
    Ok(())
}

fn open(encoding: &str, instances: &str, engine: Mpi) -> Result<Session<Mpi>, Failure> {
    let place = Place {
        rank: engine.rank(),
        world_size: engine.world_size(),
    };
    let config = format!(
        r#"{{"instances": "{instances}", "exchange": {{"encoding": "{encoding}"}},
            "policy": [{{"name": "probe", "wasm": "{PROBE}",
                         "config": {{"reductions": {METRICS}, "quiet": true}}}}]}}"#
    );
    let survey = survey(Given::Json(&config), None).map_err(|failure| failure.to_string())?;
    let policies = survey
        .load()
        .map_err(|problems| ckpt_policy::Failure::from(problems).to_string())?;
    Ok(Session::open(Opening::new(policies.setup(place)), engine)?)
}

fn bare_collective(world: &SimpleCommunicator, exchange: &Exchange) -> Result<(), Failure> {
    match exchange {
        Exchange::Gather(message) => {
            let mut all = vec![0_u8; message.len() * world.size() as usize];
            world.all_gather_into(&message[..], &mut all[..]);
        }
        Exchange::Reduce { sum, max } => {
            let (mut sums, mut maxima) = (sum.clone(), max.clone());
            world.all_reduce_into(&sum[..], &mut sums[..], SystemOperation::sum());
            if !max.is_empty() {
                world.all_reduce_into(&max[..], &mut maxima[..], SystemOperation::max());
            }
        }
    }
    Ok(())
}

fn through(engine: &mut Mpi, exchange: &Exchange) -> Result<(), Failure> {
    Ok(carry(engine, exchange.clone()).map(drop)?)
}

/// Times a call that all ranks begin together.
fn micros(
    world: &SimpleCommunicator,
    call: impl FnOnce() -> Result<(), Failure>,
) -> Result<f64, Failure> {
    world.barrier();
    let start = Instant::now();
    call()?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.drain(..WARM as usize);
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn mean(world: &SimpleCommunicator, own: f64) -> f64 {
    let mut sum = 0.0;
    world.all_reduce_into(&own, &mut sum, SystemOperation::sum());
    sum / f64::from(world.size())
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn print_line(text: &str) {
    println!("{text}");
}
