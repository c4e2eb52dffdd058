//! What is decoded is what was encoded; anything else is an error, never a panic.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::{Index, select};
use proptest::{prop_assert, prop_assert_eq};

use super::*;

fn shape() -> impl Strategy<Value = Shape> {
    (1..4_usize, 1..4_usize, 0..20_usize, 0..4_usize).prop_map(
        |(policies, saves, channels, memory)| Shape {
            policies,
            saves,
            channels,
            memory,
        },
    )
}

/// Any bits but those of a NaN, which is not equal to itself.
fn number() -> impl Strategy<Value = Option<f64>> {
    let real = any::<u64>().prop_map(f64::from_bits);
    option::of(real.prop_map(|it| if it.is_nan() { f64::INFINITY } else { it }))
}

fn message(shape: Shape) -> impl Strategy<Value = Message> {
    let kind = select(vec![Kind::Round, Kind::Confirm, Kind::Snapshot]);
    let head = (
        kind,
        select(Moment::ALL.to_vec()),
        any::<bool>(),
        option::of(0..64_u32),
    );
    let place = (any::<u32>(), any::<u64>(), any::<u64>(), any::<u64>());
    let books = (any::<u128>(), any::<u128>(), any::<u64>());
    let policies = (
        vec(any::<u64>(), shape.policies),
        vec(any::<u8>(), shape.policies),
    );
    let status = prop_oneof![
        Just(SaveStatus::Pending),
        Just(SaveStatus::Saved),
        Just(SaveStatus::Failed)
    ];
    let saves = vec((status, any::<u64>()), shape.saves);
    let remembered = (number(), any::<u64>()).prop_map(|(value, step)| Remembered { value, step });
    let parts = (
        saves,
        vec(number(), shape.channels),
        vec(remembered, shape.memory),
    );
    (head, place, books, policies, parts).prop_map(|(head, place, books, policies, parts)| {
        Message {
            kind: head.0,
            moment: head.1,
            interrupted: head.2,
            machine: head.3,
            rank: place.0,
            round: place.1,
            step: place.2,
            epoch: place.3,
            ledger: books.0,
            outcome: books.1,
            deleted: books.2,
            states: policies.0,
            faults: policies.1,
            saves: parts.0,
            numbers: parts.1,
            memory: parts.2,
        }
    })
}

fn shaped() -> impl Strategy<Value = (Shape, Message)> {
    shape().prop_flat_map(|shape| (Just(shape), message(shape)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded((shape, message) in shaped()) {
        let bytes = message.encode(shape);
        prop_assert_eq!(bytes.len(), shape.length());
        prop_assert_eq!(Message::decode(&bytes, shape), Ok(message));
    }

    #[test]
    fn a_cut_message_is_an_error((shape, message) in shaped(), cut in any::<Index>()) {
        let bytes = message.encode(shape);
        let bytes = &bytes[..cut.index(bytes.len())];
        prop_assert!(Message::decode(bytes, shape).is_err());
        prop_assert!(decode_all(bytes, 1, shape).is_err());
    }

    /// Each bit of a message means something: one that is flipped is an error or another message.
    #[test]
    fn a_flipped_bit_is_never_overlooked(
        (shape, mut message) in shaped(),
        byte in any::<Index>(),
        bit in 0..8_u32,
    ) {
        // Where a number is missing, its bits mean nothing.
        message.numbers.iter_mut().for_each(|it| *it = it.or(Some(0.5)));
        message.memory.iter_mut().for_each(|it| it.value = it.value.or(Some(0.5)));
        let good = message.encode(shape);
        let mut bytes = good.clone();
        let byte = byte.index(bytes.len());
        bytes[byte] ^= 1_u8 << bit;
        if let Ok(other) = Message::decode(&bytes, shape) {
            prop_assert!(other != message, "byte {}, bit {}", byte, bit);
            let again = other.encode(shape);
            prop_assert!(again != good);
        }
    }

    #[test]
    fn random_bytes_are_never_a_panic(
        shape in shape(),
        mut bytes in vec(any::<u8>(), 0..400),
        resize in any::<bool>(),
        head in any::<bool>(),
    ) {
        if resize {
            bytes.resize(shape.length(), 0);
        }
        if head && bytes.len() >= 5 {
            bytes[..4].copy_from_slice(&MAGIC);
            bytes[4] = 1;
        }
        let _any = Message::decode(&bytes, shape);
        let _any = decode_all(&bytes, 2, shape);
    }
}

#[test]
fn errors_say_whose_message_it_is_and_what_was_expected() {
    let shape = Shape {
        policies: 1,
        saves: 1,
        channels: 1,
        memory: 0,
    };
    let good = Message {
        kind: Kind::Round,
        moment: Moment::StepEnd,
        interrupted: false,
        machine: None,
        rank: 0,
        round: 1,
        step: 1,
        epoch: 0,
        ledger: 0,
        outcome: 0,
        deleted: 0,
        states: Vec::new(),
        faults: Vec::new(),
        saves: Vec::new(),
        numbers: Vec::new(),
        memory: Vec::new(),
    };
    let damaged = |at: usize, byte: u8| {
        let mut bytes = good.encode(shape);
        bytes[at] = byte;
        decode_all(&bytes, 1, shape).expect_err("it is damaged")
    };
    assert_eq!(damaged(0, b'x'), "rank 0: it is not a message of this host");
    assert_eq!(
        damaged(4, 9),
        "rank 0: its encoding is version 9, expected 1"
    );
    assert_eq!(damaged(5, 9), "rank 0: its kind 9 is unknown");
    assert_eq!(damaged(6, 9), "rank 0: its moment 9 is unknown");
    assert_eq!(
        damaged(12, 1),
        "the message at position 0 is of rank 1; the engine must keep the order of the ranks"
    );
    assert_eq!(
        damaged(HEAD + 9, 9),
        "rank 0: the status 9 of a save is unknown"
    );
    let length = shape.length();
    assert_eq!(
        decode_all(&[0; 3], 2, shape),
        Err(format!(
            "3 bytes arrived, {} were expected (2 ranks of {length})",
            2 * length
        ))
    );
}
