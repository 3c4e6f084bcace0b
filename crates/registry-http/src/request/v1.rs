use super::kind::Kind;
use super::query::Query;
use super::route::BadRequest;
use http::header::{AUTHORIZATION, COOKIE as COOKIE_HEADER};
use http::{HeaderMap, HeaderValue, Method};
use oci_types::{RepositoryName, TagName};

/// What docker's first registry protocol asks for. It is for reading only.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum V1 {
    Ping,
    /// The ids of a repository's images, with the token by which later requests say which repository they mean.
    Images(RepositoryName),
    Tags(RepositoryName),
    Tag(RepositoryName, TagName),
    Json(String),
    Ancestry(String),
    Layer(String),
    Search {
        text: String,
        limit: Option<u32>,
    },
}

impl V1 {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Ping => Kind::V1Ping,
            Self::Images(_) => Kind::V1Images,
            Self::Tags(_) | Self::Tag(..) => Kind::V1Tags,
            Self::Json(_) => Kind::V1Json,
            Self::Ancestry(_) => Kind::V1Ancestry,
            Self::Layer(_) => Kind::V1Layer,
            Self::Search { .. } => Kind::V1Search,
        }
    }
}

/// What a path below `/v1/` asks for. Names contain slashes, so paths are matched from the right.
pub(super) fn v1(method: &Method, rest: &str, query: Query<'_>) -> Result<V1, BadRequest> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(BadRequest::V1Write);
    }
    match rest {
        "_ping" => return Ok(V1::Ping),
        "search" => {
            let text = query.last("q").unwrap_or_default().into_owned();
            return Ok(V1::Search { text, limit: super::paging::page_size(query)? });
        }
        _ => {}
    }
    let (path, last) = rest.rsplit_once('/').ok_or(BadRequest::NoSuchEndpoint)?;
    if let Some(id) = path.strip_prefix("images/").filter(|id| !id.is_empty()) {
        return match last {
            "json" => Ok(V1::Json(id.to_owned())),
            "ancestry" => Ok(V1::Ancestry(id.to_owned())),
            "layer" => Ok(V1::Layer(id.to_owned())),
            _ => Err(BadRequest::NoSuchEndpoint),
        };
    }
    let path = path.strip_prefix("repositories/").ok_or(BadRequest::NoSuchEndpoint)?;
    // A tag has no slash, so this reading always fits: of `a/tags/images` it is the tag `images` of `a`, and no listing of `a/tags`, which
    // the handler answers where there is no such tag.
    if let Some(name) = path.strip_suffix("/tags") {
        return Ok(V1::Tag(name.parse()?, last.parse().map_err(BadRequest::TagUnknown)?));
    }
    match last {
        "images" => Ok(V1::Images(path.parse()?)),
        "tags" => Ok(V1::Tags(path.parse()?)),
        _ => Err(BadRequest::NoSuchEndpoint),
    }
}

/// The cookie that names a repository.
pub(crate) const COOKIE: &str = "manifestd-v1-repository";

/// The repository of which a request for an image speaks: the client repeats what `GET /v1/repositories/<name>/images` gave it, a
/// token or a cookie. Docker's own client keeps cookies while it pulls, but has no token without a user, and over TLS it sends the password in
/// its place.
pub(crate) fn named_repository(headers: &HeaderMap) -> Option<RepositoryName> {
    let token = headers.get_all(AUTHORIZATION).iter().find_map(|value| {
        let name = token(value)?.split(',').find_map(|part| part.trim().strip_prefix("repository="))?;
        name.trim_matches('"').parse().ok()
    });
    token.or_else(|| headers.get_all(COOKIE_HEADER).iter().find_map(cookie))
}

/// The same headers without v1 tokens, which are no credentials: they prove nothing, and who judges credentials does not know them. `None`: there
/// is no token.
pub(crate) fn without_tokens(headers: &HeaderMap) -> Option<HeaderMap> {
    headers.get_all(AUTHORIZATION).iter().find_map(token)?;
    let mut others = headers.clone();
    others.remove(AUTHORIZATION);
    for value in headers.get_all(AUTHORIZATION).iter().filter(|value| token(value).is_none()) {
        others.append(AUTHORIZATION, value.clone());
    }
    Some(others)
}

/// What follows `Token `.
fn token(value: &HeaderValue) -> Option<&str> {
    let value = value.to_str().ok()?.trim();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("token").then_some(token)
}

