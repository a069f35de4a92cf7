//! What each command does and prints. Each is a short story: read, find, print. A run itself is `headless`' and the
//! screen's.

mod configs;
mod doctor;
mod doctor_executors;
mod history;
mod list;
mod run;
mod sessions;
mod settle;
mod steer;
mod tend;
#[cfg(feature = "tui")]
mod trust;
mod watch;

use std::path::{Path, PathBuf};

use crate::{
    cli::{Cli, Command, Common, Look, RunArgs, Tend, request},
    config::{self, Sources},
    error::{UserError, code},
    headless::Out,
    logging::Log,
    paths::Home,
};

/// What every command starts from.
pub struct Place {
    pub working_dir: PathBuf,
    pub home: Home,
    pub log_level: String,
}

impl Place {
    fn new(common: &Common) -> Result<Self, UserError> {
        Ok(Self {
            working_dir: request::working_dir(common.working_dir.as_deref())?,
            home: Home::find(),
            log_level: common.log_level.clone(),
        })
    }

    /// The state folder of this directory; a configuration that is wrong does not hide what is there.
    fn state_dir(&self) -> PathBuf {
        let name = config::load(&Sources::new(&self.working_dir)).map(|loaded| loaded.config.state_dir);
        self.working_dir.join(name.unwrap_or_else(|_| config::Config::default().state_dir))
    }

    /// Opens the log.
    fn log(&self, out: &mut Out) -> Result<Log, UserError> {
        let (log, warning) = Log::start(&self.home.log(), &self.log_level)?;
        if let Some(warning) = warning {
            out.note(&format!("warning: {warning}"));
        }
        Ok(log)
    }
}

/// Carries out a command line and gives the exit code.
pub fn run(cli: Cli, out: &mut Out) -> Result<i32, UserError> {
    if cli.command.is_some() && cli.run != RunArgs::default() {
        return Err(UserError::usage(
            "options of a run stand before the command",
            "write them after it, for example: zwarm-tui run --demo",
        ));
    }
    // These need no directory.
    match &cli.command {
        Some(Command::Tend(Tend::Completions { shell })) => return tend::completions(*shell, out),
        Some(Command::Tend(Tend::Man)) => return tend::manual(out),
        Some(Command::Tend(Tend::Doctor { fix_terminal: true, .. })) => return doctor::fix_terminal(out),
        _ => {}
    }
    let place = Place::new(&cli.common)?;
    match cli.command {
        None => run::screen(&place, &cli.run, out),
        Some(Command::Run(args)) => run::run(&place, &args, out),
        Some(Command::Exec(args)) => run::exec(&place, &args, out),
        Some(Command::Steer(steer)) => steer::steer(&place, &steer, out),
        Some(Command::Look(look)) => self::look(&place, look, out),
        Some(Command::Tend(tend)) => self::tend(&place, tend, out),
    }
}

fn look(place: &Place, look: Look, out: &mut Out) -> Result<i32, UserError> {
    match look {
        Look::Instances { all, json } => list::instances(place, all, json, out),
        Look::Status { which } => list::status(place, &which, out),
        Look::History { which, kind, limit } => history::history(place, &which, kind.as_deref(), limit, out),
        Look::Session { command } => sessions::session(place, &command, out),
        Look::Watch { replay, settings, json } => watch::watch(place, &replay, &settings, json, out),
    }
}

fn tend(place: &Place, tend: Tend, out: &mut Out) -> Result<i32, UserError> {
    match tend {
        Tend::Init { force } => tend::init(place, force, out),
        Tend::Configs { command } => configs::configs(place, &command, out),
        Tend::Reset { yes } => tend::reset(place, yes, out),
        Tend::Clean => tend::clean(place, out),
        Tend::Doctor { json, network, .. } => doctor::doctor(place, network, json, out),
        Tend::Completions { .. } | Tend::Man => Ok(code::OK),
    }
}

/// A runtime for commands that wait.
fn runtime() -> Result<tokio::runtime::Runtime, UserError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build()
        .map_err(|error| UserError::failed(format!("the runtime cannot start: {error}"), ""))
}

/// Columns of texts as lines, each column as wide as its widest cell (at most `MAX_CELL`); the last is whole.
fn table(rows: &[Vec<String>]) -> String {
    /// Columns of the terminal that one cell may take.
    const MAX_CELL: usize = 48;
    use crate::text::{clean_line, cut, width};
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let last = row.len().saturating_sub(1);
            let cell = |(at, cell): (usize, &String)| match at == last {
                true => clean_line(cell).into_string(),
                false => cut::ellipsis(&clean_line(cell), MAX_CELL),
            };
            row.iter().enumerate().map(cell).collect()
        })
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| width::of(cell)).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, wide) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(wide.saturating_sub(width::of(cell)) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.trim_end_matches('\n').to_owned()
}

/// The first line of a task, cut so that a row stays a row.
fn first_line(task: &str) -> String {
    /// Columns of the terminal.
    const MAX_TASK: usize = 60;
    crate::text::cut::ellipsis(&crate::text::clean_line(task.lines().next().unwrap_or_default()), MAX_TASK)
}

/// How long ago a time (RFC 3339) was: `12 s`, `5 min`, `3 h`, `2 d`.
fn age(time: &str, now: jiff::Timestamp) -> String {
    let Some(stamp) = crate::protocol::Stamp::parse(time) else { return "?".to_owned() };
    let seconds = (now.as_second() - stamp.at.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A path relative to the working directory.
fn shown(place: &Place, path: &Path) -> String {
    crate::paths::shown(path, &place.working_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_aligns_by_cells_and_cleans_what_it_shows() {
        let rows = [vec!["name".into(), "state".into()], vec!["日本\u{1b}[31m".into(), "done".into()]];
        assert_eq!(table(&rows), "name  state\n日本  done");
    }

    #[test]
    fn ages_and_numbers_are_short() {
        let now: jiff::Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let ages = ["2026-11-24T11:59:48Z", "2026-11-24T11:00:01+00:00", "2026-11-20T11:00:00Z", "x"];
        assert_eq!(ages.map(|time| age(time, now)), ["12 s", "59 min", "4 d", "?"]);
    }
}
