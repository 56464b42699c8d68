//! Whether a toleration stands a taint: of nodes and of devices alike.

/// What a toleration says; what is empty counts as not said.
pub(crate) struct Wish<'a> {
    pub(crate) key: Option<&'a str>,
    pub(crate) operator: Option<&'a str>,
    pub(crate) value: Option<&'a str>,
    pub(crate) effect: Option<&'a str>,
}

impl Wish<'_> {
    pub(crate) fn stands(&self, key: &str, value: Option<&str>, effect: &str) -> bool {
        let is = |wish: Option<&str>, what: &str| wish.is_none_or(|wish| wish.is_empty() || wish == what);
        is(self.effect, effect)
            && is(self.key, key)
            && match self.operator {
                Some("Exists") => true,
                None | Some("" | "Equal") => self.value.unwrap_or_default() == value.unwrap_or_default(),
                Some(_) => false,
            }
    }
}
