//! Counts an agent's tokens and dollars. Tokens come once a turn, in the answer to the prompt, and only from agents
//! that count; for the others, and for a turn that was cut, there is an estimate.

use serde_json::Value;

use super::text;
use crate::{executors::News, protocol::Usage};

/// About how many characters make a token.
const CHARS_PER_TOKEN: u64 = 4;

/// What is known of the session's spending.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Tokens in the context, as last told.
    context: u64,
    /// Dollars of the session, as last told; `None`: the agent knows no prices.
    cost: Option<f64>,
    /// Of these, reported.
    reported: f64,
    pub(super) model: Option<String>,
}

impl Meter {
    /// A `usage_update`. `replayed`: it belongs to the conversation before us, which is counted already.
    pub(super) fn update(&mut self, update: &Value, replayed: bool) {
        self.context = update["used"].as_u64().unwrap_or(self.context);
        let cost = &update["cost"];
        if matches!(text(cost, "currency"), "USD" | "usd") {
            self.cost = cost["amount"].as_f64().or(self.cost);
        }
        if replayed {
            self.reported = self.cost.unwrap_or(0.0);
        }
    }

    /// The turn runs: what it has cost so far, by estimate.
    pub(super) fn live(&self, said: u64, heard: u64) -> News {
        News::Streaming { usage: self.guess(said, heard), model: self.model.clone() }
    }

    fn guess(&self, said: u64, heard: u64) -> Usage {
        let input = self.context.max(said / CHARS_PER_TOKEN);
        Usage { input, output: heard / CHARS_PER_TOKEN, ..Usage::default() }
    }

    /// The turn is over. `usage`: what the answer to the prompt says.
    pub(super) fn turn(&mut self, usage: &Value, said: u64, heard: u64) -> News {
        let counted = counted(usage);
        let estimated = counted.is_none();
        let usage = counted.unwrap_or_else(|| self.guess(said, heard));
        let cost_usd = self.cost.map(|total| (total - self.reported).max(0.0));
        self.reported += cost_usd.unwrap_or(0.0);
        News::Usage { usage, model: self.model.clone(), cost_usd, estimated }
    }
}

/// The protocol's counters exclude the cache from the input; thoughts are beside the output where the total says so.
fn counted(usage: &Value) -> Option<Usage> {
    let of = |key: &str| usage[key].as_u64();
    let (input, output) = (of("inputTokens")?, of("outputTokens")?);
    let (cached_input, cache_write) =
        (of("cachedReadTokens").unwrap_or(0), of("cachedWriteTokens").unwrap_or(0));
    let reasoning = of("thoughtTokens").unwrap_or(0);
    let input = input.saturating_add(cached_input).saturating_add(cache_write);
    let beside = of("totalTokens") == Some(input.saturating_add(output).saturating_add(reasoning));
    let output = if beside { output.saturating_add(reasoning) } else { output };
    Some(Usage { input, cached_input, cache_write, output, reasoning })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn thoughts_are_part_of_the_output_however_they_are_told() {
        let beside = json!({"inputTokens": 10, "outputTokens": 5, "cachedReadTokens": 20, "thoughtTokens": 3, "totalTokens": 38});
        let within = json!({"inputTokens": 10, "outputTokens": 8, "cachedReadTokens": 20, "thoughtTokens": 3, "totalTokens": 38});
        let expected = Usage { input: 30, cached_input: 20, cache_write: 0, output: 8, reasoning: 3 };
        assert_eq!((counted(&beside), counted(&within)), (Some(expected), Some(expected)));
        assert_eq!(counted(&Value::Null), None);
    }
}
