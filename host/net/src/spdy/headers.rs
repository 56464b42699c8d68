//! Blocks of headers, which share one zlib stream in each direction of a connection.

use bytes::{Buf, BufMut, BytesMut};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::SpdyError;

/// Bytes of one block at most, inflated: streams carry a handful of short headers.
const BLOCK: usize = 64 << 10;
/// How far back zlib looks.
const WINDOW: usize = 32 << 10;

/// What a zlib stream begins with: deflate with a window of 32 KiB, no dictionary.
const ZLIB: [u8; 2] = [0x78, 0x01];
/// In the second byte: a dictionary's checksum follows.
const HAS_DICTIONARY: u8 = 0x20;
/// A stored block of nothing. Peers give out what they have inflated when they see it.
const FLUSH: [u8; 5] = [0, 0, 0, 0xff, 0xff];

/// The words of the dictionary of SPDY/3, each of which has its length before it.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "options", "head", "post", "put", "delete", "trace", "accept", "accept-charset", "accept-encoding",
    "accept-language", "accept-ranges", "age", "allow", "authorization", "cache-control", "connection",
    "content-base", "content-encoding", "content-language", "content-length", "content-location", "content-md5",
    "content-range", "content-type", "date", "etag", "expect", "expires", "from", "host", "if-match",
    "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified", "location",
    "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "range", "referer", "retry-after",
    "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "vary", "via", "warning",
    "www-authenticate", "method", "get", "status", "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie",
    "keep-alive", "origin",
];
/// What follows the words.
const TAIL: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 \
    Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 \
    Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept \
    Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,\
    application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=\
    utf-8charset=iso-8859-1,utf-,*,enq=0.";
/// The Adler-32 of the dictionary, by which streams name it.
const CHECKSUM: [u8; 4] = [0xe3, 0xc6, 0xa7, 0xc2];

/// The headers of a stream, their names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    fn read(mut block: &[u8]) -> Result<Self, SpdyError> {
        let short = |_| SpdyError::Headers("they are cut off");
        let text = |block: &mut &[u8]| {
            let length = block.try_get_u32().map_err(short)? as usize;
            let (text, rest) =
                block.split_at_checked(length).ok_or(SpdyError::Headers("they are cut off"))?;
            *block = rest;
            String::from_utf8(text.to_vec()).map_err(|_| SpdyError::Headers("they are no text"))
        };
        let count = block.try_get_u32().map_err(short)?;
        (0..count).map(|_| Ok((text(&mut block)?, text(&mut block)?))).collect::<Result<_, _>>().map(Self)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Headers {
    fn from(rows: [(&str, &str); N]) -> Self {
        Self(rows.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

/// Writes blocks. They are stored rather than compressed: they are short, and any zlib reads that.
#[derive(Default)]
pub(super) struct Deflater {
    begun: bool,
}

impl Deflater {
    pub(super) fn write(&mut self, headers: &Headers, into: &mut BytesMut) {
        if !self.begun {
            into.put_slice(&ZLIB);
            self.begun = true;
        }
        let mut block = Vec::new();
        block.put_u32(headers.0.len() as u32);
        for text in headers.0.iter().flat_map(|(name, value)| [name, value]) {
            block.put_u32(text.len() as u32);
            block.put_slice(text.as_bytes());
        }
        for stored in block.chunks(u16::MAX.into()) {
            let length = stored.len() as u16;
            into.put_u8(0);
            into.put_u16_le(length);
            into.put_u16_le(!length);
            into.put_slice(stored);
        }
        into.put_slice(&FLUSH);
    }
}

/// Reads blocks.
pub(super) struct Inflater {
    state: Box<DecompressorOxide>,
    /// What was inflated last, and where to go on.
    window: Vec<u8>,
    at: usize,
    begun: bool,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { state: Box::default(), window: vec![0; WINDOW], at: 0, begun: false }
    }

    pub(super) fn read(&mut self, mut deflated: &[u8]) -> Result<Headers, SpdyError> {
        if !self.begun {
            deflated = self.begin(deflated)?;
            self.begun = true;
        }
        let mut block = Vec::new();
        loop {
            let (state, window, at) = (&mut self.state, &mut self.window, self.at);
            let (status, read, written) = decompress(state, deflated, window, at, TINFL_FLAG_HAS_MORE_INPUT);
            block.extend_from_slice(&self.window[at..at + written]);
            self.at = (at + written) % WINDOW;
            deflated = &deflated[read..];
            match status {
                _ if block.len() > BLOCK => return Err(SpdyError::Headers("they are too long")),
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput if deflated.is_empty() => return Headers::read(&block),
                _ => return Err(SpdyError::Headers("they are not deflated")),
            }
        }
    }

    /// Takes zlib's own header away, and the dictionary for what came before.
    fn begin<'a>(&mut self, stream: &'a [u8]) -> Result<&'a [u8], SpdyError> {
        let not_zlib = || SpdyError::Headers("they are no zlib stream");
        let (&[method, flags], mut rest) = stream.split_first_chunk().ok_or_else(not_zlib)?;
        if method & 0x0f != 8 || u16::from_be_bytes([method, flags]) % 31 != 0 {
            return Err(not_zlib());
        }
        if flags & HAS_DICTIONARY != 0 {
            rest = rest.strip_prefix(&CHECKSUM).ok_or(SpdyError::Headers("their dictionary is unknown"))?;
            let dictionary = dictionary();
            self.window[..dictionary.len()].copy_from_slice(&dictionary);
            self.at = dictionary.len();
        }
        Ok(rest)
    }
}

