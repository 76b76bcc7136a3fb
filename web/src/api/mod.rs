//! The same as JSON: `/api/v1`.
//!
//! `operations` is the one list: router and OpenAPI document are made of it, and the schemas in the document of the very types that are sent
//! (`schemars`, as for the documents in `docs/`). What a client gives is held to the schema that the document shows (`form`). No library does that
//! here: `aide` has no release for this `schemars` but an alpha, `utoipa` wants a second derive on every type of every crate, and both leave it
//! to each handler to ask for what the document promises.

mod answer;
mod around;
mod cases;
mod document;
mod files;
mod form;
mod looks;
mod operation;
mod operations;
pub mod problem;
mod texts;

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;

use crate::entry::{Role, Visitor, token_guard};
use crate::office::Trouble;
use crate::workbench::Workbench;
use operation::{Body, Operation};
use problem::{Refusal, Sort};

/// Which call answers which address, below `/api/v1`.
pub fn routes(workbench: &Workbench) -> Router<Workbench> {
    let (open, guarded): (Vec<Operation>, Vec<Operation>) =
        operations::all().into_iter().partition(|operation| operation.roles.is_empty());
    let guard = from_fn_with_state(workbench.clone(), token_guard);
    router(open).merge(router(guarded).fallback(nowhere).layer(guard))
}

/// The OpenAPI 3.1 document of all calls.
pub fn openapi() -> serde_json::Value {
    document::of(&operations::all())
}

fn router(operations: Vec<Operation>) -> Router<Workbench> {
    let mut paths: BTreeMap<&'static str, (MethodRouter<Workbench>, Vec<Method>)> = BTreeMap::new();
    for operation in operations {
        let takes_files = matches!(operation.body, Body::Files);
        let Operation { method, path, roles, call, .. } = operation;
        let mut call = call.route_layer(from_fn(move |request, next| one_of(roles, request, next)));
        if takes_files {
            // They are streamed, and counted on their way.
            call = call.layer(axum::extract::DefaultBodyLimit::disable());
        }
        let (calls, methods) = paths.entry(path).or_default();
        *calls = std::mem::take(calls).merge(call);
        methods.push(method);
    }
    let mut router = Router::new();
    for (path, (calls, methods)) in paths {
        router = router.route(path, calls.fallback(move || std::future::ready(another(&methods))));
    }
    router
}

/// Lets only those in who have one of the roles.
async fn one_of(roles: &'static [Role], request: Request, next: Next) -> Response {
    match may(roles, request.extensions().get::<Visitor>()) {
        Ok(()) => next.run(request).await,
        Err(trouble) => Refusal::from(trouble).into_response(),
    }
}

fn may(roles: &[Role], visitor: Option<&Visitor>) -> Result<(), Trouble> {
    let Some(visitor) = visitor else { return Ok(()) };
    if roles.iter().any(|role| visitor.user.roles.has(*role)) {
        return Ok(());
    }
    roles.iter().try_for_each(|role| visitor.may(*role))
}

/// That a method is none of these.
fn another(methods: &[Method]) -> Response {
    let mut words: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if methods.contains(&Method::GET) {
        words.push("HEAD");
    }
    words.sort_unstable();
    let allowed = words.join(", ");
    let refusal = Sort::Method.with(format!("expected one of {allowed}, found another method"));
    match HeaderValue::from_str(&allowed) {
        Ok(allowed) => refusal.and(header::ALLOW, allowed).into_response(),
        Err(_) => refusal.into_response(),
    }
}

/// That there is nothing at an address.
async fn nowhere() -> Refusal {
    Sort::NotFound.with("expected the path of an operation, found another. `GET /api/v1/openapi.json` lists them")
}
