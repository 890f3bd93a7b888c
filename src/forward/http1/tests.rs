//! HTTP/1.1 with servers that behave, and with others.
