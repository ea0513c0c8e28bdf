use proptest::prelude::*;

use super::*;
use crate::wire::{put_fixed64, put_len, put_uint, put_varint, zigzag};

fn of(values: &[f64], max_size: u32) -> Histogram {
    let mut histogram = Histogram::new(max_size);
    for value in values {
        histogram.record(*value, 1);
    }
    histogram
}

fn total(histogram: &Histogram) -> u64 {
    let sides = [histogram.positive(), histogram.negative()];
    let counts = sides.into_iter().flat_map(Buckets::counts);
    histogram.zero_count() + counts.sum::<u64>()
}

/// What a sender may have measured: latencies, the extremes, zero, either sign.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        4 => 0.001..1000.0f64,
        1 => any::<f64>().prop_filter("finite", |value| value.is_finite()),
        1 => Just(0.0),
        1 => -10.0..10.0f64,
        1 => prop::num::f64::SUBNORMAL,
    ];
    prop::collection::vec(value, 0..60)
}

#[test]
fn nothing_recorded_is_an_empty_histogram() {
    let empty = Histogram::new(DEFAULT_MAX_SIZE);
    assert_eq!((empty.count(), empty.sum()), (0, Some(0.0)));
    assert_eq!((empty.min(), empty.max()), (None, None));
    assert_eq!((empty.scale(), empty.positive().offset()), (0, 0));
}

#[test]
fn one_value_is_kept_at_the_finest_scale() {
    let one = of(&[4.0, 4.0], DEFAULT_MAX_SIZE);
    assert_eq!(one.scale(), MAX_SCALE);
    assert_eq!(one.positive().offset(), (2 << 20) - 1);
    assert_eq!(one.positive().counts(), [2]);
    assert_eq!(one.sum(), Some(8.0));
    assert_eq!((one.min(), one.max()), (Some(4.0), Some(4.0)));
}

#[test]
fn the_scale_falls_until_the_values_fit() {
    // The example of the SDK specification: four buckets hold 1, 2, 4 and 8 at scale 0.
    let four = of(&[1.0, 2.0, 4.0, 8.0], 4);
    assert_eq!(four.scale(), 0);
    assert_eq!(four.positive().offset(), -1);
    assert_eq!(four.positive().counts(), [1, 1, 1, 1]);
    let five = of(&[1.0, 2.0, 4.0, 8.0, 16.0], 4);
    assert_eq!(five.scale(), -1);
    assert_eq!(five.positive().offset(), -1);
    assert_eq!(five.positive().counts(), [1, 2, 2]);
}

#[test]
fn both_signs_and_zero_have_places_of_their_own() {
    let mixed = of(&[0.0, -0.0, 2.0, -2.0, -2.0], DEFAULT_MAX_SIZE);
    assert_eq!(mixed.zero_count(), 2);
    assert_eq!(mixed.positive().counts(), [1]);
    assert_eq!(mixed.negative().counts(), [2]);
    assert_eq!(mixed.positive().offset(), mixed.negative().offset());
    assert_eq!(mixed.sum(), Some(-2.0));
    assert_eq!((mixed.min(), mixed.max()), (Some(-2.0), Some(2.0)));
}

#[test]
fn zeros_alone_have_no_scale() {
    assert_eq!(of(&[0.0], DEFAULT_MAX_SIZE).scale(), 0);
}

#[test]
fn what_is_not_finite_is_left_out() {
    let none = of(
        &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY],
        DEFAULT_MAX_SIZE,
    );
    assert_eq!(none, Histogram::new(DEFAULT_MAX_SIZE));
}

#[test]
fn all_doubles_fit_two_buckets() {
    let extremes = of(&[f64::from_bits(1), f64::MAX, f64::MIN], 2);
    assert_eq!(extremes.scale(), MIN_SCALE);
    assert_eq!(extremes.positive().counts(), [1, 1]);
}

#[test]
fn a_merge_takes_the_wider_zero_bucket_with_what_lies_in_it() {
    let mut wide = of(&[0.0, 100.0], DEFAULT_MAX_SIZE);
    wide.zero_threshold = 3.0;
    let mut mine = of(&[0.5, 2.0, -2.5, 8.0], DEFAULT_MAX_SIZE);
    mine.merge(&wide);
    assert_eq!(mine.zero_count(), 4);
    assert_eq!(mine.zero_threshold(), 3.0);
    assert_eq!((mine.count(), total(&mine)), (6, 6));
    assert!(mine.negative().is_empty());
}

