//! A gateway between MCP clients and MCP servers.

/// From files to one checked, immutable configuration.
pub mod config;
/// Who is calling.
pub mod authenticate;
/// How a call gets to its server.
pub mod forward;
/// The life of the process: start, serve, drain.
pub mod gateway;
/// The built-in example server.
pub mod example;
