//! The workbench in a real browser: `web/tests/browser/*.test.mjs`, driven by Chromium. Says that it skips where there is none.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The first of some programs that is there.
fn found(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let all = names.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    all.into_iter().find(|file| file.is_file())
}

#[test]
fn in_a_browser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's folder");
    let packages = root.join("target/browser/node_modules");
    let (Some(node), Some(chromium)) = (found(&["node"]), found(&["chromium", "chromium-browser"])) else {
        eprintln!("skipped: neither node nor chromium is here; .ci/setup installs them");
        return;
    };
    if !packages.join("playwright-core").is_dir() || !packages.join("axe-core").is_dir() {
        eprintln!("skipped: playwright-core and axe-core are not in target/browser; .ci/setup puts them there");
        return;
    }
    let tests = root.join("web/tests/browser");
    let mut all: Vec<PathBuf> = std::fs::read_dir(&tests)
        .expect("the tests of the browser")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    all.sort();
    let wanted = std::env::var("BROWSER_TEST").unwrap_or_default();
    all.retain(|path| path.to_string_lossy().contains(&wanted));
    assert!(!all.is_empty(), "no test in {}", tests.display());
    let done = Command::new(node)
        .args(["--test", "--test-concurrency=2", "--test-reporter=spec"])
        .args(all)
        .env("THROUGHLINE", env!("CARGO_BIN_EXE_throughline"))
        .env("CHROMIUM", chromium)
        .env("BROWSER_PACKAGES", packages.parent().expect("its folder"))
        .env("DEMO", root.join("demo"))
        .env("CASES", root.join("cases"))
        .status()
        .expect("node runs");
    assert!(done.success(), "a test in the browser failed: {done}");
}
