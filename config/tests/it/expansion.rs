//! `${…}`. The results were compared with the Collector's `print-config`.

use config::{Faults, Sources, load};
use serde::Deserialize;

use crate::kit::{World, json, lines};

/// What a string field reads, or the first fault.
fn string_of(value: &str, world: &World) -> String {
    let (node, faults) = value_of(value, world);
    if let Some(fault) = faults
        .iter()
        .find(|fault| fault.severity == config::Severity::Error)
    {
        return format!("error: {}", fault.text);
    }
    #[derive(Deserialize)]
    struct Field {
        #[serde(default)]
        a: String,
    }
    let mut faults = Faults::new();
    let field: Option<Field> = config::decode(&node, "x", &mut faults);
    field.map_or_else(|| lines(&faults).join("\n"), |field| field.a)
}

fn value_of(value: &str, world: &World) -> (config::Node, Faults) {
    let sources = Sources {
        configs: vec![format!("yaml:a: {value}")],
        sets: Vec::new(),
    };
    let mut faults = Faults::new();
    let node = load(&sources, world, &mut faults).expect("the text is YAML");
    (node, faults)
}

#[test]
fn variables_defaults_files_and_texts_are_put_in() {
    let world = World {
        variables: [
            ("A", "1"),
            ("B", "2"),
            ("NAME", "B"),
            ("EMPTY", ""),
            ("QUOTED", r#""q""#),
            ("MAP", "{a: 1}"),
            ("BROKEN", "[a"),
            ("OCTAL", "0123"),
            ("DOLLAR", "$x"),
            ("DOLLARS", "$$x"),
            ("CHAIN", "${env:B}"),
        ]
        .into(),
        files: [("token", "abc\n"), ("lines", "a\nb\n")].into(),
    };
    for (value, expected) in [
        ("${env:A}", "1"),
        ("${A}", "1"),
        ("'x${A}y${B}'", "x1y2"),
        ("'${A}${A}'", "11"),
        ("${env:NOPE}", ""),
        ("'x${env:NOPE}y'", "xy"),
        ("${env:NOPE:-d}", "d"),
        ("${env:NOPE:-a:b}", "a:b"),
        ("'${env:NOPE:-}'", ""),
        ("${env:EMPTY:-d}", ""),
        ("${env:A:-d}", "1"),
        ("'${env:${NAME}}'", "2"),
        ("'${env:NOPE:-${B}}'", "2"),
        ("${env:CHAIN}", "2"),
        ("${OCTAL}", "0123"),
        ("'p${OCTAL}'", "p0123"),
        ("${QUOTED}", r#""q""#),
        ("${MAP}", "{a: 1}"),
        ("'p${MAP}'", "p{a: 1}"),
        ("${BROKEN}", "[a"),
        ("'p${BROKEN}'", "p[a"),
        ("${file:token}", "abc"),
        ("'x${file:token}y'", "xabcy"),
        ("'${yaml:[a, b]}'", "[a, b]"),
        ("'a $$ b'", "a $ b"),
        ("'a $$$$ b'", "a $$ b"),
        ("$A", "$A"),
        ("'$${A}'", "${A}"),
        ("'$$${A}'", "$1"),
        ("'$$$${A}'", "$${A}"),
        ("'$${A} ${B}'", "${A} ${B}"),
        ("'${B} $${A}'", "2 ${A}"),
        ("${DOLLAR}", "$x"),
        ("${DOLLARS}", "$x"),
        ("'}${A}'", "}1"),
        ("'${A'", "${A"),
        ("'a}b'", "a}b"),
    ] {
        assert_eq!(string_of(value, &world), expected, "{value}");
    }
}

#[test]
fn what_cannot_be_put_in_is_an_error() {
    let world = World::variables(&[
        ("LOOP", "${env:LOOP}"),
        ("BOMB", "${env:BOMB}${env:BOMB}"),
        ("P", "${env:Q} ${env:Q}"),
        ("Q", "${env:P} ${env:P}"),
    ]);
    for (value, expected) in [
        (
            "${foo:bar}",
            r#"scheme "foo" is not supported for uri "foo:bar""#,
        ),
        ("'${f:bar}'", r#"invalid uri: "f:bar""#),
        ("'${A:-d}'", r#"invalid uri: "A:-d""#),
        ("'${MY_VAR:-d}'", r#"invalid uri: "MY_VAR:-d""#),
        (
            "${env:1A}",
            r#"environment variable "1A" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$"#,
        ),
        (
            "'${}'",
            r#"environment variable "" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$"#,
        ),
        (
            "'${env:A$B}'",
            r#"the uri "env:A$B" contains unsupported characters ('$')"#,
        ),
        (
            "'${yaml:$$x}'",
            r#"the uri "yaml:$$x" contains unsupported characters ('$')"#,
        ),
        (
            "${file:nope}",
            "unable to read the file file:nope: no such file or directory",
        ),
        (
            "'${https://me:secret@h/c}'",
            "unable to fetch https://h/c: no such page",
        ),
        ("${env:LOOP}", "too many recursive expansions"),
        ("${env:BOMB}", "too many recursive expansions"),
        ("'x ${env:P}'", "too many recursive expansions"),
    ] {
        assert_eq!(
            string_of(value, &world),
            format!("error: {expected}"),
            "{value}"
        );
    }
}

#[test]
fn a_whole_value_is_read_as_yaml() {
    let world = World::variables(&[
        ("NUMBER", "0x10"),
        ("TRUTH", "true"),
        ("LIST", "[a, '${env:NUMBER}']"),
        ("MAP", "{b: {c: 1}}"),
        ("EMPTY", ""),
    ]);
    for (value, expected) in [
        ("${NUMBER}", "16"),
        ("${TRUTH}", "true"),
        ("${LIST}", r#"["a",16]"#),
        ("${MAP}", r#"{"b":{"c":1}}"#),
        ("${EMPTY}", "null"),
        ("${env:NOPE}", "null"),
        ("'${env:NOPE:-}'", r#""""#),
        ("'x${NUMBER}'", r#""x0x10""#),
        ("[{b: '${NUMBER}'}]", r#"[{"b":16}]"#),
    ] {
        let (node, _) = value_of(value, &world);
        assert_eq!(json(node.get("a").expect("there")), expected, "{value}");
    }
}

#[test]
fn keys_are_never_expanded() {
    let (node, faults) = value_of("{'${A}': 1}", &World::variables(&[("A", "b")]));
    assert_eq!(json(&node), r#"{"a":{"${A}":1}}"#);
    assert!(faults.is_empty());
}

#[test]
fn a_file_keeps_its_own_places() {
    let world = World::files(&[
        ("c.yaml", "a: ${file:more.yaml}\n"),
        ("more.yaml", "b:\n  c: [1, 2]\n"),
    ]);
    let sources = Sources {
        configs: vec!["c.yaml".to_owned()],
        sets: Vec::new(),
    };
    let mut faults = Faults::new();
    let root = load(&sources, &world, &mut faults).expect("both files are YAML");
    assert_eq!(json(&root), r#"{"a":{"b":{"c":[1,2]}}}"#);
    assert_eq!(root.locate("a::b::c").to_string(), "more.yaml:2:3");
    assert_eq!(root.locate("a::b::c[1]").to_string(), "more.yaml:2:10");
}

#[test]
fn a_file_that_includes_itself_ends() {
    let world = World::files(&[("c.yaml", "a: ['${file:c.yaml}', '${file:c.yaml}']\n")]);
    let sources = Sources {
        configs: vec!["c.yaml".to_owned()],
        sets: Vec::new(),
    };
    let mut faults = Faults::new();
    load(&sources, &world, &mut faults);
    assert!(
        faults
            .iter()
            .any(|fault| fault.text == "too many recursive expansions")
    );
}

#[test]
fn a_fault_in_an_expanded_value_points_at_its_place_and_hides_the_value() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Field {
        _a: u32,
        a: u32,
    }
    let (node, mut faults) = value_of("${env:A}", &World::variables(&[("A", "hunter2")]));
    assert!(config::decode::<Field>(&node, "x", &mut faults).is_none());
    assert_eq!(
        lines(&faults),
        ["<yaml>:1:4: error: x::a: expected an integer, found a string"]
    );
}

#[test]
fn an_unset_variable_is_a_warning() {
    let (_, faults) = value_of("'x ${env:NOPE}'", &World::default());
    assert_eq!(
        lines(&faults),
        [
            "<yaml>:1:7: warning: a: the environment variable `NOPE` is not set \
          (`${env:NOPE:-default}` says what to use then)"
        ]
    );
}

#[test]
fn a_variable_without_braces_stays_text_with_a_warning() {
    let world = World::variables(&[("home", "/x")]);
    let check = |value: &str, name: Option<&str>| {
        let (node, faults) = value_of(&format!("'{value}'"), &world);
        let text = value.replace("$$", "$");
        assert_eq!(
            node.get("a").and_then(config::Node::as_text),
            Some(text.as_str())
        );
        let expected = name.map(|name| {
            let fact = "stays as it is: a variable stands in braces since version 0.107";
            let help = format!("write `${{env:{name}}}` for the variable, `$${name}` for the text");
            format!("<yaml>:1:4: warning: a: `${name}` {fact} ({help})")
        });
        assert_eq!(
            lines(&faults),
            expected.into_iter().collect::<Vec<_>>(),
            "{value}"
        );
    };
    check("http://$HOST/v1", Some("HOST"));
    check("$API_KEY", Some("API_KEY"));
    check("$home/y", Some("home"));
    // Patterns, templates and escapes are no variables.
    for text in ["$1", "a$", "$name", "$$HOST", "$X", "pa$word", "^/x$"] {
        check(text, None);
    }
}
