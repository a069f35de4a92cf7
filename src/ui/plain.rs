//! Plain mode: the same program as labelled lines and numbered menus, for screen readers and simple terminals. Nothing is
//! drawn twice, nothing moves, no clock runs. What is said and asked is decided by `talk`; here it is done.

mod talk;

use std::{
    io::{BufRead, Read},
    ops::ControlFlow,
};

use tokio::sync::{broadcast::error::RecvError, mpsc};

use super::{Start, past};
use crate::{
    agent::{
        launch::{Human, Launch, Running, What},
        link::Link,
    },
    error::{UserError, code},
    headless::{Out, signals::Signals, story::Story},
    protocol::{Command, Notice, event::RunKind},
    store::{self, Feed, Listed, Origin, Reader},
};
use talk::{Talk, Wish};

/// Bytes of one typed line.
const LINE: u64 = 1 << 20;
/// Lines that are read of an instance.
const SHOWN: usize = 200;

/// Whether plain mode is the right one: asked for, or the terminal cannot do more.
pub fn wanted(asked: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = variable("ZWARM_PLAIN").is_some_and(|value| !value.is_empty() && value != "0");
    asked || set || variable("TERM").is_some_and(|term| term == "dumb")
}

/// Talks until the human leaves; the exit code.
pub async fn run(start: Start, out: &mut Out) -> Result<i32, UserError> {
    let mut signals = Signals::new()?;
    let mut lines = typed();
    let mut plain = Plain { talk: Talk::default(), start, out, link: None };
    plain.out.say("zwarm-tui, plain mode: lines and numbered menus. An empty line repeats the menu.");
    let mut wishes = Vec::new();
    match plain.start.launch.take() {
        Some(launch) => wishes.push(Wish::Launch(Box::new(launch))),
        None => wishes.push(Wish::List { everywhere: false }),
    }
    loop {
        for wish in std::mem::take(&mut wishes) {
            match wish {
                Wish::Leave => return Ok(code::OK),
                Wish::Launch(launch) => {
                    if let Some(code) = plain.follow(*launch, &mut lines, &mut signals).await {
                        return Ok(code);
                    }
                    wishes.push(Wish::List { everywhere: false });
                }
                other => plain.perform(other),
            }
        }
        if !wishes.is_empty() {
            continue;
        }
        wishes = tokio::select! {
            line = lines.recv() => match line {
                Some(line) => plain.talk.line(&line, &plain.start),
                None => vec![Wish::Leave],
            },
            signal = signals.next() => return Ok(code::SIGNAL + signal.number()),
        };
    }
}

/// Lines of standard input, from a thread of their own; it ends with the input or the program.
fn typed() -> mpsc::Receiver<String> {
    let (to, from) = mpsc::channel(16);
    std::thread::spawn(move || {
        let input = std::io::stdin();
        loop {
            let mut bytes = Vec::new();
            match input.lock().take(LINE).read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let text = String::from_utf8_lossy(&bytes);
            if to
                .blocking_send(crate::text::clean(text.trim_end_matches(['\r', '\n'])).into_string())
                .is_err()
            {
                return;
            }
        }
    });
    from
}

struct Plain<'a> {
    talk: Talk,
    start: Start,
    out: &'a mut Out,
    link: Option<Link>,
}

