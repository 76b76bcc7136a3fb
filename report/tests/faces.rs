//! What a person reads, asserted whole: one real-shaped report, and one whose every value is hostile.

use report::{Color, Report, Terminal};

fn read(name: &str) -> Report {
    let path = format!("{}/tests/reports/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("the report is there")).expect("it is a report")
}

fn terminal(name: &str, width: usize, color: Color) -> String {
    report::terminal(&read(name), Terminal { width, color })
}

#[test]
fn faces_of_a_report() {
    let report = read("released_then_refused");
    insta::assert_snapshot!("terminal_80", terminal("released_then_refused", 80, Color::Never));
    insta::assert_snapshot!("terminal_40", terminal("released_then_refused", 40, Color::Never));
    insta::assert_snapshot!("markdown", report::markdown(&report));
    insta::assert_snapshot!("html", report::html(&report));
}

#[test]
fn faces_of_several_messages() {
    let report = read("several");
    // What one message alone shows is asserted above.
    let head = |text: String, end: &str| text.split_once(end).expect("the message in full").0.to_owned();
    insta::assert_snapshot!("several_terminal", head(terminal("several", 80, Color::Never), "\nThe way"));
    insta::assert_snapshot!("several_markdown", head(report::markdown(&report), "\n## The way"));
    insta::assert_snapshot!("several_html", head(report::html(&report), "<section id=\"way\""));
}

#[test]
fn faces_of_symptoms_alone() {
    let report = read("symptoms");
    insta::assert_snapshot!("symptoms_terminal_80", terminal("symptoms", 80, Color::Never));
    insta::assert_snapshot!("symptoms_terminal_40", terminal("symptoms", 40, Color::Never));
    insta::assert_snapshot!("symptoms_terminal_120", terminal("symptoms", 120, Color::Never));
    insta::assert_snapshot!("symptoms_markdown", report::markdown(&report));
    let page = report::html(&report);
    let (_, body) = page.split_once("<body>").expect("a body");
    insta::assert_snapshot!("symptoms_html", body.replace("><", ">\n<"));
}

#[test]
fn faces_of_a_hostile_report() {
    let report = read("hostile");
    insta::assert_snapshot!("hostile_terminal", terminal("hostile", 80, Color::Never));
    insta::assert_snapshot!("hostile_markdown", report::markdown(&report));
}

#[test]
fn empty_report_has_faces() {
    let report = Report::default();
    assert!(report::markdown(&report).contains("Findings"));
    assert!(report::html(&report).contains("No file was read."));
    assert!(report::terminal(&report, Terminal { width: 0, color: Color::Never }).contains("No file was read."));
}

/// No face writes a raw control, direction mark or, without colour, an escape.
#[test]
fn nothing_hostile_is_raw() {
    let report = read("hostile");
    for (name, text) in [
        ("terminal", terminal("hostile", 80, Color::Never)),
        ("markdown", report::markdown(&report)),
        ("html", report::html(&report)),
    ] {
        let raw = text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
        assert_eq!(raw, None, "{name}");
    }
}

#[test]
fn html_forms_no_element_from_values() {
    let page = report::html(&read("hostile"));
    for tag in ["<script", "<img", "</mark><", "onerror=\"", "href=\"javascript", "href=\"http"] {
        assert!(!page.contains(tag), "{tag}");
    }
    let styles = page.matches("<style>").count();
    assert_eq!((styles, page.matches("</style>").count()), (1, 1));
}

/// Lines fit, but for commands, which stay in one piece to be copied.
#[test]
fn lines_fit_the_width() {
    for name in ["released_then_refused", "hostile", "several", "symptoms"] {
        for width in [40, 60, 72, 80, 133] {
            let text = terminal(name, width, Color::Never);
            let long = text.lines().find(|line| {
                let is_command = ["$ ", "PS> "].iter().any(|prompt| line.trim_start().starts_with(prompt));
                unicode_width::UnicodeWidthStr::width(*line) > width && !is_command
            });
            assert_eq!(long, None, "{name} in {width} columns");
        }
    }
}

/// Colour adds escapes and nothing else.
#[test]
fn color_only_adds() {
    let plain = terminal("released_then_refused", 80, Color::Never);
    let colored = terminal("released_then_refused", 80, Color::Always);
    let mut stripped = String::new();
    let mut parts = colored.split('\x1b');
    stripped.push_str(parts.next().unwrap_or(""));
    for part in parts {
        stripped.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    assert!(colored.contains('\x1b'));
    assert_eq!(stripped, plain);
}

#[test]
fn json_reads_back() {
    for name in ["released_then_refused", "hostile", "several", "symptoms"] {
        let report = read(name);
        let text = serde_json::to_string(&report).expect("a report is JSON");
        assert_eq!(serde_json::from_str::<Report>(&text).expect("and reads back"), report);
    }
}

/// Writes the faces to `$THROUGHLINE_SHOW`, to be looked at in a browser.
#[test]
fn show() {
    let Some(folder) = std::env::var_os("THROUGHLINE_SHOW").map(std::path::PathBuf::from) else { return };
    for name in ["released_then_refused", "hostile", "several", "symptoms"] {
        let report = read(name);
        std::fs::write(folder.join(format!("{name}.html")), report::html(&report)).expect("written");
        std::fs::write(folder.join(format!("{name}.md")), report::markdown(&report)).expect("written");
        std::fs::write(folder.join(format!("{name}.ansi")), terminal(name, 80, Color::Always)).expect("written");
    }
}
