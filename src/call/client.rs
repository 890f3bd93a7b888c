//! The session a call came in on.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
};

use tokio::sync::oneshot;

use super::{Behalf, Extent, Identity, Level, ServerName, Transport};
use crate::mcp::{Frame, Method, Part, Revision, fields};

/// The session a call came in on, as far as servers are concerned.
#[derive(Debug)]
pub struct Client {
    /// The session's id. Servers that keep one session for each client go by it.
    pub session: Arc<str>,
    /// Who opened it.
    pub identity: Identity,
    /// The part of the gateway it has come in by.
    pub extent: Extent,
    /// How it has come in.
    pub transport: Transport,
    /// What was agreed at `initialize`.
    pub revision: Revision,
    /// Its `capabilities`, as it wrote them.
    pub capabilities: Box<str>,
    /// Its `clientInfo`, as it wrote it.
    pub info: Box<str>,
    /// The level it set, plus one; nothing yet is zero.
    level: AtomicU8,
    /// The resources that it has subscribed to, so that they can be asked for again; for a
    /// stateless one, with the number of its streams that tell of each.
    watched: Mutex<HashMap<(ServerName, String), usize>>,
    /// On whose behalf it last sent something to a server that wants to know.
    behalf: Mutex<Option<Behalf>>,
    /// Whether it has.
    acts: AtomicBool,
    over: AtomicBool,
    next_question: AtomicU64,
    questions: Mutex<HashMap<u64, oneshot::Sender<Frame>>>,
}

impl Client {
    /// A client that has just initialized.
    pub fn new(
        session: Arc<str>,
        identity: Identity,
        revision: Revision,
        capabilities: &str,
        info: &str,
    ) -> Self {
        Self {
            session,
            identity,
            extent: Extent::All,
            transport: Transport::Http,
            revision,
            capabilities: capabilities.into(),
            info: info.into(),
            level: AtomicU8::new(0),
            watched: Mutex::default(),
            behalf: Mutex::default(),
            acts: AtomicBool::new(false),
            over: AtomicBool::new(false),
            next_question: AtomicU64::new(1),
            questions: Mutex::default(),
        }
    }

    /// The same, come in by another path.
    pub fn within(self, extent: Extent) -> Self {
        Self { extent, ..self }
    }

    /// The same, come in so.
    pub fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// The same, whose numbers start there.
    pub fn numbering_from(self, number: u64) -> Self {
        Self {
            next_question: AtomicU64::new(number),
            ..self
        }
    }

    /// The lowest level of log messages it asked for, if it did.
    pub fn level(&self) -> Option<Level> {
        let index = self.level.load(Ordering::Relaxed).checked_sub(1)?;
        Level::at(usize::from(index))
    }

    /// Remembers what it asked for.
    pub fn set_level(&self, level: Level) {
        self.level.store(level as u8 + 1, Ordering::Relaxed);
    }

    /// Whether it has sent anything on somebody's behalf.
    pub fn acts(&self) -> bool {
        self.acts.load(Ordering::Acquire)
    }

    /// On whose behalf it last sent something to a server that wants to know: what servers are
    /// told again of their own accord goes on the same.
    pub fn behalf(&self) -> Option<Behalf> {
        let behalf = self.behalf.lock().unwrap_or_else(PoisonError::into_inner);
        behalf.clone()
    }

    /// Remembers on whose behalf it sends something.
    pub fn acts_for(&self, behalf: Behalf) {
        let mut last = self.behalf.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(behalf);
        self.acts.store(true, Ordering::Release);
    }

    /// Remembers that it wants to hear of a resource, or no longer does.
    pub fn watch(&self, server: &ServerName, uri: &str, wanted: bool) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let resource = (server.clone(), uri.to_owned());
        if wanted {
            watched.insert(resource, 1);
        } else {
            watched.remove(&resource);
        }
    }

    /// One more stream of a stateless client tells of a resource, or one less.
    pub fn listen(&self, server: &ServerName, uri: &str, more: bool) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let resource = (server.clone(), uri.to_owned());
        let streams = watched.get(&resource).copied().unwrap_or_default();
        match (more, streams) {
            (true, _) => drop(watched.insert(resource, streams + 1)),
            (false, 0 | 1) => drop(watched.remove(&resource)),
            (false, _) => drop(watched.insert(resource, streams - 1)),
        }
    }

    /// Whether it wants to hear of a resource.
    pub fn hears_of(&self, server: &ServerName, uri: &str) -> bool {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.contains_key(&(server.clone(), uri.to_owned()))
    }

    /// How many resources it wants to hear of.
    pub fn watches(&self) -> usize {
        self.watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// The resources of a server that it wants to hear of.
    pub fn watched(&self, server: &ServerName) -> Vec<String> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let there = watched.keys().filter(|(of, _)| of == server);
        there.map(|(_, uri)| uri.clone()).collect()
    }

    /// All resources that it wants to hear of.
    pub fn all_watched(&self) -> Vec<(ServerName, String)> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.keys().cloned().collect()
    }

    /// Whether it knows of tasks, by revision or by extension.
    pub fn knows_tasks(&self) -> bool {
        self.revision == Revision::V2025_11_25 || self.capabilities.contains("/tasks\"")
    }

    /// Whether it has declared that it answers such a question.
    pub fn answers(&self, question: &Frame) -> bool {
        let capability = match question.method() {
            Some(Method::SamplingCreateMessage) => "sampling",
            Some(Method::ElicitationCreate) => "elicitation",
            Some(Method::RootsList) => "roots",
            _ => return false,
        };
        fields::field(&self.capabilities, capability).is_some_and(|value| value != "null")
    }

    /// A number that nothing else of this client has.
    pub fn number(&self) -> u64 {
        self.next_question.fetch_add(1, Ordering::Relaxed)
    }

    /// Numbers a question to it, and waits for its answer from now on.
    pub fn question(self: &Arc<Self>) -> Question {
        let id = self.number();
        let (sender, answer) = oneshot::channel();
        let mut questions = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Whoever asks after the end learns of it as those before it do.
        if !self.is_over() {
            questions.insert(id, sender);
        }
        drop(questions);
        Question {
            client: self.clone(),
            id,
            answer,
        }
    }

    /// Hands its answer to whoever has asked. False when nobody waits for it.
    pub fn answered(&self, answer: Frame) -> bool {
        let id = answer.raw(Part::Id).and_then(|id| id.parse().ok());
        id.is_some_and(|id| self.answered_as(id, answer))
    }

    /// Hands the answer to the question of that number to whoever has asked.
    pub fn answered_as(&self, id: u64, answer: Frame) -> bool {
        let mut questions = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let waiting = questions.remove(&id);
        drop(questions);
        waiting.is_some_and(|waiting| waiting.send(answer).is_ok())
    }

    /// Whether somebody waits for the answer to the question of that number.
    pub fn awaits(&self, id: u64) -> bool {
        let questions = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        questions.contains_key(&id)
    }

    /// Its session has ended: servers need keep nothing for it, and open nothing any more;
    /// whoever has asked it learns of that.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Whether its session has ended.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// A question that a client has yet to answer.
#[derive(Debug)]
pub struct Question {
    client: Arc<Client>,
    id: u64,
    answer: oneshot::Receiver<Frame>,
}

impl Question {
    /// Its number: the id under which the client answers.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The client's answer; nothing when the client is gone.
    pub async fn answer(&mut self) -> Option<Frame> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let mut questions = self
            .client
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        questions.remove(&self.id);
    }
}
