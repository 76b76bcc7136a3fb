//! The fields of a form that say which message is meant.

use case::Asked;
use maud::{Markup, html};

use crate::office::{Trouble, TroubleKind};

/// The longest field, in bytes.
const MAX_BYTES: usize = 4_000;

/// What a form says; `text` gives its fields.
///
/// # Errors
/// [`Trouble`] if a field is longer than any that means something.
pub fn read(text: impl Fn(&str) -> String) -> Result<Asked, Trouble> {
    for name in ["message_id", "sender", "recipient", "at", "subject", "trust", "tz"] {
        fits(name, &text(name))?;
    }
    let lines = |name: &str| -> Vec<String> {
        let text = text(name);
        text.split(['\n', ',', ';']).map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
    };
    let one = |name: &str| Some(text(name).trim().to_owned()).filter(|text| !text.is_empty());
    Ok(Asked {
        message_id: lines("message_id").into_iter().map(|id| id.trim_matches(['<', '>']).to_owned()).collect(),
        sender: one("sender"),
        recipient: lines("recipient"),
        at: one("at"),
        subject: one("subject"),
        trust: lines("trust"),
        tz: one("tz"),
    })
}

/// Asks that a field is not too long.
///
/// # Errors
/// [`Trouble`] if it is.
pub fn fits(name: &str, text: &str) -> Result<(), Trouble> {
    if text.len() <= MAX_BYTES {
        return Ok(());
    }
    let found = text.len();
    let what = format!("{}: expected at most {MAX_BYTES} bytes, found {found}", name.replace('_', " "));
    Err(Trouble::new(TroubleKind::Unfit, what))
}

/// The fields, with what is in them by now.
pub fn fields(asked: &Asked) -> Markup {
    let text = |one: &Option<String>| one.clone().unwrap_or_default();
    html! {
        div.fields {
            p.whole {
                label for="message_id" { "Message-ID" }
                input id="message_id" name="message_id" value=(asked.message_id.join(", ")) spellcheck="false" autocomplete="off";
            }
            p {
                label for="sender" { "Sender, or a sender's domain" }
                input id="sender" name="sender" value=(text(&asked.sender)) spellcheck="false" autocomplete="off";
            }
            p {
                label for="recipient" { "Recipients" }
                input id="recipient" name="recipient" value=(asked.recipient.join(", ")) spellcheck="false" autocomplete="off" aria-describedby="several";
            }
            p {
                label for="at" { "About when" }
                input id="at" name="at" value=(text(&asked.at)) placeholder="2026-11-18 09:30" spellcheck="false" autocomplete="off";
            }
            p {
                label for="tz" { "Time zone of records that state none" }
                input id="tz" name="tz" value=(text(&asked.tz)) placeholder="Europe/Berlin" spellcheck="false" autocomplete="off";
            }
            p.whole {
                label for="subject" { "Subject" }
                input id="subject" name="subject" value=(text(&asked.subject)) autocomplete="off";
            }
            p.whole {
                label for="trust" { "Hosts or domains that are ours" }
                input id="trust" name="trust" value=(asked.trust.join(", ")) spellcheck="false" autocomplete="off" aria-describedby="several";
            }
        }
        p.soft id="several" { "Several with commas between them. Nothing is needed if a sample of the message is among the evidence." }
    }
}
