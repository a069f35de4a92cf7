//! The loop: the only owner of the terminal and of the model. Input first, then the frame that is due, then what is new
//! from the instances. Nothing is drawn when nothing has changed; there is no tick.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use crossterm::event::Event;
use tokio::sync::{Notify, mpsc};

use super::{
    Start,
    arrivals::{Arrivals, typed},
    effects::Hands,
    frame_clock::{FrameClock, Urgency},
    keymap::Keymap,
    listening::Listening,
    model::{Level, Model},
    msg::{Msg, Now, UiEffect},
    notify, probe, rehearse, screens, signals,
    terminal::{self, Modes, Screen},
    theme::Themes,
    update::{
        update,
        visible::{may_show, shows_clock},
    },
};
use crate::error::{UserError, code};

/// Messages of instances and effects that may wait.
const QUEUE: usize = 1_024;
/// Messages that are followed before a frame.
const BATCH: usize = 256;
/// What the exit code says: the loop or a thread has panicked (as after SIGABRT); the terminal has gone (SIGHUP).
const PANICKED: i32 = 6;
const GONE: i32 = 1;

fn now() -> Now {
    Now { instant: Instant::now(), wall: jiff::Timestamp::now() }
}

fn no_terminal(error: &std::io::Error) -> UserError {
    UserError::failed(
        format!("the terminal cannot be used: {error}"),
        "use --no-tui, or run it in a terminal",
    )
}

/// Shows the screen until the human leaves.
pub(super) async fn run(start: Start) -> Result<i32, UserError> {
    let keys = start.home.config.join("keys.yaml");
    let text = std::fs::read_to_string(&keys).unwrap_or_default();
    let keymap = Keymap::load(&text, &keys.display().to_string())?;
    let (themes, warnings) = Themes::load(&start.home.config.join("themes"));
    let wake = Arc::new(Notify::new());
    let mut screen = Screen::new().map_err(|error| no_terminal(&error))?;
    let panicked = Arc::new(Notify::new());
    terminal::install_panic_hook(panicked.clone());
    let outside = signals::watch().map_err(|error| no_terminal(&error))?;
    screen.raw().map_err(|error| no_terminal(&error))?;
    let answers = tokio::task::spawn_blocking(probe::ask).await.ok().and_then(Result::ok).unwrap_or_default();
    let modes = Modes { kitty: answers.kitty, mouse: start.config.ui.mouse, progress: false };
    screen.enter(modes).map_err(|error| no_terminal(&error))?;
    let size = screen.size().unwrap_or((80, 24));
    let arrivals = Arrivals::new(answers.complete, Instant::now());
    let first = if answers.complete { typed(&answers.typed) } else { Vec::new() };
    let mut model = super::begin::model(&start, keymap, themes, answers.background, size, &wake)?;
    model.term.kitty = answers.kitty;
    for warning in warnings {
        model.say(Level::Warning, warning.to_string().replace('\n', " "), now());
    }
    let (to, from) = mpsc::channel(QUEUE);
    let hands =
        Hands::new(start.start_fn.clone(), start.home.clone(), start.working_dir.clone(), &start.config, to);
    let ui = &model.fixed.config.ui;
    let known = notify::knows_progress(|name| std::env::var(name).ok());
    let marks = notify::Marks::new(ui.title, ui.progress && known);
    let app = App {
        screen,
        model,
        hands,
        clock: FrameClock::default(),
        from,
        outside,
        panicked,
        wake,
        modes,
        life: Life { arrivals, stopped: None, panicked_at: None },
        marks,
    };
    app.run(start, first).await
}

struct App {
    screen: Screen,
    model: Model,
    hands: Hands,
    clock: FrameClock,
    from: mpsc::Receiver<Msg>,
    outside: mpsc::Receiver<signals::Outside>,
    panicked: Arc<Notify>,
    wake: Arc<Notify>,
    modes: Modes,
    life: Life,
    /// Title and progress.
    marks: notify::Marks,
}

/// What the loop remembers of the terminal's and the program's own life.
struct Life {
    arrivals: Arrivals,
    /// A stop of ours whose CONT has not been reported yet.
    stopped: Option<Instant>,
    /// Something has panicked: the terminal was given back, nothing is drawn any more.
    panicked_at: Option<Instant>,
}

/// What ends a turn of the loop.
enum Turn {
    Input(Option<std::io::Result<Event>>),
    Outside(signals::Outside),
    Panicked,
    Frame,
    Written,
    News(Msg),
    Wake,
    /// A remark goes.
    Due,
    /// The clock on the screen moves on.
    Second,
    /// After a panic the runs had their time to pause.
    TooLate,
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}

