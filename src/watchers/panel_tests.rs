use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::watchers::{Answer, Question, scenes::Scene};

fn config(value: Value) -> Watchers {
    serde_json::from_value(value).unwrap()
}

fn panel(value: Value) -> Panel {
    Panel::from_config(&config(value), Surroundings::default()).unwrap()
}

fn error(value: Value) -> String {
    Panel::from_config(&config(value), Surroundings::default()).unwrap_err().to_string()
}

/// Watchers and verdicts in the order in which they came.
async fn looked(panel: &Panel, scene: &Scene, gate: Gate, modes: &[(&str, WatcherMode)]) -> Vec<String> {
    let modes = modes.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect();
    let outcomes = panel.look(Arc::new(scene.sight(gate)), gate, &modes).await;
    let told = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::Spoke { spoken, muted } => {
            format!("{} {:?}{}", spoken.key(), spoken.verdict, if muted { " muted" } else { "" })
        }
        Outcome::Spent { watcher, usage, estimated, .. } => {
            format!("{watcher} spent {}{}", if estimated { "~" } else { "" }, usage.total())
        }
        Outcome::Failed { watcher, message } => format!("{watcher} failed: {message}"),
    });
    told.collect()
}

#[test]
fn the_default_three_are_on_and_those_that_are_off_do_not_sit() {
    assert_eq!(panel(json!([])).names(), ["progress", "budget", "delegation_reminder"]);
    let some =
        json!([{ "name": "quality", "enabled": false }, "stall", { "name": "mine", "command": ["./w"] }]);
    assert_eq!(panel(some.clone()).names(), ["stall", "mine"]);
    assert_eq!(panel(some.clone()).stall_after(), Some(Duration::from_secs(300)));
    assert_eq!(panel(json!({ "enabled": false, "watchers": some })).names(), Vec::<String>::new());
}

#[test]
fn a_wrong_name_key_or_value_is_an_error_that_helps() {
    for (value, expected) in [
        (json!(["progres"]), "there is no watcher 'progres'\nhint: did you mean 'progress'?"),
        (
            json!([{ "name": "progress", "config": { "max_same_call": 3 } }]),
            "the watcher 'progress' has no key 'max_same_call'\nhint: did you mean 'max_same_calls'?",
        ),
        (
            json!([{ "name": "progress", "config": { "max_same_calls": "three" } }]),
            "'max_same_calls' of the watcher 'progress' must be a whole number from 1 on, not \"three\"\nhint: for example max_same_calls: 3",
        ),
        (
            json!([{ "name": "budget", "enabled": false, "config": { "warn_at_percent": 180 } }]),
            "'warn_at_percent' of the watcher 'budget' must be a percentage (more than 0, at most 100), not 180\nhint: for example warn_at_percent: 80",
        ),
        (
            json!([{ "name": "claims", "config": { "strict": true } }]),
            "the watcher 'claims' has no key 'strict'\nhint: it has no keys",
        ),
        (
            json!(["stall", "stall"]),
            "the watcher 'stall' is there twice\nhint: put all its keys into one entry",
        ),
    ] {
        assert_eq!(error(value), expected);
    }
    assert!(error(json!(["something else"])).contains("there are progress, budget,"));
    let pattern = json!([{ "name": "pattern", "config": { "patterns": [{ "regex": "a(b" }] } }]);
    assert!(error(pattern).starts_with(
        "the watcher 'pattern' is configured wrongly: the regex 'a(b' cannot be used: unclosed group"
    ));
    let action =
        json!([{ "name": "pattern", "config": { "patterns": [{ "regex": "a", "action": "explode" }] } }]);
    assert!(error(action).contains("unknown variant `explode`"));
}

#[tokio::test]
async fn the_strongest_verdict_comes_first_then_the_order_of_the_configuration() {
    let patterns = json!({ "patterns": [{ "regex": "one" }, { "regex": "two", "action": "abort" }, { "regex": "one two", "action": "pause" }] });
    let panel = panel(
        json!(["claims", "progress", { "name": "pattern", "config": patterns }, { "name": "scope", "config": { "avoid_keywords": ["two"] } }]),
    );
    let mut scene = Scene::new();
    for _ in 0..3 {
        scene.bash("ls", 0);
    }
    scene.says("one two: all tests pass.");
    let all = [
        "pattern/'two' Abort",
        "pattern/'one two' Pause",
        "claims/tests_not_run Nudge",
        "pattern/'one' Nudge",
        "scope/avoid 'two' Nudge",
    ];
    assert_eq!(looked(&panel, &scene, Gate::Step, &[]).await, all);
    let modes = [("pattern", WatcherMode::Off), ("scope", WatcherMode::Muted)];
    assert_eq!(
        looked(&panel, &scene, Gate::Step, &modes).await,
        ["claims/tests_not_run Nudge", "scope/avoid 'two' Nudge muted"]
    );
    let modes = BTreeMap::from([("claims".to_owned(), WatcherMode::Off)]);
    assert_eq!(panel.looking(Gate::Tools, &modes), ["pattern", "scope"]);
}

