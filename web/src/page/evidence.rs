//! The evidence of a case: add to it, see what was recognised and what it cannot show, say which message is meant.

use axum::Router;

use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
}
