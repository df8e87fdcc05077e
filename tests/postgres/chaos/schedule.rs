//! Which faults happen, in which order: a function of one number.

/// Everything that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    LoseCommits,
    Promote,
    Restore,
    LockStream,
    StopWriter,
    RestartServer,
    RestartStandby,
    RestartPooler,
    StarvePool,
    FillConnections,
    SetBack,
    Terminate,
    Cut,
    Silence,
    Delay,
    MakeAnew,
}

use Fault::{
    Cut, Delay, FillConnections, LockStream, LoseCommits, MakeAnew, Promote, RestartPooler,
    RestartServer, RestartStandby, Restore, SetBack, Silence, StarvePool, StopWriter, Terminate,
};

const DECK: [Fault; 16] = [
    LoseCommits,
    Promote,
    Restore,
    LockStream,
    StopWriter,
    RestartServer,
    RestartStandby,
    RestartPooler,
    StarvePool,
    FillConnections,
    SetBack,
    Terminate,
    Cut,
    Silence,
    Delay,
    MakeAnew,
];

impl Fault {
    pub(super) const fn name(self) -> &'static str {
        match self {
            LoseCommits => "lose-commits",
            Promote => "promote",
            Restore => "restore",
            LockStream => "lock-stream",
            StopWriter => "stop-writer",
            RestartServer => "restart-server",
            RestartStandby => "restart-standby",
            RestartPooler => "restart-pooler",
            StarvePool => "starve-pool",
            FillConnections => "fill-connections",
            SetBack => "set-back",
            Terminate => "terminate",
            Cut => "cut",
            Silence => "silence",
            Delay => "delay",
            MakeAnew => "make-anew",
        }
    }
}

/// The order of faults: shuffled, over and over. `EVENTS_CHAOS_FAULTS=cut,delay` leaves out the others.
#[derive(Debug)]
pub(super) struct Schedule {
    deck: Vec<Fault>,
    left: Vec<Fault>,
    rng: fastrand::Rng,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        let chosen = std::env::var("EVENTS_CHAOS_FAULTS").ok();
        let is_chosen = |fault: &Fault| match &chosen {
            Some(names) => names.split(',').any(|name| name == fault.name()),
            None => true,
        };
        let deck: Vec<Fault> = DECK.into_iter().filter(is_chosen).collect();
        assert!(!deck.is_empty(), "EVENTS_CHAOS_FAULTS names no fault");
        Self { deck, left: Vec::new(), rng: fastrand::Rng::with_seed(seed) }
    }

    pub(super) fn next(&mut self) -> Fault {
        if self.left.is_empty() {
            self.left.clone_from(&self.deck);
            self.rng.shuffle(&mut self.left);
        }
        self.left.pop().unwrap()
    }
}
