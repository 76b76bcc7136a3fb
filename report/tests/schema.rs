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
    check("report.schema.json", &schemars::schema_for!(report::Report));
    check("headers.schema.json", &schemars::schema_for!(report::Headers));
    check("codes.schema.json", &schemars::schema_for!(report::Codes));
    check("symptoms.schema.json", &schemars::schema_for!(report::Symptoms));
    check("reconciliation.schema.json", &schemars::schema_for!(report::Reconciliations));
    check("compare.schema.json", &schemars::schema_for!(report::Comparison));
    check("proposal.schema.json", &schemars::schema_for!(report::ExceptionProposal));
    check("guard.schema.json", &schemars::schema_for!(report::ExceptionCheck));
    check("audit.schema.json", &schemars::schema_for!(report::BypassAudit));
    check("auth.schema.json", &schemars::schema_for!(report::AuthenticationReport));
}
