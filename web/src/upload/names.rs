//! Names of files that clients give, as they may stand on the disk: cites name evidence by them, and exports of two days are told apart by
//! them, so as much as possible is kept.

use std::collections::BTreeSet;

/// Folders within folders, with the file. Whoever reads evidence goes no deeper than 16, and its own folder stands above.
const MAX_PARTS: usize = 12;
/// The longest part, in bytes.
const MAX_PART_BYTES: usize = 120;
/// The longest name, in bytes.
const MAX_BYTES: usize = 600;
/// The longest ending that is kept when a part is cut, in bytes with its dot.
const MAX_ENDING_BYTES: usize = 16;

/// Names that some systems take for devices, whatever ending they have.
const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];

/// A name as it may stand below a folder of ours: parts between `/`, none of which leads elsewhere on any system.
///
/// # Errors
/// What was expected and found, if nothing is left of it, or if it is too deep or too long.
pub fn plain(given: &str) -> Result<String, String> {
    // Both are separators somewhere, and `..` is taken out rather than followed.
    let parts = given.split(['/', '\\']).map(str::trim).filter(|part| !matches!(*part, "" | "." | ".."));
    let parts: Vec<String> = parts.map(part).collect();
    let short = || given.chars().take(60).collect::<String>();
    if parts.is_empty() {
        return Err(format!("`{}`: expected the name of a file, found none", short()));
    }
    if parts.len() > MAX_PARTS {
        let found = parts.len();
        return Err(format!("`{}…`: expected at most {MAX_PARTS} folders in each other, found {found}", short()));
    }
    let name = parts.join("/");
    if name.len() > MAX_BYTES {
        let found = name.len();
        return Err(format!("`{}…`: expected a name of at most {MAX_BYTES} bytes, found {found}", short()));
    }
    Ok(name)
}

/// One part: a letter that a system takes for something else, or that nobody sees, becomes `_`.
fn part(text: &str) -> String {
    let kept: String = text.chars().map(|letter| if is_odd(letter) { '_' } else { letter }).collect();
    let mut kept = kept.trim_end_matches(['.', ' ']).to_owned();
    if kept.is_empty() {
        kept.push('_');
    }
    if is_device(&kept) {
        kept.insert(0, '_');
    }
    cut(&kept)
}

fn is_odd(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '<' | '>' | ':' | '"' | '|' | '?' | '*')
        // What is not seen, and what turns the direction of the letters behind it.
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let is_numbered = |word: &str| {
        let number = stem.strip_prefix(word).map(|rest| rest.chars().collect::<Vec<char>>());
        matches!(number.as_deref(), Some(['0'..='9' | '¹' | '²' | '³']))
    };
    DEVICES.contains(&stem.as_str()) || is_numbered("COM") || is_numbered("LPT")
}

/// A part that is not too long: its ending stays.
fn cut(part: &str) -> String {
    if part.len() <= MAX_PART_BYTES {
        return part.to_owned();
    }
    let ending = part.rfind('.').map_or("", |at| &part[at..]);
    let ending = if ending.len() <= MAX_ENDING_BYTES { ending } else { "" };
    let mut end = MAX_PART_BYTES - ending.len();
    while !part.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &part[..end])
}

/// The names of one upload: no two are the same, on systems that know no capital letters either, and none is a folder of another.
#[derive(Debug, Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// Gives a name away: a number stands before it if it was given away already.
    pub fn give(&mut self, name: &str) -> String {
        let numbered = (2_usize..).map(|number| format!("{number}-{name}"));
        let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| self.is_free(&name.to_lowercase()));
        let free = free.unwrap_or_default();
        self.0.insert(free.to_lowercase());
        free
    }

    /// Takes one back.
    pub fn take_back(&mut self, name: &str) {
        self.0.remove(&name.to_lowercase());
    }

    fn is_free(&self, name: &str) -> bool {
        let below = format!("{name}/");
        let is_folder = self.0.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below));
        let above = name.match_indices('/').map(|(at, _)| &name[..at]);
        !is_folder && !self.0.contains(name) && !above.into_iter().any(|folder| self.0.contains(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_kept() {
        for (given, kept) in [
            ("trace.csv", "trace.csv"),
            ("2026-11-18/rules before.json", "2026-11-18/rules before.json"),
            ("Über/größe.csv", "Über/größe.csv"),
            ("../../etc/passwd", "etc/passwd"),
            ("..\\..\\x.csv", "x.csv"),
            ("/etc/passwd", "etc/passwd"),
            ("C:\\Users\\kim\\trace.csv", "C_/Users/kim/trace.csv"),
            ("\\\\server\\share\\x", "server/share/x"),
            ("a//./b", "a/b"),
            ("a\0b\r\n.csv", "a_b__.csv"),
            ("fdp.\u{202e}vsc", "fdp._vsc"),
            ("<script>alert(1)</script>.csv", "_script_alert(1)_/script_.csv"),
            ("nul", "_nul"),
            ("Com1.csv", "_Com1.csv"),
            ("lpt¹", "_lpt¹"),
            ("console.csv", "console.csv"),
            ("log.", "log"),
            ("... ", "_"),
            ("a/...", "a/_"),
            ("x:stream", "x_stream"),
        ] {
            assert_eq!(plain(given).as_deref(), Ok(kept), "{given:?}");
        }
        let long = plain(&format!("{}.csv", "ü".repeat(400))).unwrap();
        assert!(long.len() <= MAX_PART_BYTES && long.ends_with("ü.csv"), "{long}");
    }

    #[test]
    fn names_that_cannot() {
        for (given, why) in [
            ("", "found none"),
            ("../..", "found none"),
            (&"a/".repeat(13), "12 folders"),
            (&format!("{}/", "b".repeat(110)).repeat(6), "600 bytes"),
        ] {
            assert!(plain(given).unwrap_err().contains(why), "{given}");
        }
    }

    #[test]
    fn no_two_are_the_same() {
        let mut names = Names::default();
        for (name, given) in [
            ("a/trace.csv", "a/trace.csv"),
            ("A/Trace.csv", "2-A/Trace.csv"),
            ("a/trace.csv", "3-a/trace.csv"),
            ("a", "4-a"),
            ("a/trace.csv/inner", "5-a/trace.csv/inner"),
            ("a/tracer.csv", "a/tracer.csv"),
        ] {
            assert_eq!(names.give(name), given);
        }
        names.take_back("A/TRACE.csv");
        assert_eq!(names.give("a/trace.csv"), "a/trace.csv");
    }
}
