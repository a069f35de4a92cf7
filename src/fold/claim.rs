//! Claims that tests pass, and what they rest on: who ran which tests when, how they ended, and who changed files
//! since. The watcher `claims` and the ledger read it; what to do about a claim is theirs.

use serde::{Deserialize, Serialize};

use super::tested::{Tested, tested};
use crate::protocol::{SessionId, ToolCall};

/// Claims that are kept, the newest.
const CLAIMS_KEPT: usize = 16;
/// Characters of a sentence or a command that are kept.
const TEXT_KEPT: usize = 300;
/// Test calls of the orchestrator that wait for their result.
const CALLS_KEPT: usize = 64;
/// Words between who is meant (tests) and what is said (pass).
const NEAR: usize = 7;

/// Who: the orchestrator (`None`) or a session.
pub type Actor = Option<SessionId>;

/// Test runs and changes so far, and the newest claims with what they rested on when they were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The newest test run of each.
    runs: Vec<(Actor, Run)>,
    /// The newest change of a file by each session, as sequence number.
    changes: Vec<(SessionId, u64)>,
    /// Oldest first.
    pub claims: Vec<Claim>,
    /// Calls of the orchestrator that run tests and have not returned: call id, command.
    calls: Vec<(String, String)>,
}

/// A test run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub seq: u64,
    pub command: String,
    pub result: Tested,
}

/// Somebody said that tests pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub seq: u64,
    /// The item that it stands in; 0: a session's message.
    pub item: u64,
    pub by: Actor,
    /// The session's turn; 0 for the orchestrator.
    pub turn: u32,
    /// The sentence.
    pub text: String,
    pub basis: Basis,
}

/// What a claim rested on when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A run that bears it out, or does not speak against it.
    Shown,
    NotRun,
    Failed(String),
    /// Files were changed after this run.
    Outdated(String),
}

impl Proof {
    /// A command has ended.
    pub fn ran(&mut self, seq: u64, by: Actor, command: &str, exit_code: Option<i64>, output: &str) {
        let Some(result) = tested(command, exit_code, output) else { return };
        let run = Run { seq, command: shorten(command), result };
        match self.runs.iter_mut().find(|(actor, _)| *actor == by) {
            Some((_, known)) => *known = run,
            None => self.runs.push((by, run)),
        }
    }

    /// A session changed files.
    pub fn changed(&mut self, seq: u64, by: SessionId) {
        match self.changes.iter_mut().find(|(session, _)| *session == by) {
            Some((_, known)) => *known = seq,
            None => self.changes.push((by, seq)),
        }
    }

    /// The orchestrator calls a tool.
    pub fn called(&mut self, call: &ToolCall) {
        let Some(command) = bash_command(call).filter(|command| super::tested::runs_tests(command)) else {
            return;
        };
        if self.calls.len() >= CALLS_KEPT {
            self.calls.remove(0);
        }
        self.calls.push((call.call_id.clone(), command));
    }

    /// A call of the orchestrator has returned.
    pub fn returned(&mut self, seq: u64, call_id: &str, output: &str) {
        let Some(at) = self.calls.iter().position(|(id, _)| id == call_id) else { return };
        let (_, command) = self.calls.remove(at);
        self.ran(seq, None, &command, exit_code(output), output);
    }

    /// Somebody said something; kept where it claims that tests pass.
    pub fn said(&mut self, seq: u64, item: u64, by: Actor, turn: u32, text: &str) {
        let Some(sentence) = claimed(text) else { return };
        if self.claims.len() >= CLAIMS_KEPT {
            self.claims.remove(0);
        }
        let (text, basis) = (shorten(sentence), self.basis(by));
        self.claims.push(Claim { seq, item, by, turn, text, basis });
    }

    /// What a claim would rest on now.
    pub fn basis(&self, by: Actor) -> Basis {
        let Some(run) = self.run_for(by) else { return Basis::NotRun };
        // A session answers for its own changes, the orchestrator for all.
        let changes = self.changes.iter().filter(|(session, _)| by.is_none() || by == Some(*session));
        let changed = changes.map(|(_, seq)| *seq).max().is_some_and(|seq| seq > run.seq);
        match run.result {
            Tested::Failed => Basis::Failed(run.command.clone()),
            _ if changed => Basis::Outdated(run.command.clone()),
            Tested::Passed | Tested::Unknown => Basis::Shown,
        }
    }

    /// The run that a claim is measured by: a session's own, else one of another that did not fail (that may have been
    /// about something else); for the orchestrator the newest of all.
    fn run_for(&self, by: Actor) -> Option<&Run> {
        let own = self.runs.iter().filter(|(actor, _)| by.is_none() || *actor == by);
        let own = own.map(|(_, run)| run).max_by_key(|run| run.seq);
        let others = self.runs.iter().map(|(_, run)| run).filter(|run| run.result != Tested::Failed);
        own.or_else(|| others.max_by_key(|run| run.seq))
    }

    /// Whether the newest test run of all is known to have passed.
    pub fn passed(&self) -> bool {
        let newest = self.runs.iter().map(|(_, run)| run).max_by_key(|run| run.seq);
        newest.is_some_and(|run| run.result == Tested::Passed)
    }

    /// Whether tests were run after a claim: whoever doubts it knows by now.
    pub fn tested_since(&self, claim: &Claim) -> bool {
        self.runs.iter().any(|(_, run)| run.seq > claim.seq)
    }
}

/// The command of a `bash` call; `None`: it is another tool, or its arguments cannot be read.
pub fn bash_command(call: &ToolCall) -> Option<String> {
    let arguments: serde_json::Value =
        (call.name == "bash").then(|| serde_json::from_str(&call.arguments).ok()).flatten()?;
    arguments.get("command")?.as_str().map(str::to_owned)
}

