//! One binary, a file per promise.
#![cfg(test)] // so that clippy knows the helpers for tests, too

mod answers;
mod batches;
mod cancellation;
mod config;
mod config_refusals;
mod config_shipped;
mod door;
mod ids_never_cross;
mod list_changed;
mod lists;
mod lossless;
mod routing;
mod session_lifecycle;
mod session_stream;
mod subscriptions;
mod support;
mod upstream_trouble;
