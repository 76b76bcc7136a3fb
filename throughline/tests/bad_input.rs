//! Bad input, end to end: what is said about it, and that the rest is read all the same.
//!
//! Each row puts something bad beside one good message. The answer must name the file, the place, what was expected, what
//! was found and what to try; the good message is followed; the status is that of the contract.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use zip::write::{SimpleFileOptions, ZipWriter};

/// A run that takes longer hangs.
const HANG: Duration = Duration::from_secs(60);

const GOOD: &str = "Received: from mail.supplier.example (mail.supplier.example [192.0.2.7]) by mx1.example.com (Postfix) with ESMTPS \
                    id 4A1B2C3D4E for <ana@example.com>; Thu, 20 Aug 2026 09:14:17 +0000\r\nFrom: Billing <billing@supplier.example>\r\n\
                    To: ana@example.com\r\nSubject: Invoice 4711\r\nDate: Thu, 20 Aug 2026 09:14:02 +0000\r\nMessage-ID: \
                    <inv-4711@supplier.example>\r\n\r\nHello\r\n";

const COLUMNS: &str = "MessageId,Received,SenderAddress,RecipientAddress,Subject,Status,MessageTraceId\r\n";

/// A row of a message trace about the good message.
fn trace_row(received: &str, recipient: &str, status: &str) -> String {
    format!(
        "<inv-4711@supplier.example>,{received},billing@supplier.example,{recipient},Invoice 4711,{status},\
         6f1c0a52-0b1e-4c58-9a54-08de1a2b3c4d\r\n"
    )
}

fn trace(rows: &[String]) -> String {
    format!("{COLUMNS}{}", rows.concat())
}

fn good_row() -> String {
    trace_row("2026-08-20T09:14:20Z", "ana@example.com", "Delivered")
}

fn trace_object(received: &str) -> String {
    format!(
        "{{\"MessageId\":\"<inv-4711@supplier.example>\",\"Received\":\"{received}\",\"SenderAddress\":\"billing@supplier.example\",\
         \"RecipientAddress\":\"ana@example.com\",\"Subject\":\"Invoice 4711\",\"Status\":\"Delivered\",\
         \"MessageTraceId\":\"6f1c0a52-0b1e-4c58-9a54-08de1a2b3c4d\"}}"
    )
}

const LOG: &str = "2026-08-20T09:14:17.100000+00:00 mx1 postfix/smtpd[101]: 4A1B2C3D4E: client=mail.supplier.example[192.0.2.7]\n\
                   2026-08-20T09:14:17.200000+00:00 mx1 postfix/cleanup[102]: 4A1B2C3D4E: message-id=<inv-4711@supplier.example>\n\
                   2026-08-20T09:14:17.300000+00:00 mx1 postfix/qmgr[103]: 4A1B2C3D4E: from=<billing@supplier.example>, size=900, nrcpt=1 (queue active)\n\
                   2026-08-20T09:14:18.400000+00:00 mx1 postfix/lmtp[104]: 4A1B2C3D4E: to=<ana@example.com>, relay=192.0.2.9[192.0.2.9]:24, delay=1, delays=0.1/0/0.1/0.8, dsn=2.0.0, status=sent (250 2.0.0 <ana@example.com> Saved)\n\
                   2026-08-20T09:14:18.500000+00:00 mx1 postfix/qmgr[103]: 4A1B2C3D4E: removed\n";

/// One thing that goes wrong.
struct Row {
    name: &'static str,
    /// Puts it into the folder in which the good message lies.
    put: fn(&Path),
    /// What must be said about it, each somewhere in what is said about the evidence.
    said: &'static [&'static str],
}

fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    fs::write(folder.join(name), bytes).expect("written");
}

fn zipped<N: AsRef<str>>(members: impl IntoIterator<Item = (N, Vec<u8>)>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(name.as_ref(), SimpleFileOptions::default()).expect("a member");
        writer.write_all(&bytes).expect("its bytes");
    }
    writer.finish().expect("an archive").into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).expect("its bytes");
    writer.finish().expect("a gzip file")
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn cut(bytes: impl AsRef<[u8]>, off: usize) -> Vec<u8> {
    let bytes = bytes.as_ref();
    bytes[..bytes.len() - off].to_vec()
}

/// Text as EBCDIC (code page 037) would have it, near enough.
fn ebcdic(text: &str) -> Vec<u8> {
    let byte = |c: u8| match c {
        b'a'..=b'i' => c - b'a' + 0x81,
        b'j'..=b'r' => c - b'j' + 0x91,
        b's'..=b'z' => c - b's' + 0xA2,
        b'A'..=b'I' => c - b'A' + 0xC1,
        b'J'..=b'R' => c - b'J' + 0xD1,
        b'S'..=b'Z' => c - b'S' + 0xE2,
        b'0'..=b'9' => c - b'0' + 0xF0,
        b',' => 0x6B,
        b'\n' => 0x25,
        b'\r' => 0x0D,
        _ => 0x40,
    };
    text.bytes().map(byte).collect()
}

