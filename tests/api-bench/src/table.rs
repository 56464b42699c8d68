//! What is printed: a figure beside what it is to be, and how figures grow.

/// A measured value beside what it is to be.
pub(crate) struct Row {
    pub(crate) figure: &'static str,
    pub(crate) measured: String,
    pub(crate) goal: &'static str,
}

/// Values at one size.
pub(crate) struct Step {
    pub(crate) size: usize,
    pub(crate) values: Vec<Option<f64>>,
}

pub(crate) fn print(rows: &[Row]) {
    println!("{:<56} {:>36}   goal", "figure", "measured");
    for Row { figure, measured, goal } in rows {
        println!("{figure:<56} {measured:>36}   {goal}");
    }
}

pub(crate) fn print_growth(of: &str, columns: &[&str], steps: &[Step]) {
    if steps.is_empty() {
        return;
    }
    print!("\n{of:<14}");
    for column in columns {
        print!(" {column:>22}");
    }
    println!();
    for Step { size, values } in steps {
        print!("{size:<14}");
        for value in values {
            print!(" {:>22}", value.map(number).unwrap_or_default());
        }
        println!();
    }
}

/// Three digits or all before the point.
pub(crate) fn number(value: f64) -> String {
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
