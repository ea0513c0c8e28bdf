//! Our own health: metric families and logging.
