//! Answers that take time, kept, so that a click is answered from memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use crate::office::{Trouble, TroubleKind};
use crate::progress::Progress;

/// How many answers of one sort are kept; the one that was asked for longest ago goes first.
const MAX_KEPT: usize = 64;
/// How many of one sort are worked on or wait for their turn.
const MAX_PENDING: usize = 12;

/// Answers of one sort, by what was asked. Who asks while an answer is worked on waits for the same one.
pub struct Shelf<K, T> {
    slots: Mutex<HashMap<K, Arc<Slot<T>>>>,
    /// How many are worked on at once: more would only share the processor and need memory together.
    workers: Arc<Semaphore>,
}

struct Slot<T> {
    progress: Arc<Progress>,
    done: OnceLock<Result<Arc<T>, Trouble>>,
    woken: Notify,
    asked: Mutex<u64>,
}

/// What came of asking.
pub enum Answer<T> {
    /// It is there, or why there is none.
    Ready(Result<Arc<T>, Trouble>),
    /// It is worked on.
    Working(Arc<Progress>),
}

impl<K: Clone + Eq + Hash, T: Send + Sync + 'static> Shelf<K, T> {
    /// An empty one.
    pub fn new(workers: Arc<Semaphore>) -> Shelf<K, T> {
        Shelf { slots: Mutex::new(HashMap::new()), workers }
    }

    /// The answer to `key`: the one that is kept, or the one that `work` gives; not waited for longer than `patience`, if one is given.
    pub async fn ask(
        &self,
        key: K,
        patience: Option<Duration>,
        work: impl FnOnce(&Arc<Progress>) -> Result<T, Trouble> + Send + 'static,
    ) -> Answer<T> {
        let Some((slot, is_new)) = self.slot(&key) else {
            let what = format!(
                "expected at most {MAX_PENDING} answers to be worked on, found as many. Wait until one is there, then ask again"
            );
            return Answer::Ready(Err(Trouble::new(TroubleKind::Stopped, what)));
        };
        if is_new {
            let (slot, workers) = (Arc::clone(&slot), Arc::clone(&self.workers));
            tokio::spawn(async move {
                let _permit = workers.acquire_owned().await;
                let working = Arc::clone(&slot);
                let done = tokio::task::spawn_blocking(move || {
                    let done = catch_unwind(AssertUnwindSafe(|| work(&working.progress)));
                    done.unwrap_or_else(|_| Err(Trouble::new(TroubleKind::Internal, "a fault of this program")))
                });
                let done =
                    done.await.unwrap_or_else(|error| Err(Trouble::new(TroubleKind::Internal, error.to_string())));
                let _ = slot.done.set(done.map(Arc::new));
                slot.woken.notify_waiters();
            });
        }
        let done = match patience {
            None => slot.done().await,
            Some(patience) => match tokio::time::timeout(patience, slot.done()).await {
                Ok(done) => done,
                Err(_) => return Answer::Working(Arc::clone(&slot.progress)),
            },
        };
        // What failed is tried anew by whoever asks next: the disk may have room again.
        if matches!(&done, Err(trouble) if is_passing(trouble)) {
            self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        }
        Answer::Ready(done)
    }

    /// The slot of what is asked, and whether it is new; `None` if too much is worked on already.
    fn slot(&self, key: &K) -> Option<(Arc<Slot<T>>, bool)> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = slots.values().map(|slot| slot.asked_at()).max().unwrap_or(0) + 1;
        if let Some(slot) = slots.get(key) {
            slot.is_asked_at(turn);
            return Some((Arc::clone(slot), false));
        }
        if slots.values().filter(|slot| slot.done.get().is_none()).count() >= MAX_PENDING {
            return None;
        }
        if slots.len() >= MAX_KEPT {
            let is_done = |slot: &Arc<Slot<T>>| slot.done.get().is_some();
            let oldest = slots.iter().filter(|(_, slot)| is_done(slot)).min_by_key(|(_, slot)| slot.asked_at());
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                slots.remove(&key);
            }
        }
        let slot = Arc::new(Slot {
            progress: Arc::default(),
            done: OnceLock::new(),
            woken: Notify::new(),
            asked: Mutex::new(turn),
        });
        slots.insert(key.clone(), Arc::clone(&slot));
        Some((slot, true))
    }
}

impl<T> Slot<T> {
    async fn done(&self) -> Result<Arc<T>, Trouble> {
        loop {
            // Registered before the look, so that no wake is lost in between.
            let woken = self.woken.notified();
            if let Some(done) = self.done.get() {
                return done.clone();
            }
            woken.await;
        }
    }

    fn asked_at(&self) -> u64 {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_asked_at(&self, turn: u64) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }
}

/// Whether another try may go better though nothing was changed in the case.
fn is_passing(trouble: &Trouble) -> bool {
    matches!(trouble.kind, TroubleKind::Internal | TroubleKind::Stopped | TroubleKind::Conflict)
}
