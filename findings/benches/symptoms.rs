//! How long it takes to look for all symptoms in a day of a large tenant, beside the reading of the same files.
//!
//! ```sh
//! cargo bench -p findings --bench symptoms -- [--rounds 5] [--trace 1000000] [--audit 200000] [--sign-ins 200000] [FILE...]
//! ```
//!
//! Without files it makes a day of an invented tenant in `target/symptoms`: a message trace, an audit log and sign-ins, with the
//! noise that such a day has, one remediation that was undone, and one person whose challenge loops. Every round reads every row
//! into its facts and drops them, then reads them and looks for all symptoms; the last lines give the ratio of the medians, the time of
//! each rule, what was found, and how much memory was used at most.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evidence::FileName;
use findings::symptoms::{self, Survey};
use jiff::{SignedDuration, Timestamp};
use lake::Ledger;
use sources::{Clock, Input, NoProgress, read_every};

fn main() {
    let options = Options::read();
    let files = if options.files.is_empty() { made(&options) } else { options.files.clone() };
    let opened: Vec<(FileName, Vec<u8>)> = files
        .iter()
        .map(|file| {
            let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            (file.display().to_string().into(), bytes)
        })
        .collect();
    let inputs: Vec<Input<'_>> = opened.iter().map(|(name, bytes)| Input { name: name.clone(), bytes }).collect();
    let size: usize = inputs.iter().map(|input| input.bytes.len()).sum();
    println!("{} files, {} MiB, {} rounds", inputs.len(), size >> 20, options.rounds);
    let clock = Clock {
        zone: jiff::tz::TimeZone::UTC,
        zone_label: "UTC".to_owned(),
        reference: "2026-11-18T00:00:00Z".parse().expect("an instant"),
    };
    let (mut reading, mut looking) = (Vec::new(), Vec::new());
    let (mut reading_took, mut looking_took) = (Vec::new(), Vec::new());
    let before = peak_mib();
    let mut told = String::new();
    for _ in 0..options.rounds {
        let (start, clock_start) = (spent(), Instant::now());
        let rows: Vec<u64> =
            read_every(&inputs, &clock, &NoProgress, &|| 0, &|rows: &mut u64, _, part| *rows += part.rows)
                .into_iter()
                .filter_map(|one| one.folded.ok())
                .collect();
        reading.push(spent() - start);
        reading_took.push(clock_start.elapsed());
        let (start, clock_start) = (spent(), Instant::now());
        let ledger = Ledger::read(&inputs, &clock, &NoProgress);
        let read = spent() - start;
        let survey = Survey::of(&ledger, None, None);
        let found = symptoms::find(&survey);
        looking.push(spent() - start);
        looking_took.push(clock_start.elapsed());
        told = format!(
            "{} rows, {} lines, read into the ledger in {read:.2?}",
            rows.iter().sum::<u64>(),
            ledger.lines().len()
        );
        for symptom in symptoms::ALL {
            let start = Instant::now();
            let signs = symptom.find(&survey).len();
            let _ = write!(told, "\n  {:45} {:>9.2?}  {signs} found", symptom.id(), start.elapsed());
        }
        for finding in found {
            let _ = write!(told, "\n{} {:?}: {}", finding.id, finding.standing, finding.statement);
        }
    }
    println!("{told}");
    let (reading, looking) = (median(reading), median(looking));
    println!(
        "of the processor: reading {reading:.2?}, with all symptoms {looking:.2?}: {:.2} times",
        looking.as_secs_f64() / reading.as_secs_f64()
    );
    let (reading, looking) = (median(reading_took), median(looking_took));
    println!(
        "by the clock: reading {reading:.2?}, with all symptoms {looking:.2?}: {:.2} times",
        looking.as_secs_f64() / reading.as_secs_f64()
    );
    println!("memory: {before} MiB with the files loaded, {} MiB at most", peak_mib());
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The time that all threads of this process have worked, where the system tells: other programs do not count. Else the time that
/// went by.
fn spent() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let elapsed = START.elapsed();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: u64 = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|text| text.parse::<u64>().ok())
        .sum();
    // A tick is a hundredth of a second on every system that has this file.
    if ticks == 0 { elapsed } else { Duration::from_millis(ticks * 10) }
}

/// The most memory that this process has had, where the system tells.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib >> 10)
}

struct Options {
    rounds: usize,
    trace: u64,
    audit: u64,
    sign_ins: u64,
    files: Vec<PathBuf>,
}

impl Options {
    fn read() -> Options {
        let mut options = Options { rounds: 5, trace: 1_000_000, audit: 200_000, sign_ins: 200_000, files: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = |known: u64| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(known);
            match argument.as_str() {
                "--rounds" => options.rounds = number(5).max(1) as usize,
                "--trace" => options.trace = number(options.trace),
                "--audit" => options.audit = number(options.audit),
                "--sign-ins" => options.sign_ins = number(options.sign_ins),
                "--bench" => {}
                file => options.files.push(PathBuf::from(file)),
            }
        }
        options
    }
}

