//! Every watcher in runs of the real program on real wires: scenarios in which it speaks at the right step with the right
//! verdict, and others in which it stays silent. The table of `docs/watchers.md` is made from what the runs did:
//! `ZWARM_ACCEPT=1 cargo test --test watchers` writes it anew. `ZWARM_ONLY=ID` plays one scenario.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod recordings;
mod world;

use std::{fmt::Write as _, path::Path, sync::Arc};

use cases::{Case, OF_SESSIONS, OF_THE_RUN, Said};
use tokio::{sync::Semaphore, task::JoinSet};
use world::{Wire, World};
use zwarm_tui::watchers::ROWS;

/// Runs at the same time.
const AT_ONCE: usize = 3;

fn all() -> impl Iterator<Item = &'static Case> {
    let order = |case: &&Case| ROWS.iter().position(|row| row.name == case.watcher).unwrap_or(ROWS.len());
    let mut all: Vec<&Case> = OF_THE_RUN.iter().chain(OF_SESSIONS).collect();
    all.sort_by_key(order);
    all.into_iter()
}

fn words(said: &[Said<String>]) -> String {
    match said {
        [] => "silent".to_owned(),
        said => {
            let word = |it: &Said<String>| {
                format!("{} at step {}, gate {}, rule `{}`", it.verdict, it.step, it.gate, it.rule)
            };
            said.iter().map(word).collect::<Vec<_>>().join("; ")
        }
    }
}

/// What a scenario should have its watcher say.
fn expected(case: &Case) -> Vec<Said<String>> {
    let owned = |it: &Said<&str>| Said {
        step: it.step,
        gate: it.gate.into(),
        verdict: it.verdict.into(),
        rule: it.rule.into(),
    };
    case.says.iter().map(owned).collect()
}

/// Plays a scenario on one wire; an error is what was wrong.
async fn play(wire: Wire, case: &'static Case) -> Result<(), String> {
    let world = World::new(wire, case).await;
    let played = world.play(case).await;
    let expected = expected(case);
    if played.said == expected {
        return Ok(());
    }
    let tell = |event: &serde_json::Value| {
        let told = format!("  {} {}", event["kind"], event["payload"]);
        told.chars().take(300).collect::<String>()
    };
    let tail: Vec<String> = played.events.iter().map(tell).collect();
    let (said, expected) = (words(&played.said), words(&expected));
    Err(format!("{} on {wire:?}: {said}, not {expected}\n{}", case.id, tail.join("\n")))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_watcher_speaks_where_it_should_and_nowhere_else_and_the_page_says_so() {
    for wire in Wire::BOTH {
        if wire.real().is_none() {
            support::left_out(&format!("{} is not there: its recordings are played", wire.executor()));
        }
    }
    let (seats, mut runs) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    let only = std::env::var("ZWARM_ONLY").ok();
    for case in all().filter(|case| only.as_ref().is_none_or(|only| case.id == only)) {
        for wire in Wire::BOTH {
            let seats = seats.clone();
            runs.spawn(async move {
                let _seat = seats.acquire().await.unwrap();
                play(wire, case).await
            });
        }
    }
    let wrong: Vec<String> = runs.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    if only.is_none() {
        page(&rows());
    }
}

/// All has come as it should: the rows say it.
fn rows() -> String {
    let mut rows = String::new();
    for case in all() {
        let keys = if case.config == "{}" { "defaults".to_owned() } else { format!("`{}`", case.config) };
        let said = expected(case);
        let seen = Wire::BOTH.map(|wire| match case.session {
            [] => wire.orchestrator().to_owned(),
            _ => format!("{} + {}", wire.orchestrator(), wire.executor()),
        });
        let (told, keys) = (words(&said), keys.replace('|', "\\|"));
        writeln!(rows, "| {} | {} | {keys} | {told} | {} |", case.watcher, case.story, seen.join(", "))
            .unwrap();
    }
    for row in ROWS.iter().map(|row| row.name).chain(["mine"]) {
        let both = all().filter(|case| case.watcher == row);
        let (mut speaks, mut silent) = (0, 0);
        both.for_each(|case| if case.says.is_some() { speaks += 1 } else { silent += 1 });
        assert!(speaks > 0 && silent > 0, "{row} needs a scenario of each kind");
    }
    rows
}

/// Compares (or writes) the page.
fn page(rows: &str) {
    let mut keys = String::new();
    for row in ROWS {
        let each = row.keys.iter().map(|key| format!("`{}` = {} ({})", key.name, key.default, key.about));
        let each: Vec<_> = each.collect();
        let each = if each.is_empty() { "none".to_owned() } else { each.join("; ") };
        writeln!(keys, "| {} | {} | {each} |", row.name, row.about).unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/watchers.md");
    let old = std::fs::read_to_string(&file).unwrap();
    let made = |old: &str, name: &str, text: &str| {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let (head, rest) = old.split_once(&begin).unwrap();
        let (_, tail) = rest.split_once(&end).unwrap();
        format!("{head}{begin}{text}{end}{tail}")
    };
    let keys = format!("| watcher | speaks when | keys |\n|---|---|---|\n{keys}");
    let scenarios =
        format!("| watcher | what happens | its keys | it | seen on |\n|---|---|---|---|---|\n{rows}");
    let new = made(&made(&old, "keys", &keys), "scenarios", &scenarios);
    if std::env::var_os("ZWARM_ACCEPT").is_some() {
        std::fs::write(&file, new).unwrap();
    } else {
        assert!(old == new, "docs/watchers.md is not up to date: ZWARM_ACCEPT=1 cargo test --test watchers");
    }
}
