//! Recordings of the real CLIs, one for each scenario: `ZWARM_RECORD=1 cargo test --test watchers` makes them anew where
//! the CLIs are there. What the adapters do not read is taken out, and so is what names the machine.

use std::{
    fmt::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::{Value, json};

/// Whether they are to be made.
pub fn wanted() -> bool {
    std::env::var_os("ZWARM_RECORD").is_some()
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire/watchers").join(format!("{name}.jsonl"))
}

/// The example `wire`, built if need be.
fn wire() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| crate::support::sessions::example("wire"))
}

fn script(root: &Path, words: &[&str]) -> PathBuf {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    let path = root.join("cli.sh");
    std::fs::write(&path, format!("#!/bin/sh\nexec {} \"$@\"\n", quoted.join(" "))).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A program that runs the real CLI and keeps what passes.
pub fn recorder(root: &Path, real: &Path) -> PathBuf {
    let raw = root.join("raw.jsonl");
    script(root, &[wire().to_str().unwrap(), "record", raw.to_str().unwrap(), "--", real.to_str().unwrap()])
}

/// A program that plays a recording.
pub fn player(root: &Path, name: &str, leaves: &[(&str, &str)]) -> PathBuf {
    let leaves: Value = leaves.iter().map(|(path, text)| ((*path).to_owned(), json!(text))).collect();
    script(root, &[wire().to_str().unwrap(), "replay", file(name).to_str().unwrap(), &leaves.to_string()])
}

/// Trims what was recorded and puts it among the fixtures.
pub fn keep(root: &Path, name: &str) {
    let raw = std::fs::read_to_string(root.join("raw.jsonl")).unwrap();
    let root = root.canonicalize().unwrap();
    let clean = raw
        .replace(&root.join("work").display().to_string(), "{WORK}")
        .replace(&root.display().to_string(), "/lab");
    // claude's session has the id that we gave it.
    let given = clean.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let given = given.map(|entry| entry["line"].clone()).find(|line| line["subtype"] == "init");
    let given = given.and_then(|line| line["session_id"].as_str().map(str::to_owned));
    let clean = given.map_or(clean.clone(), |given| clean.replace(&given, "{SESSION}"));
    let mut kept = String::new();
    // Pauses before what is left out belong to what follows.
    let mut ms = 0;
    for line in clean.lines() {
        let mut entry: Value = serde_json::from_str(line).unwrap();
        ms += entry["ms"].as_u64().unwrap();
        if let Some(line) = trimmed(&entry["line"]) {
            entry["line"] = line;
            entry["ms"] = json!(std::mem::take(&mut ms));
            writeln!(kept, "{entry}").unwrap();
        }
    }
    std::fs::create_dir_all(file(name).parent().unwrap()).unwrap();
    std::fs::write(file(name), kept).unwrap();
}

/// What the adapters read of a line; `None`: nothing.
fn trimmed(line: &Value) -> Option<Value> {
    const NOT_READ: [&str; 10] = [
        "configWarning",
        "remoteControl/status/changed",
        "mcpServer/startupStatus/updated",
        "skills/changed",
        "account/updated",
        "deprecationNotice",
        "thread/goal/updated",
        "windows/worldWritableWarning",
        "rawResponseItem/completed",
        "hook/started",
    ];
    if line["method"].as_str().is_some_and(|method| NOT_READ.contains(&method)) {
        return None;
    }
    let mut line = line.clone();
    strip(&mut line);
    Some(line)
}

/// Takes out, at any depth, what is long and of no use here.
fn strip(value: &mut Value) {
    const UNUSED: [&str; 26] = [
        "commands",
        "agents",
        "models",
        "output_styles",
        "available_output_styles",
        "tools",
        "mcp_servers",
        "slash_commands",
        "skills",
        "plugins",
        "environments",
        "instructionSources",
        "runtimeWorkspaceRoots",
        "codexHome",
        "installationId",
        "emittedAtMs",
        "memory_paths",
        "gitInfo",
        "permission_suggestions",
        "signature",
        "path",
        "rolloutPath",
        "pid",
        "permissionProfile",
        "activePermissionProfile",
        "sandbox",
    ];
    match value {
        Value::Object(map) => {
            // A change of a file is named by its path.
            let change = map.contains_key("diff") && map.contains_key("kind");
            map.retain(|key, _| !UNUSED.contains(&key.as_str()) || change && key == "path");
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}
