//! The commands of a page, run one after the other as its reader would.
//!
//! A page for an example is read in its folder, every other one in the repository. A line that runs a service
//! (`tracegate --config …`, `tracegate demo --config …`) starts it with ports of the system's choice and back ends of
//! the test, laid over the file as in the gallery, and in the lines behind it the addresses in the file stand for the
//! real ones. It runs until the page ends, and then its books balance. What sends nothing is asked again until it
//! ends with 0, since traces and metrics take their time.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use benches::clock;
use serde_json::Value;
use tempfile::TempDir;

use super::page::{Block, Page};
use super::pages;
use crate::gallery::Stage;
use crate::rig::{PATIENCE, Service, nightly};

/// In the place of `tracegate`: it knows where the service of the page is, and gives the demo an end.
const TRACEGATE: &str = r#"#!/usr/bin/env bash
set -euo pipefail
case ${1:-} in
why | graph) set -- "$@" ${ADMIN:+--endpoint "$ADMIN"} ;;
demo)
    set -- "$@" --seconds 1 --set service.extensions=[] --set service.telemetry.metrics.level=none
    for protocol in grpc http; do
        set -- "$@" --set receivers.otlp.protocols.$protocol.endpoint=127.0.0.1:0
    done
    ;;
esac
exec "$PROGRAM" "$@"
"#;

#[test]
fn every_command_runs_and_prints_what_is_said() {
    let pages = pages();
    let with_commands = pages.iter().filter(|page| page.blocks.iter().any(is_run));
    let pages: Vec<_> = with_commands.collect();
    assert!(pages.len() >= 16, "{}", pages.len());
    pages.into_iter().for_each(|page| Reader::new(page).read());
}

fn is_run(block: &Block) -> bool {
    let has_all = match block.mark("needs") {
        None => true,
        need => need == Some("openssl") && nightly(false, true),
    };
    has_all && ["sh", "bash", "console"].contains(&block.language.as_str())
}

/// Somebody who does what a page says.
struct Reader<'a> {
    page: &'a Page,
    /// A copy of what the commands read.
    home: TempDir,
    folder: PathBuf,
    stage: Stage,
    services: Vec<Service>,
}

impl<'a> Reader<'a> {
    fn new(page: &'a Page) -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(root.join("examples")).arg(home.path());
        assert!(copy.status().unwrap().success());
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("tracegate"), TRACEGATE).unwrap();
        let mode = Permissions::from_mode(0o755);
        std::fs::set_permissions(bin.join("tracegate"), mode).unwrap();
        let folder = home.path().join(page.folder());
        let stage = Stage::with_files(&folder);
        Self {
            page,
            home,
            folder,
            stage,
            services: Vec::new(),
        }
    }

    fn read(mut self) {
        for block in &self.page.blocks {
            if let Some(file) = block.mark("file") {
                std::fs::write(self.folder.join(file), &block.text).unwrap();
            }
            if is_run(block) {
                match block.language.as_str() {
                    "console" => self.compare(block),
                    _ => self.run(block),
                }
            }
        }
        // Who sends ends before who is sent to.
        for service in self.services.into_iter().rev() {
            service.stop();
        }
    }

    /// Services start, the lines between them are one script each.
    fn run(&mut self, block: &Block) {
        let mut script = String::new();
        for line in block.text.lines() {
            if let Some(served) = Served::read(line) {
                self.script(block, &std::mem::take(&mut script));
                self.serve(&served);
            } else if let Some(folder) = line.strip_prefix("cd ") {
                self.script(block, &std::mem::take(&mut script));
                self.folder = self.home.path().join(folder);
                assert!(self.folder.is_dir(), "{}: {line}", block.place);
            } else {
                script.extend([line, "\n"]);
            }
        }
        self.script(block, &script);
    }

    fn serve(&mut self, served: &Served) {
        let path = self.folder.join(served.config);
        let yaml = std::fs::read_to_string(&path).unwrap();
        let expected = std::fs::read_to_string(path.with_file_name("expected.json"));
        let expected: Value = serde_json::from_str(&expected.unwrap_or("{}".to_owned())).unwrap();
        self.services
            .push(self.stage.start(served.command, &yaml, &expected));
    }

    fn script(&self, block: &Block, script: &str) {
        if script.trim().is_empty() {
            return;
        }
        let patience = match script.contains("--data") {
            true => Duration::ZERO,
            false => PATIENCE,
        };
        let mut last = None;
        clock::poll(patience, || {
            let ended = last.insert(self.bash(script));
            ended.status.success().then_some(())
        })
        .unwrap_or_else(|| panic!("{}: {script}\n{last:#?}", block.place));
    }

    fn compare(&self, block: &Block) {
        for (command, expected) in sessions(&block.text) {
            let mut last = String::new();
            clock::poll(PATIENCE, || {
                let ended = self.bash(&command);
                last = String::from_utf8(ended.stdout).unwrap();
                last += &String::from_utf8(ended.stderr).unwrap();
                (numberless(&last) == numberless(&expected)).then_some(())
            })
            .unwrap_or_else(|| panic!("{}: {command} prints\n{last}", block.place));
        }
    }

    fn bash(&self, script: &str) -> Output {
        let mut script = script.to_owned();
        for (written, real) in self.stage.addresses() {
            script = script.replace(written, &real.to_string());
        }
        let mut command = Command::new("bash");
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.home.path().join("bin").display());
        command
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(&self.folder)
            .env("PROGRAM", env!("CARGO_BIN_EXE_tracegate"))
            .env("PATH", path);
        if let Some(service) = self.services.last() {
            command.env("ADMIN", service.extension("admin").to_string());
        }
        command.output().unwrap()
    }
}

