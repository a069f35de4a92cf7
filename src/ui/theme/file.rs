//! Theme files: the built-in ones, the user's folder, `inherits`, and errors that name file and line.

use std::{collections::BTreeMap, path::Path};

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::{Background, ROLES, Theme, colour};
use crate::error::UserError;

/// Bytes of one theme file.
const FILE_MAX: u64 = 64 * 1024;
/// Theme files that are read from the user's folder.
const FILES_MAX: usize = 200;
/// Steps of `inherits`.
const DEPTH_MAX: usize = 8;

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/themes/", $name, ".yaml")))),+];
    };
}

built_in!(
    "ansi",
    "dark",
    "light",
    "ocean-dark",
    "ocean-light",
    "forest-dark",
    "forest-light",
    "ember-dark",
    "paper-light",
    "dusk-dark",
    "dawn-light",
    "high-contrast-dark",
    "high-contrast-light",
    "colour-blind-dark",
    "colour-blind-light",
);

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    about: String,
    inherits: Option<String>,
    background: Option<Background>,
    #[serde(default)]
    palette: BTreeMap<String, String>,
    #[serde(default)]
    roles: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Source {
    /// As shown in errors.
    path: String,
    text: String,
    file: File,
}

/// All themes that can be chosen, by name.
#[derive(Clone, Debug, Default)]
pub struct Themes {
    sources: BTreeMap<String, Source>,
    order: Vec<String>,
}

impl Themes {
    /// Those in the program.
    pub fn built_in() -> Self {
        let mut themes = Self::default();
        for (name, text) in BUILT_IN {
            // The built-in files are parsed by a test; one that did not parse would only be missing.
            let _ = themes.add(name, &format!("themes/{name}.yaml"), text);
        }
        themes
    }

    /// Those in the program and in a folder of the user's (which may replace built-in ones). A bad file is reported
    /// and left out.
    pub fn load(user_dir: &Path) -> (Self, Vec<UserError>) {
        let mut themes = Self::built_in();
        let mut errors = Vec::new();
        let Ok(entries) = std::fs::read_dir(user_dir) else { return (themes, errors) };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths.iter().take(FILES_MAX) {
            let is_yaml = path.extension().is_some_and(|ext| ext == "yaml" || ext == "yml");
            let Some(name) = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_yaml) else {
                continue;
            };
            let shown = path.display().to_string();
            let added = read(path).and_then(|text| themes.add(name, &shown, &text));
            if let Err(error) = added.and_then(|()| themes.get(name).map(|_| ())) {
                errors.push(error);
                themes.forget(name);
            }
        }
        (themes, errors)
    }

    /// The names, built-in ones first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(String::as_str)
    }

    /// A theme in full colour; see [`Theme::at`].
    pub fn get(&self, name: &str) -> Result<Theme, UserError> {
        let chain = self.chain(name)?;
        let mut palette = BTreeMap::new();
        for source in chain.iter().rev() {
            for (key, value) in &source.file.palette {
                let colour = colour::parse(value).ok_or_else(|| {
                    source.wrong(
                        key,
                        &format!("'{value}' is not a colour"),
                        "use '#rrggbb', 'red', 'bright-red', '256:N' or 'default'",
                    )
                })?;
                palette.insert(key.as_str(), colour);
            }
        }
        let mut styles: Vec<Option<Style>> = vec![None; ROLES.len()];
        for source in chain.iter().rev() {
            for (key, value) in &source.file.roles {
                let at = ROLES.iter().position(|row| row.name == key).ok_or_else(|| {
                    source.wrong(key, &format!("there is no role '{key}'"), &nearest_role(key))
                })?;
                let style = parse_style(value, &palette);
                styles[at] = Some(style.map_err(|word| {
                    source.wrong(
                        key,
                        &format!("'{word}' is neither a colour nor an attribute"),
                        "a role is 'COLOUR on COLOUR bold dim italic underline reverse strike'",
                    )
                })?);
            }
        }
        let top = chain.first().map(|source| &source.file);
        let background = chain.iter().find_map(|source| source.file.background).unwrap_or_default();
        let about = top.map(|file| file.about.clone()).unwrap_or_default();
        Ok(Theme::new(name, &about, background, with_fallbacks(&styles)))
    }

    /// The theme of the same family for the other background (`x-dark` and `x-light`, `dark` and `light`).
    pub fn counterpart(&self, name: &str, background: Background) -> Option<&str> {
        let family = name.trim_end_matches("dark").trim_end_matches("light");
        let wanted = match background {
            Background::Dark => format!("{family}dark"),
            Background::Light => format!("{family}light"),
            Background::Any => name.to_owned(),
        };
        self.order.iter().find(|known| **known == wanted).map(String::as_str)
    }

    fn add(&mut self, name: &str, path: &str, text: &str) -> Result<(), UserError> {
        let file = serde_yaml::from_str(text).map_err(|error| {
            let line = error.location().map_or(1, |place| place.line());
            UserError::usage(
                format!("'{path}' line {line}: {error}"),
                "see the themes in the program's themes folder",
            )
        })?;
        if !self.sources.contains_key(name) {
            self.order.push(name.to_owned());
        }
        self.sources.insert(name.to_owned(), Source { path: path.to_owned(), text: text.to_owned(), file });
        Ok(())
    }

    fn forget(&mut self, name: &str) {
        self.sources.remove(name);
        self.order.retain(|known| known != name);
        if let Some((name, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            let _ = self.add(name, &format!("themes/{name}.yaml"), text);
        }
    }

    /// The theme and what it inherits from, nearest first.
    fn chain(&self, name: &str) -> Result<Vec<&Source>, UserError> {
        let mut chain: Vec<&Source> = Vec::new();
        let mut next = Some(name.to_owned());
        while let Some(name) = next {
            let Some(source) = self.sources.get(&name) else {
                let hint = format!("known themes: {}", self.order.join(", "));
                return Err(match chain.last() {
                    Some(child) => child.wrong("inherits", &format!("there is no theme '{name}'"), &hint),
                    None => UserError::usage(format!("there is no theme '{name}'"), hint),
                });
            };
            // A user's theme may refine the built-in one of the same name.
            if chain.len() >= DEPTH_MAX {
                return Err(source.wrong(
                    "inherits",
                    "themes inherit in a circle",
                    "let one of them inherit from 'dark'",
                ));
            }
            chain.push(source);
            next = source.file.inherits.clone();
        }
        Ok(chain)
    }
}

