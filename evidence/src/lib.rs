//! What was stated, by whom, when, about which copy, and where that is written.
//!
//! This crate holds the types that cross every wall of throughline. It parses nothing and judges nothing: a source
//! (crate `sources`) fills these types from one kind of export, and every later crate only reads them.

mod around;
mod cite;
mod fact;
mod identity;
mod reading;
mod setting;
mod vocabulary;
mod when;

pub use around::{AccessPolicy, DnsAnswer, JobStage, JobStep, ProbeStep, SignIn, SignInKind, SignInOutcome, Total};
pub use cite::{Cite, FileName, Place, SAID_MAX_CHARS};
pub use fact::{
    Access, Arrival, AuthFault, AuthenticatedSender, Authentication, Dsn, DsnAction, Fact, GOES_ON, Handover, Hop,
    Identity, NOT_REMOVED, NextHop, Observation, Outcome, Quarantine, QuarantineState, Redirect, Release, ReleaseStep,
    Reply, Status, Stored, Tls, UNMOVED, Verdict,
};
pub use identity::{Address, CopyKey, Identifier, Peer, Product, System};
pub use reading::{Coverage, LooksUsed, Parties, PassedOver, Problem, Reading, SourceId, Unit};
pub use setting::{
    Act, Actor, ActorKind, Alert, Alteration, Carried, Change, ChangeKind, Click, Condition, ConditionOn, Done, Effect,
    ListEntry, ListWord, Property, Setting, SettingClass, Tier,
};
pub use vocabulary::{Action, AuthMethod, AuthResult, Folder, Layer, PolicyRef, Scope, TraceStatus, VerdictKind};
pub use when::{When, Zone};
