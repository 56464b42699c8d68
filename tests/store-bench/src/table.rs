//! What is printed: figures of the servers beside each other, and limits beside how far they are reached.

/// A figure of each server.
pub(crate) struct Row {
    pub(crate) figure: String,
    pub(crate) etcd: f64,
    pub(crate) ours: f64,
    /// Of the server that does nothing, where it can be asked.
    pub(crate) nothing: Option<f64>,
    /// What ours is to be, or its ratio to etcd's; empty where nobody said.
    pub(crate) goal: &'static str,
}

/// What is the most that any store could do on this machine with this client.
pub(crate) struct Limit {
    pub(crate) what: String,
    pub(crate) per_second: f64,
    /// The share of it that ours does, where it can be compared.
    pub(crate) reached: Option<f64>,
}

pub(crate) fn print(rows: impl Iterator<Item = Row>) {
    println!("{:<50} {:>9} {:>9} {:>9} {:>10}   goal", "figure", "etcd", "ours", "nothing", "ours/etcd");
    for Row { figure, etcd, ours, nothing, goal } in rows {
        let goal = if goal.is_empty() { String::new() } else { format!("({goal})") };
        println!(
            "{figure:<50} {:>9} {:>9} {:>9} {:>9.2}x   {goal}",
            number(etcd),
            number(ours),
            nothing.map(number).unwrap_or_default(),
            ours / etcd,
        );
    }
}

pub(crate) fn print_limits(limits: impl Iterator<Item = Limit>) {
    println!("{:<50} {:>9} {:>9}", "limit", "a second", "reached");
    for Limit { what, per_second, reached } in limits {
        let reached = reached.map(|share| format!("{:.0} %", share * 100.0)).unwrap_or_default();
        println!("{what:<50} {:>9} {reached:>9}", number(per_second));
    }
}

/// Three digits or all before the point.
fn number(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
