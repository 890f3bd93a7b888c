//! The server on stdin and stdout: what is there is answered in one write.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
};

use super::answers::{self, HEAD};
use crate::bed::Failure;

/// Serves until stdin ends.
pub(crate) fn serve() -> Result<(), Failure> {
    // Files have no buffers of their own.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let (mut read, mut write) = (Vec::new(), Vec::new());
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = input.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        read.extend_from_slice(piece.get(..length).unwrap_or_default());
        let mut done = 0;
        for end in memchr::memchr_iter(b'\n', &read) {
            let line = read.get(done..end).unwrap_or_default();
            done = end + 1;
            if let Some(reply) = answers::reply("/stdio", line) {
                for part in [HEAD, reply.id, &reply.rest, b"\n"] {
                    write.extend_from_slice(part);
                }
            }
        }
        read.drain(..done);
        output.write_all(&write)?;
        write.clear();
    }
}
