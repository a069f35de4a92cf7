//! What moves the screen: whether a message may change what is seen, and whether something on it moves by itself.

use crate::{
    protocol::event::RunState::{Ended, Paused},
    ui::{
        model::{Model, RunModel, Screen},
        msg::{Msg, News},
    },
};

/// Whether a message may change what is on the screen; where it cannot, no frame is drawn for it.
pub fn may_show(model: &Model, msg: &Msg) -> bool {
    match msg {
        // Live text is only in the panes of the run that is shown.
        Msg::From(id, News::Streaming) => shown(model).is_some_and(|run| run.id == *id),
        // It decides who is told, not what is drawn.
        Msg::Focus(_) => false,
        _ => true,
    }
}

/// The clock of a run is on the screen, and runs.
pub fn shows_clock(model: &Model) -> bool {
    let moves = |run: &RunModel| {
        run.can_steer() && (!matches!(run.state(), Paused | Ended) || !run.folds.inbox.open.is_empty())
    };
    model.term.animations && shown(model).is_some_and(moves)
}

/// The run whose panes are on the screen.
fn shown(model: &Model) -> Option<&RunModel> {
    matches!(model.screen, Screen::Run | Screen::Session).then(|| model.run()).flatten()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{
        protocol::InstanceId,
        ui::{
            fixture::Fixture,
            frame_clock::{FrameClock, Urgency},
        },
    };

    #[test]
    fn what_changes_nothing_visible_makes_no_frame_due() {
        let mut f = Fixture::busy(80, 24);
        let (mine, other) = (f.id, InstanceId::random());
        let mut clock = FrameClock::default();
        let mut draws = |model: &Model, msg: &Msg| {
            let now = Instant::now();
            clock.drawn(now);
            if may_show(model, msg) {
                clock.request(now, Urgency::Output);
            }
            clock.due().is_some()
        };
        assert!(draws(&f.model, &Msg::From(mine, News::Streaming)));
        assert!(!draws(&f.model, &Msg::From(other, News::Streaming)), "of a run that is not shown");
        let before = f.screen();
        f.send(Msg::Focus(false));
        assert!(!draws(&f.model, &Msg::Focus(false)));
        assert_eq!(f.screen(), before, "the focus of the window is not drawn");
        f.model.screen = Screen::Home;
        assert!(!draws(&f.model, &Msg::From(mine, News::Streaming)), "its panes are not on the screen");
        assert!(draws(&f.model, &Msg::Resize(100, 30)));
    }
}
