//! The machine where something goes wrong, or ends.

use super::*;

#[test]
fn an_error_that_is_tried_again_ends_nothing_and_the_last_one_is_typed() {
    let mut play = in_turn("01a20c4f-61bf-7ac3-b76d-78daf14cda7c", "01a20c4f-61c9-7ce0-9a22-50452fcc385f");
    play = play.file("error-401");
    let retried = "Reconnecting... 1/1 (unexpected status 401 Unauthorized: bad key, url: http://127.0.0.1:PORT/v1/responses)";
    let failed = "unexpected status 401 Unauthorized: bad key, url: http://127.0.0.1:PORT/v1/responses \
                  (hint: sign in with 'codex login', or check the key of its model provider)";
    assert_eq!(
        play.news(),
        [
            News::Activity {
                turn: 1,
                activity: Activity::Error { message: retried.into(), will_retry: true }
            },
            News::TurnEnded {
                turn: 1,
                status: TurnStatus::Failed,
                response: String::new(),
                error: Some(failed.into())
            },
        ]
    );
    let play = in_turn("01a20c4f-62ec-7f93-975c-6426dd27e73b", "01a20c4f-62f6-7ff2-8f1c-0a84390b4d24");
    let news = play.file("error-context").news();
    let [News::TurnEnded { error: Some(error), .. }] = &news[..] else { panic!("{news:?}") };
    assert!(error.ends_with("(hint: start a new session for what is left)"), "{error}");
}

#[test]
fn a_usage_limit_is_told_with_its_reset() {
    let mut play = in_turn("t", "u");
    let primary = json!({"usedPercent": 100, "resetsAt": 1_795_502_806});
    notify(&mut play, "account/rateLimits/updated", json!({"rateLimits": {"primary": primary}}));
    let error = json!({"message": "You've hit your usage limit", "codexErrorInfo": "usageLimitExceeded"});
    let turn = json!({"id": "u", "status": "failed", "error": error});
    let out = notify(&mut play, "turn/completed", json!({"threadId": "t", "turn": turn}));
    let message = "You've hit your usage limit (hint: wait for the reset of the plan's limit)".to_owned();
    let limited = News::Limited { message, until: Some("2026-11-24T06:46:46Z".into()) };
    assert!(out.contains(&Effect::News(limited)), "{out:?}");
}

#[test]
fn what_codex_asks_beyond_approvals_is_refused_at_once() {
    let mut play = in_turn("t", "u");
    let request = |id: u64, method: &str| Message::Request {
        id: json!(id),
        method: method.into(),
        params: json!({"threadId": "t", "turnId": "u"}),
    };
    let out = play.thread.message(&request(7, "item/tool/requestUserInput"));
    let why = "zwarm-tui does not support 'item/tool/requestUserInput'".to_owned();
    assert_eq!(out[0], Effect::Refuse { id: json!(7), code: -32601, why });
    // A request that is open when the turn ends is void.
    play.thread.message(&request(8, "item/commandExecution/requestApproval"));
    let turn = json!({"id": "u", "status": "completed", "items": [{"type": "agentMessage", "text": "hi"}]});
    let out = notify(&mut play, "turn/completed", json!({"threadId": "t", "turn": turn}));
    let end = [
        Effect::News(News::AskDropped { key: "8".into() }),
        Effect::News(ended(1, TurnStatus::Completed, "hi")),
    ];
    assert_eq!(out[1..], end);
    let late = play.thread.order(Order::Answer { key: "8".into(), decision: Decision::Accept, reason: None });
    assert_eq!(late, []);
}

#[test]
fn steer_and_interrupt_wait_for_the_turns_id() {
    let mut play = in_turn("t", "u");
    let turn = json!({"id": "u", "status": "completed"});
    notify(&mut play, "turn/completed", json!({"threadId": "t", "turn": turn}));
    play.thread.order(Order::Turn { turn: 2, prompt: "p".into() });
    let steer = Order::Steer { nudge: nudge(), text: "hey".into(), how: Delivery::Auto };
    assert_eq!(play.thread.order(steer.clone()), []);
    assert_eq!(play.thread.order(Order::Interrupt), [Effect::Timer(Some(INTERRUPTING))]);
    let refused = News::SteerRefused { nudge: nudge(), why: "no turn runs".into() };
    assert_eq!(play.thread.order(steer), [Effect::News(refused)]);
    let out = notify(&mut play, "turn/started", json!({"threadId": "t", "turn": {"id": "v"}}));
    let methods: Vec<_> = out
        .iter()
        .map(|effect| match effect {
            Effect::Ask { method, params, .. } => (*method, params.clone()),
            _ => panic!("{effect:?}"),
        })
        .collect();
    assert_eq!(methods[0].0, "turn/steer");
    assert_eq!(methods[1], ("turn/interrupt", json!({"threadId": "t", "turnId": "v"})));
}

