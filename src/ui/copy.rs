//! The clipboard: OSC 52 to the terminal, through tmux where it is there, and the desktop's own tool where the session
//! is local. Says which way was taken, and never claims more than is known.

use std::{
    io::Write,
    process::{Command, Stdio},
};

/// Bytes of text that OSC 52 can carry (terminals take about 100 kB of base64).
const MAX: usize = 74_000;
/// Bytes of a copied pane.
pub(super) const PANE: usize = 60_000;

/// The sequence that puts a text into the terminal's clipboard; through tmux also past it.
pub(super) fn sequence(text: &str, tmux: bool) -> String {
    let text = crate::text::cut::at_most(text, MAX);
    let plain = format!("\x1b]52;c;{}\x1b\\", base64(text.as_bytes()));
    if tmux { format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")) } else { plain }
}

/// Hands the text to a tool of the desktop or to tmux; what was done, for the remark.
pub(super) fn by_tool(text: &str, what: &str) -> Result<String, String> {
    let variable = |name: &str| std::env::var_os(name).is_some();
    let local = !variable("SSH_CONNECTION") && !variable("SSH_TTY");
    let tools: &[(&str, &[&str], bool)] = &[
        ("wl-copy", &[], local && variable("WAYLAND_DISPLAY")),
        ("xclip", &["-selection", "clipboard"], local && variable("DISPLAY")),
        ("pbcopy", &[], local && cfg!(target_os = "macos")),
        ("tmux", &["load-buffer", "-w", "-"], variable("TMUX")),
    ];
    for (tool, arguments, _) in tools.iter().filter(|(_, _, usable)| *usable) {
        if pipe(tool, arguments, text).is_ok() {
            return Ok(format!("copied {what} by {tool}"));
        }
    }
    let cut = text.len().saturating_sub(MAX);
    if cut > 0 {
        return Err(format!(
            "only the first {MAX} bytes of {what} were offered by OSC 52; o opens it in $PAGER"
        ));
    }
    Ok(format!("{what}: offered by OSC 52; whether it arrives is the terminal's to decide"))
}

fn pipe(tool: &str, arguments: &[&str], text: &str) -> std::io::Result<()> {
    let mut child = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(std::io::Error::other("it failed")) }
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let sign = SIGNS[(group >> (18 - 6 * n) & 63) as usize];
            out.push(if n <= chunk.len() { char::from(sign) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_encoded_and_tmux_lets_it_pass() {
        assert_eq!(
            ["", "M", "Ma", "Man", "light wo"].map(|t| base64(t.as_bytes())),
            ["", "TQ==", "TWE=", "TWFu", "bGlnaHQgd28="]
        );
        assert_eq!(sequence("M", false), "\x1b]52;c;TQ==\x1b\\");
        assert!(sequence("M", true).ends_with("\x1bPtmux;\x1b\x1b]52;c;TQ==\x1b\x1b\\\x1b\\"));
    }
}