#[test]
fn a_zero_bucket_that_ends_in_a_populated_bucket_takes_all_of_it() {
    // At scale 0 the bucket of 3 reaches from 2 to 4.
    let mut mine = of(&[3.5, 20.0], DEFAULT_MAX_SIZE);
    mine.downscale(0);
    let mut wide = of(&[3.9], DEFAULT_MAX_SIZE);
    wide.zero_threshold = 3.0;
    for (mut first, second) in [(mine.clone(), &wide), (wide.clone(), &mine)] {
        first.merge(second);
        assert_eq!(first.zero_threshold(), 4.0);
        assert_eq!(first.zero_count(), 2);
        assert_eq!((first.count(), total(&first)), (3, 3));
    }
}

#[test]
fn totals_that_one_side_does_not_know_are_not_known() {
    let mut mine = of(&[1.0], DEFAULT_MAX_SIZE);
    let mut other = of(&[2.0], DEFAULT_MAX_SIZE);
    (other.sum, other.min) = (None, None);
    mine.merge(&other);
    assert_eq!((mine.sum(), mine.min()), (None, None));
    assert_eq!(mine.max(), Some(2.0));
}

#[test]
fn counts_end_at_their_limit() {
    let mut full = Histogram::new(DEFAULT_MAX_SIZE);
    full.record(1.0, u64::MAX);
    full.record(1.0, 1);
    assert_eq!(full.count(), u64::MAX);
    assert_eq!(full.positive().counts(), [u64::MAX]);
}

/// A point as a peer may write it.
struct Written {
    scale: i32,
    offset: i32,
    counts: Vec<u64>,
    zero_threshold: f64,
}

