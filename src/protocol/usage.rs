//! Tokens and money, counted in one shape for every provider and executor.

use serde::{Deserialize, Serialize};

/// Tokens of one model call, or a sum of them.
///
/// `input` includes `cached_input` and `cache_write`; `output` includes `reasoning`. Providers that exclude the
/// cache from their input (Anthropic) are converted at the edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub input: u64,
    /// Prompt tokens that were read from the provider's cache.
    pub cached_input: u64,
    /// Prompt tokens that were written to the provider's cache.
    pub cache_write: u64,
    /// Generated tokens, reasoning included.
    pub output: u64,
    /// Generated tokens that were reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// Input plus output: the number that budgets in tokens count.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// True when nothing was counted.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Adds another count, saturating.
    pub fn add(&mut self, other: &Self) {
        self.input = self.input.saturating_add(other.input);
        self.cached_input = self.cached_input.saturating_add(other.cached_input);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.output = self.output.saturating_add(other.output);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }

    /// What `self`, a cumulative counter, has grown by since `earlier`; a counter that went back counts as zero.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            input: self.input.saturating_sub(earlier.input),
            cached_input: self.cached_input.saturating_sub(earlier.cached_input),
            cache_write: self.cache_write.saturating_sub(earlier.cache_write),
            output: self.output.saturating_sub(earlier.output),
            reasoning: self.reasoning.saturating_sub(earlier.reasoning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn a_difference_of_cumulative_counters_never_underflows() {
        let first = Usage { input: 1000, cached_input: 400, output: 50, ..Usage::default() };
        let second = Usage { input: 2100, cached_input: 1400, output: 110, ..Usage::default() };
        assert_eq!(
            second.since(&first),
            Usage { input: 1100, cached_input: 1000, output: 60, ..Usage::default() }
        );
        assert_eq!(first.since(&second), Usage::default());
        let mut sum = first;
        sum.add(&second.since(&first));
        assert_eq!(sum, second);
    }
}
