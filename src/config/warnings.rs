//! What is no mistake, and still not what somebody meant.

use super::Config;

impl Config {
    /// What can never have an effect, in words for whoever wrote it.
    pub fn warnings(&self) -> Vec<String> {
        let certificates = &self.policy.certificates;
        let tls = self.gateway.tls.as_ref();
        let asks = tls.is_some_and(|tls| tls.client_ca.is_some());
        let mut warnings = Vec::new();
        for (index, (name, certificate)) in certificates.iter().enumerate() {
            let mut earlier = certificates.iter().take(index);
            if !asks {
                warnings.push(format!(
                    "[certificates.{name}] is never used: no client is asked for a certificate \
                     (`client_ca` in [gateway.tls])"
                ));
            } else if let Some((first, _)) = earlier.find(|(_, other)| other.covers(certificate)) {
                warnings.push(format!(
                    "[certificates.{name}] is never used: [certificates.{first}] stands before it \
                     and names all of its certificates"
                ));
            }
        }
        warnings
    }
}