impl Written {
    fn read(&self, max_size: u32) -> Result<Histogram, Malformed> {
        let (mut body, mut side, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for count in &self.counts {
            put_varint(&mut counts, *count);
        }
        put_uint(&mut side, 1, zigzag(i64::from(self.offset)));
        put_len(&mut side, 2, &counts);
        put_fixed64(&mut body, 4, self.counts.iter().sum());
        put_uint(&mut body, 6, zigzag(i64::from(self.scale)));
        put_len(&mut body, 8, &side);
        put_fixed64(&mut body, 14, self.zero_threshold.to_bits());
        let point = view::ExponentialHistogramPoint::read(&body)?;
        Histogram::of_point(&point, max_size)
    }
}

#[test]
fn a_point_is_read_without_the_empty_buckets_around() {
    let mut counts = vec![0; 100_000];
    counts.extend([1, 0, 2, 0, 0]);
    let written = Written {
        scale: 3,
        offset: -100_010,
        counts,
        zero_threshold: 0.0,
    };
    let read = written.read(4).unwrap();
    assert_eq!(read.scale(), 3);
    assert_eq!(read.positive().offset(), -10);
    assert_eq!(read.positive().counts(), [1, 0, 2]);
    let coarse = written.read(2).unwrap();
    assert_eq!(coarse.scale(), 2);
    assert_eq!(coarse.positive().counts(), [1, 2]);
}

#[test]
fn a_point_of_a_finer_scale_is_read_at_ours() {
    let written = Written {
        scale: MAX_SCALE + 4,
        offset: 16,
        counts: vec![1; 16],
        zero_threshold: 0.0,
    };
    let read = written.read(DEFAULT_MAX_SIZE).unwrap();
    assert_eq!(read.scale(), MAX_SCALE);
    assert_eq!(read.positive().offset(), 1);
    assert_eq!(read.positive().counts(), [16]);
}

#[test]
fn what_no_double_can_be_is_refused() {
    let check = |scale, offset, counts: &[u64]| {
        let written = Written {
            scale,
            offset,
            counts: counts.to_vec(),
            zero_threshold: 0.0,
        };
        assert!(written.read(DEFAULT_MAX_SIZE).is_err(), "{scale} {offset}");
    };
    check(i32::MIN, 0, &[1]);
    check(MIN_SCALE - 1, 0, &[1]);
    check(0, i32::MAX, &[1, 1]);
}

#[test]
fn a_threshold_that_is_none_is_read_as_zero() {
    let check = |threshold: f64, expected: f64| {
        let written = Written {
            scale: 0,
            offset: 0,
            counts: vec![1],
            zero_threshold: threshold,
        };
        let mut read = written.read(DEFAULT_MAX_SIZE).unwrap();
        assert_eq!(read.zero_threshold(), expected);
        read.merge(&of(&[5.0], DEFAULT_MAX_SIZE));
        assert_eq!(read.count(), 2);
    };
    check(f64::NAN, 0.0);
    check(-1.0, 0.0);
    check(f64::INFINITY, f64::MAX);
}

proptest! {
    #[test]
    fn every_value_is_counted_once_in_a_bucket_around_it(values in values(), max_size in 2u32..200) {
        let histogram = of(&values, max_size);
        prop_assert_eq!(histogram.count(), values.len() as u64);
        prop_assert_eq!(total(&histogram), values.len() as u64);
        for side in [histogram.positive(), histogram.negative()] {
            prop_assert!(side.counts().len() <= max_size as usize);
            prop_assert!(side.counts().first() != Some(&0) && side.counts().last() != Some(&0));
        }
        for value in &values {
            let side = if *value > 0.0 { histogram.positive() } else { histogram.negative() };
            let index = bucket_index(value.abs().max(f64::from_bits(1)), histogram.scale());
            prop_assert!(*value == 0.0 || side.iter().any(|(at, _)| at == index));
        }
    }

    #[test]
    fn the_scale_is_no_coarser_than_it_must_be(values in values(), max_size in 2u32..200) {
        let histogram = of(&values, max_size);
        let needs = |scale: i32| {
            let side = |positive: bool| {
                let own = values.iter().filter(|value| **value != 0.0 && (**value > 0.0) == positive);
                let indexes = own.map(|value| i64::from(bucket_index(value.abs(), scale)));
                let (low, high) = indexes.fold((i64::MAX, i64::MIN), |(low, high), at| {
                    (low.min(at), high.max(at))
                });
                if low > high { 0 } else { high - low + 1 }
            };
            side(true).max(side(false))
        };
        prop_assume!(!histogram.is_without_buckets());
        prop_assert!(needs(histogram.scale()) <= i64::from(max_size));
        let is_finest = histogram.scale() == MAX_SCALE;
        prop_assert!(is_finest || needs(histogram.scale() + 1) > i64::from(max_size));
    }

    #[test]
    fn the_order_does_not_matter(mut values in values(), max_size in 2u32..50) {
        let one = of(&values, max_size);
        values.reverse();
        let other = of(&values, max_size);
        prop_assert_eq!(one.positive(), other.positive());
        prop_assert_eq!(one.negative(), other.negative());
        prop_assert_eq!(one.scale(), other.scale());
    }

    #[test]
    fn a_merge_is_what_one_histogram_would_have_recorded(
        mine in values(),
        theirs in values(),
        max_size in 2u32..50,
    ) {
        let mut merged = of(&mine, max_size);
        merged.merge(&of(&theirs, max_size));
        let all = of(&[mine, theirs].concat(), max_size);
        prop_assert_eq!(merged.positive(), all.positive());
        prop_assert_eq!(merged.negative(), all.negative());
        prop_assert_eq!(merged.scale(), all.scale());
        prop_assert_eq!(merged.zero_count(), all.zero_count());
        prop_assert_eq!((merged.count(), merged.min(), merged.max()), (all.count(), all.min(), all.max()));
    }

    #[test]
    fn a_coarser_histogram_is_what_would_have_been_recorded_coarser(
        values in values(),
        scale in MIN_SCALE..=8,
    ) {
        let mut coarse = of(&values, MAX_MAX_SIZE);
        coarse.downscale(scale);
        let mut direct = Histogram::new(MAX_MAX_SIZE);
        direct.downscale(scale);
        for value in &values {
            direct.record(*value, 1);
        }
        prop_assert_eq!(coarse.positive(), direct.positive());
        prop_assert_eq!(coarse.negative(), direct.negative());
    }

    #[test]
    fn whatever_a_peer_writes_ends_in_few_buckets(
        scale in prop_oneof![-12..30i32, any::<i32>()],
        offset in any::<i32>(),
        counts in prop::collection::vec(0u64..3, 0..400),
        threshold in any::<f64>(),
        max_size in 2u32..200,
    ) {
        let written = Written { scale, offset, counts, zero_threshold: threshold };
        if let Ok(mut read) = written.read(max_size) {
            prop_assert_eq!(total(&read), written.counts.iter().sum::<u64>());
            read.merge(&of(&[1.0, -3.0, 0.0], max_size));
            prop_assert!(read.positive().counts().len() <= max_size as usize);
            prop_assert_eq!(total(&read), read.count());
        }
    }
}

#[test]
fn quantiles_are_those_of_the_values_to_the_width_of_a_bucket() {
    let check = |values: &[f64], part: f64, expected: f64| {
        let found = of(values, DEFAULT_MAX_SIZE).quantile(part).unwrap();
        let error = (found - expected).abs();
        assert!(
            error <= expected.abs() * 0.03,
            "{part} of {values:?}: {found}"
        );
    };
    let hundred: Vec<_> = (1..=100).map(f64::from).collect();
    for part in [0.01, 0.5, 0.95, 1.0] {
        check(&hundred, part, part * 100.0);
    }
    check(&hundred, 0.0, 1.0);
    check(&[7.0], 0.5, 7.0);
    check(&[-4.0, -2.0, 0.0, 3.0], 0.25, -4.0);
    check(&[-4.0, -2.0, 0.0, 3.0], 0.5, -2.0);
    check(&[-4.0, -2.0, 0.0, 3.0], 0.75, 0.0);
    assert_eq!(Histogram::new(DEFAULT_MAX_SIZE).quantile(0.5), None);
}