impl Source {
    fn wrong(&self, key: &str, what: &str, hint: &str) -> UserError {
        let of_key = |line: &str| line.trim_start().trim_start_matches(['"', '\'']).starts_with(key);
        let line = self.text.lines().position(of_key).map_or(1, |at| at + 1);
        UserError::usage(format!("'{}' line {line}: {what}", self.path), hint)
    }
}

fn read(path: &Path) -> Result<String, UserError> {
    let wrong = |what: String| UserError::usage(format!("'{}': {what}", path.display()), "");
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > FILE_MAX {
        return Err(wrong(format!("{size} bytes are more than a theme may have ({FILE_MAX})")));
    }
    std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))
}

fn nearest_role(key: &str) -> String {
    let alike = |name: &str| name.chars().zip(key.chars()).take_while(|(a, b)| a == b).count();
    let best = ROLES.iter().rev().max_by_key(|row| alike(row.name)).map_or("text", |row| row.name);
    format!("the nearest is '{best}'")
}

/// `Err`: the word that means nothing.
fn parse_style<'a>(text: &'a str, palette: &BTreeMap<&str, Color>) -> Result<Style, &'a str> {
    let mut style = Style::default();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let colour = |word: &str| palette.get(word).copied().or_else(|| colour::parse(word));
        let modifier = match word {
            "bold" => Modifier::BOLD,
            "dim" if !palette.contains_key("dim") || style.fg.is_some() => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underline" => Modifier::UNDERLINED,
            "reverse" => Modifier::REVERSED,
            "strike" => Modifier::CROSSED_OUT,
            "on" => {
                let name = words.next().ok_or(word)?;
                style = style.bg(colour(name).ok_or(name)?);
                continue;
            }
            _ => {
                style = style.fg(colour(word).ok_or(word)?);
                continue;
            }
        };
        style = style.add_modifier(modifier);
    }
    Ok(style)
}

fn with_fallbacks(styles: &[Option<Style>]) -> Vec<Style> {
    let resolve = |mut at: usize| {
        for _ in 0..ROLES.len() {
            if let Some(style) = styles[at] {
                return style;
            }
            at = ROLES[at].or.index();
        }
        Style::default()
    };
    (0..ROLES.len()).map(resolve).collect()
}
