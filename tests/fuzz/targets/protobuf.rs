//! An envelope, or an object: what is read is written so that it reads back, and nothing is lost on the way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use objects::Tree;
use objects::decode::{self, Notation, check};
use objects::protobuf::{EncodeError, encode};
use objects::schema;

fuzz_target!(|data: &[u8]| {
    match decode::value(data, Notation::Protobuf) {
        Ok((tree, _)) => survives(tree),
        Err(_) => {
            std::str::from_utf8(data).ok().and_then(fuzz::object).map_or((), |(tree, _)| survives(tree))
        }
    }
});

fn survives(mut tree: Tree) {
    let Some(gvk) = objects::meta::gvk(&tree) else { return };
    let Some(row) = schema::by_gvk(&gvk.group, &gvk.version, &gvk.kind) else { return };
    if check(&mut tree, row).is_err() {
        return;
    }
    let written = match encode(&tree) {
        Err(EncodeError::Kind(_)) => return,
        written => written.expect("what has its form is a message"),
    };
    let (mut read, _) = decode::value(&written, Notation::Protobuf).expect("what was written is read");
    check(&mut read, row).expect("it had its form before");
    assert_eq!(read, tree);
}
