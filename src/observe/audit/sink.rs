//! A place that lines go to, and how much of them has arrived there.

use std::io::{self, ErrorKind, Write};

/// How many bytes have arrived, in whole lines, and whether more can.
pub(super) type Appended = (usize, io::Result<()>);

/// Where lines go: the file, or stdout.
pub(super) trait Sink: Send {
    /// Which place it is, for who is to make room there.
    fn place(&self) -> String;

    /// Appends lines, or as many as it has room for at once.
    fn append(&mut self, lines: &[u8]) -> Appended;

    /// Opens what stands there now.
    fn reopen(&mut self) -> io::Result<()>;

    /// Waits until what was appended outlasts the machine.
    fn sync(&mut self) -> io::Result<()>;
}

/// A stream, such as stdout.
pub(super) struct Stream<W> {
    out: W,
    torn: bool,
}

impl<W: Write> Stream<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, torn: false }
    }
}

impl<W: Write + Send> Sink for Stream<W> {
    fn place(&self) -> String {
        "stdout".to_owned()
    }

    fn append(&mut self, lines: &[u8]) -> Appended {
        let (written, result) = put(&mut self.out, lines, &mut self.torn);
        (written, result.and_then(|()| self.out.flush()))
    }

    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes lines. `torn` says whether a line has been left without its end: it gets one first, so
/// that the next line can be read.
pub(super) fn put(out: &mut impl Write, lines: &[u8], torn: &mut bool) -> Appended {
    if *torn {
        if let Err(error) = out.write_all(b"\n") {
            return (0, Err(error));
        }
        *torn = false;
    }
    let mut written = 0;
    while let Some(rest) = lines.get(written..).filter(|rest| !rest.is_empty()) {
        let error = match out.write(rest) {
            Ok(0) => ErrorKind::WriteZero.into(),
            Ok(more) => {
                written += more;
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        let arrived = lines.get(..written).unwrap_or(lines);
        let whole = memchr::memrchr(b'\n', arrived).map_or(0, |end| end + 1);
        *torn = written > whole;
        return (whole, Err(error));
    }
    (written, Ok(()))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A disk with room for so many bytes, which takes a few at a time.
    #[derive(Clone, Default)]
    pub(in super::super) struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Disk {
        pub(in super::super) fn with_room(room: usize) -> Self {
            Self(Arc::new(Mutex::new((Vec::new(), room))))
        }

        pub(in super::super) fn make_room(&self, room: usize) {
            self.0.lock().unwrap().1 += room;
        }

        pub(in super::super) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let taken = bytes.len().min(disk.1).min(5);
            if taken == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            disk.1 -= taken;
            disk.0.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_was_cut_off_gets_its_end_and_is_written_again() {
        let disk = Disk::with_room(13);
        let mut sink = Stream::new(disk.clone());
        let (written, result) = sink.append(b"first\nsecond\nthird\n");
        assert_eq!((written, result.is_ok()), (13, false));
        disk.make_room(3);
        assert_eq!(sink.append(b"third\n").0, 0);
        assert_eq!(sink.append(b"third\n").0, 0, "not even the line end fits");
        disk.make_room(100);
        assert_eq!(sink.append(b"third\n").0, 6);
        assert_eq!(disk.text(), "first\nsecond\nthi\nthird\n");
    }
}
