//! What the types cannot say of the process of a `[servers.<name>]` table.

use std::time::Duration;

use super::{
    config::{Scope, ServerConfig},
    size::Size,
    urls::MOST,
};
use crate::{config::Fault, launch::Sandbox};

/// With less, no program starts.
const LEAST_MEMORY: Size = Size::mebibytes(16);
const LEAST_FILES: u64 = 16;

impl ServerConfig {
    /// Which keys are set that are about a process.
    pub(super) fn about_a_process(&self) -> [(&'static str, bool); 11] {
        [
            ("memory", self.memory.is_some()),
            ("cpu", self.cpu.is_some()),
            ("open_files", self.open_files.is_some()),
            ("user", self.user.is_some()),
            ("group", self.group.is_some()),
            ("stop_timeout", self.stop_timeout.is_some()),
            ("sandbox", self.sandbox.is_some()),
            ("start", self.start.is_some()),
            ("idle_stop", self.idle_stop.is_some()),
            ("max_instances", self.max_instances.is_some()),
            ("pool", self.pool.is_some()),
        ]
    }

    /// How many copies of it there may be.
    fn check_pool(&self) -> Result<(), Fault> {
        if self.pool == Some(0) {
            return Err(Fault::at(["pool"], "with 0 nobody would be served"));
        }
        if self.pool() > MOST {
            return Err(Fault::at(["pool"], format!("expected 1 to {MOST}")));
        }
        if self.pool() > 1 && !matches!(self.scope, None | Some(Scope::Shared)) {
            let message = "needs `scope = \"shared\"`: others have an instance for each \
                           session or user (`max_instances`)";
            return Err(Fault::at_key(["pool"], message));
        }
        Ok(())
    }

    /// What its process may use, and as whom it runs.
    pub(super) fn check_process(&self) -> Result<(), Fault> {
        if self.memory.is_some_and(|memory| memory < LEAST_MEMORY) {
            return Err(Fault::at(["memory"], "expected \"16MiB\" or more"));
        }
        let whole = |cpu: Duration| cpu.subsec_nanos() == 0 && !cpu.is_zero();
        if self.cpu.is_some_and(|cpu| !whole(cpu)) {
            return Err(Fault::at(["cpu"], "expected whole seconds, \"1s\" or more"));
        }
        if self.open_files.is_some_and(|files| files < LEAST_FILES) {
            let message = format!("expected {LEAST_FILES} or more");
            return Err(Fault::at(["open_files"], message));
        }
        if self.idle_stop.is_some_and(|idle| idle.is_zero()) {
            let message = "nobody could need it in no time; `start = \"lazy\"` may be meant";
            return Err(Fault::at(["idle_stop"], message));
        }
        if self.max_instances == Some(0) {
            return Err(Fault::at(
                ["max_instances"],
                "with 0 nobody would be served",
            ));
        }
        if self.max_instances.is_some() && matches!(self.scope, None | Some(Scope::Shared)) {
            let message = "needs `scope = \"session\"` or `\"user\"`: everybody shares one";
            return Err(Fault::at_key(["max_instances"], message));
        }
        self.check_pool()?;
        for (key, name) in [("user", &self.user), ("group", &self.group)] {
            if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
                return Err(Fault::at([key], "is empty"));
            }
        }
        let paths = self.sandbox.iter().flat_map(Sandbox::paths);
        for (key, path) in paths {
            super::check::no_tilde(path).map_err(|message| Fault::at(["sandbox", key], message))?;
        }
        Ok(())
    }
}
