//! The terminal: its modes on entering and leaving, the panic hook that gives it back, and the only way to stdout.
//!
//! Frames are handed to a thread that writes them, so that a slow terminal never stops the loop: while one is being
//! written no other is drawn. Not responsible for what is drawn or when.

mod quiet;
mod writer;

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use tokio::sync::Notify;

use quiet::Quiet;
use writer::FrameWriter;
pub use writer::WriterState;

/// Alternate screen, bracketed paste, focus reports, hidden cursor; the title is pushed on the terminal's stack.
const ENTER: &str = "\x1b[?1049h\x1b[22;0t\x1b[?2004h\x1b[?1004h\x1b[?25l\x1b[2J\x1b[H";
/// Buttons and the wheel, in the SGR form. Drags mean nothing here and are not asked for.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
/// All mouse modes.
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1003l\x1b[?1002l\x1b[?1000l";
/// Disambiguated escape codes of the kitty protocol, pushed.
const KITTY_ON: &str = "\x1b[>1u";
/// The same popped.
const KITTY_OFF: &str = "\x1b[<1u";
/// All other modes off, the cursor shown, the title popped, the normal screen.
const LEAVE: &str = "\x1b[?2026l\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[23;0t\x1b[?1049l";
/// How long a frame that is under way may hold the leaving up.
const LAST_FRAME: std::time::Duration = std::time::Duration::from_millis(500);

/// Modes that are on now; what a panic or a signal must switch off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    pub kitty: bool,
    pub mouse: bool,
    /// A progress state was sent (OSC 9;4).
    pub progress: bool,
}

/// What every thread needs to give the terminal back.
#[derive(Debug)]
struct Shared {
    out: File,
    modes: Mutex<Modes>,
    entered: AtomicBool,
}

static ENTERED: OnceLock<Arc<Shared>> = OnceLock::new();

fn stdout_file() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// The bytes that leave, given the modes; capture goes first, so that nothing typed is lost in between.
pub fn leave_bytes(modes: Modes) -> String {
    let mut bytes = String::from(MOUSE_OFF);
    if modes.kitty {
        bytes.push_str(KITTY_OFF);
    }
    if modes.progress {
        bytes.push_str("\x1b]9;4;0\x1b\\");
    }
    bytes.push_str(LEAVE);
    bytes
}

/// Gives the terminal back if it is ours: from any thread, any number of times.
pub fn restore() {
    let Some(shared) = ENTERED.get() else { return };
    if !shared.entered.swap(false, Ordering::SeqCst) {
        return;
    }
    let modes = *shared.modes.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = leave_bytes(modes);
    // A terminal that is gone cannot be given back.
    let _ = (&shared.out).write_all(MOUSE_OFF.as_bytes());
    drain_input();
    let _ = (&shared.out).write_all(bytes.as_bytes());
    let _ = disable_raw_mode();
}

/// Throws away what was typed or reported and not yet read (late mouse reports, answers).
fn drain_input() {
    let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
}

/// Restores the terminal before the message of a panic is printed, whichever thread panics, then chains.
/// `told` wakes the loop, which ends the program in order.
pub fn install_panic_hook(told: Arc<Notify>) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        restore();
        before(info);
        told.notify_one();
    }));
}

/// The terminal while it is ours.
pub struct Screen {
    terminal: Terminal<Quiet>,
    writer: FrameWriter,
    shared: Arc<Shared>,
    pub state: Arc<WriterState>,
}

impl Screen {
    /// Prepares everything without touching the terminal.
    pub fn new() -> io::Result<Self> {
        let out = stdout_file()?;
        let shared = ENTERED.get_or_init(|| {
            let clone = out.try_clone();
            Arc::new(Shared {
                out: clone.unwrap_or_else(|_| out_or_null()),
                modes: Mutex::new(Modes::default()),
                entered: AtomicBool::new(false),
            })
        });
        let (writer, state) = FrameWriter::spawn(out, shared.clone())?;
        let terminal = Terminal::new(Quiet::new(writer.clone()))?;
        Ok(Self { terminal, writer, shared: shared.clone(), state })
    }

    /// Raw mode only, for the probe that comes before [`Screen::enter`].
    pub fn raw(&self) -> io::Result<()> {
        self.shared.entered.store(true, Ordering::SeqCst);
        enable_raw_mode()
    }

    /// Raw mode, the alternate screen and the modes.
    pub fn enter(&mut self, modes: Modes) -> io::Result<()> {
        self.raw()?;
        let mut bytes = String::from(ENTER);
        if modes.kitty {
            bytes.push_str(KITTY_ON);
        }
        if modes.mouse {
            bytes.push_str(MOUSE_ON);
        }
        *self.shared.modes.lock().unwrap_or_else(PoisonError::into_inner) = modes;
        self.write(&bytes)?;
        self.forget();
        Ok(())
    }

    /// The next frame paints every cell. (`Terminal::clear` would ask where the cursor is, and wait for the answer.)
    fn forget(&mut self) {
        self.terminal.current_buffer_mut().reset();
        self.terminal.swap_buffers();
        self.terminal.backend_mut().forget();
    }

    /// Gives the terminal back: after the frame that is under way.
    pub fn leave(&mut self) {
        let deadline = std::time::Instant::now() + LAST_FRAME;
        while self.state.busy() && !self.state.broken() && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.writer.forget();
        restore();
    }

    /// The modes that are on.
    pub fn modes(&self) -> Modes {
        *self.shared.modes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Captures the mouse, or lets the terminal have it.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.shared.modes.lock().unwrap_or_else(PoisonError::into_inner).mouse = on;
        self.write(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// A sequence of ours (title, clipboard, notification, progress), outside of a frame.
    pub fn write(&mut self, bytes: &str) -> io::Result<()> {
        if bytes.starts_with("\x1b]9;4;") {
            self.shared.modes.lock().unwrap_or_else(PoisonError::into_inner).progress = true;
        }
        self.writer.write_all(bytes.as_bytes())?;
        self.writer.send()
    }

    /// The next frame paints every cell.
    pub fn repaint(&mut self) -> io::Result<()> {
        self.forget();
        self.write("\x1b[2J")
    }

    /// One frame, between the marks of synchronized output. Nothing is sent when nothing on the screen changes.
    pub fn draw(&mut self, view: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        let before = self.writer.waiting();
        self.terminal.draw(view)?;
        self.writer.frame_since(before, b"\x1b[?2026h", b"\x1b[?2026l");
        self.writer.send()
    }

    /// Whether the writing thread tells of every full second ([`WriterState::second`]).
    pub fn seconds(&self, on: bool) {
        self.writer.seconds(on);
    }

    /// Sends what had to wait for the frame before.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.send()
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        crossterm::terminal::size()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A file that takes everything: stands in where the terminal could not be opened twice.
fn out_or_null() -> File {
    let null = || File::options().write(true).open("/dev/null");
    loop {
        if let Ok(file) = null() {
            return file;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_switches_every_mode_off_capture_first_and_the_screen_last() {
        let bytes = leave_bytes(Modes { kitty: true, mouse: true, progress: true });
        for mode in ["?1000l", "?1002l", "?1003l", "?1006l", "?1004l", "?2004l", "?2026l", "[<1u", "?25h"] {
            assert!(bytes.contains(mode), "{mode}");
        }
        assert!(bytes.starts_with(MOUSE_OFF) && bytes.ends_with("\x1b[?1049l"));
        assert!(!leave_bytes(Modes::default()).contains("[<1u"));
    }
}
