//! The configuration chain as a whole: a folder of files that must load and of files that must fail with exactly
//! the message that stands beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::json;
use zwarm_tui::{
    config::{
        self, Config, Loaded, Sources,
        trust::{self, Trust},
    },
    error::UserError,
    paths::Home,
};

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml" || ext == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// An empty place with no environment.
struct Place {
    dir: tempfile::TempDir,
    sources: Sources,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let working_dir = dir.path().join("work");
        std::fs::create_dir(&working_dir).unwrap();
        let home = Home { config: dir.path().join("config"), state: dir.path().join("state") };
        std::fs::create_dir(&home.config).unwrap();
        let sources = Sources { home, environment: BTreeMap::new(), ..Sources::new(&working_dir) };
        Self { dir, sources }
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn load(&self) -> Result<Loaded, UserError> {
        config::load(&self.sources)
    }

    fn error(&self) -> String {
        let error = self.load().unwrap_err();
        assert_eq!(error.code, 2);
        error.to_string().replace(&format!("{}/", self.dir.path().display()), "")
    }
}

fn load_file(file: &Path) -> Result<Loaded, UserError> {
    let mut place = Place::new();
    place.sources.file = Some(file.to_owned());
    place.load()
}

#[test]
fn every_valid_file_loads() {
    for file in fixtures("valid") {
        if let Err(error) = load_file(&file) {
            panic!("{}: {error}", file.display());
        }
    }
}

