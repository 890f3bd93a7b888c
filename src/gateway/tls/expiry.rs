//! Certificates end, mostly when nobody thinks of them: it is said in time.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::sleep;

use super::{Material, Tls};
use crate::{gateway::keepers::Keepers, observe::Metrics};

/// How long before its end a certificate is worth a warning.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);
/// How often it is looked at.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How a certificate stands in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Soundness {
    /// It is valid, and will be.
    Good,
    /// It ends soon.
    EndsSoon(Ailment),
    /// Clients refuse it now.
    Unusable(Ailment),
}

/// What is wrong with a certificate, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ailment {
    /// What is wrong, with the file.
    pub words: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Ailment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.words, self.fix)
    }
}

impl Material {
    /// How its certificate stands now.
    pub fn soundness(&self) -> Soundness {
        self.soundness_at(Timestamp::now())
    }

    fn soundness_at(&self, now: Timestamp) -> Soundness {
        let (says, file) = (&self.certificate, self.file.display());
        let left = says.expires.duration_since(now);
        let renew = "put a new one there".to_owned();
        if left.is_negative() {
            return Soundness::Unusable(Ailment {
                words: format!(
                    "the certificate in {file} has expired on {}, and clients refuse it",
                    says.expires
                ),
                fix: renew,
            });
        }
        if says.begins > now {
            return Soundness::Unusable(Ailment {
                words: format!(
                    "the certificate in {file} is valid from {} on, and clients refuse it until then",
                    says.begins
                ),
                fix: format!("is the clock of this machine right ({now:.0})?"),
            });
        }
        match left.unsigned_abs() < SOON {
            false => Soundness::Good,
            true => Soundness::EndsSoon(Ailment {
                words: format!(
                    "the certificate in {file} expires in {}, on {}",
                    days(left.as_secs() / 86_400),
                    says.expires
                ),
                fix: renew,
            }),
        }
    }
}

fn days(days: i64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    }
}

impl Tls {
    /// Shows until when the certificate is valid, and warns where that is soon.
    pub(in crate::gateway) fn look(&self, metrics: &Metrics) {
        let material = self.material();
        metrics.counted.tls.serves(&material.certificate);
        match material.soundness() {
            Soundness::Good => {}
            Soundness::EndsSoon(words) => tracing::warn!("{words} ([gateway.tls] cert)"),
            Soundness::Unusable(words) => tracing::error!("{words} ([gateway.tls] cert)"),
        }
    }

    /// Looks now, and every day until the gateway ends; at one and the same certificate only once.
    pub(in crate::gateway) fn kept(self: &Arc<Self>, keepers: &Keepers) {
        if self.kept.swap(true, Ordering::Relaxed) {
            return;
        }
        let (tls, stop) = (self.clone(), keepers.stop.clone());
        let metrics = keepers.pipeline.metrics.clone();
        tls.look(&metrics);
        keepers.tasks.spawn(async move {
            let looking = async {
                loop {
                    sleep(DAY).await;
                    tls.look(&metrics);
                }
            };
            stop.run_until_cancelled(looking).await.unwrap_or(())
        });
    }
}
