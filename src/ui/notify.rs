//! What the terminal itself is told beside the frames: a notification when something needs the human and its window is
//! not focused, the title, and the progress mark. Pure: sequences out, [`super::app`] writes them.

use super::model::Model;
use crate::{
    config::Notify,
    protocol::event::RunState,
    text::{CleanText, clean_line, cut::at_most},
};

/// Bytes of a notification or a title.
const TEXT: usize = 200;

/// How a terminal notifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Osc9,
    Osc777,
    Bel,
    Nothing,
}

/// What the configuration asks for; `auto`: what the terminal is known to understand, else the bell.
pub fn how(notify: Notify, variable: impl Fn(&str) -> Option<String>) -> How {
    match notify {
        Notify::Osc9 => How::Osc9,
        Notify::Osc777 => How::Osc777,
        Notify::Bel => How::Bel,
        Notify::Off => How::Nothing,
        Notify::Auto => {
            let program = variable("TERM_PROGRAM").unwrap_or_default().to_ascii_lowercase();
            let term = variable("TERM").unwrap_or_default();
            match program.as_str() {
                "iterm.app" | "ghostty" | "wezterm" => How::Osc9,
                _ if variable("KITTY_WINDOW_ID").is_some() || variable("WT_SESSION").is_some() => How::Osc9,
                _ if term.starts_with("foot") || term.starts_with("rxvt") => How::Osc777,
                _ => How::Bel,
            }
        }
    }
}

/// One line that fits into a sequence: no control characters, no separators of the sequence.
fn fitting(text: &str) -> CleanText {
    let line = clean_line(at_most(&clean_line(text), TEXT));
    clean_line(&line.replace(';', ","))
}

/// The bytes of a notification. Inside of tmux they are handed through.
pub fn notification(how: How, text: &str, tmux: bool) -> String {
    let text = fitting(text);
    let sequence = match how {
        How::Osc9 => format!("\x1b]9;{text}\x1b\\"),
        How::Osc777 => format!("\x1b]777;notify;zwarm;{text}\x1b\\"),
        How::Bel => return "\x07".to_owned(),
        How::Nothing => return String::new(),
    };
    if tmux { format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")) } else { sequence }
}

/// Whether the progress mark is understood: elsewhere it may be taken for a notification.
pub fn knows_progress(variable: impl Fn(&str) -> Option<String>) -> bool {
    let program = variable("TERM_PROGRAM").unwrap_or_default().to_ascii_lowercase();
    let version = variable("TERM_PROGRAM_VERSION").unwrap_or_default();
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match program.as_str() {
        "ghostty" | "wezterm" => true,
        "iterm.app" => version >= (3, 6),
        _ => variable("WT_SESSION").is_some() || variable("ConEmuPID").is_some(),
    }
}

/// Title and progress as they were last said, so that only changes are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    title: String,
    progress: String,
    /// Each is wanted and understood.
    wants_title: bool,
    wants_progress: bool,
}

impl Marks {
    /// Nothing was said yet.
    pub fn new(wants_title: bool, wants_progress: bool) -> Self {
        Self { wants_title, wants_progress, ..Self::default() }
    }

    /// What is to be written now; empty: nothing has changed.
    pub fn changed(&mut self, model: &Model) -> Vec<String> {
        let mut out = Vec::new();
        if self.wants_title {
            let next = format!("\x1b]2;{}\x1b\\", fitting(&title(model)));
            if next != self.title {
                out.push(next.clone());
                self.title = next;
            }
        }
        if self.wants_progress {
            let next = progress(model);
            if next != self.progress && !(self.progress.is_empty() && next.ends_with(";0\x1b\\")) {
                out.push(next.clone());
                self.progress = next;
            }
        }
        out
    }

    /// The terminal was given away: everything is said anew.
    pub fn forget(&mut self) {
        self.title.clear();
        self.progress.clear();
    }
}

/// The run that title and progress are about: the one that is shown, else the first that is live.
fn of(model: &Model) -> Option<&super::model::RunModel> {
    model.present().or_else(|| model.live().next())
}