/// Numbers that depend on nothing but the seed (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Small numbers more often than large ones.
    fn skewed(&mut self, bound: u64) -> u64 {
        let first = self.below(bound) + 1;
        self.below(first)
    }
}

fn made(options: &Options) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/symptoms");
    fs::create_dir_all(&folder).expect("a writable target folder");
    let write = |name: String, text: &dyn Fn() -> String| {
        let file = folder.join(name);
        if !file.exists() {
            fs::write(&file, text()).expect("a writable target folder");
        }
        file
    };
    vec![
        write(format!("trace-{}.csv", options.trace), &|| trace(options.trace)),
        write(format!("audit-{}.csv", options.audit), &|| audit(options.audit)),
        write(format!("sign-ins-{}.jsonl", options.sign_ins), &|| sign_ins(options.sign_ins)),
    ]
}

/// The instant of a row, of so many over the day.
fn at(row: u64, rows: u64) -> Timestamp {
    let start: Timestamp = "2026-11-17T00:00:00Z".parse().expect("an instant");
    start + SignedDuration::from_millis((86_400_000 * row / rows.max(1)) as i64)
}

/// Most senders are trusted, some are not, and a few are judged anew with every message.
fn trace(rows: u64) -> String {
    let mut dice = Dice(1);
    let mut out = String::from(
        "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\"\n",
    );
    for row in 0..rows {
        let at = at(row, rows).strftime("%m/%d/%Y %I:%M:%S %p");
        let (sender, recipient) = (dice.skewed(60_000), dice.skewed(8_000));
        let luck = dice.below(1000);
        let status = match sender % 100 {
            0..=11 if luck < 950 => {
                if luck.is_multiple_of(3) {
                    "Quarantined"
                } else {
                    "FilteredAsSpam"
                }
            }
            12 if luck < 300 => "Quarantined",
            _ if luck < 4 => "Quarantined",
            _ if luck < 9 => "Failed",
            _ if luck < 12 => "Pending",
            _ => "Delivered",
        };
        let (sender, recipient, status) = match planted(row, rows) {
            Some(status) => ("orders@planted.example".to_owned(), "dispo@client.example".to_owned(), status),
            None => (format!("s{sender}@d{}.example", sender % 9_000), format!("u{recipient}@client.example"), status),
        };
        let to = if status == "Delivered" { "" } else { "192.0.2.10" };
        let _ = writeln!(
            out,
            "\"{at}\",\"{sender}\",\"{recipient}\",\"Message {row}\",\"{status}\",\"{to}\",\"203.0.113.{}\",\"{}\",\"<{row}.m@d.example>\",\"{:08x}-2c35-4f68-a9e0-08de27a4e500\"",
            row % 250,
            2_000 + dice.below(90_000),
            row + 1,
        );
    }
    out
}

/// Stopped in the morning, through in the afternoon, stopped again at night.
fn planted(row: u64, rows: u64) -> Option<&'static str> {
    let hour = row * 24 / rows.max(1);
    let is_its_row = row % (rows / 48).max(1) == 7;
    is_its_row.then_some(match hour {
        0..=9 => "Quarantined",
        10..=19 => "Delivered",
        _ => "Quarantined",
    })
}

