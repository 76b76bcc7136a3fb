//! One operation: what it takes, what it answers, who may call it, and what answers it. Router and document are made from the same value.

use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::form;
use super::problem::Sort;
use crate::entry::Role;
use crate::workbench::Workbench;

/// One operation.
pub struct Operation {
    /// Its method.
    pub method: Method,
    /// Its path below `/api/v1`.
    pub path: &'static str,
    /// Its name, for programs that make clients.
    pub id: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What it does, in full.
    pub says: &'static str,
    /// Who may call it: one of these roles is enough.
    pub roles: &'static [Role],
    /// What stands in the path.
    pub at: Option<Schema>,
    /// What stands in the query.
    pub query: Option<Schema>,
    /// Headers that count.
    pub headers: Vec<(&'static str, &'static str, Value)>,
    /// What it takes.
    pub body: Body,
    /// What it answers if all is well.
    pub answers: Vec<Answer>,
    /// Sorts of problems beside those that any call may meet.
    pub problems: Vec<Sort>,
    /// What answers it.
    pub call: MethodRouter<Workbench>,
}

/// What an operation takes.
pub enum Body {
    /// Nothing.
    None,
    /// A JSON document of this form, and an example.
    Json(Schema, Value),
    /// Files.
    Files,
}

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// What it is.
    pub says: &'static str,
    /// What is in it.
    pub content: Vec<(&'static str, Option<SchemaOf>)>,
    /// Headers that it always has.
    pub headers: Vec<(&'static str, &'static str)>,
}

/// The schema of a type, with all that it refers to kept by the generator.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Whoever is let in.
const ANY: &[Role] = &[Role::Reader];
/// Who does something on a case.
const WORKS: &[Role] = &[Role::Engineer];

impl Operation {
    fn new<H: Handler<T, Workbench>, T: 'static>(
        method: Method,
        path: &'static str,
        id: &'static str,
        call: H,
    ) -> Operation {
        let filter = if method == Method::GET {
            MethodFilter::GET
        } else if method == Method::PUT {
            MethodFilter::PUT
        } else {
            MethodFilter::POST
        };
        let roles = if method == Method::GET { ANY } else { WORKS };
        let call = on(filter, call);
        Operation {
            method,
            path,
            id,
            about: "",
            summary: "",
            says: "",
            roles,
            at: None,
            query: None,
            headers: Vec::new(),
            body: Body::None,
            answers: Vec::new(),
            problems: Vec::new(),
            call,
        }
    }

    /// One that only looks.
    pub fn get<H: Handler<T, Workbench>, T: 'static>(path: &'static str, id: &'static str, call: H) -> Operation {
        Operation::new(Method::GET, path, id, call)
    }

    /// One that adds something.
    pub fn post<H: Handler<T, Workbench>, T: 'static>(path: &'static str, id: &'static str, call: H) -> Operation {
        Operation::new(Method::POST, path, id, call)
    }

    /// One that puts something in the place of something.
    pub fn put<H: Handler<T, Workbench>, T: 'static>(path: &'static str, id: &'static str, call: H) -> Operation {
        Operation::new(Method::PUT, path, id, call)
    }

    /// What it is about, what it does in a few words, and in full.
    pub fn does(self, about: &'static str, summary: &'static str, says: &'static str) -> Operation {
        Operation { about, summary, says, ..self }
    }

    /// Who may call it.
    pub fn by(self, roles: &'static [Role]) -> Operation {
        Operation { roles, ..self }
    }

    /// What stands in the path.
    pub fn at<T: JsonSchema>(self) -> Operation {
        Operation { at: Some(form::schema::<T>()), ..self }.may(Sort::NotFound)
    }

    /// What stands in the query.
    pub fn query<T: JsonSchema>(self) -> Operation {
        Operation { query: Some(form::schema::<T>()), ..self }
    }

    /// A header that counts, with its schema.
    pub fn header(mut self, name: &'static str, says: &'static str, schema: Value) -> Operation {
        self.headers.push((name, says, schema));
        self
    }

    /// It takes a JSON document.
    pub fn takes<T: JsonSchema>(self, example: Value) -> Operation {
        let body = Body::Json(form::schema::<T>(), example);
        Operation { body, ..self }.may(Sort::TooLarge).may(Sort::MediaType)
    }

    /// It takes files.
    pub fn takes_files(self) -> Operation {
        Operation { body: Body::Files, ..self }.may(Sort::TooLarge).may(Sort::MediaType)
    }

    /// It answers a JSON document.
    pub fn answers<T: JsonSchema>(self, status: StatusCode, says: &'static str) -> Operation {
        self.answers_as(status, says, vec![("application/json", Some(|generator| generator.subschema_for::<T>()))])
    }

    /// It answers in these media types.
    pub fn answers_as(
        mut self,
        status: StatusCode,
        says: &'static str,
        content: Vec<(&'static str, Option<SchemaOf>)>,
    ) -> Operation {
        self.answers.push(Answer { status, says, content, headers: Vec::new() });
        self
    }

    /// The last answer has a header.
    pub fn with(mut self, name: &'static str, says: &'static str) -> Operation {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push((name, says));
        }
        self
    }

    /// It may meet a sort of problem.
    pub fn may(mut self, sort: Sort) -> Operation {
        self.problems.push(sort);
        self
    }
}
