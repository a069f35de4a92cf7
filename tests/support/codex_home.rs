//! A home for the real codex that knows one provider: the model server of a test.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::Path;

/// Makes the folder (`CODEX_HOME`) with a configuration for the server at this address (`…/v1`). The key is read from
/// `MOCK_KEY`; nothing is tried again, so that each request is seen once.
pub fn make(home: &Path, server: &str) {
    let config = format!(
        "model = \"gpt-5.5\"\nmodel_provider = \"mock\"\ncheck_for_update_on_startup = false\n\
         [features]\nplugins = false\n[analytics]\nenabled = false\n[model_providers.mock]\nname = \"mock\"\n\
         base_url = \"{server}\"\nwire_api = \"responses\"\nenv_key = \"MOCK_KEY\"\nrequest_max_retries = 0\n\
         stream_max_retries = 0\n"
    );
    std::fs::create_dir_all(home).unwrap();
    std::fs::write(home.join("config.toml"), config).unwrap();
}
