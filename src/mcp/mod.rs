//! The wire: JSON-RPC messages as bytes, the methods, the revisions, server-sent events.
//!
//! Nothing here knows of callers, servers or sessions. A message is read once, for the few
//! fields a gateway has to see, and never written again from a model: an edit replaces a span.

mod envelope;
pub mod fields;
pub mod frame;
pub mod header;
mod lines;
pub mod message;
pub mod meta;
pub mod method;
pub mod object;
mod part;
pub mod sse;
pub mod trace;
pub mod version;

pub use frame::{Frame, Kind, Malformed};
pub use lines::Lines;
pub use method::{List, Method};
pub use part::Part;
pub use version::Revision;
