//! Events about objects (core/v1): similar ones are counted, floods are cut, as upstream's correlator does.

mod correlate;
mod recorder;

pub use recorder::{EventType, Recorder, RecorderTask, Source, recorder};
