//! Runs a file of cases against a server, and writes down what it answered.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::{Request, Status, Streaming};

use crate::connection::{BytesCodec, Connection, Endpoint};
use crate::file::{Answer, CaseFile, Edition, Entry, Kind, Outcome};
use crate::schema::{self, Method};

/// How long an answer may take: more than the shortest lease lives, and far more than anything else.
const LIMIT: Duration = Duration::from_secs(10);
/// Requests of a stream that wait to be sent.
const WAITING: usize = 64;

/// The file with each answer replaced by the one that this server gave; those of the other edition stay as they are.
///
/// # Errors
/// Where the server cannot be reached, or answers what is no message of the API.
pub(crate) async fn run(file: &CaseFile, endpoint: &Endpoint, edition: Edition) -> Result<CaseFile> {
    let mut session = Session::open(endpoint).await?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut only = None;
    for (index, entry) in file.entries.iter().enumerate() {
        only = if entry.is_gap() { None } else { entry.only().or(only) };
        if only.is_some_and(|only| only != edition) {
            entries.push(entry.clone());
            continue;
        }
        let below = &file.entries[index + 1..];
        let step = session.take(entry, edition).await.with_context(|| format!("line {}", entry.line))?;
        let unanswered = matches!(entry.kind, Kind::Call { .. }) && !is_answered(below, edition);
        entries.push(Entry { line: entry.line, kind: step });
        if unanswered {
            let answer =
                Answer { stream: None, only: None, any_order: false, outcome: session.called.clone() };
            entries.push(Entry { line: entry.line, kind: Kind::Answer(answer) });
        }
    }
    let mut recorded = CaseFile { entries };
    recorded.sort_any_order();
    Ok(recorded)
}

/// Whether this edition's answer stands below a call.
fn is_answered(below: &[Entry], edition: Edition) -> bool {
    let answers = below.iter().map_while(|entry| match &entry.kind {
        Kind::Answer(answer) if answer.stream.is_none() => Some(answer.given_by(edition)),
        Kind::Words(words) if words.starts_with('~') => Some(false),
        _ => None,
    });
    answers.into_iter().any(|given| given)
}

struct Session {
    connection: Connection,
    streams: HashMap<String, Stream>,
    /// The answer to the last call.
    called: Outcome,
    /// The id of who answers.
    member: u64,
}

impl Session {
    async fn open(endpoint: &Endpoint) -> Result<Self> {
        let connection =
            Connection::open(endpoint).await.with_context(|| format!("connect to {endpoint:?}"))?;
        let status = call(&connection, &Method::find("Maintenance.Status")?, Bytes::new()).await?;
        let member = schema::member(&status.map_err(|status| anyhow::anyhow!("ask who answers: {status}"))?)?;
        Ok(Self { connection, streams: HashMap::new(), called: Outcome::Nothing, member })
    }

    /// Does what an entry says, and gives the entry with what was answered.
    async fn take(&mut self, entry: &Entry, edition: Edition) -> Result<Kind> {
        match &entry.kind {
            Kind::Words(_) => {}
            Kind::Call { method, request, .. } => {
                let answer = call(&self.connection, method, request.encode(self.member)?.into()).await?;
                self.called = outcome(method, Some(answer.map(Some)))?;
            }
            Kind::Open { stream, method, .. } => {
                self.streams.insert(stream.clone(), Stream::open(&self.connection, method));
            }
            Kind::Send { stream, request, .. } => {
                let bytes = request.encode(self.member)?;
                self.stream(stream)?.send(bytes.into()).await?;
            }
            Kind::Close { stream } => self.stream(stream)?.requests = None,
            Kind::Answer(expected) if expected.given_by(edition) => {
                let outcome = match &expected.stream {
                    Some(stream) => self.stream(stream)?.read().await?,
                    None => self.called.clone(),
                };
                return Ok(Kind::Answer(Answer { outcome, ..expected.clone() }));
            }
            Kind::Answer(_) => {}
        }
        Ok(entry.kind.clone())
    }

    fn stream(&mut self, name: &str) -> Result<&mut Stream> {
        self.streams.get_mut(name).with_context(|| format!("the stream {name} is not open"))
    }
}

/// One request, one answer.
///
/// # Errors
/// Where none comes in time.
async fn call(connection: &Connection, method: &Method, request: Bytes) -> Result<Result<Bytes, Status>> {
    let mut grpc = connection.grpc();
    let answer = async {
        grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        grpc.unary(Request::new(request), method.path(), BytesCodec).await
    };
    match timeout(LIMIT, answer).await {
        Ok(answer) => Ok(answer.map(tonic::Response::into_inner)),
        Err(_) => bail!("{} gave no answer in {LIMIT:?}", method.path()),
    }
}

/// A message, the end, or (`None`) nothing in time.
///
/// # Errors
/// Where the connection broke, or the message is none of the API.
fn outcome(method: &Method, received: Option<Result<Option<Bytes>, Status>>) -> Result<Outcome> {
    match received {
        Some(Ok(Some(bytes))) => Outcome::received(method, &bytes),
        Some(Ok(None)) => Ok(Outcome::ended(tonic::Code::Ok, "")),
        // What the connection said; the server's own words have no source.
        Some(Err(status)) if std::error::Error::source(&status).is_some() => Err(status.into()),
        Some(Err(status)) => Ok(Outcome::ended(status.code(), status.message())),
        None => Ok(Outcome::Nothing),
    }
}

/// An open stream; dropped, it is reset.
struct Stream {
    method: Method,
    /// `None` once the requests ended.
    requests: Option<mpsc::Sender<Bytes>>,
    answers: Answers,
}

enum Answers {
    /// The server sends no header before its first answer.
    Opening(JoinSet<Result<Streaming<Bytes>, Status>>),
    Open(Box<Streaming<Bytes>>),
    /// It ended, or nothing came in time.
    Over(Outcome),
}

impl Stream {
    fn open(connection: &Connection, method: &Method) -> Self {
        let (requests, mut sent) = mpsc::channel(WAITING);
        let (mut grpc, path) = (connection.grpc(), method.path());
        let sent = futures_util::stream::poll_fn(move |context| sent.poll_recv(context));
        let mut opening = JoinSet::new();
        opening.spawn(async move {
            grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
            Ok(grpc.streaming(Request::new(sent), path, BytesCodec).await?.into_inner())
        });
        Self { method: method.clone(), requests: Some(requests), answers: Answers::Opening(opening) }
    }

    /// # Errors
    /// Where the file ended the requests before.
    async fn send(&mut self, request: Bytes) -> Result<()> {
        let requests = self.requests.as_ref().context("the requests were ended")?;
        // A server may have ended the stream already, which the next answer tells.
        requests.send(request).await.ok();
        Ok(())
    }

    async fn read(&mut self) -> Result<Outcome> {
        let received = match &mut self.answers {
            Answers::Over(outcome) => return Ok(outcome.clone()),
            answers => timeout(LIMIT, answers.next()).await.ok(),
        };
        let ended = !matches!(received, Some(Ok(Some(_))));
        let outcome = outcome(&self.method, received)?;
        if ended {
            self.answers = Answers::Over(outcome.clone());
        }
        Ok(outcome)
    }
}

impl Answers {
    async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            match self {
                Self::Opening(opening) => {
                    let opened = opening.join_next().await.expect("it was spawned and not yet joined");
                    let opened = opened.map_err(|error| Status::from_error(error.into()))?;
                    *self = Self::Open(Box::new(opened?));
                }
                Self::Open(streaming) => return streaming.message().await,
                Self::Over(_) => return Ok(None),
            }
        }
    }
}
