//! HTTP and HTTPS: GET for what is offered, PUT or POST for uploads, and beside them the OCSP responder.

use std::{convert::Infallible, time::Duration};

use base64::Engine as _;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::{Connections, OCSP_PATH, PATIENCE, Shared, pause, store::Refusal};
use crate::{
    certificate::ocsp::MAX_REQUEST,
    link::{
        hello,
        network::{BoxStream, Listener},
        server::percent_decoded,
        tls,
    },
};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Where everything has moved: what stands behind it is the path where it is.
pub(super) const MOVED: &str = "/moved";

/// Serves whoever connects.
pub(super) async fn serve(mut listener: Listener, shared: Shared) {
    let mut connections = Connections::new();
    loop {
        match listener.accept().await {
            Ok(stream) => connections.take(connection(stream, shared.clone())),
            Err(_) if matches!(listener, Listener::Memory(..)) => return,
            Err(_) => pause().await,
        }
    }
}

async fn connection(stream: BoxStream, shared: Shared) {
    let stream = match shared.tls() {
        None => stream,
        Some(tls) => {
            let handshake = async {
                let (hello, stream) = hello::peek(stream).await.ok()?;
                Some(tls::accept(stream, &tls, hello, shared.clock).await.ok()?.0)
            };
            match tokio::time::timeout(PATIENCE, handshake).await {
                Ok(Some(stream)) => stream,
                _ => return,
            }
        }
    };
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(handle(request, &shared).await) }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn respond(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::new()).boxed_unsync());
    *response.status_mut() = status;
    response
}

async fn handle(request: Request<Incoming>, shared: &Shared) -> Response<Body> {
    // What a certificate names is for everybody: no credentials.
    if let Some(rest) = request.uri().path().strip_prefix(OCSP_PATH)
        && (rest.is_empty() || rest.starts_with('/'))
    {
        let get = percent_decoded(rest.trim_start_matches('/'));
        return status(request, &get, shared).await;
    }
    let path = percent_decoded(request.uri().path());
    if !is_known(&request, &path, shared) {
        let mut response = respond(StatusCode::UNAUTHORIZED);
        let challenge = header::HeaderValue::from_static("Basic realm=\"files\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        drain(request, shared).await;
        return response;
    }
    if let Some(place) = request.uri().path().strip_prefix(MOVED) {
        let mut response = respond(StatusCode::TEMPORARY_REDIRECT);
        // What came as a path of a request is one of a header, too.
        if let Ok(place) = header::HeaderValue::from_str(place) {
            response.headers_mut().insert(header::LOCATION, place);
        }
        drain(request, shared).await;
        return response;
    }
    match *request.method() {
        Method::GET | Method::HEAD => {
            let Some(offer) = shared.store.offered(&path) else { return respond(StatusCode::NOT_FOUND) };
            let size = offer.content.len();
            let body = if *request.method() == Method::HEAD {
                Full::new(Bytes::new()).boxed_unsync()
            } else {
                shared.store.fetched(&path);
                trickle(offer.content, offer.slow)
            };
            let mut response = Response::new(body);
            let kind = header::HeaderValue::from_static("application/octet-stream");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response.headers_mut().insert(header::CONTENT_LENGTH, size.into());
            response
        }
        Method::PUT | Method::POST => respond(match take(request, &path, shared).await {
            Ok(()) => StatusCode::CREATED,
            Err(Refusal::NoSuchPlace) => StatusCode::NOT_FOUND,
            Err(Refusal::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Err(Refusal::Full) => StatusCode::INSUFFICIENT_STORAGE,
        }),
        _ => respond(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// The OCSP responder (RFC 6960, A.1): POST with the request as the body, or GET with it in base64 at the end of the path.
async fn status(request: Request<Incoming>, get: &str, shared: &Shared) -> Response<Body> {
    let asked = match *request.method() {
        Method::GET if get.len() <= MAX_REQUEST => {
            // What is no base64 is no request either.
            Bytes::from(base64::engine::general_purpose::STANDARD.decode(get).unwrap_or_default())
        }
        Method::POST => {
            let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
            if !kind.eq_ignore_ascii_case("application/ocsp-request") {
                return respond(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            }
            let body = Limited::new(request.into_body(), MAX_REQUEST).collect();
            match tokio::time::timeout(PATIENCE, body).await {
                Ok(Ok(body)) => body.to_bytes(),
                Ok(Err(_)) => return respond(StatusCode::PAYLOAD_TOO_LARGE),
                Err(_) => return respond(StatusCode::REQUEST_TIMEOUT),
            }
        }
        Method::GET => return respond(StatusCode::URI_TOO_LONG),
        _ => return respond(StatusCode::METHOD_NOT_ALLOWED),
    };
    let answer = shared.responder.respond(&asked, shared.clock.now().wall);
    let mut response = Response::new(Full::new(Bytes::from(answer)).boxed_unsync());
    let kind = header::HeaderValue::from_static("application/ocsp-response");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Takes in, and forgets, what comes with a request that is refused: a client that sends all of it before it reads would find a broken
/// connection in the place of the answer. One that waits for `100 Continue` sends nothing.
async fn drain(request: Request<Incoming>, shared: &Shared) {
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let mut body = Limited::new(request.into_body(), shared.store.largest());
    while let Some(Ok(_)) = body.frame().await {}
}

/// HTTP Basic authentication, where it is wanted.
fn is_known(request: &Request<Incoming>, path: &str, shared: &Shared) -> bool {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
        let text = String::from_utf8(decoded).ok().filter(|_| scheme.eq_ignore_ascii_case("Basic"))?;
        text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    });
    let (user, password) = given.unwrap_or_default();
    shared.lets_in(path, &user, &password)
}

/// Content in one piece, or in a piece a second where it is to take its time.
fn trickle(content: Bytes, slow: Duration) -> Body {
    let seconds = usize::try_from(slow.as_secs()).unwrap_or(0);
    if seconds == 0 {
        return Full::new(content).boxed_unsync();
    }
    let piece = content.len().div_ceil(seconds).max(1);
    let pieces = stream::unfold((content, seconds), move |(mut rest, seconds)| async move {
        if seconds == 0 && rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let next = rest.split_to(piece.min(rest.len()));
        Some((Ok(Frame::data(next)), (rest, seconds.saturating_sub(1))))
    });
    StreamBody::new(pieces).boxed_unsync()
}

async fn take(request: Request<Incoming>, path: &str, shared: &Shared) -> Result<(), Refusal> {
    let mut receiving = shared.store.receive(path, shared.protocol)?;
    if receiving.name.is_empty() {
        // N01.FR.19: a POST tells the name beside it.
        receiving.name = disposed(&request).unwrap_or_default();
    }
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        // A body that breaks off is no upload; what is left of the connection is not worth an answer.
        let frame = frame.map_err(|_| Refusal::Full)?;
        if let Some(data) = frame.data_ref() {
            receiving.append(data)?;
        }
    }
    tokio::time::sleep(receiving.slow).await;
    receiving.finish();
    Ok(())
}

/// The file name of a Content-Disposition.
fn disposed(request: &Request<Incoming>) -> Option<String> {
    let value = request.headers().get(header::CONTENT_DISPOSITION)?.to_str().ok()?;
    let name = value.split(';').find_map(|part| part.trim().strip_prefix("filename="))?;
    Some(name.trim().trim_matches('"').to_owned())
}
