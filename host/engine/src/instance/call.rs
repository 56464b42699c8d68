//! How a role is looked up and one of its functions called.

/// Looks a role up and calls one of its functions; `$wait` is `now` or `later`.
macro_rules! call {
    ($self:ident, $role:ident, $variant:ident, $wait:ident, |$guest:ident, $store:ident| $call:expr) => {{
        $self.begin(Wait::$wait)?;
        let component = $self.component.clone();
        let indices = component.parts().roles.$role.as_ref().ok_or(CallError::Absent(Role::$variant))?;
        let $guest = indices
            .load(&mut $self.store, &$self.instance)
            .map_err(|why| CallError::Trap(why.root_cause().to_string()))?;
        let $store = &mut $self.store;
        let outcome = $wait($call).await;
        $self.end(outcome)
    }};
}
