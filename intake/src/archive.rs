//! Archives: zip with one level, and gzip of one file. Members are unpacked within a budget.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::bytes::{Bytes, Ungathered, gather};
use crate::{NO_ROOM, Opening};

/// Below this size a member's ratio says nothing.
const RATIO_FROM_BYTES: u64 = 1 << 20;

/// Whether the content is a zip archive.
pub(crate) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Parts that make a zip archive a document.
const DOCUMENT_PARTS: [&[u8]; 4] =
    [b"[Content_Types].xml", b"xl/workbook.xml", b"word/document.xml", b"META-INF/manifest.xml"];

/// Whether a zip archive is really a document (.xlsx, .docx, .ods): the reader of the file then says what to export instead.
pub(crate) fn is_office_file(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(4 << 10)];
    let end = &bytes[bytes.len().saturating_sub(64 << 10)..];
    let names = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|name| name == part);
    DOCUMENT_PARTS.iter().any(|part| names(start, part) || names(end, part))
}

impl Opening {
    /// Opens every member of a zip archive, by name; archives within it are refused.
    pub(crate) fn zip(&mut self, name: &str, bytes: &[u8]) {
        let mut archive = match ZipArchive::new(Cursor::new(bytes)) {
            Ok(archive) => archive,
            Err(error) => {
                return self.refuse(
                    name.to_owned(),
                    "a zip archive with its directory at the end",
                    error.to_string(),
                    "the file may be cut: fetch or pack it again",
                );
            }
        };
        let mut members: Vec<(String, usize)> = (0..archive.len())
            .map(|at| match archive.name_for_index(at) {
                Some(Ok(name)) => (label(&name), at),
                _ => (format!("member-{}", at + 1), at),
            })
            .filter(|(member, _)| !member.ends_with('/') && !member.is_empty())
            .collect();
        if members.is_empty() {
            return self.refuse(
                name.to_owned(),
                "a zip archive with files in it",
                "an archive without a file",
                "pack the files again",
            );
        }
        members.sort();
        for (member, at) in members {
            if self.is_full() {
                return self.refuse_rest(format!("{name}/{member}"));
            }
            self.member(&mut archive, at, format!("{name}/{member}"));
        }
    }

    fn member(&mut self, archive: &mut ZipArchive<Cursor<&[u8]>>, at: usize, name: String) {
        let expected = "a member that can be unpacked";
        let member = match archive.by_index(at) {
            Ok(member) => member,
            Err(ZipError::UnsupportedArchive(text)) if text.contains("assword") => {
                return self.refuse(name, expected, "an encrypted member", "unpack it with its password first");
            }
            Err(error) => {
                return self.refuse(
                    name,
                    expected,
                    error.to_string(),
                    "unpack the archive yourself and name the folder",
                );
            }
        };
        let packed = member.compressed_size();
        if let Some(bytes) = self.unpacked(&name, member, packed) {
            if is_zip(&bytes) && !is_office_file(&bytes) {
                return self.refuse(name, "evidence", "an archive within an archive", "unpack the inner archive first");
            }
            if bytes.starts_with(b"\x1f\x8b") {
                return self.gzip(name, &bytes);
            }
            self.add(name, bytes);
        }
    }

    /// Opens a gzip file, such as a rotated log; its name stays, because it is the file that was supplied.
    pub(crate) fn gzip(&mut self, name: String, bytes: &[u8]) {
        let reader = flate2::read::MultiGzDecoder::new(bytes);
        if let Some(inner) = self.unpacked(&name, reader, bytes.len() as u64) {
            if inner.starts_with(b"\x1f\x8b") || (is_zip(&inner) && !is_office_file(&inner)) {
                return self.refuse(name, "evidence", "an archive within an archive", "unpack the inner archive first");
            }
            self.add(name, inner);
        }
    }

    /// Unpacks within the ratio and what is left of the budget; the sizes that an archive claims are not believed.
    fn unpacked(&mut self, name: &str, reader: impl Read, packed: u64) -> Option<Bytes> {
        let by_ratio = packed.saturating_mul(self.limits.unpacked_ratio).max(RATIO_FROM_BYTES);
        let limit = by_ratio.min(self.budget);
        let refused = match gather(reader, limit, self.held_left) {
            Ok(bytes) => {
                self.budget -= bytes.len() as u64;
                self.held_left = self.held_left.saturating_sub(bytes.len() as u64);
                return Some(bytes);
            }
            Err(Ungathered::Stream(error)) => {
                ("a member that can be unpacked", error.to_string(), "the archive may be cut: fetch it again")
            }
            Err(Ungathered::NoRoom(error)) => ("room to unpack it", error.to_string(), NO_ROOM),
            Err(Ungathered::TooLong) if limit == self.budget => (
                "archives within the limit of what is unpacked",
                format!("more than {} bytes unpacked", self.limits.unpacked_bytes),
                "unpack it yourself and name the folder: files on disk are not limited",
            ),
            Err(Ungathered::TooLong) => (
                "data that packs as logs do",
                format!("{packed} bytes that unpack to more than {limit} (a zip bomb?)"),
                "if you trust it, unpack it yourself and name the folder",
            ),
        };
        self.refuse(name.to_owned(), refused.0, refused.1, refused.2);
        None
    }
}

/// A member's name as a label: `/` between parts; drive, root and `..` stay visible, they lead nowhere.
fn label(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_owned()
}
