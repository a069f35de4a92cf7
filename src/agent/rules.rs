//! What a launch is given and never changes: configuration, working directory, who is there, what is on offer.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    config::{Approval, Config},
    llm::{Prices, ToolSpec},
    protocol::Wire,
    text::Redactor,
};

use super::launch::Human;

/// The fixed side of a launch.
#[derive(Clone, Debug)]
pub struct Rules {
    pub config: Arc<Config>,
    pub place: Place,
    pub human: Human,
    pub demo: bool,
    pub adapters: Adapters,
    pub model: ModelRules,
    pub redactor: Arc<Redactor>,
    pub watchers: WatcherRules,
}

/// The panel, as far as the machine must know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatcherRules {
    /// At least one looks at what executors do.
    pub at_activity: bool,
    /// After how much silence of a session somebody wants to look.
    pub stall_after: Option<std::time::Duration>,
}

impl WatcherRules {
    /// What the machine must know of a panel.
    pub fn of(panel: &crate::watchers::Panel) -> Self {
        let at_activity =
            !panel.looking(crate::protocol::event::Gate::Activity, &Default::default()).is_empty();
        Self { at_activity, stall_after: panel.stall_after() }
    }
}

/// Where an instance lives and works.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Absolute.
    pub working_dir: PathBuf,
    /// The instance's folder.
    pub dir: PathBuf,
    /// The folder of all worktrees.
    pub worktrees: PathBuf,
}

/// Which executors there are.
#[derive(Clone, Debug, Default)]
pub struct Adapters {
    pub all: Vec<AdapterRule>,
    /// The one that `delegate` takes when none is named.
    pub default: Option<String>,
}

/// One executor, as far as the machine must know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdapterRule {
    pub name: String,
    pub installed: bool,
    /// Whether it takes a message in mid-turn.
    pub steers: bool,
    /// How to get it.
    pub hint: String,
}

/// The orchestrator's model.
#[derive(Clone, Debug, Default)]
pub struct ModelRules {
    /// As in the configuration.
    pub name: String,
    pub wire: Wire,
    /// The system prompt of a new instance.
    pub prompt: String,
    pub tools: Arc<Vec<ToolSpec>>,
    pub prices: Arc<Prices>,
}

impl Place {
    /// The instance's id: the name of its folder.
    pub fn id(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Rules {
    /// Whether somebody can answer.
    pub fn human_present(&self) -> bool {
        self.human == Human::Present
    }

    /// The policy for approvals of executors.
    pub fn approval(&self) -> Approval {
        let absent = if self.human_present() { Approval::OnRequest } else { Approval::Never };
        self.config.executor.approval.unwrap_or(absent)
    }

    /// What a session's task sees to before the first turn in a worktree.
    pub fn prepare(&self, isolated: &crate::fold::sessions::Isolated) -> crate::executors::Prepare {
        let command = self.config.executor.setup_command.clone().filter(|_| !isolated.prepared);
        crate::executors::Prepare { tree: isolated.tree.clone(), command }
    }

    /// The model of a new session: the wished one, else the configured one where it is not another vendor's.
    pub fn session_model(&self, adapter: &str, wished: Option<String>) -> Option<String> {
        let fits = |model: &String| {
            crate::executors::of_model(model).is_none_or(|own| own == adapter || !self.vendor(adapter))
        };
        wished.or_else(|| self.config.executor.model.clone().filter(fits))
    }

    /// Whether an adapter knows only its own vendor's models.
    fn vendor(&self, adapter: &str) -> bool {
        matches!(adapter, "codex" | "claude")
    }

    /// The folder of a session.
    pub fn session_dir(&self, id: crate::protocol::SessionId) -> PathBuf {
        self.place.dir.join("sessions").join(id.to_string())
    }

    /// The working directory as text.
    pub fn working_dir(&self) -> String {
        text(&self.place.working_dir)
    }
}

impl Adapters {
    /// One of them.
    pub fn get(&self, name: &str) -> Option<&AdapterRule> {
        self.all.iter().find(|adapter| adapter.name == name)
    }

    /// Whether it is there and installed.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|adapter| adapter.installed)
    }

    /// Their names, for messages.
    pub fn names(&self) -> String {
        self.all.iter().map(|adapter| adapter.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// A path for people and JSON.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
