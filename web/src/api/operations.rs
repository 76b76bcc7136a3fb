//! All operations: what the router serves, and what the document says.

use axum::http::StatusCode;
use case::escalation::Escalation;
use case::notes::Notes;
use case::runbook::Listed;
use case::told::{AddedEvidence, CaseDocument, Done};
use case::{Asked, Case, VerificationReport};
use report::{Comparison, ExceptionCheck, ExceptionProposal, Report, Symptoms};
use schemars::JsonSchema;
use serde_json::json;

use super::answer::{Wait, Working};
use super::around;
use super::cases::{self, CaseAt, CasePage, JournalPage, MAX_KEY, NewCase, NewStatus, Note, Page, Search};
use super::files::{self, Evidence, Followed};
use super::looks::{self, Approved, Beside, Candidate, Made, Marked, Record, RecordAt};
use super::operation::Operation;
use super::problem::Sort;
use super::texts::{self, GiveAway, Looking};
use crate::entry::Role;

const CASES: &str = "cases";
const EVIDENCE: &str = "evidence";
const EXCEPTIONS: &str = "exceptions";
const AFTERWARDS: &str = "afterwards";
const TEXTS: &str = "texts";
const AROUND: &str = "around";

/// What operations are about, in the order in which they are told.
pub const ABOUTS: [(&str, &str); 6] = [
    (CASES, "Tickets: opened, found again, their journal, and what people say of them."),
    (EVIDENCE, "Evidence, and what it shows."),
    (EXCEPTIONS, "What may be let through, and what not: the narrowest exception, the guard, approvals."),
    (AFTERWARDS, "What was changed, and whether it held."),
    (TEXTS, "What is given to others: notes and escalations."),
    (AROUND, "What stands around cases: symptoms, runbooks, the watch, this document."),
];

