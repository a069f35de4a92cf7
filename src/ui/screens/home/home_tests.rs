use std::path::PathBuf;

use super::*;
use crate::{
    store::Meta,
    ui::{
        fixture::Fixture,
        msg::{Answer, Msg},
    },
};

fn one(n: u32, name: &str, state: &str, stopped_by: &str, origin: Origin) -> Listed {
    let mut meta = Meta {
        id: format!("b7c1e2{n:02}-0000-4000-8000-000000000001"),
        name: name.to_owned(),
        task: format!("Work on {name}: find the race in upload_test and keep the public API"),
        state: state.to_owned(),
        stopped_by: stopped_by.to_owned(),
        working_dir: "/home/me/src/web".to_owned(),
        updated_at: format!("2026-11-2{}T10:04:31.000000+00:00", 4 - n.min(3)),
        ..Meta::default()
    };
    meta.numbers.steps = 5 + n;
    meta.numbers.max_steps = 40;
    meta.numbers.tokens = 33_000 * u64::from(n);
    meta.numbers.cost_usd = (n != 2).then_some(0.48);
    Listed { dir: PathBuf::from(format!("/state/instances/{n}")), meta, origin, live: None }
}

fn some() -> Vec<Listed> {
    let mut live = one(1, "auth-migration", "running", "", Origin::Ours);
    live.live = Some(4_711);
    live.meta.numbers.inbox_open = 2;
    let mut damaged = one(3, "perf", "", "", Origin::Damaged("'meta.json' is not JSON".to_owned()));
    damaged.meta.working_dir.clear();
    vec![
        one(0, "docs-pass", "done", "exit", Origin::Ours),
        live,
        one(2, "flaky-ci", "crashed", "", Origin::Ours),
        damaged,
        one(4, "old-run", "done", "", Origin::Reference("1.3")),
    ]
}

/// At home, with the list.
pub(crate) fn home(width: u16, height: u16) -> Fixture {
    let mut f = Fixture::new(width, height);
    f.keys("q");
    f.effects.clear();
    f.send(Msg::Answer(Answer::Listed(some())));
    let chosen = f.model.home.chosen().unwrap().clone();
    let lines = vec![
        ("task", chosen.meta.task.clone()),
        ("state", "live in process 4711, running since 2026-11-23 10:04".to_owned()),
        ("end", "it is live".to_owned()),
        ("last", "step 5  bash  failed".to_owned()),
        ("files", "events.jsonl 1.1 MB ok".to_owned()),
    ];
    f.send(Msg::Answer(Answer::Previewed(Preview { dir: chosen.dir, lines })));
    f
}

fn names(f: &Fixture) -> Vec<&str> {
    f.model.home.shown.iter().map(|at| f.model.home.all[*at].meta.name.as_str()).collect()
}

#[test]
fn the_run_that_was_left_is_the_chosen_one_and_a_later_reading_moves_nothing() {
    let mut f = home(80, 24);
    let id = f.model.home.chosen().unwrap().meta.id.clone();
    let mut all = some();
    let mut left = one(9, "the-one-left", "running", "", Origin::Ours);
    let mut run = Fixture::new(80, 24);
    left.meta.id = run.id.to_string();
    all.push(left);
    run.model.home.all = some();
    run.keys("q");
    run.send(Msg::Answer(Answer::Listed(all.clone())));
    assert_eq!(run.model.home.chosen().unwrap().meta.name, "the-one-left");
    run.keys("g");
    let first = run.model.home.chosen().unwrap().meta.id.clone();
    run.send(Msg::Answer(Answer::Listed(all)));
    assert_eq!(run.model.home.chosen().unwrap().meta.id, first);
    f.send(Msg::Answer(Answer::Listed(some())));
    assert_eq!(f.model.home.chosen().unwrap().meta.id, id);
}

#[test]
fn the_list_at_all_sizes() {
    for (width, height) in [(140, 40), (80, 24), (60, 20)] {
        insta::assert_snapshot!(format!("home_{width}x{height}"), home(width, height).screen());
    }
}

