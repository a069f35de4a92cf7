//! Highlighted code: parsed off the screen's thread, cached by block, independent of the theme. A block that is not
//! ready is drawn plain; when it is, [`Highlighter::version`] has changed and the screen is woken.
//!
//! The worker thread begins with the first request and ends when the last clone of the highlighter is dropped.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use crate::ui::theme::Code;

/// Bytes of one block that is highlighted; a longer one stays plain.
const BLOCK_MAX: usize = 64 * 1024;
/// Blocks that are kept; then all are forgotten.
const BLOCKS_KEPT: usize = 512;
/// Blocks that wait for the worker; more stay plain until they are asked for again.
const WAITING: usize = 64;

/// The lines of a block: ends of pieces in bytes, and what they are.
pub type Lines = Vec<Vec<(u32, Code)>>;

/// Asks for highlighted code. Cheap to clone.
#[derive(Clone, Default)]
pub struct Highlighter {
    /// Every block stays plain.
    off: bool,
    shared: Arc<Shared>,
    worker: Arc<Mutex<Option<SyncSender<Job>>>>,
}

#[derive(Default)]
struct Shared {
    done: Mutex<HashMap<u64, Option<Arc<Lines>>>>,
    version: AtomicU64,
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
}

struct Job {
    key: u64,
    language: String,
    text: String,
}

/// The answer to a request.
pub enum Answer {
    Ready(Arc<Lines>),
    /// Ask again when the version has changed.
    Pending,
    /// The language is not known, or the block is too long.
    Plain,
}

impl Highlighter {
    /// `wake` is called (from the worker) when a block is ready.
    pub fn new(wake: impl Fn() + Send + 'static) -> Self {
        let highlighter = Self::default();
        *lock(&highlighter.shared.wake) = Some(Box::new(wake));
        highlighter
    }

    /// One that leaves every block plain: for text that still grows.
    pub fn off() -> Self {
        Self { off: true, ..Self::default() }
    }

    /// Grows by one with every block that becomes ready.
    pub fn version(&self) -> u64 {
        self.shared.version.load(Ordering::Acquire)
    }

