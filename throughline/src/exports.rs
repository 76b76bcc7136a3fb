//! How to fetch what the findings ask for, with the ticket's values filled in.

use jiff::{SignedDuration, Timestamp};
use report::{Export, Report};
use sources::Message;

/// One entry for each kind of export that a finding asks for, in the order of the findings.
pub fn asked_for(report: &Report, message: &Message) -> Vec<Export> {
    let mut exports: Vec<Export> = Vec::new();
    for id in report.findings.iter().flat_map(|finding| &finding.ask_for) {
        if exports.iter().any(|export| export.source == *id) {
            continue;
        }
        if let Some(source) = sources::source(id) {
            let export = source.export();
            exports.push(Export {
                source: id.clone(),
                title: source.title().to_owned(),
                command: export.command.map(|text| fill(text, message)),
                clicks: export.clicks.map(|text| fill(text, message)),
            });
        }
    }
    exports
}

/// Puts the message's values into a template. A value that a shell might take for more than a word, or that is not
/// known, stays a placeholder: the line is made to be copied, and senders choose their Message-IDs.
fn fill(template: &str, message: &Message) -> String {
    let looks = &message.likeness;
    let day = SignedDuration::from_hours(24);
    let instant = |at: Option<Timestamp>| at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let start = looks.around.first().and_then(|at| at.checked_sub(day).ok());
    let end = looks.around.last().and_then(|at| at.checked_add(day).ok());
    let mut text = template.to_owned();
    for (name, value) in [
        ("{message_id}", message.message_ids().next().map(str::to_owned)),
        ("{sender}", looks.senders.first().map(|sender| sender.as_str().to_owned())),
        ("{recipient}", looks.envelope_recipients.first().map(|recipient| recipient.as_str().to_owned())),
        ("{start}", instant(start)),
        ("{end}", instant(end)),
    ] {
        if let Some(value) = value.filter(|value| is_plain(value)) {
            text = text.replace(name, &value);
        }
    }
    text
}

fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && !value.starts_with('-')
        && value.len() <= 500
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@._-+=/:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence::{Address, Identifier};

    #[test]
    fn ok_fill() {
        for (message_id, expected) in [
            ("inv-4711@supplier.example", "get \"inv-4711@supplier.example\" ana@example.com {start}"),
            ("\"; format c: #@x.example", "get \"{message_id}\" ana@example.com {start}"),
            ("$(reboot)@x.example", "get \"{message_id}\" ana@example.com {start}"),
        ] {
            let mut message = Message::default();
            message.ids.extend(Identifier::message_id(message_id));
            message.likeness.envelope_recipients.insert(Address::new("ana@example.com"));
            assert_eq!(fill("get \"{message_id}\" {recipient} {start}", &message), expected);
        }
    }
}
