//! The fault matrix in the whole program: it is killed, its disk fills up or fails or is taken away, its clock jumps,
//! and its keys are looked for wherever it writes. Each test names the faults of the matrix that it covers;
//! `docs/faults.md` is the table of all of them, and `the_table_names_a_test_for_each_fault` holds the two together.
//!
//! `ZWARM_KILLS=N`: N kills in each phase instead of the few that are made each time; `ZWARM_FAULTS=N`: the first N
//! calls are let fail one after another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod clock;
#[path = "../support"]
mod common {
    pub mod journal;
    pub mod left_out;
    pub mod marks;
    pub mod place;
}
mod disk;
mod held_up;
mod kills;
mod secrets;
mod shared;
mod support;
mod table;
mod words;
