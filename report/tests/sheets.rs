//! What `headers`, `auth`, `compare` and the commands about exceptions show, asserted whole, and with every text of a stranger made hostile.

use report::{AuthenticationReport, Color, Comparison, Headers, Sheet, Terminal};
use serde_json::Value;

const HOSTILE: &str = "\u{1b}[31m<script>alert(1)</script>\u{202e}|`*[x](https://bad.example)\r\n=cmd";

fn value(name: &str) -> Value {
    let path = format!("{}/tests/reports/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("it is there")).expect("it is JSON")
}

fn headers(value: Value) -> Sheet {
    serde_json::from_value::<Headers>(value).expect("it is a document of headers").sheet()
}

fn auth(value: Value) -> Sheet {
    serde_json::from_value::<AuthenticationReport>(value).expect("it is a document of auth").sheet()
}

fn compare(value: Value) -> Sheet {
    serde_json::from_value::<Comparison>(value).expect("it is a comparison").sheet()
}

/// Every page, by the name of the document that it is made from.
fn sheet(name: &str, document: Value) -> Sheet {
    match name {
        "headers" => headers(document),
        "auth" => auth(document),
        "guard" => serde_json::from_value::<report::ExceptionCheck>(document).expect("it is a check").sheet(),
        "proposal" => serde_json::from_value::<report::ExceptionProposal>(document).expect("it is a proposal").sheet(),
        "audit" | "audit_empty" => {
            serde_json::from_value::<report::BypassAudit>(document).expect("it is an audit").sheet()
        }
        "codes" => serde_json::from_value::<report::Codes>(document).expect("it is a document of codes").sheet(),
        _ => compare(document),
    }
}

const DOCUMENTS: [&str; 9] =
    ["codes", "headers", "auth", "compare", "compare_alone", "guard", "proposal", "audit", "audit_empty"];

fn terminal(sheet: &Sheet, width: usize) -> String {
    report::sheet_terminal(sheet, Terminal { width, color: Color::Never })
}

/// Puts hostile words behind every text but those of a fixed vocabulary.
fn poison(value: &mut Value, key: &str) {
    const FIXED: &[&str] = &["schema", "phase", "trust", "weight", "result", "method", "at", "sent_at", "source"];
    const OF_COMPARE: &[&str] = &[
        "comparison",
        "blocked_state",
        "delivered_state",
        "layer",
        "parted_at",
        "standing",
        "kinship",
        "fate",
        "changed_layer",
        "layers",
        "owner",
    ];
    const OF_EXCEPTIONS: &[&str] = &["answer", "cure", "judged", "shape", "level"];
    match value {
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => {}
        Value::String(text) if !FIXED.contains(&key) && !OF_COMPARE.contains(&key) && !OF_EXCEPTIONS.contains(&key) => {
            text.push_str(HOSTILE)
        }
        Value::Array(list) => list.iter_mut().for_each(|one| poison(one, key)),
        Value::Object(fields) => fields.iter_mut().for_each(|(key, one)| poison(one, key)),
        _ => {}
    }
}

#[test]
fn faces_of_headers_and_auth() {
    for name in DOCUMENTS {
        let sheet = sheet(name, value(name));
        insta::assert_snapshot!(format!("{name}_terminal_80"), terminal(&sheet, 80));
        insta::assert_snapshot!(format!("{name}_terminal_40"), terminal(&sheet, 40));
        insta::assert_snapshot!(format!("{name}_markdown"), report::sheet_markdown(&sheet));
    }
}

#[test]
fn nothing_hostile_is_raw() {
    for name in DOCUMENTS {
        let mut hostile = value(name);
        poison(&mut hostile, "");
        let sheet = sheet(name, hostile);
        let page = report::sheet_html(&sheet);
        for (face, text) in
            [("terminal", terminal(&sheet, 80)), ("markdown", report::sheet_markdown(&sheet)), ("html", page.clone())]
        {
            let raw = text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
            assert_eq!(raw, None, "{name} {face}");
        }
        for tag in ["<script", "href=\"http", "onerror"] {
            assert!(!page.contains(tag), "{name}: {tag}");
        }
    }
}

#[test]
fn lines_fit_the_width() {
    for sheet in DOCUMENTS.map(|name| sheet(name, value(name))) {
        for width in [40, 72, 80, 140] {
            for line in terminal(&sheet, width).lines().filter(|line| !line.trim_start().starts_with('$')) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn places_are_links_where_they_have_an_address() {
    let sheet = sheet("proposal", value("proposal"));
    let alone = report::sheet_html(&sheet);
    let linked = report::sheet_markup(&sheet, "", &|place| {
        Some(format!("/records/{}/{}-{}", place.file.len(), place.bytes[0], place.bytes[1]))
    });
    let named = report::sheet_markup(&sheet, "of-", &|_| None).into_string();
    let linked = linked.into_string();
    assert!(!alone.contains("<a class=\"cite\"") && !named.contains("<a class=\"cite\""));
    let links = linked.matches("<a class=\"cite\" href=\"/records/").count();
    assert_eq!(links, named.matches("<code class=\"soft\">").count() - linked.matches("<code class=\"soft\">").count());
    assert!(links > 0, "the proposal names records");
    assert!(linked.contains("<section id=\"answer\"") && named.contains("<section id=\"of-answer\""));
    assert!(linked.contains("<pre class=\"command\"") && !alone.contains("<pre class=\"command\""));
}
