//! Prices and context windows by model. An unknown price is unknown, never 0.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::{error::UserError, protocol::Usage};

/// The table that is built in.
const BUILT_IN: &str = include_str!("../../assets/prices.yaml");
/// Bytes that a user's table may have.
const MAX_FILE: u64 = 1024 * 1024;

/// All known prices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices {
    rows: BTreeMap<String, Price>,
}

/// Dollars for a million tokens.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: f64,
    /// `None`: as `input`.
    pub cached_input: Option<f64>,
    /// `None`: as `input`.
    pub cache_write: Option<f64>,
    pub output: f64,
    /// Tokens that a request and its answer may have.
    pub context: Option<u64>,
    /// Prices of a request whose input is longer than a limit.
    pub long: Option<Long>,
}

/// Prices of long requests.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Long {
    /// Input tokens.
    pub above: u64,
    pub input: f64,
    pub cached_input: f64,
    pub output: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    models: BTreeMap<String, Price>,
}

impl Prices {
    /// The built-in table, over it the user's file where there is one.
    pub fn load(user_file: Option<&Path>) -> Result<Self, UserError> {
        let mut rows = read(BUILT_IN, "assets/prices.yaml")?;
        if let Some(file) = user_file {
            let shown = file.display().to_string();
            let unreadable = |error: &dyn std::fmt::Display| {
                UserError::usage(
                    format!("the prices in '{shown}' cannot be read: {error}"),
                    "correct the path",
                )
            };
            let length = std::fs::metadata(file).map_err(|error| unreadable(&error))?.len();
            if length > MAX_FILE {
                return Err(unreadable(&format!("the file is longer than {MAX_FILE} bytes")));
            }
            let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
            rows.extend(read(&text, &shown)?);
        }
        Ok(Self { rows })
    }

    /// Dollars. `None`: the price is unknown.
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<f64> {
        let price = self.find(model)?;
        let cached = usage.cached_input.min(usage.input);
        let write = usage.cache_write.min(usage.input - cached);
        let fresh = usage.input - cached - write;
        let (input, cached_input, output) = match &price.long {
            Some(long) if usage.input > long.above => (long.input, long.cached_input, long.output),
            _ => (price.input, price.cached_input.unwrap_or(price.input), price.output),
        };
        let cache_write = price.cache_write.unwrap_or(input);
        let part = |tokens: u64, price: f64| tokens as f64 * price / 1e6;
        Some(
            part(fresh, input)
                + part(cached, cached_input)
                + part(write, cache_write)
                + part(usage.output, output),
        )
    }

    /// Tokens that a request and its answer may have. `None`: unknown.
    pub fn context_window(&self, model: &str) -> Option<u64> {
        self.find(model)?.context
    }

    /// Price and window in a few words. `None`: unknown.
    pub fn shown(&self, model: &str) -> Option<String> {
        let price = self.find(model)?;
        let mut text = format!("${} in, ${} out for a million tokens", price.input, price.output);
        if let Some(context) = price.context {
            text.push_str(&format!(", window of {}", grouped(context)));
        }
        Some(text)
    }

    /// By name; a provider in front, a date or a variant (`[medium]`) behind do not count.
    fn find(&self, model: &str) -> Option<&Price> {
        let model = model.split_once('[').map_or(model, |(name, _)| name);
        let bare = model.rsplit_once('/').map_or(model, |(_, name)| name);
        [model, bare, undated(bare)].into_iter().find_map(|name| self.rows.get(name))
    }
}

/// `1,050,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let comma = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    digits.char_indices().flat_map(|(at, c)| comma(at).then_some(',').into_iter().chain([c])).collect()
}

/// `gpt-5-2025-08-07`, `claude-opus-4-1-20250805`, `…-latest` without the end.
fn undated(name: &str) -> &str {
    let name = name.strip_suffix("-latest").unwrap_or(name);
    let mut at = name.len();
    let mut digits = 0;
    for (index, character) in name.char_indices().rev() {
        match character {
            '0'..='9' => digits += 1,
            '-' if digits == 8 => {
                at = index;
                break;
            }
            '-' if digits == 2 || digits == 4 => {}
            _ => break,
        }
    }
    name.get(..at).unwrap_or(name)
}

fn read(text: &str, shown: &str) -> Result<BTreeMap<String, Price>, UserError> {
    let wrong = |what: String| {
        UserError::usage(
            format!("the prices in '{shown}' are not a table of prices: {what}"),
            "models: {NAME: {input: DOLLARS, output: DOLLARS}}, for a million tokens",
        )
    };
    let table: Table = serde_yaml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let sane = |number: f64| number.is_finite() && (0.0..=1e6).contains(&number);
    for (name, price) in &table.models {
        let long = price.long.iter().flat_map(|long| [long.input, long.cached_input, long.output]);
        let mut numbers = [Some(price.input), Some(price.output), price.cached_input, price.cache_write]
            .into_iter()
            .flatten()
            .chain(long);
        if !numbers.all(sane) {
            return Err(wrong(format!("a price of '{name}' is not a price")));
        }
    }
    Ok(table.models)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_token_has_its_price() {
        let prices = Prices::load(None).unwrap();
        let usage = Usage { input: 1_000_000, cached_input: 400_000, output: 100_000, ..Usage::default() };
        // 600,000 fresh at 1.25, 400,000 cached at 0.125, 100,000 out at 10.
        assert_eq!(prices.cost("gpt-5", &usage), Some(0.75 + 0.05 + 1.0));
        assert_eq!(prices.cost("openai/gpt-5-2025-08-07", &usage), prices.cost("gpt-5", &usage));
        let wrote = Usage { input: 1_000_000, cache_write: 1_000_000, ..Usage::default() };
        assert_eq!(prices.cost("claude-sonnet-4-5-20250929", &wrote), Some(3.75));
        assert_eq!(prices.cost("gpt-5.5", &Usage { input: 200_000, ..Usage::default() }), Some(1.0));
        assert_eq!(prices.cost("gpt-5.5", &Usage { input: 300_000, ..Usage::default() }), Some(3.0));
    }

    #[test]
    fn an_unknown_model_has_no_price_and_no_window() {
        let prices = Prices::load(None).unwrap();
        for model in ["", "gpt-5-99", "gpt-55", "llama", "scripted:demo"] {
            assert_eq!(prices.cost(model, &Usage::default()), None, "{model}");
            assert_eq!(prices.context_window(model), None, "{model}");
        }
        assert_eq!(prices.context_window("gpt-5"), Some(400_000));
        let shown = "$5 in, $30 out for a million tokens, window of 1,050,000";
        assert_eq!((prices.shown("gpt-5.5").as_deref(), prices.shown("llama")), (Some(shown), None));
    }

    #[test]
    fn a_file_adds_and_replaces_and_a_wrong_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("prices.yaml");
        std::fs::write(
            &file,
            "models: {gpt-5: {input: 1, output: 2}, mine: {input: 3, output: 4, context: 5}}",
        )
        .unwrap();
        let prices = Prices::load(Some(&file)).unwrap();
        assert_eq!(prices.cost("gpt-5", &Usage { input: 1_000_000, ..Usage::default() }), Some(1.0));
        assert_eq!(prices.context_window("mine"), Some(5));
        assert!(prices.cost("gpt-5-mini", &Usage::default()).is_some());
        for wrong in ["models: {a: {input: cheap, output: 1}}", "models: {a: {input: -1, output: 1}}", "x: 1"]
        {
            std::fs::write(&file, wrong).unwrap();
            let error = Prices::load(Some(&file)).unwrap_err();
            assert!(error.message.contains("prices.yaml"), "{error}");
        }
    }
}
