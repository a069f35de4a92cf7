//! Whether the change stays reviewable: not too many files, and tests with the code.

use serde::Deserialize;
use serde_json::json;

use super::{
    Sight, Spoken, Watcher,
    table::{Kind, Row, key, rule},
    words::{is_code, is_test},
};
use crate::{fold::sessions::Doing, protocol::event::Gate};

pub(super) const ROW: Row = Row {
    name: "quality",
    about: "many files were changed, or code without tests",
    keys: &[
        key("require_tests", Kind::Flag, "true", "changed code needs a changed test"),
        key("max_files_changed", Kind::Count, "10", "files"),
    ],
    build: rule::<Quality>,
};

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Quality {
    require_tests: bool,
    max_files_changed: usize,
}

impl Default for Quality {
    fn default() -> Self {
        Self { require_tests: true, max_files_changed: 10 }
    }
}

impl Watcher for Quality {
    fn name(&self) -> &str {
        ROW.name
    }

    fn looks_at(&self, gate: Gate) -> bool {
        gate == Gate::Step
    }

    fn look(&self, sight: &Sight) -> Vec<Spoken> {
        self.many_files(sight).into_iter().chain(self.no_tests(sight)).collect()
    }
}

impl Quality {
    fn many_files(&self, sight: &Sight) -> Option<Spoken> {
        let (count, max) = (sight.files_changed.len(), self.max_files_changed);
        if count <= max {
            return None;
        }
        let reason = format!("{count} files were changed (limit {max})");
        let guidance = format!(
            "{count} files were changed so far, more than {max}. Look at 'git diff --stat', have what was not asked \
             for taken back, and check what is there before more is added."
        );
        let some: Vec<&String> = sight.files_changed.iter().take(20).collect();
        Some(
            Spoken::nudge(ROW.name, "many_files", reason, guidance)
                .with(json!({ "files": count, "some": some })),
        )
    }

    /// Only once the executors rest: while they work the tests may still come.
    fn no_tests(&self, sight: &Sight) -> Option<Spoken> {
        let files = &sight.files_changed;
        let code: Vec<&String> = files.iter().filter(|path| is_code(path) && !is_test(path)).collect();
        let works = sight.open.iter().any(|session| session.doing == Doing::Working);
        if !self.require_tests || works || code.is_empty() || files.iter().any(|path| is_test(path)) {
            return None;
        }
        let reason = format!("{} source files were changed and no test", code.len());
        let guidance = format!(
            "{} source files were changed and not one test. Have tests written that would fail without the change, \
             or state why it needs none.",
            code.len()
        );
        let some: Vec<_> = code.iter().take(20).collect();
        Some(
            Spoken::nudge(ROW.name, "no_tests", reason, guidance)
                .with(json!({ "code": code.len(), "some": some })),
        )
    }
}