struct Broken(bool);

impl Watcher for Broken {
    fn name(&self) -> &str {
        "broken"
    }
    fn looks_at(&self, _: Gate) -> bool {
        true
    }
    fn look(&self, _: &Sight) -> Vec<Spoken> {
        if self.0 {
            std::thread::sleep(Duration::from_millis(5_500));
        } else {
            panic!("on purpose");
        }
        Vec::new()
    }
}

#[tokio::test]
async fn a_watcher_that_panics_or_hangs_is_a_problem_and_the_others_speak() {
    let whole = panel(json!(["claims"]));
    let mut seats: Vec<(String, Seat)> = vec![
        ("panics".into(), Seat::Rule(Arc::new(Broken(false)))),
        ("hangs".into(), Seat::Rule(Arc::new(Broken(true)))),
    ];
    let Some(mut claims) = Arc::into_inner(whole.seats) else { panic!("shared") };
    seats.append(&mut claims);
    let panel = Panel { seats: Arc::new(seats), around: Surroundings::default(), stall_after: None };
    let mut scene = Scene::new();
    scene.says("All tests pass.");
    let expected = [
        "claims/tests_not_run Nudge",
        "panics failed: it panicked",
        "hangs failed: it did not answer within 5 s",
    ];
    assert_eq!(looked(&panel, &scene, Gate::Step, &[]).await, expected);
}

/// Gives one answer to every question and keeps the questions.
const SPENT: Usage = Usage { input: 300, cached_input: 0, cache_write: 0, output: 40, reasoning: 0 };

struct Parrot {
    answer: Result<String, String>,
    asked: Mutex<Vec<Question>>,
}

impl AskModel for Parrot {
    fn ask(
        &self,
        question: Question,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Answer, String>> + Send + '_>> {
        self.asked.lock().unwrap().push(question);
        let answer = self.answer.clone().map(|text| Answer { text, model: "m".into(), usage: Some(SPENT) });
        Box::pin(async move { answer })
    }
}

#[tokio::test]
async fn a_model_is_asked_every_few_steps_and_can_at_most_pause() {
    let ask = async |answer: Result<&str, &str>, step: u32, max_tokens: u64| {
        let answer = answer.map(str::to_owned).map_err(str::to_owned);
        let parrot = Arc::new(Parrot { answer, asked: Mutex::default() });
        let around = Surroundings { model: Some(parrot.clone()), ..Surroundings::default() };
        let config = config(
            json!([{ "name": "llm", "config": { "model": "m", "every_steps": 5, "max_tokens": max_tokens } }]),
        );
        let panel = Panel::from_config(&config, around).unwrap();
        let mut scene = Scene::new();
        scene.says("I am going round in circles.");
        scene.step = step;
        let said = looked(&panel, &scene, Gate::Step, &[]).await;
        let asked = parrot.asked.lock().unwrap().clone();
        (said, asked)
    };
    let answer = "Well:\n{\"verdict\": \"abort\", \"rule\": \"in circles\", \"reason\": \"It repeats itself.\", \"items\": [4]}";
    let (said, asked) = ask(Ok(answer), 6, 20_000).await;
    assert_eq!(said, ["llm/in_circles Pause", "llm spent 340"]);
    assert_eq!((asked.len(), asked[0].model.as_str()), (1, "m"));
    assert!(asked[0].text.contains("4 planner says: 'I am going round in circles.'"), "{}", asked[0].text);
    assert!(!asked[0].text.contains("sk-secret"), "neither system prompt nor task item");
    assert_eq!(ask(Ok(answer), 5, 20_000).await, (vec![], vec![]), "not due");
    assert_eq!(ask(Ok(answer), 6, 500).await, (vec![], vec![]), "cannot be paid for");
    assert_eq!(ask(Ok("{\"verdict\": \"continue\"}"), 6, 20_000).await.0, ["llm spent 340"]);
    assert_eq!(
        ask(Ok("I think so"), 6, 20_000).await.0,
        ["llm spent 340", "llm failed: its answer holds no verdict: 'I think so'"]
    );
    assert_eq!(ask(Err("no key"), 6, 20_000).await.0, ["llm failed: no key"]);
}

#[tokio::test]
async fn without_the_means_a_model_or_a_command_is_a_problem() {
    let panel = panel(json!(["llm", { "name": "mine", "command": ["true"] }]));
    let mut scene = Scene::new();
    scene.step = 6;
    let expected = ["llm failed: no model can be asked here", "mine failed: commands cannot be run here"];
    assert_eq!(looked(&panel, &scene, Gate::Step, &[]).await, expected);
}
