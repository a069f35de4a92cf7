//! Whatever a child does, it is gone when it was ended.

use std::time::{Duration, Instant};

use zwarm_tui::process::{ChildSpec, Ladder, SpawnError, Stream};

use crate::support::*;

#[tokio::test]
async fn a_script_that_ignores_every_polite_signal_is_gone_within_eight_seconds() {
    let place = place();
    let mut child = place.spawn("trap '' INT TERM HUP; echo $$; while :; do sleep 1; done").await;
    let pids = pids(&mut child, 1).await;
    assert_eq!(pids, [child.pid]);
    let began = Instant::now();
    child.stop().await;
    assert!(began.elapsed() >= Duration::from_secs(5), "INT and TERM had their time");
    assert!(began.elapsed() < Duration::from_secs(8));
    assert!(is_gone(pids[0]));
    assert_eq!(survivors(place.instance), Vec::<String>::new());
}

#[tokio::test]
async fn a_polite_script_ends_at_the_first_signal_with_its_own_code() {
    let place = place();
    let mut child = place.spawn("trap 'exit 3' INT; echo $$; while :; do sleep 0.05; done").await;
    pids(&mut child, 1).await;
    child.stop().await;
    assert_eq!(child.wait().await.code(), Some(3));
    assert_eq!(place.processes.alive(), []);
}

#[tokio::test]
async fn who_forks_twice_into_a_session_of_its_own_is_found_by_its_marker() {
    let place = place();
    let mut child = place.spawn(ESCAPE).await;
    let pids = pids(&mut child, 2).await;
    assert!(pids.iter().all(|pid| !is_gone(*pid)));
    child.stop().await;
    assert!(pids.iter().all(|pid| is_gone(*pid)), "{pids:?}");
    assert_eq!(survivors(place.instance), Vec::<String>::new());
}

#[tokio::test]
async fn stopping_all_ends_every_group_and_every_escaped_process_and_starts_nothing_more() {
    let place = place();
    let (mut one, mut two) =
        (place.spawn(ESCAPE).await, place.spawn("trap '' INT TERM; echo $$; sleep 1000; sleep 1000").await);
    let mut seen = pids(&mut one, 2).await;
    seen.extend(pids(&mut two, 1).await);
    let began = Instant::now();
    place.processes.stop_all(Duration::from_secs(1)).await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(seen.iter().all(|pid| is_gone(*pid)), "{seen:?}");
    assert_eq!(survivors(place.instance), Vec::<String>::new());
    assert_eq!(place.processes.alive(), []);
    let refused = place.processes.spawn(place.spec("true")).await.unwrap_err();
    assert!(matches!(refused, SpawnError::Ending(label) if label == "bash"));
}

#[tokio::test]
async fn dropping_a_child_kills_its_whole_group() {
    let place = place();
    let mut child = place.spawn("trap '' INT TERM; sleep 1000 & echo $!; echo $$; wait").await;
    let pids = pids(&mut child, 2).await;
    drop(child);
    assert!(pids.iter().all(|pid| ends_within(*pid, 5)), "{pids:?}");
}

#[tokio::test]
async fn dropping_the_last_handle_of_a_run_kills_its_children() {
    let place = place();
    let mut child = place.spawn("trap '' INT TERM; echo $$; sleep 1000; sleep 1000").await;
    let pid = pids(&mut child, 1).await[0];
    drop(place);
    assert!(ends_within(pid, 5));
}

#[tokio::test]
async fn a_shell_in_a_session_of_its_own_dies_with_the_claude_ladder() {
    let place = place();
    let spec = ChildSpec {
        ladder: Ladder::Claude,
        stdin: Stream::Piped,
        ..place.spec("trap '' INT; setsid env -i sleep 1000 & sleep 0.1; echo $!; echo $$; wait; sleep 1000")
    };
    let mut child = place.processes.spawn(spec).await.unwrap();
    let pids = pids(&mut child, 2).await;
    let below = std::fs::read_to_string(format!("/proc/{}/task/{}/children", pids[1], pids[1])).unwrap();
    assert!(below.contains(&pids[0].to_string()), "still below it: {below}");
    child.stop().await;
    assert!(pids.iter().all(|pid| is_gone(*pid)), "{pids:?}");
}

#[tokio::test]
async fn a_server_whose_stdin_ends_leaves_by_itself() {
    let place = place();
    let spec = ChildSpec { ladder: Ladder::CodexServer, stdin: Stream::Piped, ..place.spec("cat; exit 7") };
    let mut child = place.processes.spawn(spec).await.unwrap();
    child.stop().await;
    assert_eq!(child.wait().await.code(), Some(7));
}
