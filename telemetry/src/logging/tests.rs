use std::fs;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::json;

use super::*;

/// 2026-11-21T09:48:26.368999999Z
const NOW: u64 = 1_795_254_506_368_999_999;

/// An output that is read back.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An output that takes nothing.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("disk full"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn captured(settings: &Settings, clock: Clock, speak: impl FnOnce()) -> String {
    let output = Captured::default();
    let logger = Logger::new(settings, clock, vec![Box::new(output.clone())], Vec::new());
    tracing::subscriber::with_default(logger, speak);
    output.text()
}

fn written(settings: &Settings, speak: impl FnOnce()) -> String {
    captured(settings, Arc::new(|| NOW), speak)
}

/// Lines in both encodings, without callers.
fn check(settings: &Settings, speak: impl Fn(), console: &str, json: &str) {
    for (encoding, expected) in [(Encoding::Console, console), (Encoding::Json, json)] {
        let settings = Settings {
            encoding,
            disable_caller: true,
            ..settings.clone()
        };
        let text = written(&settings, &speak);
        assert_eq!(text, expected);
        if encoding == Encoding::Json {
            let parsed = text.lines().map(serde_json::from_str::<Value>);
            assert!(parsed.into_iter().all(|line| line.is_ok()), "{text}");
        }
    }
}

fn resource() -> Resource {
    let id = ("service.instance.id".to_owned(), Some("fb05".to_owned()));
    Resource::new("tracegate", "0.1.0", [id]).unwrap()
}

#[test]
fn a_line_has_the_shape_of_the_collectors() {
    check(
        &Settings::default(),
        || tracing::warn!("Sender failed"),
        "2026-11-21T09:48:26.368Z\twarn\tSender failed\n",
        "{\"level\":\"warn\",\"ts\":\"2026-11-21T09:48:26.368Z\",\"msg\":\"Sender failed\"}\n",
    );
}

#[test]
fn initial_fields_come_first_then_the_resource_then_the_component_then_the_rest() {
    let initial_fields = BTreeMap::from([
        ("zone".to_owned(), json!("a\tb")),
        ("f".to_owned(), json!(1.5)),
        ("m".to_owned(), json!({"b": [1, "x"], "a": null})),
    ]);
    let settings = Settings {
        initial_fields,
        resource: Some(resource()),
        ..Settings::default()
    };
    check(
        &settings,
        || {
            tracing::error!(
                error = "refused",
                otelcol.signal = "traces",
                rejected_items = 1,
                otelcol.component.kind = "exporter",
                otelcol.component.id = "otlp_http",
                otelcol.pipeline.id = "",
                "Exporting failed."
            );
        },
        "2026-11-21T09:48:26.368Z\terror\tExporting failed.\t{\"f\": 1.5, \
         \"m\": {\"a\":null,\"b\":[1,\"x\"]}, \"zone\": \"a\\tb\", \
         \"resource\": {\"service.instance.id\": \"fb05\", \"service.name\": \"tracegate\", \
         \"service.version\": \"0.1.0\"}, \"otelcol.component.id\": \"otlp_http\", \
         \"otelcol.component.kind\": \"exporter\", \"otelcol.signal\": \"traces\", \
         \"error\": \"refused\", \"rejected_items\": 1}\n",
        "{\"level\":\"error\",\"ts\":\"2026-11-21T09:48:26.368Z\",\"msg\":\"Exporting failed.\",\
         \"f\":1.5,\"m\":{\"a\":null,\"b\":[1,\"x\"]},\"zone\":\"a\\tb\",\
         \"resource\":{\"service.instance.id\":\"fb05\",\"service.name\":\"tracegate\",\
         \"service.version\":\"0.1.0\"},\"otelcol.component.id\":\"otlp_http\",\
         \"otelcol.component.kind\":\"exporter\",\"otelcol.signal\":\"traces\",\
         \"error\":\"refused\",\"rejected_items\":1}\n",
    );
}

