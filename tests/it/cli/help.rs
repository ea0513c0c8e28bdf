//! Help, version, and arguments that make no sense.

use super::tracegate;

#[test]
fn every_help_fits_80_columns() {
    let commands: [&[&str]; 5] = [
        &[],
        &["validate"],
        &["print-config"],
        &["components"],
        &["demo"],
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
        "demo",
        "--config",
        "--set",
    ] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
    assert!(
        help.contains("Exit codes:\n  0  ") && help.contains("\n  1  "),
        "{help}"
    );
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
