//! What all pages share.

use std::sync::Arc;
use std::time::Duration;

use case::VerificationReport;
use report::{Comparison, ExceptionCheck, ExceptionProposal, Report};
use tokio::sync::Semaphore;

use crate::entry::Doors;
use crate::kept::{Answer, Shelf};
use crate::office::{Office, Sides, Trouble, TroubleKind, Worked};
use crate::pasted::Pasted;
use crate::upload::Uploads;

/// What all pages share.
#[derive(Clone)]
pub struct Workbench(Arc<Parts>);

struct Parts {
    office: Arc<dyn Office>,
    doors: Doors,
    max_upload_bytes: u64,
    uploads: Uploads,
    workers: Arc<Semaphore>,
    lookers: Arc<Semaphore>,
    reports: Shelf<Key, Report>,
    comparisons: Shelf<(Key, Sides), Comparison>,
    proposals: Shelf<Key, ExceptionProposal>,
    checks: Shelf<(Key, String), ExceptionCheck>,
    verifications: Shelf<Key, VerificationReport>,
    pasted: Pasted,
}

/// A case as it stood: see [`Worked::revision`].
type Key = (String, u64);

/// How long a page waits for an answer before it shows how far that is.
pub const PATIENCE: Option<Duration> = Some(Duration::from_millis(400));

impl Workbench {
    /// A workbench over an office.
    pub fn new(office: Arc<dyn Office>, doors: Doors, max_upload_bytes: u64) -> Workbench {
        let workers = Arc::new(Semaphore::new(2));
        Workbench(Arc::new(Parts {
            office,
            doors,
            max_upload_bytes,
            uploads: Uploads::default(),
            reports: Shelf::new(Arc::clone(&workers)),
            comparisons: Shelf::new(Arc::clone(&workers)),
            proposals: Shelf::new(Arc::clone(&workers)),
            checks: Shelf::new(Arc::clone(&workers)),
            verifications: Shelf::new(Arc::clone(&workers)),
            workers,
            lookers: Arc::new(Semaphore::new(2)),
            pasted: Pasted::default(),
        }))
    }

    /// Who may come in.
    pub fn doors(&self) -> &Doors {
        &self.0.doors
    }

    /// How many bytes one upload may have.
    pub fn max_upload_bytes(&self) -> u64 {
        self.0.max_upload_bytes
    }

    /// Files on their way in.
    pub fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }

    /// Looks at a case whose evidence or message is another now, and keeps the answer in the journal in the name of who made it so. Nobody
    /// waits for it.
    pub fn look_again(&self, who: &str, number: u64) {
        let (workbench, who) = (self.clone(), who.to_owned());
        tokio::spawn(async move {
            let Ok(worked) = workbench.case(number).await else { return };
            let Answer::Ready(answer) = workbench.report(&worked, None).await else { return };
            let report = match answer {
                Ok(report) => Some(report),
                // That there is no answer is an answer too; that it was stopped is none.
                Err(trouble) if matches!(trouble.kind, TroubleKind::WhichMessage | TroubleKind::NothingReadable) => {
                    None
                }
                Err(_) => return,
            };
            let revision = worked.revision();
            let kept = workbench.office(move |office| {
                // Whoever changed it meanwhile looks again too.
                if office.case(number)?.revision() != revision {
                    return Ok(());
                }
                office.answered(&who, number, report.as_deref())
            });
            // The pages show the answer all the same; the next look keeps it.
            let _ = kept.await;
        });
    }

    /// Texts that were pasted and are asked about.
    pub fn pasted(&self) -> &Pasted {
        &self.0.pasted
    }

    /// Does something with the office on a thread of its own.
    ///
    /// # Errors
    /// [`Trouble`] as the work says, or if it panicked.
    pub async fn office<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Office) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let office = Arc::clone(&self.0.office);
        let done = tokio::task::spawn_blocking(move || work(&*office)).await;
        done.unwrap_or_else(|_| Err(Trouble::new(TroubleKind::Internal, "a fault of this program")))
    }

    /// Does something long with the office that is not kept, in its turn.
    ///
    /// # Errors
    /// [`Trouble`] as the work says, or if it panicked.
    pub async fn worked_on<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Office) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let permit = Arc::clone(&self.0.workers).acquire_owned().await;
        // It is held until the work is done, even if nobody waits for it any more.
        self.office(move |office| {
            let done = work(office);
            drop(permit);
            done
        })
        .await
    }

    /// Opens evidence for a short look: few at once, for an archive is unpacked for it.
    ///
    /// # Errors
    /// [`Trouble`] as the work says, or if it panicked.
    pub async fn looked<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Office) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let permit = Arc::clone(&self.0.lookers).acquire_owned().await;
        self.office(move |office| {
            let done = work(office);
            drop(permit);
            done
        })
        .await
    }

    /// A case with its journal.
    ///
    /// # Errors
    /// [`Trouble`] if there is none.
    pub async fn case(&self, number: u64) -> Result<Worked, Trouble> {
        self.office(move |office| office.case(number)).await
    }

    /// What the evidence of a case shows.
    pub async fn report(&self, worked: &Worked, patience: Option<Duration>) -> Answer<Report> {
        let (key, number, office) = (key(worked, worked.revision()), worked.case.number, Arc::clone(&self.0.office));
        self.0.reports.ask(key, patience, move |progress| office.report(number, progress)).await
    }

    /// Two messages of the evidence beside each other.
    pub async fn comparison(&self, worked: &Worked, sides: Sides, patience: Option<Duration>) -> Answer<Comparison> {
        let (key, number, office) = (key(worked, worked.revision()), worked.case.number, Arc::clone(&self.0.office));
        let asked = sides.clone();
        let work = move |progress: &Arc<_>| office.compare(number, &sides, progress);
        self.0.comparisons.ask((key, asked), patience, work).await
    }

    /// The narrowest exception for a case.
    pub async fn proposal(&self, worked: &Worked, patience: Option<Duration>) -> Answer<ExceptionProposal> {
        let (key, number, office) = (key(worked, worked.revision()), worked.case.number, Arc::clone(&self.0.office));
        self.0.proposals.ask(key, patience, move |progress| office.propose(number, progress)).await
    }

    /// What the guard says of a change.
    pub async fn check(
        &self,
        worked: &Worked,
        candidate: String,
        patience: Option<Duration>,
    ) -> Answer<ExceptionCheck> {
        let (key, number, office) = (key(worked, worked.decided()), worked.case.number, Arc::clone(&self.0.office));
        let asked = candidate.clone();
        let work = move |progress: &Arc<_>| office.check(number, &candidate, progress);
        self.0.checks.ask((key, asked), patience, work).await
    }

    /// Whether the change of a case held.
    pub async fn verification(&self, worked: &Worked, patience: Option<Duration>) -> Answer<VerificationReport> {
        let (key, number, office) = (key(worked, worked.decided()), worked.case.number, Arc::clone(&self.0.office));
        self.0.verifications.ask(key, patience, move |progress| office.verification(number, progress)).await
    }
}

fn key(worked: &Worked, revision: u64) -> Key {
    (worked.case.uid.clone(), revision)
}
