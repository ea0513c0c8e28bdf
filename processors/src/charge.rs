//! New buffers are charged to the budget like the ones that came off the socket.

use std::sync::Arc;

use bytes::Bytes;
use ledger::Budget;

/// `made` with a lease on the budget. What was made is already in memory, so the budget may be
/// overdrawn: the door closes until it has room again.
///
/// A request that an edit has left as it was is returned as it is: its first owner has charged it.
pub(crate) fn charge(budget: &Arc<Budget>, origin: &Bytes, made: Bytes) -> Bytes {
    if made.as_ptr() == origin.as_ptr() && made.len() == origin.len() {
        return made;
    }
    let mut lease = budget.lease();
    lease.overdraw(made.len());
    lease.attach(made)
}
