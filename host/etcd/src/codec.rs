//! How messages become bytes: protobuf in buffers of the size that they need.

mod malformed;

use std::marker::PhantomData;

use bytes::Buf;
use prost::{Message, Name};
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Bytes that a buffer has before the length of its message is known.
pub(crate) const BUFFER: usize = 512;
/// Bytes of a stream that are written together.
const TOGETHER: usize = 32 << 10;

/// What grpc-go begins the error of a request with that is no message.
pub(crate) const UNREADABLE: &str = "grpc: error unmarshalling request: ";

/// Encodes `E` and decodes `D`.
#[derive(Debug)]
pub(crate) struct Protobuf<E, D>(PhantomData<(E, D)>);

impl<E, D> Default for Protobuf<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E, D> Codec for Protobuf<E, D>
where
    E: Message + Send + 'static,
    D: Message + Name + Default + Send + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = Half<E>;
    type Decoder = Half<D>;

    fn encoder(&mut self) -> Half<E> {
        Half(PhantomData)
    }

    fn decoder(&mut self) -> Half<D> {
        Half(PhantomData)
    }
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Half<M>(PhantomData<M>);

impl<M: Message> Encoder for Half<M> {
    type Item = M;
    type Error = Status;

    fn encode(&mut self, message: M, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(message.encoded_len());
        message.encode(buffer).map_err(|why| Status::internal(format!("grpc: error while marshaling: {why}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, TOGETHER)
    }
}

impl<M: Message + Name + Default> Decoder for Half<M> {
    type Item = M;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<M>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        M::decode(bytes.clone()).map(Some).map_err(|why| {
            let why = malformed::explain(&M::full_name(), &bytes).unwrap_or_else(|| why.to_string());
            Status::internal(format!("{UNREADABLE}{why}"))
        })
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, TOGETHER)
    }
}
