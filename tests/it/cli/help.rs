//! Help, version, and arguments that make no sense.

use super::tracegate;

#[test]
fn every_help_fits_80_columns() {
    let commands: [&[&str]; 11] = [
        &[],
        &["validate"],
        &["print-config"],
        &["components"],
        &["sample"],
        &["demo"],
        &["why"],
        &["graph"],
        &["featuregate"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        for flag in ["--help", "-h"] {
            let ended = tracegate(&[command, &[flag]].concat());
            assert_eq!(
                (ended.code, ended.err.as_str()),
                (Some(0), ""),
                "{command:?}"
            );
            assert!(ended.out.contains("Usage: tracegate"), "{}", ended.out);
            let wide = ended.out.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{command:?}");
        }
    }
}

#[test]
fn the_help_names_the_commands_and_the_exit_codes() {
    let help = tracegate(&["--help"]).out;
    for word in [
        "validate",
        "print-config",
        "components",
        "graph",
        "demo",
        "--config",
        "--set",
    ] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
    assert!(
        help.contains("Exit codes:\n  0  ") && help.contains("\n  1  ") && help.contains("\n  2  "),
        "{help}"
    );
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = tracegate(&["completions", shell]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{shell}");
        assert!(ended.out.contains("print-config"), "{shell}: {}", ended.out);
    }
}

#[test]
fn the_manual_page_has_the_options_of_every_command() {
    let ended = tracegate(&["man"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    for word in [
        ".TH tracegate 1",
        ".SH VALIDATE",
        r"\-\-strict",
        r"\-\-for\-collector",
    ] {
        assert!(ended.out.contains(word), "{word} is not in\n{}", ended.out);
    }
}

#[test]
fn the_collector_s_feature_gates_are_known_and_others_are_named() {
    let check = |gates: &str, warning: &str| {
        let ended = tracegate(&["--feature-gates", gates, "print-config"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.err.contains(warning), "{}", ended.err);
    };
    check(
        "service.profilesSupport",
        "warning: the feature gate \"service.profilesSupport\" changes nothing here",
    );
    check(
        "-no.such,+either",
        "warning: no such feature gate \"no.such\"",
    );
    let table = tracegate(&["featuregate"]).out;
    assert!(table.contains("\nservice.profilesSupport "), "{table}");
    let ended = tracegate(&["featuregate", "no.such"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("no such feature gate"), "{}", ended.err);
}

#[test]
fn the_version_is_the_crate_s() {
    let ended = tracegate(&["--version"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(
        ended.out,
        format!("tracegate {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn arguments_that_make_no_sense_end_with_1_and_a_reason() {
    let check = |arguments: &[&str], reason: &str| {
        let ended = tracegate(arguments);
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(1), ""),
            "{arguments:?}"
        );
        assert!(ended.err.contains(reason), "{arguments:?}: {}", ended.err);
    };
    check(&["--conifg", "x"], "--config");
    check(&["start"], "unrecognized subcommand 'start'");
    check(
        &["validate", "--format", "xml"],
        "possible values: human, json",
    );
    check(
        &["--shutdown-timeout", "25"],
        "missing unit in duration, write `25s`",
    );
    check(&["--shutdown-timeout=-1s"], "between 0s and 24h");
    check(&["demo", "--seconds", "0"], "0 is not in 1..");
    check(&["components", "--docs", "bacth"], "did you mean `batch`?");
    check(
        &["components", "--docs", "carbonara"],
        "`tracegate components` lists all",
    );
}
