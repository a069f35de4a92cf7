//! `doctor`: what of this machine a run would use, and what is wrong with it. Starts no executor but for its version;
//! no network but with `--network`.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    path::Path,
};

use serde_json::json;

use super::{Place, doctor_executors::executors, runtime, table};
use crate::{
    agent::look,
    config::{self, Config, Sources},
    error::{UserError, code},
    headless::Out,
    process, store,
    text::say::count,
};

/// One thing that was looked at.
pub(super) struct Finding {
    what: String,
    pub(super) state: State,
    text: String,
    hint: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Good,
    /// Something will not be there; the rest works.
    Missing,
    /// Nothing will work before this is mended.
    Bad,
}

pub(super) fn finding(what: &str, state: State, text: impl Into<String>, hint: &str) -> Finding {
    Finding { what: what.to_owned(), state, text: text.into(), hint: hint.to_owned() }
}

/// `doctor`.
pub(super) fn doctor(place: &Place, network: bool, json: bool, out: &mut Out) -> Result<i32, UserError> {
    let mut findings = Vec::new();
    let config = configuration(place, &mut findings);
    let variables =
        config::load(&Sources::new(&place.working_dir)).map(|loaded| loaded.variables).unwrap_or_default();
    findings.extend(runtime()?.block_on(executors(&config, &variables)));
    programs(&mut findings);
    keys(place, &mut findings);
    folders(place, &config, &mut findings);
    terminal(&mut findings);
    if network {
        findings.extend(runtime()?.block_on(servers(&config, &variables)));
    }
    if json {
        for found in &findings {
            let state = word(found.state);
            let object = json!({"what": found.what, "state": state, "text": found.text, "hint": found.hint});
            out.json(&object.to_string());
        }
    } else {
        let rows: Vec<Vec<String>> = findings
            .iter()
            .map(|found| vec![word(found.state).to_owned(), found.what.clone(), found.text.clone()])
            .collect();
        out.say(&table(&rows));
        for found in findings.iter().filter(|found| !found.hint.is_empty()) {
            out.note(&format!("hint: {}: {}", found.what, found.hint));
        }
    }
    let bad = findings.iter().any(|found| found.state == State::Bad);
    Ok(if bad { code::ERROR } else { code::OK })
}

fn word(state: State) -> &'static str {
    match state {
        State::Good => "ok",
        State::Missing => "missing",
        State::Bad => "wrong",
    }
}

fn configuration(place: &Place, findings: &mut Vec<Finding>) -> Config {
    match config::load(&Sources::new(&place.working_dir)) {
        Ok(loaded) => {
            let text = count(loaded.files.len(), "file");
            let hint = loaded.warnings.first().map_or("", String::as_str);
            findings.push(finding("configuration", State::Good, text, hint));
            loaded.config
        }
        Err(error) => {
            findings.push(finding("configuration", State::Bad, error.message, &error.hint));
            Config::default()
        }
    }
}

fn programs(findings: &mut Vec<Finding>) {
    for (name, needed) in [("bash", State::Bad), ("git", State::Missing)] {
        match process::find_program(name, None) {
            Some(path) => findings.push(finding(name, State::Good, path.display().to_string(), "")),
            None => findings.push(finding(
                name,
                needed,
                "not installed",
                "install it with your system's packages",
            )),
        }
    }
}

fn keys(place: &Place, findings: &mut Vec<Finding>) {
    let Ok(loaded) = config::load(&Sources::new(&place.working_dir)) else { return };
    let has = |name: &str| loaded.variables.get(name).is_some_and(|value| !value.is_empty());
    let lm = &loaded.config.orchestrator.lm;
    let provider = lm.split_once('/').map_or("openai", |(provider, _)| provider);
    let variable = match (provider, loaded.config.providers.get(provider)) {
        _ if lm.starts_with("scripted") => None,
        (_, Some(provider)) => provider.api_key_env.clone(),
        ("anthropic", None) => Some("ANTHROPIC_API_KEY".to_owned()),
        (_, None) => Some("OPENAI_API_KEY".to_owned()),
    };
    match variable {
        None => findings.push(finding("model", State::Good, format!("{lm} needs no key"), "")),
        Some(name) if has(&name) => {
            let price = look::price(lm).map(|price| format!(": {price}")).unwrap_or_default();
            findings.push(finding("model", State::Good, format!("{lm}{price}, key in {name}"), ""))
        }
        Some(name) => {
            let hint = format!("set {name} in the environment or in .env; the demo needs none");
            findings.push(finding(
                "model",
                State::Missing,
                format!("{lm}: the variable {name} is not set"),
                &hint,
            ));
        }
    }
}

