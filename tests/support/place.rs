//! A place for one test: a working directory and a home of its own, the program called in it, and what it left there.
#![allow(dead_code, clippy::unwrap_used)]

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

/// Gone with all that is in it when it is dropped.
pub struct Place {
    pub root: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        Self { root }
    }

    /// With these files, by name and text, in the working directory.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let place = Self::new();
        files.iter().for_each(|(name, text)| place.write(name, text));
        place
    }

    /// The working directory, by its real path.
    pub fn work(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("work")
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.work().join(name), text).unwrap();
    }

    /// A program in the place, with nothing of whoever runs the tests but the search path.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.root.path()).env("ZWARM_HOME", self.root.path().join("home"));
        command.current_dir(self.work()).stdin(Stdio::null());
        command
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_zwarm-tui"));
        command.args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The folders of all instances.
    pub fn instances(&self) -> Vec<PathBuf> {
        let Ok(all) = std::fs::read_dir(self.work().join(".zwarm/instances")) else { return Vec::new() };
        all.flatten().map(|entry| entry.path()).collect()
    }

    /// The folder of the only instance.
    pub fn instance(&self) -> PathBuf {
        let mut all = self.instances();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}
