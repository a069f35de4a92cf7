//! What a message changes, and what is to be done about it. Pure: no IO, no clock, no waiting.

pub mod act;
pub mod leave;
pub mod news;
pub mod replay;
pub mod session;
pub mod text;
pub mod visible;
pub mod write;

use super::{
    input,
    model::Model,
    msg::{Msg, Now, UiEffect},
};

/// Follows one message.
pub fn update(model: &mut Model, msg: Msg, now: Now) -> Vec<UiEffect> {
    match msg {
        Msg::Key(event) => input::key(model, event, now),
        Msg::Paste(text) => input::paste(model, &text, now),
        Msg::Mouse(event) => input::mouse(model, event, now),
        Msg::Resize(width, height) => {
            model.term.size = (width, height);
            Vec::new()
        }
        Msg::Focus(focused) => {
            model.term.focused = focused;
            Vec::new()
        }
        Msg::From(id, news) => news::from(model, id, news, now),
        Msg::Answer(answer) => news::answer(model, answer, now),
        Msg::Leave(signal) => leave::pause_and_quit(model, Some(signal)),
    }
}
