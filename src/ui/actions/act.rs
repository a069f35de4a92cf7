//! What the actions of the table are, by owner.

use crate::protocol::tree::Settle;

/// What a key or a palette entry does, by owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    Go(Go),
    Open(Open),
    Run(Run),
    Replay(Replay),
    Scroll(Scroll),
    Item(Item),
    Session(Session),
    Watcher(Watcher),
    Write(Write),
    Browse(Browse),
    Screen(Screen),
}

impl Act {
    /// It does something to a run, or shows something of one.
    pub fn needs_run(self) -> bool {
        match self {
            Self::Go(it) => matches!(it, Go::Pane(_) | Go::Zoom),
            Self::Open(it) => {
                matches!(it, Open::Inbox | Open::Ledger | Open::Budget | Open::Changes)
            }
            Self::Run(it) => !matches!(it, Run::Quit | Run::Demo),
            Self::Replay(_)
            | Self::Scroll(_)
            | Self::Item(_)
            | Self::Session(_)
            | Self::Watcher(_)
            | Self::Write(_) => true,
            Self::Browse(_) | Self::Screen(_) => false,
        }
    }

    /// Only the agent of a run that goes on can do it.
    pub fn needs_agent(self) -> bool {
        match self {
            Self::Run(it) => matches!(
                it,
                Run::PauseNow
                    | Run::StepOnce
                    | Run::Abort
                    | Run::AbortNow
                    | Run::RaiseBudget
                    | Run::UndoCompaction
            ),
            Self::Session(it) => {
                matches!(
                    it,
                    Session::Message | Session::Interrupt | Session::End | Session::New | Session::Fork
                )
            }
            Self::Watcher(it) => {
                matches!(it, Watcher::Toggle | Watcher::Mute | Watcher::Allow | Watcher::Tune)
            }
            _ => false,
        }
    }

    /// It does something to a run or is about what it does now: the past is left for it.
    pub fn steers(self) -> bool {
        match self {
            Self::Run(it) => {
                !matches!(it, Run::Quit | Run::PauseAndQuit | Run::Fork | Run::Export | Run::Demo)
            }
            Self::Open(it) => matches!(it, Open::Inbox | Open::Changes),
            Self::Session(it) => !it.only_looks(),
            Self::Watcher(it) => {
                matches!(it, Watcher::Toggle | Watcher::Mute | Watcher::Allow | Watcher::Tune)
            }
            Self::Write(_) => true,
            _ => false,
        }
    }
}

/// Moving between places and panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Go {
    NextPane,
    PrevPane,
    Pane(u8),
    Left,
    Down,
    Up,
    Right,
    Zoom,
    Back,
    Close,
    Interrupt,
    Instances,
    TabPrev,
    TabNext,
}

/// Overlays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Open {
    Help,
    Palette,
    Inbox,
    Ledger,
    Budget,
    Watchers,
    Messages,
    Log,
    Changes,
    NewRun,
    Themes,
}

/// Looking back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replay {
    Back,
    On,
    At,
}

/// Steering the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Run {
    Pause,
    PauseNow,
    StepOnce,
    Abort,
    AbortNow,
    Quit,
    PauseAndQuit,
    RaiseBudget,
    UndoCompaction,
    Export,
    Fork,
    Demo,
}

/// Moving within text or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scroll {
    Down,
    Up,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Left,
    Right,
    StepPrev,
    StepNext,
    Search,
    SearchNext,
    SearchPrev,
}

/// Doing something with what is under the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    Toggle,
    Pager,
    PagerAll,
    Copy,
    CopyPane,
    Select,
    Wrap,
    Filter,
}

/// Sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Session {
    SelectNext,
    SelectPrev,
    SelectFirst,
    SelectLast,
    Open,
    Message,
    Interrupt,
    End,
    New,
    Fork,
    Settle(Settle),
}

impl Session {
    /// It only chooses what is looked at.
    fn only_looks(self) -> bool {
        matches!(
            self,
            Self::SelectNext | Self::SelectPrev | Self::SelectFirst | Self::SelectLast | Self::Open
        )
    }
}

/// Watchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watcher {
    Next,
    Prev,
    First,
    Last,
    Explain,
    Toggle,
    Mute,
    Allow,
    Tune,
}

/// The composer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Write {
    Focus,
    Send,
    Newline,
    Queue,
    Target,
    HistoryPrev,
    HistoryNext,
    HistorySearch,
    Editor,
    Leave,
    EditQueued,
    Withdraw,
    ExpandPaste,
}

/// The browser of instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Browse {
    Next,
    Prev,
    First,
    Last,
    Open,
    Resume,
    Rename,
    Delete,
    Export,
    CopyId,
    Sort,
    Scope,
    Filter,
    Refresh,
}

impl Browse {
    /// It means something where no instance is chosen.
    pub fn is_for_none(self) -> bool {
        matches!(self, Self::Open | Self::Scope | Self::Refresh)
    }
}

/// The screen itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screen {
    Mouse,
    DetectTheme,
    Redraw,
    Suspend,
}
