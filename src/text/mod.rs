//! Text that may be shown: control sequences out, wrapped, cut, measured, secrets hidden.
//!
//! Std and unicode tables only; every other module may use it. It knows nothing of screens: styles of command output
//! are plain data ([`ansi::Style`]) that `ui/render` turns into colours.

pub mod ansi;
pub mod clean;
pub mod cut;
mod redact;
pub mod say;
mod unseen;
mod vt;
pub mod width;
pub mod wrap;

pub use clean::{CleanText, Cleaner, clean, clean_counted, clean_line, clean_whole};
pub use cut::cut_middle;
pub use redact::Redactor;
pub use unseen::{seen, seen_command};

#[cfg(test)]
pub(crate) mod hostile;
