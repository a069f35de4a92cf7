use super::*;

fn scripted(yaml: &str, gates: Option<&Path>) -> Scripted {
    let scenario: Scenario = serde_yaml::from_str(yaml).unwrap();
    let variable = gates.map(|dir| ("ZWARM_GATES".to_owned(), dir.display().to_string()));
    Scripted::new(Arc::new(scenario), &variable.into_iter().collect())
}

fn request(replies: u32) -> Request {
    Request {
        items: Vec::new(),
        observation: String::new(),
        tools: Arc::default(),
        reasoning_effort: None,
        temperature: None,
        cache_key: String::new(),
        replies,
    }
}

async fn attempt(scripted: &Scripted, replies: u32) -> Result<String, Failure> {
    let (chunks, mut receiver) = tokio::sync::mpsc::channel(16);
    let drain = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
    let mut heard = Heard { chunks, text: String::new() };
    let limits = TimeLimits { idle: Duration::from_secs(5), ..TimeLimits::default() };
    let result = scripted.attempt(&request(replies), &limits, &mut heard).await;
    drop(heard);
    drain.await.unwrap();
    result.map(|reply| reply.items.iter().map(|item| item.get()).collect::<Vec<_>>().join("\n"))
}

#[tokio::test(start_paused = true)]
async fn the_history_says_which_reply_is_next_and_faults_take_up_attempts() {
    let yaml = "
model:
  - {text: one, times: 2}
  - {fault: {http: 429, retry_after: 2}, times: 2}
  - {fault: {drop: true}, text: cut}
  - {text: two}
";
    let scripted = scripted(yaml, None);
    assert!(attempt(&scripted, 0).await.unwrap().contains(r#""text":"one""#));
    assert!(attempt(&scripted, 1).await.unwrap().contains(r#""text":"one""#));
    let again = |after: Option<u64>| crate::llm::retry::Next::Again { after: after.map(Duration::from_secs) };
    for after in [Some(2), Some(2), None] {
        assert_eq!(attempt(&scripted, 2).await.unwrap_err().next, again(after));
    }
    assert!(attempt(&scripted, 2).await.unwrap().contains(r#""text":"two""#));
    let over = attempt(&scripted, 3).await.unwrap_err();
    assert_eq!(over.message, "the scenario '' has no reply left after 3");
}

#[tokio::test(start_paused = true)]
async fn calls_have_ids_of_their_own_and_arguments_as_the_model_would_give_them() {
    let scripted = scripted("model: [{times: 2, calls: [{bash: {command: ls}}, {wait: {}}]}]", None);
    let second = attempt(&scripted, 1).await.unwrap();
    let calls: Vec<Value> = second.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(calls[0]["call_id"], "call_1_0");
    assert_eq!(calls[0]["arguments"], r#"{"command":"ls"}"#);
    assert_eq!((&calls[1]["call_id"], &calls[1]["arguments"]), (&json!("call_1_1"), &json!("{}")));
}

#[tokio::test(start_paused = true)]
async fn malformed_empty_and_stalled_replies_are_replies() {
    let yaml = "
model:
  - {fault: {malformed: true}, calls: [{bash: {command: ls}}]}
  - {fault: {empty: true}, text: never}
  - {fault: {stall_ms: 4000}, text: late}
  - {fault: {stall_ms: 6000}, text: too late}
  - {text: end}
";
    let scripted = scripted(yaml, None);
    assert!(attempt(&scripted, 0).await.unwrap().contains(r#"{\"command\":\"ls\"""#));
    assert_eq!(attempt(&scripted, 1).await.unwrap(), "");
    assert!(attempt(&scripted, 2).await.unwrap().contains("late"));
    assert_eq!(
        attempt(&scripted, 3).await.unwrap_err().message,
        "the model server did not go on within 5.0 s"
    );
    assert!(attempt(&scripted, 3).await.unwrap().contains("end"));
}

#[tokio::test]
async fn a_gate_opens_when_its_file_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let scripted = Arc::new(scripted("model: [{gate: go, text: through}]", Some(dir.path())));
    let waiting = tokio::spawn({
        let scripted = scripted.clone();
        async move { attempt(&scripted, 0).await }
    });
    std::fs::write(dir.path().join("other"), "").unwrap();
    std::fs::write(dir.path().join("go"), "").unwrap();
    assert!(waiting.await.unwrap().unwrap().contains("through"));
}

#[tokio::test]
async fn a_gate_without_a_directory_is_an_error() {
    let scripted = scripted("model: [{gate: go}]", None);
    assert_eq!(
        attempt(&scripted, 0).await.unwrap_err().message,
        "the scenario waits at gate 'go', which cannot open"
    );
}
