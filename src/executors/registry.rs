//! The table of adapters: all that is known of one agent CLI without starting it.

use std::path::PathBuf;

use crate::{config::Config, process};

/// Which code drives an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Codex,
    Claude,
    Acp,
    Script,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    name: &'static str,
    kind: Kind,
    /// The program that is looked for; empty: built in.
    program: &'static str,
    can_steer: bool,
    confined: bool,
    /// How the names of its models begin.
    models: &'static [&'static str],
    /// What to do where the program is missing.
    install: &'static str,
}

const ROWS: [Row; 3] = [
    Row {
        name: "codex",
        kind: Kind::Codex,
        program: "codex",
        can_steer: true,
        confined: true,
        models: &["gpt-", "o1", "o3", "o4", "codex"],
        install: "install it with 'npm install -g @openai/codex' and sign in with 'codex login', or set executor.codex_path",
    },
    Row {
        name: "claude",
        kind: Kind::Claude,
        program: "claude",
        can_steer: true,
        confined: false,
        models: &["claude", "opus", "sonnet", "haiku"],
        install: "install it with 'npm install -g @anthropic-ai/claude-code' and sign in with 'claude', or set executor.claude_path",
    },
    Row {
        name: "script",
        kind: Kind::Script,
        program: "",
        can_steer: true,
        confined: false,
        models: &[],
        install: "give a scenario with executor.script",
    },
];

/// An adapter, as far as it can be judged without starting anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// `codex`, `claude`, `script`, or a name under `executors:`.
    pub name: String,
    /// The program's path. `None`: it is missing, or the adapter is built in (`builtin`).
    pub path: Option<PathBuf>,
    /// True where no program is needed.
    pub builtin: bool,
    /// Whether a running turn can be steered.
    pub can_steer: bool,
    /// Whether its commands run in a sandbox.
    pub confined: bool,
    /// What to do where it is missing.
    pub install: String,
}

impl Adapter {
    /// Whether a session can be started.
    pub fn usable(&self) -> bool {
        self.builtin || self.path.is_some()
    }
}

/// All adapters of a configuration, in the order in which a default is chosen. Cheap: looks on `PATH` only.
pub fn installed(config: &Config) -> Vec<Adapter> {
    let mut adapters: Vec<Adapter> = ROWS.iter().map(|row| built_in(row, config)).collect();
    for (name, agent) in &config.executors {
        let program = agent.acp.first().map_or("", String::as_str);
        adapters.push(Adapter {
            name: name.clone(),
            path: (!program.is_empty()).then(|| process::find_program(program, None)).flatten(),
            builtin: false,
            can_steer: false,
            confined: false,
            install: format!("correct the program in executors.{name}.acp"),
        });
    }
    adapters
}

fn built_in(row: &Row, config: &Config) -> Adapter {
    let configured = match row.kind {
        Kind::Codex => config.executor.codex_path.as_deref(),
        Kind::Claude => config.executor.claude_path.as_deref(),
        Kind::Acp | Kind::Script => None,
    };
    Adapter {
        name: row.name.to_owned(),
        path: if row.program.is_empty() { None } else { process::find_program(row.program, configured) },
        builtin: row.program.is_empty(),
        can_steer: row.can_steer,
        confined: row.confined,
        install: row.install.to_owned(),
    }
}

/// The code that drives an adapter. `None`: no adapter has this name.
pub(super) fn kind(name: &str, config: &Config) -> Option<Kind> {
    let row = ROWS.iter().find(|row| row.name == name).map(|row| row.kind);
    row.or_else(|| config.executors.contains_key(name).then_some(Kind::Acp))
}

/// One adapter by its name.
pub(super) fn find(name: &str, config: &Config) -> Option<Adapter> {
    installed(config).into_iter().find(|adapter| adapter.name == name)
}

/// The adapter that a model's name belongs to: by the names and aliases of its vendor. `None`: it can be anybody's.
pub fn of_model(model: &str) -> Option<&'static str> {
    let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let row = ROWS.iter().find(|row| row.models.iter().any(|beginning| name.starts_with(beginning)));
    row.map(|row| row.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AcpExecutor;

    #[test]
    fn every_name_of_a_configuration_has_a_kind() {
        let mut config = Config::default();
        let acp = AcpExecutor { acp: vec!["no-such-program-at-all".into()], ..AcpExecutor::default() };
        config.executors.insert("gemini".into(), acp);
        let adapters = installed(&config);
        let names: Vec<_> = adapters.iter().map(|adapter| adapter.name.as_str()).collect();
        assert_eq!(names, ["codex", "claude", "script", "gemini"]);
        assert_eq!(kind("gemini", &config), Some(Kind::Acp));
        assert_eq!(kind("codex_mcp", &config), None);
        assert!(adapters[2].usable() && !adapters[3].usable());
    }

    #[test]
    fn a_model_s_name_tells_whose_it_is() {
        for (model, adapter) in [
            ("gpt-5.5", Some("codex")),
            ("openai/o3", Some("codex")),
            ("claude-sonnet-4-5", Some("claude")),
            ("Opus", Some("claude")),
            ("qwen3-coder", None),
        ] {
            assert_eq!(of_model(model), adapter, "{model}");
        }
    }
}
