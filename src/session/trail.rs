//! What the answer to one POST leaves behind: the client whose connection breaks off comes back
//! for the rest (2025-11-25, Transports, Resumability).

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, PoisonError},
    time::Duration,
};

use super::{Outbox, Session};
use crate::call::Sight;

/// How long a client may take to come back.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How many answers of one session can be come back for at once.
const MOST: usize = 16;

/// The id of an event: where in which stream it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// The number of the POST stream; none for the session's GET stream.
    pub trail: Option<u64>,
    /// The number of the event on it.
    pub number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.trail {
            Some(trail) => write!(f, "{trail}-{}", self.number),
            None => self.number.fmt(f),
        }
    }
}

impl FromStr for EventId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (trail, number) = match text.split_once('-') {
            Some((trail, number)) => (Some(trail.parse()?), number),
            None => (None, text),
        };
        let number = number.parse()?;
        Ok(Self { trail, number })
    }
}

/// What a session keeps of an answer that can be come back for.
#[derive(Debug)]
pub(super) struct Left {
    number: u64,
    outbox: Arc<Outbox>,
    /// What its client saw when it asked.
    sight: Option<Sight>,
}

/// One answer that can be come back for. Forgotten when dropped.
#[derive(Debug)]
pub struct Trail {
    /// Which one of the session's.
    pub number: u64,
    /// What it consists of.
    pub outbox: Arc<Outbox>,
    session: Arc<Session>,
}

impl Session {
    /// Begins one, in the place of one that has been read where there are too many; nothing where
    /// none has.
    pub fn trail(self: &Arc<Self>) -> Option<Trail> {
        let sight = self.sight();
        let mut trails = self.trails.lock().unwrap_or_else(PoisonError::into_inner);
        if trails.len() >= MOST {
            let read = trails.iter().position(|left| left.outbox.is_read())?;
            trails.remove(read).outbox.close();
        }
        if self.client.is_over() {
            return None;
        }
        let (number, outbox) = (self.client.number(), Arc::new(Outbox::of_answer()));
        trails.push(Left {
            number,
            outbox: outbox.clone(),
            sight,
        });
        drop(trails);
        Some(Trail {
            number,
            outbox,
            session: self.clone(),
        })
    }

    /// What the stream of that number carries, if it is not over. An answer to what somebody was
    /// when they asked is not for what they are since: it must look the same to them.
    pub fn followed(&self, number: u64, sight: &Sight) -> Option<Arc<Outbox>> {
        let trails = self.trails.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = trails.iter().filter(|left| left.number == number);
        let found = found.find(|left| left.sight.as_ref() == Some(sight));
        found.map(|left| left.outbox.clone())
    }

    /// Ends all its streams.
    pub fn close(&self) {
        self.outbox.close();
        let trails = self.trails.lock().unwrap_or_else(PoisonError::into_inner);
        trails.iter().for_each(|left| left.outbox.close());
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        let mut trails = self
            .session
            .trails
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        trails.retain(|left| left.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::{Caller, Client, Identity, Standing},
        mcp::Revision,
    };

    #[test]
    fn a_session_keeps_so_many_answers_and_gives_up_those_that_were_read_first() {
        let client = Client::new("s".into(), Identity::Local, Revision::LATEST, "{}", "{}");
        let session = Arc::new(Session::new(client));
        let sight = Sight::default();
        session.sees(&sight, &Caller::local(Standing::Everything));
        let trails: Vec<Trail> = (0..MOST).map_while(|_| session.trail()).collect();
        assert_eq!(trails.len(), MOST);
        assert!(session.trail().is_none());

        trails[3].outbox.finish();
        let another = session.trail().unwrap();

        assert!(session.followed(trails[3].number, &sight).is_none());
        assert!(session.followed(another.number, &sight).is_some());
        drop(another);
        assert!(session.trail().is_some());
    }

    #[test]
    fn an_event_id_reads_as_it_is_written() {
        for id in ["7", "3-0", "18446744073709551615-1"] {
            assert_eq!(id.parse::<EventId>().unwrap().to_string(), id);
        }
        for wrong in ["", "x", "1-", "-1", "1-2-3"] {
            assert!(wrong.parse::<EventId>().is_err(), "{wrong}");
        }
    }
}