impl Plain<'_> {
    fn perform(&mut self, wish: Wish) {
        match wish {
            Wish::Say(text) => self.out.say(&text),
            Wish::Send(command) => {
                if self.link.as_ref().is_none_or(|link| !link.try_send(command)) {
                    self.out.say("The run has ended: nothing was sent.");
                }
            }
            Wish::List { everywhere } => {
                let listed = self.list(everywhere);
                for line in self.talk.listed(listed, jiff::Timestamp::now()) {
                    self.out.say(&line);
                }
            }
            Wish::Show(listed) => self.show(&listed),
            Wish::Adopt(listed) => match past::continued_task(&listed) {
                Ok(task) => self.talk.adopt(task),
                Err(error) => self.out.say(&error.to_string()),
            },
            Wish::Launch(_) | Wish::Leave => {}
        }
    }

    fn list(&self, everywhere: bool) -> Vec<Listed> {
        let (here, name) = (&self.start.working_dir, &self.start.config.state_dir);
        let mut all = store::list(&here.join(name));
        if everywhere {
            let others = store::projects::others(&self.start.home.state, here);
            all.extend(others.iter().flat_map(|dir| store::list(&dir.join(name))));
        }
        all
    }

    /// Reads an instance to its end, the last lines of it.
    fn show(&mut self, listed: &Listed) {
        let mut lines = Vec::new();
        match &listed.origin {
            Origin::Damaged(why) => lines.push(format!("It cannot be read: {why}")),
            Origin::Reference(_) => match past::read_reference(listed) {
                Ok(all) => lines = all,
                Err(error) => lines.push(error.to_string()),
            },
            Origin::Ours => {
                let mut story = Story::default();
                let read = Reader::open(&listed.dir).and_then(|reader| {
                    reader.scan(0, &mut |_, event| {
                        lines.extend(
                            event.ok().and_then(|event| story.tell(&event)).map(|text| text.to_string()),
                        );
                        ControlFlow::Continue(())
                    })
                });
                if let Err(error) = read {
                    lines.push(error.to_string());
                }
            }
        }
        let skip = lines.len().saturating_sub(SHOWN);
        if skip > 0 {
            self.out.say(&format!("{skip} earlier lines are left out."));
        }
        for line in lines.iter().skip(skip) {
            self.out.say(line);
        }
        self.out.say(&format!("That was '{}'.", listed.meta.name));
    }

    /// One run from its start to its end. `Some`: the program ends with it, with this exit code.
    async fn follow(
        &mut self,
        launch: Launch,
        lines: &mut mpsc::Receiver<String>,
        signals: &mut Signals,
    ) -> Option<i32> {
        let from = match &launch.what {
            What::New { .. } => 0,
            What::Resume { dir, .. } => {
                std::fs::metadata(dir.join(store::EVENTS)).map_or(0, |meta| meta.len())
            }
        };
        let running = match (self.start.start_fn)(launch).await {
            Ok(running) => running,
            Err(error) => {
                self.out.say(&format!("It cannot be started: {}. {}", error.message, error.hint));
                return None;
            }
        };
        let Running { link, mut done } = running;
        // A resumed one is followed from its beginning, but only what is new is said.
        let mut feed = Feed::live(&link.dir, link.events(), 0);
        let mut notices = link.notices();
        self.link = Some(link.clone());
        for line in self.talk.begun(&link.name) {
            self.out.say(&line);
        }
        let mut number = None;
        let mut open = true;
        let ended = loop {
            tokio::select! {
                biased;
                signal = signals.next() => {
                    let again = number.replace(signal.number()).is_some();
                    let command = match again {
                        true => Command::Abort { at_once: true },
                        false => Command::Shutdown { signal: number },
                    };
                    link.try_send(command);
                }
                event = feed.next() => match event {
                    Some(event) => {
                        let said = self.talk.event(&event.recorded.event);
                        for line in said.iter().filter(|_| event.pos.offset >= from) {
                            self.out.say(line);
                        }
                    }
                    None => break (&mut done).await.ok(),
                },
                notice = notices.recv() => match notice {
                    Ok(notice) => self.notice(&notice),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break (&mut done).await.ok(),
                },
                ended = &mut done => break ended.ok(),
                line = lines.recv(), if open => match line {
                    Some(line) => {
                        for wish in self.talk.line(&line, &self.start) {
                            self.perform(wish);
                        }
                    }
                    None => {
                        open = false;
                        link.try_send(Command::Shutdown { signal: None });
                    }
                },
            }
        };
        let last = std::time::Duration::from_millis(300);
        while let Ok(Some(event)) = tokio::time::timeout(last, feed.next()).await {
            for line in self.talk.event(&event.recorded.event).iter().filter(|_| event.pos.offset >= from) {
                self.out.say(line);
            }
        }
        self.link = None;
        match ended {
            Some(ended) => {
                self.out.say(&format!("The run has ended: {}. {}", ended.stopped_by, ended.exit_message));
                if let Some(hint) = ended.resume_hint {
                    self.out.say(&format!("To resume it: {hint}"));
                }
            }
            None => self.out.say("The run broke off."),
        }
        let leaves = self.talk.ended() || !open;
        number.map(|number| code::SIGNAL + number).or(leaves.then_some(code::OK))
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::StoreFailed { .. } => self.talk.disk(true),
            Notice::StoreRestored => self.talk.disk(false),
            Notice::Warning { .. } | Notice::InFlight(_) | Notice::Closed => {}
        }
        match notice {
            Notice::StoreFailed { message } => {
                self.out.say(&format!("The run is held, the disk fails: {message}"))
            }
            Notice::StoreRestored => self.out.say("The disk works again."),
            Notice::Warning { message } => self.out.say(&format!("Warning: {message}")),
            Notice::InFlight(_) | Notice::Closed => {}
        }
    }
}

/// A launch after the pattern of this program.
fn launch(start: &Start, what: What, kind: RunKind, working_dir: std::path::PathBuf) -> Box<Launch> {
    Box::new(Launch {
        config: start.config.clone(),
        working_dir,
        what,
        kind,
        demo: false,
        human: Human::Present,
        secrets: start.secrets.clone(),
        variables: start.variables.clone(),
    })
}
