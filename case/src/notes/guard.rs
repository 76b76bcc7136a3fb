//! The last look at the text for the customer: nothing stays in it that tells of others than the ticket itself does.

use super::customer::Own;
use super::document::CustomerText;
use super::identities::{IdLength, Kind, Span, find, is_address};

/// In a subject, shorter mixed tokens are numbers of orders rather than ids of systems.
const ID_LENGTH: IdLength = IdLength(16);

/// Replaces every address, host, IP address, account and id that the ticket does not name itself.
pub(super) fn guard(text: &mut CustomerText, own: &Own) {
    let allowed = allowed(own);
    text.each_text(&mut |text| *text = guarded(text, &allowed));
}

/// The ticket's number and its addresses, in lower case. What is no plain address is not allowed as one.
fn allowed(own: &Own) -> Vec<String> {
    let mut allowed: Vec<String> = own.ticket.iter().map(|ticket| ticket.to_lowercase()).collect();
    let addresses = own.allowed().into_iter().map(str::trim).filter(|value| is_address(value));
    allowed.extend(addresses.map(str::to_lowercase));
    // The user is named by whoever keeps the ticket, perhaps with a name before the address.
    let user = own.user.as_deref().unwrap_or_default();
    let within = find(user, ID_LENGTH).into_iter().filter(|span| span.kind == Kind::Address);
    allowed.extend(within.filter_map(|span| user.get(span.range)).map(str::to_lowercase));
    allowed
}

fn guarded(text: &str, allowed: &[String]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for Span { range, kind } in find(text, ID_LENGTH) {
        let said = text.get(range.clone()).unwrap_or_default();
        if allowed.contains(&said.to_lowercase()) || allowed.contains(&text.trim().to_lowercase()) {
            continue;
        }
        out.push_str(text.get(done..range.start).unwrap_or_default());
        out.push_str(match kind {
            Kind::Address | Kind::Ip4 | Kind::Ip6 => "(address left out)",
            Kind::Host => "(host left out)",
            Kind::Id => "(id left out)",
            Kind::Account | Kind::Encoded => "(left out)",
        });
        done = range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_guarded() {
        let own = Own {
            ticket: Some("INC-4711".to_owned()),
            user: Some("Ana Diaz <ana@example.com>".to_owned()),
            sender: Some("billing@supplier.example".to_owned()),
            recipient: Some("ana@example.com https://evil.example".to_owned()),
            recipients: Vec::new(),
            subject: None,
        };
        let allowed = allowed(&own);
        for (name, text, expected) in [
            ("own sender", "billing@supplier.example", "billing@supplier.example"),
            ("own user", "Ana Diaz <ana@example.com>", "Ana Diaz <ana@example.com>"),
            ("ticket", "about INC-4711", "about INC-4711"),
            ("the sender's domain alone", "log in at supplier.example", "log in at (host left out)"),
            ("another address", "call ceo@example.com", "call (address left out)"),
            ("link", "Invoice https://evil.example/x?u=1", "Invoice https://(host left out)/x?u=1"),
            ("IP", "Scan of 192.0.2.9", "Scan of (address left out)"),
            ("IPv6", "Scan of 2001:db8::9", "Scan of (address left out)"),
            ("guid", "0f8fad5b-d9cb-469f-a165-70867728950e", "(id left out)"),
            ("order number", "Invoice INV-2026-0815", "Invoice INV-2026-0815"),
            ("account", "CONTOSO\\ana", "(left out)"),
            ("link of an address", "x ana%40other.example", "x (address left out)"),
            (
                "value that is no address",
                "ana@example.com https://evil.example",
                "ana@example.com https://(host left out)",
            ),
            ("look-alike", "billing@supplier.example.evil.example", "(address left out)"),
        ] {
            assert_eq!(guarded(text, &allowed), expected, "{name}");
        }
    }
}
