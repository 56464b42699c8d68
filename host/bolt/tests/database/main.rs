//! Databases as the writer makes them, as the reader finds them, and as a bad disk leaves them.

mod damage;
mod fixture;
mod round_trip;
mod writer;
