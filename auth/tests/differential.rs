//! Our own check beside dkimpy and mailauth, message by message.
//!
//! Every place at which they differ stands in [`known::ALL`] with who is right and what settles it; a new one fails the test, and
//! so does one that no longer occurs. All three get the same answers from files, and no name is resolved. What is missing on
//! the machine is skipped, and said. `docs/auth-peers.md` tells what came of it.

mod signer;

#[path = "peers/known.rs"]
mod known;
#[path = "peers/own.rs"]
mod own;
#[path = "peers/samples.rs"]
mod samples;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use auth::arc::ArcCheck;
use auth::dkim::{DkimCheck, DkimNote, DkimReason, Explain, Keys};
use auth::{Answer, Answers, Extent, Question, RecordType};
use evidence::AuthResult;
use jiff::Timestamp;
use known::{Known, Peer, Right};
use serde_json::{Value, json};
use signer::Closed;

/// A message, and what holds for it.
pub struct Case {
    /// What it is called; unique.
    pub name: String,
    /// The records that hold for it; every other name does not exist.
    pub zone: String,
    /// Its bytes.
    pub message: Vec<u8>,
    /// When it was received, in seconds since 1970.
    pub at: i64,
    /// How it came; without it neither SPF nor DMARC is compared.
    pub envelope: Option<Envelope>,
    /// What is right, where that is known: the check and its result. DKIM: that of the best signature.
    pub expected: Vec<(&'static str, &'static str)>,
}

/// Over which transfer a message came.
pub struct Envelope {
    /// The address that connected.
    pub client: String,
    /// The name that it gave.
    pub helo: String,
    /// MAIL FROM.
    pub envelope_sender: String,
    /// The domain of the header From.
    pub author: String,
}

/// A saved answer.
pub struct Record {
    /// Where it holds ([`Case::zone`]).
    pub zone: String,
    /// The name that was asked for.
    pub name: String,
    /// The type that was asked for.
    pub record_type: String,
    /// `NOERROR`, `SERVFAIL`, ...
    pub status: String,
    /// One text a record.
    pub data: Vec<String>,
}

/// What somebody says: the result as `pass`, `fail`, `temperror` or `none`, and whether the body is as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    result: String,
    body: Option<bool>,
    why: String,
}

/// By message, check and place among the signatures.
type Statements = BTreeMap<(String, String, u64), Said>;

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers");

/// Where `.ci/setup` installs mailauth.
const MAILAUTH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers");

#[test]
fn peers_agree() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential");
    fs::create_dir_all(folder.join("msg")).expect("a folder for messages");
    let python = python();
    let (mut cases, mut records) = own::cases();
    let samples = samples::cases();
    let with_samples = samples.is_some();
    let corpus = python.as_deref().and_then(|python| samples::corpus(python, &folder.join("corpus"), 200));
    for (more, keys) in samples.into_iter().chain(corpus) {
        cases.extend(more);
        records.extend(keys);
    }
    let ours = ours(&cases, &records);
    as_expected(&cases, &ours);
    write_lists(&folder, &cases, &records);
    let mut different = Vec::new();
    let mut told = String::new();
    let mut asked = Vec::new();
    for (peer, theirs) in
        [(Peer::Dkimpy, python.and_then(|python| dkimpy(&python, &folder))), (Peer::Mailauth, mailauth(&folder))]
    {
        let Some(theirs) = theirs else { continue };
        asked.push(peer);
        compare(peer, &ours, &theirs, &mut different, &mut told);
    }
    eprintln!("{} messages\n{told}", cases.len());
    settle(&different, |known, peer| asked.contains(&peer) && (with_samples || known.case.starts_with("own/")));
}

/// The first Python that has dkimpy and what it needs for Ed25519.
fn python() -> Option<PathBuf> {
    let works = |python: &&str| {
        let mut probe = Command::new(python);
        probe.args(["-c", "import dkim, nacl"]).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(|python| works(python));
    if found.is_none() {
        eprintln!("skipped: no python3 has dkimpy and pynacl; nothing is compared with dkimpy. Try: .ci/setup");
    }
    found.map(PathBuf::from)
}

fn dkimpy(python: &Path, folder: &Path) -> Option<Statements> {
    let mut command = Command::new(python);
    command.arg(format!("{PEERS}/dkimpy.py"));
    Some(statements("dkimpy", &mut command, folder))
}

fn mailauth(folder: &Path) -> Option<Statements> {
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !node.is_ok_and(|status| status.success()) || !Path::new(MAILAUTH).join("node_modules/mailauth").is_dir() {
        eprintln!("skipped: no node, or no mailauth in {MAILAUTH}; nothing is compared with mailauth. Try: .ci/setup");
        return None;
    }
    let mut command = Command::new("node");
    command.arg(format!("{PEERS}/mailauth.mjs")).arg(MAILAUTH);
    Some(statements("mailauth", &mut command, folder))
}

fn statements(who: &str, command: &mut Command, folder: &Path) -> Statements {
    let output =
        command.arg(folder.join("messages.jsonl")).arg(folder.join("dns.jsonl")).stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|error| panic!("{who}: {error}"));
    assert!(output.status.success(), "{who}: {}", output.status);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let read = said.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{who}: {error}: {line}"));
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let key = (text("name"), text("kind"), line["place"].as_u64().expect("a place"));
        (key, Said { result: text("result"), body: line["body"].as_bool(), why: text("why") })
    });
    read.collect()
}

