//! The style sheet and the script, both in the program.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use sha2::{Digest, Sha256};

/// The script: what all pages have, then what only some have.
const SCRIPT: &str = concat!(
    include_str!("../assets/app.js"),
    include_str!("../assets/way.js"),
    include_str!("../assets/evidence.js"),
    include_str!("../assets/work.js"),
);
const ICON: &str = include_str!("../assets/icon.svg");

/// The style of the report's own page, and what only the workbench has.
static STYLE: LazyLock<String> = LazyLock::new(|| {
    let own = concat!(
        include_str!("../assets/app.css"),
        include_str!("../assets/way.css"),
        include_str!("../assets/evidence.css"),
        include_str!("../assets/work.css"),
    );
    [report::STYLE, own].concat()
});

/// Where the style sheet is: another one for another version, so that a browser may keep it.
pub static STYLE_PATH: LazyLock<String> = LazyLock::new(|| format!("/assets/app.css?v={}", version(&STYLE)));
/// Where the script is.
pub static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| format!("/assets/app.js?v={}", version(SCRIPT)));

fn version(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

const KEPT: (header::HeaderName, &str) = (header::CACHE_CONTROL, "private, max-age=31536000, immutable");

pub async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), KEPT], STYLE.as_str())
}

pub async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), KEPT], SCRIPT)
}

pub async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), KEPT], ICON)
}
