//! What moves the screen: whether a message may change what is seen, and whether something on it moves by itself.

use crossterm::event::{KeyEventKind, MouseButton, MouseEventKind};

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
        // A key that is let go does nothing.
        Msg::Key(key) => key.kind != KeyEventKind::Release,
        // Of the mouse only the wheel and the left button going down do something.
        Msg::Mouse(mouse) => matches!(
            mouse.kind,
            MouseEventKind::ScrollDown | MouseEventKind::ScrollUp | MouseEventKind::Down(MouseButton::Left)
        ),
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

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};

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
        for (kind, shows) in [
            (MouseEventKind::Down(MouseButton::Left), true),
            (MouseEventKind::ScrollUp, true),
            (MouseEventKind::Up(MouseButton::Left), false),
            (MouseEventKind::Down(MouseButton::Right), false),
        ] {
            let mouse = MouseEvent { kind, column: 3, row: 3, modifiers: KeyModifiers::NONE };
            let before = f.screen();
            assert_eq!(draws(&f.model, &Msg::Mouse(mouse)), shows, "{kind:?}");
            f.send(Msg::Mouse(mouse));
            assert!(shows || f.screen() == before, "{kind:?}");
        }
        let mut released = KeyEvent::new(KeyCode::Char('p'), KeyModifiers::NONE);
        released.kind = KeyEventKind::Release;
        assert!(!draws(&f.model, &Msg::Key(released)));
        f.model.screen = Screen::Home;
        assert!(!draws(&f.model, &Msg::From(mine, News::Streaming)), "its panes are not on the screen");
        assert!(draws(&f.model, &Msg::Resize(100, 30)));
    }
}
