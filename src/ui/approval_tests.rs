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

#[test]
fn other_cards_are_reached_and_the_help_says_the_keys_of_the_card() {
    let mut f = Fixture::busy(140, 40);
    f.event(None, opened(serde_json::json!({"command": "first"})));
    let second = InboxOpened {
        inbox_id: InboxId(uuid::Uuid::from_u128(71)),
        title: "Done?\n1. yes\n2. no".into(),
        what: InboxKind::Question,
        ..opened(serde_json::json!({"command": "second"}))
    };
    f.event(None, second);
    f.keys("a");
    assert!(f.screen().contains("Inbox 1/2") && f.screen().contains("other cards"), "{}", f.screen());
    f.keys("right");
    let screen = f.screen();
    assert!(screen.contains("Inbox 2/2") && screen.contains("command   second"), "{screen}");
    let rows: Vec<_> = ["Done?", "1. yes", "2. no"]
        .iter()
        .map(|text| screen.lines().position(|line| line.contains(text)).unwrap())
        .collect();
    assert!(rows.is_sorted() && rows[0] < rows[2], "a question keeps its lines: {screen}");
    f.keys("?");
    let screen = f.screen();
    assert!(screen.contains("What is open") && screen.contains("decline"), "{screen}");
    f.keys("esc right");
    assert!(f.screen().contains("Inbox 1/2"), "{}", f.screen());
    f.keys("esc");
    f.wait(1_000);
    f.keys("a");
    f.screen();
    f.wait(1_000);
    f.keys("r ?");
    let screen = f.screen();
    assert!(!screen.contains("What is open"), "it is a letter of the text: {screen}");
    f.keys("f1");
    assert!(f.screen().contains("What is open"), "{}", f.screen());
}

#[test]
fn a_held_call_has_not_started_and_an_edited_one_is_shown_as_it_ran() {
    use crate::protocol::event::{ToolFinished, ToolStarted};
    let mut f = Fixture::busy(140, 40);
    let call = |id: &str| serde_json::json!({"type": "function_call", "call_id": id, "name": "bash", "arguments": "{\"command\":\"echo danger\"}"});
    let item = |value: serde_json::Value| {
        let item = serde_json::value::RawValue::from_string(value.to_string()).unwrap().into();
        crate::protocol::event::ItemAdded {
            item_id: 40,
            item,
            wire: crate::protocol::Wire::Responses,
            tokens: 1,
        }
    };
    f.event(None, item(call("x1")));
    let row = |screen: &str, text: &str| {
        screen.lines().find(|line| line.contains(text)).unwrap_or_default().to_owned()
    };
    let screen = f.screen();
    assert!(row(&screen, "echo danger").contains("not started"), "{screen}");
    let (call_id, name) = ("x1".to_owned(), "bash".to_owned());
    let arguments = "{\"command\":\"echo safe\"}".to_owned();
    f.event(None, ToolStarted { call_id: call_id.clone(), name: name.clone(), arguments });
    let screen = f.screen();
    assert!(
        row(&screen, "echo safe").contains("(edited)") && row(&screen, "echo safe").contains("running"),
        "{screen}"
    );
    assert!(!screen.contains("echo danger"), "what ran is what is shown: {screen}");
    f.event(None, ToolFinished { call_id, name, ok: true, duration_ms: 1, cut_bytes: 0 });
    let all = f.model.run().unwrap().texts.orchestrator.exporter().newest(10_000);
    assert!(
        all.contains("echo safe") && all.contains("(edited by the human)") && !all.contains("echo danger"),
        "{}",
        &*all
    );
}

#[test]
fn a_declined_command_is_said_not_to_have_run_and_is_no_evidence() {
    use crate::protocol::event::{Activity, ActivityAdded, DECLINED};
    let mut f = Fixture::busy(140, 40);
    let session = f.model.run().unwrap().look.selected.unwrap();
    let activity = Activity::Shell {
        command: "rm -rf build".into(),
        cwd: "/".into(),
        exit_code: None,
        output: DECLINED.into(),
        duration_ms: None,
    };
    f.event(Some(session), ActivityAdded { turn: 1, activity });
    let screen = f.screen();
    assert!(
        screen.lines().any(|line| line.contains("rm -rf build") && line.contains("declined")),
        "{screen}"
    );
    let ledger = &f.model.run().unwrap().folds.ledger;
    assert!(
        ledger.of(session).unwrap().evidence.commands.iter().all(|(command, _)| !command.contains("rm -rf"))
    );
}

#[test]
fn an_abort_says_what_was_stopped_and_what_has_changed() {
    use crate::protocol::event::RunFinished;
    let mut f = Fixture::busy(200, 60);
    f.event(
        None,
        RunFinished {
            stopped_by: "human_abort".into(),
            steps: 2,
            exit_message: "aborted by the human".into(),
            exit_code: 3,
            usage: Default::default(),
            open_sessions: vec!["s3".into(), "s4".into()],
            unmerged: Vec::new(),
        },
    );
    let screen = f.screen();
    assert!(screen.contains("stopped: s3, s4 · changed: tests/lexer_golden.rs"), "{screen}");
}

#[test]
fn a_cap_that_cannot_be_raised_to_what_is_written_is_said_in_the_card() {
    let mut f = Fixture::busy(80, 24);
    let raise = Choice { id: "raise".into(), key: '+', label: "raise the cap to".into(), wants_text: true };
    let card = InboxOpened {
        what: InboxKind::Budget,
        choices: vec![raise],
        ..opened(serde_json::json!({"which": "max_tokens", "suggested": 9_000.0, "least": 6_000.0}))
    };
    f.event(None, card);
    f.wait(1_000);
    f.keys("a");
    f.screen();
    f.wait(1_000);
    f.keys("+");
    for (typed, wrong) in [("abc", "is not a number"), ("5k", "is not more than what is spent (6000)")] {
        f.types(typed);
        f.keys("enter");
        assert!(f.screen().contains(wrong) && f.commands().is_empty(), "{}", f.screen());
        f.keys("ctrl-u");
        assert!(!f.screen().contains(wrong), "{}", f.screen());
    }
    f.types("12k");
    f.keys("enter");
    assert!(f.commands().iter().any(|command| command.contains("12k")));
}
