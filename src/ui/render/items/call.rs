//! Tool calls: one line with what is asked and what came out; opened, the arguments and the result.

use serde_json::Value;

use super::{Shown, block};
use crate::{
    protocol::{
        Body, Event, ToolCall,
        event::History,
        item::{self, ItemView},
    },
    text::{clean_line, cut},
    ui::{
        render::{Brush, Strip, gauge},
        theme::{Icon, Role},
    },
};

/// Cells of one argument in the one-line form.
const ARGUMENT: usize = 72;
/// Bytes of arguments that are parsed for the one-line form.
const ARGUMENTS_MAX: usize = 64 * 1024;
/// Rows of a command's output while folded.
pub(super) const OUTPUT_ROWS: usize = 4;

/// What a tool's result says in its fields.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Facts {
    pub exit: Option<i64>,
    pub session: Option<String>,
    pub status: Option<String>,
    pub error: Option<String>,
    /// What is left to read.
    pub body: String,
}

/// The call of a row: the event's own, or the nth of its message.
pub(super) fn of(shown: &Shown<'_>) -> Option<ToolCall> {
    let Body::History(History::ItemAdded(added)) = &shown.event.body else { return None };
    match (item::view(added.wire, added.item.get()), shown.row.part) {
        (ItemView::Call(call), _) => Some(call),
        (ItemView::Assistant { calls, .. }, part) => calls.into_iter().nth(usize::from(part).checked_sub(1)?),
        _ => None,
    }
}

/// The result in an event.
pub(super) fn output_of(event: &Event) -> Option<String> {
    let Body::History(History::ItemAdded(added)) = &event.body else { return None };
    match item::view(added.wire, added.item.get()) {
        ItemView::Output { output, .. } => Some(output),
        _ => None,
    }
}

/// Paints a call.
pub(super) fn paint(shown: &Shown<'_>, call: &ToolCall, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    let is_command = call.name == "bash";
    let icon = if shown.open || is_command { Icon::Open } else { Icon::Closed };
    let mut head = brush.mark(icon, Role::Dim);
    title(&mut head, &call.name, &call.arguments, brush);
    // Only an edited call is shown by its start.
    if matches!(shown.event.body, Body::History(History::ToolStarted(_))) {
        head.push("  (edited)", brush.style(Role::Warn));
    }
    out.push(head.with_right(&result(shown, &call.name, brush), brush.width));
    if shown.open {
        block::prose(
            &arguments(&call.arguments),
            true,
            0,
            Role::Dim,
            &brush.strip("    ", Role::Dim),
            brush,
            out,
        );
    }
}

/// `name(argument, …)`, or the command.
pub(super) fn title(strip: &mut Strip, name: &str, arguments: &str, brush: &Brush<'_>) {
    let values = one_line(arguments);
    if name == "bash" {
        strip.push("bash  ", brush.style(Role::Strong));
        strip.push(values.first().map_or("", |(_, value)| value), brush.style(Role::Text));
        return;
    }
    strip.push(clean_line(name), brush.style(Role::Strong));
    let quoted: Vec<_> = values
        .iter()
        .map(|(is_text, value)| {
            let bare = value.len() <= 12 && !value.contains(' ');
            if *is_text && !bare { format!("\"{value}\"") } else { value.clone() }
        })
        .collect();
    strip.push(format!("({})", quoted.join(", ")), brush.style(Role::Text));
}

/// The values of the arguments, each as one short line; whether it is a text.
fn one_line(arguments: &str) -> Vec<(bool, String)> {
    let short = |text: &str| cut::ellipsis(clean_line(cut::at_most(text, 1_000)).trim_end(), ARGUMENT);
    let parsed = (arguments.len() <= ARGUMENTS_MAX).then(|| serde_json::from_str(arguments).ok()).flatten();
    match parsed {
        Some(Value::Object(fields)) => {
            let values = fields.iter().take(8).filter(|(_, value)| !value.is_null());
            values
                .map(|(_, value)| match value {
                    Value::String(text) => (true, short(text)),
                    other => (false, short(&other.to_string())),
                })
                .collect()
        }
        _ if arguments.trim().is_empty() => Vec::new(),
        _ => vec![(false, short(arguments))],
    }
}

