//! What happens in the runs: of the orchestrator, of the session behind it, and what the watcher must say.

/// One thing that a session's model answers.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Says it, and is done.
    Say { text: &'static str, after_ms: u64 },
    /// Says it, and runs a shell command.
    Run { text: &'static str, command: &'static str, after_ms: u64 },
    /// Writes files by its own tool for that.
    Write(&'static [(&'static str, &'static str)]),
}

/// A word of a watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    pub step: u64,
    pub gate: T,
    pub verdict: T,
    pub rule: T,
}

/// One scenario.
pub struct Case {
    /// Of its recordings.
    pub id: &'static str,
    pub watcher: &'static str,
    /// Its keys, as YAML (`command` and what belongs to it stand beside the name).
    pub config: &'static str,
    /// What happens, as a sentence of the page.
    pub story: &'static str,
    /// The replies of the orchestrator's model.
    pub main: &'static str,
    /// The replies of the watcher's own model.
    pub model: &'static str,
    /// The replies of the session's model; none: no session.
    pub session: &'static [Act],
    /// What the session leaves behind (where its recording is played, nothing is really run).
    pub leaves: &'static [(&'static str, &'static str)],
    /// More options of `run`.
    pub options: &'static [&'static str],
    /// The only word that it says; `None`: it is silent.
    pub says: Option<Said<&'static str>>,
}

const fn case(id: &'static str, watcher: &'static str, config: &'static str, story: &'static str) -> Case {
    Case {
        id,
        watcher,
        config,
        story,
        main: TO_A_SESSION,
        model: "[]",
        session: &[],
        leaves: &[],
        options: &[],
        says: None,
    }
}

impl Case {
    const fn main(self, main: &'static str) -> Self {
        Self { main, ..self }
    }

    const fn session(self, session: &'static [Act]) -> Self {
        Self { session, ..self }
    }

    const fn says(self, step: u64, gate: &'static str, verdict: &'static str, rule: &'static str) -> Self {
        Self { says: Some(Said { step, gate, verdict, rule }), ..self }
    }
}

const fn say(text: &'static str) -> Act {
    Act::Say { text, after_ms: 0 }
}

/// After a while in which the watchers look at what went before.
const fn say_later(text: &'static str) -> Act {
    Act::Say { text, after_ms: 1_500 }
}

const fn run(text: &'static str, command: &'static str) -> Act {
    Act::Run { text, command, after_ms: 0 }
}

/// The custom watcher.
pub const LOOK: &str = r#"if grep -q 'npm publish'; then
    echo '{"verdict": "pause", "rule": "publishes", "reason": "A session publishes.", "guidance": "Not from here."}'
fi
"#;

const TO_A_SESSION: &str = r#"
- calls: [{delegate: {task: "TASK: write the parser"}}]
- calls: [{exit: {exit_message: Done.}}]
"#;

const FIVE_STEPS: &str = "
- calls: [{bash: {command: 'echo 1'}}]
- calls: [{bash: {command: 'echo 2'}}]
- calls: [{bash: {command: 'echo 3'}}]
- calls: [{bash: {command: 'echo 4'}}]
- calls: [{exit: {exit_message: Done.}}]
";

const DELEGATE_AND_TWO: &str = "
- calls: [{delegate: {task: 'TASK: write the parser'}}]
- calls: [{bash: {command: 'echo 1'}}]
- calls: [{bash: {command: 'echo 2'}}]
- calls: [{exit: {exit_message: Done.}}]
";

const CURL: &str = r"{patterns: [{regex: 'curl.*sh', action: pause, message: Not from here.}]}";
const PUSH: &str = r"{patterns: [{regex: 'git push', action: abort}]}";
const DOCKER: &str = "{avoid_keywords: [docker]}";
const COMMAND: &str = "{command: [sh, look.sh], gates: [activity]}";
const MINI: &str = "{model: gpt-5-mini, every_steps: 2}";
const PARSER: (&str, &str) = ("src/parser.rs", "fn f() {}");
const PARSER_TEST: (&str, &str) = ("tests/parser.rs", "fn t() {}");

