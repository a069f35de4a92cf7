//! What goes wrong before or around a run, told to a person: one sentence, the thing in 'single quotes', a hint.

use std::fmt;

/// Exit codes (PRODUCT §1).
pub mod code {
    pub const OK: i32 = 0;
    pub const ERROR: i32 = 1;
    pub const USAGE: i32 = 2;
    pub const STOPPED: i32 = 3;
    pub const BUDGET: i32 = 4;
    pub const STEPS: i32 = 5;
    pub const LIMIT: i32 = 6;
    /// Plus the number of the signal.
    pub const SIGNAL: i32 = 128;
}

/// An error with a hint that can be acted on and the exit code that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    pub message: String,
    /// Empty: there is nothing to be done about it.
    pub hint: String,
    pub code: i32,
}

impl UserError {
    /// Something failed while working (exit code 1).
    pub fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), code: code::ERROR }
    }

    /// The call or the configuration is wrong (exit code 2).
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), code: code::USAGE }
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.hint.is_empty() {
            write!(f, "\nhint: {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for UserError {}
