//! Events: the lines of the journal. One file an owner; the envelope and the line format are here.
//!
//! A line is `{"v":1,"id":…,"seq":n,"timestamp":…,"kind":…,"session_id":…,"task_id":…,"payload":{…},"crc":"8 hex"}`
//! (the reference's envelope plus `v`, `seq` and `crc`). The crc is CRC-32 (IEEE) over the bytes of the line before
//! `,"crc"`. Payloads are written and read by a match on `kind`: an unknown kind keeps its payload untouched.

mod envelope;
mod guard;
mod history;
mod human;
mod run;
mod session;
mod stamp;

pub use envelope::{Event, LineError, Recorded, VERSION, check_line};
pub use guard::*;
pub use history::*;
pub use human::*;
pub use run::*;
pub use session::*;
pub use stamp::Stamp;

use serde_json::value::RawValue;

/// Declares the events of one owner: one row a kind. Generates the enum, `kind()`, `payload()` and `parse()`.
macro_rules! events {
    ($(#[$doc:meta])* $owner:ident { $($(#[$vdoc:meta])* $variant:ident = $kind:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $owner {
            $($(#[$vdoc])* $variant($variant),)+
        }

        impl $owner {
            /// The `kind` of the line.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind,)+ }
            }
            pub(super) fn payload(&self) -> serde_json::Result<String> {
                match self { $(Self::$variant(payload) => serde_json::to_string(payload),)+ }
            }
            /// `None`: the kind belongs to another owner.
            pub(super) fn parse(kind: &str, payload: &str) -> Option<serde_json::Result<Self>> {
                match kind {
                    $($kind => Some(serde_json::from_str(payload).map(Self::$variant)),)+
                    _ => None,
                }
            }
        }

        $(impl From<$variant> for crate::protocol::event::Body {
            fn from(payload: $variant) -> Self {
                crate::protocol::event::Body::$owner($owner::$variant(payload))
            }
        })+
    };
}
pub(crate) use events;

/// What an event says, by owner.
#[derive(Clone, Debug)]
pub enum Body {
    /// The life of the run.
    Run(Run),
    /// The orchestrator's history, its tools and what they cost.
    History(History),
    /// Executor sessions.
    Session(Session),
    /// What the human does and what waits for the human.
    Human(Human),
    /// Watchers and budgets.
    Guard(Guard),
    /// A kind that this version does not know (also the reference's own kinds that are not ours).
    Unknown {
        /// The line's `kind`.
        kind: String,
        /// Its payload, untouched.
        payload: Box<RawValue>,
    },
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Run(a), Self::Run(b)) => a == b,
            (Self::History(a), Self::History(b)) => a == b,
            (Self::Session(a), Self::Session(b)) => a == b,
            (Self::Human(a), Self::Human(b)) => a == b,
            (Self::Guard(a), Self::Guard(b)) => a == b,
            (Self::Unknown { kind: a, payload: x }, Self::Unknown { kind: b, payload: y }) => {
                a == b && x.get() == y.get()
            }
            _ => false,
        }
    }
}

impl Body {
    /// The `kind` of the line.
    pub fn kind(&self) -> &str {
        match self {
            Self::Run(body) => body.kind(),
            Self::History(body) => body.kind(),
            Self::Session(body) => body.kind(),
            Self::Human(body) => body.kind(),
            Self::Guard(body) => body.kind(),
            Self::Unknown { kind, .. } => kind,
        }
    }

    /// The payload as JSON text.
    pub fn payload(&self) -> serde_json::Result<String> {
        match self {
            Self::Run(body) => body.payload(),
            Self::History(body) => body.payload(),
            Self::Session(body) => body.payload(),
            Self::Human(body) => body.payload(),
            Self::Guard(body) => body.payload(),
            Self::Unknown { payload, .. } => Ok(payload.get().to_owned()),
        }
    }

    /// Reads a payload by its kind. A known kind whose payload does not fit is kept as [`Body::Unknown`], so that a
    /// line of another version or of the reference is never lost.
    pub fn parse(kind: &str, payload: &str) -> serde_json::Result<Self> {
        let known = None
            .or_else(|| Run::parse(kind, payload).map(|r| r.map(Self::Run)))
            .or_else(|| History::parse(kind, payload).map(|r| r.map(Self::History)))
            .or_else(|| Session::parse(kind, payload).map(|r| r.map(Self::Session)))
            .or_else(|| Human::parse(kind, payload).map(|r| r.map(Self::Human)))
            .or_else(|| Guard::parse(kind, payload).map(|r| r.map(Self::Guard)));
        match known {
            Some(Ok(body)) => Ok(body),
            Some(Err(_)) | None => Ok(Self::Unknown {
                kind: kind.to_owned(),
                payload: RawValue::from_string(payload.to_owned())?,
            }),
        }
    }
}
