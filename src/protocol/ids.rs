//! Identifiers. All are UUIDs (version 4, so that the first digits of an id are a usable short name);
//! each has a type of its own so that a session id can never be passed where an inbox id is meant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new random id.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
            /// The first eight hex digits: what a person sees and types.
            pub fn short(&self) -> String {
                self.0.simple().to_string().chars().take(8).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    };
}

id!(
    /// One run of one orchestrator in one working directory; also the name of its folder.
    InstanceId
);
id!(
    /// One conversation with one executor.
    SessionId
);
id!(
    /// One nudge, from the moment it is queued until it is seen or withdrawn.
    NudgeId
);
id!(
    /// One entry of the inbox.
    InboxId
);
id!(
    /// One entry of the ledger (the envelope's `task_id`).
    TaskId
);
