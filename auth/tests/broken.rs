//! What broke a signature: each known change is made to a signed message, found, and proved; what only looks alike is not.

mod signer;

use auth::dkim::{self, Broken, Cause, Explain, Keys};
use auth::message::Raw;
use signer::{Form, Signer, crlf, zone};

const HEADER: &str = "From: Sender <a@example.com>\nTo: b@example.net\nSubject: Quarterly statement\nDate: Fri, 20 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.com>\nMIME-Version: 1.0\n";

const PLAIN: &str = "\nHello,\n\nplease find the statement attached.\n\nRegards\nA. Sender\n";

const HTML: &str = "Content-Type: text/html; charset=utf-8\n\n<html><head><title>x</title></head>\n<body class=\"a\"><p>Hello,</p>\n<p>see <a href=\"https://www.example.com/a?b=1&amp;c=2\">this</a></p>\n</body></html>\n";

const BOTH: &str = "Content-Type: multipart/alternative; boundary=\"=_b\"\n\n--=_b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nHello, gr\u{fc}n\n\nRegards\n--=_b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<html><body><p>Hello, gr\u{fc}n</p><p>Regards</p></body></html>\n--=_b--\n";

const ENCODED: &str = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\nPHA+SGVsbG88L3A+\n--b--\n";

fn message(rest: &str) -> Vec<u8> {
    crlf(&format!("{HEADER}{rest}"))
}

/// Signs, changes, and tells what was found.
fn broken(form: &Form, rest: &str, change: impl Fn(&str) -> String) -> (Option<Broken>, Vec<u8>) {
    let signer = Signer::ed25519("s", "example.com");
    let signed = String::from_utf8(signer.sign(&message(rest), form)).unwrap();
    let changed = change(&signed);
    assert_ne!(changed, signed, "the change changes nothing");
    let mut checks = dkim::check(&Raw::of(changed.as_bytes()), &zone(&[&signer]), None, &Keys::default(), Explain::Yes);
    (checks.remove(0).broken, changed.into_bytes())
}

fn shown(broken: Option<Broken>) -> String {
    let Some(broken) = broken else { return "not broken".to_owned() };
    let tell = |cause: &Cause| match cause {
        Cause::Proved(_) => cause.to_string(),
        Cause::NotProved { hints, .. } => {
            format!("not shown: {}", hints.iter().map(|hint| hint.to_string()).collect::<Vec<_>>().join("; "))
        }
    };
    [
        broken.body.as_ref().map(|cause| format!("body: {}", tell(cause))),
        broken.header.as_ref().map(|cause| format!("header: {}", tell(cause))),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" | ")
}

/// Puts a text before another that occurs once.
fn before(place: &'static str, text: &'static str) -> Box<dyn Fn(&str) -> String> {
    replaced(place, Box::leak(crlf_text(&format!("{text}{place}")).into_boxed_str()))
}

fn behind(place: &'static str, text: &'static str) -> Box<dyn Fn(&str) -> String> {
    replaced(place, Box::leak(crlf_text(&format!("{place}{text}")).into_boxed_str()))
}

fn replaced(from: &'static str, to: &'static str) -> Box<dyn Fn(&str) -> String> {
    Box::new(move |text| text.replace(&crlf_text(from), &crlf_text(to)))
}

fn added(text: &'static str) -> Box<dyn Fn(&str) -> String> {
    Box::new(move |signed| format!("{signed}{}", crlf_text(text)))
}

fn crlf_text(text: &str) -> String {
    String::from_utf8(crlf(text)).unwrap()
}

type Case = (&'static str, &'static str, &'static str, Box<dyn Fn(&str) -> String>, &'static str);

