//! Reflectors, keyed work queues and the driver of reconcilers.
