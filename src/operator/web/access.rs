//! Who may look at the page: browsers that came with a link of the terminal, and no other site by way of them.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};
use base64::Engine as _;

/// Most browsers that are let in at once; the one that came first goes.
const MAX_SESSIONS: usize = 16;
/// Most links that are open at once.
const MAX_LINKS: usize = 4;

/// Links that let in, and browsers that are in.
#[derive(Debug)]
pub(crate) struct Access {
    address: SocketAddr,
    hosts: Vec<String>,
    links: Mutex<VecDeque<String>>,
    sessions: Mutex<VecDeque<String>>,
}

/// The address by which other devices are likely to reach this one. Nothing is sent.
fn outward() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// 192 random bits, as text that a URL and a cookie can carry.
fn secret() -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>())
}

/// The place of a secret among others, found in a time that does not tell how much of it was right.
fn place(list: &VecDeque<String>, given: &str) -> Option<usize> {
    let mut found = None;
    for (place, one) in list.iter().enumerate() {
        if aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), given.as_bytes()).is_ok() {
            found = Some(place);
        }
    }
    found
}

fn push(list: &Mutex<VecDeque<String>>, most: usize) -> String {
    let made = secret();
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    if list.len() >= most {
        list.pop_front();
    }
    list.push_back(made.clone());
    made
}

impl Access {
    pub(crate) fn new(address: SocketAddr, hosts: Vec<String>) -> Self {
        Self { address, hosts, links: Mutex::default(), sessions: Mutex::default() }
    }

    /// A link that works once; `host` is how the browser calls us, where one has.
    pub(crate) fn link(&self, host: Option<&str>) -> String {
        let own = if self.address.ip().is_unspecified() {
            SocketAddr::new(outward().unwrap_or(self.address.ip()), self.address.port()).to_string()
        } else {
            self.address.to_string()
        };
        format!("http://{}/?token={}", host.unwrap_or(&own), push(&self.links, MAX_LINKS))
    }

    /// Uses a link up: the session's cookie, where the token is right.
    pub(crate) fn enter(&self, token: &str) -> Option<String> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let place = place(&links, token)?;
        links.remove(place);
        drop(links);
        let session = push(&self.sessions, MAX_SESSIONS);
        Some(format!("{}={session}; Path=/; HttpOnly; SameSite=Strict", self.cookie()))
    }

    /// Two runs on one host are told apart by their ports; cookies are not.
    fn cookie(&self) -> String {
        format!("ocpp_attest_{}", self.address.port())
    }

    /// True for a browser that was let in.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie();
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).any(|cookies| {
            let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
            pairs.any(|(key, value)| key == name && place(&sessions, value).is_some())
        })
    }

    /// The host that a request names, if it is one of ours. A name that somebody else lets point here is not, so that
    /// no other site can be made to look like this one.
    pub(crate) fn host<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        let named = url::Url::parse(&format!("http://{host}/")).ok()?;
        if named.port_or_known_default() != Some(self.address.port()) {
            return None;
        }
        let ours = match named.host()? {
            url::Host::Ipv4(ip) => self.is_own(IpAddr::V4(ip)),
            url::Host::Ipv6(ip) => self.is_own(IpAddr::V6(ip)),
            url::Host::Domain(name) => {
                name == "localhost" || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
            }
        };
        ours.then_some(host)
    }

    fn is_own(&self, ip: IpAddr) -> bool {
        self.address.ip().is_unspecified()
            || ip == self.address.ip()
            || (ip.is_loopback() && self.address.ip().is_loopback())
    }

    /// True for a request that changes something and comes from the page itself.
    pub(crate) fn is_from_page(&self, headers: &HeaderMap) -> bool {
        let Some(host) = self.host(headers) else { return false };
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let json = text(header::CONTENT_TYPE).is_some_and(|kind| kind.split(';').next() == Some("application/json"));
        json && text(header::ORIGIN) == Some(format!("http://{host}").as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn access(address: &str) -> Access {
        Access::new(address.parse().unwrap(), vec!["bench.example".into()])
    }

    #[test]
    fn a_link_lets_in_once() {
        let access = access("127.0.0.1:9050");
        let link = access.link(None);
        let token = link.strip_prefix("http://127.0.0.1:9050/?token=").unwrap();
        assert_eq!(token.len(), 32);
        assert_eq!(access.enter(""), None);
        assert_eq!(access.enter(&token[..31]), None);
        let cookie = access.enter(token).unwrap();
        assert_eq!(access.enter(token), None, "it is used up");
        let pair = cookie.split(';').next().unwrap();
        assert!(cookie.ends_with("HttpOnly; SameSite=Strict"));
        assert!(access.is_in(&headers(&[("cookie", &format!("other=1; {pair}"))])));
        assert!(!access.is_in(&headers(&[("cookie", &format!("{pair}x"))])));
        assert!(!access.is_in(&headers(&[])));
        for _ in 0..MAX_SESSIONS {
            let link = access.link(None);
            access.enter(link.split_once('=').unwrap().1).unwrap();
        }
        assert!(!access.is_in(&headers(&[("cookie", pair)])), "the oldest had to go");
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let loopback = access("127.0.0.1:9050");
        for host in ["127.0.0.1:9050", "localhost:9050", "bench.example:9050", "[::1]:9050"] {
            assert!(loopback.host(&headers(&[("host", host)])).is_some(), "{host}");
        }
        for host in ["evil.example:9050", "127.0.0.1", "127.0.0.1:9051", "10.0.0.1:9050", "bench.example.evil:9050", ""]
        {
            assert_eq!(loopback.host(&headers(&[("host", host)])), None, "{host}");
        }
        let open = access("0.0.0.0:9050");
        assert!(open.host(&headers(&[("host", "192.168.1.4:9050")])).is_some());
        assert_eq!(open.host(&headers(&[("host", "evil.example:9050")])), None);
    }

    #[test]
    fn what_changes_something_must_come_from_the_page() {
        let access = access("127.0.0.1:9050");
        let with = |origin: &str, kind: &str| {
            access.is_from_page(&headers(&[("host", "localhost:9050"), ("origin", origin), ("content-type", kind)]))
        };
        assert!(with("http://localhost:9050", "application/json; charset=utf-8"));
        assert!(!with("http://localhost:9050", "text/plain"));
        assert!(!with("http://evil.example", "application/json"));
        assert!(!with("null", "application/json"));
        assert!(!access.is_from_page(&headers(&[("host", "localhost:9050"), ("content-type", "application/json")])));
    }
}
