//! The symptoms: pick the closest, be led.

use axum::Router;

use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
}
