//! One binary, a file per promise.
#![cfg(test)] // so that clippy knows the helpers for tests, too

mod config;
mod config_refusals;
mod config_shipped;
mod session_lifecycle;
mod support;