    /// A block of code in a language (a name, or a file extension).
    pub fn get(&self, language: &str, text: &str) -> Answer {
        if self.off || language.is_empty() || text.len() > BLOCK_MAX || cfg!(not(feature = "highlight")) {
            return Answer::Plain;
        }
        let mut hasher = DefaultHasher::new();
        (language, text).hash(&mut hasher);
        let key = hasher.finish();
        if let Some(done) = lock(&self.shared.done).get(&key) {
            return done.clone().map_or(Answer::Plain, Answer::Ready);
        }
        let job = Job { key, language: language.to_owned(), text: text.to_owned() };
        let mut worker = lock(&self.worker);
        let sender = worker.get_or_insert_with(|| start(self.shared.clone()));
        let _ = sender.try_send(job);
        Answer::Pending
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(shared: Arc<Shared>) -> SyncSender<Job> {
    let (sender, receiver) = sync_channel(WAITING);
    // Without a thread every block stays pending, which is drawn plain.
    let _ = std::thread::Builder::new().name("highlight".into()).spawn(move || work(&shared, &receiver));
    sender
}

fn work(shared: &Shared, jobs: &Receiver<Job>) {
    let parser = parse::Parser::load();
    while let Ok(job) = jobs.recv() {
        let lines = parser.parse(&job.language, &job.text).map(Arc::new);
        let mut done = lock(&shared.done);
        if done.len() >= BLOCKS_KEPT {
            done.clear();
        }
        done.insert(job.key, lines);
        drop(done);
        shared.version.fetch_add(1, Ordering::AcqRel);
        if let Some(wake) = lock(&shared.wake).as_ref() {
            wake();
        }
    }
}

#[cfg(feature = "highlight")]
mod parse {
    use syntect::{
        parsing::{ParseState, Scope, ScopeStack, SyntaxSet},
        util::LinesWithEndings,
    };

    use super::Lines;
    use crate::ui::theme::Code;

    /// Scopes and what they are; the first that fits the innermost scope decides.
    const SCOPES: &[(&str, Code)] = &[
        ("comment", Code::Comment),
        ("string", Code::String),
        ("constant.numeric", Code::Number),
        ("constant.character", Code::String),
        ("constant.language", Code::Number),
        ("constant", Code::Number),
        ("keyword.operator", Code::Plain),
        ("keyword", Code::Keyword),
        ("storage.type", Code::Type),
        ("storage", Code::Keyword),
        ("entity.name.function", Code::Function),
        ("support.function", Code::Function),
        ("variable.function", Code::Function),
        ("entity.name.tag", Code::Keyword),
        ("entity.name", Code::Type),
        ("support.type", Code::Type),
        ("support.class", Code::Type),
        ("support.macro", Code::Function),
        ("variable.language", Code::Keyword),
        ("markup.inserted", Code::String),
        ("markup.deleted", Code::Keyword),
    ];

    pub(super) struct Parser {
        syntaxes: SyntaxSet,
        table: Vec<(Scope, Code)>,
    }

    impl Parser {
        pub(super) fn load() -> Self {
            let table = SCOPES.iter().filter_map(|(name, code)| Some((Scope::new(name).ok()?, *code)));
            Self { syntaxes: SyntaxSet::load_defaults_newlines(), table: table.collect() }
        }

        /// `None`: the language is not known, or the text does not parse.
        pub(super) fn parse(&self, language: &str, text: &str) -> Option<Lines> {
            let syntax = self.syntaxes.find_syntax_by_token(language)?;
            let (mut state, mut stack) = (ParseState::new(syntax), ScopeStack::new());
            let mut lines = Vec::new();
            for line in LinesWithEndings::from(text) {
                let length = line.trim_end_matches('\n').len();
                let mut pieces: Vec<(u32, Code)> = Vec::new();
                let mut until = |end: usize, code: Code| {
                    let end = end.min(length) as u32;
                    if pieces.last().map_or(0, |(last, _)| *last) < end {
                        pieces.push((end, code));
                    }
                };
                for (at, op) in state.parse_line(line, &self.syntaxes).ok()? {
                    until(at, self.code(&stack));
                    stack.apply(&op).ok()?;
                }
                until(length, self.code(&stack));
                lines.push(pieces);
            }
            Some(lines)
        }

        fn code(&self, stack: &ScopeStack) -> Code {
            let of = |scope: &Scope| self.table.iter().find(|(known, _)| known.is_prefix_of(*scope));
            stack.as_slice().iter().rev().find_map(of).map_or(Code::Plain, |(_, code)| *code)
        }
    }
}

#[cfg(not(feature = "highlight"))]
mod parse {
    use super::Lines;

    pub(super) struct Parser;

    impl Parser {
        pub(super) fn load() -> Self {
            Self
        }
        pub(super) fn parse(&self, _: &str, _: &str) -> Option<Lines> {
            None
        }
    }
}

#[cfg(all(test, feature = "highlight"))]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn code_is_parsed_in_the_background_and_then_ready() {
        let (sender, woken) = channel();
        let highlighter = Highlighter::new(move || sender.send(()).unwrap());
        let code = "fn main() {\n    // hi\n}\n";
        assert!(matches!(highlighter.get("rust", code), Answer::Pending));
        woken.recv().unwrap();
        assert_eq!(highlighter.version(), 1);
        let Answer::Ready(lines) = highlighter.get("rust", code) else { panic!("not ready") };
        assert_eq!(lines.len(), 3);
        assert!(lines[0].iter().any(|(_, code)| *code == Code::Function), "{lines:?}");
        assert!(lines[1].iter().any(|(end, code)| (*end, *code) == (9, Code::Comment)), "{lines:?}");
        assert!(matches!(highlighter.get("no such language", "x"), Answer::Pending));
        woken.recv().unwrap();
        assert!(matches!(highlighter.get("no such language", "x"), Answer::Plain));
        assert!(matches!(highlighter.get("", "x"), Answer::Plain));
    }
}
