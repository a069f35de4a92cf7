//! Text on its way in or out: what every part needs of it.

mod redact;

pub use redact::Redactor;
