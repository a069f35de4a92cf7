//! Steps, calls of the orchestrator's model, tools.

use super::{
    super::{
        messages::{self, Said},
        names,
        span::{Kind, Span},
    },
    Fold, Launch, name_of, spend, time,
};
use crate::protocol::{
    Event, Item,
    event::{History, ItemAdded, Scope, ToolFinished, ToolStarted, UsageRecorded},
    item::ItemView,
};

/// An open step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) span: Span,
    /// When its call of the model can have begun.
    from: i64,
    /// The call, once its usage is known; what it said is still added.
    call: Option<Span>,
    called: bool,
    outputs: Said,
}

impl Fold {
    pub(super) fn step_started(&mut self, event: &Event, number: u32, out: &mut Vec<Span>) {
        self.step_finished(event, true, out);
        let Some(launch) = &mut self.launch else { return };
        let mut span = launch.seed(event, launch.run.id).span(format!("step {number}"), Kind::Internal);
        span.set(names::STEP, number);
        let outputs = Said::default();
        launch.step = Some(Step { span, from: time(event), call: None, called: false, outputs });
    }

    pub(super) fn step_finished(&mut self, event: &Event, interrupted: bool, out: &mut Vec<Span>) {
        self.settle(out);
        let Some(launch) = &mut self.launch else { return };
        let Some(mut step) = launch.step.take() else { return };
        if interrupted {
            step.span.set(names::INTERRUPTED, true);
            if !step.called {
                let mut call = launch.call(event, &step);
                call.fail("interrupted", "there was no answer");
                out.push(call);
            }
        }
        step.span.end = time(event);
        out.push(step.span);
    }

    /// The call of the model is over and all that it said is known.
    pub(super) fn settle(&mut self, out: &mut Vec<Span>) {
        let Some(step) = self.launch.as_mut().and_then(|launch| launch.step.as_mut()) else { return };
        let Some(mut call) = step.call.take() else { return };
        let said = std::mem::take(&mut step.outputs);
        if !said.is_empty() {
            call.set(names::OUTPUT, said.to_json());
        }
        out.push(call);
    }

    pub(super) fn history(&mut self, event: &Event, body: &History, out: &mut Vec<Span>) {
        match body {
            History::UsageRecorded(usage) => self.usage(event, usage, out),
            History::ItemAdded(added) if self.content => self.item(added),
            History::ToolStarted(started) => {
                self.settle(out);
                self.tool_started(event, started);
            }
            History::ToolFinished(finished) => self.tool_finished(event, finished, out),
            History::ContextCompacted(_) => self.note(event, "context_compacted", Vec::new()),
            History::CompactionUndone(_) => self.note(event, "compaction_undone", Vec::new()),
            _ => {}
        }
    }

    fn usage(&mut self, event: &Event, usage: &UsageRecorded, out: &mut Vec<Span>) {
        match usage.scope {
            Scope::Session => return self.session_usage(event, usage, out),
            Scope::Orchestrator => self.settle(out),
            Scope::Watcher => {}
        }
        let Some(launch) = &mut self.launch else { return };
        if let (Scope::Orchestrator, Some(step)) =
            (usage.scope, launch.step.as_ref().filter(|step| !step.called))
        {
            let mut call = launch.call(event, step);
            spend(&mut call, usage);
            let inputs = std::mem::take(&mut launch.inputs);
            if !inputs.is_empty() {
                call.set(names::INPUT, inputs.to_json());
            }
            if let Some(step) = &mut launch.step {
                (step.call, step.called) = (Some(call), true);
            }
            return;
        }
        // A watcher's model, or a call outside of the steps (a summary): when it began is not known.
        let mut call = launch.seed(event, launch.inside(event)).span(String::new(), Kind::Client);
        spend(&mut call, usage);
        call.set(names::OPERATION, "chat");
        call.set(names::PROVIDER, launch.provider.as_str());
        call.set(names::BY, if usage.scope == Scope::Watcher { "watcher" } else { "orchestrator" });
        call.name = format!("chat {}", name_of(&usage.model));
        out.push(call);
    }

    /// What was said, as a message; ours before a call, the model's after it.
    fn item(&mut self, added: &ItemAdded) {
        let Some(launch) = &mut self.launch else { return };
        let item =
            Item { id: added.item_id, wire: added.wire, raw: added.item.clone(), tokens: added.tokens };
        let view = item.view();
        if let ItemView::Output { call_id, output } = &view
            && let Some((_, tool)) = launch.tools.iter_mut().find(|(id, _)| id == call_id)
        {
            tool.set(names::RESULT, output.as_str());
        }
        let by_model =
            matches!(view, ItemView::Assistant { .. } | ItemView::Reasoning { .. } | ItemView::Call(_));
        let said = match (&mut launch.step, by_model) {
            (Some(step), true) => &mut step.outputs,
            _ => &mut launch.inputs,
        };
        said.push(messages::message(&view));
    }

    fn tool_started(&mut self, event: &Event, started: &ToolStarted) {
        let content = self.content;
        let Some(launch) = &mut self.launch else { return };
        let name = name_of(&started.name);
        let parent = launch.step.as_ref().map_or(launch.run.id, |step| step.span.id);
        let mut span = launch.seed(event, parent).span(format!("execute_tool {name}"), Kind::Internal);
        span.set(names::OPERATION, "execute_tool");
        span.set(names::TOOL_NAME, name);
        span.set(names::TOOL_TYPE, "function");
        span.set(names::TOOL_CALL, name_of(&started.call_id));
        if content {
            span.set(names::ARGUMENTS, started.arguments.as_str());
        }
        launch.tools.push((started.call_id.clone(), span));
    }

    fn tool_finished(&mut self, event: &Event, finished: &ToolFinished, out: &mut Vec<Span>) {
        let Some(launch) = &mut self.launch else { return };
        let Some(at) = launch.tools.iter().position(|(id, _)| *id == finished.call_id) else { return };
        let (_, mut span) = launch.tools.remove(at);
        span.end = time(event);
        if !finished.ok {
            span.fail("tool_failed", "the tool says that it failed");
        }
        out.push(span);
    }
}

impl Launch {
    /// A call of the model that ends now and began with its step.
    fn call(&self, event: &Event, step: &Step) -> Span {
        let mut call = self.seed(event, step.span.id).span(String::new(), Kind::Client);
        call.start = step.from;
        let model = self.run.get(names::REQUEST_MODEL).cloned();
        call.name = match &model {
            Some(super::super::span::Value::Text(model)) => format!("chat {}", name_of(model)),
            _ => "chat".to_owned(),
        };
        call.set(names::OPERATION, "chat");
        call.set(names::PROVIDER, self.provider.as_str());
        call.attributes.extend(model.map(|model| (names::REQUEST_MODEL, model)));
        call.set(names::STEP, step.span.get(names::STEP).cloned().unwrap_or(0_u32.into()));
        call
    }
}
