//! Which bucket of an exponential histogram a value falls into.
//!
//! At scale `s` bucket `i` holds the values in `(2^(i / 2^s), 2^((i + 1) / 2^s)]`, as the
//! [data model](https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram)
//! has it. One more in scale cuts each bucket in two, one less joins two neighbours.

/// The finest scale: a bound is 0.000066 % above the one before.
pub const MAX_SCALE: i32 = 20;

/// The coarsest scale: bucket 0 holds all doubles above 1, and bucket -1 all others, the subnormal ones too.
pub const MIN_SCALE: i32 = -11;

/// Bits of a double behind the point.
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;

/// The bucket of a value that is positive and finite, exact also right beside a bound. `scale` is one from
/// [`MIN_SCALE`] to [`MAX_SCALE`].
pub fn bucket_index(value: f64, scale: i32) -> i32 {
    debug_assert!(value > 0.0 && value.is_finite());
    debug_assert!((MIN_SCALE..=MAX_SCALE).contains(&scale));
    let (exponent, fraction) = split(value);
    if fraction == 0 {
        // A power of two is the upper bound of its bucket.
        return if scale > 0 {
            (exponent << scale) - 1
        } else {
            (exponent - 1) >> -scale
        };
    }
    if scale > 0 {
        (exponent << scale) + part_of_octave(fraction, scale as u32)
    } else {
        exponent >> -scale
    }
}

/// The lower bound of a bucket, which is the upper one of the bucket before it: infinite or zero beyond what a double
/// can hold.
pub fn lower_bound(index: i32, scale: i32) -> f64 {
    (f64::from(index) * f64::from(-scale).exp2()).exp2()
}

/// Exponent and fraction of `2^exponent * (1 + fraction / 2^52)`, which subnormal values have as well.
fn split(value: f64) -> (i32, u64) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let biased = (bits >> FRACTION_BITS) as i32 & 0x7ff;
    if biased != 0 {
        return (biased - 1023, fraction);
    }
    let shift = fraction.leading_zeros() - (u64::BITS - 1 - FRACTION_BITS);
    let normal = (fraction << shift) & ((1 << FRACTION_BITS) - 1);
    (-1022 - shift as i32, normal)
}

/// How many bounds within its octave lie below `1 + fraction / 2^52`: `floor(log2(…) * 2^scale)`. No double but a power
/// of two lies on a bound, since the other bounds are irrational.
fn part_of_octave(fraction: u64, scale: u32) -> i32 {
    /// The logarithm of the standard library is wrong in its last bit or two, which is 2^-31 here; a place that is
    /// nearer than this to a bound is computed exactly.
    const NEAR: f64 = 1.0 / (1 << 26) as f64;
    let value = f64::from_bits(1.0f64.to_bits() | fraction);
    let place = value.log2() * f64::from(1 << scale);
    let below = place.floor();
    if (NEAR..1.0 - NEAR).contains(&(place - below)) {
        below as i32
    } else {
        exact_part_of_octave(fraction, scale)
    }
}

/// The same bit by bit: squaring doubles the logarithm, and where the square is 2 or more the next bit is one.
///
/// Of 127 bits behind the point each squaring makes one worthless, so that 107 are good at the finest scale. Doubles
/// stay at least about 2^-73 away from a bound.
#[cold]
fn exact_part_of_octave(fraction: u64, scale: u32) -> i32 {
    let mantissa = fraction | 1 << FRACTION_BITS;
    let mut value = u128::from(mantissa) << (127 - FRACTION_BITS);
    let mut bits = 0;
    for _ in 0..scale {
        let (high, low) = square(value);
        let is_two_or_more = high >> 127 == 1;
        value = if is_two_or_more {
            high
        } else {
            high << 1 | low >> 127
        };
        bits = bits << 1 | i32::from(is_two_or_more);
    }
    bits
}

