//! The user's own folders: configuration and state. `ZWARM_HOME=DIR` replaces both by `DIR/config` and `DIR/state`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The user's folders; they need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// `config.toml` or `config.yaml`, `keys.yaml`, `themes/`.
    pub config: PathBuf,
    /// `projects.json`, `trust.json`, `drafts/`, `log/`, `demo/`, `worktrees/`.
    pub state: PathBuf,
}

impl Home {
    /// By `ZWARM_HOME`, else where the system keeps such things.
    pub fn find() -> Self {
        Self::from(std::env::var_os("ZWARM_HOME"))
    }

    fn from(home: Option<OsString>) -> Self {
        if let Some(home) = home.filter(|home| !home.is_empty()) {
            let home = std::path::absolute(&home).unwrap_or_else(|_| PathBuf::from(home));
            return Self { config: home.join("config"), state: home.join("state") };
        }
        match directories::ProjectDirs::from("", "", "zwarm-tui") {
            Some(dirs) => Self {
                config: dirs.config_dir().to_owned(),
                state: dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned(),
            },
            None => Self { config: ".zwarm-tui/config".into(), state: ".zwarm-tui/state".into() },
        }
    }

    /// The folder of the log files.
    pub fn log(&self) -> PathBuf {
        self.state.join("log")
    }
}

/// A path as a person reads it: relative to `base` where it is below it.
pub fn shown(path: &Path, base: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_variable_replaces_both_folders() {
        let home = Home::from(Some("/h".into()));
        assert_eq!(home, Home { config: "/h/config".into(), state: "/h/state".into() });
        assert_ne!(Home::from(Some("".into())).config, PathBuf::from("config"));
    }
}
