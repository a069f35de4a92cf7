//! What reaches the screen (`Msg`) and what it asks to be done (`UiEffect`). Plain data; `update` turns one into the
//! other, `app` performs.

use std::{path::PathBuf, time::Instant};

use crossterm::event::{KeyEvent, MouseEvent};

use crate::{
    agent::launch::{Ended, Launch},
    error::UserError,
    protocol::{
        Command, InboxId, InstanceId, Notice, Published, SessionId,
        tree::{Settle, Tree},
    },
    store::Listed,
    ui::{kept::Kept, model::RunModel, render::transcript::export::Exporter},
};

/// The time, as an argument: the monotonic clock for gaps, the clock on the wall for what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub instant: Instant,
    pub wall: jiff::Timestamp,
}

/// What has happened.
#[derive(Debug)]
pub enum Msg {
    Key(KeyEvent),
    Paste(String),
    Mouse(MouseEvent),
    /// Columns, rows.
    Resize(u16, u16),
    /// The terminal's window got or lost the focus.
    Focus(bool),
    /// Something came from an instance.
    From(InstanceId, News),
    /// An effect has an answer.
    Answer(Answer),
    /// A signal, or the terminal is gone: leave.
    Leave(i32),
}

/// From an instance.
#[derive(Debug)]
pub enum News {
    Event(Published),
    Notice(Notice),
    /// Live text has moved on.
    Streaming,
    /// Whether a process holds the instance: it may have gone without a word, or another one have come.
    Held(bool),
    /// Its task has ended.
    Ended(Result<Ended, String>),
    /// Its past after a step, or why it cannot be read.
    Past {
        step: u32,
        run: Result<Box<RunModel>, String>,
    },
}

/// An instance that can be shown.
#[derive(Debug)]
pub struct Opened {
    pub id: InstanceId,
    pub name: String,
    pub dir: PathBuf,
    pub working_dir: PathBuf,
    pub access: Access,
    /// Live text, where the instance runs in this process.
    pub tails: Option<std::sync::Arc<crate::agent::link::Tails>>,
    /// What was being written when the screen left it.
    pub draft: String,
}

/// What may be done with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It runs in this process.
    Ours,
    /// Another process runs it: followed live, steered by its drop folder.
    Foreign,
    /// Nobody runs it.
    ReadOnly,
    /// As it was after one of its steps.
    Past,
}

/// The answer to an effect.
#[derive(Debug)]
pub enum Answer {
    Opened(Box<Opened>),
    /// Why, and the task of a run that could not be started: it is not lost.
    NotOpened(UserError, Option<String>),
    Listed(Vec<Listed>),
    /// The list is no longer true.
    Stale,
    /// The text that an editor left; an error: it is as it was.
    Edited(Purpose, Result<String, String>),
    /// How a copy went: the route, or why not.
    Copied(Result<String, String>),
    /// What the journal holds of a session: raw lines and diffs, up to a sequence number.
    SessionRead {
        instance: InstanceId,
        session: SessionId,
        /// As it was asked for.
        until: Option<u64>,
        read: Box<SessionRead>,
    },
    /// What is shown of an instance below the list.
    Previewed(crate::ui::shelf::Preview),
    /// Something on disk is other than it was, in words: the list is read anew.
    Changed(String),
    /// A text for the clipboard, and what it is.
    Gathered(String, &'static str),
    /// A file for the pager.
    WrittenOut(tempfile::NamedTempFile),
    /// A text to be read.
    Sheet {
        title: String,
        lines: Vec<String>,
    },
    /// The changes in a directory, or why git does not tell.
    Changes {
        dir: PathBuf,
        diff: Result<String, String>,
    },
    /// What git says has changed in the worktree of a session since its base.
    TreeDiff {
        instance: InstanceId,
        session: SessionId,
        diff: Result<String, String>,
    },
    /// The newest log file and its last lines.
    Log {
        file: String,
        lines: Vec<String>,
    },
    /// What was found around a new run.
    Looked(Box<crate::agent::look::Around>),
    /// The versions of the executors, by name.
    Versions(Vec<(String, String)>),
    /// A launch that was prepared.
    Ready(Box<Launch>),
    Failed(String),
    /// The terminal's background, asked for by hand.
    Background(Option<(u8, u8, u8)>),
}

/// A session as the journal has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionRead {
    pub lines: Vec<String>,
    /// The sequence numbers of the lines.
    pub seqs: Vec<u64>,
    /// Lines before those that were left out.
    pub left_out: u64,
    pub diff: String,
    pub seq: u64,
}

