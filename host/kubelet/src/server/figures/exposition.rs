//! Prometheus' text format, version 0.0.4.

use std::fmt::Write;

#[derive(Default)]
pub(super) struct Exposition(String);

impl Exposition {
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.write(format_args!("{name}"));
        for (index, (label, text)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            self.write(format_args!("{open}{label}=\"{}\"", escaped(text)));
        }
        if !labels.is_empty() {
            self.write(format_args!("}}"));
        }
        self.write(format_args!(" {value}\n"));
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("writing to a String does not fail");
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_values_are_plain() {
        let mut text = Exposition::default();
        text.family("a", "gauge", "What a is");
        text.sample("a", &[("x", "1\"2\\"), ("y", "z")], 0.5);
        text.sample("b", &[], 1e9);
        let expected = "# HELP a What a is\n# TYPE a gauge\na{x=\"1\\\"2\\\\\",y=\"z\"} 0.5\nb 1000000000\n";
        assert_eq!(text.finish(), expected);
    }
}