#[test]
fn the_servers_death_fails_the_turn_and_the_next_one_resumes_the_thread() {
    let mut play = in_turn("t", "u");
    let item = json!({"type": "commandExecution", "id": "c", "command": "sleep 9", "cwd": "/w"});
    notify(&mut play, "item/started", json!({"threadId": "t", "turnId": "u", "item": item}));
    let out = play.thread.died("the codex server ended (signal: 9)");
    let open = Activity::Shell {
        command: "sleep 9".into(),
        cwd: "/w".into(),
        exit_code: None,
        output: String::new(),
        duration_ms: None,
    };
    let failed = News::TurnEnded {
        turn: 1,
        status: TurnStatus::Failed,
        response: String::new(),
        error: Some("the codex server ended (signal: 9)".into()),
    };
    let expected =
        [Effect::Timer(None), Effect::News(News::Activity { turn: 1, activity: open }), Effect::News(failed)];
    assert_eq!(out, expected);
    let out = play.thread.order(Order::Turn { turn: 2, prompt: "again".into() });
    assert_eq!(out, [Effect::Attach]);
    let out = play.thread.up(Peer::default());
    assert!(matches!(&out[1], Effect::Ask { tag: Tag::Resume, .. }), "{out:?}");
    let out = play.thread.answered(Tag::Resume, Ok(json!({"thread": {"id": "t"}})));
    assert!(matches!(out.last(), Some(Effect::Ask { tag: Tag::Turn, .. })), "{out:?}");
}

#[test]
fn a_session_that_never_opened_ends_with_the_reason() {
    let mut play = Play::new(None);
    assert_eq!(play.thread.begin(), [Effect::Attach]);
    let early = Order::Turn { turn: 1, prompt: "p".into() };
    assert_eq!(play.thread.order(early), [], "the server is got up once");
    let mut play = Play::new(None);
    let why = "the program 'codex' is not there".to_owned();
    assert_eq!(play.thread.died(&why), [Effect::Timer(None), Effect::Over(Err(why))]);
    let mut play = Play::new(Some(Resume { native_id: Some("t".into()), turns: 2, ..Resume::default() }));
    play.thread.up(Peer::default());
    let held =
        RpcError { code: -32600, message: "thread already has an active writer".into(), data: Value::Null };
    let out = play.thread.answered(Tag::Resume, Err(held));
    let Some(Effect::Over(Err(why))) = out.last() else { panic!("{out:?}") };
    assert!(why.contains("another zwarm-tui or codex holds this thread"), "{why}");
}

#[test]
fn the_end_of_a_session_interrupts_cleans_and_lets_the_thread_go() {
    let mut play = in_turn("t", "u");
    let out = play.thread.order(Order::End);
    assert!(matches!(&out[1], Effect::Ask { tag: Tag::Interrupt, .. }), "{out:?}");
    let turn = json!({"id": "u", "status": "interrupted"});
    let out = notify(&mut play, "turn/completed", json!({"threadId": "t", "turn": turn}));
    assert!(out.contains(&Effect::News(ended(1, TurnStatus::Interrupted, ""))), "{out:?}");
    assert!(matches!(&out[1], Effect::Ask { tag: Tag::Clean, .. }), "{out:?}");
    let out = play.thread.answered(Tag::Clean, Ok(json!({})));
    assert_eq!(out.last(), Some(&Effect::Over(Ok(()))));
}

#[test]
fn odd_messages_of_every_shape_are_passed_over() {
    let mut play = in_turn("t", "u");
    for method in ["item/started", "item/completed", "error", "turn/plan/updated", "nonsense", "item/x/delta"]
    {
        for params in [json!(null), json!(7), json!([]), json!({"threadId": "t", "turnId": "u", "item": 3})] {
            notify(&mut play, method, params);
        }
    }
    let plan = json!({"threadId": "t", "turnId": "u", "plan": [{"step": "a", "status": "inProgress"}]});
    assert_eq!(notify(&mut play, "turn/plan/updated", plan.clone()).len(), 1);
    assert_eq!(notify(&mut play, "turn/plan/updated", plan), []);
    // An item of a turn that is not ours is nobody's.
    let item =
        json!({"threadId": "t", "turnId": "z", "item": {"type": "agentMessage", "id": "m", "text": "x"}});
    assert_eq!(notify(&mut play, "item/completed", item), []);
}
