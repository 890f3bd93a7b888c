//! The plan in force, as each core has it at hand.
//!
//! Every call holds on to the plan. Were that one count for all cores, each call would have to
//! fetch it from the core that had it last.

use std::{cell::RefCell, sync::Arc};

use arc_swap::ArcSwap;

use super::Plan;

thread_local! {
    /// The plan that was last in force here, and what this thread hands out in its place.
    static AT_HAND: RefCell<Option<(Arc<Plan>, Arc<Plan>)>> = const { RefCell::new(None) };
}

/// The plan in force: its parts are those that everybody has, its count is this thread's own.
pub(super) fn at_hand(plan: &ArcSwap<Plan>) -> Arc<Plan> {
    let now = plan.load();
    let known = AT_HAND.with_borrow(|known| {
        let known = known.as_ref().filter(|(plan, _)| Arc::ptr_eq(plan, &now));
        known.map(|(_, near)| near.clone())
    });
    known.unwrap_or_else(|| {
        let near = Arc::new(Plan::clone(&now));
        let before = AT_HAND.replace(Some((now.clone(), near.clone())));
        // Outside of the cell: nobody knows what the end of a plan may set off.
        drop(before);
        near
    })
}
