//! `configs list | show | check`.

use super::{Place, table};
use crate::{
    cli::{ConfigsCommand, request},
    config::{self, Sources, load::check_file, shown},
    error::{UserError, code},
    headless::Out,
    text::say::count,
};

/// The commands.
pub(super) fn configs(place: &Place, command: &ConfigsCommand, out: &mut Out) -> Result<i32, UserError> {
    match command {
        ConfigsCommand::List => list(place, out),
        ConfigsCommand::Show { settings, json } => {
            let loaded =
                config::load(&request::sources(&place.working_dir, settings, serde_json::json!({})))?;
            loaded.warnings.iter().for_each(|warning| out.note(&format!("warning: {warning}")));
            let value = shown(&loaded.config);
            if *json {
                out.json(&value.to_string());
            } else {
                let text = serde_yaml::to_string(&value)
                    .map_err(|error| UserError::failed(format!("it cannot be printed: {error}"), ""))?;
                out.say(text.trim_end());
            }
            Ok(code::OK)
        }
        ConfigsCommand::Check { file: Some(file) } => {
            let warnings = check_file(file)?;
            warnings.iter().for_each(|warning| out.note(&format!("warning: {warning}")));
            out.say(&format!("'{}' is right", file.display()));
            Ok(code::OK)
        }
        ConfigsCommand::Check { file: None } => {
            let loaded = config::load(&Sources::new(&place.working_dir))?;
            loaded.warnings.iter().for_each(|warning| out.note(&format!("warning: {warning}")));
            out.say(&format!("the configuration is right ({})", count(loaded.files.len(), "file")));
            Ok(code::OK)
        }
    }
}

/// Where files are looked for, in order, and whether they are there.
fn list(place: &Place, out: &mut Out) -> Result<i32, UserError> {
    let read = config::load(&Sources::new(&place.working_dir)).map(|loaded| loaded.files).unwrap_or_default();
    let candidates = [
        ("user", place.home.config.join("config.toml")),
        ("user", place.home.config.join("config.yaml")),
        ("project", place.working_dir.join(".zwarm/config.toml")),
        ("project (legacy)", place.working_dir.join("config.toml")),
        ("variables", place.working_dir.join(".env")),
    ];
    let rows: Vec<Vec<String>> = candidates
        .iter()
        .map(|(what, path)| {
            let state = match (read.contains(path), path.exists()) {
                (true, _) => "read",
                (false, true) => "not read",
                (false, false) => "not there",
            };
            vec![(*what).to_owned(), state.to_owned(), path.display().to_string()]
        })
        .collect();
    out.say(&table(&rows));
    Ok(code::OK)
}