/// For what an editor was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The composer's text.
    Draft(InstanceId),
    /// The arguments of calls that a card asks about.
    Arguments(InstanceId, InboxId),
    /// The task of a new run.
    Task,
    /// The prompt of a session by hand.
    ByHand,
}

/// What is to be read or changed on disk, off the loop.
#[derive(Debug)]
pub enum Shelf {
    /// Write the transcript of an instance to files.
    Export(PathBuf),
    /// Read what is shown of an instance below the list.
    Preview(Box<Listed>),
    /// Give an instance another name.
    Rename { dir: PathBuf, name: String },
    /// Delete an instance.
    Delete(Box<Listed>),
    /// Ask git what has changed in a directory since a commit.
    ReadChanges { dir: PathBuf, base: Option<String> },
    /// Ask git what has changed in the worktree of a session since its base.
    ReadTree { instance: InstanceId, session: SessionId, tree: Box<Tree> },
    /// Keep, merge or discard the work of a session of a run that nobody runs.
    Settle { dir: PathBuf, session: SessionId, how: Settle },
    /// Fork an instance after a step and start the new one.
    Fork { dir: PathBuf, step: Option<u32>, launch: Box<Launch> },
    /// Read the end of the newest log file in a folder.
    ReadLog(PathBuf),
    /// Look whether a new run could start there, and ask the executors for their versions.
    Look { pattern: Box<Launch>, dir: PathBuf, lm: String, versions: bool },
    /// Put the raw lines of a session (or one of them) into a file for the pager, whole.
    WriteRaw { dir: PathBuf, session: SessionId, line: Option<u64> },
    /// Put a whole transcript into a file for the pager.
    WriteOut(Box<Exporter>),
    /// Read the newest part of a transcript for the clipboard; what it is, for the remark.
    Gather(Box<Exporter>, &'static str),
    /// Keep what was picked on the screen for the next start.
    Keep(Kept),
    /// Write a new file; one that is there stays.
    Save { path: PathBuf, text: String },
    /// Start a new run that goes on where an instance of the reference has ended.
    Adopt(Box<Listed>, Box<Launch>),
}

/// What is to be done.
#[derive(Debug)]
pub enum UiEffect {
    /// Off the loop, on disk.
    Shelf(Shelf),
    /// Ask something of an instance.
    Send(InstanceId, Command),
    Launch(Box<Launch>),
    /// Show an instance that this process does not run.
    Open(Box<Listed>),
    /// Read the list of instances.
    List {
        everywhere: bool,
    },
    ReadSession {
        instance: InstanceId,
        dir: PathBuf,
        session: SessionId,
        /// The newest event to be read. `None`: all.
        until: Option<u64>,
    },
    /// Fill a run with the beginning of its journal, up to the end of a step.
    Replay {
        run: Box<RunModel>,
        step: u32,
    },
    Edit {
        purpose: Purpose,
        text: String,
        ending: &'static str,
    },
    /// Show a text in `$PAGER`.
    Page(String),
    /// Show a file in `$PAGER`; it goes away with its handle.
    PageFile(tempfile::NamedTempFile),
    /// Put a text into the clipboard; what it is, for the toast.
    Copy {
        text: String,
        what: String,
    },
    /// Keep a draft of an instance.
    SaveDraft(InstanceId, String),
    /// Open a file in the editor, at a line (from 1).
    EditFile {
        path: PathBuf,
        line: Option<u32>,
    },
    /// Tell the human by the terminal that something needs them.
    Notify(String),
    Mouse(bool),
    /// Every cell is painted anew.
    Redraw,
    Suspend,
    DetectTheme,
    /// Forget an instance that is no longer shown.
    Close(InstanceId),
    /// Leave the program with this exit code.
    Quit(i32),
}
