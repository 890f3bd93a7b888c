//! What a request says of a call that is parked.

use super::Arrival;
use crate::mcp::{Frame, Part, fields, message, object};

/// Whom and what a state is good for.
pub(super) fn purpose(arrival: &Arrival) -> String {
    let frame = &arrival.frame;
    let about = frame
        .raw(Part::Name)
        .or_else(|| frame.raw(Part::Uri))
        .unwrap_or_default();
    // By another path the same name may be another server's.
    format!(
        "{} {:?} {} {about}",
        arrival.session.identity(),
        arrival.visit.extent,
        frame.method_name()
    )
}

pub(super) fn brought<'a>(frame: &'a Frame, key: &'static str) -> Option<&'a str> {
    frame.params().and_then(|params| fields::field(params, key))
}

/// The client's answer to one question, as a response.
pub(super) fn answer(answers: &str, key: u64) -> Option<Frame> {
    let name = key.to_string();
    let all = object::pairs(answers).ok()?;
    let (_, value) = all.into_iter().find(|(member, _)| *member == name)?;
    Frame::parse(message::result(name.as_bytes(), value.as_bytes())).ok()
}
