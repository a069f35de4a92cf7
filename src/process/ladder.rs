//! How children are stopped: asked first, then made to. One table; who is stopped and why is others' business.

use std::time::Duration;

use super::{Ladder, Signal};

/// One rung: what is done, and how long it may take to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rung {
    pub(super) act: Act,
    pub(super) wait: Duration,
}

/// What is done to a child that shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Its stdin ends (where we hold it).
    CloseStdin,
    /// To its whole group.
    Signal(Signal),
}

/// How long a killed child may take to be gone (it may hang in the kernel).
pub(super) const AFTER_KILL: Duration = Duration::from_secs(2);

const fn rung(act: Act, seconds: u64) -> Rung {
    Rung { act, wait: Duration::from_secs(seconds) }
}

/// The rungs of a ladder; the group is killed after the last. What an adapter says over its protocol before
/// (interrupting turns: codex 1 s, claude 2 s) comes on top; the longest is 7 s in all.
pub(super) const fn rungs(ladder: Ladder) -> &'static [Rung] {
    const PLAIN: [Rung; 2] = [rung(Act::Signal(Signal::Int), 2), rung(Act::Signal(Signal::Term), 3)];
    const CODEX_SERVER: [Rung; 1] = [rung(Act::CloseStdin, 2)];
    // Never TERM: the shell that claude runs survives it, in a session of its own.
    const CLAUDE: [Rung; 2] = [rung(Act::CloseStdin, 1), rung(Act::Signal(Signal::Int), 2)];
    match ladder {
        Ladder::Plain => &PLAIN,
        Ladder::CodexServer => &CODEX_SERVER,
        Ladder::Claude => &CLAUDE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ladder_takes_longer_than_eight_seconds_and_claude_is_never_sent_term() {
        for (ladder, before) in [(Ladder::Plain, 0), (Ladder::CodexServer, 1), (Ladder::Claude, 2)] {
            let waits: Duration = rungs(ladder).iter().map(|rung| rung.wait).sum();
            assert!(waits + Duration::from_secs(before) + AFTER_KILL <= Duration::from_secs(8), "{ladder:?}");
        }
        assert!(rungs(Ladder::Claude).iter().all(|rung| rung.act != Act::Signal(Signal::Term)));
    }
}
