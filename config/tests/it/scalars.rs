//! What a scalar is. The right column was read from the Collector's own `print-config`.

use config::{Environment, Faults, Sources, load};

use crate::kit::{World, json};

fn check(scalar: &str, expected: &str) {
    let sources = Sources {
        configs: vec![format!("yaml:a: {scalar}")],
        sets: Vec::new(),
    };
    let mut faults = Faults::new();
    let world: &dyn Environment = &World::default();
    let root = load(&sources, world, &mut faults);
    let root = root.unwrap_or_else(|| panic!("{scalar}: {faults}"));
    assert_eq!(
        json(root.get("a").expect("the key is there")),
        expected,
        "{scalar}"
    );
}

#[test]
fn scalars_mean_what_they_mean_to_the_collector() {
    for (scalar, expected) in [
        ("017", "15"),
        ("0o17", "15"),
        ("0O17", "15"),
        ("-017", "-15"),
        ("-0o17", "-15"),
        ("0_7", "7"),
        ("00", "0"),
        ("08", "8.0"),
        ("09.5", "9.5"),
        ("0o8", r#""0o8""#),
        ("1_000", "1000"),
        ("_1", r#""_1""#),
        ("0b11", "3"),
        ("-0b11", "-3"),
        ("0b2", r#""0b2""#),
        ("0x1F", "31"),
        ("-0x1F", "-31"),
        ("+0x10", "16"),
        ("0x", r#""0x""#),
        ("+5", "5"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("1e3", "1000.0"),
        ("1.e3", "1000.0"),
        ("1e-3", "0.001"),
        (".5", "0.5"),
        ("5.", "5.0"),
        ("-.5", "-0.5"),
        ("1e", r#""1e""#),
        ("true", "true"),
        ("True", "true"),
        ("TRUE", "true"),
        ("yes", r#""yes""#),
        ("No", r#""No""#),
        ("on", r#""on""#),
        ("off", r#""off""#),
        ("y", r#""y""#),
        ("~", "null"),
        ("null", "null"),
        ("NULL", "null"),
        ("", "null"),
        ("12:30:45", r#""12:30:45""#),
        ("0.0.0.0:4317", r#""0.0.0.0:4317""#),
        ("1.2.3", r#""1.2.3""#),
        ("5s", r#""5s""#),
        (r#""5""#, r#""5""#),
        ("'a b'", r#""a b""#),
        ("!!str 5", r#""5""#),
        (r#"!!int "5""#, "5"),
        ("!!float 5", "5.0"),
        ("!foo x", r#""x""#),
        ("<<", r#""<<""#),
    ] {
        check(scalar, expected);
    }
}

/// Go's reader makes a time of a date, which then fits no field; here it stays the text.
#[test]
fn dates_stay_texts() {
    check("2024-01-01", r#""2024-01-01""#);
    check(
        "2001-12-14t21:59:43.10-05:00",
        r#""2001-12-14t21:59:43.10-05:00""#,
    );
}
