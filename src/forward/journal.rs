//! What a server wrote to stderr last, and what became of it: for an operator who looks.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;

/// How much of it is kept for each server.
const LINES: usize = 1000;
const BYTES: usize = 64 * 1024;

/// The last lines of one server.
#[derive(Debug, Default)]
pub struct Journal {
    kept: Mutex<Kept>,
    /// How many lines there have been.
    count: watch::Sender<u64>,
    /// Whether its server has not come up, and is tried again.
    failing: AtomicBool,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<Arc<str>>,
    bytes: usize,
    /// How many had to make room.
    gone: u64,
}

/// What there is for a reader.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// How many lines it did not come for in time.
    pub lost: u64,
    /// The lines after them.
    pub lines: Vec<Arc<str>>,
}

/// Reads the lines in their order, those to come as well. It costs no memory: a slow one loses
/// what has to make room meanwhile, and learns how much that was.
#[derive(Debug)]
pub struct Reader {
    journal: Arc<Journal>,
    next: u64,
    count: watch::Receiver<u64>,
}

impl Journal {
    /// Whether the server did not come up when it was tried last.
    pub(super) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }

    /// Whether what it says at each attempt has been in the log.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Adds a line, with the time.
    pub(super) fn write(&self, text: &str) {
        let line: Arc<str> = format!("{:.3} {text}", jiff::Timestamp::now()).into();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += line.len();
        kept.lines.push_back(line);
        while kept.lines.len() > LINES || kept.bytes > BYTES {
            let Some(oldest) = kept.lines.pop_front() else {
                break;
            };
            kept.bytes -= oldest.len();
            kept.gone += 1;
        }
        drop(kept);
        self.count.send_modify(|count| *count += 1);
    }

    /// Reads from the last few lines on.
    pub fn read(self: &Arc<Self>, last: usize) -> Reader {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let skipped = kept.lines.len().saturating_sub(last) as u64;
        Reader {
            journal: self.clone(),
            next: kept.gone + skipped,
            count: self.count.subscribe(),
        }
    }
}

impl Reader {
    /// What there is now, and was not taken before.
    pub fn take(&mut self) -> Batch {
        self.count.borrow_and_update();
        let kept = self.journal.kept.lock();
        let kept = kept.unwrap_or_else(PoisonError::into_inner);
        let lost = kept.gone.saturating_sub(self.next);
        let known = self.next.saturating_sub(kept.gone);
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let lines = kept.lines.iter().skip(known).cloned().collect();
        self.next = kept.gone + kept.lines.len() as u64;
        Batch { lost, lines }
    }

    /// Waits until there is more.
    pub async fn more(&mut self) {
        // It cannot fail: the journal that is read holds the other end.
        drop(self.count.changed().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(batch: &Batch) -> Vec<&str> {
        let lines = batch.lines.iter();
        lines.map(|line| line.split_once(' ').unwrap().1).collect()
    }

    #[test]
    fn a_reader_gets_the_last_lines_and_then_each_that_comes() {
        let journal = Arc::new(Journal::default());
        ["a", "b", "c"].iter().for_each(|line| journal.write(line));

        let mut reader = journal.read(2);
        assert_eq!(texts(&reader.take()), ["b", "c"]);
        assert_eq!(reader.take(), Batch::default());
        journal.write("d");
        assert_eq!(texts(&reader.take()), ["d"]);
        assert_eq!(texts(&journal.read(9).take()), ["a", "b", "c", "d"]);
        assert_eq!(texts(&journal.read(0).take()), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_waits_is_woken_and_one_line_is_never_given_twice() {
        let journal = Arc::new(Journal::default());
        let mut reader = journal.read(0);
        let writer = journal.clone();
        let waits = tokio::spawn(async move {
            reader.more().await;
            reader.take()
        });

        writer.write("now");

        assert_eq!(texts(&waits.await.unwrap()), ["now"]);
    }

    #[test]
    fn a_reader_that_comes_late_learns_how_much_it_has_lost() {
        let journal = Arc::new(Journal::default());
        journal.write("first");
        let mut reader = journal.read(1);

        (0..LINES + 9).for_each(|number| journal.write(&number.to_string()));

        let batch = reader.take();
        assert_eq!((batch.lost, batch.lines.len()), (10, LINES));
        assert_eq!(texts(&batch)[0], "9");
    }

    #[test]
    fn long_lines_take_no_more_room_than_short_ones() {
        let journal = Arc::new(Journal::default());

        (0..LINES).for_each(|_| journal.write(&"x".repeat(4000)));

        let kept = journal.kept.lock().unwrap();
        let real: usize = kept.lines.iter().map(|line| line.len()).sum();
        assert!(real == kept.bytes && real <= BYTES, "{real}");
        assert_eq!(kept.gone + kept.lines.len() as u64, LINES as u64);
    }
}
