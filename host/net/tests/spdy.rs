//! SPDY streams between both ends of one connection.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use net::spdy::{self, Headers, Incoming, Opener, SpdyError, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// Runs a conversation while both ends are carried; it may not outlive them.
async fn carried<T>(talk: impl AsyncFnOnce(Opener, Incoming) -> T) -> T {
    let (near, far) = duplex(64);
    let (opener, client) = spdy::open(near);
    let (incoming, server) = spdy::accept(far);
    let carrying = async { tokio::join!(client, server) };
    tokio::pin!(carrying);
    tokio::select! {
        done = talk(opener, incoming) => done,
        ended = &mut carrying => panic!("the connection has ended: {ended:?}"),
    }
}

async fn pair(opener: &mut Opener, incoming: &mut Incoming, kind: &str) -> (Stream, Stream) {
    let accepting = async { incoming.next().await.unwrap().accept().await.unwrap() };
    let (near, far) = tokio::join!(opener.open([("streamtype", kind)].into()), accepting);
    (near.unwrap(), far)
}

#[tokio::test]
async fn streams_carry_bytes_both_ways_beside_one_another_and_end_each_way_by_itself() {
    carried(async |mut opener, mut incoming| {
        let (mut a, mut far_a) = pair(&mut opener, &mut incoming, "a").await;
        let (mut b, mut far_b) = pair(&mut opener, &mut incoming, "b").await;
        assert_eq!((far_a.headers.get("streamtype"), far_b.id), (Some("a"), 3));
        let long = vec![7; 200_000];
        let send = async {
            a.sender.write_all(&long).await.unwrap();
            b.sender.write_all(b"b").await.unwrap();
            a.sender.shutdown().await.unwrap();
        };
        let take = async {
            let mut all = Vec::new();
            far_a.receiver.read_to_end(&mut all).await.unwrap();
            all
        };
        let ((), all) = tokio::join!(send, take);
        assert_eq!(all, long);
        assert_eq!(far_b.receiver.next().await.unwrap(), "b");
        far_a.sender.write_all(b"answer").await.unwrap();
        far_a.sender.shutdown().await.unwrap();
        let mut answer = String::new();
        a.receiver.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
    })
    .await;
}

#[tokio::test]
async fn a_refused_stream_is_an_error_and_the_next_one_is_not() {
    carried(async |mut opener, mut incoming| {
        let refusing = async { incoming.next().await.unwrap().refuse().await.unwrap() };
        let (refused, ()) = tokio::join!(opener.open(Headers::default()), refusing);
        assert!(matches!(refused, Err(SpdyError::Refused)));
        pair(&mut opener, &mut incoming, "a").await;
    })
    .await;
}

#[tokio::test]
async fn what_nobody_reads_does_not_stop_the_rest() {
    carried(async |mut opener, mut incoming| {
        let (mut near, far) = pair(&mut opener, &mut incoming, "unread").await;
        drop(far.receiver);
        near.sender.write_all(&vec![1; 1 << 20]).await.unwrap();
        pair(&mut opener, &mut incoming, "a").await;
    })
    .await;
}

/// The client's bytes by hand.
async fn raw(bytes: &[u8]) -> (DuplexStream, Incoming, impl Future<Output = Result<(), SpdyError>> + use<>) {
    let (mut near, far) = duplex(1 << 10);
    let (incoming, server) = spdy::accept(far);
    near.write_all(bytes).await.unwrap();
    (near, incoming, server)
}

/// A stream of no headers, for tests that are told apart by its id.
fn open(id: u8) -> Vec<u8> {
    let head = [0x80, 3, 0, 1, 0, 0, 0, 26, 0, 0, 0, id, 0, 0, 0, 0, 0, 0];
    [&head[..], b"\x78\x01\0\x04\0\xfb\xff\0\0\0\0\0\0\0\xff\xff"].concat()
}

#[tokio::test]
async fn a_reset_stream_takes_nothing_and_the_end_of_the_connection_ends_all() {
    let (mut near, mut incoming, server) = raw(&open(1)).await;
    let talk = async {
        let mut stream = incoming.next().await.unwrap().accept().await.unwrap();
        let gone = stream.sender.gone();
        near.write_all(b"\x80\x03\0\x03\0\0\0\x08\0\0\0\x01\0\0\0\x05").await.unwrap();
        gone.await;
        assert!(stream.sender.write_all(b"x").await.is_err());
        assert!(stream.receiver.next().await.is_none());
        drop(near);
        assert!(incoming.next().await.is_none());
    };
    let (ended, ()) = tokio::join!(server, talk);
    ended.unwrap();
}

#[tokio::test]
async fn pings_come_back_and_streams_with_the_servers_numbers_are_reset() {
    let bytes = [b"\x80\x03\0\x06\0\0\0\x04\0\0\0\x09".to_vec(), open(2)].concat();
    let (mut near, incoming, server) = raw(&bytes).await;
    let talk = async {
        let mut answers = [0; 28];
        near.read_exact(&mut answers).await.unwrap();
        assert_eq!(&answers[..12], b"\x80\x03\0\x06\0\0\0\x04\0\0\0\x09");
        assert_eq!(&answers[12..], b"\x80\x03\0\x03\0\0\0\x08\0\0\0\x02\0\0\0\x01");
        drop(incoming);
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"\x80\x03\0\x07\0\0\0\x08\0\0\0\0\0\0\0\0", "nobody takes streams any more");
        drop(near);
    };
    let (ended, ()) = tokio::join!(server, talk);
    ended.unwrap();
}
