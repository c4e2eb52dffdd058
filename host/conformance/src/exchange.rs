//! What an engine makes of the exchanges of all ranks, without an engine.

use ckpt_policy_core::Exchange;

/// Joins what each rank brings, in the order of the ranks.
///
/// # Errors
///
/// Which rank brings another collective or another length than rank 0.
pub fn join(exchanges: Vec<Exchange>) -> Result<Exchange, String> {
    let mut ranks = exchanges.into_iter();
    let Some(mut all) = ranks.next() else {
        return Err("a world needs at least one rank".to_owned());
    };
    let first = named(&all);
    for (rank, own) in (1..).zip(ranks) {
        let other = named(&own);
        if first != other {
            return Err(format!("rank 0 brings {first}, rank {rank} {other}"));
        }
        merge(&mut all, own);
    }
    Ok(all)
}

/// Adds one rank's part, or what several ranks came to, to that of those before it.
///
/// Reductions may be merged in any order and in any tree, gathers only in the order of the ranks.
pub fn merge(all: &mut Exchange, own: Exchange) {
    match (all, own) {
        (Exchange::Gather(all), Exchange::Gather(own)) => all.extend(own),
        (
            Exchange::Reduce { sum, max },
            Exchange::Reduce {
                sum: own_sum,
                max: own_max,
            },
        ) => {
            for (all, own) in sum.iter_mut().zip(own_sum) {
                *all = all.wrapping_add(own);
            }
            for (all, own) in max.iter_mut().zip(own_max) {
                *all = (*all).max(own);
            }
        }
        _ => {}
    }
}

fn named(exchange: &Exchange) -> String {
    match exchange {
        Exchange::Gather(message) => format!("{} bytes", message.len()),
        Exchange::Reduce { sum, max } => format!("{} sums and {} maxima", sum.len(), max.len()),
    }
}
