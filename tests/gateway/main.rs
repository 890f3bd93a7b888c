//! One binary, a file per promise.
#![cfg(test)] // so that clippy knows the helpers for tests, too

mod answers;
mod batches;
mod cancellation;
mod cli;
mod cli_remote;
mod config;
mod config_refusals;
mod config_shipped;
mod door;
mod frame_extremes;
mod frame_properties;
mod hostile;
mod ids_never_cross;
mod layers;
mod list_changed;
mod lists;
mod lossless;
mod naming_properties;
mod pipe;
mod records;
mod routing;
mod session_lifecycle;
mod session_stream;
mod stdio_calls;
mod stdio_cancel;
mod stdio_client;
mod stdio_death;
mod stdio_notices;
mod stdio_process;
mod stdio_start;
mod subscriptions;
mod support;
mod tasks;
mod upstream_trouble;
