//! The headers in `transmissionInfo`: HTML-escaped inside `<pre>`, folded, followed by parts of the body.

use evidence::Identifier;

use crate::mimecast::values::message_id;

/// Ids of the message in the headers as received, topmost first.
pub(super) fn ids(transmission: &str) -> Vec<Identifier> {
    let text = unescaped(transmission.trim_start().strip_prefix("<pre>").unwrap_or(transmission));
    let fields = fields(&text);
    // The topmost is the one of the hop nearest to our own border; lower ones may be of the sender's own Mimecast.
    let first =
        |name: &str| fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, body)| body.as_str());
    let acode = first("X-MC-Unique").map(without_counter).or_else(|| first("X-Mimecast-MFC-AGG-ID"));
    [
        first("Message-ID").and_then(message_id),
        acode.and_then(Identifier::acode),
        first("X-Mimecast-MFC-PROC-ID").filter(|id| !id.is_empty()).map(|id| Identifier::ProcessingId(id.to_owned())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `<aCode>-<n>` without its counter.
fn without_counter(unique: &str) -> &str {
    match unique.rsplit_once('-') {
        Some((code, counter)) if !counter.is_empty() && counter.bytes().all(|byte| byte.is_ascii_digit()) => code,
        _ => unique,
    }
}

/// Header fields, unfolded, up to the blank line.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.trim_start().lines() {
        if line.trim().is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, body)) = fields.last_mut() {
                body.push(' ');
                body.push_str(line.trim());
            }
        } else if let Some((name, body)) = line.split_once(':') {
            fields.push((name.trim().to_owned(), body.trim().to_owned()));
        }
    }
    fields.into_iter().map(|(name, body)| (name, body.trim().to_owned())).collect()
}

/// Undoes HTML's escapes, once.
fn unescaped(text: &str) -> String {
    const NAMED: [(&str, char); 6] =
        [("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\''), ("&apos;", '\''), ("&amp;", '&')];
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        match NAMED.iter().find(|(escape, _)| rest.starts_with(escape)) {
            Some((escape, char)) => {
                plain.push(*char);
                rest = &rest[escape.len()..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_ids() {
        for (name, text, expected) in [
            (
                "escaped and folded",
                "<pre>\nX-MC-Unique: AbCdEfGhIjKlMnOpQrStUv-1\r\nMessage-ID:\r\n &lt;a&amp;b@example.com&gt;\r\n\r\nMessage-ID: no\n</pre>",
                vec!["a&b@example.com", "AbCdEfGhIjKlMnOpQrStUv"],
            ),
            ("topmost of two", "X-MC-Unique: Top-2\nX-MC-Unique: Low-1\n", vec!["Top"]),
            ("only the newer header", "X-Mimecast-MFC-AGG-ID: Agg_1731621818\n", vec!["Agg"]),
            ("none", "Subject: x\n", vec![]),
        ] {
            let found = ids(text);
            assert_eq!(found.iter().map(Identifier::text).collect::<Vec<_>>(), expected, "{name}");
        }
    }
}
