//! How a call gets to its server.

mod check;
mod config;

pub use config::{Secret, ServerConfig, ServerName, Text};
