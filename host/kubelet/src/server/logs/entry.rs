//! One line of a log file as CRI prescribes it: `<RFC 3339> <stream> <tags> <content>`.

use jiff::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) at: Timestamp,
    pub(super) extent: Extent,
    pub(super) content: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// `F`: the end of a line.
    Full,
    /// `P`: the line goes on in the next entry of its stream.
    Partial,
}

impl<'a> Entry<'a> {
    /// `None` for what is no entry. The line comes without its end.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.splitn(4, |byte| *byte == b' ');
        let at = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        if !matches!(fields.next()?, b"stdout" | b"stderr") {
            return None;
        }
        // Tags are separated by colons; the first one is the only one there is.
        let extent = match fields.next()?.split(|byte| *byte == b':').next()? {
            b"F" => Extent::Full,
            b"P" => Extent::Partial,
            _ => return None,
        };
        Some(Self { at, extent, content: fields.next().unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_a_time_an_extent_and_content_with_spaces() {
        let at = "2024-05-01T08:00:00.000000001Z".parse().unwrap();
        for (line, extent, content) in [
            ("2024-05-01T10:00:00.000000001+02:00 stdout F a b  c ", Extent::Full, "a b  c "),
            ("2024-05-01T08:00:00.000000001Z stderr P x", Extent::Partial, "x"),
            ("2024-05-01T08:00:00.000000001Z stdout F:other x", Extent::Full, "x"),
            ("2024-05-01T08:00:00.000000001Z stdout F ", Extent::Full, ""),
            ("2024-05-01T08:00:00.000000001Z stdout F", Extent::Full, ""),
        ] {
            let expected = Entry { at, extent, content: content.as_bytes() };
            assert_eq!(Entry::parse(line.as_bytes()), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_is_no_entry_is_none() {
        for line in [
            "",
            "text",
            "yesterday stdout F x",
            "2024-05-01T08:00:00Z stdin F x",
            "2024-05-01T08:00:00Z stdout X x",
        ] {
            assert_eq!(Entry::parse(line.as_bytes()), None, "{line}");
        }
    }
}
