//! How fast the headers of messages are read and decoded, beside mail-parser's bare speed on the same messages.
//!
//! ```sh
//! cargo bench -p sources --bench headers -- [--rounds 15] [FOLDER]
//! ```
//!
//! Without a folder it takes the public messages of `../shared/samples/phishing_pot` beside the workspace, and where they are
//! not, messages that it makes itself. Every round runs every contender once over all messages, on one thread; the table
//! gives the median time a message, and how it compares with mail-parser.
//!
//! mail-parser's whole parse goes through the body, too; its header-only parse is the nearer comparison, and both are shown.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use evidence::FileName;
use jiff::Timestamp;
use mail_parser::MessageParser;
use sources::{Clock, Input, NoProgress, Query, Source, Wanted, header_sheet};

/// How many messages are taken.
const MESSAGES: usize = 300;

fn main() {
    let (rounds, folder) = arguments();
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples/phishing_pot");
    let messages = match folder.or_else(|| beside.is_dir().then_some(beside)) {
        Some(folder) => read(&folder),
        None => {
            println!("no public messages beside the workspace: made ones are taken\n");
            made()
        }
    };
    let bytes: usize = messages.iter().map(Vec::len).sum();
    let header_bytes: usize = messages.iter().map(|message| header_len(message)).sum();
    println!(
        "{} messages, {:.1} KiB each, {:.1} KiB of it header; {rounds} rounds, one thread\n",
        messages.len(),
        bytes as f64 / 1024.0 / messages.len() as f64,
        header_bytes as f64 / 1024.0 / messages.len() as f64,
    );
    compare(&messages, rounds);
}

fn arguments() -> (usize, Option<PathBuf>) {
    let (mut rounds, mut folder) = (15, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(rounds),
            "--bench" => {}
            path => folder = Some(PathBuf::from(path)),
        }
    }
    (rounds, folder)
}

type Contender = (&'static str, fn(&[u8]) -> usize);

fn compare(messages: &[Vec<u8>], rounds: usize) {
    let contenders: [Contender; 5] = [
        ("mail-parser, whole message", whole),
        ("mail-parser, header only", header_only),
        ("header_sheet", sheet),
        ("facts", facts),
        ("header_sheet and facts", both),
    ];
    let mut times: [Vec<f64>; 5] = Default::default();
    for round in 0..=rounds {
        for (place, (_, run)) in contenders.iter().enumerate() {
            let start = Instant::now();
            let found: usize = messages.iter().map(|message| run(message)).sum();
            let took = start.elapsed().as_secs_f64();
            assert!(std::hint::black_box(found) > 0);
            // The first round fills caches and tables.
            if round > 0 {
                times[place].push(took);
            }
        }
    }
    let medians = times.map(median);
    println!(
        "| contender | microseconds a message | of mail-parser's speed, whole message | of its speed, header only |"
    );
    println!("|---|--:|--:|--:|");
    for ((name, _), time) in contenders.iter().zip(medians) {
        let each = time * 1e6 / messages.len() as f64;
        println!("| {name} | {each:.1} | {:.2} | {:.2} |", medians[0] / time, medians[1] / time);
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn whole(message: &[u8]) -> usize {
    MessageParser::default().parse(message).map_or(0, |message| message.parts.len())
}

fn header_only(message: &[u8]) -> usize {
    MessageParser::default().parse_headers(message).map_or(0, |message| message.headers().len())
}

fn sheet(message: &[u8]) -> usize {
    let input = Input { name: FileName::from("message.eml"), bytes: message };
    header_sheet(&input).map_or(0, |sheet| sheet.fields.iter().map(|field| 1 + field.decoded.len()).sum())
}

fn facts(message: &[u8]) -> usize {
    let clock = Clock {
        zone: jiff::tz::TimeZone::UTC,
        zone_label: "UTC".to_owned(),
        reference: "2026-08-20T00:00:00Z".parse::<Timestamp>().expect("an instant"),
    };
    let input = Input { name: FileName::from("message.eml"), bytes: message };
    let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
    let source: &dyn Source = sources::source("message/eml").expect("the kind is there");
    source.read(&input, &query).map_or(0, |reading| reading.observations.len())
}

fn both(message: &[u8]) -> usize {
    sheet(message) + facts(message)
}

/// The first messages of a folder, by name.
fn read(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "eml"));
    files.sort();
    files.truncate(MESSAGES);
    let bytes = |file: &PathBuf| fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    files.iter().map(bytes).collect()
}

/// Where the blank line stands that ends the header.
fn header_len(message: &[u8]) -> usize {
    let ends = [&b"\r\n\r\n"[..], b"\n\n"].into_iter().filter_map(|end| memchr::memmem::find(message, end));
    ends.min().unwrap_or(message.len())
}

/// Messages in the shape of Exchange Online's, of invented content.
fn made() -> Vec<Vec<u8>> {
    (0..MESSAGES as u64).map(|number| message(number).into_bytes()).collect()
}

fn message(number: u64) -> String {
    let key = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut text = String::new();
    for hop in 0..5 {
        let _ = write!(
            text,
            "Received: from host{hop}.sender.example (host{hop}.sender.example [192.0.2.{}])\r\n by mx{hop}.client.example (Postfix) \
             with ESMTPS id {:010X}\r\n (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384);\r\n Tue, 4 Aug 2026 08:{:02}:06 +0000\r\n",
            key % 255,
            key >> 24,
            50 - hop,
        );
    }
    let _ = write!(
        text,
        "Authentication-Results: spf=pass (sender IP is 192.0.2.7)\r\n smtp.mailfrom=sender.example; dkim=pass (signature was \
         verified)\r\n header.d=sender.example;dmarc=pass action=none\r\n header.from=sender.example;compauth=pass reason=100\r\n\
         X-Forefront-Antispam-Report:\r\n CIP:192.0.2.7;CTRY:DE;LANG:en;SCL:1;SRV:;IPV:NLI;SFV:NSPM;H:mx.sender.example;PTR:mx.sender.example;CAT:NONE;SFS:({key});DIR:INB;\r\n\
         X-Microsoft-Antispam: BCL:{};\r\nX-MS-Exchange-Organization-SCL: 1\r\nX-MS-Exchange-Organization-AuthAs: Anonymous\r\n\
         X-Microsoft-Antispam-Mailbox-Delivery:\r\n ucf:0;jmr:0;auth:0;dest:I;ENG:({key});\r\n\
         X-Spam-Status: No, score=0.1 required=5.0 tests=HTML_MESSAGE,SPF_PASS,DKIM_VALID\r\n autolearn=no version=3.4.6\r\n\
         From: Pat <pat@sender.example>\r\nTo: Kim <kim@client.example>\r\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= {number}\r\n\
         Date: Tue, 4 Aug 2026 08:45:00 +0000\r\nMessage-ID: <{key:x}@sender.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/html; charset=utf-8\r\n\r\n",
        number % 9,
    );
    for line in 0..200 {
        let _ = write!(
            text,
            "<p>Line {line} of message {number}, <b>bold</b> and <a href=\"https://shop.example/{key}\">a link</a></p>\r\n"
        );
    }
    text
}
