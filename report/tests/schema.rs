//! The schema file in `docs/` is the schema of the types.

use std::path::Path;

/// Fails if `docs/report.schema.json` is stale; rewrites it with `THROUGHLINE_BLESS=1`.
#[test]
fn schema_file_is_current() {
    let schema = schemars::schema_for!(report::Report);
    let mut now = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    now.push('\n');
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/report.schema.json");
    if std::env::var_os("THROUGHLINE_BLESS").is_some() {
        std::fs::write(&path, &now).expect("docs/ can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "docs/report.schema.json is stale; run the tests with THROUGHLINE_BLESS=1 and read the diff");
}
