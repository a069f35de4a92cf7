//! Standard output and standard error of everything that runs without a screen. The only place (beside the terminal
//! of the screen) that writes there. A reader that has gone away is remembered, not an error.

use std::io::{self, IsTerminal, Write};

use crate::text::{CleanText, clean, clean_line};

/// The two streams.
#[derive(Debug, Default)]
pub struct Out {
    /// The reader of standard output has gone.
    closed: bool,
}

impl Out {
    /// Both streams, open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the reader of standard output has gone.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// One or more lines for a person.
    pub fn text(&mut self, text: &CleanText) {
        self.write(text.as_bytes());
        self.write(b"\n");
        self.flush();
    }

    /// The same of a text whose parts may be foreign.
    pub fn say(&mut self, text: &str) {
        self.text(&clean(text));
    }

    /// One line for a program: JSON, where control characters are escaped already.
    pub fn json(&mut self, line: &str) {
        self.write(line.as_bytes());
        self.write(b"\n");
    }

    /// Bytes as they are: completion scripts, the manual, the sequences that mend a terminal.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.write(bytes);
        self.flush();
    }

    /// Sends what is buffered.
    pub fn flush(&mut self) {
        if io::stdout().flush().is_err() {
            self.closed = true;
        }
    }

    /// A line on standard error; control sequences and line breaks are taken out.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(io::stderr(), "{}", clean_line(text));
    }

    /// An error with its hint.
    pub fn error(&mut self, error: &crate::error::UserError) {
        self.note(&format!("error: {}", error.message));
        if !error.hint.is_empty() {
            self.note(&format!("hint: {}", error.hint));
        }
    }

    /// Asks on standard error and reads a line. `None`: nobody is there to answer.
    pub fn ask(&mut self, question: &str) -> Option<String> {
        if !io::stdin().is_terminal() {
            return None;
        }
        let _ = write!(io::stderr(), "{} ", clean_line(question));
        let _ = io::stderr().flush();
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).ok()?;
        Some(answer.trim().to_owned())
    }

    fn write(&mut self, bytes: &[u8]) {
        if !self.closed && io::stdout().write_all(bytes).is_err() {
            self.closed = true;
        }
    }
}