/// The upper and the lower half of the square.
const fn square(value: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (high, low) = (value >> 64, value & LOW);
    let (low_low, high_low) = (low * low, high * low);
    let middle = (low_low >> 64) + 2 * (high_low & LOW);
    let upper = high * high + 2 * (high_low >> 64) + (middle >> 64);
    (upper, middle << 64 | low_low & LOW)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_power_of_two_is_the_upper_bound_of_its_bucket() {
        for exponent in -1074..=1023 {
            let value = f64::from(exponent).exp2();
            for scale in MIN_SCALE..=MAX_SCALE {
                let unit = 2f64.powi(scale);
                let expected = (f64::from(exponent) * unit).ceil() as i32 - 1;
                assert_eq!(bucket_index(value, scale), expected, "2^{exponent} {scale}");
            }
        }
    }

    #[test]
    fn the_neighbours_of_a_power_of_two_are_on_its_two_sides() {
        for exponent in [-1022, -3, -1, 0, 1, 10, 1022] {
            let value = 2f64.powi(exponent);
            for scale in 0..=MAX_SCALE {
                let at = bucket_index(value, scale);
                assert_eq!(bucket_index(value.next_up(), scale), at + 1);
                let below = bucket_index(value.next_down(), scale);
                // The finest buckets are still wider than a step of a double.
                assert_eq!(below, at, "2^{exponent} at {scale}");
            }
        }
    }

    #[test]
    fn known_values_are_where_the_data_model_puts_them() {
        let check = |value, scale, index| assert_eq!(bucket_index(value, scale), index, "{value}");
        check(1.5, 0, 0);
        check(3.0, 0, 1);
        check(4.0, 0, 1);
        check(15.0, -2, 0);
        check(16.0, -2, 0);
        check(16.5, -2, 1);
        check(2f64.sqrt(), 1, 1);
        check(2f64.sqrt().next_down(), 1, 0);
        check(f64::MAX, MIN_SCALE, 0);
        check(f64::MIN_POSITIVE, MIN_SCALE, -1);
        check(f64::from_bits(1), -10, -2);
        check(f64::from_bits(1), MIN_SCALE, -1);
        check(f64::MAX, MAX_SCALE, (1024 << 20) - 1);
        check(f64::from_bits(1), MAX_SCALE, (-1074 << 20) - 1);
    }

    /// Doubles around a bound, where a logarithm alone errs.
    fn beside_a_bound() -> impl Strategy<Value = (f64, i32)> {
        let scale = 1..=MAX_SCALE;
        (scale, 0.0..1.0f64, -1000i32..1000, -3i64..=3).prop_map(|(scale, part, octave, steps)| {
            let within = (part * f64::from(1 << scale)) as i32;
            let bound = lower_bound((octave << scale) + within, scale);
            let value = f64::from_bits(bound.to_bits().saturating_add_signed(steps));
            (value, scale)
        })
    }

    proptest! {
        #[test]
        fn a_coarser_scale_joins_neighbours(value in any::<f64>().prop_map(f64::abs)) {
            prop_assume!(value > 0.0 && value.is_finite());
            let finest = bucket_index(value, MAX_SCALE);
            for scale in MIN_SCALE..MAX_SCALE {
                prop_assert_eq!(bucket_index(value, scale), finest >> (MAX_SCALE - scale));
            }
        }

        #[test]
        fn a_coarser_scale_joins_neighbours_beside_bounds_too((value, scale) in beside_a_bound()) {
            let finest = bucket_index(value, MAX_SCALE);
            prop_assert_eq!(bucket_index(value, scale), finest >> (MAX_SCALE - scale));
        }

        #[test]
        fn a_greater_value_is_never_in_a_lower_bucket((value, scale) in beside_a_bound()) {
            let step = bucket_index(value.next_up(), scale) - bucket_index(value, scale);
            prop_assert!(step == 0 || step == 1, "{}", step);
        }

        #[test]
        fn a_value_lies_between_the_bounds_of_its_bucket(
            value in any::<f64>().prop_map(f64::abs),
            scale in MIN_SCALE..=MAX_SCALE,
        ) {
            prop_assume!(value.is_normal());
            let index = bucket_index(value, scale);
            let close = 1e-15;
            prop_assert!(lower_bound(index, scale) <= value * (1.0 + close));
            prop_assert!(lower_bound(index + 1, scale) >= value * (1.0 - close));
        }

        #[test]
        fn squaring_loses_nothing(value in any::<u128>()) {
            let (high, low) = square(value);
            // Modulo two primes, the halves are the square.
            for prime in [u128::from(u32::MAX) - 4, 4_294_967_279] {
                let rest = value % prime * (value % prime) % prime;
                let unit = (u128::MAX % prime + 1) % prime;
                prop_assert_eq!((high % prime * unit + low % prime) % prime, rest);
            }
        }
    }
}