#[test]
fn what_needs_the_human_comes_first_and_a_filter_and_an_order_are_kept() {
    let mut f = home(80, 24);
    assert_eq!(names(&f), ["auth-migration", "docs-pass", "flaky-ci", "perf", "old-run"]);
    f.keys("s");
    assert_eq!(names(&f), ["auth-migration", "docs-pass", "flaky-ci", "old-run", "perf"]);
    f.keys("/");
    f.types("crash fl");
    assert_eq!(names(&f), ["flaky-ci"]);
    f.keys("enter G r");
    let resumed = f.effects.iter().find_map(|effect| match effect {
        UiEffect::Launch(launch) => Some(launch.what.clone()),
        _ => None,
    });
    assert_eq!(resumed, Some(What::Resume { dir: "/state/instances/2".into(), task: None }));
    f.keys("/ esc");
    assert_eq!(names(&f).len(), 5);
}

#[test]
fn one_that_is_done_asks_for_a_further_task_and_one_of_the_reference_becomes_a_new_one() {
    let mut f = home(80, 24);
    f.keys("j r");
    f.types("and now the tests");
    assert!(f.screen().contains("further task: and now the tests"));
    f.keys("enter");
    let further = f.effects.drain(..).find_map(|effect| match effect {
        UiEffect::Launch(launch) => Some(launch.what),
        _ => None,
    });
    let dir = PathBuf::from("/state/instances/0");
    assert_eq!(further, Some(What::Resume { dir, task: Some("and now the tests".to_owned()) }));
    f.keys("G r");
    assert!(
        f.effects
            .iter()
            .any(|effect| matches!(effect, UiEffect::Shelf(crate::ui::msg::Shelf::Adopt(listed, _)) if listed.meta.name == "old-run"))
    );
}

#[test]
fn deleting_asks_for_the_word_and_is_refused_for_a_live_one() {
    let mut f = home(80, 24);
    f.keys("d");
    assert!(f.screen().contains("it cannot be deleted: it is live"));
    f.keys("j d enter");
    f.types("delet");
    f.keys("enter");
    assert!(
        !f.effects.iter().any(|effect| matches!(effect, UiEffect::Shelf(crate::ui::msg::Shelf::Delete(_))))
    );
    insta::assert_snapshot!("home_delete_80x24", f.screen());
    f.types("e");
    f.keys("enter");
    assert!(
        f.effects
            .iter()
            .any(|effect| matches!(effect, UiEffect::Shelf(crate::ui::msg::Shelf::Delete(listed)) if listed.meta.name == "docs-pass"))
    );
}

#[test]
fn a_damaged_one_can_be_deleted_but_not_resumed_and_a_name_is_changed() {
    let mut f = home(80, 24);
    f.keys("G k r");
    assert!(f.screen().contains("it cannot be resumed: 'meta.json' is not JSON"));
    f.keys("d");
    assert!(matches!(f.model.overlays.last(), Some(Overlay::Delete(_))));
    f.keys("esc g j R ctrl-u");
    f.types("docs");
    f.keys("enter");
    let expected = |effect: &UiEffect| matches!(effect, UiEffect::Shelf(crate::ui::msg::Shelf::Rename { name, .. }) if name == "docs");
    assert!(f.effects.iter().any(expected));
}

#[test]
fn the_picker_shows_only_what_can_go_on() {
    let mut f = home(80, 24);
    f.model.home = Home::picker();
    f.send(Msg::Answer(Answer::Listed(some())));
    assert_eq!(names(&f), ["flaky-ci"]);
}

#[test]
fn a_thousand_are_listed_and_hostile_names_stay_in_their_cells() {
    let mut f = home(80, 24);
    let many =
        (0..1_000).map(|n| one(n, &format!("run-{n}\u{1b}[31m\u{202e}"), "done", "exit", Origin::Ours));
    f.send(Msg::Answer(Answer::Listed(many.collect())));
    f.keys("G");
    let screen = f.screen();
    assert!(screen.contains("1000 of 1000") && screen.contains("run-999"), "{screen}");
    assert!(!screen.contains('\u{1b}') && !screen.contains('\u{202e}'));
}

#[test]
fn the_run_that_was_just_left_is_chosen_in_the_list() {
    let mut f = Fixture::busy(140, 40);
    f.keys("q");
    let mut all = some();
    let mut own = one(5, "lexer-rewrite", "running", "", Origin::Ours);
    own.meta.id = f.id.to_string();
    all.push(own);
    f.send(Msg::Answer(Answer::Listed(all)));
    assert_eq!(
        f.model.home.chosen().map(|listed| listed.meta.name.clone()),
        Some("lexer-rewrite".to_owned())
    );
    f.keys("up");
    f.send(Msg::Answer(Answer::Listed(some())));
    assert_ne!(
        f.model.home.chosen().map(|listed| listed.meta.name.clone()),
        Some("lexer-rewrite".to_owned())
    );
}
