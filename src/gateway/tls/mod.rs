//! HTTPS, spoken by the gateway itself: `[gateway.tls]`.
//!
//! The files are part of the configuration, read by the same loader and replaced by the same reload:
//! what is wrong with them changes nothing. Connections keep what they were opened with.

mod config;
mod expiry;
mod greeting;
mod material;
pub mod pem;

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicBool};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::time::{Duration, Instant};

pub use config::{ClientAuth, TlsConfig};
pub use expiry::{Ailment, Soundness};
pub use material::Material;

pub(super) use greeting::{Greeted, plainly};

/// How often failed handshakes are logged: whoever knocks decides how many there are.
const PAUSE: Duration = Duration::from_secs(1);

/// What a gateway speaks TLS with, from one reload to the next.
pub(super) struct Tls {
    material: ArcSwap<Material>,
    logged: Mutex<Option<Instant>>,
    /// Somebody looks every day whether the certificate ends.
    kept: AtomicBool,
}

impl Tls {
    /// With that.
    pub(super) fn new(material: Material) -> Self {
        Self {
            material: ArcSwap::from_pointee(material),
            logged: Mutex::default(),
            kept: AtomicBool::new(false),
        }
    }

    /// What new connections speak.
    pub(super) fn material(&self) -> Arc<Material> {
        self.material.load_full()
    }

    /// New connections speak that from now on. Nothing happens where it is the same: who has been
    /// here before need not begin anew.
    pub(super) fn replace(&self, material: &Material) {
        if **self.material.load() != *material {
            self.material.store(Arc::new(material.clone()));
            let says = &material.certificate;
            tracing::info!(
                "the certificate is another one: {}, valid until {}",
                says.shown(),
                says.expires
            );
        }
    }

    /// Whether that would put a certificate out of use that is good, for one that is not.
    pub(super) fn loses_by(&self, material: &Material) -> bool {
        let now = Timestamp::now();
        let is_over = |material: &Material| material.certificate.expires < now;
        is_over(material) && !is_over(&self.material.load())
    }

    /// Whether the log may have another line on failed handshakes.
    fn may_say(&self) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let may = logged.is_none_or(|logged| logged.elapsed() >= PAUSE);
        if may {
            *logged = Some(Instant::now());
        }
        may
    }
}
