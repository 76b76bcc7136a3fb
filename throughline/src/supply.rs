//! What was supplied: the files, opened once, and the rows about one message read from them.

use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use case::EvidenceFile as Added;
use intake::{Evidence, HASHED_MAX_BYTES, Limits, Refusal};
use report::EvidenceFile;
use sha2::{Digest as _, Sha256};
use sources::{
    Candidate, Clock, Input, Message, NoProgress, Progress, Query, Readings, Sightings, Sought, Unclear, Wanted,
};

use crate::failure::Failure;
use crate::progress::Meter;

/// All files that were named, opened or refused.
pub struct Supply {
    evidence: Evidence,
}

/// Which files are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashed {
    /// All.
    All,
    /// Those that are not large.
    Small,
}

impl Hashed {
    /// By the option `--hash-all`.
    pub fn by(hash_all: bool) -> Hashed {
        if hash_all { Hashed::All } else { Hashed::Small }
    }
}

impl Supply {
    /// Opens what the user named.
    pub fn open(paths: &[PathBuf]) -> Supply {
        Supply { evidence: intake::open(paths, Limits::default()) }
    }

    /// The same without the files that these paths name: what is asked about is no evidence of itself.
    #[must_use]
    pub fn without(mut self, paths: &[&Path]) -> Supply {
        let is_named = |file: &Path| paths.iter().any(|path| *path != Path::new("-") && is_within(file, path));
        self.evidence.files.retain(|file| !is_named(&file.path));
        self
    }

    /// The same with only those files whose names pass.
    #[must_use]
    pub fn keeping(mut self, is_kept: impl Fn(&str) -> bool) -> Supply {
        self.evidence.files.retain(|file| is_kept(&file.name));
        self.evidence.refused.retain(|refusal| is_kept(&refusal.file));
        self
    }

    /// The same with only those files on the disk that are as they were added to a case: at a path with this size and SHA-256. What was
    /// altered since, or is gone, is refused. Of files over [`HASHED_MAX_BYTES`] only the size is compared.
    #[must_use]
    pub fn unaltered(mut self, added: &[(PathBuf, &Added)]) -> Supply {
        let altered = added.iter().filter_map(|(path, file)| Some((path, file, alteration(path, file)?)));
        let altered: HashMap<&Path, Refusal> = altered
            .map(|(path, file, found)| {
                let expected = format!("the file as it was added, {} bytes, SHA-256 {}", file.bytes, file.sha256);
                let hint =
                    "`throughline case verify-journal` says what else was altered; add the export anew".to_owned();
                (path.as_path(), Refusal { file: file.name.clone(), expected, found, hint })
            })
            .collect();
        self.evidence.files.retain(|file| !altered.contains_key(file.path.as_path()));
        let mut refused: Vec<Refusal> = altered.into_values().collect();
        refused.sort_by(|a, b| a.file.cmp(&b.file));
        self.evidence.refused.extend(refused);
        self
    }

    /// The files, for reading.
    pub fn inputs(&self) -> Vec<Input<'_>> {
        self.evidence.files.iter().map(input).collect()
    }

    /// The files that a path of the command line holds.
    pub fn within(&self, path: &Path) -> Vec<Input<'_>> {
        self.evidence.files.iter().filter(|file| is_within(&file.path, path)).map(input).collect()
    }

    /// Asks that some file is of a kind that is read: without one no further question comes up.
    ///
    /// # Errors
    /// [`Failure::NothingReadable`] if none is.
    pub fn require_readable(&self, inputs: &[Input<'_>]) -> Result<(), Failure> {
        let mut unread = Vec::new();
        for input in inputs {
            match sources::recognise(input.bytes, &input.name) {
                Ok(_) => return Ok(()),
                Err(error) => unread.push(error.to_string()),
            }
        }
        unread.extend(self.evidence.refused.iter().map(ToString::to_string));
        Err(Failure::NothingReadable(unread))
    }

    /// Reads the rows about one message from `inputs`, which are files of this supply.
    ///
    /// # Errors
    /// [`Failure`] if nothing can be read, if the message is not singled out, or if the user stopped it.
    pub fn read(&self, inputs: &[Input<'_>], message: Message, clock: &Clock) -> Result<Readings, Failure> {
        let meter = Meter::start(inputs.iter().map(|input| input.bytes.len() as u64).sum());
        let readings = self.read_with(inputs, message, clock, &meter);
        meter.finish();
        readings
    }

    /// Reads like [`Supply::read`], watched by somebody else.
    ///
    /// # Errors
    /// As [`Supply::read`].
    pub fn read_with(
        &self,
        inputs: &[Input<'_>],
        message: Message,
        clock: &Clock,
        progress: &dyn Progress,
    ) -> Result<Readings, Failure> {
        let readings = sources::read_all(inputs, message, clock, progress);
        if progress.is_cancelled() {
            return Err(Failure::Stopped);
        }
        self.require_readable(inputs)?;
        readings.map_err(|unclear| which_message(unclear, inputs, &self.evidence, clock))
    }

    /// Finds the messages that fit in `inputs`, which are files of this supply.
    ///
    /// # Errors
    /// [`Failure::Stopped`] if the user stopped it.
    pub fn find(&self, inputs: &[Input<'_>], sought: &Sought, clock: &Clock) -> Result<Sightings, Failure> {
        let meter = Meter::start(inputs.iter().map(|input| input.bytes.len() as u64).sum());
        let found = sources::find(inputs, sought, clock, &meter);
        meter.finish();
        if meter.is_cancelled() { Err(Failure::Stopped) } else { Ok(found) }
    }

    /// SHA-256 of the files by name.
    pub fn hashes(&self, hashed: Hashed) -> HashMap<String, String> {
        let hash = |file: &intake::Opened| match hashed {
            Hashed::All => Some(file.sha256()),
            Hashed::Small => file.sha256_if_small(),
        };
        self.evidence.files.iter().filter_map(|file| Some((file.name.to_string(), hash(file)?))).collect()
    }

    /// Files that could not be opened, as rows of the evidence table.
    pub fn refused(&self) -> impl Iterator<Item = EvidenceFile> {
        self.evidence.refused.iter().map(|refusal| EvidenceFile {
            file: refusal.file.clone(),
            error: Some(refusal.to_string()),
            ..EvidenceFile::default()
        })
    }
}

/// How a file differs from what was added; `None` if it does not.
fn alteration(path: &Path, added: &Added) -> Option<String> {
    let read = |error: std::io::Error| {
        if error.kind() == ErrorKind::NotFound { "no such file".to_owned() } else { error.to_string() }
    };
    let bytes = match path.metadata() {
        Ok(kind) => kind.len(),
        Err(error) => return Some(read(error)),
    };
    if bytes != added.bytes {
        return Some(format!("{bytes} bytes"));
    }
    if bytes > HASHED_MAX_BYTES {
        return None;
    }
    let mut hash = Sha256::new();
    let copied = File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hash));
    let sha256: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    match copied {
        Err(error) => Some(read(error)),
        Ok(_) => (sha256 != added.sha256).then(|| format!("SHA-256 {sha256}")),
    }
}

fn input(file: &intake::Opened) -> Input<'_> {
    Input { name: file.name.clone(), bytes: &file.bytes }
}