impl App {
    async fn run(mut self, start: Start, typed: Vec<Msg>) -> Result<i32, UserError> {
        let mut first = vec![UiEffect::List { everywhere: false }];
        first.extend(start.follow.map(|listed| UiEffect::Open(Box::new(listed))));
        first.extend(start.launch.map(|launch| UiEffect::Launch(Box::new(launch))));
        let mut events = Listening::begin();
        self.clock.request(Instant::now(), Urgency::Key);
        first.extend(typed.into_iter().flat_map(|msg| update(&mut self.model, msg, now())));
        if let Some(code) = self.perform(first, &mut events).await {
            return Ok(code);
        }
        loop {
            let turn = self.turn(&mut events).await;
            let (messages, urgency) = match turn {
                Turn::Input(Some(Ok(event))) => {
                    (self.life.arrivals.take(event, Instant::now()).into_iter().collect(), Urgency::Key)
                }
                Turn::Input(Some(Err(_)) | None) => (vec![Msg::Leave(GONE)], Urgency::Key),
                Turn::Outside(signals::Outside::End(number)) => (vec![Msg::Leave(number)], Urgency::Key),
                Turn::Outside(signals::Outside::Stop) => {
                    self.suspend(&mut events);
                    continue;
                }
                Turn::Outside(signals::Outside::Continue) => {
                    // After a stop of ours the terminal has been taken again; after a stop by force it has not.
                    if self.life.stopped.take().is_none() {
                        self.screen.leave();
                        let _ = self.screen.enter(self.modes);
                        self.marks.forget();
                    }
                    (Vec::new(), Urgency::Key)
                }
                Turn::Panicked => {
                    // Nothing that was half done is shown: the terminal is the shell's already.
                    if self.life.panicked_at.replace(Instant::now()).is_some() {
                        return Ok(code::SIGNAL + PANICKED);
                    }
                    (vec![Msg::Leave(PANICKED)], Urgency::Key)
                }
                Turn::Frame => {
                    self.draw();
                    continue;
                }
                Turn::Written if self.screen.state.broken() => (vec![Msg::Leave(GONE)], Urgency::Key),
                Turn::Written => {
                    let _ = self.screen.flush();
                    continue;
                }
                Turn::TooLate => return Ok(code::SIGNAL + PANICKED),
                Turn::News(msg) => (self.batch(msg), Urgency::Output),
                Turn::Wake | Turn::Second => (Vec::new(), Urgency::Output),
                Turn::Due => {
                    self.model.toasts.expire(Instant::now());
                    (Vec::new(), Urgency::Output)
                }
            };
            let mut effects = Vec::new();
            let shows = messages.is_empty() || messages.iter().any(|msg| may_show(&self.model, msg));
            for msg in messages {
                // The panic hook has told; what a broken update has left is enough to pause and leave.
                let followed = catch_unwind(AssertUnwindSafe(|| {
                    rehearse::breakdown(&msg);
                    update(&mut self.model, msg, now())
                }));
                effects.extend(followed.unwrap_or_default());
            }
            if shows || !effects.is_empty() {
                self.clock.request(Instant::now(), urgency);
            }
            if let Some(code) = self.perform(effects, &mut events).await {
                return Ok(code);
            }
            if self.clock.is_due(Instant::now()) && !self.screen.state.busy() {
                self.draw();
            }
        }
    }

    async fn turn(&mut self, events: &mut Listening) -> Turn {
        let (state, due) = (self.screen.state.clone(), self.clock.due());
        let too_late = self.life.panicked_at.map(|at| at + signals::DEADLINE);
        let draws = self.life.panicked_at.is_none();
        let busy = state.busy();
        let moves = self.model.toasts.next_expiry();
        self.screen.seconds(shows_clock(&self.model));
        tokio::select! {
            biased;
            event = events.next() => Turn::Input(event),
            Some(outside) = self.outside.recv() => Turn::Outside(outside),
            () = self.panicked.notified() => Turn::Panicked,
            () = state.written.notified() => Turn::Written,
            () = at(due), if due.is_some() && !busy && draws => Turn::Frame,
            () = at(too_late), if too_late.is_some() => Turn::TooLate,
            Some(msg) = self.from.recv() => Turn::News(msg),
            () = self.wake.notified() => Turn::Wake,
            () = state.second.notified() => Turn::Second,
            () = at(moves), if moves.is_some() => Turn::Due,
        }
    }

    /// The message and those that wait behind it.
    fn batch(&mut self, first: Msg) -> Vec<Msg> {
        let mut all = vec![first];
        while all.len() < BATCH
            && let Ok(msg) = self.from.try_recv()
        {
            all.push(msg);
        }
        all
    }

