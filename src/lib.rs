//! A gateway between MCP clients and MCP servers.

pub mod accept;
/// Who is calling.
pub mod authenticate;
pub mod authorise;
/// How a call gets to its server.
pub mod forward;
pub mod limit;
pub mod observe;
pub mod pipeline;
pub mod route;

pub mod call;
pub mod exchange;
pub mod mcp;
pub mod refusal;
pub mod session;
pub mod start;

pub mod admin;
pub mod cli;
/// From files to one checked, immutable configuration.
pub mod config;
/// The built-in example server.
pub mod example;
/// The life of the process: start, serve, drain.
pub mod gateway;
