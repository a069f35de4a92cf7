//! Looking back: the past is read as the program reads it, from the fixture's journal.

use super::{
    fixture::Fixture,
    msg::{Msg, News, UiEffect},
};

/// Reads what was asked to be read, once; the step. `None`: nothing was.
fn reads(f: &mut Fixture) -> Option<u32> {
    let at = f.effects.iter().position(|effect| matches!(effect, UiEffect::Replay { .. }))?;
    let UiEffect::Replay { mut run, step } = f.effects.remove(at) else { return None };
    let run = run.read_until(step).map(|()| run);
    f.send(Msg::From(f.id, News::Past { step, run }));
    Some(step)
}

/// A busy run in its second step, looked at as it was after the first.
fn after_the_first(width: u16, height: u16) -> Fixture {
    let mut f = Fixture::busy(width, height);
    f.keys("<");
    assert_eq!(reads(&mut f), Some(1));
    f
}

#[test]
fn every_pane_shows_the_run_as_it_was_after_a_step() {
    for (width, height) in [(140, 40), (80, 24), (60, 20)] {
        let mut f = after_the_first(width, height);
        insta::assert_snapshot!(format!("replay_{width}x{height}"), f.screen());
    }
    let mut f = after_the_first(140, 40);
    let screen = f.screen();
    assert!(screen.contains("LOOKING BACK: after step 1 of 2"), "{screen}");
    for later in ["nested_comment FAILED", "no passing check", "claude"] {
        assert!(!screen.contains(later), "'{later}' came later: {screen}");
    }
    f.keys("esc");
    let screen = f.screen();
    assert!(screen.contains("nested_comment FAILED") && !screen.contains("LOOKING BACK"), "{screen}");
}

#[test]
fn the_past_adds_up_to_what_the_run_was_then() {
    let f = after_the_first(140, 40);
    let mut then = super::model::folds::Folds::default();
    let reader = crate::store::Reader::open(&f.model.present().unwrap().dir).unwrap();
    let mut all = 0;
    reader
        .scan(0, &mut |_, event| {
            let event = event.unwrap();
            if event.seq <= f.model.run().unwrap().folds.seq {
                then.apply(&event);
            }
            all = event.seq;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    let past = f.model.run().unwrap();
    assert!(past.folds.seq < all && past.folds.run.progress.step == 1 && !past.folds.run.progress.in_step);
    assert_eq!(format!("{:?}", past.folds), format!("{then:?}"));
}

#[test]
fn steps_are_gone_through_in_both_directions_to_the_beginning_and_to_now() {
    let mut f = after_the_first(80, 24);
    f.keys("<");
    assert_eq!(reads(&mut f), Some(0));
    assert!(f.screen().contains("PAST 0/2"), "{}", f.screen());
    f.keys("<");
    assert!(f.screen().contains("this is where it began"), "{}", f.screen());
    f.keys("esc >");
    assert_eq!(reads(&mut f), Some(1));
    f.keys(">");
    assert!(!f.screen().contains("PAST"), "the newest step is the present: {}", f.screen());
    f.keys(": r e p l a y . a t space 0 enter");
    assert_eq!(reads(&mut f), Some(0));
    f.keys("q");
    assert!(!f.screen().contains("PAST") && f.screen().contains("1 Orch"), "{}", f.screen());
}

#[test]
fn keys_that_come_while_a_step_is_read_are_one_more_reading() {
    let mut f = Fixture::busy(140, 40);
    f.keys("< <");
    assert_eq!(reads(&mut f), Some(1));
    assert_eq!(reads(&mut f), Some(0), "the one that was asked for last");
    assert_eq!(reads(&mut f), None);
    f.keys("> esc");
    assert_eq!(reads(&mut f), Some(1), "who has left the past is not led back into it");
    assert!(!f.screen().contains("LOOKING BACK"), "{}", f.screen());
}

#[test]
fn what_steers_leaves_the_past_first() {
    for (keys, sent) in
        [("p", r#""pause""#), ("P", r#""pause""#), (".", r#""step_once""#), ("X y", r#""abort""#)]
    {
        let mut f = after_the_first(140, 40);
        f.commands();
        f.keys(keys);
        let commands = f.commands();
        assert!(commands.len() == 1 && commands[0].contains(sent), "{keys}: {commands:?}");
        assert!(!f.screen().contains("LOOKING BACK"), "{keys}: {}", f.screen());
    }
    let mut f = after_the_first(140, 40);
    f.keys("i");
    f.types("more tests");
    f.keys("enter");
    assert!(f.commands().iter().any(|command| command.contains("more tests")));
}

#[test]
fn a_card_that_comes_meanwhile_is_told_and_does_not_cover_the_past() {
    let mut f = after_the_first(140, 40);
    f.card();
    let screen = f.screen();
    assert!(screen.contains("LOOKING BACK") && screen.contains("needs you: watcher"), "{screen}");
    f.keys("a");
    assert!(
        !f.screen().contains("LOOKING BACK") && f.screen().contains("the call names Cargo.toml"),
        "{}",
        f.screen()
    );
}

#[test]
fn a_session_of_the_past_is_read_only_up_to_then() {
    let mut f = after_the_first(140, 40);
    f.keys("2 enter ] ]");
    let until = f.model.run().unwrap().folds.seq;
    let asked = f
        .effects
        .iter()
        .any(|effect| matches!(effect, UiEffect::ReadSession { until: Some(seq), .. } if *seq == until));
    let screen = f.screen();
    assert!(asked && screen.contains("LOOKING BACK"), "{:?}\n{screen}", f.effects);
    f.keys("q esc");
    assert!(!f.screen().contains("LOOKING BACK"), "{}", f.screen());
}
