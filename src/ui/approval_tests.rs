//! What a person sees of approvals and of messages to sessions: cards that are longer than the screen, what the
//! transcript says of them, and how far a message has come.

use super::fixture::Fixture;
use crate::protocol::{
    InboxId, NudgeId, NudgeTarget,
    event::{
        Choice, InboxClosed, InboxKind, InboxOpened, NudgeChanged, NudgeQueued, NudgeSeen, NudgeSent,
        NudgeWithdrawn, SentHow,
    },
};

fn opened(detail: serde_json::Value) -> InboxOpened {
    let choice = |id: &str, key: char, wants_text| Choice {
        id: id.to_owned(),
        key,
        label: id.replace('_', " "),
        wants_text,
    };
    InboxOpened {
        inbox_id: InboxId(uuid::Uuid::from_u128(70)),
        what: InboxKind::Approval,
        session: None,
        title: "s1 wants to change files".to_owned(),
        detail,
        choices: vec![choice("accept", 'c', false), choice("decline", 'r', true)],
        digest: "d".to_owned(),
    }
}

#[test]
fn a_card_that_is_longer_than_the_screen_says_how_much_lies_below_and_above() {
    let mut f = Fixture::busy(80, 24);
    let diff: String = (0..40).map(|n| format!("+line {n}\n")).collect();
    f.event(None, opened(serde_json::json!({"kind": "file_change", "command": "a.rs", "diff": diff})));
    f.keys("a");
    let screen = f.screen();
    assert!(screen.contains("files     a.rs") && !screen.contains("kind"), "{screen}");
    assert!(screen.contains("more lines below: PgDn"), "{screen}");
    f.keys("pgdn");
    let screen = f.screen();
    assert!(screen.contains("lines above: PgUp") && screen.contains("below: PgDn"), "{screen}");
    f.keys("pgdn pgdn pgdn pgdn pgdn");
    let screen = f.screen();
    assert!(screen.contains("line 39") && screen.contains("lines above: PgUp"), "{screen}");
    assert!(!screen.contains("below"), "{screen}");
    f.keys("pgup pgup pgup pgup pgup pgup");
    assert!(f.screen().contains("files     a.rs"));
}

#[test]
fn the_transcript_says_what_was_asked_and_decided_and_the_tab_counts_no_decision() {
    let mut f = Fixture::busy(140, 40);
    let before = f.screen_at(80, 24);
    f.event(None, opened(serde_json::json!({"kind": "shell", "command": "make\nall"})));
    let (inbox_id, by, digest) = (InboxId(uuid::Uuid::from_u128(70)), "human".to_owned(), "d".to_owned());
    f.event(
        None,
        InboxClosed {
            inbox_id,
            choice: "accept_for_session".into(),
            text: None,
            by,
            digest,
            about: "s1 wants to change files: make all".into(),
        },
    );
    let screen = f.screen_at(140, 40);
    assert!(screen.contains("APPROVAL s1 wants to change files: make all"), "{screen}");
    assert!(
        screen.contains("accepted for this session by human · s1 wants to change files: make all"),
        "{screen}"
    );
    let tab = |screen: &str| screen.lines().nth(1).unwrap().split("4 Watch").nth(1).unwrap()[..4].to_owned();
    assert_eq!(tab(&f.screen_at(80, 24)), tab(&before));
}

#[test]
fn how_far_a_message_has_come_is_seen_while_one_types_and_its_changes_in_the_session() {
    let mut f = Fixture::busy(80, 24);
    f.keys("2 i");
    let session = f.model.run().unwrap().look.selected.unwrap();
    let nudge_id = NudgeId(uuid::Uuid::from_u128(5));
    let target = NudgeTarget::Session(session);
    f.event(None, NudgeQueued { nudge_id, target, text: "use tabs".into(), by: "human".into() });
    let screen = f.screen();
    assert!(screen.contains("1 queued (Alt-Up edits, Alt-Del withdraws): use tabs"), "{screen}");
    assert!(screen.contains("at its next request"), "claude takes it between two requests: {screen}");
    f.types("x");
    assert!(!f.screen().contains("1 queued"), "what is written has the room");
    f.keys("backspace");
    f.event(None, NudgeChanged { nudge_id, text: "use blanks".into() });
    f.event(Some(session), NudgeSent { nudge_id, how: SentHow::Steer });
    assert!(f.screen().contains("sent: use blanks"));
    f.event(Some(session), NudgeSeen { nudge_id, step: None, turn: Some(1) });
    assert!(f.screen().contains("seen in turn 1: use blanks"));
    let other = NudgeId(uuid::Uuid::from_u128(6));
    f.event(None, NudgeQueued { nudge_id: other, target, text: "never mind".into(), by: "human".into() });
    f.event(None, NudgeWithdrawn { nudge_id: other, why: "withdrawn".into() });
    f.keys("esc enter");
    let screen = f.screen();
    for text in ["NUDGE use tabs", "NUDGE (changed) use blanks", "nudge not delivered: withdrawn"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
}

#[test]
fn a_fork_of_the_run_offers_the_step_at_the_cursor() {
    let mut f = Fixture::busy(80, 24);
    // Its second step is not over: what can be kept is the first.
    f.keys("G { :");
    f.types("run.fork");
    f.keys("enter");
    assert!(f.screen().contains("> run.fork 1 "), "{}", f.screen());
}
