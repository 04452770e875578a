//! The door of a page: which requests it lets in, and what it tells those that stay outside. The operator's page and the workbench
//! have the same.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::access::Access;

/// The browser may load nothing but what is served here, and send it nowhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Says something to the person at the terminal.
pub(crate) type Say = Box<dyn Fn(&str) + Send + Sync>;

/// The door of a page.
pub(crate) struct Door {
    access: Access,
    say: Say,
    page: &'static str,
    owner: &'static str,
}

impl Door {
    /// The door of `page`, whose links `owner` prints by `say`. The first link is said at once.
    pub(crate) fn open(access: Access, page: &'static str, owner: &'static str, say: Say) -> Self {
        let door = Self { access, say, page, owner };
        (door.say)(&format!("{page}: {}", door.access.link(None)));
        door
    }

    /// A link for another browser, with the host by which these headers call us.
    pub(crate) fn link(&self, headers: &HeaderMap) -> String {
        self.access.link(self.access.host(headers))
    }

    /// The page is fetched by the page itself: a cookie that no other site can make the browser send would not come along
    /// with a mere redirect of a link on another site.
    fn enter(&self, token: &str) -> Response {
        let Some(cookie) = self.access.enter(token) else {
            let owner = self.owner;
            let words =
                format!("This link was already used, or belongs to another {owner}. The terminal shows a new one.");
            return notice(StatusCode::UNAUTHORIZED, "", &words);
        };
        let (page, link) = (self.page, self.access.link(None));
        (self.say)(&format!("a browser has opened the {page}; link for another browser: {link}"));
        let mut response =
            notice(StatusCode::OK, "<meta http-equiv=refresh content=\"0;url=/\">", "<a href=/>Continue</a>");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// A page without a script, for who is not let in. The words are ours.
fn notice(status: StatusCode, head: &str, words: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">{head}\
         <title>ocpp-attest</title><p>{words}</p></html>"
    );
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// Every request: the host must be ours and the browser let in, by its cookie or by the token of a link.
pub(crate) async fn let_in(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let mut response = if door.access.host(request.headers()).is_none() {
        notice(StatusCode::MISDIRECTED_REQUEST, "", "This page is not available under that host name.")
    } else if let Some(token) = token(&request) {
        door.enter(&token)
    } else if door.access.is_in(request.headers()) {
        next.run(request).await
    } else {
        let owner = door.owner;
        let words = format!(
            "Open the link that the {owner} has printed on its terminal. It works once; then a new one is printed."
        );
        notice(StatusCode::UNAUTHORIZED, "", &words)
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        // A file that is stricter about itself stays so.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn token(request: &Request) -> Option<String> {
    if request.uri().path() != "/" || request.method() != Method::GET {
        return None;
    }
    let query = request.uri().query()?;
    url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token").map(|(_, token)| token.into_owned())
}

/// What changes something must come from the page.
pub(crate) async fn from_page(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    if door.access.is_from_page(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "this request did not come from the page").into_response()
    }
}
