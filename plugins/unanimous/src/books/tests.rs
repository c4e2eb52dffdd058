use ckpt_policy_sdk::ranking::Direction;

use super::{Books, Rule, Seen};

const ONE: Rule = Rule {
    direction: Direction::Min,
    places: 1,
};
const TWO: Rule = Rule {
    direction: Direction::Min,
    places: 2,
};

fn complete(checkpoint: u64) -> Seen {
    Seen {
        checkpoint,
        complete: true,
    }
}

fn in_flight(checkpoint: u64) -> Seen {
    Seen {
        checkpoint,
        complete: false,
    }
}

/// Lists of two ranks, with these checkpoints complete.
fn books(rule: Rule, saves: &[(u64, [f64; 2])]) -> Books {
    let mut books = Books::default();
    books.follow(rule, 2, &[]);
    let mut held = Vec::new();
    for (id, values) in saves {
        books.ask(rule, *id, &values.map(Some));
        held.push(complete(*id));
        books.follow(rule, 2, &held);
    }
    books
}

fn ids(books: &Books, rule: Rule) -> [Vec<u64>; 2] {
    let expected = books.expected(rule);
    [expected[0].ids(), expected[1].ids()]
}

#[test]
fn a_list_knows_only_what_is_complete_or_open() {
    let mut books = books(TWO, &[(1, [0.5, 0.2]), (2, [0.3, 0.6])]);
    books.ask(TWO, 3, &[Some(0.4), Some(0.55)]);
    assert_eq!(ids(&books, TWO), [[2, 3], [1, 3]]);
    // While it is written the host no longer lists what goes for it.
    books.follow(TWO, 2, &[complete(2), in_flight(3)]);
    assert_eq!(ids(&books, TWO), [[2, 3], [1, 3]]);
    let mut failed = books.clone();
    failed.follow(TWO, 2, &[complete(1), complete(2)]);
    assert_eq!(ids(&failed, TWO), [[1, 2], [1, 2]]);
    books.follow(TWO, 2, &[complete(2), complete(3)]);
    assert!(books.open.is_empty());
    assert_eq!(ids(&books, TWO), [[2, 3], [1, 3]]);
}

#[test]
fn one_that_was_let_go_while_it_was_written_comes_back_with_its_scores() {
    let mut books = books(ONE, &[(1, [0.5, 0.5])]);
    books.ask(ONE, 2, &[Some(0.4), Some(0.3)]);
    books.ask(ONE, 3, &[Some(0.2), Some(0.2)]);
    books.follow(ONE, 2, &[in_flight(3)]);
    assert_eq!(ids(&books, ONE), [[3], [3]]);
    books.follow(ONE, 2, &[complete(2)]);
    assert!(books.open.is_empty());
    assert_eq!(books.settled[1].0[0].score.to_bits(), 0.3_f32.to_bits());
}

#[test]
fn one_that_was_let_go_is_done_with_when_its_successor_is_complete() {
    let mut books = books(ONE, &[(1, [0.5, 0.5])]);
    books.ask(ONE, 2, &[Some(0.4), Some(0.3)]);
    books.ask(ONE, 3, &[Some(0.2), Some(0.2)]);
    books.follow(ONE, 2, &[complete(3)]);
    assert!(books.open.is_empty());
    assert_eq!(ids(&books, ONE), [[3], [3]]);
}

#[test]
fn what_is_gone_leaves_every_list() {
    let mut books = books(TWO, &[(1, [0.5, 0.2]), (2, [0.3, 0.6])]);
    books.follow(TWO, 2, &[complete(2)]);
    assert_eq!(ids(&books, TWO), [[2], [2]]);
}

#[test]
fn a_stranger_is_the_worst_and_the_oldest() {
    let mut books = books(TWO, &[(1, [0.5, 0.2])]);
    books.follow(TWO, 2, &[complete(1), complete(7)]);
    assert_eq!(ids(&books, TWO), [[7, 1], [7, 1]]);
    assert!(books.expected(TWO).iter().all(|book| book.wants(TWO, 1e30)));
    books.ask(TWO, 8, &[Some(0.9), Some(0.9)]);
    assert_eq!(ids(&books, TWO), [[1, 8], [1, 8]]);
}

#[test]
fn fewer_places_drop_the_worst_of_each_list() {
    let mut books = books(TWO, &[(1, [0.5, 0.2]), (2, [0.3, 0.6])]);
    books.follow(ONE, 2, &[complete(1), complete(2)]);
    assert_eq!(ids(&books, ONE), [[2], [1]]);
}

#[test]
fn rounding_makes_equal_and_nan_is_the_worst() {
    let books = books(ONE, &[(1, [0.3, f64::NAN])]);
    let expected = books.expected(ONE);
    assert!(!expected[0].wants(ONE, 0.3 - 1e-12));
    assert!(expected[0].wants(ONE, 0.3 - 1e-6));
    assert!(!expected[1].wants(ONE, f64::INFINITY));
    assert!(!expected[1].wants(ONE, f64::NAN));
    // Beyond the largest float32 is infinite.
    assert!(!expected[1].wants(ONE, 1e300));
    assert!(expected[1].wants(ONE, 1e30));
}
