use super::error::DocumentError;
use super::node::Node;
use oci_types::MediaType;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    OciManifest,
    OciIndex,
    OciArtifact,
    DockerSchema2,
    DockerList,
    DockerSchema1,
}

/// Which format `root` has: as the content type says, else as its `mediaType` says, else as its members show.
///
/// What the document says about itself must agree with the content type, and it must not look like an image and an index
/// at once: two readers of such a document could see two different images. `application/json` says nothing.
/// Source: OCI distribution spec, "Pushing manifests"; OCI image spec, CVE-2021-41190.
pub(super) fn detect(content_type: Option<&MediaType>, root: &Node<'_, '_>) -> Result<Format, DocumentError> {
    let members = root.fields(["mediaType", "manifests", "config", "layers", "fsLayers"])?;
    let [media_type, manifests, config, layers, fs_layers] = members;
    let body = media_type.optional().map(|node| node.text()).transpose()?;
    let unknown = |found: &str| DocumentError::UnknownMediaType { found: found.into() };

    let format = match (content_type.filter(|header| **header != MediaType::JSON), &body) {
        (Some(header), body) => {
            let format = Format::of(header.as_str()).ok_or_else(|| unknown(header.as_str()))?;
            if let Some(body) = body
                && Format::of(body) != Some(format)
            {
                return Err(DocumentError::MediaTypeMismatch { header: header.clone(), body: (**body).into() });
            }
            format
        }
        (None, Some(body)) => Format::of(body).ok_or_else(|| unknown(body))?,
        (None, None) if manifests.is_present() => Format::OciIndex,
        (None, None) if config.is_present() && layers.is_present() => Format::OciManifest,
        (None, None) if fs_layers.is_present() => Format::DockerSchema1,
        (None, None) => return Err(DocumentError::NoMediaType),
    };

    let suspects = match format {
        Format::OciIndex | Format::DockerList => vec![("config", config), ("layers", layers)],
        Format::OciManifest | Format::DockerSchema2 | Format::DockerSchema1 => vec![("manifests", manifests)],
        Format::OciArtifact => vec![("manifests", manifests), ("config", config), ("layers", layers)],
    };
    match suspects.into_iter().find(|(_, field)| field.is_present()) {
        Some((member, _)) => Err(DocumentError::Ambiguous { media_type: format.media_type(), member }),
        None => Ok(format),
    }
}

impl Format {
    fn of(media_type: &str) -> Option<Self> {
        match media_type {
            MediaType::OCI_MANIFEST => Some(Self::OciManifest),
            MediaType::OCI_INDEX => Some(Self::OciIndex),
            MediaType::OCI_ARTIFACT => Some(Self::OciArtifact),
            MediaType::DOCKER_SCHEMA2 => Some(Self::DockerSchema2),
            MediaType::DOCKER_LIST => Some(Self::DockerList),
            MediaType::DOCKER_SCHEMA1 | MediaType::DOCKER_SCHEMA1_SIGNED => Some(Self::DockerSchema1),
            _ => None,
        }
    }

    /// The media type of such a document; of schema 1 the one without signatures.
    pub(super) fn media_type(self) -> MediaType {
        MediaType::from_static(match self {
            Self::OciManifest => MediaType::OCI_MANIFEST,
            Self::OciIndex => MediaType::OCI_INDEX,
            Self::OciArtifact => MediaType::OCI_ARTIFACT,
            Self::DockerSchema2 => MediaType::DOCKER_SCHEMA2,
            Self::DockerList => MediaType::DOCKER_LIST,
            Self::DockerSchema1 => MediaType::DOCKER_SCHEMA1,
        })
    }
}
