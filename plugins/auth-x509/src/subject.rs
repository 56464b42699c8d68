//! What a certificate's subject says of a user.

use std::fmt;

use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::{Tag, Tagged};
use x509_cert::name::Name;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
/// The uid of a user, under the number of the Cloud Native Computing Foundation.
const UID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57683.2");

#[derive(Debug, Default)]
pub(crate) struct Subject {
    /// The last one, where there are several.
    pub(crate) common_name: Option<String>,
    pub(crate) organizations: Vec<String>,
    pub(crate) uid: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Unreadable {
    NoText(ObjectIdentifier),
    EmptyUid,
    ManyUids,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoText(attribute) => write!(f, "its attribute {attribute} is no text"),
            Self::EmptyUid => f.write_str("its uid is empty"),
            Self::ManyUids => f.write_str("it has more than one uid"),
        }
    }
}

impl Subject {
    pub(crate) fn read(name: &Name) -> Result<Self, Unreadable> {
        let mut subject = Self::default();
        for attribute in name.iter() {
            let read = || text(&attribute.value).ok_or(Unreadable::NoText(attribute.oid));
            match attribute.oid {
                COMMON_NAME => subject.common_name = Some(read()?),
                ORGANIZATION => subject.organizations.push(read()?),
                UID => match read()? {
                    _ if subject.uid.is_some() => return Err(Unreadable::ManyUids),
                    uid if uid.is_empty() => return Err(Unreadable::EmptyUid),
                    uid => subject.uid = Some(uid),
                },
                _ => {}
            }
        }
        Ok(subject)
    }
}

/// The text of a directory string (X.520), or none where it is of another type.
fn text(value: &Any) -> Option<String> {
    let bytes = value.value();
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => String::from_utf8(bytes.to_vec()).ok(),
        Tag::TeletexString => Some(bytes.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        _ => None,
    }
}
