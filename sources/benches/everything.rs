//! How fast every row of a file is read, beside a bare scan and a bare parse of the same file.
//!
//! ```sh
//! cargo bench -p sources --bench everything -- [--rounds 7] [FILE...]
//! ```
//!
//! Without files it makes one of each large kind, in `target/everything`, from invented traffic. Every round runs every
//! contender once; the table gives the median speed in GB/s of each, and the ratio of ours to the bare parse, on one
//! thread and on all.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use evidence::FileName;
use jiff::Timestamp;
use sources::{Clock, Input, NoProgress, Query, Source, Wanted, recognise};

/// Size of the files that are made, in bytes.
const MADE_BYTES: usize = 128 << 20;

fn main() {
    let (rounds, files) = arguments();
    let files = if files.is_empty() { made() } else { files };
    println!("{rounds} rounds, {} threads\n", rayon::current_num_threads());
    println!(
        "| file | kind | MiB | rows | scan GB/s | bare parse GB/s | one thread GB/s | of bare | all threads GB/s | of bare |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for file in files {
        compare(&file, rounds);
    }
}

fn arguments() -> (usize, Vec<PathBuf>) {
    let (mut rounds, mut files) = (7, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(rounds),
            "--bench" => {}
            file => files.push(PathBuf::from(file)),
        }
    }
    (rounds, files)
}

fn compare(file: &Path, rounds: usize) {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = recognise(&bytes, &name).unwrap_or_else(|error| panic!("{error}"));
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let mut times: [Vec<f64>; 4] = Default::default();
    let mut rows = 0;
    for _ in 0..rounds {
        times[0].push(timed(|| memchr::memchr_iter(b'\n', &bytes).count() as u64));
        times[1].push(timed(|| bare_parse(&bytes)));
        times[2].push(timed(|| one.install(|| read_all(source, &name, &bytes).0)));
        times[3].push(timed(|| {
            let (facts, all) = read_all(source, &name, &bytes);
            rows = all;
            facts
        }));
    }
    let [scan, bare, single, all] = times.map(|times| bytes.len() as f64 / 1e9 / median(times));
    println!(
        "| {name} | {} | {} | {rows} | {scan:.2} | {bare:.2} | {single:.3} | {:.2} | {all:.3} | {:.2} |",
        source.id(),
        bytes.len() >> 20,
        single / bare,
        all / bare,
    );
}

fn timed(run: impl FnOnce() -> u64) -> f64 {
    let start = Instant::now();
    std::hint::black_box(run());
    start.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Reads every row; the number of facts, and of rows.
fn read_all(source: &dyn Source, name: &str, bytes: &[u8]) -> (u64, u64) {
    let clock = Clock {
        zone: jiff::tz::TimeZone::UTC,
        zone_label: "UTC".to_owned(),
        reference: "2026-08-20T00:00:00Z".parse::<Timestamp>().expect("an instant"),
    };
    let input = Input { name: FileName::from(name), bytes };
    let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
    let (mut facts, mut rows) = (0, 0);
    source
        .read_in_parts(&input, &query, &mut |part| {
            facts += part.observations.len() as u64;
            rows += part.rows;
        })
        .unwrap_or_else(|error| panic!("{error}"));
    (facts, rows)
}

/// The least that any reader has to do: cells of a CSV, values of JSON lines, words of a log; thrown away at once.
fn bare_parse(bytes: &[u8]) -> u64 {
    match bytes.first() {
        Some(b'"') => {
            let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
            let mut record = csv::ByteRecord::new();
            let mut cells = 0;
            while reader.read_byte_record(&mut record).unwrap_or(false) {
                cells += record.len() as u64;
            }
            cells
        }
        Some(b'{') => {
            let mut buffers = simd_json::Buffers::default();
            let mut line = Vec::new();
            let mut values = 0;
            for text in bytes.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
                line.clear();
                line.extend_from_slice(text);
                values +=
                    simd_json::to_tape_with_buffers(&mut line, &mut buffers).map_or(0, |tape| tape.0.len() as u64);
            }
            values
        }
        _ => String::from_utf8_lossy(bytes).lines().map(|line| line.split(' ').count() as u64).sum(),
    }
}

/// Writes one row, or the lines of one message, by its number.
type Writer = fn(&mut String, u64);

/// One file of each large kind.
fn made() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/everything");
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let kinds: [(&str, &str, Writer); 5] = [
        ("trace.csv", TRACE_HEADER, trace_row),
        ("trace.jsonl", "", trace_line),
        ("audit.csv", AUDIT_HEADER, audit_row),
        ("siem.jsonl", "", siem_line),
        ("mail.log", "", log_lines),
    ];
    let mut files = Vec::new();
    for (name, header, row) in kinds {
        let file = folder.join(name);
        if !file.is_file() {
            let mut text = header.to_owned();
            let mut number = 0;
            while text.len() < MADE_BYTES {
                row(&mut text, number);
                number += 1;
            }
            fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
        files.push(file);
    }
    files
}

const TRACE_HEADER: &str = "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\"\n";
const AUDIT_HEADER: &str = "\"CreationDate\",\"UserIds\",\"Operations\",\"AuditData\"\n";
const STATUSES: [&str; 4] = ["Delivered", "Failed", "FilteredAsSpam", "Quarantined"];

/// Digits that differ from row to row.
fn digits(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31)
}

fn clock_time(number: u64) -> String {
    format!(
        "2026-11-{:02}T{:02}:{:02}:{:02}",
        1 + number / 86_400 % 28,
        number / 3600 % 24,
        number / 60 % 60,
        number % 60
    )
}

