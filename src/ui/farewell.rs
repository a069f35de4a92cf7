//! What is said when the screen has been left: how each run of this process is taken up again. It goes to standard error,
//! as all that is said beside a result.

use std::io::Write;

use super::model::Model;

/// Says it. A terminal that is gone hears nothing.
pub(super) fn say(model: &Model) {
    let mut out = std::io::stderr().lock();
    for line in model.runs.iter().filter_map(|run| run.how_to_resume(&model.fixed.working_dir)) {
        let _ = writeln!(out, "{line}");
    }
}