const MSG: &[u8] = include_bytes!("../../sources/src/message/msg/samples/transport_headers.msg");

const NOTHING: &[Row] = &[
    Row { name: "empty", put: |at| put(at, "bad.csv", ""), said: &["bad.csv: the file is empty", "export"] },
    Row { name: "white space", put: |at| put(at, "bad.csv", " \r\n\t\n"), said: &["bad.csv: the file is empty"] },
    Row { name: "zero bytes", put: |at| put(at, "bad.log", vec![0; 8192]), said: &["bad.log: the file is empty"] },
    Row {
        name: "header only",
        put: |at| put(at, "bad.csv", COLUMNS),
        said: &["bad.csv 0 rows", "bad.csv limit: no rows: nothing was found"],
    },
    Row {
        name: "empty answer",
        put: |at| put(at, "bad.json", "{\"value\":[]}"),
        said: &["bad.json: not recognised", "nothing was found; ask for a longer time"],
    },
];

const CUT: &[Row] = &[
    Row {
        name: "csv cut in a row",
        put: |at| put(at, "bad.csv", cut(trace(&[good_row(), good_row()]), 40)),
        said: &["bad.csv:3: expected 7 cells, found 6 cells", "export the file again, it may be cut"],
    },
    Row {
        name: "csv cut in quotes",
        put: |at| put(at, "bad.csv", format!("{COLUMNS}{}\"<x@y.example>,2026", good_row())),
        said: &["bad.csv:3: expected 7 cells, found 1 cells", "export the file again, it may be cut"],
    },
    Row {
        name: "stray quote in a cell",
        put: |at| {
            put(at, "bad.csv", trace(&[good_row(), good_row().replace("Invoice", "In\"voice"), good_row(), good_row()]))
        },
        said: &[
            "bad.csv:3: expected quotes around whole cells",
            "found a stray quote that joins 2 more lines to the row",
        ],
    },
    Row {
        name: "quote left open",
        put: |at| put(at, "bad.csv", trace(&[good_row(), good_row().replace("Invoice", "\"Invoice"), good_row()])),
        said: &["bad.csv:3: expected 7 cells, found 5 cells on 2 lines: a quote may be left open"],
    },
    Row {
        name: "json array cut",
        put: |at| {
            put(
                at,
                "bad.json",
                cut(
                    format!("[{},\n{}", trace_object("2026-08-20T09:14:20Z"), trace_object("2026-08-20T09:14:21Z")),
                    30,
                ),
            )
        },
        said: &["bad.json:2: expected a JSON object, found broken JSON", "export the file again"],
    },
    Row {
        name: "json line cut",
        put: |at| put(at, "bad.json", cut(format!("{0}\n{0}", trace_object("2026-08-20T09:14:20Z")), 30)),
        said: &["bad.json:2: expected a JSON object, found broken JSON", "export the file again"],
    },
    Row {
        name: "json object cut",
        put: |at| put(at, "bad.json", cut(trace_object("2026-08-20T09:14:20Z"), 30)),
        said: &[
            "bad.json:1: expected a JSON object, found broken JSON (EOF while parsing a string, at its character 229)",
            "export the file again",
        ],
    },
    Row { name: "eml cut in a header", put: |at| put(at, "0.eml", &GOOD[..150]), said: &["0.eml 1 rows"] },
    Row {
        name: "msg cut",
        put: |at| put(at, "bad.msg", &MSG[..12_000]),
        said: &[
            "bad.msg: byte 0: expected a sound compound file, found",
            "save the message again from Outlook, or fetch it as .eml",
        ],
    },
    Row {
        name: "msg cut to its first bytes",
        put: |at| put(at, "bad.msg", &MSG[..600]),
        said: &["bad.msg: not recognised; nearest kind is message/msg", "found a compound file", "this one may be cut"],
    },
    Row { name: "log cut in a line", put: |at| put(at, "bad.log", cut(LOG, 80)), said: &["bad.log 4 rows"] },
    Row {
        name: "log with a hole in front",
        put: |at| put(at, "bad.log", [vec![0; 100_000].as_slice(), b"\n", LOG.as_bytes()].concat()),
        said: &["bad.log 6 rows: 5 observed"],
    },
    Row {
        name: "gzip cut",
        put: |at| put(at, "bad.log.gz", cut(gzipped(LOG.as_bytes()), 30)),
        said: &["bad.log.gz: expected", "may be cut: fetch it again"],
    },
    Row {
        name: "zip cut",
        put: |at| put(at, "bad.zip", cut(zipped([("a.log", LOG.as_bytes().to_vec())]), 40)),
        said: &["bad.zip: expected a zip archive with its directory at the end", "may be cut"],
    },
    Row {
        name: "zip cut in front",
        put: |at| put(at, "bad.zip", &zipped([("a.log", LOG.as_bytes().to_vec())])[10..]),
        said: &["bad.zip: at byte 0: found binary data"],
    },
    Row {
        name: "zip with a member that is damaged",
        put: |at| {
            let mut bytes = zipped([("a.log", LOG.repeat(3).into_bytes()), ("b.log", LOG.as_bytes().to_vec())]);
            bytes[60] ^= 0xFF;
            put(at, "bad.zip", bytes);
        },
        said: &["bad.zip/a.log: expected", "bad.zip/b.log 5 rows"],
    },
];