#[test]
fn ok_body_changes() {
    let cases: Vec<Case> = vec![
        (
            "footer at the end",
            "relaxed/relaxed",
            PLAIN,
            added("____\nlist mailing list\nlist@example.org\n"),
            r#"body: 43 bytes were appended at byte {}: "____\r\nlist mailing list\r\nlist@example.org\r\n""#,
        ),
        (
            "footer behind blank lines, simple",
            "simple/simple",
            PLAIN,
            added("\n\nScanned.\n"),
            r#"body: 14 bytes were appended at byte {}: "\r\n\r\nScanned.\r\n""#,
        ),
        (
            "banner at the start of a plain message",
            "relaxed/relaxed",
            PLAIN,
            before("Hello,\n", "CAUTION: external sender.\n\n"),
            r#"body: 29 bytes were inserted at byte {}: "CAUTION: external sender.\r\n\r\n""#,
        ),
        (
            "element before the end of an HTML message",
            "relaxed/relaxed",
            HTML,
            before("</body>", "<div><b>External</b><br>mail</div>"),
            r#"body: 34 bytes were inserted at byte {}: "<div><b>External</b><br>mail</div>""#,
        ),
        (
            "element behind the body tag, simple",
            "simple/simple",
            HTML,
            behind("<body class=\"a\">", "<table><tr><td>CAUTION</td></tr></table>"),
            r#"body: 40 bytes were inserted at byte {}: "<table><tr><td>CAUTION</td></tr></table>""#,
        ),
        (
            "whole lines behind the body tag",
            "relaxed/relaxed",
            BOTH,
            before("<p>Hello, gr\u{fc}n</p>", "\n<div>\n CAUTION\n</div>\n"),
            "body: 27 bytes were inserted at byte {}: \"\\r\\n<div>\\r\\n CAUTION\\r\\n</div>\\r\\n\"",
        ),
        (
            "lines before a boundary",
            "relaxed/simple",
            BOTH,
            before("--=_b\nContent-Type: text/html", "-- \nScanned by example.org\n"),
            r#"body: 29 bytes were inserted at byte {}: "-- \r\nScanned by example.org\r\n""#,
        ),
        (
            "a footer in both forms",
            "relaxed/relaxed",
            BOTH,
            Box::new(|text| {
                let text = text.replace(
                    "\r\n--=_b\r\nContent-Type: text/html",
                    "\r\nThis mail is external.\r\n--=_b\r\nContent-Type: text/html",
                );
                text.replace("</body>", "<p>This mail is <b>external</b>.</p></body>")
            }),
            r#"body: 24 bytes were inserted at byte {}: "This mail is external.\r\n"; 36 bytes were inserted at byte {}: "<p>This mail is <b>external</b>.</p>""#,
        ),
        (
            "white space at the end of lines",
            "simple/simple",
            PLAIN,
            replaced("attached.\n", "attached. \t\n"),
            "body: only white space of the body was changed; a signature with c=relaxed/relaxed would have passed",
        ),
        (
            "the separator's space",
            "simple/simple",
            "\nHello\n-- \nA. Sender\n",
            replaced("-- \n", "--\n"),
            "body: the separator `-- ` lost its space in 1 line; c=relaxed/relaxed would have passed",
        ),
        (
            "one CR too many",
            "relaxed/relaxed",
            PLAIN,
            Box::new(|text| text.replace("Regards\r\n", "Regards\r\r\n")),
            "body: line ends of the body were changed",
        ),
        (
            "From at the start of a line",
            "relaxed/relaxed",
            "\nHello\nFrom now on\n",
            replaced("\nFrom now", "\n>From now"),
            "body: `From ` became `>From ` at the start of 1 line",
        ),
        (
            "dots doubled",
            "relaxed/relaxed",
            "\nHello\n.hidden\n",
            replaced("\n.hidden", "\n..hidden"),
            "body: dots were doubled at the start of 1 line",
        ),
        (
            "a dot lost",
            "relaxed/relaxed",
            "\nHello\n..hidden\n",
            replaced("\n..hidden", "\n.hidden"),
            "body: dots were lost at the start of 1 line",
        ),
        (
            "8bit into quoted-printable",
            "relaxed/relaxed",
            BOTH,
            Box::new(|text| text.replace("8bit", "quoted-printable").replace('\u{fc}', "=C3=BC")),
            "body: encoded anew in 2 parts: 8bit was signed, quoted-printable arrived",
        ),
        (
            "8bit into base64",
            "relaxed/relaxed",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\ngr\u{fc}n\n--b--\n",
            Box::new(|text| text.replace("8bit", "base64").replace("gr\u{fc}n", "Z3LDvG4=")),
            "body: encoded anew in 1 part: 8bit was signed, base64 arrived",
        ),
        (
            "quoted-printable into 8bit, well encoded",
            "relaxed/relaxed",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\ngr=C3=BCn =3D no\n--b--\n",
            Box::new(|text| text.replace("quoted-printable", "8bit").replace("gr=C3=BCn =3D", "gr\u{fc}n =")),
            "body: encoded anew in 1 part: quoted-printable was signed, 8bit arrived",
        ),
        (
            "Safe Links",
            "relaxed/relaxed",
            HTML,
            replaced(
                "https://www.example.com/a?b=1&amp;c=2",
                "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.example.com%2Fa%3Fb%3D1%26c%3D2&amp;data=05%7C02&amp;reserved=0",
            ),
            "body: Microsoft Safe Links rewrote 1 link; the first was https://www.example.com/a?b=1&amp;c=2",
        ),
        (
            "Safe Links and a banner",
            "relaxed/relaxed",
            HTML,
            Box::new(|text| {
                let link = "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.example.com%2Fa%3Fb%3D1%26c%3D2&amp;data=05%7C02&amp;reserved=0";
                text.replace("https://www.example.com/a?b=1&amp;c=2", link).replace("</body>", "<hr>External</body>")
            }),
            r#"body: Microsoft Safe Links rewrote 1 link; the first was https://www.example.com/a?b=1&amp;c=2; 12 bytes were inserted at byte {}: "<hr>External""#,
        ),
        (
            "URL Defense v3",
            "relaxed/relaxed",
            HTML,
            replaced(
                "https://www.example.com/a?b=1&amp;c=2",
                "https://urldefense.com/v3/__https://www.example.com/a?b=1&amp;c=2__;!!A!b$",
            ),
            "body: Proofpoint URL Defense v3 rewrote 1 link; the first was https://www.example.com/a?b=1&amp;c=2",
        ),
        (
            "an element put into a part in base64",
            "relaxed/relaxed",
            ENCODED,
            // "<p>Hello</p>" became "<p>Hello</p><b>EXT</b>".
            replaced("PHA+SGVsbG88L3A+", "PHA+SGVsbG88L3A+PGI+RVhUPC9iPg=="),
            r#"body: 32 bytes were inserted at byte {}: "<b>EXT</b>""#,
        ),
        // What only looks alike.
        (
            "quoted-printable as no encoder writes it",
            "relaxed/relaxed",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\ngr=C3=BCn = no\n--b--\n",
            Box::new(|text| text.replace("quoted-printable", "8bit").replace("gr=C3=BCn", "gr\u{fc}n")),
            "body: not shown: ",
        ),
        ("a word changed", "relaxed/relaxed", PLAIN, replaced("find", "fnd"), "body: not shown: "),
        (
            "a footer and a word changed",
            "relaxed/relaxed",
            PLAIN,
            Box::new(|text| format!("{}Footer\r\n", text.replace("find", "fnd"))),
            "body: not shown: ",
        ),
        (
            "links that cannot be had back",
            "relaxed/relaxed",
            HTML,
            replaced("https://www.example.com/a?b=1&amp;c=2", "https://linkprotect.cudasvc.com/url?a=x"),
            "body: not shown: links to linkprotect.cudasvc.com, which rewrites them: 1",
        ),
        (
            "the end is missing",
            "relaxed/relaxed",
            BOTH,
            Box::new(|text| text[..text.len() - 30].to_owned()),
            "body: not shown: the last boundary is not closed: the end may be missing",
        ),
    ];
    for (name, canonicalization, rest, change, expected) in cases {
        let (broken, changed) = broken(&Form::new(canonicalization), rest, change);
        for found in places(&broken) {
            assert!(found.end <= changed.len() && found.start <= found.end, "{name}");
        }
        let found = shown(broken);
        let blank: String = mask_places(&found);
        assert!(
            if expected == "not shown" { found.contains("not shown") } else { blank == expected },
            "{name}:\n{blank}\n{expected}"
        );
    }
}

