//! Folds: the state of an instance as pure functions of its events. The agent's state is these folds (nothing else
//! changes them), and so is what every client shows; a resumed agent equals a running one by construction.

pub mod caps;
pub mod claim;
pub mod history;
pub mod inbox;
pub mod ledger;
pub mod nudges;
pub mod run;
pub mod sessions;
pub mod spend;
pub mod state;
pub mod tested;
pub mod trail;
pub mod view;
pub mod watch;

pub use caps::Caps;
pub use history::History;
pub use inbox::Inbox;
pub use ledger::Ledger;
pub use nudges::Nudges;
pub use run::RunView;
pub use sessions::Sessions;
pub use spend::Spend;
pub use state::State;
pub use trail::Trail;
pub use view::View;
pub use watch::Watch;
