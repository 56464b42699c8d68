//! The outermost sections of a component: looked through, put in front, taken out. What is in them is not looked at.

use std::ops::Range;

use crate::inspect::{InspectError, LARGEST};

const MAGIC: &[u8] = b"\0asm";
/// The magic number and the version.
const PREAMBLE: usize = 8;
const CUSTOM: u8 = 0;

/// A custom section of the outermost level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomSection<'a> {
    pub name: &'a str,
    pub content: &'a [u8],
    /// Where the whole of it is in the component.
    pub range: Range<usize>,
}

/// The custom sections of the outermost level, in their order.
pub fn custom_sections(component: &[u8]) -> Result<Vec<CustomSection<'_>>, InspectError> {
    if component.len() > LARGEST {
        return Err(InspectError::Size(component.len()));
    }
    if !component.starts_with(MAGIC) {
        return Err(InspectError::NotWasm);
    }
    let mut found = Vec::new();
    let mut rest = Reader { bytes: component, at: PREAMBLE };
    if component.len() < PREAMBLE {
        return Err(InspectError::Torn);
    }
    while rest.at < component.len() {
        let start = rest.at;
        let id = rest.byte()?;
        let content = rest.counted()?;
        if id == CUSTOM {
            let mut content = Reader { bytes: content, at: 0 };
            let name = str::from_utf8(content.counted()?).map_err(|_| InspectError::Torn)?;
            found.push(CustomSection { name, content: content.rest(), range: start..rest.at });
        }
    }
    Ok(found)
}

/// A custom section as it is in a component.
pub fn custom_section(name: &str, content: &[u8]) -> Vec<u8> {
    let mut inner = length(name.len());
    inner.extend_from_slice(name.as_bytes());
    inner.extend_from_slice(content);
    let mut section = vec![CUSTOM];
    section.extend(length(inner.len()));
    section.extend(inner);
    section
}

/// The component without its outermost custom sections of these names.
pub fn without_sections(component: &[u8], names: &[&str]) -> Result<Vec<u8>, InspectError> {
    let sections = custom_sections(component)?;
    let mut kept = component.to_vec();
    for section in sections.iter().rev().filter(|section| names.contains(&section.name)) {
        kept.drain(section.range.clone());
    }
    Ok(kept)
}

/// The component with a custom section before all others.
pub fn with_section_in_front(component: &[u8], name: &str, content: &[u8]) -> Result<Vec<u8>, InspectError> {
    let (preamble, rest) = component.split_at_checked(PREAMBLE).ok_or(InspectError::Torn)?;
    Ok([preamble, &custom_section(name, content), rest].concat())
}

/// A number in LEB128.
fn length(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, InspectError> {
        let byte = self.bytes.get(self.at).copied().ok_or(InspectError::Torn)?;
        self.at += 1;
        Ok(byte)
    }

    /// As many bytes as the number before them says.
    fn counted(&mut self) -> Result<&'a [u8], InspectError> {
        let mut count = 0_usize;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            count |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let end = self.at.checked_add(count).ok_or(InspectError::Torn)?;
                let counted = self.bytes.get(self.at..end).ok_or(InspectError::Torn)?;
                self.at = end;
                return Ok(counted);
            }
        }
        Err(InspectError::Torn)
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn names(component: &[u8]) -> Vec<String> {
        custom_sections(component).unwrap().iter().map(|section| section.name.to_owned()).collect()
    }

    #[test]
    fn a_section_put_in_front_is_the_first_and_can_be_taken_out_again() {
        let content = vec![7; 300];
        let one = with_section_in_front(EMPTY, "a", &content).unwrap();
        let two = with_section_in_front(&one, "b", b"").unwrap();
        assert_eq!(names(&two), ["b", "a"]);
        assert_eq!(custom_sections(&two).unwrap()[1].content, content);
        assert_eq!(without_sections(&two, &["b"]).unwrap(), one);
        assert_eq!(without_sections(&two, &["a", "b"]).unwrap(), EMPTY);
    }

    #[test]
    fn a_file_that_ends_within_a_section_is_told() {
        let whole = with_section_in_front(EMPTY, "a", b"content").unwrap();
        for end in (0..whole.len()).filter(|&end| end != EMPTY.len()) {
            assert!(custom_sections(&whole[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_length_that_leads_out_of_the_file_is_told() {
        let beyond = [EMPTY, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
        assert!(custom_sections(&beyond).is_err());
        let endless = [EMPTY, &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat();
        assert!(custom_sections(&endless).is_err());
    }
}
