//! What is compared: one kind of rows, those of them that go one way and fit.

use evidence::Access;
use jiff::Timestamp;

use super::super::rows::{Row, Rows, Tally, domain};
use crate::symptoms::Survey;

/// Which rows a total counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    All,
    Good,
    Filtered,
    Policy(String),
    Event(String),
    Receiver { sender: String, receiver: String },
}

/// What is compared: one kind of rows, those of them that go one way and fit.
pub(super) struct Side<'r> {
    pub(super) rows: &'r Rows,
    pub(super) way: Option<Access>,
    pub(super) filter: Filter,
}

impl Side<'_> {
    pub(super) fn tally(&self, survey: &Survey<'_>, from: Option<Timestamp>, to: Option<Timestamp>) -> Tally {
        self.rows.tally(self.within(survey, from, to))
    }

    pub(super) fn within(
        &self,
        survey: &Survey<'_>,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> impl Iterator<Item = &Row> {
        let fits = move |row: &&Row| self.way.is_none_or(|way| row.way == Some(way)) && self.filter.fits(survey, row);
        self.rows.within(from, to).filter(fits)
    }
}

impl Filter {
    pub(super) fn fits(&self, survey: &Survey<'_>, row: &Row) -> bool {
        match self {
            Filter::All => true,
            Filter::Good => !row.is_filtered,
            Filter::Filtered => row.is_filtered,
            Filter::Policy(policy) => survey.text(row.policy).eq_ignore_ascii_case(policy),
            Filter::Event(event) => is_event(survey.text(row.said), event),
            Filter::Receiver { sender, receiver } => {
                let from = domain(survey.text(row.sender)).or(domain(survey.text(row.envelope_sender)));
                let to = row.recipients.iter().filter_map(|name| domain(survey.text(*name)));
                from.is_some_and(|from| is_within(from, sender))
                    && (to.into_iter().any(|to| is_within(to, receiver)) || is_within(survey.text(row.peer), receiver))
            }
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Filter::All => "all of the window".to_owned(),
            Filter::Good => "those that no filter acted on".to_owned(),
            Filter::Filtered => "those that a filter acted on".to_owned(),
            Filter::Policy(policy) => format!("those held by `{policy}`"),
            Filter::Event(event) => format!("those of the event `{event}`"),
            Filter::Receiver { sender, receiver } => format!("those from {sender} to {receiver}"),
        }
    }
}

/// Whether the words of a detail row name an event.
fn is_event(said: &str, event: &str) -> bool {
    let rest = said.strip_prefix("EventType=").and_then(|rest| rest.strip_prefix(event));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(", "))
}

/// Whether a name is a domain or one below it.
fn is_within(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.trim_end_matches('.').to_ascii_lowercase(), domain.to_ascii_lowercase());
    name == domain || name.strip_suffix(&domain).is_some_and(|front| front.ends_with('.'))
}