/// All operations. Whoever works on cases is an engineer, unless an operation says otherwise.
pub fn all() -> Vec<Operation> {
    vec![
        Operation::get("/cases", "list_cases", cases::list)
            .does(CASES, "Lists cases", "The newest first. `next` and the header `Link` lead to the next page; cases that are opened meanwhile \
                shift nothing.")
            .query::<Search>()
            .answers::<CasePage>(StatusCode::OK, "The cases that fit.")
            .with("Link", "Where the next page is, as `rel=\"next\"`; not there on the last one."),
        Operation::post("/cases", "open_case", cases::open)
            .does(CASES, "Opens a case", "With an `Idempotency-Key` a call can be repeated: the case that was opened with it is answered, as it is \
                now.")
            .header("Idempotency-Key", "By what a repeated call is known. The same as `--key` of the commands.", key())
            .takes::<NewCase>(json!({
                "about": { "client": "contoso", "ticket": "INC-1", "user": "ada@example.com", "words": "The offer never came" },
                "asked": { "sender": "offers@example.net", "recipient": ["ada@example.com"], "subject": "Offer 17" },
            }))
            .answers::<Case>(StatusCode::CREATED, "The case.")
            .with("Location", "Where it is.")
            .may(Sort::Conflict)
            .may(Sort::Unfit),
        Operation::get("/cases/{number}", "show_case", cases::show)
            .does(CASES, "Shows a case", "Whose it is, how far it is, what was found out, what is still open, and what was done.")
            .at::<CaseAt>()
            .query::<Wait>()
            .takes_time::<CaseDocument>("The case."),
        Operation::put("/cases/{number}/asked", "ask", cases::ask)
            .does(CASES, "Says which message is meant", "In the place of all that was said before.")
            .at::<CaseAt>()
            .takes::<Asked>(json!({ "message_id": ["offer-17@example.net"], "recipient": ["ada@example.com"] }))
            .answers::<Done>(StatusCode::OK, "What was done.")
            .may(Sort::Conflict)
            .may(Sort::Unfit),
        Operation::get("/cases/{number}/journal", "list_journal", cases::journal)
            .does(CASES, "Lists what was done on a case", "The first entry first. Nothing is ever altered or removed in it.")
            .at::<CaseAt>()
            .query::<Page>()
            .answers::<JournalPage>(StatusCode::OK, "A page of the journal.")
            .with("Link", "Where the next page is, as `rel=\"next\"`; not there on the last one."),
        Operation::post("/cases/{number}/note", "note", cases::note)
            .does(CASES, "Notes something", "In the journal of the case.")
            .by(EITHER)
            .at::<CaseAt>()
            .takes::<Note>(json!({ "text": "Called the user: it is not in Junk" }))
            .answers::<Done>(StatusCode::OK, "What was done.")
            .may(Sort::Conflict)
            .may(Sort::Unfit),
        Operation::post("/cases/{number}/status", "set_status", cases::status)
            .does(CASES, "Says how far a case is", "Open (again), waiting, escalated, or closed. A case is not closed while a change of it is not \
                known to have held.")
            .at::<CaseAt>()
            .takes::<NewStatus>(json!({ "status": "waiting", "why": "Asked the sender for the bounce" }))
            .answers::<Done>(StatusCode::OK, "What was done.")
            .may(Sort::Conflict)
            .may(Sort::Unfit),
        Operation::post("/cases/{number}/evidence", "add_evidence", files::add)
            .does(EVIDENCE, "Adds evidence", "Files as they were exported, or a ZIP of them; several as a form, or one as it is. Their kinds are told \
                by their content. What the case has already is not added again.")
            .at::<CaseAt>()
            .query::<Evidence>()
            .takes_files()
            .answers::<AddedEvidence>(StatusCode::OK, "What was added, what was there already, what was refused.")
            .may(Sort::Conflict)
            .may(Sort::Unfit)
            .may(Sort::NothingReadable),
        Operation::post("/follow", "follow", files::follow)
            .does(EVIDENCE, "Follows a message", "Through the files that are sent, like `throughline follow`; nothing is kept. The answer is waited \
                for: large evidence is better added to a case.")
            .by(EITHER)
            .query::<Followed>()
            .takes_files()
            .answers::<Report>(StatusCode::OK, "What the evidence shows.")
            .may(Sort::Unfit)
            .may(Sort::WhichMessage)
            .may(Sort::NothingReadable),
        Operation::get("/cases/{number}/report", "report", looks::report)
            .does(EVIDENCE, "Shows what the evidence says", "The way of the message, which layer changed its fate, and the records.")
            .at::<CaseAt>()
            .query::<Wait>()
            .takes_time::<Report>("The report.")
            .may(Sort::Unfit)
            .may(Sort::WhichMessage)
            .may(Sort::NothingReadable),
        Operation::get("/cases/{number}/comparison", "compare", looks::comparison)
            .does(EVIDENCE, "Lays two messages beside each other", "The first layer at which they part, what was equal, what could not be compared.")
            .at::<CaseAt>()
            .query::<Beside>()
            .takes_time::<Comparison>("The comparison.")
            .may(Sort::Unfit)
            .may(Sort::WhichMessage)
            .may(Sort::NothingReadable),
        Operation::get("/cases/{number}/records/{file}/{range}", "show_record", looks::record)
            .does(EVIDENCE, "Shows a record", "The bytes that a cite names, raw and decoded.")
            .at::<RecordAt>()
            .query::<Marked>()
            .answers::<Record>(StatusCode::OK, "The record."),
        Operation::get("/cases/{number}/exception", "propose_exception", looks::exception)
            .does(EXCEPTIONS, "Proposes the narrowest exception", "With what else it would have let through; or says what is to be mended instead.")
            .at::<CaseAt>()
            .query::<Wait>()
            .takes_time::<ExceptionProposal>("The proposal.")
            .may(Sort::Unfit)
            .may(Sort::WhichMessage)
            .may(Sort::NothingReadable),
        Operation::post("/cases/{number}/exception/check", "check_exception", looks::check)
            .does(EXCEPTIONS, "Asks the guard", "What it says of a change that somebody proposes; the approvals of the journal count. Nothing is kept.")
            .by(EITHER)
            .at::<CaseAt>()
            .takes::<Candidate>(json!({ "candidate": "New-TenantAllowBlockListItems -ListType Sender -Entries offers@example.net -Allow" }))
            .answers::<ExceptionCheck>(StatusCode::OK, "What the guard says.")
            .may(Sort::Unfit)
            .may(Sort::WhichMessage)
            .may(Sort::NothingReadable),
        Operation::post("/cases/{number}/approvals", "approve", looks::approve)
            .does(EXCEPTIONS, "Records an approval", "Of a change that is broad. Only a security approver can.")
            .by(&[Role::Security])
            .at::<CaseAt>()
            .takes::<Approved>(json!({ "document": APPROVAL }))
            .answers::<Done>(StatusCode::OK, "What was done.")
            .may(Sort::Conflict)
            .may(Sort::Unfit),
        Operation::post("/cases/{number}/changes", "record_change", looks::change)
            .does(AFTERWARDS, "Records a change that was made", "With what the guard says of it: its warnings are in the answer.")
            .at::<CaseAt>()
            .takes::<Made>(json!({
                "candidate": "New-TenantAllowBlockListItems -ListType Sender -Entries offers@example.net -Allow",
                "made_at": "2026-11-20T08:00:00Z",
            }))
            .answers::<Done>(StatusCode::OK, "What was done.")
            .may(Sort::Conflict)
            .may(Sort::Unfit)
            .may(Sort::NothingReadable),
        Operation::get("/cases/{number}/verification", "verify", looks::verification)
            .does(AFTERWARDS, "Says whether a change held", "By records: held, came back, or cannot tell. Nothing is kept.")
            .at::<CaseAt>()
            .query::<Wait>()
            .takes_time::<VerificationReport>("The verification.")
            .may(Sort::Unfit)
            .may(Sort::NothingReadable),
        Operation::post("/cases/{number}/verification", "record_verification", looks::verified)
            .does(AFTERWARDS, "Keeps whether a change held", "In the journal. The case is `held` or `came_back` then, if that can be told.")
            .at::<CaseAt>()
            .answers::<Done>(StatusCode::OK, "What was done.")
            .may(Sort::Conflict)
            .may(Sort::Unfit)
            .may(Sort::NothingReadable),
        Operation::get("/cases/{number}/notes", "notes", texts::notes)
            .does(TEXTS, "Writes the notes of a ticket", "What was found out, with its records: as a document, as Markdown, or as plain text. With \
                `redact`, people, hosts, addresses and ids get other names.")
            .at::<CaseAt>()
            .query::<texts::Wanted>()
            .takes_time::<Notes>("The notes.")
            .also_as(&["text/markdown", "text/plain"]),
        Operation::get("/cases/{number}/escalation", "weigh_escalation", texts::escalation)
            .does(TEXTS, "Says whether a ticket is given away", "To whom, why, and what is still missing. Nothing is done.")
            .at::<CaseAt>()
            .query::<Looking>()
            .waits::<Escalation>("What an escalation would say.")
            .may(Sort::Unfit),
        Operation::post("/cases/{number}/escalation", "escalate", texts::give_away)
            .does(TEXTS, "Gives a ticket away", "If the four facts are in and there is a reason: answers the package, which the journal names by its \
                SHA-256.")
            .at::<CaseAt>()
            .takes::<GiveAway>(json!({ "to": "vendor", "reason": "The user is blocked since Monday" }))
            .answers_as(StatusCode::OK, "The package.", vec![("application/zip", None)])
            .may(Sort::Conflict)
            .may(Sort::Unfit),
        Operation::get("/symptoms", "list_symptoms", around::symptoms)
            .does(AROUND, "Lists symptoms", "All, one by its id, or those that fit what is seen; each with how to find out.")
            .query::<around::Words>()
            .answers::<Symptoms>(StatusCode::OK, "The symptoms.")
            .may(Sort::Unfit),
        Operation::get("/runbooks", "list_runbooks", around::runbooks)
            .does(AROUND, "Lists runbooks", "Of all clients.")
            .answers::<Listed>(StatusCode::OK, "The runbooks."),
        Operation::get("/watch", "watch", around::watch)
            .does(AROUND, "Says how the watchers are", "Their last runs, missed ones, and alerts.")
            .answers::<watch::Status>(StatusCode::OK, "How they are."),
        Operation::get("/openapi.json", "openapi", around::openapi)
            .does(AROUND, "Shows this document", "It holds no secret, so it needs no token.")
            .by(&[])
            .answers_as(StatusCode::OK, "The document.", vec![("application/json", None)]),
    ]
}

