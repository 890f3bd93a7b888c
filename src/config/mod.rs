//! From files to one checked, immutable configuration.
