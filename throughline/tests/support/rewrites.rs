//! Ways to write the same evidence differently: other orders, doubled rows, more files, other line ends, another encoding.

use super::Evidence;

/// Rewrites one evidence file into one or more; `None` if the transformation does not apply to its kind.
pub type Rewrite = fn(&Evidence) -> Option<Vec<Evidence>>;

pub const REWRITES: [(&str, Rewrite); 8] = [
    ("rows reversed", |file| reordered(file, |rows| rows.reverse())),
    ("rows shuffled (1)", |file| reordered(file, |rows| shuffle(rows, 1))),
    ("rows shuffled (2)", |file| reordered(file, |rows| shuffle(rows, 2))),
    ("rows doubled", |file| reordered(file, |rows| rows.extend_from_within(..))),
    ("each row doubled in place", |file| {
        reordered(file, |rows| *rows = rows.iter().flat_map(|row| [row.clone(), row.clone()]).collect())
    }),
    ("files split", split),
    ("CRLF", |file| Some(vec![Evidence { crlf: true, ..file.clone() }])),
    ("UTF-16LE", |file| {
        matches!(file.kind.as_str(), "csv" | "json" | "log").then(|| vec![Evidence { utf16: true, ..file.clone() }])
    }),
];

/// A file's text as rows between what stands before and after them.
pub struct Rows {
    before: String,
    pub rows: Vec<String>,
    between: &'static str,
    after: String,
}

impl Rows {
    /// The rows of a file whose kind has rows that may stand in any order.
    fn of(file: &Evidence) -> Option<Rows> {
        let text = file.text.as_str();
        match file.kind.as_str() {
            "csv" => {
                let typed = text.lines().next().filter(|line| line.starts_with("#TYPE"));
                let heads = 1 + usize::from(typed.is_some());
                Some(Rows::lines(text, heads))
            }
            "log" => Some(Rows::lines(text, 0)),
            "json" if text.lines().all(|line| line.starts_with('{') && line.ends_with('}')) => {
                Some(Rows::lines(text, 0))
            }
            "json" => Rows::elements(text),
            _ => None,
        }
    }

    fn lines(text: &str, heads: usize) -> Rows {
        let all: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
        let (before, rows) = all.split_at(heads.min(all.len()));
        Rows { before: before.concat(), rows: rows.to_vec(), between: "", after: String::new() }
    }

    /// The objects of the first array that stands at the top or directly in the top object, each with its white space.
    pub fn elements(text: &str) -> Option<Rows> {
        let mut depth = Vec::new();
        let (mut quoted, mut escaped, mut inside) = (false, false, None);
        let (mut start, mut from, mut rows) = (0, 0, Vec::new());
        for (at, char) in text.char_indices() {
            if quoted {
                (quoted, escaped) = (escaped || char != '"', !escaped && char == '\\');
                continue;
            }
            match char {
                '"' => quoted = true,
                '{' | '[' => {
                    depth.push(char);
                    if char == '[' && inside.is_none() && depth.len() <= 2 {
                        (inside, start, from) = (Some(depth.len()), at + 1, at + 1);
                    }
                }
                ',' if inside == Some(depth.len()) => {
                    rows.push(text.get(from..at)?.to_owned());
                    from = at + 1;
                }
                ']' if inside == Some(depth.len()) => {
                    rows.push(text.get(from..at)?.trim_end().to_owned());
                    let tail = from + rows.last()?.len();
                    return Some(Rows {
                        before: text.get(..start)?.to_owned(),
                        rows,
                        between: ",",
                        after: text.get(tail..)?.to_owned(),
                    });
                }
                '}' | ']' => {
                    depth.pop();
                }
                _ => {}
            }
        }
        None
    }

    pub fn text(&self, rows: &[String]) -> String {
        format!("{}{}{}", self.before, rows.join(self.between), self.after)
    }
}

fn reordered(file: &Evidence, change: impl Fn(&mut Vec<String>)) -> Option<Vec<Evidence>> {
    let rows = Rows::of(file)?;
    let mut changed = rows.rows.clone();
    change(&mut changed);
    Some(vec![Evidence { text: rows.text(&changed), ..file.clone() }])
}

/// Every second row goes into a second file.
fn split(file: &Evidence) -> Option<Vec<Evidence>> {
    let rows = Rows::of(file)?;
    if rows.rows.len() < 2 {
        return None;
    }
    let half = |which: usize| -> Evidence {
        let part: Vec<String> =
            rows.rows.iter().enumerate().filter(|(at, _)| at % 2 == which).map(|(_, row)| row.clone()).collect();
        Evidence { name: format!("part{which}-{}", file.name), text: rows.text(&part), ..file.clone() }
    };
    Some(vec![half(0), half(1)])
}

/// A fixed order that depends on nothing but the seed (a linear congruential generator, Fisher and Yates' shuffle).
fn shuffle(rows: &mut [String], seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for at in (1..rows.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rows.swap(at, (state >> 33) as usize % (at + 1));
    }
}
