//! The repository as text: files, manifests, and which lines are production.

use std::fs;
use std::path::Path;

/// What holds no source of ours; `.git` is a file where this is one work tree of several.
const SKIPPED: &[&str] = &[
    ".git",
    ".venv",
    "__pycache__",
    "artifacts",
    "corpus",
    "node_modules",
    "target",
];

/// Every text file of the repository, by path.
pub(super) struct House {
    pub(super) files: Vec<File>,
}

pub(super) struct File {
    /// From the root, with slashes.
    pub(super) path: String,
    pub(super) text: String,
}

/// What a `Cargo.toml` of the workspace says.
pub(super) struct Manifest<'a> {
    pub(super) file: &'a File,
    pub(super) package: &'a str,
    pub(super) dependencies: Vec<Dependency<'a>>,
}

pub(super) struct Dependency<'a> {
    pub(super) name: &'a str,
    /// Counted from 1.
    pub(super) line: usize,
    /// Only tests and benches may name it.
    pub(super) dev: bool,
    /// The version stands in `[workspace.dependencies]`.
    pub(super) inherited: bool,
}

// === impl House ===

impl House {
    /// Reads the folder of this package.
    pub(super) fn read() -> Self {
        let mut files = Vec::new();
        walk(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }

    /// A house of these paths and texts.
    pub(super) fn of<'a>(files: impl Iterator<Item = (&'a str, String)>) -> Self {
        let file = |(path, text): (&str, String)| File {
            path: path.to_owned(),
            text,
        };
        Self {
            files: files.map(file).collect(),
        }
    }

    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    pub(super) fn below(&self, folder: &str) -> impl Iterator<Item = &File> {
        self.sources()
            .filter(move |file| file.path.starts_with(folder))
    }

    /// The lines of a source that end up in what we ship, with their numbers: no test file, and
    /// nothing from the test module on, which stands last.
    pub(super) fn production<'a>(
        &self,
        file: &'a File,
    ) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        let lines: Vec<&str> = if self.is_test(file) {
            Vec::new()
        } else {
            file.text.lines().collect()
        };
        let tests = lines
            .windows(2)
            .position(|two| two[0] == "#[cfg(test)]" && two[1].ends_with('{'));
        let end = tests.unwrap_or(lines.len());
        (1..).zip(lines.into_iter().take(end))
    }

    /// Whether only tests, benches or fuzzing compile the file.
    pub(super) fn is_test(&self, file: &File) -> bool {
        let mut folders: Vec<&str> = file.path.split('/').collect();
        let name = folders.pop().unwrap_or_default();
        let within = |folder: &str| folders.contains(&folder);
        // The crate `benches` is a program, whose sources are held to the same rules as any other's.
        let bench = within("benches") && !file.path.starts_with("benches/src/");
        if name == "tests.rs" || within("tests") || within("fuzz") || bench {
            return true;
        }
        let (parents, module) = file.declared_in();
        let declaration = format!("#[cfg(test)]\nmod {module};");
        let mut parents = parents.iter().filter_map(|path| self.file(path));
        parents.any(|parent| parent.text.contains(&declaration))
    }

    /// The manifests of all packages of the workspace, the root's first.
    pub(super) fn manifests(&self) -> Vec<Manifest<'_>> {
        let members = self.members().into_iter();
        let paths = members.map(|member| format!("{member}/Cargo.toml"));
        let paths = std::iter::once("Cargo.toml".to_owned()).chain(paths);
        let files = paths.filter_map(|path| self.file(&path));
        let packages = files.filter(|file| file.text.contains("[package]"));
        packages.map(File::manifest).collect()
    }

    /// The folders that the root manifest names as members.
    pub(super) fn members(&self) -> Vec<String> {
        let root = self
            .file("Cargo.toml")
            .map(|file| file.text.as_str())
            .unwrap_or_default();
        let list = root.split_once("\nmembers = [").unwrap_or_default().1;
        let list = list.split(']').next().unwrap_or_default();
        list.split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }
}

fn walk(folder: &Path, path: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}/{name}")
        };
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &path, files);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            // What is not UTF-8 is a fixture, and what has gone meanwhile is nobody's.
            files.push(File { path, text });
        }
    }
}

// === impl File ===

impl File {
    /// The lines with their numbers.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// The files that may declare this one as a module, and the module's name.
    pub(super) fn declared_in(&self) -> ([String; 3], &str) {
        let stem = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        let (folder, module) = stem.rsplit_once('/').unwrap_or(("", stem));
        let parents = ["lib.rs", "main.rs", "mod.rs"].map(|name| format!("{folder}/{name}"));
        (parents, module)
    }

    fn manifest(&self) -> Manifest<'_> {
        let mut section = "";
        let mut package = "";
        let mut dependencies = Vec::new();
        for (line, text) in self.lines() {
            if let Some(header) = text.strip_prefix('[') {
                section = header.trim_end_matches(']');
                continue;
            }
            let Some((key, value)) = text.split_once('=') else {
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            if section == "package" && key == "name" {
                package = value.trim_matches('"');
            }
            let dev = section == "dev-dependencies";
            if !dev && section != "dependencies" || text.starts_with('#') {
                continue;
            }
            let renamed = value.split_once("package = \"");
            let renamed = renamed.and_then(|(_, rest)| rest.split('"').next());
            dependencies.push(Dependency {
                name: renamed.unwrap_or(key.trim_end_matches(".workspace")),
                line,
                dev,
                inherited: key.ends_with(".workspace") || value.contains("workspace = true"),
            });
        }
        Manifest {
            file: self,
            package,
            dependencies,
        }
    }
}

/// Whether a numbered line is more than a comment.
pub(super) fn is_code((_, line): &(usize, &str)) -> bool {
    !line.trim_start().starts_with("//")
}
