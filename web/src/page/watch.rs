//! How the watchers are: last runs, missed runs, alerts.

use axum::Router;

use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
}