fn write_lists(folder: &Path, cases: &[Case], records: &[Record]) {
    let (mut messages, mut answers) = (String::new(), String::new());
    for (place, case) in cases.iter().enumerate() {
        let file = folder.join(format!("msg/{place}.eml"));
        fs::write(&file, &case.message).expect("a message");
        let mut entry = json!({ "name": case.name, "file": file, "zone": case.zone, "at": case.at });
        if let Some(envelope) = &case.envelope {
            entry["client"] = json!(envelope.client);
            entry["helo"] = json!(envelope.helo);
            entry["envelope_sender"] = json!(envelope.envelope_sender);
        }
        writeln!(messages, "{entry}").expect("memory");
    }
    for record in records {
        let Record { zone, name, record_type, status, data } = record;
        let answer = json!({ "zone": zone, "name": name, "type": record_type, "status": status, "data": data });
        writeln!(answers, "{answer}").expect("memory");
    }
    fs::write(folder.join("messages.jsonl"), messages).expect("a list of messages");
    fs::write(folder.join("dns.jsonl"), answers).expect("a list of answers");
}

fn ours(cases: &[Case], records: &[Record]) -> Statements {
    let mut zones: HashMap<&str, Answers> = HashMap::new();
    for record in records {
        let question = Question::new(&record.name, RecordType::of(&record.record_type).expect("a type"));
        let answer = Answer::of(&record.status, record.data.clone());
        zones.entry(&record.zone).or_default().insert(&question, answer);
    }
    let mut said = Statements::new();
    for case in cases {
        let dns = Closed(zones.get(case.zone.as_str()).cloned().unwrap_or_default());
        let envelope = envelope(case);
        let checked = auth::check(&case.message, Extent::Whole, &envelope, &dns, &Keys::default(), Explain::No);
        let mut add = |kind: &str, place: usize, result: &Option<AuthResult>, body: Option<bool>, why: String| {
            let result = word(result).unwrap_or_else(|| panic!("{}: {kind} has no result: {why}", case.name));
            said.insert(
                (case.name.clone(), kind.to_owned(), place as u64),
                Said { result: result.to_owned(), body, why },
            );
        };
        for (place, check) in checked.dkim.iter().enumerate() {
            add("dkim", place, &check.result, body_holds(check), check.reason.to_string());
        }
        let arc = checked.arc.expect("a whole message");
        add("arc", 0, &arc.result, chain_body_holds(&arc), arc.reason.to_string());
        if case.envelope.is_some() {
            let spf = checked.spf.expect("an envelope");
            add("spf", 0, &spf.result, None, spf.reason.to_string());
            add("dmarc", 0, &checked.dmarc.result, None, checked.dmarc.reason.to_string());
        }
    }
    said
}

fn envelope(case: &Case) -> auth::Envelope {
    let at = Timestamp::from_second(case.at).ok();
    let Some(envelope) = &case.envelope else { return auth::Envelope { at, ..auth::Envelope::default() } };
    auth::Envelope {
        client: envelope.client.parse().ok(),
        helo: envelope.helo.clone(),
        sender: Some(envelope.envelope_sender.clone()),
        receiver: Some("mx1.client.example".to_owned()),
        at,
        author_domains: vec![envelope.author.clone()],
    }
}

/// The word that can be compared: peers do not tell kinds of permanent failures apart in the same way.
fn word(result: &Option<AuthResult>) -> Option<&'static str> {
    Some(match result.as_ref()? {
        AuthResult::Pass => "pass",
        AuthResult::None => "none",
        AuthResult::TempError => "temperror",
        _ => "fail",
    })
}

fn body_holds(check: &DkimCheck) -> Option<bool> {
    match &check.reason {
        DkimReason::Verified { .. } | DkimReason::HeaderChanged | DkimReason::Expired { .. } => Some(true),
        DkimReason::BodyChanged => Some(false),
        _ if check.notes.contains(&DkimNote::BodyAsSigned) => Some(true),
        _ if check.notes.contains(&DkimNote::BodyNotAsSigned) => Some(false),
        _ => None,
    }
}

/// Whether the body is as the newest sealer saw it.
fn chain_body_holds(check: &ArcCheck) -> Option<bool> {
    match check.sets.last()?.message.reason.as_ref()? {
        DkimReason::BodyChanged => Some(false),
        DkimReason::Syntax(_) => None,
        _ => Some(true),
    }
}

