//! `v4.channel.k8s.io` on SPDY: the client opens a stream for each thing that it sends or takes.

use std::pin::Pin;
use std::time::Duration;

use net::spdy::{self, Incoming, Receiver, SpdyError, Stream};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;

use super::speech::{Output, Said, Told};
use super::{CLOSING, Wanted};

/// How long a client may take to open its streams.
const OPENING: Duration = Duration::from_secs(30);

const ERROR: &str = "error";
const STDIN: &str = "stdin";
const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";
const RESIZE: &str = "resize";

/// The streams of one conversation, and the connection that they are of.
pub(super) struct Streams {
    opened: Vec<(&'static str, Stream)>,
    incoming: Incoming,
    driving: Pin<Box<dyn Future<Output = Result<(), SpdyError>> + Send>>,
}

impl Streams {
    /// Waits until the client has opened a stream for everything that it wants.
    pub(super) async fn establish<S>(io: S, wanted: Wanted) -> Option<Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut incoming, driving) = spdy::accept(io);
        let mut driving: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(driving);
        let opened = tokio::select! {
            opened = tokio::time::timeout(OPENING, open(&mut incoming, wanted)) => opened.ok().flatten(),
            _ = &mut driving => None,
        };
        if opened.is_none() {
            tracing::debug!("a client did not open the streams that it asked for");
        }
        Some(Self { opened: opened?, incoming, driving })
    }

    pub(super) async fn carry(self, hear: mpsc::Sender<Said>, mut told: mpsc::Receiver<Told>) {
        let Self { opened, incoming, mut driving } = self;
        let (mut receivers, mut senders) = (Vec::new(), Vec::new());
        for (kind, stream) in opened {
            receivers.push((kind, stream.receiver));
            senders.push((kind, stream.sender));
        }
        let listen = async {
            let (stdin, resize) = (take(&mut receivers, STDIN), take(&mut receivers, RESIZE));
            tokio::join!(inputs(stdin, &hear), sizes(resize, &hear));
            // Who has said all may still be there to be told.
            std::future::pending::<()>().await;
        };
        let tell = async {
            while let Some(told) = told.recv().await {
                let (kind, bytes) = match told {
                    Told::Output(Output::Stdout, bytes) => (STDOUT, bytes),
                    Told::Output(Output::Stderr, bytes) => (STDERR, bytes),
                    Told::Outcome(outcome) => (ERROR, outcome.status().into()),
                };
                if let Some((_, sender)) = senders.iter_mut().find(|(each, _)| *each == kind) {
                    sender.write_all(&bytes).await?;
                }
            }
            for (_, sender) in &mut senders {
                sender.shutdown().await?;
            }
            Ok::<_, std::io::Error>(())
        };
        tokio::select! {
            told = tell => if let Err(error) = told {
                return tracing::debug!(%error, "a client does not take what it is told");
            },
            () = listen => {}
            _ = &mut driving => return,
        }
        // Without streams, and nobody who takes new ones, the connection closes.
        drop((receivers, senders, incoming));
        if let Ok(Err(error)) = tokio::time::timeout(CLOSING, driving).await {
            tracing::debug!(%error, "a client did not take the end of its conversation");
        }
    }
}

/// `None` when the connection has ended.
async fn open(incoming: &mut Incoming, wanted: Wanted) -> Option<Vec<(&'static str, Stream)>> {
    let mut missing = vec![ERROR];
    missing.extend(
        [(STDIN, wanted.stdin), (STDOUT, wanted.stdout), (STDERR, wanted.stderr), (RESIZE, wanted.terminal)]
            .iter()
            .filter(|(_, wanted)| *wanted)
            .map(|(kind, _)| *kind),
    );
    let mut opened = Vec::new();
    while !missing.is_empty() {
        let opening = incoming.next().await?;
        let kind = opening.headers().get("streamtype").unwrap_or_default();
        match missing.iter().position(|each| *each == kind) {
            Some(at) => opened.push((missing.remove(at), opening.accept().await.ok()?)),
            None => opening.refuse().await.ok()?,
        }
    }
    Some(opened)
}

fn take(receivers: &mut Vec<(&'static str, Receiver)>, kind: &str) -> Option<Receiver> {
    let at = receivers.iter().position(|(each, _)| *each == kind)?;
    Some(receivers.remove(at).1)
}

async fn inputs(stdin: Option<Receiver>, hear: &mpsc::Sender<Said>) {
    let Some(mut stdin) = stdin else { return };
    while let Some(bytes) = stdin.next().await {
        if hear.send(Said::Input(bytes)).await.is_err() {
            return;
        }
    }
    // Where nobody listens any more, the end is known.
    hear.send(Said::EndOfInput).await.ok();
}

/// Sizes come one a line.
async fn sizes(resize: Option<Receiver>, hear: &mpsc::Sender<Said>) {
    let Some(resize) = resize else { return };
    let mut lines = BufReader::new(resize).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(size) = Said::resize(line.as_bytes())
            && hear.send(size).await.is_err()
        {
            return;
        }
    }
}