/// A line that runs a service until somebody ends it.
#[derive(Debug, PartialEq)]
struct Served<'a> {
    command: &'a [&'a str],
    config: &'a str,
}

impl<'a> Served<'a> {
    /// Variables before it lead to back ends, in whose place the test's are.
    fn read(line: &'a str) -> Option<Self> {
        let (line, _) = line.split_once(" #").unwrap_or((line, ""));
        let mut words = line.split_whitespace();
        words
            .find(|word| !word.contains('='))
            .filter(|word| *word == "tracegate")?;
        match words.collect::<Vec<_>>()[..] {
            ["--config", config] => Some(Self {
                command: &[],
                config,
            }),
            ["demo", "--config", config] => Some(Self {
                command: &["demo"],
                config,
            }),
            _ => None,
        }
    }
}

/// The commands of a console, each with the lines behind it.
fn sessions(text: &str) -> Vec<(String, String)> {
    let mut sessions: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), sessions.last_mut()) {
            (Some(command), _) => sessions.push((command.to_owned(), String::new())),
            (None, Some((_, printed))) => printed.extend([line, "\n"]),
            (None, None) => panic!("{line}: a console begins with `$ `"),
        }
    }
    sessions
}

/// What stays the same from run to run.
fn numberless(text: &str) -> Vec<String> {
    let is_number = |c: char| c.is_ascii_digit();
    let word = |word: &str| match word.starts_with(is_number) {
        true => {
            word.trim_start_matches(|c: char| is_number(c) || ".,:-TZ".contains(c))
                .to_owned()
                + "#"
        }
        false => word.to_owned(),
    };
    text.split_whitespace().map(word).collect()
}

#[test]
fn lines_are_told_apart() {
    let config = "collector.yaml";
    let served = |command: &'static [&'static str]| Some(Served { command, config });
    assert_eq!(
        Served::read("A=b tracegate --config collector.yaml"),
        served(&[])
    );
    assert_eq!(
        Served::read("tracegate --config collector.yaml   # until Ctrl-C"),
        served(&[])
    );
    assert_eq!(
        Served::read("tracegate demo --config collector.yaml"),
        served(&["demo"])
    );
    assert_eq!(
        Served::read("tracegate validate --config collector.yaml"),
        None
    );
    let text = "$ a\n1\n2\n$ b\n";
    let expected = [("a", "1\n2\n"), ("b", "")];
    assert_eq!(
        sessions(text),
        expected.map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert_eq!(
        numberless("took 1.26 s, 20.4/s, 5 %"),
        numberless("took 3 s,  1/s, 70.1 %")
    );
    assert_ne!(numberless("errors no"), numberless("errors yes"));
    assert_ne!(numberless("4bf9"), numberless("5af9"));
}