const WRONG: &[Row] = &[
    Row {
        name: "picture",
        put: |at| put(at, "bad.png", [b"\x89PNG\r\n\x1a\n".as_slice(), &[0, 1, 2, 200].repeat(99)].concat()),
        said: &["bad.png: at byte 0: found a picture"],
    },
    Row {
        name: "program",
        put: |at| put(at, "bad", [b"\x7fELF\x02\x01\x01".as_slice(), &[0, 1, 2, 200].repeat(99)].concat()),
        said: &["bad: at byte 0: found a program"],
    },
    Row {
        name: "noise",
        put: |at| put(at, "bad.bin", (0..5000u32).map(|n| (n * n % 251) as u8).collect::<Vec<u8>>()),
        said: &["bad.bin: at byte 0: found binary data"],
    },
    Row {
        name: "sheet",
        put: |at| {
            put(
                at,
                "bad.csv",
                zipped([("[Content_Types].xml", b"<Types/>".to_vec()), ("xl/workbook.xml", b"<workbook/>".to_vec())]),
            )
        },
        said: &["bad.csv: at byte 0: found", ".xlsx", "save the sheet as CSV"],
    },
    Row {
        name: "sheet, its parts in another order",
        put: |at| {
            put(
                at,
                "bad.xlsx",
                zipped([
                    ("xl/workbook.xml", b"<workbook/>".to_vec()),
                    ("xl/worksheets/sheet1.xml", vec![b' '; 70_000]),
                    ("docProps/app.xml", vec![b' '; 9]),
                ]),
            )
        },
        said: &["bad.xlsx: at byte 0: found", ".xlsx", "save the sheet as CSV"],
    },
    Row {
        name: "old sheet",
        put: |at| put(at, "bad.xls", [b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".as_slice(), &[0; 4000]].concat()),
        said: &["bad.xls: not recognised", "found a compound file, such as .xls", "save a sheet as CSV"],
    },
    Row {
        name: "pdf",
        put: |at| put(at, "bad.pdf", "%PDF-1.7\n%\u{e2}\u{e3}\n1 0 obj\n"),
        said: &["bad.pdf: at byte 0: found a PDF", "export CSV or JSON"],
    },
    Row {
        name: "portal page",
        put: |at| {
            put(
                at,
                "bad.html",
                "<!DOCTYPE html>\n<html><head><title>Message trace</title></head><body><table><tr><td>Received</td></tr></table></body></html>\n",
            )
        },
        said: &["bad.html", "a web page", "export"],
    },
    Row {
        name: "Outlook data file",
        put: |at| put(at, "bad.pst", [b"!BDN\0\0\0\0SM\x17\0\x13\0\x01\x01".as_slice(), &[0; 4000]].concat()),
        said: &["bad.pst: at byte 0: found an Outlook data file (.pst, .ost)", "save the message"],
    },
    Row {
        name: "prose",
        put: |at| put(at, "bad.txt", "so much depends\nupon\n"),
        said: &["bad.txt: not recognised", "found `so much depends`", "throughline sources"],
    },
    Row {
        name: "another table",
        put: |at| put(at, "bad.csv", "Name,Price\nTea,3\n"),
        said: &["bad.csv: not recognised", "found `Name,Price`", "throughline sources"],
    },
    Row {
        name: "trace without a column",
        put: |at| put(at, "bad.csv", trace(&[good_row()]).replace("Status", "State")),
        said: &["bad.csv: not recognised; nearest kind is exchange-online/message-trace", "column `Status`"],
    },
    Row {
        name: "7-Zip",
        put: |at| put(at, "bad.7z", b"7z\xBC\xAF\x27\x1C\0\x04rubbish and more of it"),
        said: &["bad.7z: at byte 0: found", "unpack it first"],
    },
];

const ENCODED: &[Row] = &[
    Row {
        name: "UTF-32",
        put: |at| {
            put(
                at,
                "bad.csv",
                format!("\u{feff}{}", trace(&[good_row()]))
                    .chars()
                    .flat_map(|c| (c as u32).to_le_bytes())
                    .collect::<Vec<u8>>(),
            )
        },
        said: &["bad.csv: at byte 0: found UTF-32 text", "UTF-8"],
    },
    Row {
        name: "UTF-32, most significant byte first",
        put: |at| {
            put(at, "bad.csv", trace(&[good_row()]).chars().flat_map(|c| (c as u32).to_be_bytes()).collect::<Vec<u8>>())
        },
        said: &["bad.csv: at byte 0: found UTF-32 text", "UTF-8"],
    },
    Row {
        name: "UTF-16 without its mark, an odd number of bytes",
        put: |at| put(at, "bad.csv", cut(wide(&trace(&[good_row(), good_row()])), 1)),
        said: &["bad.csv 2 rows: 2 observed"],
    },
    Row {
        name: "EBCDIC",
        put: |at| put(at, "bad.csv", ebcdic(&trace(&[good_row()]))),
        said: &["bad.csv", "EBCDIC", "UTF-8"],
    },
    Row {
        name: "Latin-1 within UTF-8",
        put: |at| {
            put(
                at,
                "bad.csv",
                [
                    trace(&[good_row()]).into_bytes(),
                    good_row().replace("Invoice", "R\u{e9}sum\u{e9} \u{e9}").chars().map(|c| c as u8).collect(),
                ]
                .concat(),
            )
        },
        said: &["bad.csv 2 rows: 2 observed"],
    },
    Row {
        name: "half a character at the end",
        put: |at| put(at, "bad.csv", [trace(&[good_row()]).as_bytes(), b"\xE2\x82"].concat()),
        said: &["bad.csv:3: expected 7 cells"],
    },
];

const DATED: &[Row] = &[
    Row {
        name: "31 February",
        put: |at| {
            put(at, "bad.csv", trace(&[good_row(), trace_row("2026-02-31T09:14:20Z", "ana@example.com", "Delivered")]))
        },
        said: &[
            "1 row has no date that can be read, first bad.csv:3: `2026-02-31T09:14:20Z",
            "export again with dates as ISO 8601",
        ],
    },
    Row {
        name: "twelve hours",
        put: |at| put(at, "bad.csv", trace(&[trace_row("8/20/2026 9:14:20 AM", "ana@example.com", "Delivered")])),
        said: &["bad.csv 1 rows: 1 observed", "2026-08-20T09:14:20Z"],
    },
    Row {
        name: "year 0001",
        put: |at| {
            put(at, "bad.csv", trace(&[good_row(), trace_row("0001-01-01T00:00:00Z", "ana@example.com", "Delivered")]))
        },
        said: &[
            "1 row has no date that can be read, first bad.csv:3: `0001-01-01",
            "export again with dates as ISO 8601",
        ],
    },
    Row {
        name: "year 9999",
        put: |at| {
            put(at, "bad.csv", trace(&[good_row(), trace_row("9999-12-31T23:59:59Z", "ana@example.com", "Delivered")]))
        },
        said: &[
            "1 row has no date that can be read, first bad.csv:3: `9999-12-31",
            "export again with dates as ISO 8601",
        ],
    },
    Row {
        name: "epoch in seconds",
        put: |at| put(at, "bad.csv", trace(&[trace_row("1787217260", "ana@example.com", "Delivered")])),
        said: &["bad.csv 1 rows: 1 observed", "2026-08-20T09:14:20Z"],
    },
    Row {
        name: "epoch in milliseconds",
        put: |at| put(at, "bad.csv", trace(&[trace_row("1787217260000", "ana@example.com", "Delivered")])),
        said: &["bad.csv 1 rows: 1 observed", "2026-08-20T09:14:20Z"],
    },
    Row {
        name: "25 o'clock",
        put: |at| {
            put(at, "bad.csv", trace(&[good_row(), trace_row("2026-08-20T25:14:20Z", "ana@example.com", "Delivered")]))
        },
        said: &[
            "1 row has no date that can be read, first bad.csv:3: `2026-08-20T25:14:20Z",
            "export again with dates as ISO 8601",
        ],
    },
    Row {
        name: "30 February in a log",
        put: |at| {
            put(at, "bad.log", format!("{LOG}{}", "Feb 30 09:14:18 mx1 postfix/qmgr[103]: 4A1B2C3D4E: removed\n"))
        },
        said: &["bad.log 6 rows"],
    },
];

const LARGE: &[Row] = &[
    Row {
        name: "csv line of 10 MB",
        put: |at| {
            put(
                at,
                "bad.csv",
                trace(&[good_row(), trace_row("2026-08-20T09:14:20Z", "ana@example.com", &"x".repeat(10 << 20))]),
            )
        },
        said: &["bad.csv 2 rows: 2 observed"],
    },
    Row {
        name: "csv header of 10 MB",
        put: |at| put(at, "bad.csv", "column,".repeat(10 << 17)),
        said: &["bad.csv: not recognised"],
    },
    Row {
        name: "json line of 10 MB",
        put: |at| {
            let objects = vec![trace_object("2026-08-20T09:14:20Z"); 10];
            let other = trace_object("2026-08-20T09:14:20Z")
                .replace("inv-4711", "other")
                .replace("6f1c0a52", "7a2d1b63")
                .replace("Invoice", &"x".repeat(1 << 16));
            put(at, "bad.json", format!("[{},{}]", objects.join(","), vec![other; 160].join(",")));
        },
        said: &["bad.json 170 rows: 10 observed"],
    },
    Row {
        name: "json object of 10 MB",
        put: |at| put(at, "bad.json", trace_object("2026-08-20T09:14:20Z").replace("Invoice", &"x".repeat(10 << 20))),
        said: &[
            "bad.json: not recognised; nearest kind is exchange-online/message-trace: expected key `Status` in the first 64 KiB",
        ],
    },
    Row {
        name: "10 MB of brackets",
        put: |at| put(at, "bad.json", "[".repeat(10 << 20)),
        said: &["bad.json: not recognised"],
    },
    Row {
        name: "log line of 10 MB",
        put: |at| {
            put(
                at,
                "bad.log",
                format!("{LOG}2026-08-20T09:14:19+00:00 mx1 postfix/smtpd[1]: warning: {}\n", "x".repeat(10 << 20)),
            )
        },
        said: &["bad.log 6 rows: 5 observed"],
    },
    Row {
        name: "header line of 10 MB",
        put: |at| {
            put(at, "bad.eml", GOOD.replace("Message-ID", &format!("X-Long: {}\r\nMessage-ID", "x".repeat(10 << 20))))
        },
        said: &["bad.eml 8 rows: 6 observed", "bad.eml:6: expected a header field of at most 256 KiB"],
    },
    Row {
        name: "mail that goes round 1,500 times",
        put: |at| {
            let round = |n: u32| {
                let head = format!("2026-08-20T09:14:{:02}+00:00 mx1 postfix", 18 + n / 40);
                format!(
                    "{head}/cleanup[1]: {n:010X}: message-id=<inv-4711@supplier.example>\n{head}/smtp[2]: {n:010X}: \
                     to=<ana@example.com>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, dsn=2.0.0, status=sent (250 2.0.0 Ok: \
                     queued as {:010X})\n",
                    n + 1
                )
            };
            put(at, "bad.log", (0..1_500).map(|n| round(n + 16)).collect::<String>());
        },
        said: &["bad.log 3000 rows: 3000 observed"],
    },
    Row {
        name: "one line of 10 MB and no grammar",
        put: |at| put(at, "bad.txt", "x".repeat(10 << 20)),
        said: &["bad.txt: not recognised"],
    },
];

const ARCHIVES: &[Row] = &[
    Row {
        name: "zip bomb",
        put: |at| put(at, "bad.zip", zipped([("zeros.log", vec![0; 32 << 20])])),
        said: &["bad.zip/zeros.log: expected", "a zip bomb?", "unpack it yourself"],
    },
    Row {
        name: "gzip bomb",
        put: |at| put(at, "bad.gz", gzipped(&vec![0; 32 << 20])),
        said: &["bad.gz: expected", "a zip bomb?", "unpack it yourself"],
    },
    Row {
        name: "zip in a zip in a zip",
        put: |at| {
            put(
                at,
                "bad.zip",
                zipped([
                    ("b.zip", zipped([("c.zip", zipped([("d.log", LOG.as_bytes().to_vec())]))])),
                    ("x.log", LOG.as_bytes().to_vec()),
                ]),
            )
        },
        said: &[
            "bad.zip/b.zip: expected",
            "an archive within an archive",
            "unpack the inner archive first",
            "bad.zip/x.log 5 rows",
        ],
    },
    Row {
        name: "names that lead out",
        put: |at| {
            put(
                at,
                "bad.zip",
                zipped([("../../../tmp/out.log", LOG.as_bytes().to_vec()), ("/abs.log", b"Name,Price\n".to_vec())]),
            )
        },
        said: &["bad.zip/../../../tmp/out.log 5 rows", "bad.zip/abs.log: not recognised"],
    },
    Row {
        name: "names with commands to the terminal",
        put: |at| put(at, "bad.zip", zipped([("a\u{1b}[2J\n\u{202e}.csv", b"Name,Price\n".to_vec())])),
        said: &["\u{202e}.csv: not recognised"],
    },
    Row {
        name: "zip with 100,000 members",
        put: |at| put(at, "bad.zip", zipped((0..100_000).map(|n| (format!("{n:06}"), Vec::new())))),
        said: &["more than 10000 files", "name the folder of this ticket only"],
    },
    Row {
        name: "zip locked",
        put: |at| {
            let mut bytes = zipped([("a.log", LOG.as_bytes().to_vec())]);
            bytes[6] |= 1;
            let directory = bytes.windows(4).position(|at| at == b"PK\x01\x02").expect("a directory");
            bytes[directory + 8] |= 1;
            put(at, "bad.zip", bytes);
        },
        said: &["bad.zip/a.log: expected", "an encrypted member", "unpack it with its password first"],
    },
];

const NESTED: &[Row] = &[
    Row {
        name: "five thousand parts",
        put: |at| {
            put(at, "bad.eml", format!("{BOUNCE}{}--b--\n", "--b\nContent-Type: text/plain\n\nx\n".repeat(5_000)))
        },
        said: &["bad.eml:7: expected a bounce of at most 1000 parts, found 5001 part boundaries"],
    },
    Row {
        name: "five thousand multiparts",
        put: |at| {
            let mut text = BOUNCE.to_owned();
            (0..5_000).for_each(|n| {
                text.push_str(&format!("--b\nContent-Type: multipart/mixed; boundary=\"b{n}\"\n\n--b{n}\n"))
            });
            put(at, "bad.eml", text);
        },
        said: &["bad.eml:7: expected a bounce of at most 1000 parts, found 5001 nested messages and multiparts"],
    },
    Row {
        name: "five thousand messages in messages",
        put: |at| put(at, "bad.eml", format!("{BOUNCE}--b\n{}", "Content-Type: message/rfc822\n\n".repeat(5_000))),
        said: &["bad.eml:7: expected a bounce of at most 1000 parts, found 5001 nested messages and multiparts"],
    },
    Row {
        name: "mail-parser issue 14",
        put: |at| put(at, "bad.eml", include_bytes!("../../fuzz/seeds/message-bounce/mail-parser-issue-14.eml")),
        said: &["bad.eml 8 rows"],
    },
    Row {
        name: "mail-parser issue 63",
        put: |at| put(at, "bad.eml", include_bytes!("../../fuzz/seeds/message-bounce/mail-parser-issue-63.eml")),
        said: &["bad.eml 10 rows"],
    },
    Row {
        name: "mail-parser issue 120",
        put: |at| put(at, "bad.eml", include_bytes!("../../fuzz/seeds/message-bounce/mail-parser-issue-120.eml")),
        said: &["bad.eml 5 rows"],
    },
    Row {
        name: "mail-parser issue 145",
        put: |at| put(at, "bad.eml", include_bytes!("../../fuzz/seeds/message-bounce/mail-parser-issue-145.eml")),
        said: &["bad.eml 5 rows"],
    },
    Row {
        name: "mail-parser issue 155",
        put: |at| put(at, "bad.eml", include_bytes!("../../fuzz/seeds/message-bounce/mail-parser-issue-155.eml")),
        said: &["bad.eml 5 rows"],
    },
];

const BOUNCE: &str = "Return-Path: <>\nFrom: MAILER-DAEMON@example.com\nSubject: Undelivered Mail\nContent-Type: multipart/report; \
                      report-type=delivery-status;\n boundary=\"b\"\n\n";

const MIXED: &[Row] = &[
    Row {
        name: "one bad among good ones",
        put: |at| {
            put(at, "trace.csv", trace(&[good_row()]));
            put(at, "mail.log", LOG);
            put(at, "old.log.gz", gzipped(LOG.as_bytes()));
            put(at, "more.zip", zipped([("trace.json", trace_object("2026-08-20T09:14:20Z").into_bytes())]));
            put(at, "bad.pdf", "%PDF-1.7");
        },
        said: &[
            "bad.pdf: at byte 0: found a PDF",
            "trace.csv 1 rows: 1 observed",
            "mail.log 5 rows: 5 observed",
            "old.log.gz 5 rows: 5 observed",
            "more.zip/trace.json 1 rows: 1 observed",
        ],
    },
    Row {
        name: "a folder where a file was meant",
        put: |at| fs::create_dir(at.join("trace.csv")).expect("made"),
        said: &[],
    },
];

#[cfg(unix)]
const FILES: &[Row] = &[
    Row {
        name: "loop of folders",
        put: |at| {
            fs::create_dir(at.join("in")).expect("made");
            link(at, &at.join("in/up"));
        },
        said: &["in/up: expected each folder once", "a link to a folder that is read already", "remove the link"],
    },
    Row {
        name: "link to nothing",
        put: |at| link(&at.join("nothing"), &at.join("bad.csv")),
        said: &["bad.csv: expected a file that can be read, found no such file or folder", "check the path"],
    },
    Row {
        name: "link to itself",
        put: |at| link(&at.join("bad.csv"), &at.join("bad.csv")),
        said: &["bad.csv: expected a file that can be read"],
    },
    Row {
        name: "pipe",
        put: |at| assert!(Command::new("mkfifo").arg(at.join("bad.csv")).status().expect("mkfifo").success()),
        said: &["bad.csv: expected a file that can be read, found a pipe, socket or device", "copy its content"],
    },
    Row {
        name: "socket",
        put: |at| drop(std::os::unix::net::UnixListener::bind(at.join("s")).expect("bound")),
        said: &["s: expected a file that can be read, found a pipe, socket or device"],
    },
    Row {
        name: "device",
        put: |at| link(Path::new("/dev/zero"), &at.join("bad.csv")),
        said: &["bad.csv: expected a file that can be read, found a pipe, socket or device"],
    },
    Row {
        name: "name with commands to the terminal",
        put: |at| put(at, "a\u{1b}[2J\n\u{202e}.csv", "Name,Price\n"),
        said: &["\u{202e}.csv: not recognised"],
    },
    Row {
        name: "name that is no text",
        put: |at| {
            use std::os::unix::ffi::OsStrExt;
            fs::write(at.join(std::ffi::OsStr::from_bytes(b"b\xFFd.csv")), "Name,Price\n").expect("written");
        },
        said: &["b\u{fffd}d.csv: not recognised"],
    },
    Row {
        name: "folders 20 deep",
        put: |at| {
            fs::create_dir_all(at.join("d/".repeat(20))).expect("made");
            put(&at.join("d/".repeat(20)), "mail.log", LOG);
        },
        said: &["folders more than 16 deep", "name the inner folder itself"],
    },
];

#[cfg(unix)]
fn link(to: &Path, at: &Path) {
    std::os::unix::fs::symlink(to, at).expect("a link");
}

fn start(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end; ends it, and the test, if it hangs.
fn run(name: &str, arguments: &[&str]) -> Output {
    let child = start(arguments).spawn().expect("it runs");
    let process = child.id().to_string();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output().expect("it ends")));
    let output = receiver.recv_timeout(HANG).unwrap_or_else(|_| {
        let _ = Command::new("kill").args(["-9", &process]).status();
        panic!("{name}: still running after {HANG:?}")
    });
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0..=3)), "{name}: {:?}: {words}", output.status);
    for sign in ["panicked", "internal fault", "RUST_BACKTRACE", "\u{1b}", "\u{202e}"] {
        assert!(!words.contains(sign), "{name}: {words}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains(sign), "{name}: {sign:?} in the answer");
    }
    output
}

