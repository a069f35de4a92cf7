//! The model with which the screen begins: theme by the terminal's background and depth, signs by the locale.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    Start,
    keymap::Keymap,
    model::{Fixed, Model, Pressed, Screen as Shown, Term, Toasts},
    render::Highlighter,
    screens,
    skin::Skin,
    theme::{Background, Depth, Themes},
};
use crate::{
    agent::launch::{Human, Launch, What},
    config::Icons,
    error::UserError,
    protocol::event::RunKind,
};

/// The model at the start.
pub(super) fn model(
    start: &Start,
    keymap: Keymap,
    themes: Themes,
    background: Option<(u8, u8, u8)>,
    size: (u16, u16),
    wake: &Arc<Notify>,
) -> Result<Model, UserError> {
    let ui = &start.config.ui;
    let variable = |name: &str| std::env::var(name).ok();
    let kept = super::kept::Kept::load(&start.home.state);
    let kept = kept.theme(ui.theme.as_deref()).filter(|name| themes.get(name).is_ok());
    let wished = start.theme.as_deref().or(kept).or(ui.theme.as_deref());
    let name = wished.unwrap_or("ansi");
    let light = background.is_some_and(|(r, g, b)| u32::from(r) + u32::from(g) + u32::from(b) > 382);
    let wanted = if light { Background::Light } else { Background::Dark };
    // What was asked for is what is shown: only where nothing was, the background decides.
    let fits = background.filter(|_| wished.is_none()).and_then(|_| themes.counterpart(name, wanted));
    let name = fits.unwrap_or(name);
    let theme = themes.get(name)?.at(Depth::detect(variable));
    let utf8 =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name).filter(|v| !v.is_empty()));
    let utf8 = utf8.is_some_and(|v| v.to_ascii_lowercase().replace('-', "").contains("utf8"));
    let ascii = match ui.icons {
        Icons::Auto => !utf8,
        Icons::Unicode => false,
        Icons::Ascii => true,
    };
    let pattern = Launch {
        config: start.config.clone(),
        working_dir: start.working_dir.clone(),
        what: What::New { task: String::new(), name: None },
        kind: RunKind::Run,
        demo: false,
        human: Human::Present,
        secrets: start.secrets.clone(),
        variables: start.variables.clone(),
    };
    let bell = wake.clone();
    Ok(Model {
        fixed: Fixed {
            config: Arc::new(start.config.clone()),
            working_dir: start.working_dir.clone(),
            home: start.home.clone(),
            keymap,
            user_home: variable("HOME").unwrap_or_default(),
            pattern: Some(Box::new(pattern)),
        },
        term: Term {
            size,
            mouse: ui.mouse,
            focused: true,
            skin: Skin { theme, ascii },
            code: Highlighter::new(move || bell.notify_one()),
            themes: Arc::new(themes),
            animations: ui.animations.unwrap_or_else(|| variable("SSH_CONNECTION").is_none()),
            kitty: false,
            hits: Vec::new(),
            wake: wake.clone(),
        },
        screen: Shown::Home,
        runs: Vec::new(),
        shown: None,
        replay: None,
        home: if start.resume_picker {
            screens::home::Home::picker()
        } else {
            screens::home::Home::default()
        },
        new_run: screens::new_run::NewRun::default(),
        overlays: Vec::new(),
        toasts: Toasts::default(),
        pressed: Pressed::default(),
        leaving: None,
    })
}
