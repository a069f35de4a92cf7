//! A model call on a task of its own: its chunks go to the live text, its answer to the machine.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Driver;
use crate::{
    agent::effect::Input,
    llm::{Chunk, ErrorKind, ModelError, Request},
    protocol::StreamKey,
};

/// The longest that a summary may take.
const SUMMARY_WITHIN: std::time::Duration = std::time::Duration::from_secs(90);
/// Chunks that may wait for the live text.
const MAX_CHUNKS: usize = 256;

/// Bytes of an answer after which the machine hears how much has streamed.
const STREAMS_EVERY: u64 = 512;

/// Tells the machine how much of a call has streamed.
struct Meter {
    inputs: mpsc::Sender<Input>,
    call: u64,
    bytes: u64,
    told: u64,
}

impl Meter {
    fn new(inputs: mpsc::Sender<Input>, call: u64) -> Self {
        Self { inputs, call, bytes: 0, told: 0 }
    }

    /// A chunk has come. An attempt that begins anew begins at nothing.
    fn chunk(&mut self, chunk: &Chunk) {
        if let Chunk::Retrying { .. } = chunk {
            (self.bytes, self.told) = (0, 0);
        }
        self.bytes += chunk.bytes();
        if self.bytes >= self.told + STREAMS_EVERY {
            self.told = self.bytes;
            let _ = self.inputs.try_send(Input::ModelStreams { call: self.call, bytes: self.bytes });
        }
    }
}

impl Driver {
    pub(super) fn call_model(&mut self, call: u64, step: u32, request: Request) {
        let cancel = CancellationToken::new();
        self.running.model = Some((call, cancel.clone()));
        let inputs = self.outboxes.inputs.clone();
        let Some(model) = self.leaves.model.clone() else { return };
        let tails = self.link.tails.clone();
        self.running.tasks.spawn(async move {
            let (chunks, mut streamed) = mpsc::channel::<Chunk>(MAX_CHUNKS);
            let show = async {
                let mut meter = Meter::new(inputs.clone(), call);
                while let Some(chunk) = streamed.recv().await {
                    meter.chunk(&chunk);
                    let (item, text) = match chunk {
                        Chunk::Text(text) => (format!("text:{call}"), text),
                        Chunk::Reasoning(text) => (format!("reasoning:{call}"), text),
                        Chunk::Arguments { index, name, text } => {
                            (format!("tool:{call}.{index} {name}"), text)
                        }
                        Chunk::Retrying { wait_ms, why, .. } => {
                            tails.close(|key| key.session.is_none() && key.turn == step);
                            let _ = inputs.send(Input::ModelRetries { call, why, wait_ms }).await;
                            continue;
                        }
                    };
                    tails.push(&StreamKey { session: None, turn: step, item }, &text);
                }
            };
            let answer = async {
                let answer = model.call(&request, chunks.clone(), cancel).await;
                drop(chunks);
                answer
            };
            let (answer, ()) = tokio::join!(answer, show);
            tails.close(|key| key.session.is_none() && key.turn == step);
            let input = match answer {
                Ok(reply) => Input::ModelReplied { call, reply },
                Err(error) => Input::ModelFailed { call, error },
            };
            let _ = inputs.send(input).await;
        });
    }

    /// A call beside the steps; its text is not shown while it streams.
    pub(super) fn summarize(&mut self, call: u64, request: Request) {
        let cancel = CancellationToken::new();
        self.running.model = Some((call, cancel.clone()));
        let inputs = self.outboxes.inputs.clone();
        let Some(model) = self.leaves.model.clone() else { return };
        self.running.tasks.spawn(async move {
            let (chunks, mut streamed) = mpsc::channel(MAX_CHUNKS);
            let drain = async {
                let mut meter = Meter::new(inputs.clone(), call);
                while let Some(chunk) = streamed.recv().await {
                    meter.chunk(&chunk);
                }
            };
            let answer = async {
                let answer = model.call(&request, chunks.clone(), cancel).await;
                drop(chunks);
                answer
            };
            let both = async { tokio::join!(answer, drain).0 };
            let result = tokio::time::timeout(SUMMARY_WITHIN, both).await.unwrap_or_else(|_| {
                let message = format!("the model did not answer within {} s", SUMMARY_WITHIN.as_secs());
                let (kind, hint, partial) = (ErrorKind::GaveUp, String::new(), String::new());
                Err(ModelError { kind, message, hint, partial })
            });
            let _ = inputs.send(Input::Summarized { call, result }).await;
        });
    }

    pub(super) fn cancel_model(&mut self, call: u64) {
        match &self.running.model {
            Some((running, cancel)) if *running == call => cancel.cancel(),
            _ => {
                // It never ran (no model): the machine must not wait for it.
                let error = ModelError {
                    kind: ErrorKind::Cancelled,
                    message: "the call was cancelled".to_owned(),
                    hint: String::new(),
                    partial: String::new(),
                };
                let _ = self.outboxes.inputs.try_send(Input::ModelFailed { call, error });
            }
        }
    }
}
