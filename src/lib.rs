//! A gateway between MCP clients and MCP servers.

/// Who is calling.
pub mod authenticate;
/// From files to one checked, immutable configuration.
pub mod config;
/// The built-in example server.
pub mod example;
/// How a call gets to its server.
pub mod forward;
/// The life of the process: start, serve, drain.
pub mod gateway;
/// The wire.
pub mod mcp;

pub mod authorise;
pub mod call;
pub mod exchange;
pub mod limit;
pub mod refusal;
pub mod route;
