//! One binary, a file per promise.
#![cfg(test)] // so that clippy knows the helpers for tests, too

mod cli;
mod cli_remote;
mod config;
mod config_refusals;
mod config_shipped;
mod frame_extremes;
mod frame_properties;
mod hostile;
mod layers;
mod naming_properties;
mod pipe;
mod stdio_calls;
mod stdio_cancel;
mod stdio_client;
mod stdio_death;
mod stdio_notices;
mod stdio_process;
mod stdio_start;