/// Mostly what people do in mailboxes; now and then somebody changes a policy.
fn audit(rows: u64) -> String {
    let mut dice = Dice(2);
    let mut out = String::from("CreationDate,UserIds,Operations,AuditData\n");
    let mut put = |at: Timestamp, who: &str, kind: u8, operation: &str, more: &str, row: u64| {
        let at = at.strftime("%Y-%m-%dT%H:%M:%S");
        let data = format!(
            "{{\"CreationTime\":\"{at}\",\"Id\":\"{row:08x}-1111-4222-8333-444455556666\",\"Operation\":\"{operation}\",\"OrganizationId\":\"7d1c2b3a-4e5f-4061-8273-94a5b6c7d8e9\",\"RecordType\":{},\"ResultStatus\":\"Succeeded\",\"UserKey\":\"1003200000000001\",\"UserType\":{kind},\"Version\":1,\"Workload\":\"Exchange\",\"ClientIP\":\"198.51.100.{}\",\"UserId\":\"{who}\"{more}}}",
            if operation.contains('-') { 1 } else { 50 },
            row % 250,
        );
        let _ = writeln!(out, "{at},{who},{operation},\"{}\"", data.replace('"', "\"\""));
    };
    for row in 0..rows {
        let who = format!("u{}@client.example", dice.skewed(8_000));
        let when = at(row, rows);
        let planted = |at_row: u64| row == at_row;
        if planted(rows * 10 / 24) || planted(rows * 20 / 24) {
            let (by, kind, value) = if planted(rows * 10 / 24) {
                ("admin.one@client.example", 2, "orders@planted.example")
            } else {
                ("baseline-push", 5, "")
            };
            let more = format!(
                ",\"ObjectId\":\"Default\",\"Parameters\":[{{\"Name\":\"Identity\",\"Value\":\"Default\"}},{{\"Name\":\"AllowedSenders\",\"Value\":\"{value}\"}}]"
            );
            put(when, by, kind, "Set-HostedContentFilterPolicy", &more, row);
            continue;
        }
        match dice.below(4_000) {
            0 => put(
                when,
                "admin.two@client.example",
                2,
                "Set-TransportRule",
                ",\"ObjectId\":\"Footer\",\"Parameters\":[{\"Name\":\"Identity\",\"Value\":\"Footer\"},{\"Name\":\"Priority\",\"Value\":\"2\"}]",
                row,
            ),
            1 => put(
                when,
                "admin.one@client.example",
                2,
                "New-TenantAllowBlockListItems",
                ",\"ObjectId\":\"\",\"Parameters\":[{\"Name\":\"Block\",\"Value\":\"True\"},{\"Name\":\"Entries\",\"Value\":\"spam.example\"}]",
                row,
            ),
            2..=900 => put(when, &who, 0, "Send", ",\"MailboxOwnerUPN\":\"u1@client.example\"", row),
            901..=1100 => put(when, &who, 0, "SoftDelete", ",\"MailboxOwnerUPN\":\"u1@client.example\"", row),
            _ => put(when, &who, 0, "MailItemsAccessed", ",\"MailboxOwnerUPN\":\"u1@client.example\"", row),
        }
    }
    out
}

/// Mostly successes; some are asked for a second factor first; one person's challenge loops.
fn sign_ins(rows: u64) -> String {
    let mut dice = Dice(3);
    let mut out = String::new();
    let mut number = 0_u64;
    let mut put = |at: Timestamp, who: &str, code: u32, correlation: u64, interactive: bool| {
        number += 1;
        let (reason, policy) = match code {
            0 => ("Other.", "success"),
            50126 => ("Error validating credentials due to invalid username or password.", "notApplied"),
            _ => (
                "Due to a configuration change made by your administrator, you must use multi-factor authentication.",
                "failure",
            ),
        };
        let _ = writeln!(
            out,
            "{{\"id\":\"{number:08x}-7fd5-4b6c-9a10-aaaaaaaaaaaa\",\"createdDateTime\":\"{at}\",\"userDisplayName\":\"A person\",\"userPrincipalName\":\"{who}\",\"userId\":\"{:08x}-0000-4000-8000-000000000000\",\"appId\":\"00000002-0000-0ff1-ce00-000000000000\",\"appDisplayName\":\"Office 365 Exchange Online\",\"ipAddress\":\"198.51.100.{}\",\"clientAppUsed\":\"Browser\",\"correlationId\":\"{correlation:08x}-1111-4111-8111-111111111111\",\"conditionalAccessStatus\":\"{policy}\",\"isInteractive\":{interactive},\"riskState\":\"none\",\"resourceDisplayName\":\"Office 365 Exchange Online\",\"status\":{{\"errorCode\":{code},\"failureReason\":\"{reason}\",\"additionalDetails\":null}},\"deviceDetail\":{{\"deviceId\":\"\",\"displayName\":\"\",\"operatingSystem\":\"Windows\",\"browser\":\"Edge\",\"isCompliant\":true,\"isManaged\":true,\"trustType\":\"\"}},\"location\":{{\"city\":\"Hamburg\",\"countryOrRegion\":\"DE\"}},\"appliedConditionalAccessPolicies\":[]}}",
            correlation,
            number % 250,
        );
    };
    let mut row = 0;
    while row < rows {
        let who = format!("u{}@client.example", dice.skewed(8_000));
        let when = at(row, rows);
        let is_looping = row % (rows / 12).max(1) == 11 && row > rows / 3;
        if is_looping {
            for step in 0..6_i64 {
                put(
                    when + SignedDuration::from_secs(step * 40),
                    "assistant@client.example",
                    50076,
                    row + step as u64,
                    true,
                );
                row += 1;
            }
            continue;
        }
        match dice.below(100) {
            0..=4 => {
                put(when, &who, 50074, row, true);
                put(when + SignedDuration::from_secs(20), &who, 0, row, true);
                row += 2;
            }
            5 => {
                put(when, &who, 50126, row, true);
                row += 1;
            }
            luck => {
                put(when, &who, 0, row, luck.is_multiple_of(4));
                row += 1;
            }
        }
    }
    out
}
