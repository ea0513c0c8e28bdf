//! What the sink answers, as a value that a test or the command line can change at any time.

use std::time::{Duration, Instant};

use crate::grpc;

/// How one export ends. Unless it says otherwise, an answer other than success does not take the
/// payload.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Answer {
    #[default]
    Ok,
    /// Success that rejects some items. The sink counts all items as arrived: which ones were meant
    /// is not said in OTLP.
    Partial { rejected: u64 },
    /// A status: `grpc` on gRPC, `http` on HTTP.
    Refuse(Refuse),
    /// No answer until the script changes; then the new script answers.
    Hang,
    /// The TCP connection is reset, with all other requests on it.
    Reset,
    /// The payload is taken and then the connection is reset: the acknowledgement is lost on its
    /// way.
    TakeAndReset,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Refuse {
    pub grpc: u32,
    pub http: u16,
    /// `RetryInfo` in the status details, and `Retry-After` (in whole seconds, rounded up).
    pub retry_after: Option<Duration>,
    pub text: String,
}

impl Answer {
    /// Try again later: UNAVAILABLE, 503.
    pub fn unavailable() -> Self {
        Self::refuse(grpc::UNAVAILABLE, 503)
    }

    /// Try again when there is room: RESOURCE_EXHAUSTED, 429. On gRPC it is retryable only with a
    /// delay.
    pub fn exhausted(retry_after: Option<Duration>) -> Self {
        Self::refuse(grpc::RESOURCE_EXHAUSTED, 429).with_retry_after(retry_after)
    }

    /// Never try again: INVALID_ARGUMENT, 400.
    pub fn invalid() -> Self {
        Self::refuse(grpc::INVALID_ARGUMENT, 400)
    }

    pub fn refuse(grpc: u32, http: u16) -> Self {
        let text = "refused by the script".to_owned();
        Self::Refuse(Refuse {
            grpc,
            http,
            retry_after: None,
            text,
        })
    }

    /// Adds the hint to a [`Refuse`]; other answers have none.
    #[must_use]
    pub fn with_retry_after(mut self, hint: Option<Duration>) -> Self {
        if let Self::Refuse(refuse) = &mut self {
            refuse.retry_after = hint;
        }
        self
    }
}

/// Which exports get the answer, and what happens besides. All others are answered with success.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub answer: Answer,
    /// The share of exports that get the answer, spread evenly, not at random.
    pub percent: u8,
    /// Only so many exports get the answer; `None` is without end.
    pub times: Option<u64>,
    /// Only payloads that contain these bytes get the answer; empty is every payload.
    pub containing: Vec<u8>,
    /// Every answer waits so long; a payload is taken after the wait.
    pub delay: Duration,
    /// What the back end takes, one export after another; 0 is as fast as it can. An answer waits for its turn.
    pub items_per_second: u64,
    /// False: nothing is read from any socket, so that the peer's buffers fill up. Accepting goes
    /// on.
    pub reading: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self::always(Answer::Ok)
    }
}

impl Script {
    pub fn always(answer: Answer) -> Self {
        Self {
            answer,
            percent: 100,
            times: None,
            containing: Vec::new(),
            delay: Duration::ZERO,
            items_per_second: 0,
            reading: true,
        }
    }

    /// The next `times` exports get the answer.
    pub fn next(times: u64, answer: Answer) -> Self {
        Self {
            times: Some(times),
            ..Self::always(answer)
        }
    }

    /// Sockets are left unread.
    pub fn not_reading() -> Self {
        Self {
            reading: false,
            ..Self::always(Answer::Ok)
        }
    }

    #[must_use]
    pub fn percent(self, percent: u8) -> Self {
        Self { percent, ..self }
    }

    #[must_use]
    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    #[must_use]
    pub fn slowed(self, items_per_second: u64) -> Self {
        Self {
            items_per_second,
            ..self
        }
    }

    #[must_use]
    pub fn containing(self, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            containing: bytes.into(),
            ..self
        }
    }

    /// Reads `answer=unavailable&percent=70&delay_ms=20`: the query of the control path `/script`.
    ///
    /// Answers: `ok`, `unavailable`, `exhausted`, `invalid`, `hang`, `reset`, `take-and-reset`,
    /// `partial:N`, `grpc:CODE`, `http:CODE`. Other keys: `percent`, `times`, `containing`,
    /// `delay_ms`, `items_per_second`, `retry_after_ms`, `reading`.
    pub fn from_query(query: &str) -> Result<Self, String> {
        let mut script = Self::default();
        let mut retry_after = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("`{pair}` is not KEY=VALUE"))?;
            match key {
                "answer" => script.answer = answer(value)?,
                "percent" => script.percent = number(key, value)?,
                "times" => script.times = Some(number(key, value)?),
                "containing" => script.containing = value.as_bytes().to_vec(),
                "items_per_second" => script.items_per_second = number(key, value)?,
                "delay_ms" => script.delay = Duration::from_millis(number(key, value)?),
                "retry_after_ms" => {
                    retry_after = Some(Duration::from_millis(number(key, value)?));
                }
                "reading" => script.reading = number(key, value)?,
                _ => return Err(format!("`{key}` is no part of a script")),
            }
        }
        script.answer = script.answer.with_retry_after(retry_after);
        Ok(script)
    }
}