/// Replaces the places, which depend on the length of the signature.
fn mask_places(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("at byte ") {
        out.push_str(&rest[..at + 8]);
        out.push_str("{}");
        rest = rest[at + 8..].trim_start_matches(|character: char| character.is_ascii_digit());
    }
    out + rest
}

fn places(broken: &Option<Broken>) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    for cause in broken.iter().flat_map(|broken| [&broken.body, &broken.header]).flatten() {
        let Cause::Proved(changes) = cause else { continue };
        for change in changes {
            match change {
                dkim::Change::Appended { place, .. } | dkim::Change::Inserted { place, .. } => {
                    found.push(place.clone())
                }
                dkim::Change::FieldTagged { place, .. } | dkim::Change::FieldReplaced { place, .. } => {
                    found.push(place.clone())
                }
                _ => {}
            }
        }
    }
    found
}

/// The place that is stated holds what was inserted.
#[test]
fn ok_places() {
    for (name, canonicalization, rest, change) in [
        ("footer", "relaxed/relaxed", PLAIN, added("Footer  of   a list\n")),
        ("banner", "simple/simple", PLAIN, before("Hello,\n", "Footer  of   a list\n")),
        ("banner, relaxed", "relaxed/relaxed", PLAIN, before("Hello,\n", "Footer  of   a list\n")),
        ("element", "relaxed/relaxed", HTML, before("</body>", "<b>Footer  of   a list</b>")),
    ] {
        let (broken, changed) = broken(&Form::new(canonicalization), rest, change);
        let place = places(&broken).remove(0);
        let text = String::from_utf8_lossy(&changed[place]).into_owned();
        assert!(text == "Footer  of   a list\r\n" || text == "<b>Footer  of   a list</b>", "{name}: {text:?}");
    }
}

