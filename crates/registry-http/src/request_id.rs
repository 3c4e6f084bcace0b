use crate::answer::{REQUEST_ID, value};
use http::{HeaderMap, HeaderValue};
use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// The most bytes of an id that is taken over from a client.
const LONGEST: usize = 64;

/// What names a request in the answer and in the log: the client's `X-Request-Id` if it is 1 to 64 letters, digits, `.`, `_`
/// or `-` (what else could forge a log line), else a fresh one.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(REQUEST_ID) {
            Some(id) if is_well_formed(id.as_bytes()) => Self(id.clone()),
            Some(_) | None => Self::fresh(),
        }
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Unique among all processes by a number drawn at start, and in this one by counting: cheaper than a draw per request.
    fn fresh() -> Self {
        static PROCESS: LazyLock<u32> = LazyLock::new(|| Uuid::new_v4().as_fields().0);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self(value(format!("{:08x}-{:08x}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed))))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

fn is_well_formed(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
}

#[cfg(test)]
mod tests {
    use super::RequestId;
    use crate::answer::REQUEST_ID;
    use http::HeaderMap;

    #[test]
    fn a_client_may_name_its_request() {
        let check = |id: &str, kept: bool| {
            let headers = HeaderMap::from_iter([(REQUEST_ID, id.parse().unwrap())]);
            assert_eq!(RequestId::of(&headers).to_string() == id, kept, "{id:?}");
        };
        check("a", true);
        check("0af7651916cd43dd8448eb211c80319c", true);
        check("A-b_c.1", true);
        check(&"a".repeat(64), true);
        check(&"a".repeat(65), false);
        check("", false);
        check("a b", false);
        check("a\"b", false);
        check("a=b", false);
    }

    #[test]
    fn fresh_ids_differ() {
        let ids = [(); 3].map(|()| RequestId::of(&HeaderMap::new()).to_string());
        assert!(ids[0] != ids[1] && ids[1] != ids[2]);
        assert_eq!(ids[0].len(), 17);
    }
}