fn guid(number: u64) -> String {
    let (high, low) = (digits(number), digits(number + 7));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFF,
        low >> 52,
        low & 0xFFFF_FFFF_FFFF
    )
}

fn trace_row(text: &mut String, number: u64) {
    let (status, key) = (STATUSES[(digits(number) % 4) as usize], digits(number));
    let _ = writeln!(
        text,
        "\"{}.0480000Z\",\"billing{}@partner{}.example\",\"user{}@client.example\",\"Order {key:x} is ready\",\"{status}\",\"\",\"192.0.2.{}\",\"{}\",\"<{key:016x}@mail.partner.example>\",\"{}\"",
        clock_time(number),
        key % 97,
        key % 1009,
        key % 4001,
        key % 255,
        key % 90_000,
        guid(number),
    );
}

fn trace_line(text: &mut String, number: u64) {
    let (status, key) = (STATUSES[(digits(number) % 4) as usize], digits(number));
    let _ = writeln!(
        text,
        "{{\"Received\":\"{}.0480000Z\",\"SenderAddress\":\"billing{}@partner{}.example\",\"RecipientAddress\":\"user{}@client.example\",\"Subject\":\"Order {key:x} is ready\",\"Status\":\"{status}\",\"ToIP\":null,\"FromIP\":\"192.0.2.{}\",\"Size\":{},\"MessageId\":\"<{key:016x}@mail.partner.example>\",\"MessageTraceId\":\"{}\"}}",
        clock_time(number),
        key % 97,
        key % 1009,
        key % 4001,
        key % 255,
        key % 90_000,
        guid(number),
    );
}

fn audit_row(text: &mut String, number: u64) {
    let key = digits(number);
    let (operation, workload) = [
        ("MailItemsAccessed", "Exchange"),
        ("Set-TransportRule", "Exchange"),
        ("UserLoggedIn", "AzureActiveDirectory"),
        ("New-InboxRule", "Exchange"),
    ][(key % 4) as usize];
    let data = format!(
        "{{\"CreationTime\":\"{}\",\"Id\":\"{}\",\"Operation\":\"{operation}\",\"OrganizationId\":\"{}\",\"RecordType\":{},\"ResultStatus\":\"True\",\"UserKey\":\"100320{:x}\",\"UserType\":2,\"Version\":1,\"Workload\":\"{workload}\",\"ClientIP\":\"192.0.2.{}\",\"ObjectId\":\"Rule {}\",\"UserId\":\"admin{}@client.example\",\"Parameters\":[{{\"Name\":\"Identity\",\"Value\":\"Rule {}\"}},{{\"Name\":\"SetSCL\",\"Value\":\"-1\"}}]}}",
        clock_time(number),
        guid(number),
        guid(1),
        if key % 4 == 2 { 15 } else { 1 },
        key,
        key % 255,
        key % 50,
        key % 9,
        key % 50,
    );
    let _ = writeln!(
        text,
        "\"{}.0000000Z\",\"admin{}@client.example\",\"{operation}\",\"{}\"",
        clock_time(number),
        key % 9,
        data.replace('"', "\"\"")
    );
}

fn siem_line(text: &mut String, number: u64) {
    let key = digits(number);
    let _ = writeln!(
        text,
        "{{\"datetime\":\"{}+0000\",\"aCode\":\"{:022x}\",\"acc\":\"C0A0\",\"Sender\":\"billing{}@partner.example\",\"headerFrom\":\"billing{}@partner.example\",\"Rcpt\":\"user{}@client.example\",\"MsgId\":\"<{key:016x}@mail.partner.example>\",\"Subject\":\"Order {key:x} is ready\",\"Act\":\"Acc\",\"IP\":\"192.0.2.{}\",\"Dir\":\"Inbound\",\"TlsVer\":\"TLSv1.3\",\"Cphr\":\"TLS_AES_256_GCM_SHA384\",\"SpamScore\":{},\"SpamProcessingDetail\":\"{{\\\"spf\\\":{{\\\"info\\\":\\\"ALLOW\\\",\\\"allow\\\":true}},\\\"dkim\\\":{{\\\"info\\\":\\\"ALLOW\\\",\\\"allow\\\":true}}}}\"}}",
        clock_time(number),
        key,
        key % 97,
        key % 97,
        key % 4001,
        key % 255,
        key % 30,
    );
}

fn log_lines(text: &mut String, number: u64) {
    let key = digits(number);
    let at = clock_time(number);
    let id = format!("{:010X}", key & 0xFF_FFFF_FFFF);
    let _ = write!(
        text,
        "{at}.000000+00:00 mx1 postfix/smtpd[311]: connect from mail.partner.example[192.0.2.{0}]\n\
         {at}.100000+00:00 mx1 postfix/smtpd[311]: {id}: client=mail.partner.example[192.0.2.{0}]\n\
         {at}.150000+00:00 mx1 postfix/cleanup[312]: {id}: message-id=<{key:016x}@mail.partner.example>\n\
         {at}.200000+00:00 mx1 postfix/qmgr[290]: {id}: from=<billing{1}@partner.example>, size={2}, nrcpt=1 (queue active)\n\
         {at}.600000+00:00 mx1 postfix/smtp[315]: {id}: to=<user{3}@client.example>, relay=mx.client.example[198.51.100.9]:25, delay=0.6, delays=0.2/0/0.2/0.2, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4Z{1})\n\
         {at}.610000+00:00 mx1 postfix/qmgr[290]: {id}: removed\n",
        key % 255,
        key % 97,
        key % 90_000,
        key % 4001,
    );
}
