use super::*;
use crate::protocol::Wire;

#[test]
fn the_material_is_what_leaves_without_the_prompt_and_without_thoughts() {
    let raw = |value: serde_json::Value| item::raw(&value);
    let items: Vec<Item> = [
        item::message("system", "PROMPT"),
        item::message("user", "Task: x"),
        raw(serde_json::json!({ "type": "reasoning", "id": "r", "summary": [{ "text": "THOUGHT" }] })),
        raw(serde_json::json!({ "type": "function_call", "call_id": "c", "name": "bash", "arguments": "{\"command\":\"ls\"}" })),
        item::tool_output(Wire::Responses, "c", "a.txt"),
        item::message("user", "newest"),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, raw)| Item { id: at as u64 + 1, wire: Wire::Responses, raw, tokens: 10 })
    .collect();
    let plan = Plan { dropped: vec![(3, 5)], removed: 3, before: 60, after: 30 };
    let rule = "=".repeat(40);
    assert_eq!(
        material(&items, &plan),
        format!(
            "2 entries leave the history. They are:\n{rule}\n[4] called: bash {{\"command\":\"ls\"}}\n[5] result: a.txt\n{rule}"
        )
    );
}
