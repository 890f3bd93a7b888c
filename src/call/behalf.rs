//! On whose behalf something is sent to a server.

use http::HeaderName;

use super::{Template, Visit};
use crate::map::Few;

/// What a role sends along to servers.
pub type RoleHeaders = Few<(HeaderName, Template)>;

/// On whose behalf something is sent to a server.
#[derive(Debug, Clone)]
pub struct Behalf {
    /// Who it is, and what their request brought.
    pub visit: Visit,
    /// What goes along by their role.
    pub headers: RoleHeaders,
}
