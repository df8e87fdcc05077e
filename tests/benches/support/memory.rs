//! The most memory that this process holds while something goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A thread that looks once a millisecond.
pub(crate) struct Watch {
    idle: u64,
    over: Arc<AtomicBool>,
    most: JoinHandle<u64>,
}

impl Watch {
    /// What is held now counts as idle.
    pub(crate) fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let most = std::thread::spawn({
            let over = Arc::clone(&over);
            move || {
                let mut most = 0;
                while !over.load(Ordering::SeqCst) {
                    most = most.max(resident());
                    std::thread::sleep(Duration::from_millis(1));
                }
                most
            }
        });
        Self { idle: resident(), over, most }
    }

    /// KiB above idle at most since the start, and KiB in all.
    pub(crate) fn end(self) -> (u64, u64) {
        self.over.store(true, Ordering::SeqCst);
        let most = self.most.join().unwrap();
        (most.saturating_sub(self.idle), most)
    }
}

/// KiB of memory this process holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or_default()
}
