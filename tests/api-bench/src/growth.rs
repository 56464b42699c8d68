//! How figures change with the number of objects.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::Result;

use crate::load;
use crate::objects::{PODS, pod, prepare_pods};
use crate::servers::Server;
use crate::table::{Row, Step, number};

const SIZES: [usize; 3] = [1000, 10_000, 50_000];

pub(crate) const COLUMNS: [&str; 5] =
    ["GET a second", "LIST of 1,000 MB/s", "CREATE a second", "memory MB", "KB each"];
/// Which of them is the memory.
const MEMORY: usize = 3;

pub(crate) async fn measure(server: &Server) -> Result<Vec<Step>> {
    prepare_pods(server).await?;
    let empty = server.resident()?;
    let connections = load::connections(server)?;
    let (numbers, any) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let mut steps = Vec::new();
    for size in SIZES {
        let began = (std::time::Instant::now(), numbers.load(std::sync::atomic::Ordering::Relaxed));
        load::fill(&connections, &numbers, size, |to, number| async move {
            to.create(PODS, pod(&format!("pod-{number:06}"))).await
        })
        .await?;
        let made = (size - began.1) as f64 / began.0.elapsed().as_secs_f64();
        numbers.store(size, std::sync::atomic::Ordering::Relaxed);
        let memory = server.resident()?;
        let get = load::rate(server, &connections, &any, move |to, number| async move {
            to.read(&format!("{PODS}/pod-{:06}", number.wrapping_mul(7919) % size), "identity").await
        })
        .await?;
        let list = load::rate(server, &connections, &any, |to, _| async move {
            to.read(&format!("{PODS}?limit=1000"), "identity").await
        })
        .await?;
        let each = memory.zip(empty).map(|(memory, empty)| (memory - empty) * 1e3 / size as f64);
        steps.push(Step {
            size,
            values: vec![Some(get.per_second), Some(list.bytes_per_second / 1e6), Some(made), memory, each],
        });
    }
    Ok(steps)
}

/// The figure at the largest size.
pub(crate) fn row(steps: &[Step]) -> Option<Row> {
    let memory = steps.last()?.values[MEMORY]?;
    Some(Row { figure: "memory with 50,000 pods of 4 KB, MB", measured: number(memory), goal: "600" })
}
