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

/// Waits until nobody else is busy, while there is time left for that.
pub(super) async fn until_quiet(left: &mut Duration) {
    const LOOK: Duration = Duration::from_millis(200);
    loop {
        let before = Time::now();
        sleep(LOOK).await;
        if before.others(0.0) < LITTLE || left.is_zero() {
            return;
        }
        *left = left.saturating_sub(LOOK);
    }
}
