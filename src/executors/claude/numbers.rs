//! Names for what we send.

/// Numbers our requests and our messages.
#[derive(Debug)]
pub(super) struct Numbers {
    /// Base of the uuids of our messages: random, another one for each process.
    pub(super) seed: u128,
    pub(super) count: u64,
}

impl Numbers {
    pub(super) fn uuid(&mut self) -> String {
        self.count += 1;
        let bytes = self.seed.wrapping_add(u128::from(self.count)).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    pub(super) fn request(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}-{}", self.count)
    }
}
