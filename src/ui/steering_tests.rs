//! What keys do with runs: resuming, answering from elsewhere, going back, copying off the loop.

use super::{
    fixture::Fixture,
    model::{Level, Screen},
    msg::{Answer, Msg, News, Opened, Shelf, UiEffect},
    overlays::Overlay,
};
use crate::{
    agent::launch::{Ended, What},
    protocol::{
        Command,
        event::{RunFinished, UsageTotals},
    },
};

/// The run has ended.
fn end(fixture: &mut Fixture, stopped_by: &str, exit_code: i32) {
    let finished = RunFinished {
        stopped_by: stopped_by.to_owned(),
        steps: 2,
        exit_message: "All done.".to_owned(),
        exit_code,
        usage: UsageTotals::default(),
        open_sessions: Vec::new(),
        unmerged: Vec::new(),
    };
    fixture.event(None, finished);
    let ended = Ended {
        stopped_by: stopped_by.to_owned(),
        exit_code,
        exit_message: String::new(),
        usage: UsageTotals::default(),
        resume_hint: None,
    };
    fixture.send(Msg::From(fixture.id, News::Ended(Ok(ended))));
    fixture.effects.clear();
}

fn resumed(fixture: &mut Fixture) -> Vec<Option<String>> {
    let launched = std::mem::take(&mut fixture.effects).into_iter().filter_map(|effect| match effect {
        UiEffect::Launch(launch) => match launch.what {
            What::Resume { task, .. } => Some(task),
            What::New { .. } => None,
        },
        _ => None,
    });
    launched.collect()
}

#[test]
fn p_resumes_what_was_aborted_and_a_done_run_asks_for_a_further_task() {
    let mut aborted = Fixture::busy(80, 24);
    end(&mut aborted, "human_abort", 3);
    let screen = aborted.screen();
    assert!(screen.contains("p resume") && !screen.contains("X abort"), "{screen}");
    aborted.keys("p");
    assert_eq!(resumed(&mut aborted), [None]);

    let mut done = Fixture::busy(80, 24);
    end(&mut done, "exit", 0);
    done.keys("p");
    assert_eq!(resumed(&mut done), []);
    done.types("and the docs");
    done.keys("enter");
    assert_eq!(resumed(&mut done), [Some("and the docs".to_owned())]);
}

#[test]
fn a_run_that_ended_well_says_so_and_goes_a_failed_one_stays_until_it_is_closed() {
    for (stopped_by, code, level) in [("exit", 0, Level::Info), ("error", 1, Level::Warning)] {
        let mut fixture = Fixture::busy(80, 24);
        end(&mut fixture, stopped_by, code);
        let said = fixture.model.toasts.log.back().unwrap();
        assert_eq!((said.level, said.text.as_str()), (level, "lexer-rewrite has ended: All done."));
    }
}

#[test]
fn from_the_list_the_inbox_opens_the_run_that_waits_and_esc_goes_back_to_where_one_was() {
    let mut fixture = Fixture::busy(80, 24);
    fixture.keys("b");
    assert_eq!(fixture.model.screen, Screen::Home);
    // A remark is closed first.
    fixture.keys("esc esc");
    assert_eq!(fixture.model.screen, Screen::Run);
    fixture.keys("b");
    fixture.card();
    fixture.wait(1_000);
    assert!(fixture.screen().contains("needs you"));
    fixture.keys("a");
    assert_eq!(fixture.model.screen, Screen::Run);
    assert!(matches!(fixture.model.overlays.last(), Some(Overlay::Inbox(_))));
    fixture.keys("esc q esc");
    assert_eq!(fixture.model.screen, Screen::Home, "q has left the run view for good");
}

#[test]
fn a_remark_that_asks_for_an_answer_goes_with_the_answer() {
    use crate::protocol::event::InboxClosed;
    let mut fixture = Fixture::busy(80, 24);
    fixture.keys("i");
    fixture.types("x");
    let inbox_id = fixture.card();
    assert!(fixture.screen().contains("needs you: watcher 'scope'"));
    let (choice, by) = ("continue_once".to_owned(), "human".to_owned());
    fixture.event(
        None,
        InboxClosed { inbox_id, choice, text: None, by, digest: "0badcafe".to_owned(), about: String::new() },
    );
    assert!(!fixture.screen().contains("needs you"));
}

