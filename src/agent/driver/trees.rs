//! Git on behalf of the machine: worktrees are made and settled on tasks, reported as inputs.

use std::path::PathBuf;

use super::Driver;
use crate::{
    agent::effect::{Checked, Input, Refusal},
    config::Isolation,
    git::{self, Git, Wish},
    protocol::{
        SessionId,
        tree::{Settle, Tree},
    },
};

fn checked(made: Result<git::Made, git::Fault>) -> Result<Checked, Refusal> {
    made.map(|made| Checked { cwd: made.cwd, tree: Some(made.tree) })
        .map_err(|fault| Refusal { error: fault.message, hint: fault.hint })
}

impl Driver {
    fn git(&self) -> Git {
        Git::new(self.leaves.processes.clone(), &self.machine.rules.config)
    }

    /// A directory as it really is, and a worktree where sessions are isolated.
    pub(super) fn check_dir(
        &mut self,
        key: String,
        dir: Option<String>,
        short_id: String,
        fork_of: Option<Box<Tree>>,
    ) {
        let rules = &self.machine.rules;
        let working_dir = rules.place.working_dir.clone();
        let allowed = rules.config.orchestrator.allowed_dirs.clone();
        let isolated = rules.config.executor.isolation == Isolation::Worktree;
        let wish = Wish {
            dir: dir.as_deref().map(PathBuf::from).unwrap_or_default(),
            run: self.link.name.clone(),
            instance: rules.place.dir.clone(),
            short_id,
            worktrees: rules.place.worktrees.clone(),
            state_dir: working_dir.join(&rules.config.state_dir),
        };
        let (git, inputs) = (self.git(), self.outboxes.inputs.clone());
        if let Some(tree) = fork_of {
            self.running.settling.spawn(async move {
                let result = checked(git::fork(&git, &wish, &tree).await);
                let _ = inputs.send(Input::DirChecked { key, result }).await;
            });
            return;
        }
        self.running.settling.spawn(async move {
            let looked = tokio::task::spawn_blocking(move || {
                super::bash::real_dir(&working_dir, dir.as_deref(), allowed.as_deref())
            });
            let dir = looked.await.unwrap_or_else(|_| Err("the directory could not be looked at".to_owned()));
            let result = match dir {
                Err(error) => {
                    let hint = "name an existing directory that the run may use".to_owned();
                    Err(Refusal { error, hint })
                }
                Ok(cwd) if !isolated => Ok(Checked { cwd, tree: None }),
                Ok(dir) => checked(git::open(&git, &Wish { dir, ..wish }).await),
            };
            let _ = inputs.send(Input::DirChecked { key, result }).await;
        });
    }

    pub(super) fn settle(&mut self, session: Option<SessionId>, tree: Tree, how: Settle, title: String) {
        let (git, inputs) = (self.git(), self.outboxes.inputs.clone());
        self.running.settling.spawn(async move {
            let told = git::settle(&git, &tree, how, &title).await;
            if let Some(session) = session {
                let (settled, tree) = (Box::new(told.settled), told.tree.map(Box::new));
                let _ = inputs.send(Input::Settled { session, settled, tree }).await;
            }
        });
    }
}
