//! What a person reads, asserted whole: one real-shaped report, and one whose every value is hostile.

use report::{Color, Report, Terminal};

fn read(name: &str) -> Report {
    let path = format!("{}/tests/reports/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("the report is there")).expect("it is a report")
}

#[test]
fn terminal_in_80_columns() {
    let text = report::terminal(&read("released_then_refused"), Terminal { width: 80, color: Color::Never });
    insta::assert_snapshot!(text);
}
