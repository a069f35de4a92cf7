//! Asking the human, before the screen opens, whether the project's own files may do what they want to.

use super::Place;
use crate::{
    config::trust::{self, Untrusted},
    headless::Out,
};

/// Keys that are shown at most.
const SHOWN: usize = 20;

/// Asks, and remembers a yes. False: the run goes on without these keys.
pub(super) fn ask(place: &Place, untrusted: &Untrusted, out: &mut Out) -> bool {
    out.note("this project wants to run programs, or to send keys or your work elsewhere:");
    for key in untrusted.keys.iter().take(SHOWN) {
        out.note(&format!("  {key}"));
    }
    if untrusted.keys.len() > SHOWN {
        out.note(&format!("  and {} more", untrusted.keys.len() - SHOWN));
    }
    let answer = out.ask("trust it? Only these lines, as they are now [y/N]");
    if !answer.is_some_and(|answer| answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")) {
        return false;
    }
    if let Err(error) = trust::remember(&place.home.state, &place.working_dir, &untrusted.digest) {
        out.note(&format!("warning: this cannot be remembered: {error}"));
    }
    true
}
