//! Mail of one sender to one recipient that was stopped, came through, and was stopped again.

use lake::{Fared, Line, What};

use super::super::picture::{Mark, MarkTone};
use super::super::{Course, Survey};

/// Stopped, through, and stopped again: the last time that it came back.
pub(super) struct Cycle<'s> {
    /// All copies, by time.
    courses: Vec<&'s Course>,
    /// The last one that was stopped before some came through.
    pub(super) before: &'s Course,
    /// The first one that came through after it.
    pub(super) first_through: &'s Course,
    /// The last one that came through.
    pub(super) last_through: &'s Course,
    /// The first one that was stopped again.
    pub(super) again: &'s Course,
    /// How often it came back.
    pub(super) times: usize,
}

/// All cycles, by sender and recipient.
pub(super) fn all<'s>(survey: &'s Survey<'_>) -> Vec<Cycle<'s>> {
    let is_known = |course: &&Course| course.sender.is_some() && course.envelope_recipient.is_some();
    let mut courses: Vec<&Course> = survey.courses().iter().filter(is_known).collect();
    // Those of one pair stand together, by time as before.
    courses.sort_by_key(|course| (course.sender, course.envelope_recipient));
    let pairs = courses.chunk_by(|a, b| (a.sender, a.envelope_recipient) == (b.sender, b.envelope_recipient));
    let cycles = pairs.filter(|pair| pair.len() >= 3).filter_map(|pair| cycle(survey, pair.to_vec()));
    let mut cycles: Vec<Cycle<'_>> = cycles.collect();
    cycles.sort_by_key(|cycle| (cycle.again.at, cycle.sender(survey), cycle.recipient(survey)));
    cycles
}

fn cycle<'s>(survey: &Survey<'_>, courses: Vec<&'s Course>) -> Option<Cycle<'s>> {
    let (mut before, mut first_through, mut last_through) = (None, None, None);
    let mut last: Option<(&Course, &Course, &Course, &Course)> = None;
    let mut times = 0;
    for course in courses.iter().copied() {
        match course.fared {
            Fared::Through if before.is_some() => {
                first_through = first_through.or(Some(course));
                last_through = Some(course);
            }
            Fared::Blocked => {
                if let (Some(stopped), Some(first), Some(through)) = (before, first_through, last_through)
                    && is_same_reason(survey, stopped, course)
                {
                    last = Some((stopped, first, through, course));
                    times += 1;
                }
                (before, first_through, last_through) = (Some(course), None, None);
            }
            Fared::Through | Fared::PutOff | Fared::TakenAway => {}
        }
    }
    let (before, first_through, last_through, again) = last?;
    Some(Cycle { courses, before, first_through, last_through, again, times })
}

/// Whether two stops may have one reason: nothing that both records say differs. A policy may: another one may have taken over.
fn is_same_reason(survey: &Survey<'_>, one: &Course, other: &Course) -> bool {
    let (one, other) = (survey.deciding(one), survey.deciding(other));
    match (&one.what, &other.what) {
        (What::Verdict(one, _), What::Verdict(other, _)) => one == other,
        (What::Quarantine(_), What::Quarantine(_)) => {
            one.said == other.said || one.said.is_none() || other.said.is_none()
        }
        (What::Status(one), What::Status(other)) => one == other,
        (What::Arrival(_) | What::Handover(..), What::Arrival(_) | What::Handover(..)) => {
            one.enhanced_status_code == other.enhanced_status_code && one.reply_code == other.reply_code
        }
        _ => true,
    }
}

impl Cycle<'_> {
    pub(super) fn sender<'a>(&self, survey: &Survey<'a>) -> &'a str {
        survey.text(self.again.sender)
    }

    pub(super) fn recipient<'a>(&self, survey: &Survey<'a>) -> &'a str {
        survey.text(self.again.envelope_recipient)
    }

    /// The policy that the second stop names, in lower case.
    pub(super) fn policy(&self, survey: &Survey<'_>) -> Option<String> {
        survey.deciding(self.again).policy.map(|policy| survey.ledger.text(policy).to_lowercase())
    }

    /// Whether both stops name their policy, and not the same.
    pub(super) fn is_of_another_policy(&self, survey: &Survey<'_>) -> bool {
        let policy = |course: &Course| survey.deciding(course).policy;
        policy(self.before).zip(policy(self.again)).is_some_and(|(before, again)| before != again)
    }

    pub(super) fn how_before(&self, survey: &Survey<'_>) -> &'static str {
        how(survey.deciding(self.before))
    }

    pub(super) fn how_again(&self, survey: &Survey<'_>) -> &'static str {
        how(survey.deciding(self.again))
    }

    /// The copies as marks of a picture, the last ones if there are many.
    pub(super) fn marks(&self, survey: &Survey<'_>) -> Vec<Mark> {
        let first = self.courses.len().saturating_sub(MAX_MARKS);
        let mark = |course: &&Course| {
            let (tone, label) = match course.fared {
                Fared::Through => (MarkTone::Good, "came through"),
                Fared::Blocked => (MarkTone::Bad, how(survey.deciding(course))),
                Fared::TakenAway => (MarkTone::Bad, "taken away after delivery"),
                Fared::PutOff => (MarkTone::Plain, "put off"),
            };
            Mark { at: course.at, tone, label: label.to_owned(), cites: vec![survey.cite(survey.deciding(course))] }
        };
        self.courses[first..].iter().map(mark).collect()
    }
}

/// So many copies are drawn.
const MAX_MARKS: usize = 40;

fn how(line: &Line) -> &'static str {
    use evidence::{Action, TraceStatus};
    match &line.what {
        What::Quarantine(_) | What::Verdict(_, Action::Quarantined) => "held",
        What::Status(TraceStatus::Quarantined | TraceStatus::Held) => "held",
        What::Arrival(_) | What::Handover(..) | What::Verdict(_, Action::Rejected) => "refused",
        What::Status(TraceStatus::Rejected | TraceStatus::Failed) => "refused",
        What::Stored(_) | What::Verdict(_, Action::Junked) => "put into junk",
        _ => "stopped",
    }
}
