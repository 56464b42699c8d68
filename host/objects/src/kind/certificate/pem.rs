//! PEM by its outside: which blocks there are, and whether they have headers (RFC 1421).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

struct Block<'a> {
    label: &'a str,
    has_headers: bool,
}

/// The blocks of a text; what is around them, or is no base64, is passed over.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES)) else {
            continue;
        };
        let (mut body, mut has_headers, mut ends) = (String::new(), false, false);
        for line in lines.by_ref() {
            if let Some(end) = line.strip_prefix(END) {
                ends = end.strip_suffix(DASHES) == Some(label);
                break;
            }
            if line.contains(':') { has_headers = true } else { body.push_str(line.trim()) }
        }
        if ends && STANDARD.decode(&body).is_ok() {
            blocks.push(Block { label, has_headers });
        }
    }
    blocks
}

fn decoded(base64: &str) -> String {
    STANDARD.decode(base64).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Whether base64 is of a text whose first block is a request for a certificate.
pub(super) fn is_request(base64: &str) -> bool {
    blocks(&decoded(base64)).first().is_some_and(|block| block.label == "CERTIFICATE REQUEST")
}

/// Why base64 is not of certificates, if it is of anything.
pub(super) fn is_no_certificate(base64: &str) -> Option<String> {
    if base64.is_empty() {
        return None;
    }
    let text = decoded(base64);
    let blocks = blocks(&text);
    for block in &blocks {
        if block.label != "CERTIFICATE" {
            return Some(format!("only CERTIFICATE PEM blocks are allowed, found {:?}", block.label));
        }
        if block.has_headers {
            return Some("no PEM block headers are permitted".to_owned());
        }
    }
    blocks.is_empty().then(|| "must contain at least one CERTIFICATE PEM block".to_owned())
}
