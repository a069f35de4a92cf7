//! The store from outside: instances as they are made, listed, locked, followed and killed, and the reference's.

mod follow;
mod killed;
mod listing;
mod reference;
mod support;
