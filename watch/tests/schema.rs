//! The schema files in `docs/` are the schemas of the types.

use std::path::Path;

/// Fails if a schema in `docs/` is stale; rewrites it with `THROUGHLINE_BLESS=1`.
fn check(name: &str, schema: &schemars::Schema) {
    let mut now = serde_json::to_string_pretty(schema).expect("a schema is JSON");
    now.push('\n');
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("THROUGHLINE_BLESS").is_some() {
        std::fs::write(&path, &now).expect("docs/ can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "docs/{name} is stale; run the tests with THROUGHLINE_BLESS=1 and read the diff");
}

#[test]
fn schema_files_are_current() {
    check("alert.schema.json", &schemars::schema_for!(watch::Alert));
    check("heartbeat.schema.json", &schemars::schema_for!(watch::Heartbeat));
    check("watch-status.schema.json", &schemars::schema_for!(watch::Status));
}
