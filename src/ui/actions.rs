//! The one table of all actions: id, keys, where they are valid, what is said about them.
//!
//! Dispatch, help, the status bar's hints, the palette and the README's keymap page are all made from these rows.
//! The ids are a contract; the keys are defaults that `keys.yaml` may change (`keymap`).

use crate::protocol::tree::Settle;

mod act;
mod page;

pub use act::{Act, Browse, Go, Item, Open, Replay, Run, Screen, Scroll, Session, Watcher, Write};
pub use page::keymap_page;
/// Where keys are valid. A chord is looked up in the innermost context first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// Everywhere where nothing is being typed.
    Global,
    /// A transcript or other text that scrolls.
    Text,
    Sessions,
    SessionView,
    Watchers,
    Composer,
    Browser,
}

impl Context {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 7] = [
        Self::Global,
        Self::Text,
        Self::Sessions,
        Self::SessionView,
        Self::Watchers,
        Self::Composer,
        Self::Browser,
    ];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Anywhere",
            Self::Text => "Transcript and live output",
            Self::Sessions => "Sessions list",
            Self::SessionView => "Session view",
            Self::Watchers => "Watchers",
            Self::Composer => "Composer",
            Self::Browser => "Instances",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub act: Act,
    /// The contract; `keys.yaml` uses it.
    pub id: &'static str,
    pub context: Context,
    /// Default keys, each a chord or two with a blank between.
    pub keys: &'static [&'static str],
    /// One line for help and palette.
    pub text: &'static str,
    /// A word or two for the status bar; empty: not shown there.
    pub hint: &'static str,
    /// Its place among the hints: lower is shown first.
    pub rank: u8,
    /// Group in the palette; empty: not offered there.
    pub group: &'static str,
}

const fn row(
    act: Act,
    id: &'static str,
    context: Context,
    keys: &'static [&'static str],
    text: &'static str,
    hint: (&'static str, u8),
    group: &'static str,
) -> Row {
    Row { act, id, context, keys, text, hint: hint.0, rank: hint.1, group }
}

use Context::{Browser, Composer, Global, SessionView, Sessions, Text, Watchers};

const NO: (&str, u8) = ("", 99);