fn answer(value: &str) -> Result<Answer, String> {
    let (name, argument) = value.split_once(':').unwrap_or((value, ""));
    Ok(match name {
        "ok" => Answer::Ok,
        "unavailable" => Answer::unavailable(),
        "exhausted" => Answer::exhausted(None),
        "invalid" => Answer::invalid(),
        "hang" => Answer::Hang,
        "reset" => Answer::Reset,
        "take-and-reset" => Answer::TakeAndReset,
        "partial" => Answer::Partial {
            rejected: number("partial", argument)?,
        },
        "grpc" => Answer::refuse(number("grpc", argument)?, 500),
        "http" => Answer::refuse(grpc::UNAVAILABLE, number("http", argument)?),
        _ => return Err(format!("`{value}` is no answer")),
    })
}

fn number<T: std::str::FromStr>(key: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("`{key}` cannot be `{value}`"))
}

/// Applies a script to one export after another.
#[derive(Debug, Default)]
pub(super) struct Director {
    /// Exports that the current script could have hit.
    asked: u64,
    /// Exports that it did hit.
    hit: u64,
    /// When a slowed back end will have taken all that it has been sent.
    busy_until: Option<Instant>,
}

impl Director {
    /// How long an export of so many items waits at a back end of this speed.
    pub(super) fn turn(&mut self, script: &Script, items: u64, now: Instant) -> Duration {
        if script.items_per_second == 0 {
            return Duration::ZERO;
        }
        let takes = Duration::from_secs_f64(items as f64 / script.items_per_second as f64);
        let begins = self.busy_until.map_or(now, |busy| busy.max(now));
        let ends = begins + takes;
        self.busy_until = Some(ends);
        ends.saturating_duration_since(now)
    }

    pub(super) fn decide(&mut self, script: &Script, payload: &[u8]) -> Answer {
        let needle = &script.containing[..];
        if !needle.is_empty() && !payload.windows(needle.len()).any(|window| window == needle) {
            return Answer::Ok;
        }
        let percent = u64::from(script.percent.min(100));
        // Bresenham's line: of 100 exports exactly `percent` are hit, as evenly spread as can be.
        let due = |asked: u64| asked * percent / 100;
        let hit = due(self.asked + 1) > due(self.asked);
        self.asked += 1;
        if !hit || script.times.is_some_and(|times| self.hit >= times) {
            return Answer::Ok;
        }
        self.hit += 1;
        script.answer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of 200 exports the script hits.
    fn hits(script: &Script, payload: &[u8]) -> usize {
        let mut director = Director::default();
        (0..200)
            .filter(|_| director.decide(script, payload) != Answer::Ok)
            .count()
    }

    #[test]
    fn a_script_hits_the_exports_that_it_names() {
        let failing = Script::always(Answer::unavailable());
        for (script, expected) in [
            (Script::default(), 0),
            (failing.clone(), 200),
            (failing.clone().percent(70), 140),
            (Script::next(3, Answer::Reset), 3),
            (Script::next(3, Answer::Reset).percent(50), 3),
            (failing.clone().containing("gold"), 200),
            (failing.containing("silver"), 0),
        ] {
            assert_eq!(hits(&script, b"all that is gold"), expected, "{script:?}");
        }
    }

    #[test]
    fn a_slowed_back_end_takes_one_export_after_another() {
        let script = Script::default().slowed(1000);
        let (mut director, now) = (Director::default(), crate::clock::now());
        let ms = Duration::from_millis;
        assert_eq!(director.turn(&script, 100, now), ms(100));
        assert_eq!(director.turn(&script, 50, now), ms(150));
        assert_eq!(director.turn(&script, 50, now + ms(120)), ms(80));
        assert_eq!(director.turn(&script, 10, now + ms(500)), ms(10));
        assert_eq!(director.turn(&Script::default(), 10, now), ms(0));
    }

    #[test]
    fn a_query_says_the_same_as_the_value() {
        let wait = Some(Duration::from_millis(1500));
        for (query, expected) in [
            ("", Script::default()),
            (
                "answer=unavailable&percent=70",
                Script::always(Answer::unavailable()).percent(70),
            ),
            ("answer=reset&times=2", Script::next(2, Answer::Reset)),
            (
                "retry_after_ms=1500&answer=exhausted",
                Script::always(Answer::exhausted(wait)),
            ),
            ("answer=grpc:13", Script::always(Answer::refuse(13, 500))),
            ("answer=http:429", Script::always(Answer::refuse(14, 429))),
            (
                "answer=partial:3",
                Script::always(Answer::Partial { rejected: 3 }),
            ),
            (
                "delay_ms=20",
                Script::default().delayed(Duration::from_millis(20)),
            ),
            ("items_per_second=50", Script::default().slowed(50)),
            ("reading=false", Script::not_reading()),
        ] {
            assert_eq!(Script::from_query(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn a_query_that_makes_no_sense_is_named() {
        for (query, expected) in [
            ("percent", "`percent` is not KEY=VALUE"),
            ("percent=lots", "`percent` cannot be `lots`"),
            ("answer=maybe", "`maybe` is no answer"),
            ("colour=red", "`colour` is no part of a script"),
        ] {
            assert_eq!(Script::from_query(query), Err(expected.to_owned()));
        }
    }
}