fn cookie(value: &HeaderValue) -> Option<RepositoryName> {
    let mut pairs = value.to_str().ok()?.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).and_then(|(_, name)| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{V1, named_repository, v1, without_tokens};
    use crate::request::query::Query;
    use crate::request::route::BadRequest;
    use http::header::{AUTHORIZATION, COOKIE};
    use http::{HeaderMap, Method};
    use oci_types::RepositoryName;

    fn ask(path: &str) -> Result<V1, BadRequest> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        v1(&Method::GET, path, Query::new(Some(query)))
    }

    #[test]
    fn paths() {
        let check = |path: &str, expected: V1| assert_eq!(ask(path), Ok(expected), "{path}");
        let name = |text: &str| text.parse().unwrap();
        check("_ping", V1::Ping);
        check("repositories/a/b/images", V1::Images(name("a/b")));
        check("repositories/a/tags", V1::Tags(name("a")));
        check("repositories/a/tags/tags", V1::Tag(name("a"), "tags".parse().unwrap()));
        check("repositories/a/tags/images", V1::Tag(name("a"), "images".parse().unwrap()));
        check("repositories/a/tags/tags/images", V1::Tag(name("a/tags"), "images".parse().unwrap()));
        check("repositories/a/images/tags/v1", V1::Tag(name("a/images"), "v1".parse().unwrap()));
        check("repositories/a/images/images", V1::Images(name("a/images")));
        check("repositories/a/images/tags", V1::Tags(name("a/images")));
        check("repositories/tags/tags", V1::Tags(name("tags")));
        check("repositories/tags/images", V1::Images(name("tags")));
        check("repositories/tags/tags/tags", V1::Tag(name("tags"), "tags".parse().unwrap()));
        check("repositories/a/tags/v1", V1::Tag(name("a"), "v1".parse().unwrap()));
        check("images/0f/json", V1::Json("0f".into()));
        check("images/any thing/really/ancestry", V1::Ancestry("any thing/really".into()));
        check("images/0f/layer", V1::Layer("0f".into()));
        check("search?q=al+p&n=3", V1::Search { text: "al p".into(), limit: Some(3) });
        check("search", V1::Search { text: String::new(), limit: None });
    }

    #[test]
    fn what_is_none() {
        for path in [
            "",
            "x",
            "images/json",
            "images//json",
            "images/0f/checksum",
            "repositories/a",
            "repositories/a/v1",
            "users/",
        ] {
            assert_eq!(ask(path), Err(BadRequest::NoSuchEndpoint), "{path}");
        }
        assert!(matches!(ask("repositories/A/tags"), Err(BadRequest::Name(_))));
        assert!(matches!(ask("repositories/a/tags/-"), Err(BadRequest::TagUnknown(_))));
        assert!(matches!(ask("search?n=x"), Err(BadRequest::PageSize(_))));
        for method in [Method::PUT, Method::POST, Method::DELETE, Method::PATCH] {
            for path in ["repositories/a/", "repositories/a/tags/v1", "images/0f/json", "users/"] {
                assert_eq!(v1(&method, path, Query::new(None)), Err(BadRequest::V1Write), "{method} {path}");
            }
        }
    }

    #[test]
    fn tokens() {
        let check = |value: &str, expected: Option<&str>| {
            let headers: HeaderMap = [(AUTHORIZATION, value.parse().unwrap())].into_iter().collect();
            assert_eq!(named_repository(&headers).as_ref().map(RepositoryName::as_str), expected, "{value}");
        };
        check("Token signature=x,repository=\"a/b\",access=read", Some("a/b"));
        check("token repository=a", Some("a"));
        check("Token signature=x, repository=\"a\"", Some("a"));
        check("Token repository=\"A\"", None);
        check("Token signature=x", None);
        check("Basic repository=a", None);
        check("Token", None);
        assert_eq!(named_repository(&HeaderMap::new()), None);
    }

    #[test]
    fn cookies() {
        let check = |value: &str, expected: Option<&str>| {
            let headers: HeaderMap = [(COOKIE, value.parse().unwrap())].into_iter().collect();
            assert_eq!(named_repository(&headers).as_ref().map(RepositoryName::as_str), expected, "{value}");
        };
        check("manifestd-v1-repository=a/b", Some("a/b"));
        check("other=1; manifestd-v1-repository=a", Some("a"));
        check("manifestd-v1-repository=A", None);
        check("manifestd-v1-repository", None);
        check("repository=a", None);
        let both = [(AUTHORIZATION, "Token repository=a"), (COOKIE, "manifestd-v1-repository=b")];
        let headers: HeaderMap = both.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect();
        assert_eq!(named_repository(&headers).as_ref().map(RepositoryName::as_str), Some("a"));
    }

    #[test]
    fn tokens_are_no_credentials() {
        let check = |values: &[&str], left: Option<&[&str]>| {
            let mut headers: HeaderMap = [(COOKIE, "a=b".parse().unwrap())].into_iter().collect();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            let others = without_tokens(&headers);
            let shown = others.as_ref().map(|others| {
                assert_eq!(others[COOKIE], "a=b");
                others.get_all(AUTHORIZATION).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(shown.as_deref(), left, "{values:?}");
        };
        check(&[], None);
        check(&["Basic eDp5"], None);
        check(&["Tokens repository=a"], None);
        check(&["Token repository=a"], Some(&[]));
        check(&["token"], Some(&[]));
        check(&["Token repository=a", "Basic eDp5"], Some(&["Basic eDp5"]));
    }
}
