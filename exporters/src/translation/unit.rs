//! Units of OTLP, which are UCUM's, in the words of Prometheus.

/// What a unit adds to a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UnitSuffixes {
    pub(super) main: String,
    /// With `per_` in front; empty if the unit is no quotient.
    pub(super) per: String,
}

const UNITS: [(&str, &str); 27] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
    ("", ""),
];

const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

impl UnitSuffixes {
    /// A unit in braces is a remark and adds nothing; one that is not known is taken as it is.
    pub(super) fn of(unit: &str) -> Self {
        let (main, per) = match unit.split_once('/') {
            Some((main, per)) => (main, per),
            None => (unit, ""),
        };
        let per = in_words(per, &PER_UNITS);
        Self {
            main: in_words(main, &UNITS).to_owned(),
            per: match per {
                "" => String::new(),
                per => format!("per_{per}"),
            },
        }
    }
}

fn in_words<'a>(unit: &'a str, words: &[(&str, &'static str)]) -> &'a str {
    let unit = unit.trim();
    if unit.contains(['{', '}']) {
        return "";
    }
    let known = words.iter().find(|(symbol, _)| *symbol == unit);
    known.map_or(unit, |(_, word)| word)
}