#[test]
fn a_whole_transcript_is_read_off_the_loop() {
    let mut fixture = Fixture::busy(80, 24);
    fixture.keys("O Y");
    let asked: Vec<_> =
        fixture.effects.iter().filter(|effect| matches!(effect, UiEffect::Shelf(_))).collect();
    let [UiEffect::Shelf(Shelf::WriteOut(_)), UiEffect::Shelf(Shelf::Gather(..))] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    fixture.effects.clear();
    fixture.send(Msg::Answer(Answer::Gathered("all".to_owned(), "the pane")));
    assert!(matches!(fixture.effects.as_slice(), [UiEffect::Copy { text, .. }] if text == "all"));
}

#[test]
fn the_keys_of_a_search_and_of_a_selection_are_told_while_they_count() {
    let mut fixture = Fixture::busy(140, 40);
    fixture.keys("/");
    assert!(fixture.screen().contains("⏎ keep (n N go on)"));
    fixture.keys("esc v");
    assert!(fixture.screen().contains("j k more lines"));
}

#[test]
fn a_new_name_comes_from_the_journal() {
    let mut fixture = Fixture::busy(80, 24);
    fixture.event(None, crate::protocol::event::RunRenamed { name: "parser".to_owned() });
    assert!(fixture.screen().contains("zwarm parser"));
}

#[test]
fn a_run_of_another_process_is_steered_from_here() {
    let mut fixture = Fixture::busy(80, 24);
    let (id, dir) = (fixture.id, std::path::PathBuf::from("/tmp/none"));
    let access = super::msg::Access::Foreign;
    let name = "far".to_owned();
    let opened =
        Opened { id, name, dir: dir.clone(), working_dir: dir, access, tails: None, draft: String::new() };
    fixture.send(Msg::Answer(Answer::Opened(Box::new(opened))));
    fixture.effects.clear();
    fixture.keys("p");
    let sent: Vec<_> = fixture.effects.iter().collect();
    assert!(matches!(sent.as_slice(), [UiEffect::Send(_, Command::Pause { now: false })]), "{sent:?}");
}

#[test]
fn what_streams_in_another_process_is_said_to_be_there_and_shown_when_it_is_done() {
    for (width, height) in [(140, 40), (80, 24), (60, 20)] {
        let mut fixture = Fixture::busy(width, height);
        let word = "works in another process";
        assert!(!fixture.screen().contains(word), "it is ours");
        fixture.model.run_mut().unwrap().access = super::msg::Access::Foreign;
        assert!(fixture.screen().contains(&format!("the orchestrator {word}")), "{}", fixture.screen());
        fixture.keys("3");
        assert!(fixture.screen().contains(&format!("s4 {word}")), "{}", fixture.screen());
        end(&mut fixture, "exit", 0);
        assert!(!fixture.screen().contains(word), "{}", fixture.screen());
    }
}

#[test]
fn the_first_chord_of_a_sequence_shows_how_it_goes_on() {
    let mut fixture = Fixture::busy(140, 40);
    fixture.keys("i ctrl-x");
    let screen = fixture.screen();
    let last = screen.lines().last().unwrap_or_default();
    for part in ["^X …", "p pause", "P pause now", "X abort", ". one step"] {
        assert!(last.contains(part), "{part}: {last}");
    }
    fixture.keys("esc");
    assert!(fixture.screen().lines().last().unwrap().contains("send"), "{}", fixture.screen());
}

#[test]
fn a_collapsed_paste_says_which_key_shows_it_and_the_newline_is_one_that_the_terminal_sends() {
    let mut fixture = Fixture::busy(80, 24);
    fixture.keys("i");
    fixture.send(Msg::Paste((0..30).map(|n| format!("line {n}\n")).collect()));
    let screen = fixture.screen();
    assert!(screen.contains("[paste 30 lines]") && screen.contains("^O shows the paste"), "{screen}");
    assert!(screen.contains("^J newline"), "{screen}");
    fixture.model.term.kitty = true;
    assert!(fixture.screen().contains("⇧⏎ newline"), "{}", fixture.screen());
    fixture.keys("ctrl-o");
    assert!(fixture.screen().contains("line 29") && !fixture.screen().contains("^O shows"));
}