/// Whether a file is the one that a path names, or lies in the folder that it names.
pub fn is_within(file: &Path, path: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    file.starts_with(path) || real(file).starts_with(real(path))
}

/// Neither the options nor the evidence single out one message.
fn which_message(unclear: Unclear, inputs: &[Input<'_>], evidence: &Evidence, clock: &Clock) -> Failure {
    let (expected, found, meant) = match unclear {
        Unclear::NoMessage => {
            let faults = faults(inputs, evidence, clock);
            if !faults.is_any_file_read {
                return Failure::NothingReadable(faults.said);
            }
            let because = if faults.said.is_empty() { "" } else { "; what could not be read:" };
            let said: String = faults.said.iter().map(|fault| format!("\n  {}", report::visible(fault))).collect();
            (
                "a sample (.eml, .msg, headers, bounce) among the files, or options that name the message",
                format!("neither{because}{said}"),
                Vec::new(),
            )
        }
        Unclear::Several(first, count) => {
            let listed: Vec<String> = first.iter().map(candidate).collect();
            ("one message", format!("{count}, among them\n  {}", listed.join("\n  ")), first)
        }
    };
    Failure::WhichMessage {
        expected: expected.to_owned(),
        found,
        hint: "Add --message-id, or --sender, --recipient or --subject: all messages that fit are followed, with --at the nearest"
            .to_owned(),
        meant,
    }
}

/// How many faults are told if there is no answer.
const MAX_FAULTS: usize = 10;
/// Larger files are not read again for their faults.
const FAULTS_MAX_BYTES: usize = 64 << 20;

/// What stands against the files: it may be why no message was found in them.
struct Faults {
    /// The first few, in words.
    said: Vec<String>,
    is_any_file_read: bool,
}

fn faults(inputs: &[Input<'_>], evidence: &Evidence, clock: &Clock) -> Faults {
    let query = Query { wanted: &Wanted::Everything, clock, progress: &NoProgress };
    let mut faults = Faults { said: Vec::new(), is_any_file_read: false };
    for input in inputs {
        if input.bytes.len() > FAULTS_MAX_BYTES {
            faults.is_any_file_read = true;
            continue;
        }
        match sources::recognise(input.bytes, &input.name).map(|source| (source.id(), source.read(input, &query))) {
            Err(error) | Ok((_, Err(error))) => faults.said.push(error.to_string()),
            Ok((id, Ok(reading))) => {
                faults.is_any_file_read = true;
                if reading.observations.is_empty() && reading.problems.is_empty() {
                    faults.said.push(format!("{}: read as {id}, but nothing in it names a message", input.name));
                }
                faults.said.extend(reading.problems.iter().take(MAX_FAULTS).map(fault));
            }
        }
    }
    faults.said.extend(evidence.refused.iter().map(ToString::to_string));
    faults.said.truncate(MAX_FAULTS);
    faults
}

fn fault(problem: &evidence::Problem) -> String {
    format!("{}: expected {}, found {}", problem.cite, problem.expected, problem.found)
}

fn candidate(candidate: &Candidate) -> String {
    let id = candidate.message_id.as_ref().map_or("no Message-ID".to_owned(), |id| format!("<{id}>"));
    let at = candidate.at.map_or("no time".to_owned(), |at| at.to_string());
    let sender = candidate.sender.as_ref().map_or("unknown sender".to_owned(), ToString::to_string);
    let subject = candidate.subject.as_deref().unwrap_or("no subject");
    format!("{at}  {sender}  {subject}  {id}  ({})", candidate.file).escape_debug().to_string()
}
