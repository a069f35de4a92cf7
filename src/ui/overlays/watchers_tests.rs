//! The list of a run's watchers: what it shows, and what its keys ask for.

use crate::{
    protocol::{Command, command::WatcherMode, event::WatcherChanged},
    ui::{fixture::Fixture, msg::UiEffect},
};

fn changed(watcher: &str, mode: WatcherMode, rule: Option<&str>) -> WatcherChanged {
    let (watcher, by, rule) = (watcher.to_owned(), "human".to_owned(), rule.map(str::to_owned));
    WatcherChanged { watcher, mode, by, rule, config: None, taken_back: false }
}

/// `progress` was tuned and a rule of it allowed, `budget` is muted, and the third has nothing.
fn switched(width: u16, height: u16) -> Fixture {
    let mut f = Fixture::busy(width, height);
    let config = Some(serde_json::json!({"max_same_calls": 5}));
    f.event(None, WatcherChanged { config, ..changed("progress", WatcherMode::On, None) });
    f.event(None, changed("progress", WatcherMode::On, Some("no_check")));
    f.event(None, changed("budget", WatcherMode::Muted, None));
    f
}

/// The commands that were sent.
fn sent(f: &Fixture) -> Vec<Command> {
    let command = |effect: &UiEffect| match effect {
        UiEffect::Send(_, command) => Some(command.clone()),
        _ => None,
    };
    f.effects.iter().filter_map(command).collect()
}

fn set(name: &str, mode: WatcherMode, rule: Option<&str>, taken_back: bool) -> Command {
    Command::SetWatcher {
        name: name.to_owned(),
        mode,
        rule: rule.map(str::to_owned),
        config: None,
        taken_back,
    }
}

#[test]
fn all_watchers_at_all_sizes() {
    for (width, height) in [(140, 40), (80, 24), (60, 20)] {
        let mut f = switched(width, height);
        f.keys("W");
        insta::assert_snapshot!(format!("all_watchers_{width}x{height}"), f.screen());
    }
}

#[test]
fn a_watcher_that_has_never_spoken_is_switched_muted_and_tuned_from_the_list() {
    let mut f = switched(80, 24);
    f.keys("W j j d y");
    f.keys("j m y");
    assert_eq!(
        sent(&f),
        [
            set("budget", WatcherMode::Off, None, false),
            set("delegation_reminder", WatcherMode::Muted, None, false)
        ]
    );
    f.keys("t");
    assert!(f.screen().contains("Tune delegation_reminder"), "{}", f.screen());
}

#[test]
fn an_allowed_rule_is_taken_back_from_the_list_and_from_the_explanation_which_tells_both() {
    let back = set("progress", WatcherMode::On, Some("no_check"), true);
    let mut f = switched(80, 24);
    f.keys("W j w");
    assert!(f.screen().contains("no longer allowed"), "{}", f.screen());
    f.keys("y");
    assert_eq!(sent(&f), std::slice::from_ref(&back));
    let mut f = switched(140, 40);
    f.keys("4 enter");
    assert!(f.screen().contains("this rule is allowed"), "{}", f.screen());
    f.keys("w y");
    assert_eq!(sent(&f), [back]);
    let taken_back = true;
    f.event(None, WatcherChanged { taken_back, ..changed("progress", WatcherMode::On, Some("no_check")) });
    f.keys("4 enter");
    let screen = f.screen();
    assert!(!screen.contains("this rule is allowed"), "{screen}");
    assert!(
        screen.contains("rule 'no_check' no longer allowed") && screen.contains("rule 'no_check' allowed"),
        "{screen}"
    );
    f.keys("w");
    assert!(f.screen().contains("Allow rule?"), "it can be allowed again");
}

#[test]
fn where_nobody_has_spoken_the_list_is_what_enter_opens() {
    let mut f = Fixture::busy(80, 24);
    f.model.run_mut().unwrap().spoken.clear();
    f.keys("4");
    let hints = f.screen().lines().last().unwrap().to_owned();
    assert!(hints.contains("all watchers") && !hints.contains("mute"), "{hints}");
    f.keys("enter");
    assert!(f.screen().contains("Watchers of this run"), "{}", f.screen());
    f.keys("enter");
    assert!(f.screen().contains("it has not spoken yet"), "{}", f.screen());
}

/// A new launch whose configuration has `quality`, `pattern` and `llm` off.
fn with_some_off(width: u16, height: u16) -> Fixture {
    let mut f = Fixture::busy(width, height);
    let off = |name: &str| serde_json::json!({"name": name, "enabled": false, "config": {}});
    let watchers = serde_json::json!(["progress", off("quality"), off("pattern"), off("llm")]);
    f.model.run_mut().unwrap().folds.watchers = serde_json::from_value(watchers).unwrap();
    f
}

#[test]
fn a_watcher_that_is_off_in_the_configuration_is_switched_on_and_off_again_for_the_run() {
    for (width, height) in [(140, 40), (80, 24)] {
        let mut f = with_some_off(width, height);
        f.keys("W j");
        insta::assert_snapshot!(format!("off_in_the_configuration_{width}x{height}"), f.screen());
        f.keys("d y");
        assert_eq!(sent(&f), [set("quality", WatcherMode::On, None, false)]);
        f.event(None, changed("quality", WatcherMode::On, None));
        let screen = f.screen();
        assert!(screen.contains("quality              on "), "{screen}");
        assert!(screen.contains("switched on (by human)"), "{screen}");
        f.keys("d y");
        assert_eq!(sent(&f)[1], set("quality", WatcherMode::Off, None, false));
        f.event(None, changed("quality", WatcherMode::Off, None));
        assert!(f.screen().contains("d switches it on for this run"), "{}", f.screen());
    }
}

#[test]
fn a_watcher_that_lacks_a_key_says_which_and_is_switched_on_by_setting_it() {
    let mut f = with_some_off(80, 24);
    f.keys("W j j d");
    assert!(
        f.screen().contains("off in the configuration: it needs 'patterns': t sets that"),
        "{}",
        f.screen()
    );
    assert_eq!(sent(&f), []);
    f.keys("t");
    assert!(f.screen().contains("also switches it on"), "{}", f.screen());
    f.keys("esc j d");
    assert!(f.screen().contains("it must be on when a launch begins"), "{}", f.screen());
    assert_eq!(sent(&f), []);
}