/// All actions. Order: as in the help.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    row(Act::Open(Open::Help), "help.toggle", Global, &["?", "f1"], "all keys and what they do", NO, "Help"),
    row(Act::Open(Open::Palette), "palette.open", Global, &[":", "ctrl-p"], "command palette", ("cmd", 10), ""),
    row(Act::Run(Run::Pause), "run.pause", Global, &["p"], "pause (nothing new starts), continue", ("pause", 1), "Run"),
    row(Act::Run(Run::PauseNow), "run.pause_now", Global, &["P"], "pause now (interrupts running turns too)", NO, "Run"),
    row(Act::Run(Run::StepOnce), "run.step_once", Global, &["."], "one step, then pause again", NO, "Run"),
    row(Act::Write(Write::Focus), "nudge.focus", Global, &["i"], "write a nudge", ("nudge", 2), "Run"),
    row(Act::Run(Run::Abort), "run.abort", Global, &["X"], "abort the run… (X X: at once)", ("abort", 3), "Run"),
    row(Act::Run(Run::AbortNow), "abort.now", Global, &[], "abort at once, children are killed", NO, "Run"),
    row(Act::Open(Open::Inbox), "inbox.open", Global, &["a"], "inbox: what waits for you, oldest first", ("inbox", 4), "Run"),
    row(Act::Go(Go::NextPane), "pane.next", Global, &["tab"], "next pane", ("pane", 6), ""),
    row(Act::Go(Go::PrevPane), "pane.prev", Global, &["backtab"], "previous pane", NO, ""),
    row(Act::Go(Go::Pane(0)), "pane.goto_1", Global, &["1"], "orchestrator", NO, "Pane"),
    row(Act::Go(Go::Pane(1)), "pane.goto_2", Global, &["2"], "sessions", NO, "Pane"),
    row(Act::Go(Go::Pane(2)), "pane.goto_3", Global, &["3"], "live", NO, "Pane"),
    row(Act::Go(Go::Pane(3)), "pane.goto_4", Global, &["4"], "watchers", NO, "Pane"),
    row(Act::Go(Go::Left), "pane.left", Global, &["ctrl-w h"], "pane to the left", NO, ""),
    row(Act::Go(Go::Down), "pane.down", Global, &["ctrl-w j"], "pane below", NO, ""),
    row(Act::Go(Go::Up), "pane.up", Global, &["ctrl-w k"], "pane above", NO, ""),
    row(Act::Go(Go::Right), "pane.right", Global, &["ctrl-w l"], "pane to the right", NO, ""),
    row(Act::Go(Go::Zoom), "pane.zoom", Global, &["z"], "zoom the pane", ("zoom", 9), "Pane"),
    row(Act::Open(Open::Ledger), "ledger.open", Global, &["L"], "ledger: what was delegated, with evidence", NO, "View"),
    row(Act::Open(Open::Budget), "budget.open", Global, &["$"], "budget: what is spent of each cap, and by whom", NO, "View"),
    row(Act::Open(Open::Watchers), "watchers.open", Global, &["W"], "watchers: how each is switched and set, allowed rules", NO, "View"),
    row(Act::Open(Open::Messages), "messages.open", Global, &["M"], "all messages of this screen", NO, "View"),
    row(Act::Open(Open::Log), "log.open", Global, &["D"], "the log file", NO, "View"),
    row(Act::Open(Open::Changes), "changes.open", Global, &["V"], "changes since the run began (git diff)", NO, "View"),
    row(Act::Replay(Replay::Back), "replay.back", Global, &["<"], "look back: the run as it was a step before (Esc: now)", NO, "View"),
    row(Act::Replay(Replay::On), "replay.on", Global, &[">"], "while looking back: a step on", NO, "View"),
    row(Act::Replay(Replay::At), "replay.at", Global, &[], "look back: the run as it was after a step, e.g. 7", NO, "View"),
    row(Act::Go(Go::Instances), "instances.open", Global, &["b"], "instances", NO, "View"),
    row(Act::Screen(Screen::Mouse), "mouse.toggle", Global, &["m"], "mouse on/off (off: the terminal selects)", NO, "Screen"),
    row(Act::Open(Open::Themes), "theme.pick", Global, &["T"], "pick a theme", NO, "Screen"),
    row(Act::Screen(Screen::DetectTheme), "theme.detect", Global, &[], "ask the terminal: light or dark", NO, "Screen"),
    row(Act::Screen(Screen::Redraw), "redraw", Global, &["ctrl-l"], "draw everything anew", NO, "Screen"),
    row(Act::Screen(Screen::Suspend), "suspend", Global, &["ctrl-z"], "suspend (the run stops too)", NO, "Screen"),
    row(Act::Run(Run::RaiseBudget), "budget.raise", Global, &[], "set a cap, e.g. max_tokens 600k", NO, "Run"),
    row(Act::Run(Run::UndoCompaction), "compaction.undo", Global, &[], "bring back what the last compaction dropped", NO, "Run"),
    row(Act::Run(Run::Fork), "run.fork", Global, &[], "fork this run after a step, e.g. 7 try it otherwise", NO, "Run"),
    row(Act::Run(Run::Export), "run.export", Global, &[], "export the transcript (Markdown, JSON)", NO, "Run"),
    row(Act::Run(Run::PauseAndQuit), "run.pause_and_quit", Global, &[], "pause and quit", NO, "Run"),
    row(Act::Open(Open::NewRun), "run.new", Global, &[], "start another run…", NO, "Run"),
    row(Act::Run(Run::Demo), "run.demo", Global, &[], "play the demo (no key, no network, no executor needed)", NO, "Run"),
    row(Act::Go(Go::Back), "back", Global, &["q"], "back; at the top: quit", ("back", 30), ""),
    row(Act::Run(Run::Quit), "run.quit", Global, &[], "quit zwarm-tui", NO, "Run"),
    row(Act::Go(Go::Close), "close", Global, &["esc"], "one level out, never destroys", NO, ""),
    row(Act::Go(Go::Interrupt), "interrupt", Global, &["ctrl-c"], "twice: quit question", NO, ""),

    row(Act::Scroll(Scroll::Down), "scroll.down", Text, &["j", "down"], "a line down", NO, ""),
    row(Act::Scroll(Scroll::Up), "scroll.up", Text, &["k", "up"], "a line up", NO, ""),
    row(Act::Scroll(Scroll::HalfDown), "scroll.half_down", Text, &["ctrl-d"], "half a page down", NO, ""),
    row(Act::Scroll(Scroll::HalfUp), "scroll.half_up", Text, &["ctrl-u"], "half a page up", NO, ""),
    row(Act::Scroll(Scroll::PageDown), "scroll.page_down", Text, &["pgdn", "space"], "a page down", NO, ""),
    row(Act::Scroll(Scroll::PageUp), "scroll.page_up", Text, &["pgup"], "a page up", NO, ""),
    row(Act::Scroll(Scroll::Top), "scroll.top", Text, &["g", "home"], "top", NO, ""),
    row(Act::Scroll(Scroll::Bottom), "scroll.bottom", Text, &["G", "end"], "bottom, follow on", NO, ""),
    row(Act::Scroll(Scroll::Left), "scroll.left", Text, &["left"], "back to the left, where lines are cut", NO, ""),
    row(Act::Scroll(Scroll::Right), "scroll.right", Text, &["right"], "to the right, where lines are cut", NO, ""),
    row(Act::Scroll(Scroll::StepPrev), "step.prev", Text, &["{"], "previous step", NO, ""),
    row(Act::Scroll(Scroll::StepNext), "step.next", Text, &["}"], "next step", NO, ""),
    row(Act::Scroll(Scroll::Search), "search.open", Text, &["/"], "search the whole transcript", ("search", 7), "Text"),
    row(Act::Scroll(Scroll::SearchNext), "search.next", Text, &["n"], "next match", NO, ""),
    row(Act::Scroll(Scroll::SearchPrev), "search.prev", Text, &["N"], "previous match", NO, ""),
    row(Act::Item(Item::Toggle), "item.toggle", Text, &["enter"], "expand or collapse", NO, ""),
    row(Act::Item(Item::Pager), "item.pager", Text, &["o"], "open in $PAGER", NO, "Text"),
    row(Act::Item(Item::PagerAll), "pane.pager", Text, &["O"], "open the whole transcript in $PAGER", NO, "Text"),
    row(Act::Item(Item::Copy), "copy.item", Text, &["y"], "copy the item", ("copy", 8), "Text"),
    row(Act::Item(Item::CopyPane), "copy.pane", Text, &["Y"], "copy the pane", NO, "Text"),
    row(Act::Item(Item::Select), "select.lines", Text, &["v"], "select lines, then y", NO, "Text"),
    row(Act::Item(Item::Wrap), "wrap.toggle", Text, &["w"], "wrap long lines or cut them", NO, "Text"),
    row(Act::Item(Item::Filter), "filter.role", Text, &["f"], "filter by role", NO, "Text"),

    row(Act::Session(Session::SelectNext), "session.select_next", Sessions, &["j", "down"], "next session", NO, ""),
    row(Act::Session(Session::SelectPrev), "session.select_prev", Sessions, &["k", "up"], "previous session", NO, ""),
    row(Act::Session(Session::SelectFirst), "session.select_first", Sessions, &["g", "home"], "first session", NO, ""),
    row(Act::Session(Session::SelectLast), "session.select_last", Sessions, &["G", "end"], "last session", NO, ""),
    row(Act::Session(Session::Open), "session.open", Sessions, &["enter"], "open the session", ("open", 1), "Session"),
    row(Act::Session(Session::Message), "session.message", Sessions, &["i"], "message the session", ("message", 2), "Session"),
    row(Act::Session(Session::Interrupt), "session.interrupt", Sessions, &["I"], "interrupt its turn", ("interrupt", 3), "Session"),
    row(Act::Session(Session::End), "session.end", Sessions, &["K"], "end the session…", ("end…", 4), "Session"),
    row(Act::Session(Session::New), "session.new", Sessions, &["N"], "start a session by hand", ("new", 5), "Session"),

    row(Act::Go(Go::TabPrev), "tab.prev", SessionView, &["["], "previous tab", NO, ""),
    row(Act::Go(Go::TabNext), "tab.next", SessionView, &["]"], "next tab", ("tab", 5), ""),
    row(Act::Session(Session::Message), "view.message", SessionView, &["i"], "message the session", ("message", 2), ""),
    row(Act::Session(Session::Interrupt), "view.interrupt", SessionView, &["I"], "interrupt its turn", ("interrupt turn", 3), ""),
    row(Act::Session(Session::End), "view.end", SessionView, &["K"], "end the session…", ("end…", 1), ""),
    row(Act::Session(Session::Fork), "session.fork", SessionView, &["F"], "fork the conversation, e.g. fork TEXT", NO, "Session"),
    row(Act::Session(Session::Settle(Settle::Merge)), "session.merge", SessionView, &["+"], "merge its worktree into the working directory's branch…", NO, "Session"),
    row(Act::Session(Session::Settle(Settle::Keep)), "session.keep", SessionView, &["="], "keep its branch and worktree as they are…", NO, "Session"),
    row(Act::Session(Session::Settle(Settle::Discard)), "session.discard", SessionView, &["-"], "discard its branch and worktree…", NO, "Session"),

    row(Act::Watcher(Watcher::Next), "watcher.next", Watchers, &["j", "down"], "next verdict", NO, ""),
    row(Act::Watcher(Watcher::Prev), "watcher.prev", Watchers, &["k", "up"], "previous verdict", NO, ""),
    row(Act::Watcher(Watcher::First), "watcher.first", Watchers, &["g", "home"], "newest verdict", NO, ""),
    row(Act::Watcher(Watcher::Last), "watcher.last", Watchers, &["G", "end"], "oldest verdict", NO, ""),
    row(Act::Watcher(Watcher::Explain), "watcher.explain", Watchers, &["enter"], "why: rule, evidence, step", ("explain", 1), "Watcher"),
    row(Act::Watcher(Watcher::Toggle), "watcher.toggle", Watchers, &["d"], "switch the watcher off or on for this run (asks)", ("off/on", 2), "Watcher"),
    row(Act::Watcher(Watcher::Mute), "watcher.mute", Watchers, &["m"], "only record what the watcher says, or let it act again (asks)", ("mute", 3), "Watcher"),
    row(Act::Watcher(Watcher::Allow), "watcher.allow", Watchers, &["w"], "allow this rule of the watcher for the rest of the run, or take that back (asks)", NO, "Watcher"),
    row(Act::Watcher(Watcher::Tune), "watcher.tune", Watchers, &["t"], "set keys of the watcher for this run…", NO, "Watcher"),

    row(Act::Write(Write::Send), "nudge.send", Composer, &["enter"], "send", ("send", 1), ""),
    row(Act::Write(Write::Queue), "nudge.queue", Composer, &["alt-enter"], "to a session: for its next turn; else a new line", NO, "Composer"),
    row(Act::Write(Write::Newline), "nudge.newline", Composer, &["shift-enter", "ctrl-j"], "new line", ("newline", 2), ""),
    row(Act::Write(Write::Target), "nudge.target_cycle", Composer, &["tab"], "to whom (at the end of the text)", ("to whom", 3), ""),
    row(Act::Write(Write::HistoryPrev), "history.prev", Composer, &["up"], "earlier text (in the first line)", NO, ""),
    row(Act::Write(Write::HistoryNext), "history.next", Composer, &["down"], "later text (in the last line)", NO, ""),
    row(Act::Write(Write::HistorySearch), "history.search", Composer, &["ctrl-r"], "search what was sent before", NO, ""),
    row(Act::Write(Write::Editor), "nudge.editor", Composer, &["ctrl-g"], "write it in $EDITOR", ("editor", 4), ""),
    row(Act::Write(Write::ExpandPaste), "nudge.expand_paste", Composer, &["ctrl-o"], "show a collapsed paste in full", NO, ""),
    row(Act::Write(Write::EditQueued), "nudge.edit", Composer, &["alt-up"], "edit the newest queued nudge", NO, "Composer"),
    row(Act::Write(Write::Withdraw), "nudge.withdraw", Composer, &["alt-del", "alt-backspace"], "withdraw the newest queued nudge", NO, "Composer"),
    row(Act::Write(Write::Leave), "nudge.leave", Composer, &["esc"], "leave, the draft is kept", ("leave", 5), ""),
    row(Act::Run(Run::Pause), "typing.pause", Composer, &["ctrl-x p"], "pause, continue", ("pause (also P X .)", 6), ""),
    row(Act::Run(Run::PauseNow), "typing.pause_now", Composer, &["ctrl-x P"], "pause now", NO, ""),
    row(Act::Run(Run::Abort), "typing.abort", Composer, &["ctrl-x X"], "abort…", NO, ""),
    row(Act::Run(Run::StepOnce), "typing.step_once", Composer, &["ctrl-x ."], "one step", NO, ""),
    row(Act::Go(Go::Interrupt), "typing.interrupt", Composer, &["ctrl-c"], "clear the draft; twice: quit question", NO, ""),
    row(Act::Screen(Screen::Suspend), "typing.suspend", Composer, &["ctrl-z"], "suspend", NO, ""),
    row(Act::Screen(Screen::Redraw), "typing.redraw", Composer, &["ctrl-l"], "draw everything anew", NO, ""),
    row(Act::Open(Open::Palette), "typing.palette", Composer, &["ctrl-p"], "command palette", NO, ""),
    row(Act::Open(Open::Help), "typing.help", Composer, &["f1"], "this help", NO, ""),

    row(Act::Browse(Browse::Next), "instance.next", Browser, &["j", "down"], "next", NO, ""),
    row(Act::Browse(Browse::Prev), "instance.prev", Browser, &["k", "up"], "previous", NO, ""),
    row(Act::Browse(Browse::First), "instance.first", Browser, &["g", "home"], "first", NO, ""),
    row(Act::Browse(Browse::Last), "instance.last", Browser, &["G", "end"], "last", NO, ""),
    row(Act::Browse(Browse::Open), "instance.open", Browser, &["enter"], "open (a live one: its run view, else read-only)", ("open", 1), "Instance"),
    row(Act::Browse(Browse::Resume), "instance.resume", Browser, &["r"], "resume", ("resume", 2), "Instance"),
    row(Act::Open(Open::NewRun), "instance.new", Browser, &["n"], "new run…", ("new", 3), "Instance"),
    row(Act::Browse(Browse::Rename), "instance.rename", Browser, &["R"], "rename", ("rename", 7), "Instance"),
    row(Act::Browse(Browse::Delete), "instance.delete", Browser, &["d"], "delete…", ("delete…", 8), "Instance"),
    row(Act::Browse(Browse::Export), "instance.export", Browser, &["e"], "export (Markdown, JSON)", ("export", 9), "Instance"),
    row(Act::Browse(Browse::CopyId), "instance.copy_id", Browser, &["y"], "copy the id", ("copy id", 10), "Instance"),
    row(Act::Browse(Browse::Sort), "instance.sort", Browser, &["s"], "sort by the next column", ("sort", 5), "Instance"),
    row(Act::Browse(Browse::Scope), "instance.scope", Browser, &["t"], "this directory / all projects", ("all/here", 6), "Instance"),
    row(Act::Browse(Browse::Filter), "instance.filter", Browser, &["/"], "filter", ("filter", 4), "Instance"),
    row(Act::Browse(Browse::Refresh), "instance.refresh", Browser, &["ctrl-r"], "read the list anew", NO, "Instance"),
];

/// The row of an id.
pub fn find(id: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.id == id)
}

#[cfg(test)]
#[path = "actions_tests.rs"]
mod tests;
