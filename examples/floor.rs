//! The floor: the smallest honest program of the shape of zwarm-tui (ratatui, crossterm's event stream, tokio with two
//! workers, synchronized output, a buffered writer, four panes and a line to type into). What is measured of zwarm-tui
//! is compared with it, in the same minute on the same machine: docs/performance.md.
//!
//! `cargo run --release --example floor`; Ctrl-C ends it.

use std::io::{self, BufWriter, Stdout, Write};

use crossterm::{
    cursor,
    event::{Event, EventStream, KeyCode, KeyModifiers},
    execute, queue,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        disable_raw_mode, enable_raw_mode,
    },
};
use futures_util::StreamExt;
use ratatui::{
    Frame, Terminal,
    backend::CrosstermBackend,
    layout::{Constraint, Layout},
    widgets::{Block, Paragraph},
};

/// Bytes of a frame that are reserved.
const FRAME_BYTES: usize = 64 * 1024;

fn draw(frame: &mut Frame<'_>, typed: &str) {
    let [head, body, line] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(3)])
            .areas(frame.area());
    let [left, right] = Layout::horizontal([Constraint::Percentage(62), Constraint::Fill(1)]).areas(body);
    let side = Layout::vertical([Constraint::Percentage(33); 3]).split(right);
    frame.render_widget(Paragraph::new("floor: instances"), head);
    for (n, area) in [left].into_iter().chain(side.iter().copied()).enumerate() {
        let text: Vec<String> =
            (0..area.height).map(|row| format!("pane {n}, row {row}: some text")).collect();
        let block = Block::bordered().title(format!(" {n} "));
        frame.render_widget(Paragraph::new(text.join("\n")).block(block), area);
    }
    frame.render_widget(Paragraph::new(format!("> {typed}")).block(Block::bordered()), line);
    frame.set_cursor_position((line.x + 3 + u16::try_from(typed.len()).unwrap_or(0), line.y + 1));
}

fn show(terminal: &mut Terminal<CrosstermBackend<BufWriter<Stdout>>>, typed: &str) -> io::Result<()> {
    queue!(terminal.backend_mut(), BeginSynchronizedUpdate)?;
    terminal.draw(|frame| draw(frame, typed))?;
    execute!(terminal.backend_mut(), EndSynchronizedUpdate)?;
    terminal.backend_mut().flush()
}

async fn run() -> io::Result<()> {
    let mut terminal =
        Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, io::stdout())))?;
    let mut events = EventStream::new();
    let mut typed = String::new();
    show(&mut terminal, &typed)?;
    while let Some(event) = events.next().await {
        if let Event::Key(key) = event? {
            match key.code {
                KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => break,
                KeyCode::Char(c) => typed.push(c),
                KeyCode::Backspace => {
                    typed.pop();
                }
                _ => {}
            }
        }
        show(&mut terminal, &typed)?;
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen)?;
    let done = runtime.block_on(run());
    execute!(io::stdout(), LeaveAlternateScreen, cursor::Show)?;
    disable_raw_mode()?;
    done
}
