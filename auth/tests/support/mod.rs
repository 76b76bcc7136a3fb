//! What the tests share.
#![allow(dead_code)]

use auth::{Answer, Answers, Dns, Question, RecordType};

/// A text with CRLF for each line end, as mail is signed.
pub fn crlf(text: &str) -> Vec<u8> {
    text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

/// Answers that hold TXT records, one each.
pub fn answers(records: &[(&str, &str)]) -> Answers {
    let mut answers = Answers::default();
    for (name, text) in records {
        let answer = Answer::of("NOERROR", vec![text.trim().to_owned()]);
        answers.insert(&Question::new(name, RecordType::Txt), answer);
    }
    answers
}

/// A zone that is complete: what it does not hold does not exist.
pub struct Closed(pub Answers);

impl Dns for Closed {
    fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        match self.0.ask(name, record_type) {
            Answer::NotSaved => Answer::NoName,
            answer => answer,
        }
    }
}
