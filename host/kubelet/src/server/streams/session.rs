//! One conversation from the process's side: its streams, its terminal and its end.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Wanted;
use super::speech::{Outcome, Output, Said, Told};
use crate::server::containers::{Pipes, Process};

/// Bytes of output that are told at a time.
const CHUNK: usize = 32 << 10;
/// Output that comes after the exit, from what the command left running, is taken until it is silent for so long.
const SILENCE: Duration = Duration::from_secs(1);

pub(super) struct Session {
    pub(super) wanted: Wanted,
    /// What is said of a failure begins so.
    pub(super) failing: &'static str,
    pub(super) stop: CancellationToken,
}

impl Session {
    /// Talks with the process for as long as it, the client and the server want.
    pub(super) async fn run<P: Process>(
        self,
        start: impl Future<Output = Result<(P, Pipes), cri::Error>>,
        mut said: mpsc::Receiver<Said>,
        tell: mpsc::Sender<Told>,
    ) {
        let ended = match start.await {
            Ok((process, pipes)) => self.converse(&mut said, &tell, process, pipes).await,
            Err(error) => Some(Err(error)),
        };
        let outcome = match ended {
            Some(Ok(code)) => Outcome::Exited(code),
            Some(Err(error)) => Outcome::Failed(format!("{}: {error}", self.failing)),
            None => return,
        };
        if tell.send(Told::Outcome(outcome)).await.is_err() {
            tracing::debug!("a client was gone before it could be told the outcome");
        }
    }

    /// `None` when the client went away, or this server has to: what was started for it is ended then.
    async fn converse<P: Process>(
        &self,
        said: &mut mpsc::Receiver<Said>,
        tell: &mpsc::Sender<Told>,
        process: P,
        pipes: Pipes,
    ) -> Option<Result<u32, cri::Error>> {
        let Pipes { stdin, stdout, stderr } = pipes;
        let exited = CancellationToken::new();
        let exit = async {
            let code = process.wait().await;
            exited.cancel();
            code
        };
        let to = |wanted: bool| wanted.then_some(tell);
        let stdout = pump(Output::Stdout, stdout, to(self.wanted.stdout), &exited);
        let stderr = async {
            if let Some(stderr) = stderr {
                pump(Output::Stderr, stderr, to(self.wanted.stderr), &exited).await;
            }
        };
        let run = async { tokio::join!(exit, stdout, stderr).0 };
        let ended = tokio::select! {
            code = run => Some(code),
            () = listen(said, stdin, &process) => None,
            () = self.stop.cancelled() => None,
        };
        if ended.is_none()
            && let Err(error) = process.end().await
        {
            tracing::debug!(%error, "cannot end a process whose client is gone");
        }
        process.delete().await;
        ended
    }
}

/// Does what the client says until it is gone.
async fn listen<P: Process>(
    said: &mut mpsc::Receiver<Said>,
    mut stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    process: &P,
) {
    while let Some(said) = said.recv().await {
        let done = match (said, &mut stdin) {
            (Said::Input(input), Some(pipe)) => {
                if let Err(error) = pipe.write_all(&input).await {
                    tracing::debug!(%error, "a process takes no more input");
                    stdin = None;
                }
                Ok(())
            }
            (Said::EndOfInput, Some(pipe)) => {
                if let Err(error) = pipe.shutdown().await {
                    tracing::debug!(%error, "a process has ended its input itself");
                }
                stdin = None;
                process.close_stdin().await
            }
            (Said::Resize { width, height }, _) => process.resize(width, height).await,
            (Said::Input(_) | Said::EndOfInput, None) => Ok(()),
        };
        if let Err(error) = done {
            tracing::debug!(%error, "the runtime did not do what a client said");
        }
    }
}

/// Carries output to the client, or nowhere, until its end.
async fn pump(
    output: Output,
    mut from: Box<dyn AsyncRead + Send + Unpin>,
    to: Option<&mpsc::Sender<Told>>,
    exited: &CancellationToken,
) {
    let silence = || async {
        exited.cancelled().await;
        tokio::time::sleep(SILENCE).await;
    };
    loop {
        let mut chunk = vec![0; CHUNK];
        let read = tokio::select! {
            read = from.read(&mut chunk) => read,
            () = silence() => return,
        };
        match read {
            Ok(0) => return,
            Ok(read) => chunk.truncate(read),
            Err(error) => {
                return tracing::debug!(%error, "cannot read a process's output");
            }
        }
        if let Some(to) = to
            && to.send(Told::Output(output, Bytes::from(chunk))).await.is_err()
        {
            return;
        }
    }
}