#[test]
fn lists_are_gone_through_to_their_ends_and_nothing_that_is_covered_has_the_focus() {
    let mut fixture = Fixture::busy(140, 40);
    fixture.keys("2 G");
    assert!(fixture.screen().contains("▶ s1"), "{}", fixture.screen());
    fixture.keys("g");
    assert!(fixture.screen().contains("▶ s4"), "{}", fixture.screen());
    assert!(fixture.screen().contains('┏'));
    fixture.keys("?");
    assert!(!fixture.screen().contains('┏'), "{}", fixture.screen());
}

#[test]
fn the_palette_at_home_begins_with_what_can_be_done_there_and_finds_the_rest() {
    let mut fixture = Fixture::busy(80, 24);
    fixture.keys("b :");
    let screen = fixture.screen();
    assert!(screen.contains("Instance: open") && !screen.contains("pause"), "{screen}");
    fixture.types("pause now");
    assert!(fixture.screen().contains("Run: pause now"), "{}", fixture.screen());
}

#[test]
fn live_text_goes_with_the_end_of_the_run_whoever_was_told_of_it() {
    let mut fixture = Fixture::busy(140, 40);
    assert!(fixture.screen().contains("While s3 fixes"));
    fixture.tails.close(|_| true);
    end(&mut fixture, "exit", 0);
    assert!(!fixture.screen().contains("While s3 fixes"), "{}", fixture.screen());
}

#[test]
fn the_frame_after_a_search_has_ended_counts_its_finds() {
    let mut f = Fixture::busy(140, 40);
    f.keys("/ t w o");
    let wake = f.model.term.wake.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let told = || async { tokio::time::timeout(std::time::Duration::from_secs(30), wake.notified()).await };
    // One frame for each time that the search wakes the screen, the last time at its end.
    loop {
        runtime.block_on(told()).expect("the last frame shows a search that has ended");
        let screen = f.screen();
        let line = screen.lines().find(|line| line.contains("/two ")).unwrap();
        if line.contains(" 1/1 ") {
            break;
        }
    }
}

#[test]
fn a_command_that_lacks_something_says_what_and_one_that_can_do_nothing_says_why() {
    for (width, height) in [(140, 40), (80, 24), (60, 20)] {
        let mut f = Fixture::busy(width, height);
        for (keys, missing) in [
            (": r u n . f o r k enter", "write the last step that it keeps"),
            (": r e p l a y . a t enter", "write the step after which"),
            (": b u d g e t . r a i s e enter", "write a cap and a number"),
            (": s e s s i o n . f o r k enter", "write what the fork is to do"),
        ] {
            f.keys(keys);
            assert!(f.screen().contains(missing), "{keys}: {}", f.screen());
            f.keys("esc");
        }
        f.keys("q : r u n . a b o r t");
        assert!(f.screen().contains("no run is shown"), "{}", f.screen());
        f.keys("enter");
        assert!(f.commands().is_empty() && f.screen().contains("Commands"), "{}", f.screen());
    }
}

#[test]
fn abort_in_the_quit_question_aborts_every_run_and_then_leaves() {
    let mut f = Fixture::busy(140, 40);
    f.commands();
    f.keys("q q a");
    let screen = f.screen();
    assert!(screen.contains("Abort and quit?") && screen.contains("lexer-rewrite  a7c1e200"), "{screen}");
    f.keys("y");
    let commands = f.commands();
    assert!(commands.len() == 1 && commands[0].contains("abort"), "{commands:?}");
    let ended = Ended {
        stopped_by: "human_abort".to_owned(),
        exit_code: 3,
        exit_message: String::new(),
        usage: UsageTotals::default(),
        resume_hint: None,
    };
    f.send(Msg::From(f.id, News::Ended(Ok(ended))));
    assert!(f.effects.iter().any(|effect| matches!(effect, UiEffect::Quit(0))), "{:?}", f.effects);
}
