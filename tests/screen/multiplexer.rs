//! Inside tmux (C22): detached, attached again from a window of another size, resized.

use std::{
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

use crate::{
    left_out::left_out,
    terminal::{Place, Setup, Term},
};

/// A tmux server of its own; it ends with this.
struct Tmux<'a> {
    place: &'a Place,
    socket: PathBuf,
}

impl<'a> Tmux<'a> {
    fn new(place: &'a Place) -> Self {
        // No status line: the program has the whole window.
        place.file("tmux.conf", "set -g status off\nset -g escape-time 0\nset -g history-limit 0\n");
        Self { place, socket: place.work().join("tmux.sock") }
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        let (socket, config) = (self.socket.display().to_string(), self.place.work().join("tmux.conf"));
        let first = ["-u".to_owned(), "-S".to_owned(), socket, "-f".to_owned(), config.display().to_string()];
        first.into_iter().chain(more.iter().map(|arg| (*arg).to_owned())).collect()
    }

    fn call(&self, more: &[&str]) -> Output {
        Command::new("tmux").args(self.args(more)).env_remove("TMUX").output().unwrap()
    }

    /// A window in which tmux begins or goes on.
    fn window(&self, more: &[&str], columns: u16, rows: u16) -> Term {
        let args = self.args(more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Term::start("tmux".as_ref(), self.place, Setup::new(&args).size(columns, rows))
    }

    /// What tmux holds as the program's screen.
    fn pane(&self) -> Vec<String> {
        let pane = self.call(&["capture-pane", "-p"]);
        assert!(pane.status.success());
        String::from_utf8(pane.stdout).unwrap().lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.call(&["kill-server"]);
    }
}

fn screen(term: &Term) -> Vec<String> {
    term.text().lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Waits until the window shows what tmux holds, of this size, and a fresh drawing shows the same.
fn shows_all(tmux: &Tmux, term: &Term, columns: u16, rows: u16) {
    let size = format!("{columns}x{rows}");
    term.until_outside("the pane has the size of the window", || {
        let told = tmux.call(&["display-message", "-p", "#{pane_width}x#{pane_height}"]).stdout;
        String::from_utf8_lossy(&told).trim() == size
    });
    term.sees("PAUSED");
    term.settled();
    let before = screen(term);
    assert_eq!(before.len(), usize::from(rows), "the whole window is drawn");
    assert_eq!(before, tmux.pane(), "the window shows what tmux holds");
    term.keys("\x0c");
    term.settled();
    assert_eq!(before, screen(term), "drawn anew it is the same");
}

#[test]
fn in_tmux_it_outlives_a_detach_and_fits_each_window_that_is_attached() {
    if Command::new("tmux").arg("-V").output().is_err() {
        return left_out("needs 'tmux'");
    }
    let place = Place::new();
    let tmux = Tmux::new(&place);
    let program = crate::terminal::program().display().to_string();
    let lm = "orchestrator.lm=scripted:standing.yaml";
    let run = [&program, "-t", "do it", "--set", lm, "--set", "executor.adapter=script"];
    let window = tmux.window(&[&["new-session"], &run[..]].concat(), 140, 40);
    window.sees("Now I wait for the shell.");
    window.keys("P");
    shows_all(&tmux, &window, 140, 40);
    window.keys("\x02d");
    assert_eq!(window.exit(Duration::from_secs(20)), 0, "the first window detaches");

    let window = tmux.window(&["attach"], 80, 24);
    shows_all(&tmux, &window, 80, 24);
    for (columns, rows) in [(60, 20), (200, 60), (1, 1), (100, 30)] {
        window.resize(columns, rows);
        if columns > 1 {
            shows_all(&tmux, &window, columns, rows);
        }
    }
    // It leaves as it does anywhere, and with it the session of tmux.
    window.keys("qqp");
    assert_eq!(window.exit(Duration::from_secs(20)), 0);
    window.assert_given_back();
    let journal = place.journal();
    assert!(
        journal.lines().any(|line| line.contains("\"run_state_changed\"") && line.contains("\"paused\""))
    );
}
