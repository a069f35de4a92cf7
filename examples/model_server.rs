//! The scripted model server of the tests, by hand: `model_server LANES.yaml [PORT]`. See `tests/support`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../tests/support/model_server/mod.rs"]
mod model_server;

use std::io::Write;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or_else(|| anyhow::anyhow!("usage: model_server LANES.yaml [PORT]"))?;
    let port = arguments.next().map_or(Ok(0), |text| text.parse::<u16>())?;
    let script: model_server::Script = serde_yaml::from_str(&std::fs::read_to_string(&file)?)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let server = model_server::ModelServer::start_on(port, script).await;
        writeln!(std::io::stdout(), "listening on {}", server.root())?;
        server.forever().await;
        Ok(())
    })
}
