//! Proposes signals for a cause, and what shows that its mend held: `proposals.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Deserialize)]
struct Proposals {
    signal: Vec<SignalFor>,
    step: Vec<StepFor>,
}

#[derive(Deserialize)]
struct SignalFor {
    r#for: String,
    signal: String,
}

#[derive(Deserialize)]
struct StepFor {
    r#for: String,
    validation: String,
    rollback: String,
}

static PROPOSALS: LazyLock<Proposals> = LazyLock::new(|| {
    let none = Proposals { signal: Vec::new(), step: Vec::new() };
    toml::from_str(include_str!("proposals.toml")).unwrap_or(none)
});

/// What is known of the ticket whose cause is to be recognised again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The cause, `family/specific`, or a symptom.
    pub cause: String,
    /// Which of a symptom's causes it is, if it is a symptom.
    pub specific: Option<String>,
    /// Whether it is a symptom.
    pub is_symptom: bool,
    /// The sender's domain.
    pub sender_domain: Option<String>,
    /// The envelope recipient.
    pub recipient: Option<String>,
}

impl Given {
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "cause" if !self.is_symptom => Some(self.cause.clone()),
            "symptom" if self.is_symptom => Some(self.cause.clone()),
            "specific" => self.specific.clone(),
            "sender_domain" => self.sender_domain.as_deref().map(str::to_lowercase),
            "recipient" => self.recipient.clone(),
            "recipient_domain" => Some(self.recipient.as_deref()?.rsplit_once('@')?.1.to_lowercase()),
            _ => None,
        }
    }

    /// By which names proposals for it go, the nearest first.
    fn names(&self) -> Vec<&str> {
        match (self.is_symptom, self.cause.split_once('/')) {
            (true, _) => vec![&self.cause, "symptom"],
            (false, Some((family, _))) => vec![&self.cause, family, "*"],
            (false, None) => vec![&self.cause, "*"],
        }
    }
}

/// Signals that may tell when a cause is there again, the narrowest first.
pub fn propose(given: &Given) -> Vec<String> {
    let of_name = |name: &str| {
        let fitting = PROPOSALS.signal.iter().filter(move |one| one.r#for == name);
        fitting.filter_map(|one| filled(&one.signal, given)).collect::<Vec<_>>()
    };
    given.names().into_iter().flat_map(of_name).collect()
}

/// What shows that the mend of a cause held, and when to take it back.
pub fn steps(given: &Given) -> (&'static str, &'static str) {
    let of_name = |name: &str| PROPOSALS.step.iter().find(|step| step.r#for == name);
    let step = given.names().into_iter().find_map(of_name).or_else(|| of_name("*"));
    step.map_or(("", ""), |step| (step.validation.as_str(), step.rollback.as_str()))
}

/// Puts the values into a signal; `None` if one is not known.
fn filled(signal: &str, given: &Given) -> Option<String> {
    let mut text = String::new();
    let mut rest = signal;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}')?;
        text.push_str(before);
        text.push_str(&literal(&given.value(name)?));
        rest = behind;
    }
    text.push_str(rest);
    Some(text)
}

/// A text as a constant of a signal: whatever it holds, it stays one text.
pub fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_ascii_alphanumeric()
                || c.is_ascii_punctuation()
                || c == ' '
                || (!c.is_control() && c.is_alphanumeric()) =>
            {
                quoted.push(c);
            }
            c => quoted.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    quoted.push('"');
    quoted
}
