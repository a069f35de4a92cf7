//! The tabs of the session view: every key of a text does something there, or says why not.

use super::{fixture::Fixture, msg::UiEffect};
use crate::ui::{
    model::run::Tab,
    msg::{Answer, Msg, SessionRead},
};

/// The view of the selected session, at a tab, with raw lines that were read.
fn at(tab: Tab, width: u16, height: u16) -> Fixture {
    let mut f = Fixture::busy(width, height);
    f.keys("2 enter");
    let session = f.model.run().unwrap().look.selected.unwrap();
    while f.model.run().unwrap().look.tab != tab {
        f.keys("]");
    }
    let long = |n: usize| format!("{{\"n\":{n},\"text\":\"{}needle{n}\"}}", "word ".repeat(60));
    let lines: Vec<String> = (0..30).map(long).collect();
    let diff =
        (0..60).map(|n| format!("--- a/f{n}.rs\n+++ b/f{n}.rs\n@@ -1 +1 @@\n-old {n}\n+new {n}\n")).collect();
    let read = SessionRead { seqs: (100..130).collect(), lines, diff, ..SessionRead::default() };
    let instance = f.id;
    f.send(Msg::Answer(Answer::SessionRead { instance, session, until: None, read: Box::new(read) }));
    f.effects.clear();
    f
}

fn copied(f: &mut Fixture) -> Option<String> {
    std::mem::take(&mut f.effects).into_iter().find_map(|effect| match effect {
        UiEffect::Copy { text, .. } => Some(text),
        _ => None,
    })
}

#[test]
fn the_whole_of_a_raw_line_can_be_read_and_searched_at_every_size() {
    for (width, height) in [(80, 24), (140, 40)] {
        let mut f = at(Tab::Raw, width, height);
        assert!(f.screen().contains("needle0"), "the end of the first line: {}", f.screen());
        f.keys("/ n e e d l e 2 0 enter");
        assert!(f.screen().contains("needle20"), "{}", f.screen());
        assert!(f.screen().contains("1/1"), "{}", f.screen());
        f.keys("y");
        assert!(copied(&mut f).unwrap().contains("needle20"));
        f.keys("w");
        assert!(!f.screen().contains("needle20\""), "cut: {}", f.screen());
        f.keys("esc w G");
        assert!(f.screen().contains("needle29"), "{}", f.screen());
    }
}

#[test]
fn what_is_known_of_a_session_can_be_copied_opened_and_searched() {
    for (width, height) in [(80, 24), (140, 40)] {
        let mut f = at(Tab::Info, width, height);
        f.keys("Y");
        assert!(copied(&mut f).unwrap().contains("Executor"));
        f.keys("j j y");
        assert!(copied(&mut f).unwrap().starts_with("Model"));
        f.keys("o");
        assert!(
            f.effects.iter().any(|effect| matches!(effect, UiEffect::Page(text) if text.contains("Tokens")))
        );
        f.keys("/ T o k e n s enter");
        f.keys("y");
        assert!(copied(&mut f).unwrap().starts_with("Tokens"));
    }
}

#[test]
fn a_key_that_has_no_meaning_in_a_tab_says_why() {
    for (tab, key, word) in [
        (Tab::Info, "f", "only the Transcript tab has roles"),
        (Tab::Raw, "v", "here y copies one, Y all"),
        (Tab::Info, "enter", "nothing folds here"),
        (Tab::Info, "w", "long lines are cut"),
        (Tab::Raw, "}", "steps are in the Transcript tab"),
    ] {
        let mut f = at(tab, 140, 40);
        f.keys(key);
        assert!(f.screen().contains(word), "{tab:?} {key}: {}", f.screen());
    }
}

#[test]
fn a_search_line_of_one_tab_does_not_stay_for_another() {
    let mut f = at(Tab::Raw, 80, 24);
    f.keys("/ x esc");
    assert_eq!(f.model.run().unwrap().look.search, None);
    f.keys("/ w o r d enter");
    assert!(f.screen().contains("/word 1/30"), "{}", f.screen());
    f.keys("esc");
    assert!(!f.screen().contains("/word"), "Esc ends the search first: {}", f.screen());
    assert!(f.screen().contains("[Raw]"));
}

#[test]
fn a_diff_is_searched_copied_and_read_to_the_side() {
    for (width, height) in [(80, 24), (140, 40), (60, 20)] {
        let mut f = at(Tab::Diff, width, height);
        f.keys("/ n e w space 4");
        assert!(f.screen().contains("/new 4"), "{}", f.screen());
        f.keys("enter");
        assert!(f.screen().contains("+new 4"), "{}", f.screen());
        f.keys("n y");
        assert_eq!(copied(&mut f).as_deref(), Some("new 40"));
        f.keys("N y");
        assert_eq!(copied(&mut f).as_deref(), Some("new 4"));
        f.keys("right");
        assert!(!f.screen().contains("+new 4"), "{}", f.screen());
        f.keys("left esc");
        assert!(f.screen().contains("f0.rs"), "back to where it began: {}", f.screen());
        f.keys("Y");
        assert!(copied(&mut f).unwrap().contains("new 59"));
    }
}

#[test]
fn the_pager_gets_raw_lines_whole_from_the_journal() {
    use crate::ui::msg::Shelf;
    let mut f = at(Tab::Raw, 80, 24);
    f.keys("j j o O");
    let asked: Vec<Option<u64>> = f
        .effects
        .iter()
        .filter_map(|effect| match effect {
            UiEffect::Shelf(Shelf::WriteRaw { line, .. }) => Some(*line),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [Some(102), None]);
}
