//! What is read or changed on disk for the screen.

use std::path::Path;

use super::Hands;
use crate::{
    agent::{
        forks,
        launch::{Launch, What},
        trees,
    },
    error::UserError,
    store,
    ui::{
        copy, editor, export, git,
        msg::{Answer, Msg, Shelf},
        past, shelf,
    },
};

impl Hands {
    /// Does one of them off the loop.
    pub(super) fn on_disk(&mut self, it: Shelf) {
        match it {
            Shelf::Preview(listed) => self.answer(move || Answer::Previewed(shelf::preview(&listed))),
            Shelf::Rename { dir, name } => self.answer(move || changed(shelf::rename(&dir, &name))),
            Shelf::Delete(listed) => self.answer(move || changed(shelf::delete(&listed))),
            Shelf::Adopt(listed, mut launch) => self.answer(move || match past::continued_task(&listed) {
                Ok(task) => {
                    launch.what = What::New { task, name: None };
                    let dir = Path::new(&listed.meta.working_dir);
                    if dir.is_dir() {
                        launch.working_dir = dir.to_owned();
                    }
                    Answer::Ready(launch)
                }
                Err(error) => Answer::NotOpened(error, None),
            }),
            Shelf::ReadChanges { dir, base } => self.answer(move || {
                let diff = git::changes(&dir, base.as_deref());
                Answer::Changes { dir, diff }
            }),
            Shelf::ReadTree { instance, session, tree } => {
                self.answer(move || Answer::TreeDiff { instance, session, diff: git::tree_changes(&tree) })
            }
            Shelf::Settle { dir, session, how } => {
                let to = self.to.clone();
                self.writing.spawn(async move {
                    let _ = to.send(Msg::Answer(changed(trees::settle(&dir, session, how).await))).await;
                });
            }
            Shelf::Fork { dir, step, launch } => self.answer(move || match forked(&dir, step, *launch) {
                Ok(launch) => Answer::Ready(Box::new(launch)),
                Err(error) => Answer::NotOpened(error, None),
            }),
            Shelf::ReadLog(dir) => self.answer(move || {
                let (file, lines) = shelf::read_log(&dir);
                Answer::Log { file, lines }
            }),
            Shelf::Look { pattern, dir, lm, versions } => self.look(*pattern, dir, lm, versions),
            Shelf::Save { path, text } => self.answer(move || match shelf::save(&path, &text) {
                Ok(()) => Answer::Copied(Ok(format!("written: '{}'", path.display()))),
                Err(error) => Answer::Failed(error.to_string().replace('\n', " ")),
            }),
            Shelf::Export(dir) => {
                let into = self.working_dir.clone();
                self.answer(move || match export::export(&dir, &into) {
                    Ok((markdown, json)) => Answer::Copied(Ok(format!(
                        "written: '{}' and '{}'",
                        markdown.display(),
                        json.display()
                    ))),
                    Err(error) => Answer::Failed(error.to_string().replace('\n', " ")),
                });
            }
            Shelf::WriteOut(all) => {
                let state = self.home.state.clone();
                self.answer(move || match editor::write_out(*all, &state) {
                    Ok(file) => Answer::WrittenOut(file),
                    Err(error) => Answer::Failed(error),
                });
            }
            Shelf::WriteRaw { dir, session, line } => {
                let state = self.home.state.clone();
                self.answer(move || match editor::write_raw(&dir, session, line, &state) {
                    Ok(file) => Answer::WrittenOut(file),
                    Err(error) => Answer::Failed(error),
                });
            }
            Shelf::Gather(all, what) => {
                self.answer(move || Answer::Gathered(all.newest(copy::PANE).into_string(), what))
            }
            Shelf::Keep(kept) => {
                let state = self.home.state.clone();
                self.answer(move || match kept.save(&state) {
                    Ok(text) => Answer::Copied(Ok(text)),
                    Err(error) => Answer::Failed(error),
                })
            }
        }
    }
}

/// The new instance; `launch` resumes it.
fn forked(dir: &Path, step: Option<u32>, mut launch: Launch) -> Result<Launch, UserError> {
    let id = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let state_dir = dir.parent().and_then(Path::parent).unwrap_or(dir);
    let new = forks::fork(&store::find(state_dir, &id)?, state_dir, step, None)?;
    if let What::Resume { dir, .. } = &mut launch.what {
        *dir = new;
    }
    Ok(launch)
}

fn changed(done: Result<String, UserError>) -> Answer {
    match done {
        Ok(text) => Answer::Changed(text),
        Err(error) => Answer::Failed(error.to_string().replace('\n', " ")),
    }
}
