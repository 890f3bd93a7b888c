//! Whether the machine is ours: what others do on it meanwhile is not the gateway's slowness.

use std::{fs, time::Duration};

use tokio::time::sleep;

/// Others may use so much of the machine.
pub(super) const LITTLE: f64 = 0.1;

/// Seconds of all processors so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Time {
    busy: f64,
    idle: f64,
    stolen: f64,
}

impl Time {
    /// Until now.
    pub(super) fn now() -> Self {
        let all = fs::read_to_string("/proc/stat").unwrap_or_default();
        let numbers = all.lines().next().unwrap_or_default().split_whitespace();
        // user, nice, system, idle, iowait, irq, softirq, steal, in hundredths (proc(5)).
        let numbers: Vec<f64> = numbers
            .filter_map(|number| number.parse().ok())
            .map(|hundredths: f64| hundredths / 100.0)
            .collect();
        let of = |indices: &[usize]| indices.iter().filter_map(|index| numbers.get(*index)).sum();
        Self {
            busy: of(&[0, 1, 2, 5, 6]),
            idle: of(&[3, 4]),
            stolen: of(&[7]),
        }
    }

    /// The share of the machine that others have had since, if we have had `ours` seconds.
    pub(super) fn others(self, ours: f64) -> f64 {
        let now = Self::now();
        let (busy, stolen) = (now.busy - self.busy, now.stolen - self.stolen);
        let all = busy + stolen + now.idle - self.idle;
        ((busy + stolen - ours) / all).max(0.0)
    }

    /// The share of the machine that its host has given to other machines since.
    pub(super) fn stolen(self) -> f64 {
        let now = Self::now();
        let stolen = now.stolen - self.stolen;
        stolen / (stolen + now.busy - self.busy + now.idle - self.idle)
    }
}

/// How much more time one scenario may take because of others.
pub(super) struct Patience {
    waits: usize,
    tries: usize,
}

impl Patience {
    /// Nobody waits for a first look.
    pub(super) fn new(quick: bool) -> Self {
        match quick {
            true => Self { waits: 0, tries: 0 },
            false => Self {
                waits: 25,
                tries: 6,
            },
        }
    }

    /// Waits until nobody else is busy, while there is patience left.
    pub(super) async fn wait(&mut self) {
        const LOOK: Duration = Duration::from_millis(200);
        while let Some(left) = self.waits.checked_sub(1) {
            self.waits = left;
            let before = Time::now();
            sleep(LOOK).await;
            if before.others(0.0) < LITTLE {
                return;
            }
        }
    }

    /// Takes one of the tries to make a disturbed round again, if any are left.
    pub(super) fn try_again(&mut self) -> bool {
        let left = self.tries.checked_sub(1);
        self.tries = left.unwrap_or_default();
        left.is_some()
    }
}
