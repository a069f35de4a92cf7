//! What a newcomer sees where no run was ever started: what can be done now, and what is still missing for it.

use ratatui::layout::Rect;

use crate::ui::{
    kit::{Canvas, Span, row, span, wrap},
    model::Model,
    screens::new_run,
    skin::Sign,
};

/// Cells of a label.
const LABEL: usize = 11;

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let cells = usize::from(area.width.saturating_sub(4));
    let mut lines: Vec<Vec<Span>> = Vec::new();
    let (strong, plain, key, dim) =
        (canvas.skin.strong(), canvas.skin.text(), canvas.skin.key(), canvas.skin.dim());
    lines.push(Vec::new());
    lines.push(vec![span("No run was started in this directory yet.", strong)]);
    lines.push(Vec::new());
    let ascii = canvas.skin.ascii;
    let label = |id: &str| model.fixed.keymap.label(id, ascii);
    for (keys, what) in [
        (label("instance.new"), "start a run: you say what is to be done, agents do it, you steer"),
        (label("instance.open"), "play the demo: a whole run in half a minute, no key needed"),
        (label("instance.scope"), "runs of all directories that you have used"),
        (label("help.toggle"), "all keys"),
        (label("back"), "quit"),
    ] {
        for (n, part) in wrap(what, cells.saturating_sub(6)).into_iter().enumerate() {
            let keys = if n == 0 { keys.clone() } else { String::new() };
            lines.push(vec![span(format!("  {keys:<4}"), key), span(part, plain)]);
        }
    }
    lines.push(Vec::new());
    match new_run::around(model) {
        None => lines.push(vec![span("looking for the model's key and for executors…", dim)]),
        Some(around) => {
            let model_line = around.model.as_ref().map(|text| format!("{}: {text}", around.lm));
            state(canvas, &mut lines, cells, "Model", model_line.map_err(Clone::clone));
            for (n, found) in around.executors.iter().enumerate() {
                let said = match (found.usable, found.signed_in) {
                    (false, _) => {
                        // How to sign in is told by doctor.
                        Err(format!("{} not found: {}", found.name, new_run::command(&found.install)))
                    }
                    (true, Some(false)) => Err(format!("{} found, not signed in", found.name)),
                    (true, _) => Ok(format!("{} found", found.name)),
                };
                state(canvas, &mut lines, cells, if n == 0 { "Executors" } else { "" }, said);
            }
            match &around.directory {
                Ok(text) if text == crate::agent::look::NO_GIT => {
                    let text = format!("{text}: what a run changes is not shown");
                    lines.push(vec![
                        span(format!("{:<LABEL$}", "Directory"), dim),
                        span(format!("{} ", canvas.skin.sign(Sign::Ok)), dim),
                        span(text, plain),
                    ]);
                }
                said => state(canvas, &mut lines, cells, "Directory", said.clone()),
            }
            lines.push(Vec::new());
            let advice = "A run needs a model and one executor; 'zwarm-tui doctor' looks closer.";
            lines.extend(wrap(advice, cells).into_iter().map(|part| vec![span(part, dim)]));
        }
    }
    for (n, line) in lines.iter().enumerate() {
        let Ok(n) = u16::try_from(n) else { return };
        let at = row(area, n);
        if at.height > 0 {
            canvas.spans(Rect { x: at.x + 2, width: at.width.saturating_sub(3), ..at }, line);
        }
    }
}

/// What is there (with a tick) or what is missing (with a warning), wrapped.
fn state(
    canvas: &Canvas<'_>,
    lines: &mut Vec<Vec<Span>>,
    cells: usize,
    label: &str,
    said: Result<String, String>,
) {
    let (dim, plain) = (canvas.skin.dim(), canvas.skin.text());
    let (sign, style, text) = match said {
        Ok(text) => (canvas.skin.sign(Sign::Done), canvas.skin.ok(), text),
        Err(text) => (canvas.skin.sign(Sign::Warning), canvas.skin.warn(), text),
    };
    for (n, part) in wrap(&text, cells.saturating_sub(LABEL + 2)).into_iter().enumerate() {
        let first = n == 0;
        lines.push(vec![
            span(format!("{:<LABEL$}", if first { label } else { "" }), dim),
            span(format!("{} ", if first { sign } else { " " }), style),
            span(part, plain),
        ]);
    }
}
