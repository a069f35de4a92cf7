//! The program: only the helper that every child starts as.

use std::ffi::OsString;

fn main() {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "__exec") {
        zwarm_tui::process::exec_main(args.into_iter().skip(1).collect());
    }
}
