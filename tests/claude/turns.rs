//! What a turn does, says and costs; nudges and approvals in it.

use std::collections::BTreeMap;

use serde_json::json;
use zwarm_tui::{
    config::{Approval, Config, Sandbox},
    executors::{Decision, News, Order, SessionSpec},
    protocol::{
        Usage,
        event::{Activity, ChangeKind, TurnStatus},
    },
};

use crate::{
    support::{
        model_server::{Fault, Reply, Totals},
        sessions::Stage,
    },
    world::*,
};

#[tokio::test]
async fn a_file_is_written_a_command_runs_and_every_token_is_counted() {
    let Some(world) = world(lane(vec![])).await else { return };
    let mut write = Reply::call("Write", json!({"file_path": world.file("a.txt"), "content": "one\n"}));
    write.reasoning = Some("first the file".into());
    write.text = Some("I write it.".into());
    write.usage = Some(Totals { input: 1000, cached_input: 400, cache_write: 100, output: 50, reasoning: 0 });
    let replies = vec![write, bash("cat a.txt; echo oh >&2; exit 3"), Reply::text("All done.")];
    world.server.add(lane(replies).remove(0));
    let stage = world.stage();
    let spec = SessionSpec { sandbox: Sandbox::DangerFullAccess, ..world.spec(&stage) };
    let mut live = stage.start(spec);
    live.turn(1, "make a.txt").await;
    assert_eq!(live.turn_end().await, completed("All done."));

    assert_eq!(std::fs::read_to_string(world.file("a.txt")).unwrap(), "one\n");
    let activities = live.activities();
    assert_eq!(activities[0], Activity::Reasoning { text: "first the file".into() });
    assert_eq!(activities[1], Activity::Message { text: "I write it.".into() });
    let Activity::FileChange { changes, diff } = &activities[2] else { panic!("{activities:#?}") };
    assert_eq!((changes[0].kind, changes[0].added), (ChangeKind::Add, 1));
    assert!(diff.ends_with("+one\n"), "{diff}");
    let cwd = world.work().display().to_string();
    let (command, output) = ("cat a.txt; echo oh >&2; exit 3".into(), "one\noh".into());
    assert_eq!(
        activities[3],
        Activity::Shell { command, cwd, exit_code: Some(3), output, duration_ms: None }
    );
    assert_eq!(activities[4], Activity::Message { text: "All done.".into() });
    assert_eq!(activities.len(), 5);
    assert_eq!(live.spent(false), usage(1200, 400, 100, 70));
    assert_eq!(live.spent(true), Usage::default());
    let cost: f64 = live
        .seen
        .iter()
        .filter_map(|news| if let News::Usage { cost_usd, .. } = news { *cost_usd } else { None })
        .sum();
    assert!(cost > 0.0);
    assert_eq!(stage.streamed("text:"), "I write it.All done.");
    assert!(stage.streamed("tool:").contains("a.txt"));
    assert!(
        std::fs::read_to_string(stage.dir.path().join("session/turns/turn_1.jsonl"))
            .unwrap()
            .contains("All done.")
    );
    let News::Started { native_id, cli_version, pid, .. } = &live.seen[0] else { panic!("{:#?}", live.seen) };
    assert!(native_id.is_some() && pid.is_some());
    assert!(cli_version.as_ref().is_some_and(|version| version.starts_with("2.")), "{cli_version:?}");
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_nudge_while_text_streams_is_answered_in_the_same_turn() {
    let replies = vec![held_mid(&"first answer ".repeat(20), "text"), Reply::text("Turned left.")];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let mut live = stage.start(world.spec(&stage));
    live.turn(1, "go").await;
    stage.until_streamed("text:", "first answer").await;
    let nudge = live.steer("go left").await;
    read_by_claude().await;
    world.server.release("text");
    let (status, answer, _) = live.turn_end().await;
    assert_eq!(status, TurnStatus::Completed);
    assert_eq!(answer, format!("{}\n\nTurned left.", "first answer ".repeat(20)));
    let delivered: Vec<_> = live
        .seen
        .iter()
        .filter(|news| matches!(news, News::SteerTaken { .. } | News::SteerSeen { .. }))
        .collect();
    assert_eq!(delivered, [&News::SteerTaken { nudge, turn: 1 }, &News::SteerSeen { nudge, turn: 1 }]);
    let bodies = world.bodies("main");
    assert_eq!((bodies.len(), occurrences(&bodies[1], "go left")), (2, 1));
    assert_eq!(live.spent(false), usage(200, 0, 0, 20));
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_nudge_while_a_tool_runs_is_folded_into_its_result() {
    let Some(world) = world(lane(vec![])).await else { return };
    let go = world.file("go");
    let replies = vec![
        bash(&format!("touch began; while [ ! -e {go} ]; do sleep 0.05; done")),
        Reply::text("Saw both."),
    ];
    world.server.add(lane(replies).remove(0));
    let stage = world.stage();
    let mut live = stage.start(SessionSpec { sandbox: Sandbox::DangerFullAccess, ..world.spec(&stage) });
    live.turn(1, "go").await;
    until_exists(&world.file("began")).await;
    let nudge = live.steer("go left").await;
    read_by_claude().await;
    std::fs::write(go, "").unwrap();
    assert_eq!(live.turn_end().await, completed("Saw both."));
    assert!(live.seen.contains(&News::SteerSeen { nudge, turn: 1 }), "{:#?}", live.seen);
    let bodies = world.bodies("main");
    assert_eq!((bodies.len(), occurrences(&bodies[1], "go left")), (2, 1));
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn an_approval_is_asked_declined_accepted_and_cancelled() {
    let replies = vec![
        bash("echo 1 > /etc/hostname-no"),
        bash("uname > made"),
        bash("uname > not-made"),
        Reply::text("unused"),
    ];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let mut live = stage.start(SessionSpec { approval: Approval::Untrusted, ..world.spec(&stage) });
    live.turn(1, "go").await;
    let ask = live.asked().await;
    assert_eq!((ask.kind.as_str(), ask.command.as_str()), ("shell", "echo 1 > /etc/hostname-no"));
    let reason = Some("no human is present".to_owned());
    live.order(Order::Answer { key: ask.key, decision: Decision::Decline, reason }).await;
    let ask = live.asked().await;
    live.answer(&ask.key, Decision::Accept).await;
    let ask = live.asked().await;
    assert!(std::path::Path::new(&world.file("made")).exists());
    live.answer(&ask.key, Decision::Cancel).await;
    assert_eq!(live.turn_end().await.0, TurnStatus::Interrupted);
    assert!(!std::path::Path::new(&world.file("not-made")).exists());
    assert_eq!(occurrences(&world.bodies("main")[1], "no human is present"), 1);
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn large_answers_arrive_whole() {
    let small = "200 kilobytes. ".repeat(14_000);
    let large = "five megabytes! ".repeat(330_000);
    let Some(world) = world(lane(vec![Reply::text(&small), Reply::text(&large)])).await else { return };
    let stage = world.stage();
    let mut live = stage.start(world.spec(&stage));
    live.turn(1, "go").await;
    let (_, answer, _) = live.turn_end().await;
    assert!(answer == small, "{} of {}", answer.len(), small.len());
    live.turn(2, "more").await;
    let (_, answer, _) = live.turn_end().await;
    assert!(answer == large, "{} of {}", answer.len(), large.len());
    assert!(stage.streamed("text:").len() == small.len() + large.len());
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_refused_request_fails_the_turn_and_a_wrong_flag_tells_why() {
    let refused = Reply::fault(Fault { http: Some(400), ..Default::default() });
    let Some(world) = world(lane(vec![refused])).await else { return };
    let stage = world.stage();
    let mut live = stage.start(world.spec(&stage));
    live.turn(1, "go").await;
    let (status, answer, error) = live.turn_end().await;
    assert_eq!((status, answer.as_str()), (TurnStatus::Failed, ""));
    assert!(error.unwrap().starts_with("API Error: 400"));
    end(&mut live, &stage).await;

    let mut config = Config::default();
    config.executor.claude_path = Some(world.claude.clone());
    config.executor.claude_args = vec!["--no-such-flag".into()];
    config.executor.env = BTreeMap::from([("ANTHROPIC_API_KEY".into(), Some("k".into()))]);
    let stage = Stage::new(config, None);
    let mut live = stage.start(stage.spec("claude", ""));
    live.turn(1, "go").await;
    let why = live.ended().await.unwrap();
    assert!(why.contains("no-such-flag"), "{why}");
}
