//! Names of attributes: those of the GenAI semantic conventions of OpenTelemetry (`gen_ai.*`, `error.type`; the registry
//! of `open-telemetry/semantic-conventions-genai`, late 2026, all in development there), and our own under `zwarm.*`.

pub const OPERATION: &str = "gen_ai.operation.name";
pub const PROVIDER: &str = "gen_ai.provider.name";
pub const AGENT_NAME: &str = "gen_ai.agent.name";
pub const AGENT_ID: &str = "gen_ai.agent.id";
pub const AGENT_VERSION: &str = "gen_ai.agent.version";
pub const CONVERSATION: &str = "gen_ai.conversation.id";
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub const CACHED_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub const WRITTEN_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
pub const TOOL_NAME: &str = "gen_ai.tool.name";
pub const TOOL_TYPE: &str = "gen_ai.tool.type";
pub const TOOL_CALL: &str = "gen_ai.tool.call.id";
pub const EVALUATION: &str = "gen_ai.evaluation.name";
pub const EVALUATION_LABEL: &str = "gen_ai.evaluation.score.label";

// What was said: only where `otel.content` asks for it.
pub const ARGUMENTS: &str = "gen_ai.tool.call.arguments";
pub const RESULT: &str = "gen_ai.tool.call.result";
pub const INPUT: &str = "gen_ai.input.messages";
pub const OUTPUT: &str = "gen_ai.output.messages";
pub const EXPLANATION: &str = "gen_ai.evaluation.explanation";

pub const INSTANCE: &str = "zwarm.instance.name";
pub const KIND: &str = "zwarm.kind";
pub const RESUMED: &str = "zwarm.resumed";
pub const STOPPED_BY: &str = "zwarm.stopped_by";
pub const EXIT_CODE: &str = "zwarm.exit_code";
pub const STEP: &str = "zwarm.step";
pub const STEPS: &str = "zwarm.steps";
pub const TOTAL_TOKENS: &str = "zwarm.usage.total_tokens";
pub const COST: &str = "zwarm.cost_usd";
pub const ESTIMATED: &str = "zwarm.usage.estimated";
pub const INTERRUPTED: &str = "zwarm.interrupted";
pub const SESSION: &str = "zwarm.session";
pub const TURN: &str = "zwarm.turn";
pub const STATUS: &str = "zwarm.status";
pub const GATE: &str = "zwarm.gate";
pub const RULE: &str = "zwarm.rule";
pub const MUTED: &str = "zwarm.muted";
pub const REASON: &str = "zwarm.reason";
pub const BY: &str = "zwarm.by";
pub const PLACE: &str = "zwarm.where";
pub const FILES: &str = "zwarm.files";
pub const SHELL_EXIT: &str = "process.exit.code";
