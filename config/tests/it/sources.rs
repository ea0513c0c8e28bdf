//! `--config` and `--set`: order, schemes, merging.

use config::{Environment as _, Faults, ProcessEnvironment, Sources, load};

use crate::kit::{World, json, lines};

fn merged(configs: &[&str], sets: &[&str]) -> String {
    let sources = Sources {
        configs: configs.iter().map(|text| (*text).to_owned()).collect(),
        sets: sets.iter().map(|text| (*text).to_owned()).collect(),
    };
    let world = World {
        files: [
            ("a.yaml", "a: {b: 1, c: 2}\n"),
            ("empty.yaml", ""),
            (r"C:\x", "a: 5\n"),
        ]
        .into(),
        variables: [("CONFIG", "a: {d: 3}")].into(),
    };
    let mut faults = Faults::new();
    match load(&sources, &world, &mut faults) {
        Some(root) if faults.is_empty() => json(&root),
        _ => lines(&faults).join("\n"),
    }
}

#[test]
fn later_sources_are_laid_over_earlier_ones() {
    let check = |configs: &[&str], sets: &[&str], expected: &str| {
        assert_eq!(merged(configs, sets), expected, "{configs:?} {sets:?}");
    };
    check(&["a.yaml"], &[], r#"{"a":{"b":1,"c":2}}"#);
    check(&["file:a.yaml"], &[], r#"{"a":{"b":1,"c":2}}"#);
    check(&[r"C:\x"], &[], r#"{"a":5}"#);
    check(&["env:CONFIG"], &[], r#"{"a":{"d":3}}"#);
    check(
        &["a.yaml", "env:CONFIG"],
        &[],
        r#"{"a":{"b":1,"c":2,"d":3}}"#,
    );
    check(&["a.yaml", "empty.yaml"], &[], r#"{"a":{"b":1,"c":2}}"#);
    check(&["a.yaml", "yaml:a::b: 7"], &[], r#"{"a":{"b":7,"c":2}}"#);
    check(&["yaml:a: [1, 2]", "yaml:a: [3]"], &[], r#"{"a":[3]}"#);
    check(&["a.yaml", "yaml:a:"], &[], r#"{"a":null}"#);
    check(&["yaml:a:", "a.yaml"], &[], r#"{"a":{"b":1,"c":2}}"#);
    check(&["a.yaml"], &["a.b=true"], r#"{"a":{"b":true,"c":2}}"#);
    check(&["a.yaml"], &["a.b=1", "a.b=2"], r#"{"a":{"b":2,"c":2}}"#);
    check(
        &["a.yaml"],
        &["a.x.y=[1, z]"],
        r#"{"a":{"b":1,"c":2,"x":{"y":[1,"z"]}}}"#,
    );
    check(&["a.yaml"], &["a.b="], r#"{"a":{"b":null,"c":2}}"#);
    check(&[], &["a=1"], r#"{"a":1}"#);
}

#[test]
fn a_key_may_be_a_path() {
    let check = |text: &str, expected: &str| {
        assert_eq!(merged(&[&format!("yaml:{text}")], &[]), expected, "{text}");
    };
    check("a::b::c: 1", r#"{"a":{"b":{"c":1}}}"#);
    check("a: {b::c: 1, b::d: 2}", r#"{"a":{"b":{"c":1,"d":2}}}"#);
    check("{a::b: 1, a: {c: 2}}", r#"{"a":{"b":1,"c":2}}"#);
    check(
        "{a: {c: {d: 1}}, a::c::e: 2}",
        r#"{"a":{"c":{"d":1,"e":2}}}"#,
    );
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let check = |text: &str, expected: &str| {
        assert_eq!(merged(&[&format!("yaml:{text}")], &[]), expected, "{text}");
    };
    check("{x: &x {a: 1}, y: *x}", r#"{"x":{"a":1},"y":{"a":1}}"#);
    check(
        "{x: &x {a: 1, b: 2}, y: {<<: *x, b: 3}}",
        r#"{"x":{"a":1,"b":2},"y":{"b":3,"a":1}}"#,
    );
    check(
        "{x: &x {a: 1, b: 2}, y: {b: 3, <<: *x}}",
        r#"{"x":{"a":1,"b":2},"y":{"b":3,"a":1}}"#,
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let check = |configs: &[&str], sets: &[&str], expected: &str| {
        assert_eq!(merged(configs, sets), expected, "{configs:?} {sets:?}");
    };
    check(&[], &[], "error: at least one config flag must be provided");
    check(
        &["nope.yaml"],
        &[],
        "error: unable to read the file nope.yaml: no such file or directory",
    );
    check(
        &["foo:bar"],
        &[],
        r#"error: unsupported scheme on URI "foo:bar""#,
    );
    check(
        &["https://me:secret@h/c?token=secret"],
        &[],
        "error: unable to fetch https://h/c?…: no such page",
    );
    check(
        &["env:NOPE"],
        &[],
        r#"error: the environment variable "NOPE" of "env:NOPE" is not set"#,
    );
    check(
        &["a.yaml"],
        &["a:b"],
        r#"error: invalid value "a:b" for flag -set: missing equal sign (write --set key=value)"#,
    );
    check(
        &["empty.yaml"],
        &[],
        "empty.yaml:1:1: error: empty configuration file",
    );
    check(
        &["yaml:[1]"],
        &[],
        "<yaml>:1:1: error: retrieved value (type=[]interface {}) cannot be used as a Conf \
         (a configuration is a map of sections)",
    );
    check(
        &["yaml:text"],
        &[],
        "<yaml>:1:1: error: retrieved value (type=string) cannot be used as a Conf \
         (a configuration is a map of sections)",
    );
    check(
        &["foo:bar", "nope.yaml"],
        &["x"],
        "error: unsupported scheme on URI \"foo:bar\"\n\
         error: unable to read the file nope.yaml: no such file or directory\n\
         error: invalid value \"x\" for flag -set: missing equal sign (write --set key=value)",
    );
}

/// Hostile and broken texts end soon, with a fault.
#[test]
fn no_text_is_too_much() {
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned()
        + &('b'..='j')
            .map(|c| {
                let p = char::from_u32(u32::from(c) - 1).expect("a letter");
                format!("{c}: &{c} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n")
            })
            .collect::<String>();
    let deep_flow = format!("a: {}{}", "[".repeat(20_000), "]".repeat(20_000));
    let deep_block: String = (0..2_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let wide: String = (0..100_000).map(|key| format!("k{key}: 1\n")).collect();
    let merges = format!("a: &a {{b: 1}}\nc:\n{}", "- {<<: *a}\n".repeat(2_000));
    for text in [bomb, deep_flow, deep_block, wide, merges] {
        let faults = merged(&[&format!("yaml:{text}")], &[]);
        assert!(faults.contains("error: this is no YAML"), "{faults}");
    }
}

/// What is put in for `${…}` is bounded over the whole configuration, not only for each value.
#[test]
fn no_expansion_is_too_much() {
    let large: &'static str = "x".repeat(3 << 20).leak();
    let files = [("large", large), ("https://h/c", "1")];
    let world = World::files(&files);
    let check = |element: &str, count: usize, expected: &str| {
        let sources = Sources {
            configs: vec![format!(
                "yaml:a:\n{}",
                format!("- {element}\n").repeat(count)
            )],
            sets: Vec::new(),
        };
        let mut faults = Faults::new();
        load(&sources, &world, &mut faults);
        let last = faults.iter().last().map(|fault| fault.text.as_str());
        assert_eq!(last.unwrap_or(""), expected, "{element}");
    };
    check("'x ${file:large}'", 20, "");
    check("'x ${file:large}'", 200, "too many recursive expansions");
    check("'${https://h/c}'", 16, "");
    let pages = "https://h/c is more than the 16 pages that one configuration may fetch";
    check("'${https://h/c}'", 17, pages);
}

#[test]
fn pages_are_sources_like_files() {
    let world = World::files(&[
        ("https://h/c", "{a: 1, b: '${http://h/d}'}"),
        ("http://h/d", "2"),
    ]);
    let sources = Sources {
        configs: vec!["https://h/c".to_owned()],
        sets: vec!["c=3".to_owned()],
    };
    let mut faults = Faults::new();
    let node = load(&sources, &world, &mut faults).expect("a tree");
    assert_eq!(
        (json(&node).as_str(), faults.len()),
        (r#"{"a":1,"b":2,"c":3}"#, 0)
    );
}

#[test]
fn files_of_this_machine_are_read_within_limits() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        ProcessEnvironment.file(path.to_str().expect("UTF-8"))
    };
    assert_eq!(file("a", b"a: 1").as_deref(), Ok("a: 1"));
    assert_eq!(file("b", b"\xff"), Err("it is no UTF-8 text".to_owned()));
    let large = vec![b' '; (16 << 20) + 1];
    assert_eq!(
        file("c", &large),
        Err("it is larger than 16777216 bytes".to_owned())
    );
    assert!(ProcessEnvironment.file("/nope/nope").is_err());
}
