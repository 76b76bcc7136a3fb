//! Saved answers in a form that reads like a zone.

#![allow(dead_code)] // not every test needs all of it

use auth::{Answer, Answers, Dns, Question, RecordType};

/// Every saved answer, in the order of the text.
pub type Zone = Vec<(Question, Answer)>;

/// Reads `TXT example.com v=spf1 -all`, one record a line; `!NXDOMAIN`, `!NOERROR` or `!SERVFAIL` for what is no record.
pub fn zone(lines: &str) -> Zone {
    let mut zone: Zone = Vec::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.splitn(3, ' ');
        let record_type = RecordType::of(words.next().unwrap()).expect(line);
        let question = Question::new(words.next().expect(line), record_type);
        let text = words.next().expect(line);
        let mut records = vec![text.to_owned()];
        if let Some(status) = text.strip_prefix('!') {
            zone.push((question, Answer::of(status, vec![])));
            continue;
        }
        if let Some((_, Answer::Records(known))) = zone.iter_mut().find(|(known, _)| *known == question) {
            records.splice(0..0, known.iter().cloned());
            *known = records.into();
        } else {
            zone.push((question, Answer::of("NOERROR", records)));
        }
    }
    zone
}

/// The answers of a zone.
pub fn answers(zone: &[(Question, Answer)]) -> Answers {
    let mut answers = Answers::default();
    for (question, answer) in zone {
        answers.insert(question, answer.clone());
    }
    answers
}

/// A zone without one of its answers.
pub fn without(zone: &Zone, index: usize) -> Answers {
    let mut rest = zone.clone();
    rest.remove(index);
    answers(&rest)
}

/// Answers in which every other name does not exist.
pub struct Closed(pub Answers);

impl Dns for Closed {
    fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        match self.0.ask(name, record_type) {
            Answer::NotSaved => Answer::NoName,
            answer => answer,
        }
    }
}

/// A result as its word; `?` if it could not be checked.
pub fn word(result: &Option<evidence::AuthResult>) -> String {
    result.as_ref().map_or("?".to_owned(), |result| format!("{result:?}").to_lowercase())
}

/// Questions as one text.
pub fn listed(questions: &[Question]) -> String {
    questions.iter().map(Question::to_string).collect::<Vec<_>>().join(", ")
}
