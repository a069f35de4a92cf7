use super::*;
use crate::{
    config::{Approval, Sandbox},
    protocol::{
        SessionId,
        event::{ChangeKind, FileChange},
    },
};

fn spec() -> SessionSpec {
    SessionSpec {
        id: SessionId::random(),
        short_id: "s1".into(),
        adapter: "codex".into(),
        model: Some("gpt-5.5".into()),
        cwd: "/work-dir".into(),
        dir: "/nowhere".into(),
        task: String::new(),
        resume: None,
        approval: Approval::Never,
        sandbox: Sandbox::WorkspaceWrite,
        prepare: None,
    }
}

/// The lines that the recorded process printed, by the case that they belong to (a recording without cases is one).
fn recorded(name: &str) -> Vec<(Value, Vec<String>)> {
    let path = format!("{}/tests/fixtures/wire/codex-exec/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let mut cases = vec![(Value::Null, Vec::new())];
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        match text(&entry, "dir") {
            "case" => cases.push((entry["msg"].clone(), Vec::new())),
            "out" => cases.last_mut().unwrap().1.push(entry["msg"].to_string()),
            _ => {}
        }
    }
    cases.retain(|(_, lines)| !lines.is_empty());
    cases
}

fn play(heard: &mut Heard, number: u32, lines: &[String]) -> Vec<News> {
    heard.begin(number, 40);
    let mut news: Vec<News> = lines.iter().flat_map(|line| heard.line(line, 7)).collect();
    news.extend(heard.ended(None, "it ended with 0"));
    news
}

fn counted(news: &[News]) -> u64 {
    let total = |news: &News| if let News::Usage { usage, .. } = news { usage.total() } else { 0 };
    news.iter().map(total).sum()
}

#[test]
fn a_recorded_turn_becomes_activities_and_its_cumulative_tokens_differences() {
    let mut heard = Heard::new(None, Usage::default(), spec());
    let first = play(&mut heard, 1, &recorded("1-new-turn")[0].1);
    assert!(heard.native().is_some_and(|id| id.len() == 36));
    let activities: Vec<_> = first
        .iter()
        .filter_map(|news| if let News::Activity { activity, .. } = news { Some(activity) } else { None })
        .collect();
    assert_eq!(activities[0], &Activity::Reasoning { text: "think a bit".into() });
    assert!(matches!(activities[2], Activity::Shell { command, exit_code: Some(0), output, .. }
        if command == "echo hi > a.txt; ls" && output == "a.txt\n"));
    let b = FileChange { path: "/work-dir/c2/b.txt".into(), kind: ChangeKind::Add, added: 0, removed: 0 };
    assert!(matches!(activities[3], Activity::FileChange { changes, .. } if changes[1] == b));
    let end = News::TurnEnded {
        turn: 1,
        status: TurnStatus::Completed,
        response: "All done: a.txt, b.txt, c.txt.".into(),
        error: None,
    };
    assert_eq!(first.last(), Some(&end));
    assert_eq!(counted(&first), 5_782);
    let second = play(&mut heard, 2, &recorded("2-resume")[0].1);
    let total = |heard: &Heard| heard.counted.total();
    assert_eq!(counted(&second), total(&heard) - 5_782);
}

#[test]
fn every_recorded_fault_ends_its_turn_as_codex_ended() {
    for (case, lines) in recorded("3-faults") {
        let mut heard = Heard::new(None, Usage::default(), spec());
        let news = play(&mut heard, 1, &lines);
        let Some(News::TurnEnded { status, error, .. }) = news.last() else { panic!("{news:#?}") };
        let good = case["exit_code"] == 0;
        assert_eq!(*status == TurnStatus::Completed, good, "{case}: {news:#?}");
        assert_eq!(error.is_none(), good, "{case}");
    }
}

#[test]
fn a_process_that_dies_says_how_and_one_that_we_stop_is_estimated() {
    let mut heard = Heard::new(Some("t".into()), Usage::default(), spec());
    heard.begin(3, 400);
    assert_eq!(heard.line("garbage", 7), []);
    heard.line(r#"{"type":"error","message":"Reconnecting... 1/1"}"#, 7);
    let end = |status, error: Option<&str>| News::TurnEnded {
        turn: 3,
        status,
        response: String::new(),
        error: error.map(str::to_owned),
    };
    let told = "Reconnecting... 1/1 (codex exec ended (signal: 9))";
    assert_eq!(heard.ended(None, "codex exec ended (signal: 9)"), [end(TurnStatus::Failed, Some(told))]);
    heard.begin(3, 400);
    let news = heard.ended(Some(TurnStatus::Interrupted), "x");
    assert!(matches!(&news[0], News::Usage { usage, estimated: true, .. } if usage.input == 100));
    assert_eq!(news[1], end(TurnStatus::Interrupted, None));
}

#[test]
fn a_resumed_thread_is_given_its_sandbox_and_directory_again() {
    let all = |native| {
        let all = super::super::arguments(&spec(), &["--disable".into(), "plugins".into()], native);
        all.into_iter().map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let exec = "exec --sandbox workspace-write --cd /work-dir -c sandbox_workspace_write.exclude_slash_tmp=true -c \
                sandbox_workspace_write.exclude_tmpdir_env_var=true --model gpt-5.5 --disable plugins";
    assert_eq!(all(None), format!("{exec} --json --skip-git-repo-check -"));
    assert_eq!(all(Some("t1")), format!("{exec} resume --json --skip-git-repo-check t1 -"));
}
