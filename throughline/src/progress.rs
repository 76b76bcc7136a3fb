//! Watches the work: shows how far it is, and stops it on Ctrl-C.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sources::Progress;

static STOP: AtomicBool = AtomicBool::new(false);

/// From now on the first Ctrl-C asks the work to stop, the second ends the program.
pub fn stop_on_ctrl_c() {
    // Fails if a handler is set already; Ctrl-C then does what that one does.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    });
}

/// Whether Ctrl-C asked the work to stop.
pub fn is_stopped() -> bool {
    STOP.load(Ordering::Relaxed)
}

thread_local! {
    /// Where the work of this thread is told besides.
    static TOLD: RefCell<Option<Arc<web::Progress>>> = const { RefCell::new(None) };
}

/// Works, and tells a page how far it is.
pub fn told<R>(progress: &Arc<web::Progress>, work: impl FnOnce() -> R) -> R {
    let before = TOLD.replace(Some(Arc::clone(progress)));
    let done = work();
    TOLD.set(before);
    done
}

/// The work is shown only if it takes longer.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// What is counted.
#[derive(Clone, Copy)]
enum Counted {
    Bytes,
    Copied,
    Messages,
}

/// Progress on standard error, if that is a terminal.
pub struct Meter {
    started: Instant,
    total: u64,
    counted: Counted,
    done: AtomicU64,
    is_seen: bool,
    told: Option<Arc<web::Progress>>,
    bar: OnceLock<ProgressBar>,
}

impl Meter {
    /// Starts to watch; from now on the first Ctrl-C asks the work to stop, the second ends the program.
    pub fn start(total_bytes: u64) -> Meter {
        Meter::of(Counted::Bytes, total_bytes)
    }

    /// Starts to watch the copying of so many bytes, which a Ctrl-C ends with the program: what was not copied whole is not added.
    pub fn copying(total_bytes: u64) -> Meter {
        Meter::seen(Counted::Copied, total_bytes)
    }

    /// So many bytes are copied by now.
    pub fn copied(&self, bytes: u64) {
        let before = self.done.load(Ordering::Relaxed);
        self.go_on(bytes.saturating_sub(before));
    }

    /// Whether somebody sees it.
    pub fn is_seen(&self) -> bool {
        self.is_seen
    }

    /// Starts to watch work on so many messages; each is one [`Meter::step`].
    pub fn counting(messages: u64) -> Meter {
        Meter::of(Counted::Messages, messages)
    }

    /// One more message is done.
    pub fn step(&self) {
        self.go_on(1);
    }

    fn go_on(&self, by: u64) {
        let done = self.done.fetch_add(by, Ordering::Relaxed) + by;
        if let Some(told) = &self.told {
            told.advance(by);
        }
        if self.is_seen && self.started.elapsed() > SHOWN_AFTER {
            // A file may be read again for ids that others revealed.
            self.bar.get_or_init(|| self.bar()).set_position(done.min(self.total));
        }
    }

    fn of(counted: Counted, total: u64) -> Meter {
        stop_on_ctrl_c();
        Meter::seen(counted, total)
    }

    fn seen(counted: Counted, total: u64) -> Meter {
        // Messages are no bytes: a page is told of those only.
        let told = TOLD.with_borrow(Clone::clone).filter(|_| !matches!(counted, Counted::Messages));
        if let Some(told) = &told {
            told.expect(total);
        }
        Meter {
            started: Instant::now(),
            total,
            counted,
            done: AtomicU64::new(0),
            // What a page is told, the terminal of the server is not.
            is_seen: told.is_none() && std::io::stderr().is_terminal(),
            told,
            bar: OnceLock::new(),
        }
    }

    /// Removes what was shown.
    pub fn finish(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }

    fn bar(&self) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(self.total), ProgressDrawTarget::stderr())
            .with_elapsed(self.started.elapsed());
        let template = match self.counted {
            Counted::Bytes => "reading {bar:30} {decimal_bytes} of {decimal_total_bytes} ({eta})",
            Counted::Copied => "copying {bar:30} {decimal_bytes} of {decimal_total_bytes} ({eta})",
            Counted::Messages => "following {bar:30} {pos} of {len} messages ({eta})",
        };
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }
}

impl Progress for Meter {
    fn advance(&self, bytes: u64) {
        if matches!(self.counted, Counted::Bytes) {
            self.go_on(bytes);
        }
    }

    fn is_cancelled(&self) -> bool {
        STOP.load(Ordering::Relaxed)
    }
}
