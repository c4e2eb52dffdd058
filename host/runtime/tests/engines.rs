//! The rendezvous of threads, and the world of one.

use std::panic;
use std::thread;

use ckpt_policy_runtime::{Engine, EngineError, Solo, Threads};

/// Runs one function on all ranks of a world, each on a thread of its own.
fn on_all<T: Send>(size: u32, run: impl Fn(Threads) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let ranks: Vec<_> = Threads::world(size)
            .into_iter()
            .map(|rank| scope.spawn(|| run(rank)))
            .collect();
        ranks
            .into_iter()
            .map(|rank| rank.join().expect("no rank panics"))
            .collect()
    })
}

#[test]
fn messages_come_in_the_order_of_the_ranks() {
    for size in [1, 2, 5, 16] {
        let expected: Vec<u8> = (0..size).flat_map(|rank| [rank as u8, 0xaa]).collect();
        let gathered = on_all(size, |mut rank| {
            assert_eq!(rank.world_size(), size);
            rank.all_gather(&[rank.rank() as u8, 0xaa])
        });
        assert!(
            gathered
                .iter()
                .all(|messages| messages.as_ref() == Ok(&expected)),
            "{gathered:?}"
        );
    }
}

#[test]
fn empty_messages_meet_too() {
    let gathered = on_all(3, |mut rank| rank.all_gather(&[]));
    assert_eq!(gathered, vec![Ok(Vec::new()); 3]);
}

#[test]
fn reductions() {
    let reduced = on_all(3, |mut rank| {
        let own = i64::from(rank.rank());
        let mut sums = [own, -own, i64::MAX];
        rank.all_reduce_sum(&mut sums)?;
        let mut largest = [own, -own, i64::MIN + own];
        rank.all_reduce_max(&mut largest)?;
        Ok::<_, EngineError>((sums, largest))
    });
    let wrapped = i64::MAX.wrapping_add(i64::MAX).wrapping_add(i64::MAX);
    let expected = Ok(([3, -3, wrapped], [2, 0, i64::MIN + 2]));
    assert_eq!(reduced, vec![expected; 3]);
}

#[test]
fn many_collectives_in_a_row_never_mix() {
    let rounds = 2000_u64;
    let ended = on_all(4, |mut rank| {
        for round in 0..rounds {
            let message = round * 4 + u64::from(rank.rank());
            let messages = rank.all_gather(&message.to_le_bytes())?;
            let expected: Vec<u8> = (0..4)
                .flat_map(|rank| (round * 4 + rank).to_le_bytes())
                .collect();
            assert_eq!(messages, expected);
            let mut sum = [i64::from(rank.rank())];
            rank.all_reduce_sum(&mut sum)?;
            assert_eq!(sum, [6]);
        }
        Ok::<_, EngineError>(())
    });
    assert_eq!(ended, vec![Ok(()); 4]);
}

#[test]
fn a_rank_that_leaves_is_named() {
    let ended = on_all(4, |mut rank| {
        rank.all_gather(b"first")?;
        if rank.rank() == 2 {
            return Ok(());
        }
        rank.all_gather(b"second").map(|_| ())
    });
    for (rank, end) in ended.iter().enumerate() {
        match rank {
            2 => assert_eq!(*end, Ok(())),
            _ => assert_eq!(
                end.as_ref().unwrap_err().to_string(),
                "rank 2 left before collective 2 (`all_gather`); its own error says why"
            ),
        }
    }
}

#[test]
fn a_rank_that_panics_is_named() {
    let mut world = Threads::world(3);
    let panics = world.remove(1);
    let others: Vec<_> = world
        .into_iter()
        .map(|mut rank| thread::spawn(move || rank.all_reduce_sum(&mut [1])))
        .collect();
    let panicked = thread::spawn(move || {
        let _dropped_in_the_panic = panics;
        panic::resume_unwind(Box::new("a bug in the trainer"));
    });
    assert!(panicked.join().is_err());
    for rank in others {
        assert_eq!(
            rank.join().unwrap().unwrap_err().to_string(),
            "rank 1 panicked before collective 1 (`all_reduce_sum`); its own error says why"
        );
    }
}

#[test]
fn a_departure_is_remembered() {
    let mut world = Threads::world(3);
    drop(world.remove(0));
    // The second rank leaves because of the first one, which stays the one that is named.
    let mut second = world.remove(0);
    assert!(matches!(
        second.all_gather(b""),
        Err(EngineError::Left { rank: 0, .. })
    ));
    drop(second);
    let mut third = world.remove(0);
    for _ in 0..2 {
        assert!(matches!(
            third.all_reduce_max(&mut [0]),
            Err(EngineError::Left {
                rank: 0,
                panicked: false,
                ..
            })
        ));
    }
}

#[test]
fn leaving_after_the_last_collective_disturbs_nobody() {
    for _ in 0..500 {
        let ended = on_all(3, |mut rank| rank.all_gather(&[7]));
        assert_eq!(ended, vec![Ok(vec![7; 3]); 3]);
    }
}

#[test]
fn unequal_lengths_are_an_error_on_all_and_not_the_end() {
    let ended = on_all(4, |mut rank| {
        let message = vec![0; if rank.rank() == 2 { 24 } else { 16 }];
        let unequal = rank.all_gather(&message);
        let mut numbers = vec![1; if rank.rank() == 0 { 1 } else { 2 }];
        let unequal_too = rank.all_reduce_sum(&mut numbers);
        (unequal, unequal_too, rank.all_gather(b"x"))
    });
    for (gathered, reduced, after) in ended {
        assert_eq!(
            gathered.unwrap_err().to_string(),
            "the ranks brought unequal lengths to collective 1 (`all_gather`): ranks 0, 1 and 3: \
             16, rank 2: 24"
        );
        assert_eq!(
            reduced.unwrap_err().to_string(),
            "the ranks brought unequal lengths to collective 2 (`all_reduce_sum`): rank 0: 1, \
             ranks 1, 2 and 3: 2"
        );
        assert_eq!(after, Ok(b"xxxx".to_vec()));
    }
}

#[test]
fn different_operations_are_an_error_on_all() {
    let ended = on_all(12, |mut rank| match rank.rank() {
        11 => rank.all_reduce_max(&mut [1]),
        _ => rank.all_gather(&[1]).map(|_| ()),
    });
    for end in ended {
        assert_eq!(
            end.unwrap_err().to_string(),
            "the ranks called different operations in collective 1: ranks 0, 1, 2, 3, 4, 5, 6, 7 \
             and 3 more: all_gather, rank 11: all_reduce_max"
        );
    }
}

#[test]
fn one_rank_alone() {
    let mut solo = Solo;
    assert_eq!((solo.rank(), solo.world_size()), (0, 1));
    assert_eq!(solo.all_gather(b"mine"), Ok(b"mine".to_vec()));
    let mut numbers = [3, -4];
    solo.all_reduce_sum(&mut numbers).unwrap();
    solo.all_reduce_max(&mut numbers).unwrap();
    assert_eq!(numbers, [3, -4]);
}

#[test]
fn an_engine_may_be_chosen_while_running() {
    let mut engines: Vec<Box<dyn Engine + Send>> = vec![Box::new(Solo)];
    engines.extend(
        Threads::world(1)
            .into_iter()
            .map(|rank| Box::new(rank) as Box<_>),
    );
    for engine in &mut engines {
        assert_eq!(engine.all_gather(b"one"), Ok(b"one".to_vec()));
    }
}
