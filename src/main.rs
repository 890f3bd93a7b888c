//! The process edge: arguments, logging, exit code.

fn main() {}
