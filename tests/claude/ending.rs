//! Interrupts, ends, deaths, and conversations that are taken up again.

use std::time::Instant;

use zwarm_tui::{
    config::Sandbox,
    executors::{News, Order, Resume, SessionSpec},
    protocol::event::TurnStatus,
};

use crate::{support::model_server::Reply, world::*};

#[tokio::test]
async fn an_interrupted_text_ends_within_a_second_and_the_session_goes_on() {
    let replies = vec![held_mid(&"endless ".repeat(40), "never"), Reply::text("Back.")];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let mut live = stage.start(world.spec(&stage));
    live.turn(1, "go").await;
    stage.until_streamed("text:", "endless").await;
    let nudge = live.steer("too late").await;
    read_by_claude().await;
    let began = Instant::now();
    live.order(Order::Interrupt).await;
    let (status, answer, error) = live.turn_end().await;
    let took = began.elapsed();
    assert!(took < SOON, "{took:?}");
    assert_eq!((status, error), (TurnStatus::Interrupted, None));
    assert!(answer.starts_with("endless endless"), "{answer}");
    assert!(live.seen.iter().any(|news| matches!(news, News::SteerRefused { nudge: n, .. } if *n == nudge)));
    let estimate = live.spent(true);
    assert_eq!(estimate.input, 100);
    assert!(estimate.output > 1);

    live.turn(2, "again").await;
    assert_eq!(live.turn_end().await, completed("Back."));
    let bodies = world.bodies("main");
    assert_eq!((bodies.len(), occurrences(&bodies[1], "too late")), (2, 0));
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn an_interrupted_command_is_killed_and_the_end_leaves_nothing() {
    let replies = vec![bash("touch began; exec sleep 299"), bash("touch again; exec sleep 298")];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let mut live = stage.start(SessionSpec { sandbox: Sandbox::DangerFullAccess, ..world.spec(&stage) });
    live.turn(1, "go").await;
    until_exists(&world.file("began")).await;
    let began = Instant::now();
    live.order(Order::Interrupt).await;
    assert_eq!(live.turn_end().await.0, TurnStatus::Interrupted);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    no_sleeper("299", began + SOON).await;

    live.turn(2, "go").await;
    until_exists(&world.file("again")).await;
    end(&mut live, &stage).await;
    assert!(
        live.seen
            .iter()
            .any(|news| matches!(news, News::TurnEnded { turn: 2, status: TurnStatus::Interrupted, .. }))
    );
    no_sleeper("298", Instant::now()).await;
}

#[tokio::test]
async fn after_kill_9_the_conversation_goes_on_once() {
    let replies =
        vec![Reply::text("The word is plum."), held_mid(&"lost ".repeat(40), "never"), Reply::text("Plum.")];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let spec = world.spec(&stage);
    let mut live = stage.start(spec.clone());
    live.turn(1, "PROMPT-ONE").await;
    assert_eq!(live.turn_end().await, completed("The word is plum."));
    live.turn(2, "PROMPT-TWO").await;
    stage.until_streamed("text:", "lost").await;
    world.noted("PROMPT-TWO").await;
    let (pid, _) = stage.processes.alive()[0].clone();
    assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    let (status, _, error) = live.turn_end().await;
    assert_eq!(status, TurnStatus::Failed);
    assert!(error.unwrap().contains("signal: 9"));
    assert!(live.ended().await.unwrap().starts_with("claude: it ended with signal: 9"));
    assert!(live.spent(true).input >= 100, "the request that was cut is counted by estimate");

    let stage = world.stage();
    let resume = Some(live.resume(2));
    let mut live = stage.start(SessionSpec { resume, dir: stage.dir.path().join("session"), ..spec });
    live.turn(3, "PROMPT-THREE").await;
    assert_eq!(live.turn_end().await, completed("Plum."));
    let bodies = world.bodies("main");
    let last = bodies.last().unwrap();
    let counts =
        ["PROMPT-ONE", "word is plum", "PROMPT-TWO", "PROMPT-THREE"].map(|text| occurrences(last, text));
    assert_eq!(counts, [1, 1, 1, 1], "{}", last["messages"]);
    assert_eq!(live.spent(false), usage(100, 0, 0, 10));
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_conversation_that_never_began_is_begun_and_one_that_is_known_is_taken_up() {
    let Some(world) = world(lane(vec![Reply::text("one"), Reply::text("two")])).await else { return };
    let stage = world.stage();
    let spec = world.spec(&stage);
    let native_id = Some(spec.id.to_string());
    let resume = Some(Resume { native_id, ..Resume::default() });
    let mut live = stage.start(SessionSpec { resume, ..spec.clone() });
    live.turn(1, "PROMPT-ONE").await;
    assert_eq!(live.turn_end().await, completed("one"));
    end(&mut live, &stage).await;
    // It looks like a new one to us; claude has it already.
    let mut live = stage.start(spec);
    live.turn(2, "PROMPT-TWO").await;
    assert_eq!(live.turn_end().await, completed("two"));
    assert_eq!(occurrences(&world.bodies("main")[1], "PROMPT-ONE"), 1);
    end(&mut live, &stage).await;
}
