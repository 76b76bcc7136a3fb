//! What stands around cases: symptoms, runbooks, the watch, and this document.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{Reply, document};
use super::form::Query;
use crate::workbench::Workbench;

/// Which symptoms are wanted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Words {
    /// What is seen, in words, or a symptom's id; all symptoms, if nothing is said.
    words: String,
}

/// The catalogue of symptoms.
pub async fn symptoms(State(workbench): State<Workbench>, Query(asked): Query<Words>) -> Reply {
    let found = workbench.office(move |office| office.symptoms(&asked.words)).await?;
    document(StatusCode::OK, &found)
}

/// The runbooks of all clients.
pub async fn runbooks(State(workbench): State<Workbench>) -> Reply {
    let found = workbench.office(|office| office.runbooks()).await?;
    document(StatusCode::OK, &found)
}

/// How the watchers of the store are.
pub async fn watch(State(workbench): State<Workbench>) -> Reply {
    let found = workbench.office(|office| office.watched()).await?;
    document(StatusCode::OK, &found)
}

/// The OpenAPI document.
static DOCUMENT: LazyLock<serde_json::Value> = LazyLock::new(super::openapi);

/// Shows what can be called, and how.
pub async fn openapi() -> Reply {
    document(StatusCode::OK, &*DOCUMENT)
}
