//! The frames of `v4.channel.k8s.io` and `v5.channel.k8s.io`: one byte that names a channel, then its bytes.

use bytes::Bytes;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::Message;

pub(super) const STDIN: u8 = 0;
pub(super) const STDOUT: u8 = 1;
pub(super) const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Streams can be closed one by one.
    V5,
    V4,
}

/// What is served, with the names for those who ask for something else.
pub(super) const PROTOCOLS: &[(&str, Protocol)] =
    &[("v5.channel.k8s.io", Protocol::V5), ("v4.channel.k8s.io", Protocol::V4)];
pub(super) const SERVED: &str = "v5.channel.k8s.io, v4.channel.k8s.io";

impl Protocol {
    pub(super) fn of(name: &str) -> Option<Self> {
        PROTOCOLS.iter().find(|(each, _)| *each == name).map(|(_, protocol)| *protocol)
    }

    pub(super) fn name(self) -> &'static str {
        PROTOCOLS
            .iter()
            .find(|(_, each)| *each == self)
            .map(|(name, _)| *name)
            .expect("every protocol has a row")
    }
}

/// What the client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Input(Bytes),
    EndOfInput,
    Resize {
        width: u32,
        height: u32,
    },
    /// Nothing that a server acts on.
    Nothing,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Size {
    width: u16,
    height: u16,
}

impl Said {
    pub(super) fn of(protocol: Protocol, mut frame: Bytes) -> Self {
        if frame.is_empty() {
            return Self::Nothing;
        }
        let channel = frame.split_to(1)[0];
        match (channel, protocol) {
            (STDIN, _) => Self::Input(frame),
            (RESIZE, _) => match serde_json::from_slice(&frame) {
                Ok(Size { width, height }) => Self::Resize { width: width.into(), height: height.into() },
                Err(error) => {
                    tracing::debug!(%error, "a terminal's size cannot be read");
                    Self::Nothing
                }
            },
            (CLOSE, Protocol::V5) if *frame == [STDIN] => Self::EndOfInput,
            _ => Self::Nothing,
        }
    }
}

/// How a command ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Exited(u32),
    /// It did not run, or nobody knows how it ended.
    Failed(String),
}

impl Outcome {
    /// The last frame: a Status on the channel for errors, also when there was none.
    pub(super) fn frame(&self) -> Message {
        let failure = |reason: &str, message: String| Status {
            status: Some("Failure".to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message),
            ..Status::default()
        };
        let cause = |reason: Option<&str>, message: String| StatusDetails {
            causes: Some(vec![StatusCause {
                reason: reason.map(str::to_owned),
                message: Some(message),
                field: None,
            }]),
            ..StatusDetails::default()
        };
        let status = match self {
            Self::Exited(0) => Status { status: Some("Success".to_owned()), ..Status::default() },
            Self::Exited(code) => Status {
                details: Some(cause(Some("ExitCode"), code.to_string())),
                ..failure(
                    "NonZeroExitCode",
                    format!("command terminated with non-zero exit code: exit code {code}"),
                )
            },
            Self::Failed(why) => {
                let why = format!("error executing command in container: {why}");
                Status {
                    code: Some(500),
                    details: Some(cause(None, why.clone())),
                    ..failure("InternalError", format!("Internal error occurred: {why}"))
                }
            }
        };
        let mut frame = vec![ERROR];
        serde_json::to_writer(&mut frame, &status).expect("a Status has only text for keys");
        Message::binary(frame)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(outcome: Outcome, expected: Expect) {
        let frame = outcome.frame().into_data();
        assert_eq!(frame[0], ERROR);
        expected.assert_eq(std::str::from_utf8(&frame[1..]).unwrap());
    }

    #[test]
    fn an_exit_code_is_a_cause_of_a_status() {
        check(
            Outcome::Exited(0),
            expect![[r#"{"apiVersion":"v1","kind":"Status","metadata":{},"status":"Success"}"#]],
        );
        check(
            Outcome::Exited(3),
            expect![[
                r#"{"apiVersion":"v1","kind":"Status","details":{"causes":[{"message":"3","reason":"ExitCode"}]},"message":"command terminated with non-zero exit code: exit code 3","metadata":{},"reason":"NonZeroExitCode","status":"Failure"}"#
            ]],
        );
    }

    #[test]
    fn a_command_that_did_not_run_is_an_internal_error() {
        check(
            Outcome::Failed("no such file".to_owned()),
            expect![[
                r#"{"apiVersion":"v1","kind":"Status","code":500,"details":{"causes":[{"message":"error executing command in container: no such file"}]},"message":"Internal error occurred: error executing command in container: no such file","metadata":{},"reason":"InternalError","status":"Failure"}"#
            ]],
        );
    }

    #[test]
    fn a_frame_is_a_channel_and_its_bytes() {
        for (protocol, frame, expected) in [
            (Protocol::V4, &b"\0in"[..], Said::Input(Bytes::from_static(b"in"))),
            (Protocol::V5, b"\x04{\"Width\":80,\"Height\":24}", Said::Resize { width: 80, height: 24 }),
            (Protocol::V5, b"\x04{\"Width\":-1}", Said::Nothing),
            (Protocol::V5, b"\xff\0", Said::EndOfInput),
            (Protocol::V4, b"\xff\0", Said::Nothing),
            (Protocol::V5, b"\xff\x01", Said::Nothing),
            (Protocol::V5, b"\x01out", Said::Nothing),
            (Protocol::V5, b"", Said::Nothing),
        ] {
            assert_eq!(Said::of(protocol, Bytes::from_static(frame)), expected, "{protocol:?} {frame:?}");
        }
    }
}