#[test]
fn every_invalid_file_fails_with_the_message_beside_it() {
    let mut wrong = Vec::new();
    for file in fixtures("invalid") {
        let folder = format!("{}/", file.parent().unwrap().display());
        let said = match load_file(&file) {
            Ok(_) => "it loaded".to_owned(),
            Err(error) => format!("{error}\n").replace(&folder, ""),
        };
        let beside = PathBuf::from(format!("{}.expected", file.display()));
        if std::env::var_os("ZWARM_ACCEPT").is_some() {
            std::fs::write(&beside, &said).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if said != expected {
            wrong.push(format!("{}\n expected: {expected} said:     {said}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_later_layer_wins_over_an_earlier_one() {
    let mut place = Place::new();
    let steps = |place: &Place| place.load().unwrap().config.orchestrator.max_steps;
    assert_eq!(steps(&place), 50);
    place.write("config/config.yaml", "orchestrator: {max_steps: 1, temperature: 0.1}\n");
    assert_eq!(steps(&place), 1);
    place.write("work/config.toml", "[orchestrator]\nmax_steps = 2\n");
    assert_eq!(steps(&place), 2);
    place.write("work/.zwarm/config.toml", "[orchestrator]\nmax_steps = 3\n");
    assert_eq!(steps(&place), 3);
    place.write("work/base.yaml", "orchestrator: {max_steps: 4, lm: a}\n");
    place.write("work/sub/mine.yaml", "extends: ../base.yaml\norchestrator: {lm: b}\n");
    place.sources.file = Some("sub/mine.yaml".into());
    assert_eq!(steps(&place), 4);
    place.sources.sets = vec!["orchestrator.max_steps=5".into(), "orchestrator.max_steps=6".into()];
    assert_eq!(steps(&place), 6);
    place.sources.flags = json!({"orchestrator": {"max_steps": 7}});
    let config = place.load().unwrap().config;
    assert_eq!((config.orchestrator.max_steps, config.orchestrator.lm.as_str()), (7, "b"));
    assert_eq!(config.orchestrator.temperature, Some(0.1));
}

#[test]
fn lists_are_replaced_and_blocks_are_joined() {
    let mut place = Place::new();
    place
        .write("config/config.toml", "[watchers]\nenabled = ['scope', 'quality']\nmessage_role = 'system'\n");
    place.write("work/c.yaml", "watchers: [stall]\n");
    place.sources.file = Some("c.yaml".into());
    let watchers = place.load().unwrap().config.watchers;
    assert_eq!(watchers.watchers, [config::WatcherEntry::named("stall")]);
    assert_eq!(watchers.message_role, "system");
    assert!(watchers.enabled);
}

#[test]
fn what_another_program_calls_config_toml_is_left_alone() {
    let place = Place::new();
    place.write("work/config.toml", "baseURL = 'https://example.org'\ntitle = 'A site'\n");
    assert_eq!(place.load().unwrap().config, Config::default());
    place.write("work/config.toml", "this is {{ not even TOML");
    assert_eq!(place.load().unwrap().config, Config::default());
}

#[test]
fn two_user_files_are_an_error() {
    let place = Place::new();
    place.write("config/config.toml", "").write("config/config.yaml", "");
    assert_eq!(
        place.error(),
        "there are two user files, 'config/config.toml' and 'config/config.yaml'\nhint: keep one of them"
    );
}

#[test]
fn a_set_takes_numbers_lists_and_text_by_what_the_key_wants() {
    let mut place = Place::new();
    place.sources.sets = [
        "orchestrator.lm=5",
        "orchestrator.tools=[bash, exit]",
        "budget.max_cost_usd=2.5",
        "executor.model=null",
        "notify_command=a: b",
        "ui.mouse=off",
        "executor.env.TOKEN=12345678",
    ]
    .map(str::to_owned)
    .to_vec();
    let config = place.load().unwrap().config;
    assert_eq!(config.orchestrator.lm, "5");
    assert_eq!(config.orchestrator.tools, Some(vec!["bash".into(), "exit".into()]));
    assert_eq!(config.budget.max_cost_usd, Some(2.5));
    assert_eq!(config.executor.model, None);
    assert_eq!(config.notify_command.as_deref(), Some("a: b"));
    assert!(!config.ui.mouse);
    assert_eq!(config.executor.env["TOKEN"].as_deref(), Some("12345678"));
}

#[test]
fn a_provider_is_put_together_from_several_sets_and_must_be_whole_in_the_end() {
    let mut place = Place::new();
    place.sources.sets = vec!["providers.l.wire=chat".into(), "providers.l.base_url=http://l/v1".into()];
    assert_eq!(place.load().unwrap().config.providers["l"].base_url, "http://l/v1");
    place.sources.sets.pop();
    assert_eq!(
        place.error(),
        "'providers.l.base_url' is missing\nhint: add it, for example --set \
         providers.l.base_url=http://127.0.0.1:11434/v1"
    );
}

#[test]
fn a_wrong_set_names_itself() {
    for (set, expected) in [
        (
            "orchestrator.max_steps",
            "--set 'orchestrator.max_steps' has no '='\nhint: write --set KEY=VALUE, for example --set \
             orchestrator.max_steps=20",
        ),
        (
            "orchestrator.max_stepz=3",
            "--set 'orchestrator.max_stepz=3': the key 'orchestrator.max_stepz' does not exist\nhint: did you \
             mean 'max_steps'?",
        ),
        (
            "orchestrator.max_steps=three",
            "--set 'orchestrator.max_steps=three': 'orchestrator.max_steps' must be a whole number that is \
             not negative, not the text \"three\"\nhint: 'zwarm-tui configs show' prints every key with its value",
        ),
        (
            "orchestrator.max_steps=0",
            "--set 'orchestrator.max_steps=0': 'orchestrator.max_steps' is 0, less than 1\nhint: give 1 or more",
        ),
    ] {
        let mut place = Place::new();
        place.sources.sets = vec![set.to_owned()];
        assert_eq!(place.error(), expected);
    }
}

#[test]
fn a_missing_a_huge_and_a_foreign_file_are_clear_errors() {
    let mut place = Place::new();
    place.sources.file = Some("nothing.yaml".into());
    assert_eq!(
        place.error(),
        "the configuration file 'work/nothing.yaml' cannot be read: no such file or directory\nhint: give an \
         existing file that you may read"
    );
    place.sources.file = Some(".".into());
    assert!(place.error().contains("cannot be read: it is a directory"));
    let huge = std::fs::File::create(place.dir.path().join("work/huge.yaml")).unwrap();
    huge.set_len(100 * 1024 * 1024).unwrap();
    place.sources.file = Some("huge.yaml".into());
    assert_eq!(
        place.error(),
        "the configuration file 'work/huge.yaml' has 104857600 bytes, more than the 1048576 that are read\nhint: \
         keep data out of the configuration"
    );
}

#[test]
fn the_environment_wins_over_dotenv_and_neither_is_put_into_the_process() {
    let mut place = Place::new();
    place.write("work/.env", "OPENAI_API_KEY=from-dotenv-1\nexport LOCAL='a b'\nCANARY_7719=x\n# comment\n");
    place.sources.environment = BTreeMap::from([
        ("OPENAI_API_KEY".into(), "from-environment-1".into()),
        ("WEAVE_PROJECT".into(), "me/mine".into()),
    ]);
    let loaded = place.load().unwrap();
    assert_eq!(loaded.variables["OPENAI_API_KEY"], "from-environment-1");
    assert_eq!(loaded.variables["LOCAL"], "a b");
    assert_eq!(loaded.secrets, [("OPENAI_API_KEY".to_owned(), "from-environment-1".to_owned())]);
    assert_eq!(loaded.config.weave.project.as_deref(), Some("me/mine"));
    assert!(std::env::var_os("CANARY_7719").is_none());
}

#[test]
fn a_bad_line_of_dotenv_is_named_but_not_shown() {
    let place = Place::new();
    place.write("work/.env", "A=1\nKEY=canary canary canary\n");
    let error = place.error();
    assert!(error.starts_with("work/.env:2:"), "{error}");
    assert!(!error.contains("canary"), "{error}");
}

#[test]
fn secrets_are_what_providers_name_and_what_is_named_like_one() {
    let mut place = Place::new();
    place.write("config/config.yaml", "providers: {l: {base_url: 'http://l/v1', api_key_env: ODD}}\n");
    place.sources.environment = [("ODD", "1"), ("MY_TOKEN", "2"), ("HOME", "3"), ("CODEX_API_KEY", "")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let secrets = place.load().unwrap().secrets;
    assert_eq!(secrets, [("MY_TOKEN".into(), "2".into()), ("ODD".into(), "1".into())]);
}

const RISKY: &str = "notify_command = 'curl evil'\nstate_dir = '.x'\n[executor]\nsandbox = 'danger-full-access'\n\
                     timeout = 9\n[[watchers.watchers]]\nname = 'mine'\ncommand = ['./evil']\n";

#[test]
fn risky_keys_of_a_project_wait_for_trust_and_a_change_asks_again() {
    let mut place = Place::new();
    place.write("work/.zwarm/config.toml", RISKY);
    place.write("work/.env", "OPENAI_BASE_URL=http://evil/v1\nOPENAI_API_KEY=12345678\n");
    let loaded = place.load().unwrap();
    assert_eq!(loaded.config.notify_command, None);
    assert_eq!(loaded.config.executor.sandbox, config::Sandbox::WorkspaceWrite);
    assert_eq!((loaded.config.executor.timeout, loaded.config.state_dir.as_str()), (9, ".x"));
    assert_eq!(loaded.config.watchers, config::Watchers::default());
    assert!(!loaded.variables.contains_key("OPENAI_BASE_URL"));
    assert!(loaded.variables.contains_key("OPENAI_API_KEY"));
    let untrusted = loaded.untrusted.unwrap();
    let prefix = format!("{}/", place.dir.path().display());
    let keys: Vec<String> = untrusted.keys.iter().map(|key| key.replace(&prefix, "")).collect();
    assert_eq!(
        keys,
        [
            "work/.zwarm/config.toml:1:1: 'notify_command' = \"curl evil\"",
            "work/.zwarm/config.toml:4:1: 'executor.sandbox' = \"danger-full-access\"",
            "work/.zwarm/config.toml:6:1: 'watchers.watchers[0]' = {\"name\":\"mine\",\"command\":[\"./evil\"]}",
            "work/.env: 'OPENAI_BASE_URL' = \"http://evil/v1\"",
        ]
    );
    assert_eq!(untrusted.error().code, 2);

    let state = place.sources.home.state.clone();
    trust::remember(&state, &place.sources.working_dir, &untrusted.digest).unwrap();
    let loaded = place.load().unwrap();
    assert_eq!(loaded.untrusted, None);
    assert_eq!(loaded.config.notify_command.as_deref(), Some("curl evil"));
    assert_eq!(loaded.variables["OPENAI_BASE_URL"], "http://evil/v1");

    place.write("work/.zwarm/config.toml", &RISKY.replace("curl evil", "curl worse"));
    assert!(place.load().unwrap().untrusted.is_some());
    place.sources.trust = Trust::Given;
    assert_eq!(place.load().unwrap().config.notify_command.as_deref(), Some("curl worse"));
}

#[test]
fn a_harmless_project_asks_nothing() {
    let place = Place::new();
    place.write("work/.zwarm/config.toml", "[executor]\nsandbox = 'read-only'\napproval = 'never'\n");
    place.write("work/.env", "OPENAI_API_KEY=12345678\n");
    assert_eq!(place.load().unwrap().untrusted, None);
}

#[test]
fn the_reference_s_names_are_mapped_with_a_warning() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config/valid/reference_3_10_6.toml");
    let loaded = load_file(&file).unwrap();
    assert_eq!(loaded.config.executor.adapter.as_deref(), Some("codex"));
    let folder = format!("{}/", file.parent().unwrap().display());
    let warnings: Vec<String> = loaded.warnings.iter().map(|line| line.replace(&folder, "")).collect();
    assert_eq!(
        warnings,
        [
            "reference_3_10_6.toml:19:11: the adapter 'codex_mcp' is called 'codex' here",
            "reference_3_10_6.toml:5:1: the key 'orchestrator.max_steps_per_turn' has no effect: there is no pilot \
             mode",
            "reference_3_10_6.toml:22:1: the key 'executor.reasoning_effort' has no effect: each executor has its \
             own setting, for example executor.codex_args",
        ]
    );
}

#[test]
fn the_commented_default_file_says_exactly_the_defaults() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/config.toml");
    let loaded = load_file(&file).unwrap();
    assert_eq!(loaded.config, Config::default());
    let text = std::fs::read_to_string(file).unwrap();
    let uncommented: String =
        text.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
    let place = Place::new();
    place.write("work/all.toml", &uncommented);
    let mut sources = place.sources.clone();
    sources.file = Some("all.toml".into());
    config::load(&sources).unwrap();
    let every = serde_json::to_value(Config::default()).unwrap();
    let mut missing = Vec::new();
    keys(&every, &mut missing);
    missing.retain(|key| !uncommented.contains(key.as_str()));
    assert_eq!(missing, Vec::<String>::new(), "keys that the default file does not name");
}

fn keys(value: &serde_json::Value, into: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        into.push(key.clone());
        keys(value, into);
    }
}
