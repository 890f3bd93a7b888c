//! Who comes in, and what they see.

use std::{net::IpAddr, sync::Arc};

use http::HeaderMap;

use super::{Pipeline, Plan, Policy};
use crate::{
    call::{Caller, ClientCertificate, Sight, Standing, Visit},
    refusal::{Reason, Refusal},
    route::View,
};

impl Pipeline {
    /// Who sent these headers, on a connection for which that certificate was shown. Asked before the body is read: strangers do not get to spend
    /// our memory.
    ///
    /// # Errors
    /// When they may not come in.
    pub async fn identify(
        &self,
        plan: &Plan,
        address: IpAddr,
        (headers, certificate): (&HeaderMap, Option<&ClientCertificate>),
    ) -> Result<Caller, Refusal> {
        let Policy {
            credentials,
            sign_ins,
            ..
        } = &*plan.policy;
        sign_ins.check(address).map_err(Refusal::SignIns)?;
        let identified = credentials
            .identify(Some(address), headers, certificate)
            .await;
        identified.map_err(|unknown| {
            if unknown.has_tried() {
                sign_ins.failed(address);
            }
            let (scheme, reason) = (unknown.scheme, unknown.reason);
            match self.metrics.log.shows(Reason::Unauthenticated) {
                Some(left_out) => {
                    tracing::info!(%address, scheme, reason, left_out, "nobody known: refused with 401");
                }
                None => tracing::debug!(%address, scheme, reason, "nobody known: refused with 401"),
            }
            self.metrics.counted.unknown(scheme, reason);
            Refusal::Unauthenticated
        })
    }

    /// What somebody sees who comes in like this.
    ///
    /// # Errors
    /// When the caller has no role.
    pub fn look(&self, visit: &Visit) -> Result<(Sight, Arc<View>), Refusal> {
        self.plan.load().look(visit)
    }

    /// What the user may do whose process speaks over stdin.
    pub fn local_standing(&self) -> Standing {
        self.plan.load().policy.local.clone()
    }
}
