//! The traffic of the shared server: which session a line belongs to. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::item::text;
use crate::{
    executors::rpc::{self, METHOD_NOT_FOUND, Message},
    protocol::SessionId,
};

/// Requests that may wait for an answer; the oldest are forgotten.
const MAX_PENDING: usize = 10_000;

/// Where a line of the server goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Route {
    /// To one session.
    One(SessionId, Message),
    /// It concerns all.
    All(Message),
    /// To the server task itself (the handshake).
    Ours(Message),
    /// Nobody knows it: this line goes back.
    Back(String),
    /// Nobody's.
    Nobody,
}

/// Who owns which request and which thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Router {
    pending: BTreeMap<u64, SessionId>,
    threads: BTreeMap<String, SessionId>,
}

impl Router {
    /// A session's request goes out. `thread`: it speaks of this thread, whose messages are the session's from now
    /// on (a resumed thread sends its token total before its own answer).
    pub(super) fn asked(&mut self, session: SessionId, id: u64, thread: Option<&str>) {
        self.pending.insert(id, session);
        while self.pending.len() > MAX_PENDING {
            self.pending.pop_first();
        }
        if let Some(thread) = thread {
            self.threads.insert(thread.to_owned(), session);
        }
    }

    /// The session is gone.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.pending.retain(|_, owner| *owner != session);
        self.threads.retain(|_, owner| *owner != session);
    }

    /// A line of the server.
    pub(super) fn line(&mut self, line: &str) -> Route {
        let Some(message) = rpc::parse(line) else { return Route::Nobody };
        match &message {
            Message::Response { id, result } => {
                let Some(owner) = self.pending.remove(id) else { return Route::Ours(message) };
                if let Ok(result) = result {
                    self.own(owner, &result["thread"]);
                }
                Route::One(owner, message)
            }
            Message::Notification { method, params } => {
                if method == "thread/started" {
                    let thread = &params["thread"];
                    // A sub-agent's thread belongs to the session whose thread began it.
                    if let Some(owner) = self.threads.get(text(thread, "parentThreadId")).copied() {
                        self.own(owner, thread);
                    }
                    return self.to_owner(text(thread, "id"), &message);
                }
                match params.get("threadId") {
                    Some(thread) => self.to_owner(thread.as_str().unwrap_or_default(), &message),
                    None => Route::All(message),
                }
            }
            Message::Request { id, method, params } => {
                match self.to_owner(text(params, "threadId"), &message) {
                    Route::Nobody => {
                        let why = format!("zwarm-tui does not support '{method}'");
                        Route::Back(rpc::failure(id, METHOD_NOT_FOUND, &why))
                    }
                    route => route,
                }
            }
        }
    }

    fn own(&mut self, owner: SessionId, thread: &Value) {
        let id = text(thread, "id");
        if !id.is_empty() {
            self.threads.entry(id.to_owned()).or_insert(owner);
        }
    }

    fn to_owner(&self, thread: &str, message: &Message) -> Route {
        match self.threads.get(thread) {
            Some(owner) => Route::One(*owner, message.clone()),
            None => Route::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_find_their_session_by_request_and_by_thread() {
        let mut router = Router::default();
        let (a, b) = (SessionId::random(), SessionId::random());
        router.asked(a, 5, None);
        router.asked(b, 6, Some("t-b"));
        let route = router.line(r#"{"id":5,"result":{"thread":{"id":"t-a"}}}"#);
        assert!(matches!(route, Route::One(owner, _) if owner == a));
        for (line, owner) in [
            (r#"{"method":"turn/started","params":{"threadId":"t-a"}}"#, Some(a)),
            (r#"{"method":"thread/tokenUsage/updated","params":{"threadId":"t-b"}}"#, Some(b)),
            (
                r#"{"method":"thread/started","params":{"thread":{"id":"child","parentThreadId":"t-b"}}}"#,
                Some(b),
            ),
            (r#"{"id":0,"method":"item/x","params":{"threadId":"child"}}"#, Some(b)),
            (r#"{"method":"turn/started","params":{"threadId":"t-z"}}"#, None),
        ] {
            let found = match router.line(line) {
                Route::One(owner, _) => Some(owner),
                _ => None,
            };
            assert_eq!(found, owner, "{line}");
        }
        let limits = json!({"rateLimits": null});
        assert_eq!(
            router.line(r#"{"method":"account/rateLimits/updated","params":{"rateLimits":null}}"#),
            Route::All(Message::Notification { method: "account/rateLimits/updated".into(), params: limits })
        );
        router.forget(b);
        assert_eq!(
            router.line(r#"{"id":9,"method":"item/x","params":{"threadId":"t-b"}}"#),
            Route::Back(rpc::failure(&json!(9), METHOD_NOT_FOUND, "zwarm-tui does not support 'item/x'"))
        );
        assert_eq!(router.line("garbage"), Route::Nobody);
    }
}
