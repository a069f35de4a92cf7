//! A conversation that is forked: the copy goes on, the original is as it was.

use zwarm_tui::executors::{Resume, SessionSpec};

use crate::{support::model_server::Reply, world::*};

#[tokio::test]
async fn a_fork_contains_the_conversation_once_and_the_original_goes_on_untouched() {
    let replies = vec![
        Reply::text("The word is plum."),
        Reply::text("Forked."),
        Reply::text("Still mine."),
        Reply::text("Forked again."),
    ];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let spec = world.spec(&stage);
    let mut original = stage.start(spec.clone());
    original.turn(1, "PROMPT-ONE").await;
    assert_eq!(original.turn_end().await, completed("The word is plum."));
    world.noted("The word is plum.").await;
    let parent = original.native_id().unwrap();
    assert_eq!(parent, spec.id.to_string());

    // The original is alive and idle meanwhile.
    let other = stage.spec("claude", "");
    let fork = |turns, counted| {
        let native_id = Some(other.id.to_string());
        let resume = Some(Resume { native_id, fork_of: Some(parent.clone()), counted, turns });
        SessionSpec { id: other.id, resume, dir: stage.dir.path().join("fork"), ..spec.clone() }
    };
    let mut copy = stage.start(fork(0, usage(0, 0, 0, 0)));
    copy.turn(1, "PROMPT-FORK").await;
    assert_eq!(copy.turn_end().await, completed("Forked."));
    assert_eq!(copy.native_id().unwrap(), other.id.to_string(), "its id is ours");
    assert_eq!(copy.spent(false), usage(100, 0, 0, 10), "what the original has spent is not counted again");
    world.noted("Forked.").await;

    original.turn(2, "PROMPT-TWO").await;
    assert_eq!(original.turn_end().await, completed("Still mine."));
    let bodies = world.bodies("main");
    let counts = |body: &serde_json::Value| {
        ["PROMPT-ONE", "word is plum", "PROMPT-FORK", "PROMPT-TWO"].map(|text| occurrences(body, text))
    };
    assert_eq!(counts(&bodies[1]), [1, 1, 1, 0], "{}", bodies[1]["messages"]);
    assert_eq!(counts(&bodies[2]), [1, 1, 0, 1], "{}", bodies[2]["messages"]);

    // A fork is resumed like any other conversation.
    copy.order(zwarm_tui::executors::Order::End).await;
    assert_eq!(copy.ended().await, None);
    let mut copy = stage.start(fork(1, usage(100, 0, 0, 10)));
    copy.turn(2, "PROMPT-AGAIN").await;
    assert_eq!(copy.turn_end().await, completed("Forked again."));
    let last = world.bodies("main").pop().unwrap();
    assert_eq!(counts(&last), [1, 1, 1, 0], "{}", last["messages"]);
    copy.order(zwarm_tui::executors::Order::End).await;
    assert_eq!(copy.ended().await, None);
    end(&mut original, &stage).await;
}