#[test]
fn values_keep_their_types() {
    let error = io::Error::other("gone");
    check(
        &Settings::default(),
        || {
            tracing::info!(
                yes = true,
                below = -1_i64,
                large = 1e21,
                tiny = 1e-7,
                nan = f64::NAN,
                low = f64::NEG_INFINITY,
                interval = ?Duration::from_millis(5200),
                %error,
                "resource spans" = u64::MAX,
                "text"
            );
        },
        "2026-11-21T09:48:26.368Z\tinfo\ttext\t{\"yes\": true, \"below\": -1, \
         \"large\": 1000000000000000000000, \"tiny\": 0.0000001, \"nan\": \"NaN\", \
         \"low\": \"-Inf\", \"interval\": \"5.2s\", \"error\": \"gone\", \
         \"resource spans\": 18446744073709551615}\n",
        "{\"level\":\"info\",\"ts\":\"2026-11-21T09:48:26.368Z\",\"msg\":\"text\",\"yes\":true,\
         \"below\":-1,\"large\":1000000000000000000000,\"tiny\":0.0000001,\"nan\":\"NaN\",\
         \"low\":\"-Inf\",\"interval\":\"5.2s\",\"error\":\"gone\",\
         \"resource spans\":18446744073709551615}\n",
    );
}

#[test]
fn control_characters_never_get_out() {
    let hostile = "\u{1b}[31m\u{9b}\u{7f}\r\n\t\0é\"\\";
    check(
        &Settings::default(),
        || tracing::info!(peer = hostile, "{hostile}"),
        "2026-11-21T09:48:26.368Z\tinfo\t\\u001b[31m\\u009b\\u007f\\r\\n\\t\\u0000é\"\\\t\
         {\"peer\": \"\\u001b[31m\\u009b\\u007f\\r\\n\\t\\u0000é\\\"\\\\\"}\n",
        "{\"level\":\"info\",\"ts\":\"2026-11-21T09:48:26.368Z\",\
         \"msg\":\"\\u001b[31m\\u009b\\u007f\\r\\n\\t\\u0000é\\\"\\\\\",\
         \"peer\":\"\\u001b[31m\\u009b\\u007f\\r\\n\\t\\u0000é\\\"\\\\\"}\n",
    );
}

#[test]
fn a_verbatim_text_keeps_its_lines_and_tells_no_place() {
    let speak = || tracing::info!(target: VERBATIM, "Span #0\n\tName: \u{1b}x");
    check(
        &Settings::default(),
        speak,
        "2026-11-21T09:48:26.368Z\tinfo\tSpan #0\n\tName: \\u001bx\n",
        "{\"level\":\"info\",\"ts\":\"2026-11-21T09:48:26.368Z\",\
         \"msg\":\"Span #0\\n\\tName: \\u001bx\"}\n",
    );
    let with_caller = written(&Settings::default(), speak);
    assert!(with_caller.starts_with("2026-11-21T09:48:26.368Z\tinfo\tSpan #0\n"));
}

#[test]
fn the_caller_is_a_file_in_its_folder_with_the_line() {
    let line = line!() + 1;
    let console = written(&Settings::default(), || tracing::info!("x"));
    assert_eq!(
        console,
        format!("2026-11-21T09:48:26.368Z\tinfo\tlogging/tests.rs:{line}\tx\n")
    );
    let settings = Settings {
        encoding: Encoding::Json,
        ..Settings::default()
    };
    let line = line!() + 1;
    let json = written(&settings, || tracing::info!("x"));
    assert_eq!(
        json,
        format!(
            "{{\"level\":\"info\",\"ts\":\"2026-11-21T09:48:26.368Z\",\
             \"caller\":\"logging/tests.rs:{line}\",\"msg\":\"x\"}}\n"
        )
    );
}

#[test]
fn a_field_is_cut_at_its_limit_between_two_characters() {
    let long = "é".repeat(line::FIELD_BYTES_MAX);
    let text = written(&Settings::default(), || tracing::info!(error = long, "x"));
    let kept = text.chars().filter(|c| *c == 'é').count();
    assert_eq!(kept, line::FIELD_BYTES_MAX / 2);
    assert!(text.ends_with("é…\"}\n"));
}

#[test]
fn a_level_writes_itself_and_what_is_worse_and_foreign_crates_only_warn() {
    let check = |level, expected: &[&str]| {
        let settings = Settings {
            level,
            ..Settings::default()
        };
        let text = written(&settings, || {
            tracing::error!("e");
            tracing::warn!("w");
            tracing::info!("i");
            tracing::debug!("d");
            tracing::warn!(target: "h2::client", "h2 w");
            tracing::info!(target: "h2::client", "h2 i");
            tracing::error_span!("span").in_scope(|| tracing::error!("in"));
        });
        let texts: Vec<_> = text
            .lines()
            .map(|line| line.split('\t').nth(3).unwrap())
            .collect();
        assert_eq!(texts, expected, "{level}");
    };
    check(Level::DEBUG, &["e", "w", "i", "d", "h2 w", "in"]);
    check(Level::INFO, &["e", "w", "i", "h2 w", "in"]);
    check(Level::WARN, &["e", "w", "h2 w", "in"]);
    check(Level::ERROR, &["e", "in"]);
}

