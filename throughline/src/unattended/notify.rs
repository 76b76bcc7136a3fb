//! Tells systemd that the watcher is ready and alive, as sd_notify(3) describes; nothing happens where it did not start it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A run that takes longer than this is not alive.
const LONGEST_STEP: Duration = Duration::from_secs(2 * 60 * 60);

/// Hears of each step of some threads, and tells systemd that all of them live.
pub struct Life {
    started: Instant,
    /// Of each thread: seconds from the start to its last step.
    last_steps: Vec<Arc<AtomicU64>>,
}

/// Hears of each step of one thread.
#[derive(Clone)]
pub struct Steps {
    started: Instant,
    last: Arc<AtomicU64>,
}

impl Life {
    /// Nobody yet.
    pub fn new() -> Life {
        Life { started: Instant::now(), last_steps: Vec::new() }
    }

    /// One more thread.
    pub fn another(&mut self) -> Steps {
        let last = Arc::new(AtomicU64::new(self.started.elapsed().as_secs()));
        self.last_steps.push(Arc::clone(&last));
        Steps { started: self.started, last }
    }

    /// Tells systemd from now on, if it wants to hear it, as long as each thread does its steps.
    pub fn tell(self) {
        let Some(every) = watchdog() else { return };
        std::thread::spawn(move || {
            loop {
                let is_alive = |last: &Arc<AtomicU64>| {
                    let last = Duration::from_secs(last.load(Ordering::Relaxed));
                    self.started.elapsed().saturating_sub(last) < LONGEST_STEP
                };
                if self.last_steps.iter().all(is_alive) {
                    tell("WATCHDOG=1");
                }
                std::thread::sleep(every);
            }
        });
    }
}

impl Steps {
    /// One more step is done.
    pub fn step(&self) {
        self.last.store(self.started.elapsed().as_secs(), Ordering::Relaxed);
    }
}

/// How often systemd wants to hear: half the time after which it takes the process for hung.
fn watchdog() -> Option<Duration> {
    let of_this_process = std::env::var("WATCHDOG_PID").ok();
    if of_this_process.is_some_and(|pid| pid != std::process::id().to_string()) {
        return None;
    }
    let micros: u64 = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    Some(Duration::from_micros((micros / 2).max(1000)))
}

/// Sends one message to systemd.
#[cfg(target_os = "linux")]
pub fn tell(message: &str) {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    // A name that begins with @ is one that no file system has.
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name),
        None => SocketAddr::from_pathname(&name),
    };
    // Nobody can be told that nobody could be told.
    let _ = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(message.as_bytes(), &address?));
}

/// Sends one message to systemd.
#[cfg(not(target_os = "linux"))]
pub fn tell(_: &str) {}
