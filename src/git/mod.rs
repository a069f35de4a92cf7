//! Git, as far as isolated sessions need it: a worktree and a branch each, and the way of the work back.
//!
//! Read in this order: [`plan`] (pure: names, what git prints) → [`call`] (one hardened, bounded call) → [`open`] (a
//! worktree is made) → [`work`] (what is in it) → [`settle`] (keep, merge, discard, tidy) → [`records`] (which worktrees
//! there are, kept beside them).
//!
//! Whatever lies in a worktree was written by an executor: its `.git` file is never followed. Once a worktree is made,
//! git is always told its git folder, no hook of the repository runs, and nothing is removed that is not in another
//! branch, unless the human has asked for that.

pub mod call;
mod open;
pub mod plan;
pub mod records;
mod settle;
mod work;

pub use call::{At, Git};
pub use open::{Made, Wish, fork, open};
pub use settle::{Told, settle};
pub use work::{State, look};

/// Why it was not done: what a person is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Fault {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}