#[test]
fn lines_that_repeat_are_sampled_in_each_tick() {
    let check = |sampling, repeats: u64, expected: &[u64]| {
        let settings = Settings {
            sampling,
            ..Settings::default()
        };
        let clock = Arc::new(AtomicU64::new(0));
        let now = clock.clone();
        let text = captured(&settings, Arc::new(move || now.load(Relaxed)), || {
            for tick in [0, 9_999_999_999, 10_000_000_000] {
                clock.store(NOW + tick, Relaxed);
                (1..=repeats).for_each(|nth| tracing::info!(nth, "again"));
            }
            tracing::warn!(nth = 0, "again");
            tracing::info!(nth = 0, "other");
        });
        let nth = text.lines().map(|line| {
            let (_, nth) = line.rsplit_once("\"nth\": ").unwrap();
            nth.strip_suffix('}').unwrap().parse::<u64>().unwrap()
        });
        assert_eq!(nth.collect::<Vec<_>>(), expected, "{sampling:?}");
    };
    let tick = Duration::from_secs(10);
    let sampling = |initial, thereafter| {
        Some(Sampling {
            tick,
            initial,
            thereafter,
        })
    };
    // The second round falls into the first tick, the third begins a new one.
    check(sampling(2, 3), 6, &[1, 2, 5, 2, 5, 1, 2, 5, 0, 0]);
    check(sampling(2, 0), 6, &[1, 2, 1, 2, 0, 0]);
    check(sampling(1, 1), 2, &[1, 2, 1, 2, 1, 2, 0, 0]);
    check(None, 2, &[1, 2, 1, 2, 1, 2, 0, 0]);
    let text = written(&Settings::default(), || {
        (0..210).for_each(|_| tracing::info!("again"))
    });
    assert_eq!(
        text.lines().count(),
        12,
        "the first 10, the 110th and the 210th"
    );
}

#[test]
fn an_output_that_fails_is_reported_and_the_others_are_written() {
    let (output, errors) = (Captured::default(), Captured::default());
    let outputs: Vec<Output> = vec![Box::new(Full), Box::new(output.clone())];
    let settings = Settings {
        disable_caller: true,
        ..Settings::default()
    };
    let errors_too: Vec<Output> = vec![Box::new(Full), Box::new(errors.clone())];
    let logger = Logger::new(&settings, Arc::new(|| NOW), outputs, errors_too);
    tracing::subscriber::with_default(logger, || tracing::info!("x"));
    assert_eq!(output.text(), "2026-11-21T09:48:26.368Z\tinfo\tx\n");
    assert_eq!(
        errors.text(),
        "2026-11-21T09:48:26.368Z write error: disk full\n"
    );
}

/// The only test that installs: there is one log in a process.
#[test]
fn an_installed_log_appends_to_files_and_takes_new_settings() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second) = (path("first.log"), path("second.log"));
    fs::write(&first, "before\n").unwrap();
    let settings = |output: String, level| Settings {
        level,
        disable_caller: true,
        output_paths: vec![output],
        ..Settings::default()
    };
    let speak = || {
        tracing::info!("i");
        tracing::debug!("d");
    };

    let clock: Clock = Arc::new(|| NOW);
    let control = install(&settings(first.clone(), Level::INFO), clock.clone()).unwrap();
    speak();
    let missing = settings(path("missing/x.log"), Level::INFO);
    let fault = control.replace(&missing).unwrap_err().to_string();
    assert!(fault.contains("missing/x.log`: No such file"), "{fault}");
    speak();
    let two = "2026-11-21T09:48:26.368Z\tinfo\ti\n".repeat(2);
    assert_eq!(
        fs::read_to_string(&first).unwrap(),
        format!("before\n{two}")
    );

    control
        .replace(&settings(format!("file://{second}"), Level::DEBUG))
        .unwrap();
    speak();
    let both = "2026-11-21T09:48:26.368Z\tinfo\ti\n2026-11-21T09:48:26.368Z\tdebug\td\n";
    assert_eq!(fs::read_to_string(&second).unwrap(), both);
    assert!(matches!(
        install(&Settings::default(), clock),
        Err(Fault::Installed)
    ));
}