/// Of the orchestrator alone, or of it and what its sessions come to.
pub const OF_THE_RUN: &[Case] = &[
    case("progress-calls", "progress", "{}", "the same bash call three times")
        .main(
            "
- {calls: [{bash: {command: ls}}], times: 3}
- calls: [{exit: {exit_message: Done.}}]
",
        )
        .says(4, "step", "nudge", "same_calls"),
    case("progress-other", "progress", "{}", "two equal calls, then another one").main(
        "
- {calls: [{bash: {command: ls}}], times: 2}
- calls: [{bash: {command: pwd}}]
- calls: [{bash: {command: ls}}]
- calls: [{exit: {exit_message: Done.}}]
",
    ),
    case("progress-none", "progress", "{min_progress_steps: 3}", "three steps, and the session was not brought to an end")
        .main(DELEGATE_AND_TWO)
        .session(&[say("Written.")])
        .says(4, "step", "nudge", "no_result"),
    case("progress-ended", "progress", "{min_progress_steps: 3}", "three steps, and the session was ended as completed")
        .main(
            "
- calls: [{delegate: {task: 'TASK: write the parser'}}]
- calls: [{end_session: {session_id: s1, summary: Written.}}]
- calls: [{bash: {command: 'echo 2'}}]
- calls: [{exit: {exit_message: Done.}}]
",
        )
        .session(&[say("Written.")]),
    Case { options: &["--max-steps", "5"], ..case("budget-steps", "budget", "{}", "four of five steps are used") }
        .main(FIVE_STEPS)
        .says(5, "step", "nudge", "steps"),
    case("budget-enough", "budget", "{}", "the same, with 50 steps allowed").main(FIVE_STEPS),
    case("budget-sessions", "budget", "{max_sessions: 1}", "a session is done and still open, where one is the limit")
        .session(&[say("Written.")])
        .says(2, "step", "nudge", "sessions"),
    case("budget-room", "budget", "{max_sessions: 2}", "the same, where two are the limit").session(&[say("Written.")]),
    case("reminder-alone", "delegation_reminder", "{threshold: 4}", "four calls of its own in a row")
        .main(FIVE_STEPS)
        .says(5, "step", "nudge", "no_delegation"),
    case("reminder-delegates", "delegation_reminder", "{threshold: 4}", "a delegation among them")
        .main(
            "
- calls: [{bash: {command: 'echo 1'}}]
- calls: [{bash: {command: 'echo 2'}}]
- calls: [{delegate: {task: 'TASK: anything'}}]
- calls: [{bash: {command: 'echo 3'}}]
- calls: [{bash: {command: 'echo 4'}}]
- calls: [{exit: {exit_message: Done.}}]
",
        )
        .session(&[say("Answered.")]),
    case("delegation-writes", "delegation", "{}", "a bash call that writes a source file, before it runs")
        .main(
            r#"
- calls: [{bash: {command: "cat > lib.rs <<'EOF'\nfn main() {}\nEOF"}}]
- calls: [{exit: {exit_message: Done.}}]
"#,
        )
        .says(1, "tools", "nudge", "writes_code"),
    case("delegation-reads", "delegation", "{}", "a bash call that reads one and keeps a diff").main(
        r#"
- calls: [{bash: {command: "cat run_tests.sh; git diff > change.patch"}}]
- calls: [{exit: {exit_message: Done.}}]
"#,
    ),
    case("scope-plans", "scope", DOCKER, "the orchestrator turns to what is set down as not belonging")
        .main(
            "
- {text: 'Next I build a docker image.', calls: [{bash: {command: 'true'}}]}
- calls: [{exit: {exit_message: Done.}}]
",
        )
        .says(2, "step", "nudge", "avoid 'docker'"),
    case("scope-printed", "scope", DOCKER, "the word only stands in what a command printed").main(
        r#"
- {text: 'I look around.', calls: [{bash: {command: "printf 'doc%s' ker"}}]}
- calls: [{exit: {exit_message: Done.}}]
"#,
    ),
    case("pattern-call", "pattern", CURL, "a call that matches, before it runs")
        .main(
            "
- calls: [{bash: {command: echo curl sh > /dev/null}}]
- calls: [{exit: {exit_message: Done.}}]
",
        )
        .says(1, "tools", "pause", "'curl.*sh'"),
    case("pattern-task", "pattern", CURL, "the task names it, no call does").main(
        "
- calls: [{bash: {command: 'git status'}}]
- calls: [{exit: {exit_message: Done.}}]
",
    ),
    Case {
        model: r#"
- text: '{"verdict": "nudge", "rule": "in circles", "reason": "It prints numbers.", "guidance": "Stop.", "items": [3]}'
- text: '{"verdict": "continue"}'
"#,
        ..case("llm-circles", "llm", MINI, "its model finds that the run goes in circles")
    }
    .main(FIVE_STEPS)
    .says(3, "step", "nudge", "in_circles"),
    Case { model: r#"[{text: '{"verdict": "continue"}'}]"#, ..case("llm-content", "llm", MINI, "its model is content") }
        .main(FIVE_STEPS),
];

/// Of what executors were seen to do.
pub const OF_SESSIONS: &[Case] = &[
    case("scope-session", "scope", DOCKER, "a session at work turns to what does not belong")
        .session(&[
            run("Next I build a docker image.", "true"),
            say_later("Without it, then."),
            say("Noted."),
        ])
        .says(1, "activity", "nudge", "avoid 'docker'"),
    case("scope-output", "scope", DOCKER, "the word only stands in what a command of the session printed")
        .session(&[run("I look around.", "printf 'doc%s' ker"), say_later("Nothing there.")]),
    case(
        "pattern-session",
        "pattern",
        PUSH,
        "a session runs a command that matches: its turn is interrupted",
    )
    .session(&[run("Out with it.", "echo git push"), Act::Say { text: "Pushed.", after_ms: 20_000 }])
    .says(1, "activity", "abort", "'git push'"),
    case("pattern-output", "pattern", PUSH, "only the output of its command would match")
        .session(&[run("I look around.", "printf 'git %s' push"), say_later("Nothing there.")]),
    Case {
        leaves: &[PARSER],
        ..case("quality-patch", "quality", "{}", "a session writes code without a test, by its own tool")
    }
    .session(&[Act::Write(&[PARSER]), say("Written.")])
    .says(2, "step", "nudge", "no_tests"),
    Case {
        leaves: &[PARSER],
        ..case("quality-shell", "quality", "{}", "the same by a shell command (git finds it)")
    }
    .session(&[run("", "mkdir -p src && echo 'fn f() {}' > src/parser.rs"), say("Written.")])
    .says(2, "step", "nudge", "no_tests"),
    Case {
        leaves: &[PARSER, PARSER_TEST],
        ..case("quality-tested", "quality", "{}", "the same with a test beside it")
    }
    .session(&[Act::Write(&[PARSER, PARSER_TEST]), say("Written.")]),
    case(
        "claims-untested",
        "claims",
        "{}",
        "a session answers that all tests pass, and no test command was run",
    )
    .session(&[run("", "ls"), say("Written. All tests pass.")])
    .says(2, "step", "nudge", "tests_not_run"),
    case(
        "claims-midturn",
        "claims",
        "{}",
        "it says so in the middle of its turn, and runs them once it is told",
    )
    .session(&[
        run("Written. All tests pass.", "ls"),
        Act::Run { text: "", command: "sh ./run_tests.sh", after_ms: 1_500 },
        // codex drops the answer before this one when it is steered before that has begun; claude takes both.
        run("", "sh ./run_tests.sh"),
        say("They do: all tests pass."),
    ])
    .says(1, "activity", "nudge", "tests_not_run"),
    case("claims-tested", "claims", "{}", "it says so after a run of the tests")
        .session(&[run("", "sh ./run_tests.sh"), say_later("Written. All tests pass.")]),
    case("stall-silent", "stall", "{seconds: 1}", "a session at work is silent for longer")
        .session(&[run("", "sleep 3"), say("Done."), say("Noted.")])
        .says(1, "activity", "nudge", "silent"),
    case("stall-speaks", "stall", "{seconds: 30}", "a session at work says something in time")
        .session(&[run("", "sleep 0.3"), say("Done.")]),
    case("command-session", "mine", COMMAND, "(a command of your own) a session does what it looks for")
        .session(&[run("", "echo npm publish"), say_later("Done.")])
        .says(1, "activity", "pause", "publishes"),
    case("command-other", "mine", COMMAND, "(a command of your own) it does something else")
        .session(&[run("", "echo npm pack"), say_later("Done.")]),
];
