use super::*;

/// 2026-11-21T10:07:44.1735Z.
const STARTED: u64 = 1_795_255_664_173_500_000;

fn moment(health: Health, failing: &[(&'static str, Signal, u64)]) -> Moment<'static> {
    let at = |millis: u64| Now {
        mono: Duration::from_millis(millis),
        unix_nanos: STARTED + millis * 1_000_000,
    };
    Moment {
        health,
        now: at(12_500),
        ready_since: at(0),
        failing: failing
            .iter()
            .map(|&(exporter, signal, seconds)| (exporter, signal, Duration::from_secs(seconds)))
            .collect(),
    }
}

fn keys(path: &str, bodies: Option<(&str, &str)>) -> Keys {
    Keys {
        path: path.to_owned(),
        response_body: bodies.map(|(healthy, unhealthy)| ResponseBody {
            healthy: healthy.to_owned(),
            unhealthy: unhealthy.to_owned(),
        }),
        ..Keys::default()
    }
}

fn json(status: u16, body: &str) -> Reply {
    Reply::new(
        StatusCode::from_u16(status).unwrap(),
        "application/json",
        body,
    )
}

fn text(status: u16, body: &str) -> Reply {
    Reply {
        kind: "text/plain; charset=utf-8",
        ..json(status, body)
    }
}

const UP: &str =
    r#"{"status":"Server available","upSince":"2026-11-21T10:07:44.1735Z","uptime":"12.5s"}"#;
const DOWN: &str =
    r#"{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}"#;

#[test]
fn each_question_has_an_answer_of_its_own_in_each_state() {
    let live = json(200, r#"{"live":true}"#);
    let delivering = json(200, r#"{"delivering":true}"#);
    for (health, status, ready) in [
        (
            Health::Starting,
            json(503, DOWN),
            json(503, r#"{"ready":false,"reason":"starting"}"#),
        ),
        (Health::Ready, json(200, UP), json(200, r#"{"ready":true}"#)),
        (
            Health::Draining,
            json(503, DOWN),
            json(503, r#"{"ready":false,"reason":"draining"}"#),
        ),
    ] {
        let answers = ["/", "/live", "/ready", "/delivering"]
            .map(|path| answer(&Keys::default(), path, &moment(health, &[])));
        let expected = [status, live.clone(), ready, delivering.clone()];
        assert_eq!(answers, expected, "{health:?}");
    }
}

#[test]
fn exporters_that_deliver_nothing_are_listed_and_trouble_no_other_answer() {
    let failing = [
        ("otlp/a", Signal::Traces, 12),
        ("otlp/a", Signal::Logs, 3600),
    ];
    let moment = moment(Health::Ready, &failing);
    let answers =
        ["/delivering", "/ready", "/live", "/"].map(|path| answer(&Keys::default(), path, &moment));
    let expected = [
        json(
            503,
            "{\"delivering\":false,\"failing\":[\
             {\"exporter\":\"otlp/a\",\"signal\":\"traces\",\"seconds\":12},\
             {\"exporter\":\"otlp/a\",\"signal\":\"logs\",\"seconds\":3600}]}",
        ),
        json(200, r#"{"ready":true}"#),
        json(200, r#"{"live":true}"#),
        json(200, UP),
    ];
    assert_eq!(answers, expected);
}

#[test]
fn configured_bodies_replace_the_json() {
    let keys = keys("/", Some(("fine", "bad")));
    let check = |health, expected| {
        assert_eq!(answer(&keys, "/", &moment(health, &[])), expected);
    };
    check(Health::Starting, text(503, "bad"));
    check(Health::Ready, text(200, "fine"));
    check(Health::Draining, text(503, "bad"));
}

#[test]
fn the_path_means_what_it_means_to_the_collector() {
    let check = |path: &str, asked: &str, expected: Reply| {
        let moment = moment(Health::Ready, &[]);
        let answer = answer(&keys(path, None), asked, &moment);
        assert_eq!(answer, expected, "{asked} where the path is {path}");
    };
    let up = || json(200, UP);
    let not_found = || text(404, "404 page not found\n");
    check("/", "/anything/else", up());
    check("/health", "/health", up());
    check("/health", "/health/", not_found());
    check("/health", "/", not_found());
    check("/health", "/live", json(200, r#"{"live":true}"#));
    check("/health/", "/health", up());
    check("/health/", "/health/x", up());
    check("/health/", "/healthy", not_found());
    check("/ready", "/ready", up());
}
