//! What holds of the contract in `wit/` beyond that it is WIT.

mod reference;
mod releases;
mod words;
