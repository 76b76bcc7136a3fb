//! The answer as data, and its faces: terminal, Markdown, HTML.
//!
//! [`Report`] is the JSON of `docs/report.schema.json`. Every face is a pure function of a report.

mod assemble;
mod authentication;
mod codes;
mod compare;
mod document;
mod exceptions;
mod families;
mod guided;
mod headers;
mod html;
mod markdown;
mod own;
mod picture;
mod reconciliation;
mod reply;
mod sample;
mod several;
mod sheet;
mod stated;
mod symptoms;
mod terminal;
mod text;
mod timeline;
mod view;

pub use assemble::{Answered, Surveyed, assemble, export, message, surveyed};
pub use authentication::{AUTHENTICATION_SCHEMA, AuthenticationReport, Disagreement};
pub use codes::{AskedReply, CODES_SCHEMA, CodeList, CodeMeaning, Codes};
pub use compare::{
    COMPARE_SCHEMA, ComparedFact, ComparedFile, ComparedLayer, ComparedSide, Comparison, Kinship, Likeness,
    PartingStanding, Picked, RunnerUp, Sides, Stated,
};
pub use document::{
    Checked, Cite, Event, EvidenceFile, Excerpt, Export, Family, Fate, Finding, FindingKind, Layer, LayerState,
    Message, MessageCopy, NextStep, Owner, PassedOver, Problem, ReplyExplained, Report, SCHEMA, Standing, State,
    ToldApart,
};
pub use exceptions::{
    AUDIT_SCHEMA, AuditedBypass, BypassAudit, BypassFault, CheckedExceptions, CountedRows, CureKind, CuredNeed,
    ExceptionCheck, ExceptionProposal, ExplainedChange, GUARD_SCHEMA, GuardAnswer, GuardReason, HistoryGap, HowTo,
    JudgedAs, JudgedCandidate, JudgedCount, MeasuredHistory, MeasuredScope, NeedTold, NotDone, PROPOSAL_SCHEMA,
    ProposalAnswer, ProposalOf, ProposedException, RecordedApproval, UnreadPart, breadth, evidence_files,
};
pub use guided::{CollectedExport, LookAt, LookMeans, SYMPTOMS_SCHEMA, SymptomCause, SymptomPage, Symptoms};
pub use headers::{HEADERS_SCHEMA, Headers, HeadersMessage, VendorField, VendorPart};
pub use html::{STYLE, html, symptoms as symptoms_html};
pub use markdown::{escape as markdown_text, markdown, symptoms as symptoms_markdown};
pub use own::{OwnCheck, OwnResult};
pub use picture::{
    AgeRadius, AgedChange, BeforeAfter, Breadth, BreadthRow, BroughtUp, ChangeEnd, ChangeVerified, ComparedRow,
    ComparedWeight, CountRow, CountSeries, DependencyCounts, EventStrip, Picture, Spread, SpreadRow, StackedCounts,
    StripLane, StripMark, StripTone, Waterfall, WaterfallBar, WaterfallKind,
};
pub use reconciliation::{
    CountedMeasure, RECONCILIATION_SCHEMA, ReconciledOutcome, ReconciledStep, ReconciledTotal, Reconciliations,
    RowsSide, TotalSide,
};
pub use sample::{AuthservId, Phase, SampleHeaders, SampleHop, SampleResult, SampleWord, Trust};
pub use several::{
    Counts, Exception, FateCount, FollowedCause, FollowedCopy, FollowedMessage, Several, SharedCause, SharedCopy,
};
pub use sheet::{
    Bar, Block, Cell, Claim, Numbers, PairLine, Pairs, Pictured, Place, Reference, Row, Section, Sheet, Tone,
    picture_markup, sheet_html, sheet_markdown, sheet_markup, sheet_terminal,
};
pub use stated::{CopyIdentifier, CopyRelease, IdentifierKind, Part, StatedPart};
pub use symptoms::claims;
pub use terminal::{Color, Terminal, symptoms as symptoms_terminal, terminal};
pub use text::visible;
pub use timeline::{Happened, happened, order};
pub use view::{anchors, because, instant, recipient, scope, sign, span};