#[test]
fn ok_length() {
    let mut form = Form::new("relaxed/relaxed");
    form.tags = " l=20;".to_owned();
    // What follows l= may change: the signature holds.
    let (found, _) = broken(&form, PLAIN, added("Footer\n"));
    assert_eq!(found, None);
    let (found, _) = broken(&form, PLAIN, before("Hello,\n", "CAUTION\n"));
    assert_eq!(mask_places(&shown(found)), r#"body: 9 bytes were inserted at byte {}: "CAUTION\r\n""#);
}

#[test]
fn ok_header_changes() {
    let munged = "From: Sender <a@example.com>";
    let cases: Vec<Case> = vec![
        (
            "subject tagged",
            "relaxed/relaxed",
            PLAIN,
            replaced("Subject: Q", "Subject: [EXTERNAL] Q"),
            r#"header: "[EXTERNAL]" was put into Subject"#,
        ),
        (
            "subject tagged twice, simple",
            "simple/simple",
            PLAIN,
            replaced("Subject: Q", "Subject: [list] ***SPAM*** Q"),
            r#"header: "[list] ***SPAM***" was put into Subject"#,
        ),
        (
            "subject tagged by a word",
            "relaxed/relaxed",
            PLAIN,
            replaced("Subject: Q", "Subject: EXTERNAL: Q"),
            r#"header: "EXTERNAL:" was put into Subject"#,
        ),
        (
            "From rewritten by a list",
            "relaxed/relaxed",
            PLAIN,
            Box::new(move |text| {
                text.replace(
                    munged,
                    "From: Sender via List <list@example.org>\r\nX-Original-From: Sender <a@example.com>",
                )
            }),
            r#"header: From was replaced; it was "Sender <a@example.com>", as X-Original-From still holds"#,
        ),
        (
            "From rewritten, subject tagged",
            "relaxed/relaxed",
            PLAIN,
            Box::new(move |text| {
                let text = text
                    .replace(munged, "From: Sender via List <list@example.org>\r\nReply-To: Sender <a@example.com>");
                text.replace("Subject: Q", "Subject: [list] Q")
            }),
            r#"header: From was replaced; it was "Sender <a@example.com>", as Reply-To still holds; "[list]" was put into Subject"#,
        ),
        (
            "white space of one field",
            "simple/simple",
            PLAIN,
            replaced("Subject: Quarterly ", "Subject:  Quarterly\n "),
            "header: only white space or folding of Subject was changed; c=relaxed would have passed",
        ),
        (
            "white space of several fields",
            "simple/simple",
            PLAIN,
            Box::new(|text| {
                text.replace("Subject: Quarterly ", "Subject: Quarterly\r\n ")
                    .replace("Sender <a", "Sender\r\n <a")
                    .replace("To: b", "To:\r\n b")
            }),
            "header: only white space or folding of header fields was changed; c=relaxed would have passed",
        ),
        (
            "folded within a word",
            "relaxed/relaxed",
            PLAIN,
            replaced("<1@example.com>", "<1@\n example.com>"),
            "header: Message-ID was folded anew, within a word",
        ),
        (
            "subject and body",
            "relaxed/relaxed",
            PLAIN,
            Box::new(|text| format!("{}Footer\r\n", text.replace("Subject: Q", "Subject: [list] Q"))),
            r#"body: 8 bytes were appended at byte {}: "Footer\r\n" | header: "[list]" was put into Subject"#,
        ),
        // What only looks alike.
        (
            "another subject",
            "relaxed/relaxed",
            PLAIN,
            replaced("statement\nDate", "statements\nDate"),
            "header: not shown: ",
        ),
        (
            "another subject with a tag",
            "relaxed/relaxed",
            PLAIN,
            replaced("Subject: Quarterly", "Subject: [EXT] Yearly"),
            r#"header: not shown: the subject has the tag "[EXT]""#,
        ),
        (
            "former value that is none",
            "relaxed/relaxed",
            PLAIN,
            Box::new(move |text| text.replace(munged, "From: list@example.org\r\nX-Original-From: b@example.com")),
            "header: not shown: X-Original-From may hold a former From",
        ),
    ];
    for (name, canonicalization, rest, change, expected) in cases {
        let (broken, _) = broken(&Form::new(canonicalization), rest, change);
        assert_eq!(mask_places(&shown(broken)), expected, "{name}");
    }
    let mut form = Form::new("relaxed/relaxed");
    form.fields = "From:To:Subject:Date:Message-ID:Reply-To";
    let (found, _) = broken(&form, PLAIN, replaced("MIME-Version", "Reply-To: c@example.org\nMIME-Version"));
    assert_eq!(mask_places(&shown(found)), "header: Reply-To at byte {} was added after signing");
}

/// A search over a large body ends, and says that it did.
#[test]
fn ok_budget() {
    let long = format!(
        "Content-Type: text/html\n\n<html><body>{}</body></html>\n",
        "<p>text <b>and</b> more</p>\n".repeat(20_000)
    );
    let long: &'static str = Box::leak(long.into_boxed_str());
    let (broken, _) =
        broken(&Form::new("relaxed/relaxed"), long, Box::new(|text: &str| text.replacen("<p>text", "<p>txt", 1)));
    let Some(Broken { body: Some(Cause::NotProved { search, .. }), .. }) = broken else { panic!("{broken:?}") };
    assert!(search.to_string().starts_with("the search ended at its budget"), "{search}");
}

/// A text part that begins with a line end and closes at once: nothing of it is before its beginning.
#[test]
fn ok_empty_part() {
    let rest = "Content-Type: text/html\n\n\n</body></html>\n";
    let (found, _) = broken(&Form::new("relaxed/relaxed"), rest, replaced("</html>", "</htm>"));
    assert_eq!(shown(found), "body: not shown: ");
    let rest = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n--b--\n";
    let (found, _) = broken(
        &Form::new("relaxed/relaxed"),
        rest,
        replaced("Content-Type: text/html\n\n--", "Content-Type: text/html;\n\n--"),
    );
    assert_eq!(shown(found), "body: not shown: ");
}
