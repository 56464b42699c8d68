//! Answers the control socket.

use net::Listener;
use supervise::{OnFailure, Unit};

use crate::control::Control;
use crate::units::name;

pub(crate) fn unit(listener: Listener, control: Control) -> Unit {
    Unit::new(name::CONTROL, &[], OnFailure::Restart, move |context| {
        let (listener, control) = (listener.clone(), control.clone());
        async move {
            context.ready();
            control.server().serve(listener, context.stop()).await;
            Ok(())
        }
    })
}
