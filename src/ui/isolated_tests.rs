//! An isolated session on the screen: the diff of its worktree, and what is asked before its work is settled.

use super::{
    fixture::Fixture,
    msg::{Answer, Msg, Shelf, UiEffect},
};
use crate::protocol::{
    SessionId,
    event::{Activity, ActivityAdded, ChangeKind, FileChange, SessionChanged},
    tree::{Outcome, Settled, Tree},
};

const DIFF: &str = "diff --git a/src/lib.rs b/src/lib.rs
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -1,3 +1,3 @@
 /// Adds two numbers.
-pub fn add(a: i32, b: i32) -> i32 {
+pub fn sum(a: i32, b: i32) -> i32 {
     a + b
";

fn tree() -> Tree {
    Tree {
        branch: "zwarm/lexer-rewrite/s4".into(),
        worktree: "/state/worktrees/0/s4".into(),
        base: "6cdfc14a00".into(),
        git_dir: "/src/.git/worktrees/s4".into(),
        main: "/src".into(),
        main_git_dir: "/src/.git".into(),
        ..Tree::default()
    }
}

/// The busy run, whose selected session works in a worktree; its view is open at the diff.
fn at_the_diff(width: u16, height: u16) -> (Fixture, SessionId) {
    let mut f = Fixture::busy(width, height);
    f.keys("2 enter");
    let session = f.model.run().unwrap().look.selected.unwrap();
    f.event(Some(session), SessionChanged { tree: Some(tree()), ..SessionChanged::default() });
    f.effects.clear();
    f.keys("]");
    (f, session)
}

/// How often git was asked since the last call.
fn asked(f: &mut Fixture) -> usize {
    let asks = |effect: &UiEffect| matches!(effect, UiEffect::Shelf(Shelf::ReadTree { .. }));
    std::mem::take(&mut f.effects).iter().filter(|effect| asks(effect)).count()
}

fn answered(f: &mut Fixture, session: SessionId, diff: &str) {
    let (instance, diff) = (f.id, Ok(diff.to_owned()));
    f.send(Msg::Answer(Answer::TreeDiff { instance, session, diff }));
}

#[test]
fn the_diff_of_a_worktree_against_its_base() {
    for (width, height) in [(140, 40), (80, 24), (60, 20)] {
        let (mut f, session) = at_the_diff(width, height);
        answered(&mut f, session, DIFF);
        insta::assert_snapshot!(format!("tree_{width}x{height}"), f.screen());
    }
}

#[test]
fn git_is_asked_again_when_something_was_done_and_never_twice_at_once() {
    let (mut f, session) = at_the_diff(80, 24);
    assert_eq!(asked(&mut f), 1);
    assert!(f.screen().contains("asking git"));
    let change = FileChange { path: "a".into(), kind: ChangeKind::Update, added: 1, removed: 1 };
    let touched = || ActivityAdded {
        turn: 1,
        activity: Activity::FileChange { changes: vec![change.clone()], diff: String::new() },
    };
    f.event(Some(session), touched());
    f.event(Some(session), touched());
    assert_eq!(asked(&mut f), 0, "it has not answered yet");
    answered(&mut f, session, DIFF);
    assert_eq!(asked(&mut f), 1, "what came meanwhile is asked for");
    answered(&mut f, session, DIFF);
    let said = ActivityAdded { turn: 1, activity: Activity::Message { text: "x".into() } };
    f.event(Some(session), said);
    assert_eq!(asked(&mut f), 0);
    f.event(Some(session), touched());
    assert_eq!(asked(&mut f), 1);
    f.keys("[");
    answered(&mut f, session, DIFF);
    f.event(Some(session), touched());
    assert_eq!(asked(&mut f), 0, "the tab is not shown any more");
}

#[test]
fn work_is_settled_after_a_question_and_removed_work_leaves_what_the_journal_saw() {
    let (mut f, session) = at_the_diff(80, 24);
    for (key, how) in [("+", "merge"), ("=", "keep"), ("-", "discard")] {
        f.keys(key);
        assert_eq!(f.commands(), [] as [String; 0]);
        f.keys("enter");
        assert_eq!(f.commands(), [] as [String; 0], "the safe answer has the focus");
        f.keys(key);
        f.keys("y");
        let command = format!("{{\"command\":\"settle\",\"session\":\"{session}\",\"how\":\"{how}\"}}");
        assert_eq!(f.commands(), [command]);
    }
    let outcome = Outcome::Discarded;
    let work = Settled { outcome, message: "gone".into(), removed: true, ..Settled::default() };
    f.event(Some(session), SessionChanged { work: Some(work), ..SessionChanged::default() });
    assert!(f.effects.iter().any(|effect| matches!(effect, UiEffect::ReadSession { .. })));
    f.keys("+");
    assert!(f.screen().contains("it has no worktree of its own"));
}

#[test]
fn a_session_that_is_looked_at_stays_when_another_one_begins() {
    let (mut f, session) = at_the_diff(80, 24);
    answered(&mut f, session, DIFF);
    f.session(9, "codex", "something else");
    assert_eq!(f.model.run().unwrap().look.selected, Some(session));
    assert!(f.screen().contains("zwarm/lexer-rewrite/s4"));
}

#[test]
fn a_fork_is_asked_of_the_run_with_the_text_behind_its_name() {
    let (mut f, session) = at_the_diff(80, 24);
    f.keys("F");
    f.types("try it otherwise");
    f.keys("enter");
    let command =
        format!("{{\"command\":\"fork\",\"session\":\"{session}\",\"prompt\":\"try it otherwise\"}}");
    assert_eq!(f.commands(), [command]);
}