fn title(model: &Model) -> String {
    let Some(run) = of(model) else { return "zwarm".to_owned() };
    let (sign, ..) = super::panes::header::state(&run.folds.run, &model.term.skin);
    let progress = &run.folds.run.progress;
    let waits = if run.folds.inbox.open.is_empty() { "" } else { " needs you" };
    format!("zwarm: {} {sign} {}/{}{waits}", run.name, progress.step, progress.last_step)
}

fn progress(model: &Model) -> String {
    let state = match of(model) {
        None => "0".to_owned(),
        Some(run) => {
            let at = &run.folds.run.progress;
            let percent =
                (u64::from(at.step) * 100).checked_div(u64::from(at.last_step)).unwrap_or(0).min(100);
            let failed =
                run.folds.run.end.as_ref().is_some_and(|end| end.exit_code == crate::error::code::ERROR);
            match run.state() {
                RunState::Ended if failed => format!("2;{percent}"),
                RunState::Ended => "0".to_owned(),
                RunState::Paused | RunState::Pausing | RunState::Sleeping => format!("4;{percent}"),
                RunState::Running | RunState::Stopping => format!("1;{percent}"),
            }
        }
    };
    format!("\x1b]9;4;{state}\x1b\\")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture::Fixture;

    fn with<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_way_is_the_terminals_unless_one_is_asked_for() {
        assert_eq!(how(Notify::Auto, with(&[("TERM_PROGRAM", "ghostty")])), How::Osc9);
        assert_eq!(how(Notify::Auto, with(&[("TERM", "foot-extra")])), How::Osc777);
        assert_eq!(how(Notify::Auto, with(&[("TERM", "xterm")])), How::Bel);
        assert_eq!(how(Notify::Off, with(&[("TERM_PROGRAM", "ghostty")])), How::Nothing);
    }

    #[test]
    fn a_hostile_text_stays_inside_its_sequence() {
        let text = "done\x1b]52;c;aGk=\x07;evil\x1b\\\n\u{9c}x";
        let told = notification(How::Osc9, text, false);
        assert_eq!(told.matches('\x1b').count(), 2, "{told:?}");
        assert!(told.starts_with("\x1b]9;done") && told.ends_with("\x1b\\") && !told.contains('\x07'));
        assert!(!told["\x1b]9;".len()..].contains(';'));
        let handed = notification(How::Osc9, "x", true);
        assert_eq!(handed, "\x1bPtmux;\x1b\x1b]9;x\x1b\x1b\\\x1b\\");
        assert_eq!([notification(How::Bel, "x", true), notification(How::Nothing, "x", false)], ["\x07", ""]);
    }

    #[test]
    fn title_and_progress_are_written_when_they_change_and_only_where_they_are_wanted() {
        let f = Fixture::busy(80, 24);
        assert_eq!(Marks::default().changed(&f.model), Vec::<String>::new());
        let mut marks = Marks::new(true, true);
        let first = marks.changed(&f.model);
        assert!(first[0].starts_with("\x1b]2;zwarm: lexer-rewrite ● 2/"), "{first:?}");
        assert!(first[1].starts_with("\x1b]9;4;1;"), "{first:?}");
        assert_eq!(marks.changed(&f.model), Vec::<String>::new());
        marks.forget();
        assert_eq!(marks.changed(&f.model), first);
    }

    #[test]
    fn the_progress_mark_is_only_sent_to_terminals_that_know_it() {
        assert!(knows_progress(with(&[("WT_SESSION", "x")])));
        assert!(knows_progress(with(&[("TERM_PROGRAM", "iTerm.app"), ("TERM_PROGRAM_VERSION", "3.6.1")])));
        assert!(!knows_progress(with(&[("TERM_PROGRAM", "iTerm.app"), ("TERM_PROGRAM_VERSION", "3.5.14")])));
        assert!(!knows_progress(with(&[("TERM", "xterm")])));
    }
}