/// All that a report says about its evidence, one line a statement.
fn said(report: &Value) -> String {
    let mut lines = String::new();
    for file in report["evidence"].as_array().into_iter().flatten() {
        let word = |key: &str| file[key].as_str().unwrap_or("").to_owned();
        let name = word("file");
        match file["error"].as_str() {
            Some(error) => lines.push_str(&format!("{error}\n")),
            None => lines.push_str(&format!(
                "{name} {} rows: {} observed, {} problems, {} to {}\n",
                file["rows"],
                file["observed"],
                file["problems"],
                word("from"),
                word("to")
            )),
        }
        for problem in file["problem_rows"].as_array().into_iter().flatten() {
            let cite = &problem["cite"];
            let place = if cite["line"].is_null() { &cite["record"] } else { &cite["line"] };
            let (expected, found) = (&problem["expected"], &problem["found"]);
            let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
            lines.push_str(&format!("{name}:{place}: expected {}, found {}\n", text(expected), text(found)));
        }
        for limit in file["limits"].as_array().into_iter().flatten() {
            lines.push_str(&format!("{name} limit: {}\n", limit.as_str().unwrap_or("")));
        }
    }
    lines
}

fn report_of(name: &str, output: &Output) -> Value {
    let words = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{name}: {error}: {words}"))
}

