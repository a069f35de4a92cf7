//! The tools of the orchestrator, by name, and a tool as it is offered to a model.

/// What is known of a tool without its implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    pub name: &'static str,
    /// It concerns a session or the human (not the orchestrator's own work).
    pub hands_over: bool,
}

/// The tools, in the order in which they are offered. Configuration, offers and watchers read this table.
pub const TOOLS: [Tool; 11] = [
    tool("delegate", true),
    tool("converse", true),
    tool("check_session", true),
    tool("get_trajectory", true),
    tool("end_session", true),
    tool("list_sessions", true),
    tool("wait", true),
    tool("sleep", true),
    tool("bash", false),
    tool("chat", true),
    tool("exit", false),
];

/// Their names, in that order.
pub const TOOL_NAMES: [&str; TOOLS.len()] = names();

const fn tool(name: &'static str, hands_over: bool) -> Tool {
    Tool { name, hands_over }
}

const fn names() -> [&'static str; TOOLS.len()] {
    let mut names = [""; TOOLS.len()];
    let mut at = 0;
    while at < TOOLS.len() {
        names[at] = TOOLS[at].name;
        at += 1;
    }
    names
}

/// Name, description and JSON schema of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    pub name: &'static str,
    pub description: String,
    /// JSON schema of the arguments: an object.
    pub parameters: serde_json::Value,
}
