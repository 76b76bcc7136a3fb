//! What the DNS said, as somebody saved it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The types of records that the checks ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// A mail exchanger: preference and name.
    Mx,
    /// The name of an address.
    Ptr,
    /// Text: SPF, DKIM and DMARC records.
    Txt,
}

impl RecordType {
    /// All of them.
    pub const ALL: [RecordType; 5] =
        [RecordType::A, RecordType::Aaaa, RecordType::Mx, RecordType::Ptr, RecordType::Txt];

    /// Its name in the DNS, such as `TXT`.
    pub fn id(self) -> &'static str {
        match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Mx => "MX",
            RecordType::Ptr => "PTR",
            RecordType::Txt => "TXT",
        }
    }

    /// The type by its name, whatever the case.
    pub fn of(id: &str) -> Option<RecordType> {
        RecordType::ALL.into_iter().find(|kind| kind.id().eq_ignore_ascii_case(id))
    }
}

/// A question to the DNS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// The name, in normal form ([`crate::domain::normal`]).
    pub name: String,
    /// The type.
    pub record_type: RecordType,
}

impl Question {
    /// A question for a name, which is brought to normal form.
    pub fn new(name: &str, record_type: RecordType) -> Question {
        Question { name: crate::domain::normal(name), record_type }
    }
}

impl fmt::Display for Question {
    /// Writes `TXT _dmarc.example.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.record_type.id(), self.name)
    }
}

/// What the DNS said to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The records, one text each, in presentation form; never empty. TXT: the strings of a record joined, bytes that are
    /// not ASCII as UTF-8 or, where they are none, as Latin-1. MX: `10 mail.example.com`.
    Records(Arc<[String]>),
    /// The name exists and has no such record (NOERROR without data).
    NoData,
    /// The name does not exist (NXDOMAIN).
    NoName,
    /// No answer, with the status: `SERVFAIL`, `REFUSED`, `TIMEOUT`. May go better another time.
    Failed(Arc<str>),
    /// The question is not among the saved answers: nobody knows.
    NotSaved,
}

impl Answer {
    /// The answer by its status (`NOERROR`, `NXDOMAIN`, `SERVFAIL`, `TIMEOUT`, ...) and the texts of its records.
    pub fn of(status: &str, records: Vec<String>) -> Answer {
        match status.to_ascii_uppercase().as_str() {
            "NOERROR" if records.is_empty() => Answer::NoData,
            "NOERROR" => Answer::Records(records.into()),
            "NXDOMAIN" => Answer::NoName,
            // `dig +short` and the like hide whether the name exists: an empty answer, but no proof of a missing name.
            "UNKNOWN" if records.is_empty() => Answer::NoData,
            "UNKNOWN" => Answer::Records(records.into()),
            other => Answer::Failed(other.into()),
        }
    }
}

/// Who answers questions: saved answers, or a resolver that was asked for by name (`--resolve`).
pub trait Dns: Sync {
    /// The answer for a name in normal form ([`crate::domain::normal`]).
    fn ask(&self, name: &str, record_type: RecordType) -> Answer;
}

/// Saved answers.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    by_type: [HashMap<String, Answer>; RecordType::ALL.len()],
}

impl Answers {
    /// Adds an answer. Records of one question that come in several answers add up; records go before any other answer.
    pub fn insert(&mut self, question: &Question, answer: Answer) {
        let known = self.by_type[question.record_type as usize].entry(question.name.clone());
        let known = known.or_insert(Answer::NotSaved);
        *known = match (std::mem::replace(known, Answer::NotSaved), answer) {
            (Answer::Records(known), Answer::Records(more)) => {
                let mut all = known.to_vec();
                all.extend(more.iter().filter(|record| !known.contains(record)).cloned());
                Answer::Records(all.into())
            }
            (known @ Answer::Records(_), _) => known,
            (known, Answer::NotSaved) => known,
            (_, answer) => answer,
        };
    }

    /// How many questions have an answer.
    pub fn len(&self) -> usize {
        self.by_type.iter().map(HashMap::len).sum()
    }

    /// Whether nothing was saved.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Dns for Answers {
    fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        self.by_type[record_type as usize].get(name).cloned().unwrap_or(Answer::NotSaved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_answers() {
        let mut answers = Answers::default();
        let spf = Question::new("Example.COM.", RecordType::Txt);
        answers.insert(&spf, Answer::of("NXDOMAIN", vec![]));
        answers.insert(&spf, Answer::of("NOERROR", vec!["v=spf1 -all".to_owned()]));
        answers.insert(&spf, Answer::of("NOERROR", vec!["other".to_owned(), "v=spf1 -all".to_owned()]));
        answers.insert(&spf, Answer::of("TIMEOUT", vec![]));
        let both: Arc<[String]> = vec!["v=spf1 -all".to_owned(), "other".to_owned()].into();
        assert_eq!(answers.ask("example.com", RecordType::Txt), Answer::Records(both));
        assert_eq!(answers.ask("example.com", RecordType::A), Answer::NotSaved);
        assert_eq!(answers.len(), 1);
        assert_eq!(spf.to_string(), "TXT example.com");
    }
}
