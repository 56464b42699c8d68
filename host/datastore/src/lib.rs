//! Makes `mvcc` durable: a write is acknowledged only when it is on disk.
