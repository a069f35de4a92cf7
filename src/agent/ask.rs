//! Asking a model something beside the run: for the watcher `llm`. One question, one answer, no tools; what it cost goes
//! back with the answer and is recorded by the machine.

use std::{collections::BTreeMap, future::Future, path::Path, pin::Pin, sync::Arc};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, Watchers},
    error::UserError,
    llm::{Model, Reply, Request},
    protocol::{
        Item, Wire,
        item::{self, ItemView},
    },
    watchers::{Answer, AskModel, Question},
};

/// The watcher's model where nothing is configured: its row says so too.
const DEFAULT: &str = "gpt-5-mini";

/// A model that watchers ask.
#[derive(Debug)]
struct Asker {
    model: Model,
}

/// Opens the model of the watcher `llm`; `None`: it is not on. A missing key is an error at the start of the run, not at
/// its fifth step.
pub(super) fn open(
    config: &Config,
    variables: &BTreeMap<String, String>,
    base_dir: &Path,
) -> Result<Option<Arc<dyn AskModel>>, UserError> {
    let Watchers { enabled, watchers, .. } = &config.watchers;
    let Some(entry) = watchers.iter().find(|entry| *enabled && entry.enabled && entry.name == "llm") else {
        return Ok(None);
    };
    let lm = entry.config.get("model").and_then(serde_json::Value::as_str).unwrap_or(DEFAULT);
    let model = Model::open(config, lm, variables, base_dir).map_err(|error| {
        UserError::usage(
            format!("the watcher 'llm' cannot ask '{lm}': {}", error.message),
            format!("{}; or take 'llm' out of 'watchers'", error.hint),
        )
    })?;
    Ok(Some(Arc::new(Asker { model })))
}

impl AskModel for Asker {
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Result<Answer, String>> + Send + '_>> {
        Box::pin(async move {
            let request = request(self.model.wire(), &question.system, question.text, question.before);
            // Nobody reads the stream; a full channel must not hold it up.
            let (chunks, mut streamed) = mpsc::channel(64);
            let drain = async { while streamed.recv().await.is_some() {} };
            let call = async {
                let reply = self.model.call(&request, chunks.clone(), CancellationToken::new()).await;
                drop(chunks);
                reply
            };
            let (reply, ()) = tokio::join!(call, drain);
            let reply = reply.map_err(|error| error.message)?;
            Ok(Answer { text: text(&reply), usage: reply.usage, model: reply.model })
        })
    }
}

/// A request without tools and without a history.
pub(super) fn request(wire: Wire, system: &str, text: String, replies: u32) -> Request {
    let raw = item::message("system", system);
    let tokens = super::compact::estimate(raw.get());
    Request {
        items: vec![Item { id: 1, wire, raw, tokens }],
        observation: text,
        tools: Arc::new(Vec::new()),
        reasoning_effort: None,
        temperature: None,
        cache_key: String::new(),
        replies,
    }
}

/// What a reply says.
pub(super) fn text(reply: &Reply) -> String {
    let texts = reply.items.iter().filter_map(|raw| match item::view(reply.wire, raw.get()) {
        ItemView::Assistant { text, .. } if !text.trim().is_empty() => Some(text),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}