/// The exit code in the result of a `bash` call.
fn exit_code(output: &str) -> Option<i64> {
    let value: serde_json::Value = serde_json::from_str(output).ok()?;
    ["returncode", "exit_code"].into_iter().find_map(|key| value.get(key)?.as_i64())
}

fn shorten(text: &str) -> String {
    text.trim().chars().take(TEXT_KEPT).collect()
}

/// Who is said to pass.
const SUBJECTS: [&str; 10] =
    ["test", "tests", "suite", "suites", "testsuite", "specs", "checks", "cases", "pytest", "jest"];
/// What is said.
const PASSES: [&str; 9] =
    ["pass", "passes", "passed", "passing", "succeed", "succeeds", "succeeded", "green", "ok"];
/// Without a subject: `all green`, `everything passes`.
const ALL: [&str; 2] = ["all", "everything"];
/// In the same clause these make it a condition, a denial or a part.
const CLAUSE: [&str; 38] = [
    "if", "when", "once", "until", "unless", "whether", "before", "after", "without", "not", "no", "none",
    "never", "cannot", "neither", "nor", "fail", "fails", "failed", "failing", "failure", "failures", "most",
    "some", "few", "nearly", "almost", "except", "but", "half", "don't", "doesn't", "didn't", "won't",
    "can't", "isn't", "aren't", "so",
];
/// Anywhere before it in the sentence these make it a wish, a plan, or somebody else's word.
const SENTENCE: [&str; 40] = [
    "should",
    "shall",
    "must",
    "will",
    "would",
    "may",
    "might",
    "could",
    "ensure",
    "ensures",
    "ensuring",
    "make",
    "making",
    "verify",
    "check",
    "confirm",
    "need",
    "needs",
    "wait",
    "expect",
    "expected",
    "please",
    "let",
    "want",
    "goal",
    "assume",
    "hope",
    "says",
    "said",
    "claims",
    "claimed",
    "claiming",
    "reports",
    "reported",
    "allegedly",
    "supposedly",
    "told",
    "i'll",
    "let's",
    "see",
];

/// The sentence that claims passing tests.
pub fn claimed(text: &str) -> Option<&str> {
    sentences(text).find(|sentence| !sentence.ends_with('?') && claims(sentence))
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut ends = rest.char_indices().peekable();
        let mut end = rest.len();
        while let Some((at, c)) = ends.next() {
            // `run_tests.sh` and `1.5` end no sentence.
            let blank =
                ends.peek().is_none_or(|(_, next)| next.is_whitespace() || matches!(next, '"' | '*' | ')'));
            if matches!(c, '\n' | ';') || matches!(c, '.' | '!' | '?') && blank {
                end = at + c.len_utf8();
                break;
            }
        }
        let (sentence, more) = rest.split_at(end);
        rest = more;
        Some(sentence.trim())
    })
}

fn claims(sentence: &str) -> bool {
    let mut before: Vec<String> = Vec::new();
    for clause in sentence.split([',', ':', '(', ')', '–', '—']) {
        let words = words(clause);
        if let Some(at) = claim_at(&words) {
            let wished = before.iter().chain(&words[..at]).any(|word| SENTENCE.contains(&word.as_str()));
            let denied = words.iter().any(|word| CLAUSE.contains(&word.as_str()) || word.ends_with("n't"));
            return !wished && !denied;
        }
        before.extend(words);
    }
    false
}

/// Words in small letters; `0 failed`, `no failures`, `3 of 3` are taken out, since they deny nothing.
fn words(clause: &str) -> Vec<String> {
    let clean = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/').to_lowercase();
        word.replace('’', "'")
    };
    let all: Vec<String> = clause.split_whitespace().map(clean).filter(|word| !word.is_empty()).collect();
    let mut words = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let (word, next) = (all[at].as_str(), all.get(at + 1).map(String::as_str).unwrap_or_default());
        let failures = matches!(
            next,
            "failed" | "failures" | "failure" | "failing" | "errors" | "regressions" | "skipped"
        );
        let part = match (next, all.get(at + 2)) {
            ("of" | "out", Some(_)) => {
                word.parse::<u64>().ok().zip(all.iter().skip(at + 2).find_map(|w| w.parse::<u64>().ok()))
            }
            _ => word.split_once('/').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?))),
        };
        match part {
            Some((some, all)) if some != all => words.push("some".to_owned()),
            _ if matches!(word, "0" | "no" | "zero" | "without") && failures => at += 1,
            _ => words.push(word.to_owned()),
        }
        at += 1;
    }
    words
}

/// Where in a clause passing tests are told of.
fn claim_at(words: &[String]) -> Option<usize> {
    let is = |list: &[&str], word: &str| list.contains(&word);
    for (at, word) in words.iter().enumerate() {
        let subject = is(&SUBJECTS, word) || is(&ALL, word);
        let next = words.iter().skip(at + 1).take(NEAR);
        // `the passing of arguments` says nothing of them.
        let verb = |n: usize| !matches!(words[at + n].as_str(), "the" | "a" | "an" | "by" | "of");
        let said = next.enumerate().find(|(n, word)| is(&PASSES, word) && verb(*n)).map(|(n, _)| n);
        let Some(distance) = said.filter(|_| subject) else { continue };
        // `all` alone is close to what it says: all green, everything passes.
        if is(&SUBJECTS, word) || distance <= 2 && !words[at + 1..].iter().take(distance).any(|w| w.len() > 4)
        {
            return Some(at + 1 + distance);
        }
    }
    // `14 passed`, as test runners print it.
    words
        .windows(2)
        .position(|pair| pair[0].parse::<u64>().is_ok_and(|n| n > 0) && pair[1] == "passed")
        .map(|at| at + 1)
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