/// The arguments as `name: value` lines.
pub(super) fn arguments(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(Value::Object(fields)) => {
            let line = |(name, value): (&String, &Value)| match value {
                Value::String(text) if text.contains('\n') => format!("{name}:\n{text}"),
                Value::String(text) => format!("{name}: {text}"),
                other => format!("{name}: {other}"),
            };
            fields.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        _ => json.to_owned(),
    }
}

fn result(shown: &Shown<'_>, name: &str, brush: &Brush<'_>) -> Strip {
    let Some(outcome) = shown.outcome else { return Strip::default() };
    let is_command = name == "bash";
    let mut facts = shown.output.and_then(output_of).map(|output| facts(&output));
    // Its arguments say already which session it is.
    if let Some(facts) = facts.as_mut().filter(|_| name == "end_session") {
        facts.session = None;
    }
    // How the session stands changes; what the call was told of it does not.
    if let Some(facts) = facts.as_mut().filter(|_| matches!(name, "delegate" | "converse")) {
        facts.status = None;
    }
    let mut strip = Strip::default();
    match (&facts, outcome.duration_ms) {
        (None, None) if !outcome.started => strip.push("not started", brush.style(Role::Dim)),
        (None, None) => strip.push("running", brush.style(Role::Dim)),
        (Some(Facts { exit: Some(exit), .. }), _) if is_command => {
            let role = if *exit == 0 { Role::Good } else { Role::Bad };
            strip.push(format!("exit {exit}"), brush.style(role));
        }
        (Some(Facts { error: Some(error), .. }), _) => {
            let error = cut::ellipsis(&clean_line(error), brush.width / 3);
            strip.push(format!("{} {error}", brush.sign(Icon::Bad)), brush.style(Role::Bad));
        }
        (Some(Facts { session: Some(session), status, .. }), _) => {
            let into = brush.sign(Icon::Into);
            let status = status.as_deref().map(|status| format!(" {status}")).unwrap_or_default();
            strip.push(clean_line(&format!("{into} {session}{status}")), brush.style(Role::Accent));
        }
        _ if outcome.ok => strip.push(brush.sign(Icon::Good), brush.style(Role::Good)),
        _ => strip.push(format!("{} failed", brush.sign(Icon::Bad)), brush.style(Role::Bad)),
    }
    if let Some(ms) = outcome.duration_ms.filter(|ms| is_command || *ms >= 1_000) {
        strip.push(format!("   {}", gauge::duration(u64::from(ms))), brush.style(Role::Dim));
    }
    strip
}

/// Reads a result: ours is JSON with known fields, anything else is text.
pub(super) fn facts(output: &str) -> Facts {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(output) else {
        return Facts { body: output.to_owned(), ..Facts::default() };
    };
    let mut text = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(Value::String(_)) | None => None,
        Some(other) => {
            fields.insert(name.to_owned(), other);
            None
        }
    };
    let streams = [text("stdout"), text("stderr")].into_iter().flatten().collect::<Vec<_>>();
    let error = text("error");
    // The reference puts a whole phrase into `session`.
    let mut ids = [text("short_id"), text("session"), text("session_id")].into_iter().flatten();
    let session = ids.find(|id| !id.contains(' '));
    let session = session.map(|id| if id.len() == 36 { id.chars().take(8).collect() } else { id });
    let status = text("status").or_else(|| text("mode"));
    let response = text("response").or_else(|| text("output")).or_else(|| text("message"));
    let exit = ["returncode", "exit_code"].iter().find_map(|name| fields.remove(*name)?.as_i64());
    let rest =
        fields.iter().filter(|(name, value)| !value.is_null() && !matches!(name.as_str(), "success" | "cwd"));
    let rest: Vec<_> = rest.map(|(name, value)| format!("{name}: {value}")).collect();
    let mut body = streams;
    body.extend(response);
    body.extend(error.clone());
    if exit.is_none() {
        body.extend(rest);
    }
    Facts { exit, session, status, error, body: body.join("\n") }
}
