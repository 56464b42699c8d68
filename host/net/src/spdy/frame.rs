//! Frames and their bytes (SPDY/3.1, sections 2.2 and 2.6).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::SpdyError;
use super::headers::{Deflater, Headers, Inflater};

const VERSION: u16 = 3;
/// Set in the first bit of a control frame.
const CONTROL: u16 = 0x8000;
/// The flag of a sender's last frame of a stream.
const FIN: u8 = 1;
/// Bytes before a frame's own.
const HEAD: usize = 8;
/// Bytes of a control frame at most.
const CONTROL_LIMIT: usize = 64 << 10;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;

/// Why a stream is ended at once.
pub(super) const PROTOCOL_ERROR: u32 = 1;
pub(super) const REFUSED_STREAM: u32 = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Open {
        stream: u32,
        fin: bool,
        headers: Headers,
    },
    Reply {
        stream: u32,
        fin: bool,
        headers: Headers,
    },
    Reset {
        stream: u32,
        status: u32,
    },
    Ping(u32),
    GoAway {
        last: u32,
    },
    /// All of a data frame, or a piece of one.
    Data {
        stream: u32,
        fin: bool,
        bytes: Bytes,
    },
    /// SETTINGS, HEADERS, WINDOW_UPDATE and whatever else there may be: nothing here depends on it.
    Other,
}

/// Makes bytes of frames.
#[derive(Default)]
pub(super) struct Encoder {
    headers: Deflater,
}

impl Encoder {
    pub(super) fn write(&mut self, frame: &Frame, into: &mut BytesMut) {
        match frame {
            Frame::Open { stream, fin, headers } => self.control(SYN_STREAM, *fin, into, |block, into| {
                into.put_u32(*stream);
                // No stream that this one belongs to, the highest priority, no slot.
                into.put_bytes(0, 6);
                block.write(headers, into);
            }),
            Frame::Reply { stream, fin, headers } => self.control(SYN_REPLY, *fin, into, |block, into| {
                into.put_u32(*stream);
                block.write(headers, into);
            }),
            Frame::Reset { stream, status } => self.control(RST_STREAM, false, into, |_, into| {
                into.put_u32(*stream);
                into.put_u32(*status);
            }),
            Frame::Ping(id) => self.control(PING, false, into, |_, into| into.put_u32(*id)),
            Frame::GoAway { last } => self.control(GOAWAY, false, into, |_, into| {
                into.put_u32(*last);
                into.put_u32(0);
            }),
            Frame::Data { stream, fin, bytes } => {
                into.put_u32(*stream);
                into.put_u8(flags(*fin));
                into.put_uint(bytes.len() as u64, 3);
                into.put_slice(bytes);
            }
            Frame::Other => {}
        }
    }

    fn control(
        &mut self,
        kind: u16,
        fin: bool,
        into: &mut BytesMut,
        payload: impl FnOnce(&mut Deflater, &mut BytesMut),
    ) {
        let mut bytes = BytesMut::new();
        payload(&mut self.headers, &mut bytes);
        into.put_u16(CONTROL | VERSION);
        into.put_u16(kind);
        into.put_u8(flags(fin));
        into.put_uint(bytes.len() as u64, 3);
        into.put_slice(&bytes);
    }
}

fn flags(fin: bool) -> u8 {
    if fin { FIN } else { 0 }
}

/// Makes frames of bytes.
pub(super) struct Decoder {
    headers: Inflater,
    /// The data frame that is under way: it is given in pieces, so that its length costs no memory.
    data: Option<Rest>,
}