fn is_followed(report: &Value) -> bool {
    report["message"]["message_id"] == "inv-4711@supplier.example" && report["message"]["sample"] == "a.eml"
}

fn is_large(folder: &Path) -> bool {
    let files = fs::read_dir(folder).expect("a folder").filter_map(|entry| entry.ok()?.metadata().ok());
    files.map(|file| file.len()).sum::<u64>() > 1 << 20
}

fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path();
        put(folder, "a.eml", GOOD);
        (row.put)(folder);
        let path = folder.to_string_lossy();
        let output = run(row.name, &["follow", &path, "--format", "json", "--now", "2026-08-21T00:00:00Z"]);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", row.name, String::from_utf8_lossy(&output.stderr)));
        let said = said(&report);
        if !is_followed(&report) {
            wrong.push(format!("{}: the good message is not followed: {}", row.name, report["message"]));
        }
        for words in row.said {
            if !said.contains(words) {
                wrong.push(format!("{}: `{words}` is not said:\n{said}", row.name));
            }
        }
        if !matches!(output.status.code(), Some(0 | 1)) || !output.stderr.is_empty() {
            wrong.push(format!("{}: {}", row.name, output.status));
        }
        // Alone, and for a terminal: in words, whatever they are. What is large is run once, for the sake of time.
        fs::remove_file(folder.join("a.eml")).expect("removed");
        if is_large(folder) {
            continue;
        }
        let alone = run(row.name, &["follow", &path]);
        if !matches!(alone.status.code(), Some(0 | 1)) && alone.stderr.is_empty() {
            wrong.push(format!("{}: alone: {} without a word", row.name, alone.status));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn nothing_in_it() {
    check(NOTHING);
}

#[test]
fn cut_short() {
    check(CUT);
}

#[test]
fn another_format() {
    check(WRONG);
}

#[test]
fn another_encoding() {
    check(ENCODED);
}

#[test]
fn odd_dates() {
    check(DATED);
}

#[test]
fn long_lines() {
    check(LARGE);
}

#[test]
fn hostile_archives() {
    check(ARCHIVES);
}

#[test]
fn nested_messages() {
    check(NESTED);
}

#[test]
fn one_among_many() {
    check(MIXED);
}

#[cfg(unix)]
#[test]
fn odd_files() {
    check(FILES);
}

/// Bad evidence and nothing else: the status of the contract, and the same words.
#[test]
fn alone() {
    for (name, file, bytes, status, words) in [
        ("empty", "bad.csv", Vec::new(), 3, "bad.csv: the file is empty"),
        ("msg cut", "bad.msg", MSG[..12_000].to_vec(), 3, "bad.msg: byte 0: expected a sound compound file"),
        ("sheet", "bad.xlsx", zipped([("xl/workbook.xml", b"<workbook/>".to_vec())]), 3, "save the sheet as CSV"),
        (
            "trace, header only",
            "bad.csv",
            COLUMNS.into(),
            2,
            "bad.csv: read as exchange-online/message-trace, but nothing in it names a message",
        ),
        (
            "json cut",
            "bad.json",
            cut(trace_object("2026-08-20T09:14:20Z"), 30),
            2,
            "expected a JSON object, found broken JSON",
        ),
        (
            "a part's header",
            "bad.eml",
            b"Content-Type: text/plain\n\nhello\n".to_vec(),
            2,
            "bad.eml: read as message/eml, but nothing in it names a message",
        ),
        (
            "two messages",
            "bad.csv",
            trace(&[good_row(), good_row().replace("inv-4711", "inv-4712")]).into_bytes(),
            2,
            "expected one message, found 2, among them",
        ),
        (
            "zip locked away",
            "bad.zip",
            zipped([("b.zip", zipped([("c", vec![b'x'])]))]),
            3,
            "an archive within an archive",
        ),
    ] {
        let root = tempfile::tempdir().expect("a folder");
        put(root.path(), file, bytes);
        let output = run(name, &["follow", &root.path().to_string_lossy()]);
        let found = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{name}: {found}");
        assert!(found.contains(words) && output.stdout.is_empty(), "{name}: {found}");
    }
}

/// What is named beside the good message, or instead of it.
#[test]
fn paths() {
    let root = tempfile::tempdir().expect("a folder");
    put(root.path(), "a.eml", GOOD);
    fs::create_dir(root.path().join("empty")).expect("made");
    let path = |name: &str| root.path().join(name).to_string_lossy().into_owned();
    let (good, missing, empty) = (path("a.eml"), path("missing.csv"), path("empty"));
    for (name, arguments, status, words) in [
        ("nothing named", vec![], 2, "PATH"),
        (
            "missing",
            vec![&missing],
            3,
            "missing.csv: expected a file or folder, found no such file or folder. check the path",
        ),
        ("empty folder", vec![&empty], 3, "expected at least one file, found none. Name a folder with exports in it"),
        ("missing beside good", vec![&good, &missing], 1, "missing.csv: expected a file or folder, found no such file"),
        ("empty folder beside good", vec![&good, &empty], 1, ""),
        ("good twice", vec![&good, &good], 1, "a.eml (2) 7 rows"),
    ] {
        let arguments = arguments.iter().map(|argument| argument.as_str());
        let arguments: Vec<&str> = ["follow", "--format", "json"].into_iter().chain(arguments).collect();
        let output = run(name, &arguments);
        assert_eq!(output.status.code(), Some(status), "{name}");
        let found = if status == 1 {
            let report = report_of(name, &output);
            assert!(is_followed(&report), "{name}: {}", report["message"]);
            said(&report)
        } else {
            assert!(output.stdout.is_empty(), "{name}");
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        assert!(found.contains(words), "{name}: {found}");
    }
}

/// Ends the other thread, also if a run fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A file comes and goes while the folder is read: it is read, or said to be gone.
#[test]
fn a_file_that_vanishes() {
    let root = tempfile::tempdir().expect("a folder");
    put(root.path(), "a.eml", GOOD);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                put(root.path(), "bad.csv", trace(&[good_row()]));
                let _ = fs::remove_file(root.path().join("bad.csv"));
            }
        });
        let stop = Stop(&done);
        let reports: Vec<Value> = (0..20)
            .map(|_| {
                report_of("vanishes", &run("vanishes", &["follow", &root.path().to_string_lossy(), "--format", "json"]))
            })
            .collect();
        drop(stop);
        for report in reports {
            assert!(is_followed(&report), "{}", report["message"]);
            let said = said(&report);
            let is_told = [
                "bad.csv 1 rows: 1 observed",
                "found no such file or folder",
                "the file is empty",
                "bad.csv: not recognised",
            ]
            .iter()
            .any(|words| said.contains(words));
            assert!(is_told || !said.contains("bad.csv"), "{said}");
        }
    });
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().expect("a folder");
    put(root.path(), "a.eml", GOOD);
    put(root.path(), "bad.csv", trace(&[good_row()]));
    let bad = root.path().join("bad.csv");
    fs::set_permissions(&bad, fs::Permissions::from_mode(0o000)).expect("set");
    if fs::read(&bad).is_ok() {
        println!("SKIPPED: this user may read everything");
        return;
    }
    let report = report_of("secret", &run("secret", &["follow", &root.path().to_string_lossy(), "--format", "json"]));
    assert!(is_followed(&report));
    assert!(
        said(&report).contains("bad.csv: expected a file that can be read, found a file that this user may not read")
    );
}
