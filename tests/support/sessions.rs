//! Executor sessions without an agent: orders in, news out.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::mpsc;
use zwarm_tui::{
    config::{Approval, Config, Sandbox},
    executors::{Decision, Executors, Handle, News, Order, Resume, SessionSpec, Setup},
    process::Processes,
    protocol::{
        InstanceId, NudgeId, SessionId, StreamKey, Usage,
        command::Delivery,
        event::{Activity, TurnStatus},
        scenario::Scenario,
    },
};

/// Nothing in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// An instance with executors and nothing else.
pub struct Stage {
    pub dir: tempfile::TempDir,
    pub executors: Executors,
    pub processes: Processes,
    pub deltas: Arc<Mutex<Vec<(StreamKey, String)>>>,
}

impl Stage {
    pub fn new(config: Config, scenario: Option<Scenario>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("work")).unwrap();
        let helper = PathBuf::from(env!("CARGO_BIN_EXE_zwarm-tui"));
        let processes = Processes::open(InstanceId::random(), dir.path(), helper).unwrap();
        let deltas = Arc::new(Mutex::new(Vec::new()));
        let kept = deltas.clone();
        let executors = Executors::new(Setup {
            config: Arc::new(config),
            processes: processes.clone(),
            scenario: scenario.map(Arc::new),
            deltas: Arc::new(move |stream, text| {
                kept.lock().unwrap().push((stream.clone(), text.to_owned()))
            }),
            redactor: Arc::new(zwarm_tui::text::Redactor::new([])),
        });
        Self { dir, executors, processes, deltas }
    }

    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work").canonicalize().unwrap()
    }

    pub fn spec(&self, adapter: &str, task: &str) -> SessionSpec {
        SessionSpec {
            id: SessionId::random(),
            short_id: "s1".into(),
            adapter: adapter.into(),
            model: None,
            cwd: self.work(),
            dir: self.dir.path().join("session"),
            task: task.into(),
            resume: None,
            approval: Approval::Never,
            sandbox: Sandbox::WorkspaceWrite,
            prepare: None,
        }
    }

    pub fn start(&self, spec: SessionSpec) -> Live {
        let (to, news) = mpsc::channel(1024);
        Live { handle: self.executors.start(spec, to), news, seen: Vec::new() }
    }

    /// What has streamed into streams of this kind.
    pub fn streamed(&self, kind: &str) -> String {
        let deltas = self.deltas.lock().unwrap();
        deltas
            .iter()
            .filter(|(stream, _)| stream.item.starts_with(kind))
            .map(|(_, text)| text.as_str())
            .collect()
    }

    /// Waits until something has streamed that contains the text.
    pub async fn until_streamed(&self, kind: &str, text: &str) {
        let wait = async {
            while !self.streamed(kind).contains(text) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("'{text}' never streamed"));
    }
}

/// A running session.
pub struct Live {
    pub handle: Handle,
    news: mpsc::Receiver<(SessionId, News)>,
    pub seen: Vec<News>,
}

impl Drop for Live {
    /// A failing test shows what it saw.
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("seen: {:#?}", self.seen);
        }
    }
}

impl Live {
    pub async fn order(&self, order: Order) {
        self.handle.orders.send(order).await.unwrap();
    }

    pub async fn turn(&self, turn: u32, prompt: &str) {
        self.order(Order::Turn { turn, prompt: prompt.into() }).await;
    }

    pub async fn steer(&self, text: &str) -> NudgeId {
        let nudge = NudgeId::random();
        self.order(Order::Steer { nudge, text: text.into(), how: Delivery::Auto }).await;
        nudge
    }

    pub async fn answer(&self, key: &str, decision: Decision) {
        self.order(Order::Answer { key: key.into(), decision, reason: None }).await;
    }

    /// The next news of which this is true; what came before is in `seen` too.
    pub async fn until(&mut self, what: &str, is: impl Fn(&News) -> bool) -> News {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.news.recv()).await;
            let Ok(Some((_, news))) = next else { panic!("no '{what}' came; seen: {:#?}", self.seen) };
            self.seen.push(news.clone());
            if is(&news) {
                return news;
            }
            assert!(!matches!(news, News::Ended { .. }), "ended before '{what}': {:#?}", self.seen);
        }
    }

    /// The end of a turn: status, response, error.
    pub async fn turn_end(&mut self) -> (TurnStatus, String, Option<String>) {
        match self.until("turn end", |news| matches!(news, News::TurnEnded { .. })).await {
            News::TurnEnded { status, response, error, .. } => (status, response, error),
            _ => unreachable!(),
        }
    }

    pub async fn asked(&mut self) -> zwarm_tui::executors::ApprovalRequest {
        match self.until("an approval", |news| matches!(news, News::Asked(_))).await {
            News::Asked(ask) => ask,
            _ => unreachable!(),
        }
    }

    pub async fn ended(&mut self) -> Option<String> {
        match self.until("the end", |news| matches!(news, News::Ended { .. })).await {
            News::Ended { error } => error,
            _ => unreachable!(),
        }
    }

    pub fn activities(&self) -> Vec<Activity> {
        let activity = |news: &News| match news {
            News::Activity { activity, .. } => Some(activity.clone()),
            _ => None,
        };
        self.seen.iter().filter_map(activity).collect()
    }

    /// Tokens so far: counted, or estimated.
    pub fn spent(&self, of_estimates: bool) -> Usage {
        let mut sum = Usage::default();
        for news in &self.seen {
            match news {
                News::Usage { usage, estimated, .. } if *estimated == of_estimates => sum.add(usage),
                _ => {}
            }
        }
        sum
    }

    pub fn native_id(&self) -> Option<String> {
        self.seen.iter().find_map(|news| match news {
            News::Started { native_id, .. } => native_id.clone(),
            _ => None,
        })
    }

    /// What a new process is told of it.
    pub fn resume(&self, turns: u32) -> Resume {
        Resume { native_id: self.native_id(), counted: self.spent(false), turns, ..Resume::default() }
    }
}

/// The path of a real CLI, from the environment. `None`: the test is left out, and says so.
pub fn real_cli(variable: &str) -> Option<String> {
    let path = std::env::var(variable).ok().filter(|path| Path::new(path).is_file());
    if path.is_none() {
        let required = std::env::var("ZWARM_TEST_CLIS_REQUIRED").is_ok_and(|value| value == "1");
        assert!(!required, "{variable} names no program, and ZWARM_TEST_CLIS_REQUIRED is set");
        super::left_out(&format!("{variable} names no program"));
    }
    path
}

/// The small ACP agent of the examples.
pub fn agent_program() -> String {
    static BUILT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| example("acp_agent")).display().to_string()
}

/// A program of the examples, built if need be: a single test program alone does not.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap().to_owned();
    let mut build = std::process::Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--example", name, "--manifest-path"]);
    build.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    build.arg("--target-dir").arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "the example '{name}' was not built");
    profile.join("examples").join(name)
}