    /// The one draw site.
    fn draw(&mut self) {
        self.clock.drawn(Instant::now());
        if self.life.panicked_at.is_some() {
            return;
        }
        let (screen, model) = (&mut self.screen, &mut self.model);
        let done = catch_unwind(AssertUnwindSafe(|| {
            screen.draw(|frame| {
                if let Some(cursor) = screens::draw(model, frame.buffer_mut(), now()) {
                    frame.set_cursor_position(cursor);
                }
            })
        }));
        match done {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a frame cannot be drawn"),
            Err(_) => return,
        }
        for mark in self.marks.changed(&self.model) {
            let _ = self.screen.write(&mark);
        }
    }

    /// Performs effects; those that need the terminal here, the others by [`Hands`]. `Some`: leave with this code.
    async fn perform(&mut self, effects: Vec<UiEffect>, events: &mut Listening) -> Option<i32> {
        let mut effects: std::collections::VecDeque<_> = effects.into();
        while let Some(effect) = effects.pop_front() {
            match effect {
                UiEffect::Quit(code) => {
                    self.hands.finish().await;
                    self.screen.leave();
                    super::farewell::say(&self.model);
                    return Some(code);
                }
                UiEffect::Mouse(on) => {
                    self.modes.mouse = on;
                    let _ = self.screen.set_mouse(on);
                    let text = if on { "mouse on" } else { "mouse off: the terminal selects" };
                    self.model.say(Level::Info, text, now());
                }
                UiEffect::Redraw => {
                    let _ = self.screen.repaint();
                }
                UiEffect::Suspend => self.suspend(events),
                UiEffect::Notify(text) => {
                    let variable = |name: &str| std::env::var(name).ok();
                    let how = notify::how(self.model.fixed.config.ui.notify, variable);
                    let bytes = notify::notification(how, &text, variable("TMUX").is_some());
                    if !bytes.is_empty() {
                        let _ = self.screen.write(&bytes);
                    }
                }
                UiEffect::DetectTheme => {
                    let answers = self.away(events, probe_now).await;
                    effects.extend(update(&mut self.model, answers, now()));
                }
                UiEffect::Edit { purpose, text, ending } => {
                    let dir = self.model.fixed.home.state.clone();
                    let edited = move || super::editor::edit(&text, ending, &dir);
                    let text = self.away(events, edited).await;
                    let msg = Msg::Answer(super::msg::Answer::Edited(purpose, text));
                    effects.extend(update(&mut self.model, msg, now()));
                }
                UiEffect::EditFile { path, line } => {
                    if let Err(error) = self.away(events, move || super::editor::open(&path, line)).await {
                        self.model.say(Level::Warning, error, now());
                    }
                }
                UiEffect::Page(text) => {
                    let dir = self.model.fixed.home.state.clone();
                    let shown = self.away(events, move || super::editor::page(&text, &dir)).await;
                    if let Err(error) = shown {
                        self.model.say(Level::Warning, error, now());
                    }
                }
                UiEffect::PageFile(file) => {
                    if let Err(error) = self.away(events, move || super::editor::page_file(&file)).await {
                        self.model.say(Level::Warning, error, now());
                    }
                }
                UiEffect::Copy { text, what } => {
                    let _ =
                        self.screen.write(&super::copy::sequence(&text, std::env::var_os("TMUX").is_some()));
                    self.hands.copy(text, what);
                }
                other => self.hands.perform(other),
            }
        }
        None
    }

    /// Gives the terminal away while something else uses it.
    async fn away<T>(&mut self, events: &mut Listening, what: impl FnOnce() -> T + Send + 'static) -> T
    where
        T: Broken + Send + 'static,
    {
        events.stop();
        self.screen.leave();
        let done = tokio::task::spawn_blocking(what).await;
        let _ = self.screen.enter(self.modes);
        self.marks.forget();
        events.again();
        self.clock.request(Instant::now(), Urgency::Key);
        done.unwrap_or_else(|_| T::broken())
    }

    /// Stops this process, and takes the terminal again when it goes on.
    fn suspend(&mut self, events: &mut Listening) {
        events.stop();
        self.screen.leave();
        self.life.stopped = Some(Instant::now());
        signals::stop_here();
        let _ = self.screen.enter(self.modes);
        self.marks.forget();
        events.again();
        self.clock.request(Instant::now(), Urgency::Key);
    }
}

/// What stands in where the other thread broke.
trait Broken {
    fn broken() -> Self;
}

impl<T> Broken for Result<T, String> {
    fn broken() -> Self {
        Err("it broke off".to_owned())
    }
}

impl Broken for Msg {
    fn broken() -> Self {
        Self::Answer(super::msg::Answer::Background(None))
    }
}

fn probe_now() -> Msg {
    let raw = crossterm::terminal::enable_raw_mode();
    let answers = raw.and_then(|()| probe::ask()).unwrap_or_default();
    Msg::Answer(super::msg::Answer::Background(answers.background))
}
