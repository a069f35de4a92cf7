//! Whether a server is there at all. No key is sent, and what it answers does not matter.

use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks for the address, without a key and without following it elsewhere: the HTTP status.
///
/// # Errors
/// Why there was no answer, in a few words.
pub async fn answers(url: &str) -> Result<u16, String> {
    // Another part of the process may have chosen a provider already: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("zwarm-tui/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| last(&error))?;
    match client.get(url).send().await {
        Ok(response) => Ok(response.status().as_u16()),
        Err(error) if error.is_timeout() => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        Err(error) => Err(last(&error)),
    }
}

/// The cause behind all causes: that is what helps.
fn last(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
