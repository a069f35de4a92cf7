//! The handshake: claude says nothing before it is spoken to. What it tells: its version, its model, its account.

use serde_json::{Value, json};

use super::wire::text;
use crate::executors::News;

/// The two requests of the handshake: what they are called in our ids, and what they say.
pub(super) const HELLO: &str = "hello";
pub(super) const VERSION: &str = "version";

#[derive(Debug)]
pub(super) struct Hello {
    /// The conversation's id, chosen by us.
    native: String,
    heard: bool,
    version: Option<String>,
    /// The one that is wanted; then the one that runs.
    model: Option<String>,
    pub(super) ready: bool,
    pub(super) refused: Option<String>,
}

impl Hello {
    pub(super) fn new(native: String, model: Option<String>) -> Self {
        Self { native, heard: false, version: None, model, ready: false, refused: None }
    }

    pub(super) fn requests() -> [(&'static str, Value); 2] {
        let hello = json!({"subtype": "initialize", "hooks": {}});
        [(HELLO, hello), (VERSION, json!({"subtype": "get_binary_version"}))]
    }

    /// The answer to the first. True: claude can be asked for its totals without a look on the network (it is paid
    /// for by a key, not by a subscription).
    pub(super) fn greeted(&mut self, response: &Value) -> bool {
        if text(response, "subtype") == "error" {
            self.refused = Some(format!("it refused the handshake: {}", text(response, "error")));
            return false;
        }
        self.heard = true;
        let account = &response["response"]["account"];
        text(account, "tokenSource") == "none" && !text(account, "apiKeySource").is_empty()
    }

    /// The answer to the second (an older claude refuses it, which does no harm).
    pub(super) fn versioned(&mut self, response: &Value) -> News {
        self.version = response["response"]["version"].as_str().map(ToOwned::to_owned);
        self.ready = self.heard;
        self.started()
    }

    /// The model that a turn runs with. Something, if it is another one than we knew.
    pub(super) fn model(&mut self, model: Option<&str>) -> Option<News> {
        if self.model.as_deref() == model {
            return None;
        }
        self.model = model.map(ToOwned::to_owned);
        Some(self.started())
    }

    fn started(&self) -> News {
        News::Started {
            native_id: Some(self.native.clone()),
            cli_version: self.version.clone(),
            model: self.model.clone(),
            pid: None,
            shared_pid: false,
        }
    }
}
