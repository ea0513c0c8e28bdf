use super::*;

fn check_metric(strategy: Strategy, namespace: &str, rows: &[(&str, &str, Measure, &str)]) {
    for &(name, unit, measure, expected) in rows {
        let translated = metric_name(strategy, namespace, name, unit, measure);
        assert_eq!(
            translated.unwrap_or_default(),
            expected,
            "{strategy:?} {namespace} {name} {unit} {measure:?}"
        );
    }
}

/// Made by Prometheus's otlptranslator 1.0.0.
#[test]
fn a_name_says_unit_and_type_behind_what_is_allowed_of_it() {
    use Measure::{Gauge, MonotonicSum, Other};
    check_metric(
        Strategy::UnderscoreEscapingWithSuffixes,
        "",
        &[
            (
                "http.server.duration",
                "s",
                Other,
                "http_server_duration_seconds",
            ),
            ("system.io", "By", MonotonicSum, "system_io_bytes_total"),
            (
                "system.io.bytes",
                "By",
                MonotonicSum,
                "system_io_bytes_total",
            ),
            ("a.total.b", "", MonotonicSum, "a_b_total"),
            ("errors_total", "{error}", MonotonicSum, "errors_total"),
            ("cpu.utilization", "1", Gauge, "cpu_utilization_ratio"),
            ("cpu.ratio.x", "1", Gauge, "cpu_x_ratio"),
            ("queue", "1", Other, "queue"),
            ("net", "By/s", Gauge, "net_bytes_per_second"),
            ("speed", "m/s", Gauge, "speed_meters_per_second"),
            ("trips", "{trip}/d", Gauge, "trips_per_day"),
            ("x", "/s", Gauge, "x_per_second"),
            ("x", "km/fortnight", Gauge, "x_km_per_fortnight"),
            ("x", "a_/_", Gauge, "x_a_"),
            ("x", " s / min ", Gauge, "x_seconds_per_min"),
            ("share", "%", Gauge, "share_percent"),
            ("price", "$", Gauge, "price"),
            ("ünï.cödé", "", Gauge, "n_c_d"),
            ("a..b__c-d", "", Gauge, "a_b_c_d"),
            ("1st", "", Gauge, "_1st"),
            ("ns:rule", "", Gauge, "ns:rule"),
            ("...", "", Gauge, ""),
            ("", "", Gauge, ""),
            ("", "s", Gauge, "seconds"),
        ],
    );
    check_metric(
        Strategy::UnderscoreEscapingWithSuffixes,
        "shop",
        &[("a.b", "s", MonotonicSum, "shop_a_b_seconds_total")],
    );
}

/// Made by Prometheus's otlptranslator 1.0.0.
#[test]
fn names_can_be_told_to_stay_what_they_are() {
    use Measure::{Gauge, MonotonicSum, Other};
    check_metric(
        Strategy::UnderscoreEscapingWithoutSuffixes,
        "",
        &[
            ("system.io", "By", MonotonicSum, "system_io"),
            ("a..b__c", "1", Gauge, "a_b__c"),
            ("1st", "", Gauge, "_1st"),
            ("-", "", Gauge, ""),
            ("__", "", Gauge, "__"),
        ],
    );
    check_metric(
        Strategy::UnderscoreEscapingWithoutSuffixes,
        "my-shop",
        &[("1.a", "", Gauge, "my_shop_1_a")],
    );
    check_metric(
        Strategy::NoUtf8EscapingWithSuffixes,
        "",
        &[
            ("system.io", "By", MonotonicSum, "system.io_bytes_total"),
            (
                "system.io.bytes",
                "By",
                MonotonicSum,
                "system.io.bytes_total",
            ),
            ("a.total", "", MonotonicSum, "a_total"),
            ("a.per_second", "By/s", Gauge, "a_bytes_per_second"),
            ("cpu.ratio", "1", Gauge, "cpu_ratio"),
            ("total", "", MonotonicSum, "total_total"),
            ("größe", "s", Other, "größe_seconds"),
        ],
    );
    check_metric(
        Strategy::NoTranslation,
        "shop",
        &[
            ("system.io", "By", MonotonicSum, "shop_system.io"),
            ("größe", "s", Other, "shop_größe"),
        ],
    );
    check_metric(Strategy::NoTranslation, "", &[("", "", Gauge, "")]);
}

#[test]
fn labels_keep_what_is_allowed_of_them() {
    let check = |strategy: Strategy, key: &str, expected: Option<&str>| {
        assert_eq!(label_name(strategy, key).as_deref(), expected, "{key}");
    };
    let escaping = Strategy::UnderscoreEscapingWithSuffixes;
    for (key, expected) in [
        ("http.method", Some("http_method")),
        ("a..b", Some("a__b")),
        ("_private", Some("_private")),
        ("__reserved__", Some("__reserved__")),
        ("1st", Some("key_1st")),
        ("a:b", Some("a_b")),
        ("größe", Some("gr__e")),
        ("", None),
        ("...", None),
        ("_", None),
    ] {
        check(escaping, key, expected);
    }
    for (key, expected) in [
        ("http.method", Some("http.method")),
        ("1st", Some("1st")),
        ("", None),
        ("__", None),
    ] {
        check(Strategy::NoTranslation, key, expected);
    }
}

#[test]
fn a_name_is_classic_or_needs_quotes() {
    for name in ["a", "_", "a_b:c1", ":"] {
        assert!(is_legacy_name(name), "{name}");
    }
    for name in ["", "1a", "a.b", "é", "a b"] {
        assert!(!is_legacy_name(name), "{name}");
    }
}
