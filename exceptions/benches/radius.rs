//! How long it takes to count what every candidate would have let through, beside one pass of reading the same rows.
//!
//! ```sh
//! cargo bench -p exceptions --bench radius -- [--rounds 3] [--rows 10000000] [FILE...]
//! ```
//!
//! Without files it makes a message trace of an invented tenant in `target/radius`, some 250 bytes a row. Every round reads every row into its facts and drops
//! them, then reads them and counts for all candidates: those of two samples, and what is around them, 200 at least. The last lines give
//! the ratio of the medians and how much memory was used at most. `benches/radius.py` times DuckDB over the same file.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evidence::{Address, FileName, Product};
use exceptions::{Need, Scope, candidates, measure};
use jiff::{SignedDuration, Timestamp};
use sources::{Clock, Input, NoProgress, read_every};

fn main() {
    let options = Options::read();
    let files = if options.files.is_empty() { vec![made(options.rows)] } else { options.files.clone() };
    let opened: Vec<(FileName, Vec<u8>)> = files
        .iter()
        .map(|file| {
            let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            (file.display().to_string().into(), bytes)
        })
        .collect();
    let inputs: Vec<Input<'_>> = opened.iter().map(|(name, bytes)| Input { name: name.clone(), bytes }).collect();
    let size: usize = inputs.iter().map(|input| input.bytes.len()).sum();
    let scopes = scopes();
    assert!(scopes.len() >= 200, "{} candidates", scopes.len());
    println!("{} files, {} MiB, {} candidates, {} rounds", inputs.len(), size >> 20, scopes.len(), options.rounds);
    let clock = Clock {
        zone: jiff::tz::TimeZone::UTC,
        zone_label: "UTC".to_owned(),
        reference: "2026-11-18T00:00:00Z".parse().expect("an instant"),
    };
    let (mut reading, mut counting) = (Times::default(), Times::default());
    let before = peak_mib();
    let mut told = String::new();
    for _ in 0..options.rounds {
        let rows = reading.of(|| {
            let every = read_every(&inputs, &clock, &NoProgress, &|| 0, &|rows: &mut u64, _, part| *rows += part.rows);
            every.into_iter().filter_map(|one| one.folded.ok()).sum::<u64>()
        });
        let read_peak = peak_mib();
        let measured = counting.of(|| measure(&inputs, &scopes, &clock, &NoProgress));
        let messages: u64 = measured.radii.iter().map(|radius| radius.messages).sum();
        let most = measured.radii.iter().map(|radius| radius.messages).max().unwrap_or_default();
        told = format!(
            "{rows} rows; the candidates let through {messages} messages together, the widest {most}; while reading {read_peak} MiB"
        );
    }
    println!("{told}");
    let ratio = |one: Duration, other: Duration| other.as_secs_f64() / one.as_secs_f64();
    let (read, counted) = (median(reading.worked), median(counting.worked));
    println!(
        "of the processor: reading {read:.2?}, with all candidates {counted:.2?}: {:.2} times",
        ratio(read, counted)
    );
    let (read, counted) = (median(reading.took), median(counting.took));
    println!("by the clock: reading {read:.2?}, with all candidates {counted:.2?}: {:.2} times", ratio(read, counted));
    println!("memory: {before} MiB with the files loaded, {} MiB at most", peak_mib());
}

/// How long the rounds worked, and how long they took.
#[derive(Default)]
struct Times {
    worked: Vec<Duration>,
    took: Vec<Duration>,
}

impl Times {
    fn of<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (start, clock_start) = (spent(), Instant::now());
        let done = work();
        self.worked.push(spent() - start);
        self.took.push(clock_start.elapsed());
        done
    }
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
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|text| text.parse::<u64>().ok()).sum();
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
    rows: u64,
    files: Vec<PathBuf>,
}

impl Options {
    fn read() -> Options {
        let mut options = Options { rounds: 3, rows: 10_000_000, files: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = |known: u64| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(known);
            match argument.as_str() {
                "--rounds" => options.rounds = number(3).max(1) as usize,
                "--rows" => options.rows = number(options.rows),
                "--bench" => {}
                file => options.files.push(PathBuf::from(file)),
            }
        }
        options
    }
}

/// The candidates of two samples of one sender; two more samples give neighbours that overlap with them.
fn scopes() -> Vec<Scope> {
    let need = |from: &str, to: &str| Need {
        product: Product::ExchangeOnline,
        verdict: None,
        cause: String::new(),
        is_shown: true,
        because: String::new(),
        cites: Vec::new(),
        ask_for: Vec::new(),
        policy: None,
        envelope_recipients: BTreeSet::from([Address::new(to)]),
        held: Vec::new(),
        header_from: Some(Address::new(from)),
        envelope_sender: Some(Address::new(from)),
        client: "203.0.113.7".parse().ok(),
        client_is_disputed: false,
        is_behind_a_gateway: false,
        signed_by: BTreeSet::from(["d7.example".to_owned()]),
        dmarc_passed: Some(true),
        message_id: None,
        subject: Some("Confirmation of order 4711".to_owned()),
        urls: BTreeSet::from(["https://shop.d7.example/orders".to_owned()]),
        attachments: BTreeSet::from(["ab".repeat(32)]),
        at: None,
    };
    candidates(&[need("s7@d7.example", "u3@client.example"), need("s7@d7.example", "u4@client.example")])
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

/// A month of a large tenant: few senders write most of the mail, and one message in five goes to several recipients.
fn made(rows: u64) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/radius");
    fs::create_dir_all(&folder).expect("a writable target folder");
    let path = folder.join(format!("trace-{rows}.csv"));
    if path.exists() {
        return path;
    }
    let mut out = BufWriter::new(File::create(&path).expect("a writable target folder"));
    write_rows(&mut out, rows).expect("room on the disk");
    path
}

fn write_rows(out: &mut impl Write, rows: u64) -> std::io::Result<()> {
    let mut dice = Dice(1);
    writeln!(
        out,
        "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\""
    )?;
    let start: Timestamp = "2026-10-18T00:00:00Z".parse().expect("an instant");
    let (mut row, mut message) = (0, 0_u64);
    while row < rows {
        message += 1;
        let at = start + SignedDuration::from_millis((30 * 86_400_000 * row / rows.max(1)) as i64);
        let sender = dice.skewed(200_000);
        let subject = match dice.below(20) {
            0 => format!("Confirmation of order {message}"),
            1..=4 => format!("Re: Minutes of the meeting {}", message % 1000),
            _ => format!("Message {message} about what is new this week"),
        };
        let copies = if dice.below(5) == 0 { 2 + dice.skewed(6) } else { 1 };
        for _ in 0..copies {
            row += 1;
            let luck = dice.below(1000);
            let status = match sender % 100 {
                0..=11 if luck < 950 => ["FilteredAsSpam", "Quarantined"][usize::from(luck.is_multiple_of(3))],
                _ if luck < 4 => "Quarantined",
                _ if luck < 9 => "Failed",
                _ if luck < 12 => "Pending",
                _ => "Delivered",
            };
            writeln!(
                out,
                "\"{at:.7}\",\"s{sender}@d{}.example\",\"u{}@client.example\",\"{subject}\",\"{status}\",\"\",\"203.0.113.{}\",\"{}\",\"<{message}.m@d{}.example>\",\"{message:08x}-2c35-4f68-a9e0-08de27a4e500\"",
                sender % 9_000,
                dice.skewed(60_000),
                sender % 250,
                2_000 + dice.below(90_000),
                sender % 9_000,
            )?;
        }
    }
    out.flush()
}
