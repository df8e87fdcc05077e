//! Peak memory of this process during a measurement.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A thread that samples the resident memory once a millisecond.
pub(crate) struct PeakMemory {
    idle: u64,
    stop: Arc<AtomicBool>,
    peak: JoinHandle<u64>,
}

impl PeakMemory {
    /// Starts the thread; the current memory counts as idle.
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let peak = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let mut peak = 0;
                while !stop.load(Ordering::SeqCst) {
                    peak = peak.max(resident());
                    std::thread::sleep(Duration::from_millis(1));
                }
                peak
            }
        });
        Self { idle: resident(), stop, peak }
    }

    /// Stops the thread; returns the peak in KiB above idle and in total.
    pub(crate) fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::SeqCst);
        let peak = self.peak.join().unwrap();
        (peak.saturating_sub(self.idle), peak)
    }
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or_default()
}
