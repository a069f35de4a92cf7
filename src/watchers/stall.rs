//! Whether a session that works has gone silent. (One that waits for an approval is not: it waits for us.)

use serde::Deserialize;
use serde_json::json;

use super::{
    About, Sight, Spoken, Watcher,
    table::{Kind, Row, key, rule},
    words::quote,
};
use crate::{fold::sessions::Doing, protocol::event::Gate};

pub(super) const ROW: Row = Row {
    name: "stall",
    about: "a working session was not seen to do anything for a while",
    keys: &[key("seconds", Kind::Seconds, "300", "silence")],
    build: rule::<Stall>,
};

/// Seconds of silence where nothing is configured.
pub(super) const SECONDS: f64 = 300.0;

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Stall {
    seconds: f64,
}

impl Default for Stall {
    fn default() -> Self {
        Self { seconds: SECONDS }
    }
}

impl Watcher for Stall {
    fn name(&self) -> &str {
        ROW.name
    }

    fn looks_at(&self, gate: Gate) -> bool {
        matches!(gate, Gate::Step | Gate::Activity)
    }

    fn look(&self, sight: &Sight) -> Vec<Spoken> {
        let silent = |session: &&super::SessionSight| {
            session.doing == Doing::Working && !session.asks && session.silent_seconds as f64 >= self.seconds
        };
        let speak = |session: &super::SessionSight| {
            let (id, adapter, seconds) = (&session.short_id, &session.adapter, session.silent_seconds);
            let last = quote(&session.last, 100);
            let reason = format!("{id} ({adapter}) has been silent for {seconds} s; last: {last}");
            let guidance = format!(
                "Session {id} ({adapter}) has not been seen to do anything for {seconds} seconds; the last was {last}. \
                 It may hang on a command that waits for input or never ends. Look at it with 'get_trajectory', and \
                 end it or give the work out anew if it does not move."
            );
            let evidence = json!({ "session": id, "silent_seconds": seconds, "last": last });
            let about = Some(About { session: session.id, turn: session.turn });
            Spoken { about, ..Spoken::nudge(ROW.name, "silent", reason, guidance).with(evidence) }
        };
        sight.open.iter().filter(silent).map(speak).collect()
    }
}
