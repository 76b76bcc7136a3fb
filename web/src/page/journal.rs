//! The journal of a case, notes and its status.

use axum::Router;

use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
}
