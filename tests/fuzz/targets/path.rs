//! A method and an address: what is read does not depend on how its characters are escaped.
#![no_main]

use libfuzzer_sys::fuzz_target;
use objects::request::{RequestInfo, decode};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((method, address)) = text.split_once(' ') else { return };
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let info = RequestInfo::read(method, path, query);
    assert_eq!(info.path, decode(path));
    let again = RequestInfo::read(method, &escaped(&info.path), query);
    assert_eq!(again, info);
});

/// With every character but the slash as an escape.
fn escaped(path: &str) -> String {
    let escape = |byte: u8| if byte == b'/' { "/".to_owned() } else { format!("%{byte:02X}") };
    path.bytes().map(escape).collect()
}