/// Whether the model servers of the configuration answer; they are asked at once. Any answer is good: no key is sent.
async fn servers(config: &Config, variables: &BTreeMap<String, String>) -> Vec<Finding> {
    let finding_of = |server: look::Server| {
        let (what, url) = (format!("network {}", server.provider), server.url);
        match server.answer {
            Ok(status) => {
                finding(&what, State::Good, format!("{url} answers ({status}, asked without a key)"), "")
            }
            Err(why) => {
                let hint = "look at the address, the network and HTTPS_PROXY";
                finding(&what, State::Missing, format!("{url} does not answer: {why}"), hint)
            }
        }
    };
    let findings: Vec<_> = look::servers(config, variables).await.into_iter().map(finding_of).collect();
    if findings.is_empty() {
        return vec![finding("network", State::Good, "no model server is configured", "")];
    }
    findings
}

fn folders(place: &Place, config: &Config, findings: &mut Vec<Finding>) {
    let state = place.working_dir.join(&config.state_dir);
    let instances = count(store::list(&state).len(), "instance");
    let writable = |path: &Path| {
        let existing = path.ancestors().find(|path| path.exists()).unwrap_or(path);
        rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).is_ok()
    };
    for (what, path, text) in [
        ("state folder", state.as_path(), format!("{instances} in {}", state.display())),
        ("user state", place.home.state.as_path(), place.home.state.display().to_string()),
        ("user configuration", place.home.config.as_path(), place.home.config.display().to_string()),
    ] {
        if writable(path) {
            findings.push(finding(what, State::Good, text, ""));
        } else {
            let bad = if what == "state folder" { State::Bad } else { State::Missing };
            let text = format!("'{}' cannot be written", path.display());
            findings.push(finding(what, bad, text, "make it writable, or set ZWARM_HOME"));
        }
    }
}

fn terminal(findings: &mut Vec<Finding>) {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let (term, colour) = (variable("TERM"), variable("COLORTERM"));
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable).into_iter().find(|value| !value.is_empty());
    let utf8 = locale.as_deref().is_some_and(|value| value.to_uppercase().replace('-', "").contains("UTF8"));
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).map(|size| (size.ws_col, size.ws_row));
    let mut text = format!("TERM={term}");
    if let Ok((columns, rows)) = size {
        text.push_str(&format!(", {columns}x{rows}"));
    }
    text.push_str(match colour.as_str() {
        "truecolor" | "24bit" => ", true colour",
        _ => "",
    });
    text.push_str(if utf8 { ", UTF-8" } else { ", no UTF-8 locale" });
    for (name, word) in [("TMUX", "tmux"), ("SSH_CONNECTION", "ssh"), ("NO_COLOR", "NO_COLOR")] {
        if !variable(name).is_empty() {
            text.push_str(&format!(", {word}"));
        }
    }
    let usable = std::io::stdout().is_terminal() && term != "dumb";
    let hint = if usable { "" } else { "the screen needs a terminal; without one write zwarm-tui run" };
    findings.push(finding("terminal", if usable { State::Good } else { State::Missing }, text, hint));
}

/// `doctor --fix-terminal`: after a crash that left the terminal in the screen's modes.
pub(super) fn fix_terminal(out: &mut Out) -> Result<i32, UserError> {
    /// The end of a sequence that was cut in the middle; synchronized output, mouse, focus, bracketed paste and kitty
    /// keys off; main screen; cursor; plain colours.
    const MODES: &[u8] =
        b"\x1b\\\x1b[?2026l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\
        \x1b[?2004l\x1b[<u\x1b[>4;0m\x1b[?1049l\x1b[?25h\x1b[0m\x1b[?7h\x1b]9;4;0\x07";
    let tty = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(|error| {
        UserError::failed(
            format!("there is no terminal to mend: {error}"),
            "run it in the terminal that is broken",
        )
    })?;
    (&tty)
        .write_all(MODES)
        .map_err(|error| UserError::failed(format!("the terminal cannot be written: {error}"), ""))?;
    cooked(&tty).map_err(|error| {
        UserError::failed(format!("the terminal's line modes cannot be set: {error}"), "type: stty sane")
    })?;
    out.say("the terminal has its normal modes again");
    Ok(code::OK)
}

/// Line modes as a shell expects them.
fn cooked(tty: &std::fs::File) -> rustix::io::Result<()> {
    use rustix::termios::{ControlModes, InputModes, LocalModes, OptionalActions, OutputModes};
    let mut modes = rustix::termios::tcgetattr(tty)?;
    modes.input_modes |= InputModes::ICRNL | InputModes::IXON | InputModes::BRKINT;
    modes.input_modes -= InputModes::INLCR | InputModes::IGNCR | InputModes::IGNBRK | InputModes::PARMRK;
    modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    modes.local_modes |= LocalModes::ICANON
        | LocalModes::ECHO
        | LocalModes::ECHOE
        | LocalModes::ECHOK
        | LocalModes::ISIG
        | LocalModes::IEXTEN;
    modes.local_modes -= LocalModes::ECHONL | LocalModes::NOFLSH;
    modes.control_modes |= ControlModes::CREAD;
    rustix::termios::tcsetattr(tty, OptionalActions::Now, &modes)
}
