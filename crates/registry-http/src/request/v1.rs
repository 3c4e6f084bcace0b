use super::kind::Kind;
use super::query::Query;
use super::route::BadRequest;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
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
    match (last, path.strip_suffix("/tags")) {
        ("images", _) => Ok(V1::Images(path.parse()?)),
        ("tags", _) => Ok(V1::Tags(path.parse()?)),
        (tag, Some(name)) => Ok(V1::Tag(name.parse()?, tag.parse().map_err(BadRequest::TagUnknown)?)),
        (_, None) => Err(BadRequest::NoSuchEndpoint),
    }
}

/// The repository of which a request for an image speaks: the client repeats what `GET /v1/repositories/<name>/images` gave it.
pub(crate) fn token_repository(headers: &HeaderMap) -> Option<RepositoryName> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("token") {
        return None;
    }
    let name = token.split(',').find_map(|part| part.trim().strip_prefix("repository="))?;
    name.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{V1, token_repository, v1};
    use crate::request::query::Query;
    use crate::request::route::BadRequest;
    use http::header::AUTHORIZATION;
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
        check("repositories/a/tags/tags", V1::Tags(name("a/tags")));
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
            assert_eq!(token_repository(&headers).as_ref().map(RepositoryName::as_str), expected, "{value}");
        };
        check("Token signature=x,repository=\"a/b\",access=read", Some("a/b"));
        check("token repository=a", Some("a"));
        check("Token signature=x, repository=\"a\"", Some("a"));
        check("Token repository=\"A\"", None);
        check("Token signature=x", None);
        check("Basic repository=a", None);
        check("Token", None);
        assert_eq!(token_repository(&HeaderMap::new()), None);
    }
}
