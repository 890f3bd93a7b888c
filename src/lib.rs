//! A gateway between MCP clients and MCP servers.
//!
//! It launches or connects to many servers, merges what they offer into one, and serves that to
//! many clients. A message is bytes from one end to the other: the few fields that a gateway has
//! to see are found by their place ([`mcp::Frame`]), the few that it owns are replaced there, and
//! everything else arrives as its author wrote it.
//!
//! A call meets the modules below in order. Start with [`pipeline`]: it is one page.
//!
//! ```text
//!            accept ─► authenticate ─► authorise ─► limit ─► route ─► forward ─► server
//! client ◄─  accept ◄───────────────────────────────────────────────  forward ◄─ server
//!                                     observe: one record for each call
//! ```

pub mod pipeline;

pub mod accept;

pub mod authenticate;

pub mod authorise;

pub mod limit;

pub mod route;

pub mod forward;

pub mod bridge;

pub mod observe;

// What the stages hand on, and keep.

pub mod call;

pub mod exchange;

pub mod refusal;

pub mod session;

pub mod seal;

pub mod start;

pub mod map;

pub mod wait;

pub mod home;

pub mod boxed;

pub mod launch;

pub mod mcp;

// Around the path.

pub mod config;

pub mod gateway;

pub mod admin;

pub mod clients;

pub mod cli;

pub mod example;
