//! The byte budget, leases, and the books with their closed list of reasons.
