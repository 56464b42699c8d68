//! A server that knows nothing: hyper and rustls, and for each path the bytes that the measured server sent. What is
//! posted goes to a datastore as it is. No API server can be faster on this machine with these clients.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use bytes::Bytes;
use datastore::{Compare, Embedded, Op, Txn};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use net::{Body, body};
use supervise::Scope;

use crate::objects::{LISTED, ONE};
use crate::servers::{listen, say_port, tls};

/// What makes this program that server; its folder follows.
pub(crate) const ARGUMENT: &str = "bare";
/// Bytes of a request.
const LIMIT: usize = 1 << 20;

/// The files of answers, by path.
const ANSWERS: [(&str, &str); 2] = [(ONE, "one"), (LISTED, "listed")];

/// Lays down what is to be answered.
pub(crate) fn answer_as(folder: &Path, answers: &[Response<Bytes>; 2]) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (answer, (_, file)) in answers.iter().zip(ANSWERS) {
        let mut text = Vec::new();
        let own = |name: &HeaderName| *name == header::DATE || *name == header::CONTENT_LENGTH;
        for (name, value) in answer.headers().iter().filter(|(name, _)| !own(name)) {
            text.extend_from_slice(name.as_str().as_bytes());
            text.push(b' ');
            text.extend_from_slice(value.as_bytes());
            text.push(b'\n');
        }
        text.push(b'\n');
        text.extend_from_slice(answer.body());
        fs::write(folder.join(file), text)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<(HeaderMap, Bytes)> {
    let text = fs::read(path)?;
    let end = text.windows(2).position(|pair| pair == b"\n\n").context("the end of a head")?;
    let mut headers = HeaderMap::new();
    for line in std::str::from_utf8(&text[..end])?.lines() {
        let (name, value) = line.split_once(' ').context("a name and a value")?;
        headers.insert(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
    }
    Ok((headers, Bytes::copy_from_slice(&text[end + 2..])))
}

/// Serves until it is killed.
pub(crate) async fn run(folder: &Path) -> Result<()> {
    let scope = Scope::root(ARGUMENT);
    let (store, task) = Embedded::open(datastore::Config::new(folder.join("store")))?;
    scope.spawn("datastore", task.run(scope.token()));
    let mut answers = HashMap::new();
    for (path, file) in ANSWERS {
        answers.insert(path, read(&folder.join(file))?);
    }
    let (answers, count) = (Arc::new(answers), Arc::new(AtomicU64::new(0)));
    let service = move |request: Request<_>| {
        let (answers, count, store) = (Arc::clone(&answers), Arc::clone(&count), store.clone());
        async move {
            if *request.method() == Method::POST {
                let key = format!("/registry/bench/{:08}", count.fetch_add(1, Ordering::Relaxed));
                return put(&store, key, body::boxed(request.into_body())).await;
            }
            let target = request.uri().path_and_query().map(http::uri::PathAndQuery::as_str);
            let Some((headers, bytes)) = target.and_then(|target| answers.get(target)) else {
                return with_code(StatusCode::NOT_FOUND, Bytes::new());
            };
            let mut response = Response::new(body::full(bytes.clone()));
            response.headers_mut().clone_from(headers);
            response
        }
    };
    let (listener, tls) = (listen(ARGUMENT)?, tls(folder)?);
    say_port(&listener)?;
    net::serve(&listener, Some(&tls), service, scope.token()).await;
    Ok(())
}

/// Writes what was sent, and sends it back.
async fn put(store: &Embedded, key: String, sent: Body) -> Response<Body> {
    let Ok(value) = body::collect(sent, LIMIT).await else {
        return with_code(StatusCode::BAD_REQUEST, Bytes::new());
    };
    let put = Op::put(key.clone(), value.clone());
    match store.txn(Txn::guarded(Compare::absent(key), put)).await {
        Ok(_) => with_code(StatusCode::CREATED, value),
        Err(why) => with_code(StatusCode::INTERNAL_SERVER_ERROR, why.to_string()),
    }
}

fn with_code(code: StatusCode, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(bytes));
    *response.status_mut() = code;
    response
}
