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

/// The same for the words of pictures and symptoms.
#[test]
fn nothing_hostile_in_a_picture_is_raw() {
    const HOSTILE: &str = "\u{1b}[31m<script>alert(1)</script>\u{202e}|`*[x](https://bad.example)\r\n";
    fn poison(value: &mut serde_json::Value, key: &str) {
        match value {
            serde_json::Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => {}
            serde_json::Value::String(text)
                if [
                    "label",
                    "field",
                    "before",
                    "after",
                    "unit",
                    "name",
                    "note",
                    "because",
                    "statement",
                    "specific",
                    "said",
                ]
                .contains(&key) =>
            {
                text.push_str(HOSTILE);
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(|one| poison(one, key)),
            serde_json::Value::Object(fields) => fields.iter_mut().for_each(|(key, one)| poison(one, key)),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(read("symptoms")).expect("JSON");
    poison(&mut value, "");
    let report: Report = serde_json::from_value(value).expect("a report");
    let page = report::html(&report);
    for tag in ["<script", "<img", "href=\"http", "href=\"javascript"] {
        assert!(!page.contains(tag), "{tag}");
    }
    let terminal = report::terminal(&report, Terminal { width: 80, color: Color::Never });
    for (name, text) in [("terminal", terminal), ("markdown", report::markdown(&report)), ("html", page)] {
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

/// Pictures of every shape, among them empty ones, single and equal instants, and numbers that overflow.
fn pictures() -> Vec<report::Picture> {
    use report::{
        BeforeAfter, ComparedRow, ComparedWeight, CountRow, DependencyCounts, EventStrip, Picture, StripLane,
        StripMark, StripTone, Waterfall, WaterfallBar, WaterfallKind,
    };
    const LONG: &str =
        "mail from a-very-long-local-part.of-somebody@a.very.long.chain.of.labels.supplier.example, 日本語日本語日本語";
    let texts = ["", "a", "two words", LONG];
    let kinds = [WaterfallKind::Total, WaterfallKind::Step, WaterfallKind::Residue];
    let bar = |value: i64, at: usize| WaterfallBar {
        label: texts[at % texts.len()].to_owned(),
        value,
        kind: kinds[at % kinds.len()],
        cites: Vec::new(),
    };
    let waterfalls = [vec![], vec![0], vec![-5, 3], vec![i64::MAX, i64::MAX, i64::MAX], vec![i64::MIN, i64::MIN, 7]];
    let waterfalls = waterfalls.into_iter().map(|values| {
        let bars = values.into_iter().enumerate().map(|(at, value)| bar(value, at)).collect();
        Picture::Waterfall(Waterfall { unit: LONG.to_owned(), bars })
    });
    let weights = [ComparedWeight::Same, ComparedWeight::Differs, ComparedWeight::Decides, ComparedWeight::Unknown];
    let tables = [0, 1, 4, 200].map(|count| {
        let row = |at: usize| ComparedRow {
            field: texts[at % 4].to_owned(),
            before: (at % 3 > 0).then(|| texts[(at + 1) % 4].to_owned()),
            after: (at % 5 > 0).then(|| texts[(at + 2) % 4].to_owned()),
            weight: weights[at % 4],
            cites: Vec::new(),
        };
        let (before, after) = (texts[count % 4].to_owned(), LONG.to_owned());
        Picture::BeforeAfter(BeforeAfter { before, after, rows: (0..count).map(row).collect() })
    });
    let tones = [StripTone::Good, StripTone::Bad, StripTone::Change, StripTone::Plain];
    let (first, last) = (jiff::Timestamp::MIN.as_second() + 1, jiff::Timestamp::MAX.as_second() - 1);
    let instants = [vec![], vec![0], vec![7, 7, 7, 7, 7], vec![first, last], (0..700).map(|at| at * 37).collect()];
    let strips = instants.into_iter().map(|instants: Vec<i64>| {
        let mark = |(at, second): (usize, &i64)| StripMark {
            at: jiff::Timestamp::from_second(*second).expect("an instant"),
            tone: tones[at % 4],
            label: texts[at % 4].to_owned(),
            cites: Vec::new(),
        };
        let marks: Vec<StripMark> = instants.iter().enumerate().map(mark).collect();
        let lane = |at: usize| StripLane { label: texts[at % 4].to_owned(), marks: marks.clone() };
        Picture::EventStrip(EventStrip { lanes: (0..instants.len().min(20)).map(lane).collect() })
    });
    let counts = [vec![], vec![(0, 0)], vec![(1, u64::MAX), (u64::MAX, u64::MAX), (3, 0), (0, 2)]].map(|counts| {
        let row = |(at, (good, bad)): (usize, (u64, u64))| CountRow {
            name: texts[(at + 3) % 4].to_owned(),
            good,
            bad,
            note: (at % 2 == 0).then(|| LONG.to_owned()),
            cites: Vec::new(),
        };
        let rows = counts.into_iter().enumerate().map(row).collect();
        let from = Some(jiff::Timestamp::UNIX_EPOCH);
        Picture::Counts(DependencyCounts { from, to: None, unit: LONG.to_owned(), rows })
    });
    waterfalls.chain(tables).chain(strips).chain(counts).collect()
}

#[test]
fn pictures_fit_every_width() {
    for picture in pictures() {
        let mut report = read("symptoms");
        report.findings.truncate(1);
        report.findings[0].picture = Some(picture);
        report.evidence.truncate(1);
        assert!(report::html(&report).contains("</html>"));
        assert!(report::markdown(&report).contains("# "));
        let (findings, numbers) = (report.findings.clone(), report::Numbers::default());
        let blocks = report::claims(&findings, &numbers);
        let section = report::Section { id: "symptoms", title: "Symptoms".to_owned(), blocks };
        let sheet = report::Sheet { title: String::new(), sections: vec![section] };
        for width in (40..80).chain((80..=200).step_by(8)) {
            let text = report::sheet_terminal(&sheet, Terminal { width, color: Color::Never });
            let long = text.lines().find(|line| unicode_width::UnicodeWidthStr::width(*line) > width);
            assert_eq!(long, None, "{width} columns");
        }
    }
}

/// Colour adds escapes and nothing else.
#[test]
fn color_only_adds() {
    for name in ["released_then_refused", "symptoms"] {
        let plain = terminal(name, 80, Color::Never);
        let colored = terminal(name, 80, Color::Always);
        let mut stripped = String::new();
        let mut parts = colored.split('\x1b');
        stripped.push_str(parts.next().unwrap_or(""));
        for part in parts {
            stripped.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
        }
        assert!(colored.contains('\x1b'));
        assert_eq!(stripped, plain, "{name}");
    }
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
