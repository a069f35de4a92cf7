//! The whole transcript as Markdown, for a file that a person reads or sends on: headings for steps and turns, what was
//! said as it was written, calls and their output in fences.

use std::io::{self, Write};

use super::export::Exporter;
use crate::{
    fold::view::{Kind, Row},
    protocol::{Event, event::Session},
    text::{clean_line, clean_whole},
    ui::render::items,
};

/// Characters of one output at each end; the journal has the whole.
const OUTPUT: usize = 8_000;

impl Exporter {
    /// Writes it, with headings of this level for steps and turns.
    pub fn markdown(mut self, level: usize, out: &mut dyn Write) -> io::Result<()> {
        for row in std::mem::take(&mut self.rows) {
            let text = match self.journal.get(row.pos()) {
                Ok(event) => part(&event, &row, level),
                Err(why) => format!("*unreadable: {why}*"),
            };
            let text = clean_whole(text.trim());
            if !text.is_empty() {
                writeln!(out, "{text}\n")?;
            }
        }
        out.flush()
    }
}

/// One row.
fn part(event: &Event, row: &Row, level: usize) -> String {
    let text = items::text(event, row.part);
    let text = text.trim();
    let heading = "#".repeat(level);
    let at = event.timestamp.clock();
    if text.is_empty() && !matches!(row.kind, Kind::Turn) {
        return String::new();
    }
    match row.kind {
        Kind::Step => format!("{heading} {} ({at})", capital(text)),
        Kind::Turn => format!("{heading} Turn ({at})\n\n{}", quoted(text)),
        Kind::Message => text.to_owned(),
        Kind::Reasoning => quoted(&format!("*{}*", clean_line(text).trim())),
        Kind::User => quoted(text),
        Kind::System => {
            format!("<details><summary>Instructions</summary>\n\n{}\n\n</details>", fenced(text, "text"))
        }
        Kind::Call | Kind::Shell => called(text),
        Kind::Edit => {
            let (paths, diff) = text
                .split_once("\ndiff ")
                .map_or((text, ""), |(paths, _)| (paths, text.get(paths.len() + 1..).unwrap_or_default()));
            let (paths, diff) = match diff.is_empty() {
                true => text.split_once('\n').unwrap_or((paths, "")),
                false => (paths, diff),
            };
            let diff =
                if diff.trim().is_empty() { String::new() } else { format!("\n\n{}", fenced(diff, "diff")) };
            format!("**changed** `{}`{diff}", paths.replace('\n', "`, `"))
        }
        Kind::Output | Kind::Answer => fenced(text, "text"),
        Kind::Plan => text.to_owned(),
        Kind::Nudge => quoted(&format!("**nudge** {text}")),
        Kind::Guard => quoted(&format!("**watcher** {text}")),
        Kind::Problem => quoted(&format!("**problem** {text}")),
        Kind::Inbox => quoted(&format!("**inbox** {text}")),
        Kind::Run | Kind::Compaction | Kind::TurnEnd | Kind::Other => {
            format!("*{at} {}*", clean_line(&text.replace('\n', " · ")).trim().trim_end_matches(" ·"))
        }
    }
}

/// A call: its name, and what it was given; a command as it would be typed.
fn called(text: &str) -> String {
    let (name, rest) = text.split_once('\n').unwrap_or((text, ""));
    if name.starts_with("$ ") {
        return fenced(text, "console");
    }
    let rest = rest.trim();
    let given = if rest.is_empty() { String::new() } else { format!("\n\n{}", fenced(rest, "yaml")) };
    format!("**{name}**{given}")
}

/// A block that nothing inside of it closes.
fn fenced(text: &str, language: &str) -> String {
    let (text, _) = crate::text::cut_middle(text, OUTPUT, OUTPUT);
    let longest = text.lines().map(|line| line.trim_start().chars().take_while(|c| *c == '`').count()).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end())
}

fn quoted(text: &str) -> String {
    text.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The heading of a session's part: its short id, its executor, its task.
pub fn session_heading(short_id: &str, event: &Session) -> Option<String> {
    let Session::SessionStarted(started) = event else { return None };
    let task = clean_line(started.task.lines().next().unwrap_or_default());
    Some(format!("{short_id} {}: {}", started.adapter, crate::text::cut::at_most(&task, 120)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_what_is_inside() {
        assert_eq!(fenced("a\n```sh\nb\n```", "text"), "````text\na\n```sh\nb\n```\n````");
        assert_eq!(called("bash\ncommand: ls"), "**bash**\n\n```yaml\ncommand: ls\n```");
        assert_eq!(called("$ ls\nsrc"), "```console\n$ ls\nsrc\n```");
    }
}