fn dictionary() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in WORDS {
        bytes.put_u32(word.len() as u32);
        bytes.put_slice(word.as_bytes());
    }
    bytes.put_slice(TAIL.as_bytes());
    bytes
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Three headers twice, as Go's zlib writes them with the dictionary; the second time they refer to the first.
    pub(crate) const FIRST: &[u8] = b"\x78\xf9\xe3\xc6\xa7\xc2\x02\x25\x3a\x70\x3a\x2b\x29\x4a\x4d\xcc\x85\x16\x25\xac\xa9\xa0\x80\x86\x14\xcb\x45\xe0\x1c\x60\x61\x60\x61\x00\xa4\x39\x8b\x20\xd1\x98\x09\x4a\xde\x8c\x06\x00\x00\x00\x00\xff\xff";
    const SECOND: &[u8] = b"\xc2\xaa\x19\x54\x0e\x25\x12\xd6\x0b\x00\x00\x00\xff\xff";

    fn streams(kind: &str) -> Headers {
        [("streamtype", kind), ("port", "8080"), ("requestid", "0")].into()
    }

    #[test]
    fn the_dictionary_is_that_of_its_checksum() {
        let (mut low, mut high) = (1u32, 0u32);
        for byte in dictionary() {
            low = (low + u32::from(byte)) % 65521;
            high = (high + low) % 65521;
        }
        assert_eq!((high << 16 | low).to_be_bytes(), CHECKSUM);
    }

    #[test]
    fn blocks_that_refer_to_the_dictionary_and_to_blocks_before_are_read() {
        let mut inflater = Inflater::new();
        assert_eq!(inflater.read(FIRST).unwrap(), streams("error"));
        assert_eq!(inflater.read(SECOND).unwrap(), streams("data"));
        assert_eq!(streams("data").get("port"), Some("8080"));
    }

    #[test]
    fn what_is_no_block_is_refused() {
        let refused = |bytes: &[u8]| Inflater::new().read(bytes).unwrap_err().to_string();
        for (bytes, expected) in [
            (&b""[..], "they are no zlib stream"),
            (b"\x79\x01", "they are no zlib stream"),
            (b"\x78\xf9\0\0\0\0", "their dictionary is unknown"),
            (b"\x78\x01\xff\xff\xff", "they are not deflated"),
            (b"\x78\x01\0\x04\0\xfb\xff\0\0\0\x01\0\0\0\xff\xff", "they are cut off"),
        ] {
            assert_eq!(refused(bytes), format!("read the headers of a stream: {expected}"), "{bytes:?}");
        }
        let mut long = BytesMut::new();
        Deflater::default().write(&Headers::from([("a", "x".repeat(BLOCK).as_str())]), &mut long);
        assert_eq!(refused(&long), "read the headers of a stream: they are too long");
    }

    proptest! {
        #[test]
        fn headers_are_read_as_they_were_written(blocks in prop::collection::vec(prop::collection::vec((".{0,40}", ".{0,400}"), 0..5), 1..40)) {
            let (mut deflater, mut inflater) = (Deflater::default(), Inflater::new());
            for block in blocks {
                let (headers, mut bytes) = (Headers(block), BytesMut::new());
                deflater.write(&headers, &mut bytes);
                prop_assert_eq!(inflater.read(&bytes).unwrap(), headers);
            }
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let begun = [&ZLIB, bytes.as_slice()].concat();
            let mut inflater = Inflater::new();
            let (_, _) = (inflater.read(&begun).ok(), inflater.read(&bytes).ok());
        }
    }
}
