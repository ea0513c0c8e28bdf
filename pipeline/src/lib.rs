//! Contracts and engine: batches, plan, drivers, fan-out, delivery, service.
