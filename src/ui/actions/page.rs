//! The table of actions as a page of Markdown.

use super::{Context, TABLE};

/// The keymap page of the README, as Markdown.
pub fn keymap_page() -> String {
    let mut page = String::from(
        "# Keys\n\nMade from the table in `src/ui/actions.rs`. Every key can be changed in `keys.yaml`:\n\n```yaml\nrun.pause: p            # one key\npalette.open: [\":\", ctrl-p]   # or several\n```\n",
    );
    for context in Context::ALL {
        page.push_str(&format!("\n## {}\n\n| keys | id | what it does |\n|---|---|---|\n", context.title()));
        for row in TABLE.iter().filter(|row| row.context == context) {
            let keys: Vec<_> = row.keys.iter().map(|key| format!("`{key}`")).collect();
            let keys = if keys.is_empty() { "palette".to_owned() } else { keys.join(" ") };
            page.push_str(&format!("| {keys} | `{}` | {} |\n", row.id, row.text));
        }
    }
    page
}
