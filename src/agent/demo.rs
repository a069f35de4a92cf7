//! The demo: a real run in a fresh git repository, in which only model and executor are scripted. The last
//! [`KEPT`] repositories are kept below the user's state folder.

use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::launch::{Launch, What};
use crate::{
    config::{Config, Watchers},
    error::UserError,
    paths::Home,
};

/// Repositories that are kept.
const KEPT: usize = 5;
/// The scenario, which is also the test harness.
const SCENARIO: &str = include_str!("../../assets/demo.yaml");
const TASK: &str =
    "Write a small report tool: a shell script that sums CSV amounts by name, with tests that prove it.";
const README: &str =
    "# Demo\n\nA fresh repository in which a scripted team works. Look at it with `git status`.\n";
/// Tokens after which the demo's budget warns at 80 %.
const MAX_TOKENS: u64 = 110_000;
/// Small enough that the demo's short history is compacted.
const COMPACT_AT: u64 = 6_000;

/// Makes the repository and turns the launch into the demo.
pub(super) fn prepare(mut launch: Launch) -> Result<Launch, UserError> {
    if let What::Resume { .. } = launch.what {
        configure(&mut launch.config, &launch.working_dir);
        return Ok(launch);
    }
    let all = Home::find().state.join(crate::store::projects::DEMOS);
    let dir = repository(&all).map_err(|e| {
        UserError::failed(
            format!("the demo's repository cannot be made in '{}': {e}", all.display()),
            "set ZWARM_HOME to a folder that can be written",
        )
    })?;
    forget_old(&all);
    let name = match &launch.what {
        What::New { name, .. } => name.clone(),
        What::Resume { .. } => None,
    };
    launch.what = What::New { task: TASK.to_owned(), name: Some(name.unwrap_or_else(|| "demo".to_owned())) };
    configure(&mut launch.config, &dir);
    launch.working_dir = dir;
    Ok(launch)
}

/// Only model and executor are scripted; small limits, so that all of it is seen.
fn configure(config: &mut Config, dir: &Path) {
    config.orchestrator.lm = format!("scripted:{}", dir.join(".git/demo.yaml").display());
    config.orchestrator.tools = None;
    config.orchestrator.compaction.max_tokens = COMPACT_AT;
    config.orchestrator.compaction.keep_last_n = 4;
    config.orchestrator.allowed_dirs = None;
    config.executor.adapter = Some("script".to_owned());
    config.executor.approval = Some(crate::config::Approval::OnRequest);
    config.executor.script = None;
    config.budget.max_tokens = Some(MAX_TOKENS);
    config.watchers = watchers();
}

fn watchers() -> Watchers {
    let mut watchers = Watchers::default();
    let claims: Result<crate::config::WatcherEntry, _> = serde_json::from_value("claims".into());
    watchers.watchers.extend(claims);
    watchers
}

/// A fresh repository with one commit. The scenario lies inside `.git`, so that the work tree is clean.
fn repository(all: &Path) -> std::io::Result<PathBuf> {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
    let dir = all.join(format!("{stamp}-{:04x}", fastrand::u16(..)));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    std::fs::write(dir.join("README.md"), README)?;
    for args in [
        &["init", "-q"][..],
        &["add", "README.md"],
        &[
            "-c",
            "user.name=demo",
            "-c",
            "user.email=demo@example.invalid",
            "commit",
            "-q",
            "--no-gpg-sign",
            "-m",
            "Begin",
        ],
    ] {
        let output = std::process::Command::new("git").arg("-C").arg(&dir).args(args).output()?;
        if !output.status.success() {
            return Err(std::io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
    }
    std::fs::write(dir.join(".git/demo.yaml"), SCENARIO)?;
    Ok(dir)
}

/// Removes all but the newest; one whose run is alive stays.
fn forget_old(all: &Path) {
    let Ok(entries) = std::fs::read_dir(all) else { return };
    let mut dirs: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    dirs.sort();
    for dir in dirs.iter().rev().skip(KEPT) {
        let alive = crate::store::list(&dir.join(".zwarm")).iter().any(|listed| listed.live.is_some());
        if !alive && let Err(error) = std::fs::remove_dir_all(dir) {
            tracing::warn!("an old demo cannot be removed: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenario_is_valid() {
        let scenario: crate::protocol::scenario::Scenario = serde_yaml::from_str(SCENARIO).unwrap();
        assert_eq!(scenario.name, "demo");
        assert_eq!(scenario.sessions.len(), 2);
        assert_eq!(watchers().watchers.len(), 4);
    }
}