struct Rest {
    stream: u32,
    fin: bool,
    length: usize,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { headers: Inflater::new(), data: None }
    }

    /// The next frame, taken from the buffer; `None` until more bytes are there.
    pub(super) fn read(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, SpdyError> {
        if let Some(rest) = self.data.take() {
            return Ok(self.piece(rest, buffer));
        }
        let Some((&[a, b, c, d, flags, high, middle, low], _)) = buffer.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let fin = flags & FIN != 0;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let first = u16::from_be_bytes([a, b]);
        if first & CONTROL == 0 {
            let stream = u32::from_be_bytes([a, b, c, d]);
            if stream == 0 {
                return Err(SpdyError::NoStream);
            }
            buffer.advance(HEAD);
            return Ok(self.piece(Rest { stream, fin, length }, buffer));
        }
        if first != CONTROL | VERSION {
            return Err(SpdyError::Version(first & !CONTROL));
        }
        let kind = u16::from_be_bytes([c, d]);
        if length > CONTROL_LIMIT {
            return Err(SpdyError::Length { kind, length });
        }
        if buffer.len() < HEAD + length {
            return Ok(None);
        }
        buffer.advance(HEAD);
        self.control(kind, fin, buffer.split_to(length).freeze()).map(Some)
    }

    fn piece(&mut self, rest: Rest, buffer: &mut BytesMut) -> Option<Frame> {
        let Rest { stream, fin, length } = rest;
        let taken = length.min(buffer.len());
        if taken < length {
            self.data = Some(Rest { stream, fin, length: length - taken });
        }
        let is_last = taken == length;
        let bytes = buffer.split_to(taken).freeze();
        (is_last || taken > 0).then_some(Frame::Data { stream, fin: fin && is_last, bytes })
    }

    fn control(&mut self, kind: u16, fin: bool, mut bytes: Bytes) -> Result<Frame, SpdyError> {
        let wrong = SpdyError::Length { kind, length: bytes.len() };
        let mut number = || bytes.try_get_u32().map(|number| number & 0x7fff_ffff);
        Ok(match kind {
            SYN_STREAM | SYN_REPLY | HEADERS => {
                let Ok(stream) = number() else { return Err(wrong) };
                let skipped = if kind == SYN_STREAM { 6 } else { 0 };
                let block = bytes.get(skipped..).ok_or(wrong)?;
                let headers = self.headers.read(block)?;
                match kind {
                    SYN_STREAM => Frame::Open { stream, fin, headers },
                    SYN_REPLY => Frame::Reply { stream, fin, headers },
                    _ => Frame::Other,
                }
            }
            RST_STREAM => match (number(), number()) {
                (Ok(stream), Ok(status)) => Frame::Reset { stream, status },
                _ => return Err(wrong),
            },
            PING => bytes.try_get_u32().map(Frame::Ping).map_err(|_| wrong)?,
            GOAWAY => number().map(|last| Frame::GoAway { last }).map_err(|_| wrong)?,
            _ => Frame::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::headers::tests::FIRST;
    use super::*;

    fn decoded(bytes: &[u8]) -> Result<Vec<Frame>, SpdyError> {
        let (mut decoder, mut buffer) = (Decoder::new(), BytesMut::from(bytes));
        std::iter::from_fn(|| decoder.read(&mut buffer).transpose()).collect()
    }

    fn encoded(frames: &[Frame]) -> BytesMut {
        let (mut encoder, mut bytes) = (Encoder::default(), BytesMut::new());
        frames.iter().for_each(|frame| encoder.write(frame, &mut bytes));
        bytes
    }

    /// Bytes by the layouts of the draft, and what they mean; they are also written so.
    #[test]
    fn frames_are_the_bytes_of_the_draft() {
        for (bytes, frame) in [
            (&b"\x80\x03\x00\x03\x00\x00\x00\x08\x00\x00\x00\x05\x00\x00\x00\x03"[..], Frame::Reset { stream: 5, status: 3 }),
            (b"\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x07", Frame::Ping(7)),
            (b"\x80\x03\x00\x07\x00\x00\x00\x08\x00\x00\x00\x09\x00\x00\x00\x00", Frame::GoAway { last: 9 }),
            (b"\x00\x00\x00\x01\x00\x00\x00\x02hi", Frame::Data { stream: 1, fin: false, bytes: Bytes::from_static(b"hi") }),
            (b"\x00\x00\x00\x03\x01\x00\x00\x00", Frame::Data { stream: 3, fin: true, bytes: Bytes::new() }),
            (
                b"\x80\x03\x00\x02\x00\x00\x00\x14\x00\x00\x00\x01\x78\x01\x00\x04\x00\xfb\xff\x00\x00\x00\x00\x00\x00\x00\xff\xff",
                Frame::Reply { stream: 1, fin: false, headers: Headers::default() },
            ),
        ] {
            assert_eq!(decoded(bytes).unwrap(), std::slice::from_ref(&frame));
            assert_eq!(encoded(std::slice::from_ref(&frame)), bytes);
        }
    }

    #[test]
    fn a_stream_is_opened_with_compressed_headers() {
        let head = b"\x80\x03\x00\x01\x01\x00\x00\x3d\x00\x00\x00\x01\x00\x00\x00\x00\xe0\x00";
        let headers = Headers::from([("streamtype", "error"), ("port", "8080"), ("requestid", "0")]);
        let expected = Frame::Open { stream: 1, fin: true, headers };
        assert_eq!(decoded(&[head, FIRST].concat()).unwrap(), [expected]);
    }

    #[test]
    fn frames_that_mean_nothing_here_are_passed_over() {
        let settings = b"\x80\x03\x00\x04\x00\x00\x00\x0c\x00\x00\x00\x01\x00\x00\x00\x07\x00\x01\x00\x00";
        let window = b"\x80\x03\x00\x09\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x10\x00";
        assert_eq!(decoded(&[&settings[..], window].concat()).unwrap(), [Frame::Other, Frame::Other]);
    }

    #[test]
    fn bad_frames_are_named() {
        for (bytes, expected) in [
            (&b"\x80\x02\x00\x01\x00\x00\x00\x00"[..], "read a frame of SPDY version 2, which is not 3"),
            (b"\0\0\0\0\0\0\0\0", "read a data frame of no stream"),
            (b"\x80\x03\x00\x06\x00\xff\xff\xff", "read a control frame of type 6 in 16777215 bytes"),
            (b"\x80\x03\x00\x03\x00\x00\x00\x02\0\0", "read a control frame of type 3 in 2 bytes"),
            (b"\x80\x03\x00\x01\x00\x00\x00\x04\0\0\0\x01", "read a control frame of type 1 in 4 bytes"),
        ] {
            assert_eq!(decoded(bytes).unwrap_err().to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn data_is_whole_however_it_arrives(payload in prop::collection::vec(any::<u8>(), 0..300), cut in 1usize..40) {
            let bytes = encoded(&[
                Frame::Data { stream: 1, fin: true, bytes: payload.clone().into() },
                Frame::Ping(1),
            ]);
            let (mut decoder, mut buffer, mut data, mut ends) = (Decoder::new(), BytesMut::new(), Vec::new(), 0);
            let mut pinged = false;
            for chunk in bytes.chunks(cut) {
                buffer.extend_from_slice(chunk);
                while let Some(frame) = decoder.read(&mut buffer).unwrap() {
                    match frame {
                        Frame::Data { stream: 1, fin, bytes } => {
                            data.extend_from_slice(&bytes);
                            ends += usize::from(fin);
                        }
                        other => pinged = other == Frame::Ping(1) && ends == 1,
                    }
                }
            }
            prop_assert_eq!((data, ends, pinged), (payload, 1, true));
        }

        #[test]
        fn no_bytes_break_the_decoder(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            decoded(&bytes).ok();
            decoded(&[b"\x80\x03\x00", bytes.as_slice()].concat()).ok();
        }
    }
}
