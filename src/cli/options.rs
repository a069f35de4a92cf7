//! The options of a run, in groups by what they are about.

use std::{path::PathBuf, time::Duration};

use serde_json::{Value, json};

/// All options of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    #[command(flatten)]
    pub settings: Settings,
    #[command(flatten)]
    pub models: Models,
    #[command(flatten)]
    pub instance: InstanceArgs,
    #[command(flatten)]
    pub alone: Alone,
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct TaskArgs {
    /// The task (else -f, else standard input when it is piped)
    #[arg(short = 't', long, value_name = "TEXT", conflicts_with = "task_file")]
    pub task: Option<String>,
    /// Read the task from a file ('-': standard input)
    #[arg(short = 'f', long, value_name = "FILE")]
    pub task_file: Option<PathBuf>,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Settings {
    /// A configuration file (YAML, 'extends' allowed)
    #[arg(short = 'c', long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set one key, for example --set budget.max_tokens=500000 (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Let the project's own files run programs and send data elsewhere
    #[arg(long)]
    pub trust_project: bool,
}

/// Who does it, and how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Models {
    /// The executor that is used by default: codex, claude, script, or one under 'executors'
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    /// The orchestrator's model: NAME, provider/NAME, or scripted:FILE
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Steps of this launch
    #[arg(long, value_name = "N")]
    pub max_steps: Option<u32>,
}

/// Which instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct InstanceArgs {
    /// Play the demo: no key, no network, no executor is needed
    #[arg(long, conflicts_with_all = ["task", "task_file", "resume", "instance"])]
    pub demo: bool,
    /// A name for the new instance
    #[arg(short = 'n', long, value_name = "NAME", conflicts_with_all = ["resume", "instance"])]
    pub name: Option<String>,
    /// Go on with an instance (-i; else the newest that can)
    #[arg(long)]
    pub resume: bool,
    /// The instance: its name or the beginning of its id
    #[arg(short = 'i', long, value_name = "ID")]
    pub instance: Option<String>,
    /// Begin a new instance with what another one was; that one stays as it is
    #[arg(long, value_name = "ID", conflicts_with_all = ["resume", "instance", "demo"])]
    pub fork: Option<String>,
    /// The last step that the fork keeps [default: the newest]
    #[arg(long, value_name = "N", requires = "fork")]
    pub at_step: Option<u32>,
}

/// What happens when nobody is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Alone {
    /// Print one event a line, as it is in the journal (command 'run')
    #[arg(long)]
    pub json: bool,
    /// When a watcher pauses and nobody is there: end or continue
    #[arg(long, value_name = "WHAT", value_parser = ["end", "continue"])]
    pub on_pause: Option<String>,
    /// How long to sleep until a limit resets, for example 45m or 2h [default: 0]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub max_wait: Option<Duration>,
}

/// How the screen looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct ScreenArgs {
    /// The theme
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Linear labelled lines, for screen readers
    #[arg(long)]
    pub plain: bool,
}

/// All options of `exec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct ExecArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    #[command(flatten)]
    pub settings: Settings,
    /// The executor: codex, claude, script, or one under 'executors'
    #[arg(short = 'a', long, value_name = "NAME")]
    pub adapter: Option<String>,
    /// The executor's model
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// A name for the new instance
    #[arg(short = 'n', long, value_name = "NAME")]
    pub name: Option<String>,
    /// Go on with a session of an earlier exec
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    pub session: Option<String>,
    /// Print one event a line, as it is in the journal
    #[arg(long)]
    pub json: bool,
}

impl RunArgs {
    /// What the flags say of the configuration.
    pub fn flags(&self) -> Value {
        let mut flags = self.models.flags();
        if let Some(theme) = &self.screen.theme {
            flags["ui"] = json!({ "theme": theme });
        }
        flags
    }
}

impl Models {
    fn flags(&self) -> Value {
        let mut flags = json!({});
        if let Some(adapter) = &self.adapter {
            flags["executor"]["adapter"] = json!(adapter);
        }
        if let Some(model) = &self.model {
            flags["orchestrator"]["lm"] = json!(model);
        }
        if let Some(steps) = self.max_steps {
            flags["orchestrator"]["max_steps"] = json!(steps);
        }
        flags
    }
}

impl ExecArgs {
    /// What the flags say of the configuration.
    pub fn flags(&self) -> Value {
        let mut flags = json!({});
        if let Some(adapter) = &self.adapter {
            flags["executor"]["adapter"] = json!(adapter);
        }
        if let Some(model) = &self.model {
            flags["executor"]["model"] = json!(model);
        }
        flags
    }
}

/// Seconds, or `90s`, `45m`, `2h 30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is not a duration; write 90s, 45m or 2h");
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: jiff::SignedDuration = text.trim().parse().map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_seconds_or_has_units() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("45m", 2700), ("2h 30m", 9000), ("0", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        assert!(duration("-5m").is_err() && duration("soon").is_err() && duration("").is_err());
    }

    #[test]
    fn flags_say_only_what_was_given() {
        assert_eq!(RunArgs::default().flags(), json!({}));
        let models = Models { model: Some("gpt-5".into()), max_steps: Some(3), ..Models::default() };
        let args = RunArgs { models, ..RunArgs::default() };
        assert_eq!(args.flags(), json!({"orchestrator": {"lm": "gpt-5", "max_steps": 3}}));
    }
}
