//! The worst that can come in, by name.

/// Longer than any reasonable text, shorter than what the API server lets through.
const LONG: usize = 512 << 10;

/// Texts that break programs: each with the name by which a failure tells of it.
pub(super) fn texts() -> Vec<(&'static str, String)> {
    vec![
        ("an empty text", String::new()),
        ("blanks", " \t\r\n ".to_owned()),
        ("a text with NUL", "a\0b".to_owned()),
        ("escapes of a terminal", "\u{1b}[2J\u{7}".to_owned()),
        ("letters beyond ASCII", "Ünïcødé-ﷺ-👩‍👩‍👧‍👦-\u{202e}x".to_owned()),
        ("the end of Unicode", "\u{10ffff}\u{feff}".to_owned()),
        ("a path out of a folder", "../../../../etc/shadow".to_owned()),
        ("quotes and commas", "\",',`\\,\"\"".to_owned()),
        ("a text that looks like code", "${x} $(x) {{x}} %s %n <x>".to_owned()),
        ("a star", "*".to_owned()),
        ("half a megabyte of one letter", "a".repeat(LONG)),
        ("half a megabyte of commas", ",".repeat(LONG)),
    ]
}

/// Bytes that are no good content of anything.
pub(super) fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let mut contents: Vec<_> = texts().into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    contents.extend([
        ("no UTF-8", vec![0xff, 0xfe, 0xc0, 0x80]),
        ("zeros", vec![0; 4096]),
        ("half an object of JSON", br#"{"metadata":{"name":"#.to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("null", b"null".to_vec()),
        ("an object of other types", br#"{"metadata":7,"spec":[],"rules":"x","subjects":{}}"#.to_vec()),
        ("lists within lists", [vec![b'['; 20_000], vec![b']'; 20_000]].concat()),
        ("lines of three fields", b"a,b,c\n\"a\"\"\",\"b\n,,,\n".to_vec()),
    ]);
    contents
}
