//! The built-in example server.
