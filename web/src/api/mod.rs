//! The same as JSON: `/api/v1`.

pub mod problem;

use axum::Router;

use crate::workbench::Workbench;

/// Which call answers which address, below `/api/v1`.
pub fn routes() -> Router<Workbench> {
    Router::new()
}

/// The OpenAPI 3.1 document of all calls.
pub fn openapi() -> serde_json::Value {
    serde_json::json!({ "openapi": "3.1.0", "info": { "title": "throughline", "version": "1" }, "paths": {} })
}