/// An approval, as somebody would write it.
const APPROVAL: &str = r#"{
  "schema": "throughline.approval.v1",
  "who": "Noor Haddad",
  "role": "head of security operations",
  "when": "2026-11-18T12:00:00Z",
  "scope": ["Set-HostedContentFilterPolicy -Identity Default -AllowedSenders @{Add='offers@example.net'}"],
  "ends": "2026-12-01T00:00:00Z",
  "reason": "month-end invoices; the supplier changes its provider until December",
  "sample_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
}"#;

/// Who may do what decides nothing.
const EITHER: &[Role] = &[Role::Engineer, Role::Security];

fn key() -> serde_json::Value {
    json!({ "type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$" })
}

impl Operation {
    /// It answers a document that takes time, as long as its evidence is the same with the same tag.
    fn takes_time<T: JsonSchema>(self, says: &'static str) -> Operation {
        self.header("If-None-Match", "`ETag` of the answer that the client has.", json!({ "type": "string" }))
            .answers::<T>(StatusCode::OK, says)
            .with("ETag", "The same as long as the answer is.")
            .answers_as(StatusCode::NOT_MODIFIED, "The client has it already.", Vec::new())
            .with("ETag", "The same as long as the answer is.")
            .answers::<Working>(StatusCode::ACCEPTED, "It is worked on: ask again.")
            .with("Retry-After", "After how many seconds to ask again.")
    }

    /// It answers a document that takes time.
    fn waits<T: JsonSchema>(self, says: &'static str) -> Operation {
        self.answers::<T>(StatusCode::OK, says)
            .answers::<Working>(StatusCode::ACCEPTED, "It is worked on: ask again.")
            .with("Retry-After", "After how many seconds to ask again.")
    }

    /// The first answer comes in other forms too.
    fn also_as(mut self, kinds: &[&'static str]) -> Operation {
        if let Some(answer) = self.answers.first_mut() {
            answer.content.extend(kinds.iter().map(|kind| (*kind, None)));
        }
        self
    }
}
