//! What streams, and what it costs: live text, counted messages, estimates of those that are open or were cut.

use serde_json::{Value, json};

use super::{Claude, TOTALS, news, text};
use crate::executors::{
    News,
    claude::speech::{Cut, Heard},
    shape::Effect,
};

impl Claude {
    pub(super) fn streamed(&mut self, message: &Value) -> Vec<Effect> {
        let parent = text(message, "parent_tool_use_id");
        match self.speech.event(parent, &message["event"]) {
            Heard::Nothing => Vec::new(),
            Heard::Began(cut) => {
                let mut out = self.count_cut(cut);
                if parent.is_empty() {
                    let turn = self.number();
                    let seen = self.post.seen().into_iter();
                    out.extend(seen.map(|nudge| Effect::News(News::SteerSeen { nudge, turn })));
                    out.extend(self.begun());
                }
                out.extend(self.so_far());
                out
            }
            Heard::Live { item, text } => {
                let mut out = vec![Effect::Live { turn: self.number(), item, text }];
                if self.speech.grown() {
                    out.extend(self.so_far());
                }
                out
            }
            Heard::Counted { usage, model } => {
                let counted = news(self.meter.finished(usage, &model));
                if counted.is_empty() { self.so_far().into_iter().collect() } else { counted }
            }
            Heard::Closed if self.meter.can_ask => {
                vec![self.control(TOTALS, json!({"subtype": "get_usage"})).1]
            }
            Heard::Closed => Vec::new(),
        }
    }

    /// What is spent and not counted yet, by estimate.
    fn so_far(&self) -> Option<Effect> {
        self.meter.live(self.speech.live()).map(Effect::News)
    }

    pub(super) fn count_cut(&mut self, cut: impl IntoIterator<Item = Cut>) -> Vec<Effect> {
        let counted = cut.into_iter().filter_map(|cut| self.meter.cut(cut.usage, &cut.model));
        counted.map(Effect::News).collect()
    }
}
