//! What a container left to say at its end: its termination message, or the end of its log.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use cri::ContainerStatus;
use k8s_openapi::api::core::v1::Pod;

use crate::config::Config;
use crate::pod::container::{log_file, log_folder};
use crate::pod::facts::{PodFacts, PodUid};
use crate::pod::observed::label;
use crate::volumes::pod_folder;

/// Upstream's limits: of a message, and of a log that stands in for one.
const MESSAGE_BYTES: usize = 4096;
const LOG_BYTES: usize = 2048;
const LOG_LINES: usize = 80;
/// How much of a log is read to find its last lines, each of which has a time and a stream in front.
const TAIL_BYTES: u64 = 16 * 1024;

/// The file that one life of a container writes its message to.
pub(super) fn file(root: &Path, uid: &PodUid, container: &str, attempt: u32) -> PathBuf {
    pod_folder(root, uid).join("containers").join(container).join(attempt.to_string())
}

pub(super) fn of(config: &Config, pod: &Pod, life: &ContainerStatus) -> Option<String> {
    let (name, attempt) = (&life.metadata.name, life.metadata.attempt);
    let text = limited(&file(&config.root, &pod.uid(), name, attempt));
    let from_log = life
        .annotations
        .get(label::TERMINATION_POLICY)
        .is_some_and(|policy| policy == "FallbackToLogsOnError");
    let text = match text {
        None if from_log && life.exit_code != 0 => {
            tail(&config.pod_logs.join(log_folder(pod)).join(log_file(name, attempt)))
        }
        text => text,
    };
    text.filter(|text| !text.is_empty())
}

/// The beginning of a message; a container that wrote none has an empty file, or none.
fn limited(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(MESSAGE_BYTES as u64).read_to_end(&mut bytes).ok()?;
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

fn tail(path: &Path) -> Option<String> {
    let mut file = fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(last_lines(&String::from_utf8_lossy(&bytes)))
}

/// The contents of the last lines of a CRI log: `TIME STREAM TAG CONTENT`.
fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter_map(|line| line.splitn(4, ' ').nth(3)).collect();
    let mut text = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    let start = text.len().saturating_sub(LOG_BYTES);
    let start = (start..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    text.split_off(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_has_its_contents_alone() {
        let log = "2026-01-01T00:00:00Z stdout F one two\n2026-01-01T00:00:00Z stderr F three\n";
        assert_eq!(last_lines(log), "one two\nthree\n");
        let long: String = (0..100).map(|n| format!("t stdout F line {n}\n")).collect();
        assert!(last_lines(&long).starts_with("line 20\n"));
        assert_eq!(last_lines(&format!("t stdout F {}\n", "ä".repeat(4000))).len(), LOG_BYTES - 1);
    }

    #[test]
    fn an_empty_message_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        fs::write(&path, "").unwrap();
        assert_eq!(limited(&path), None);
        fs::write(&path, "x".repeat(5000)).unwrap();
        assert_eq!(limited(&path).unwrap().len(), MESSAGE_BYTES);
    }
}
