//! Handshakes, and how long the gateway's certificate is valid.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use metrics::with_local_recorder;
use metrics_exporter_prometheus::PrometheusRecorder;
use serde::Serialize;

use super::metrics::{CERTIFICATE, HANDSHAKES};
use crate::call::Certificate;

/// What `/health` shows of the certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Whose it is.
    pub names: String,
    /// From when on it is valid.
    pub begins: Timestamp,
    /// Until when.
    pub expires: Timestamp,
    /// Whole days until then; less than 0: it has expired.
    pub days_left: i64,
}

/// The numbers of TLS. There are none where it is not spoken.
pub struct TlsNumbers {
    recorder: Arc<PrometheusRecorder>,
    certificate: Mutex<Option<Arc<Certificate>>>,
}

impl TlsNumbers {
    pub(super) fn new(recorder: Arc<PrometheusRecorder>) -> Self {
        Self {
            recorder,
            certificate: Mutex::default(),
        }
    }

    /// This is the certificate now.
    pub fn serves(&self, certificate: &Arc<Certificate>) {
        with_local_recorder(&*self.recorder, || {
            CERTIFICATE
                .gauge(&[])
                .set(certificate.expires.as_second() as f64);
        });
        *self.certificate() = Some(certificate.clone());
    }

    /// The certificate as it stands now, if there is one.
    pub fn served(&self) -> Option<Served> {
        let certificate = self.certificate().clone()?;
        let left = certificate.expires.duration_since(Timestamp::now());
        Some(Served {
            names: certificate.shown(),
            begins: certificate.begins,
            expires: certificate.expires,
            days_left: left.as_secs().div_euclid(86_400),
        })
    }

    /// A handshake has ended like this: a word of a closed set.
    pub fn greeted(&self, outcome: &'static str) {
        with_local_recorder(&*self.recorder, || {
            HANDSHAKES.counter(&[outcome]).increment(1);
        });
    }

    fn certificate(&self) -> MutexGuard<'_, Option<Arc<Certificate>>> {
        let certificate = self.certificate.lock();
        certificate.unwrap_or_else(PoisonError::into_inner)
    }
}
