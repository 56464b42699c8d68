//! What a client and a process say to each other, whatever carries it.

use bytes::Bytes;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};
use serde::Deserialize;

/// What the client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Input(Bytes),
    EndOfInput,
    Resize { width: u32, height: u32 },
}

/// What the client is told.
#[derive(Debug)]
pub(super) enum Told {
    Output(Output, Bytes),
    /// The last of all.
    Outcome(Outcome),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Stdout,
    Stderr,
}

/// How a conversation ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Exited(u32),
    /// It did not begin, or nobody knows how it ended.
    Failed(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Size {
    width: u16,
    height: u16,
}

impl Said {
    /// A terminal's size, as `{"Width":80,"Height":24}`.
    pub(super) fn resize(json: &[u8]) -> Option<Self> {
        match serde_json::from_slice(json) {
            Ok(Size { width, height }) => Some(Self::Resize { width: width.into(), height: height.into() }),
            Err(error) => {
                tracing::debug!(%error, "a terminal's size cannot be read");
                None
            }
        }
    }
}

impl Outcome {
    /// As the first protocols told it: nothing when all went well, else what went wrong in words.
    pub(super) fn words(&self) -> Option<String> {
        match self {
            Self::Exited(0) => None,
            Self::Exited(code) => {
                Some(format!("command terminated with non-zero exit code: exit code {code}"))
            }
            Self::Failed(why) => Some(format!("Internal error occurred: {why}")),
        }
    }

    /// A Status in JSON, also when all went well.
    pub(super) fn status(&self) -> Vec<u8> {
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
            Self::Failed(why) => Status {
                code: Some(500),
                details: Some(cause(None, why.clone())),
                ..failure("InternalError", format!("Internal error occurred: {why}"))
            },
        };
        serde_json::to_vec(&status).expect("a Status has only text for keys")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(outcome: Outcome, expected: Expect) {
        expected.assert_eq(std::str::from_utf8(&outcome.status()).unwrap());
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
            Outcome::Failed("error executing command in container: no such file".to_owned()),
            expect![[
                r#"{"apiVersion":"v1","kind":"Status","code":500,"details":{"causes":[{"message":"error executing command in container: no such file"}]},"message":"Internal error occurred: error executing command in container: no such file","metadata":{},"reason":"InternalError","status":"Failure"}"#
            ]],
        );
    }

    #[test]
    fn a_size_is_two_small_numbers() {
        let size = |json: &[u8]| Said::resize(json);
        assert_eq!(size(br#"{"Width":80,"Height":24}"#), Some(Said::Resize { width: 80, height: 24 }));
        assert_eq!(size(br#"{"Width":-1,"Height":24}"#), None);
        assert_eq!(size(b""), None);
    }
}
