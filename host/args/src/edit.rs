//! What addons change.

/// The edits of one enabled addon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddonEdits {
    pub addon: String,
    pub edits: Vec<Edit>,
}

/// A change of one flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The service, as its file in `args/` is called.
    pub service: String,
    /// Upstream's name, with or without dashes in front.
    pub flag: String,
    pub op: Op,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Set(String),
    /// No value, not even the default.
    Unset,
    /// One more value of a list; one that is there already stays where it is.
    Append(String),
}
