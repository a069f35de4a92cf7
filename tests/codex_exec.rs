//! Where codex's app-server does not answer, sessions go by `codex exec`: with the real `codex` behind a script that
//! breaks its app-server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use support::{
    model_server::ModelServer,
    sessions::{Live, Stage, real_cli},
};
use zwarm_tui::{
    config::{Config, Sandbox},
    executors::{News, Order},
    protocol::{
        Usage,
        event::{Activity, TurnStatus},
    },
};

struct Bench {
    server: ModelServer,
    stage: Stage,
    _home: tempfile::TempDir,
}

/// A codex whose app-server does this instead.
fn broken(home: &Path, codex: &str, instead: &str) -> String {
    let path = home.join("codex-without-server");
    let text = format!("#!/bin/sh\nif [ \"$1\" = app-server ]; then {instead}; fi\nexec '{codex}' \"$@\"\n");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path.display().to_string()
}

async fn bench(lanes: &str, instead: &str) -> Option<Bench> {
    let codex = real_cli("ZWARM_TEST_CODEX")?;
    let server = ModelServer::from_yaml(lanes).await;
    let home = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.executor.codex_path = Some(broken(home.path(), &codex, instead));
    let provider = format!(
        "model_providers.mock={{name=\"mock\",base_url=\"{}\",wire_api=\"responses\",env_key=\"MOCK_KEY\",request_max_retries=0,stream_max_retries=0}}",
        server.v1()
    );
    let args = ["--disable", "plugins", "-c", "model_provider=\"mock\"", "-c", &provider];
    config.executor.codex_args = args.map(str::to_owned).to_vec();
    let own = home.path().to_str().unwrap();
    for (name, value) in [("MOCK_KEY", "k"), ("CODEX_HOME", own), ("HOME", own)] {
        config.executor.env.insert(name.to_owned(), Some(value.to_owned()));
    }
    Some(Bench { server, stage: Stage::new(config, None), _home: home })
}

impl Bench {
    fn start(&self) -> Live {
        let mut spec = self.stage.spec("codex", "t");
        (spec.sandbox, spec.model) = (Sandbox::WorkspaceWrite, Some("gpt-5.5".into()));
        self.stage.start(spec)
    }

    async fn close(&self, mut live: Live) {
        live.order(Order::End).await;
        assert_eq!(live.ended().await, None);
        assert_eq!(self.stage.processes.alive(), []);
    }
}

#[tokio::test]
async fn a_session_without_an_app_server_has_turns_files_tokens_and_says_what_it_cannot() {
    let lanes = r#"
lanes:
  - name: codex
    replies:
      - calls: [{apply_patch: "*** Begin Patch\n*** Add File: made.txt\n+hello\n*** End Patch"}]
        usage: {input: 1000, cached_input: 200, output: 50, reasoning: 20}
      - {text: "Made.", usage: {input: 1100, output: 10}}
      - {text: "Still held.", gate: held, usage: {input: 1200, output: 11}}
      - {text: "Back.", usage: {input: 1300, output: 12}}
"#;
    let Some(bench) = bench(lanes, "echo 'no such subcommand' >&2; exit 2").await else { return };
    let mut live = bench.start();
    live.turn(1, "FIRST").await;
    assert_eq!(live.turn_end().await, (TurnStatus::Completed, "Made.".into(), None));
    assert_eq!(std::fs::read_to_string(bench.stage.work().join("made.txt")).unwrap(), "hello\n");
    assert!(matches!(&live.activities()[0], Activity::FileChange { .. }), "{:#?}", live.seen);
    let tokens = |input, cached_input, output, reasoning| Usage {
        input,
        cached_input,
        output,
        reasoning,
        ..Usage::default()
    };
    assert_eq!(live.spent(false), tokens(2100, 200, 60, 20));
    let told = live.seen.iter().any(|news| {
        matches!(news, News::Problem { message, .. }
            if message.contains("no such subcommand") && message.contains("this session goes by 'codex exec'"))
    });
    assert!(told, "{:#?}", live.seen);

    live.turn(2, "SECOND").await;
    bench.server.held("held").await;
    let nudge = live.steer("hurry").await;
    let refused = |news: &News| matches!(news, News::SteerRefused { nudge: of, .. } if *of == nudge);
    live.until("refused", refused).await;
    let began = Instant::now();
    live.order(Order::Interrupt).await;
    assert_eq!(live.turn_end().await.0, TurnStatus::Interrupted);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(live.spent(true).input > 0);

    live.turn(3, "THIRD").await;
    assert_eq!(live.turn_end().await, (TurnStatus::Completed, "Back.".into(), None));
    assert_eq!(live.spent(false), tokens(3400, 200, 72, 20));
    let body = bench.server.asked_of("codex").pop().unwrap().body.to_string();
    let counts = ["FIRST", "SECOND", "THIRD"].map(|text| body.matches(text).count());
    assert_eq!((counts[0], counts[2]), (1, 1), "{body}");
    assert!(counts[1] <= 1, "{body}");
    bench.close(live).await;
}

#[tokio::test]
async fn an_app_server_that_hangs_is_given_up_once_and_long_answers_arrive_whole() {
    let long = "0123456789".repeat(500_000);
    let Some(bench) = bench("lanes: []", "exec sleep 1000").await else { return };
    for text in [&long[..200_000], &long] {
        bench
            .server
            .add(support::model_server::Lane::any("codex", vec![support::model_server::Reply::text(text)]));
    }
    let mut live = bench.start();
    live.turn(1, "go").await;
    let (status, answer, error) = live.turn_end().await;
    assert_eq!((status, answer.len()), (TurnStatus::Completed, 200_000), "{error:?}");
    let began = Instant::now();
    let mut second = bench.start();
    second.turn(1, "go").await;
    assert!(second.turn_end().await.1 == long, "5 MB are whole");
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "the server is not tried again: {:?}",
        began.elapsed()
    );
    second.order(Order::End).await;
    assert_eq!(second.ended().await, None);
    bench.close(live).await;
}
