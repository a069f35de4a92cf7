//! What was picked on the screen and is kept for the next start: the theme. It stands as long as the configuration
//! asks for the same theme as it did then, so that a later change of the configuration wins.

use std::path::Path;

use serde::{Deserialize, Serialize};

const FILE: &str = "screen.json";
/// Bytes of the file that are read.
const MAX: u64 = 64 * 1024;

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub theme: Option<String>,
    /// `ui.theme` of the configuration when it was picked.
    pub over: Option<String>,
}

impl Kept {
    /// Reads it; a missing or damaged file keeps nothing.
    pub fn load(state: &Path) -> Self {
        let bytes = super::editor::read_bounded(&state.join(FILE), MAX).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// The theme, where the configuration is as it was.
    pub fn theme(&self, configured: Option<&str>) -> Option<&str> {
        self.theme.as_deref().filter(|_| self.over.as_deref() == configured)
    }

    /// Writes it; what was done, in words.
    pub(super) fn save(&self, state: &Path) -> Result<String, String> {
        let text = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        let written =
            std::fs::create_dir_all(state).and_then(|()| crate::store::replace(&state.join(FILE), &text));
        let theme = self.theme.as_deref().unwrap_or("default");
        match written {
            Ok(()) => Ok(format!("theme '{theme}', kept for the next start")),
            Err(error) => {
                Err(format!("theme '{theme}' is for now only: '{}': {error}", state.join(FILE).display()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picked_theme_is_there_again_until_the_configuration_asks_for_another() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(Kept::load(state.path()), Kept::default());
        let kept = Kept { theme: Some("ocean-dark".to_owned()), over: None };
        kept.save(state.path()).unwrap();
        let again = Kept::load(state.path());
        assert_eq!((again.theme(None), again.theme(Some("light"))), (Some("ocean-dark"), None));
        std::fs::write(state.path().join(FILE), "{").unwrap();
        assert_eq!(Kept::load(state.path()), Kept::default());
    }
}
