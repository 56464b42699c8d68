//! The `args/<service>` files: grammar, table of flags, and the fold of defaults, files and addon edits.
