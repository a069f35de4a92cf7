//! Shell commands: bounded in time and memory, and nothing is left of them.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use zwarm_tui::process::shell::{self, ShellCall, ShellResult};

use crate::support::*;

#[tokio::test]
async fn a_background_child_that_holds_the_pipe_neither_blocks_a_call_nor_outlives_it() {
    let place = place();
    let began = Instant::now();
    let result = place.shell("sleep 1000 & echo $!", Duration::from_secs(30)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(result.exit_code, Some(0));
    assert!(is_gone(result.stdout.trim().parse().unwrap()));
}

#[tokio::test]
async fn what_was_written_until_a_time_out_or_a_cancellation_is_kept() {
    let place = place();
    let result = place.shell("echo one; echo two >&2; sleep 1000", Duration::from_millis(500)).await;
    let expected = ShellResult {
        exit_code: Some(124),
        stdout: "one\n".into(),
        stderr: "two\n".into(),
        timed_out: true,
        error: Some("it was ended after 0.5 s".into()),
        ..ShellResult::default()
    };
    assert_eq!(ShellResult { duration: Duration::ZERO, ..result }, expected);

    let cancel = CancellationToken::new();
    let asked = cancel.clone();
    let live = move |text: &str| {
        if text.contains("ready") {
            asked.cancel();
        }
    };
    let call = place.call(
        "trap 'echo bye; exit 0' INT; echo ready; while :; do sleep 0.05; done",
        Duration::from_secs(60),
    );
    let result = shell::run(&place.processes, call, cancel, &live).await;
    assert_eq!((result.exit_code, result.stdout.as_str(), result.cancelled), (None, "ready\nbye\n", true));
}

#[tokio::test]
async fn exit_codes_and_signals_are_told_as_a_shell_tells_them() {
    let place = place();
    assert_eq!(place.shell("exit 9", Duration::from_secs(30)).await.exit_code, Some(9));
    assert_eq!(place.shell("kill -KILL $$", Duration::from_secs(30)).await.exit_code, Some(137));
    let nowhere = ShellCall { cwd: "/nowhere".into(), ..place.call("true", Duration::from_secs(30)) };
    let result = shell::run(&place.processes, nowhere, CancellationToken::new(), &|_| {}).await;
    let error = Some("the directory '/nowhere' does not exist".to_owned());
    assert_eq!(result, ShellResult { error, ..ShellResult::default() });
}

#[test]
fn a_gigabyte_of_output_is_kept_in_bounded_memory() {
    run_alone("shell_calls::a_gigabyte");
}

#[tokio::test]
#[ignore = "the body of a_gigabyte_of_output_is_kept_in_bounded_memory"]
async fn a_gigabyte() {
    let place = place();
    let seen = AtomicU64::new(0);
    let live = |text: &str| {
        seen.fetch_add(text.len() as u64, Ordering::Relaxed);
    };
    let call = place.call("head -c 1073741824 /dev/zero | tr '\\0' x; echo end", Duration::from_secs(120));
    let before = peak_kilobytes();
    let result = shell::run(&place.processes, call, CancellationToken::new(), &live).await;
    assert_eq!((result.exit_code, result.cut_bytes), (Some(0), (1 << 30) + 4 - 8_000));
    assert!(result.stdout.ends_with("xxend\n") && result.stdout.contains("… 1073733828 bytes left out …"));
    assert_eq!(seen.into_inner(), (1 << 30) + 4);
    assert!(peak_kilobytes() - before < 20_000, "{} kB", peak_kilobytes() - before);
}

fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}
