//! The narrowest exception, the guard, the approval, the change.

use axum::Router;

use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
}
