//! How each copy fared, out of all its lines.

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

/// The courses of all copies of which a line says how they fared, by time.
pub(super) fn of(ledger: &Ledger<'_>) -> Vec<Course> {
    let mut courses: Vec<Course> = Vec::new();
    // What tells copies apart, an id of the message and the recipient, and the number of the line.
    let mut named: Vec<(Name, Option<Name>, u32)> = Vec::new();
    for (number, line) in (0_u32..).zip(ledger.lines()) {
        if line.fared().is_none() || line.at.is_none() {
            continue;
        }
        match line.message_id.or(line.id) {
            Some(id) => named.push((id, line.envelope_recipient, number)),
            None => courses.extend(course(line, number)),
        }
    }
    named.sort_unstable();
    for copy in named.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let lines = copy.iter().filter_map(|(.., number)| Some((ledger.lines().get(*number as usize)?, *number)));
        let mut all = lines.filter_map(|(line, number)| Some((course(line, number)?, line)));
        let Some((mut first, _)) = all.next() else { continue };
        all.for_each(|(next, line)| first.take(&next, line));
        courses.push(first);
    }
    courses.sort_by_key(|course| (course.at, course.decides));
    courses
}

fn course(line: &Line, number: u32) -> Option<Course> {
    let at = line.at?;
    let sender = line.header_from.or(line.envelope_sender);
    let (envelope_recipient, fared) = (line.envelope_recipient, line.fared()?);
    Some(Course { at, until: at, sender, envelope_recipient, fared, decides: number })
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
