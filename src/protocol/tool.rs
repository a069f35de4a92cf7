//! A tool as it is offered to a model.

/// Name, description and JSON schema of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    pub name: &'static str,
    pub description: String,
    /// JSON schema of the arguments: an object.
    pub parameters: serde_json::Value,
}