/// Where it is known what is right, ours is.
fn as_expected(cases: &[Case], ours: &Statements) {
    let mut wrong = Vec::new();
    for case in cases {
        for (kind, expected) in &case.expected {
            let all = ours.iter().filter(|((name, of, _), _)| *name == case.name && of == kind);
            let all: Vec<&Said> = all.map(|(_, said)| said).collect();
            let best = all.iter().find(|said| said.result == "pass").or(all.first());
            if best.is_none_or(|best| best.result != *expected) {
                wrong.push(format!("{}: {kind}: {expected} is right, ours is {best:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One place at which a peer says something else.
struct Different {
    peer: Peer,
    /// The message, with `#1` for its second signature.
    case: String,
    /// `dkim`, `body`, `arc`, `arc body`, `spf` or `dmarc`.
    what: String,
    ours: String,
    theirs: String,
    why: String,
}

fn compare(peer: Peer, ours: &Statements, theirs: &Statements, different: &mut Vec<Different>, told: &mut String) {
    let mut counts: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    let refused = |name: &str| theirs.get(&(name.to_owned(), "message".to_owned(), 0));
    for ((name, kind, place), own) in ours {
        if peer == Peer::Dkimpy && matches!(kind.as_str(), "spf" | "dmarc") {
            continue;
        }
        let case = if *place == 0 { name.clone() } else { format!("{name}#{place}") };
        let mut differ = |what: &'static str, ours: &str, theirs: &str, why: &str| {
            *counts.entry((what, ours == theirs)).or_default() += 1;
            if ours != theirs {
                let [ours, theirs, why] = [ours, theirs, why].map(str::to_owned);
                different.push(Different { peer, case: case.clone(), what: what.to_owned(), ours, theirs, why });
            }
        };
        let what = ["dkim", "arc", "spf", "dmarc"].into_iter().find(|what| what == kind).expect("a kind");
        let Some(other) = theirs.get(&(name.clone(), kind.clone(), *place)).or_else(|| refused(name)) else {
            differ(what, &own.result, "nothing", "");
            continue;
        };
        differ(what, &own.result, &other.result, &format!("{} | {}", own.why, other.why));
        if let (Some(own), Some(other)) = (own.body, other.body) {
            let word = |holds| if holds { "as signed" } else { "changed" };
            differ(if kind == "arc" { "arc body" } else { "body" }, word(own), word(other), "");
        }
    }
    for (name, kind, place) in theirs
        .keys()
        .filter(|(name, kind, place)| kind != "message" && !ours.contains_key(&(name.clone(), kind.clone(), *place)))
    {
        let (what, case) = (kind.clone(), format!("{name}#{place}"));
        different.push(Different {
            peer,
            case,
            what,
            ours: "nothing".into(),
            theirs: "something".into(),
            why: String::new(),
        });
    }
    for what in ["dkim", "body", "arc", "arc body", "spf", "dmarc"] {
        let [same, other] = [true, false].map(|same| counts.get(&(what, same)).copied().unwrap_or(0));
        if same + other > 0 {
            writeln!(told, "{peer:?} {what}: {} compared, {other} different", same + other).expect("memory");
        }
    }
}

/// Every difference is known, and every known one still occurs.
fn settle(different: &[Different], is_checked: impl Fn(&Known, Peer) -> bool) {
    let mut seen: BTreeSet<(usize, Peer)> = BTreeSet::new();
    let mut open = Vec::new();
    for one in different {
        let Different { peer, case, what, ours, theirs, why } = one;
        let row = known::ALL.iter().position(|known| {
            let fits = (known.case, known.what, known.ours, known.theirs)
                == (case.as_str(), what.as_str(), ours.as_str(), theirs.as_str());
            fits && known.peers.contains(peer)
        });
        match row {
            Some(row) => _ = seen.insert((row, *peer)),
            None => open.push(format!("new: {peer:?} {case}: {what}: ours {ours}, theirs {theirs}: {why}")),
        }
    }
    for (row, known) in known::ALL.iter().enumerate() {
        let gone = known.peers.iter().filter(|peer| is_checked(known, **peer) && !seen.contains(&(row, **peer)));
        open.extend(gone.map(|peer| format!("no longer: {peer:?} {}: {}", known.case, known.what)));
    }
    assert!(open.is_empty(), "{} are not settled:\n{}", open.len(), open.join("\n"));
    let count = |right: Right| known::ALL.iter().filter(|known| known.right == right).count();
    eprintln!("known: ours is right in {}, left open in {}", count(Right::Ours), count(Right::Open));
}

/// Each decision names what settles it.
#[test]
fn known_are_told() {
    for (row, known) in known::ALL.iter().enumerate() {
        assert!(known.by.contains("RFC ") && known.by.contains(": "), "{}: {}", known.case, known.by);
        let twice = known::ALL[..row]
            .iter()
            .any(|other| (other.case, other.what, other.theirs) == (known.case, known.what, known.theirs));
        assert!(!twice && !known.peers.is_empty(), "{}", known.case);
    }
}
