//! What clients ask: each on a connection of its own, one request after the other.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use supervise::Scope;

use crate::servers::{Connection, Server};

pub(crate) const CONNECTIONS: usize = 16;
const WARM_UP: Duration = Duration::from_millis(200);
/// No filling goes on for longer.
const LIMIT: Duration = Duration::from_secs(600);
const WINDOW: Duration = Duration::from_millis(1500);

/// What a server did.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) bytes_per_second: f64,
    /// Microseconds of the server for one request.
    pub(crate) cpu: Option<f64>,
}

/// Asks with every connection for a while; each request gets a number of its own, from `first` on.
pub(crate) async fn rate<F>(
    server: &Server,
    connections: &[Connection],
    numbers: &Arc<AtomicUsize>,
    ask: impl Fn(Connection, usize) -> F + Clone + Send + 'static,
) -> Result<Rate>
where
    F: Future<Output = Result<usize>> + Send + 'static,
{
    run(connections, numbers, usize::MAX, Instant::now() + WARM_UP, ask.clone()).await?;
    let (began, before) = (Instant::now(), server.cpu()?);
    let (answered, bytes) = run(connections, numbers, usize::MAX, began + WINDOW, ask).await?;
    let (took, after) = (began.elapsed().as_secs_f64(), server.cpu()?);
    let (answered, bytes) = (answered as f64, bytes as f64);
    let cpu = before.zip(after).map(|(before, after)| (after - before).as_secs_f64() * 1e6 / answered);
    Ok(Rate { per_second: answered / took, bytes_per_second: bytes / took, cpu })
}

/// Asks once for each number below `count`.
pub(crate) async fn each<F>(
    server: &Server,
    count: usize,
    ask: impl Fn(Connection, usize) -> F + Clone + Send + 'static,
) -> Result<()>
where
    F: Future<Output = Result<usize>> + Send + 'static,
{
    fill(&connections(server)?, &Arc::default(), count, ask).await
}

/// Asks once for each number from where `numbers` stands up to `end`.
pub(crate) async fn fill<F>(
    connections: &[Connection],
    numbers: &Arc<AtomicUsize>,
    end: usize,
    ask: impl Fn(Connection, usize) -> F + Clone + Send + 'static,
) -> Result<()>
where
    F: Future<Output = Result<usize>> + Send + 'static,
{
    run(connections, numbers, end, Instant::now() + LIMIT, ask).await?;
    Ok(())
}

pub(crate) fn connections(server: &Server) -> Result<Vec<Connection>> {
    (0..CONNECTIONS).map(|_| server.connection()).collect()
}

/// Answers, and their bytes.
async fn run<F>(
    connections: &[Connection],
    numbers: &Arc<AtomicUsize>,
    end: usize,
    until: Instant,
    ask: impl Fn(Connection, usize) -> F + Clone + Send + 'static,
) -> Result<(usize, usize)>
where
    F: Future<Output = Result<usize>> + Send + 'static,
{
    let scope = Scope::root("clients");
    let clients: Vec<_> = connections
        .iter()
        .map(|connection| {
            let (connection, numbers, ask) = (connection.clone(), Arc::clone(numbers), ask.clone());
            scope.spawn("client", async move {
                let (mut answered, mut bytes) = (0, 0);
                while Instant::now() < until {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        break;
                    }
                    bytes += ask(connection.clone(), number).await?;
                    answered += 1;
                }
                anyhow::Ok((answered, bytes))
            })
        })
        .collect();
    let mut sum = (0, 0);
    for client in clients {
        let (answered, bytes) = client.await??;
        sum = (sum.0 + answered, sum.1 + bytes);
    }
    Ok(sum)
}
