//! What unattended jobs did: transcripts of scripts, the journal of a unit, the history of scheduled tasks.

pub(crate) mod systemd_journal;
pub(crate) mod transcript;
pub(crate) mod windows_task_history;

use evidence::JobStage;

/// The stage that a table's word stands for.
fn stage(means: &str) -> Option<JobStage> {
    Some(match means {
        "started" => JobStage::Started,
        "output" => JobStage::Output,
        "warning" => JobStage::Warning,
        "error" => JobStage::Error,
        "succeeded" => JobStage::Succeeded,
        "failed" => JobStage::Failed,
        "ended" => JobStage::Ended,
        _ => return None,
    })
}
