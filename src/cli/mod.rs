//! The command line as plain data. What is done with it is `commands`' business; how a run is asked for in full
//! (task, directory, configuration) is `request`'s.

pub mod options;
pub mod request;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use options::{ExecArgs, RunArgs};

/// A person gives a long coding task to a team of agents, watches it and steers it.
#[derive(Clone, Debug, PartialEq, Parser)]
#[command(name = "zwarm-tui", version, max_term_width = 110, disable_help_subcommand = true)]
#[command(
    subcommand_negates_reqs = true,
    override_usage = "zwarm-tui [OPTIONS]\n       zwarm-tui [OPTIONS] COMMAND"
)]
#[command(
    after_help = "Without a command the screen opens: the instances of this directory, or with -t a new run.\n\
    Try it without any key: zwarm-tui --demo"
)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Common {
    /// Work in this directory [default: the current one]
    #[arg(short = 'w', long, value_name = "DIR", global = true)]
    pub working_dir: Option<PathBuf>,
    /// Write a log of this level: off, error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", global = true, default_value = "info", hide_default_value = true)]
    pub log_level: String,
}

/// The commands.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Run a task without a screen; the exit code says how it ended
    #[command(alias = "orchestrate")]
    Run(Box<RunArgs>),
    /// Give one task to one executor, without an orchestrator
    Exec(Box<ExecArgs>),
    /// Steer a run of another process
    #[command(flatten)]
    Steer(Steer),
    /// Read what is in the state folder
    #[command(flatten)]
    Look(Look),
    /// Look after the configuration, the state folder and this machine
    #[command(flatten)]
    Tend(Tend),
}

/// Commands that steer a run of another process.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Steer {
    /// Pause a run: nothing new starts
    Pause {
        #[command(flatten)]
        target: Target,
        /// Also cancel what is running now
        #[arg(long)]
        now: bool,
    },
    /// Let a paused run go on
    Resume {
        #[command(flatten)]
        target: Target,
        /// Do one step and pause again
        #[arg(long)]
        step: bool,
    },
    /// Say something to the orchestrator, or to a session
    Nudge {
        /// What to say
        text: String,
        #[command(flatten)]
        target: Target,
        /// A session instead of the orchestrator: sN or the beginning of its id
        #[arg(long, value_name = "ID")]
        session: Option<String>,
        /// Keep it for the session's next turn
        #[arg(long, requires = "session")]
        queue: bool,
    },
    /// Stop a run and all its children; it stays resumable
    Abort {
        #[command(flatten)]
        target: Target,
        /// Kill at once instead of asking first
        #[arg(long)]
        at_once: bool,
    },
}

/// Which run to steer.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Target {
    /// The instance: its name or the beginning of its id
    #[arg(short = 'i', long, value_name = "ID")]
    pub instance: String,
}

/// Which instance to read, and how to print.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Which {
    /// The instance: its name or the beginning of its id [default: the newest]
    #[arg(short = 'i', long, value_name = "ID")]
    pub instance: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Commands that read.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Look {
    /// List the instances of this directory
    Instances {
        /// Of all known projects
        #[arg(short = 'a', long)]
        all: bool,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show where an instance stands
    Status {
        #[command(flatten)]
        which: Which,
    },
    /// Show the events of an instance
    History {
        #[command(flatten)]
        which: Which,
        /// Only events of this kind, for example step_started
        #[arg(short = 'k', long)]
        kind: Option<String>,
        /// The newest N (0: all)
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// Show the executor sessions of an instance
    Session {
        #[command(subcommand)]
        command: SessionCommand,
    },
    /// Show what the watchers would have said about an old run
    Watch {
        /// The instance: its name or the beginning of its id
        #[arg(long, value_name = "INSTANCE")]
        replay: String,
        #[command(flatten)]
        settings: options::Settings,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
}

/// What to show of sessions.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum SessionCommand {
    /// List them
    #[command(alias = "ls")]
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Show one: its turns with their answers
    Show {
        /// sN or the beginning of its id
        session: String,
        #[command(flatten)]
        which: Which,
    },
    /// Show what one did
    Logs {
        /// sN or the beginning of its id
        session: String,
        #[command(flatten)]
        which: Which,
        /// Go on as it happens
        #[arg(short = 'f', long)]
        follow: bool,
    },
    /// Merge the work of one in its worktree into the working directory's branch
    Merge {
        /// sN or the beginning of its id
        session: String,
        #[command(flatten)]
        which: Which,
    },
    /// Keep the branch and the worktree of one as they are
    Keep {
        /// sN or the beginning of its id
        session: String,
        #[command(flatten)]
        which: Which,
    },
    /// Remove the branch and the worktree of one
    Discard {
        /// sN or the beginning of its id
        session: String,
        #[command(flatten)]
        which: Which,
        /// Do not ask
        #[arg(short = 'y', long)]
        yes: bool,
    },
}

/// Commands around the program.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Tend {
    /// Write a configuration with comments to .zwarm/config.toml
    Init {
        /// Replace the one that is there
        #[arg(long)]
        force: bool,
    },
    /// Show and check the configuration
    Configs {
        #[command(subcommand)]
        command: ConfigsCommand,
    },
    /// Delete the instances of this directory (those that run stay)
    Reset {
        /// Do not ask
        #[arg(short = 'y', long)]
        yes: bool,
    },
    /// End the processes that dead runs of this directory have left, remove worktrees without work
    Clean,
    /// Check executors, configuration, folders and the terminal
    Doctor {
        /// Give the terminal back its normal modes and leave
        #[arg(long)]
        fix_terminal: bool,
        /// Ask too whether the model servers answer (no key is sent)
        #[arg(long, conflicts_with = "fix_terminal")]
        network: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a completion script
    Completions { shell: clap_complete::Shell },
    /// Print the manual page (roff)
    Man,
}

/// What to do with the configuration.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum ConfigsCommand {
    /// List the files that are read, in order
    List,
    /// Print the effective configuration as YAML
    Show {
        #[command(flatten)]
        settings: options::Settings,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the configuration, or one file alone
    Check {
        /// A file instead of the whole chain
        file: Option<PathBuf>,
    },
}

impl Cli {
    /// The definition, for completions and the manual.
    pub fn definition() -> clap::Command {
        <Self as clap::CommandFactory>::command()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::definition().debug_assert();
    }

    #[test]
    fn the_reference_s_names_of_commands_are_known() {
        let run = |args: &[&str]| Cli::try_parse_from([&["zwarm-tui"], args].concat()).unwrap().command;
        assert_eq!(run(&["orchestrate", "-t", "x"]), run(&["run", "--task", "x"]));
        assert_eq!(run(&["session", "ls"]), run(&["session", "list"]));
    }

    #[test]
    fn the_working_directory_is_taken_before_and_after_the_command() {
        for args in [["zwarm-tui", "-w", "d", "instances"], ["zwarm-tui", "instances", "-w", "d"]] {
            assert_eq!(Cli::try_parse_from(args).unwrap().common.working_dir, Some("d".into()));
        }
    }
}
