//! How each copy fared, out of all its lines.

use std::collections::HashMap;

use jiff::Timestamp;
use lake::{Fared, Ledger, Line, Name};

/// How one copy fared: one message for one recipient, as far as its lines can be put together by an id.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// The first instant.
    pub at: Timestamp,
    /// The last instant.
    pub until: Timestamp,
    /// Who sent it: the From address, else the envelope sender.
    pub sender: Option<Name>,
    /// The envelope recipient.
    pub envelope_recipient: Option<Name>,
    /// How it fared: held or refused even if it was let go afterwards; put off only if nothing came after it.
    pub fared: Fared,
    /// Number of the line that says so.
    pub(super) decides: u32,
}

/// What tells copies apart: an id of the message, and the recipient.
type Key = (Name, Option<Name>);

/// The courses of all copies of which a line says how they fared, by time.
pub(super) fn of(ledger: &Ledger<'_>) -> Vec<Course> {
    let mut by_key: HashMap<Key, usize> = HashMap::new();
    let mut courses: Vec<Course> = Vec::new();
    for (number, line) in (0_u32..).zip(ledger.lines()) {
        let (Some(fared), Some(at)) = (line.fared(), line.at) else { continue };
        let own = Course {
            at,
            until: at,
            sender: line.header_from.or(line.envelope_sender),
            envelope_recipient: line.envelope_recipient,
            fared,
            decides: number,
        };
        let Some(id) = line.message_id.or(line.id) else {
            courses.push(own);
            continue;
        };
        match by_key.get(&(id, line.envelope_recipient)) {
            Some(known) => courses[*known].take(&own, line),
            None => {
                by_key.insert((id, line.envelope_recipient), courses.len());
                courses.push(own);
            }
        }
    }
    courses
}

impl Course {
    fn take(&mut self, next: &Course, line: &Line) {
        self.until = self.until.max(next.at);
        self.sender = self.sender.or(next.sender);
        if rank(next.fared) > rank(self.fared) {
            self.fared = next.fared;
            self.decides = next.decides;
        } else if next.fared == self.fared && line.policy.is_some() {
            // The line that names a policy tells more.
            self.decides = next.decides;
        }
    }
}

/// What a copy met outweighs what became of it afterwards: a held one that was released was held.
fn rank(fared: Fared) -> u8 {
    match fared {
        Fared::PutOff => 0,
        Fared::Through => 1,
        Fared::TakenAway => 2,
        Fared::Blocked => 3,
    }
}
