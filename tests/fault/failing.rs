//! Back ends that answer most requests badly, late, or not at all.

use benches::Protocol;
use benches::sink::{Answer, Script};

use super::{PROTOCOLS, Way};
use crate::rig::{Service, load};

/// A load meets the script. Duplicates are allowed where the back end took a request and the
/// acknowledgement got lost.
fn check(protocol: Protocol, script: Script, may_duplicate: bool) {
    let case = format!("{protocol:?} {:?} {} %", script.answer, script.percent);
    let sink = load::sink();
    sink.script(script);
    let way = Way::over(protocol);
    let service = Service::start(&way.yaml(sink.address()));
    let report = load::run(load::load(&service, protocol, 100));
    assert_eq!(report.refusals(), 0, "{case}: {:?}", report.refused);
    let verdict = load::all_arrived(&sink, &report.acked);
    assert_eq!((verdict.invented, verdict.unacknowledged), (0, 0), "{case}");
    assert!(
        may_duplicate || verdict.duplicated == 0,
        "{case}: {verdict}"
    );

    let exporter = service.stop().account.spans("exporter", way.exporter());
    assert_eq!(
        (exporter.passed, exporter.dropped),
        (report.items, 0),
        "{case}"
    );
    let attempts = sink.counts().requests;
    assert!(attempts > 100, "{case}: the script was never met");
}

#[test]
fn a_back_end_that_refuses_70_percent_gets_everything_once() {
    for protocol in PROTOCOLS {
        check(
            protocol,
            Script::always(Answer::unavailable()).percent(70),
            false,
        );
    }
}

#[test]
fn a_back_end_that_resets_connections_gets_everything() {
    for protocol in PROTOCOLS {
        check(protocol, Script::always(Answer::Reset).percent(30), true);
    }
}

#[test]
fn a_back_end_that_hangs_gets_everything_after_the_timeout() {
    for protocol in PROTOCOLS {
        check(protocol, Script::next(15, Answer::Hang), false);
    }
}

#[test]
fn a_back_end_whose_acknowledgements_get_lost_gets_everything_at_least_once() {
    for protocol in PROTOCOLS {
        check(
            protocol,
            Script::always(Answer::TakeAndReset).percent(30),
            true,
        );
    }
}

#[test]
fn a_back_end_that_reads_nothing_for_a_while_gets_everything() {
    for protocol in PROTOCOLS {
        let sink = load::sink();
        sink.script(Script::not_reading());
        let service = Service::start(&Way::over(protocol).yaml(sink.address()));
        let report = load::run(load::load(&service, protocol, 50));
        assert_eq!(report.refusals(), 0, "{:?}", report.refused);
        sink.script(Script::default());
        let verdict = load::all_arrived(&sink, &report.acked);
        assert_eq!(verdict.invented, 0, "{verdict}");
        service.stop();
    }
}
