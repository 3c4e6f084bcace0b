use std::fmt;

/// What an image runs on, as an index entry or an image config says it.
///
/// Nothing is checked: the values are what somebody wrote, and an unknown system is no error. Source: OCI image spec,
/// "Image index: platform"; `features` is of docker's manifest lists.
///
/// ```
/// # use oci_types::Platform;
/// let platform = Platform { variant: Some("v7".into()), ..Platform::new("linux", "arm") };
/// assert_eq!(platform.to_string(), "linux/arm/v7");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The processor, such as `amd64`.
    pub architecture: String,
    /// The operating system, such as `linux`.
    pub os: String,
    /// The version of the operating system, such as `10.0.14393.1066`.
    pub os_version: Option<String>,
    /// What the operating system must offer, such as `win32k`.
    pub os_features: Vec<String>,
    /// The variant of the processor, such as `v7`.
    pub variant: Option<String>,
    /// What the processor must offer, such as `sse4`.
    pub features: Vec<String>,
}

impl Platform {
    /// A platform of which nothing else is said.
    #[must_use]
    pub fn new(os: &str, architecture: &str) -> Self {
        Self { architecture: architecture.into(), os: os.into(), ..Self::default() }
    }
}

impl fmt::Display for Platform {
    /// As people write it: `os/architecture` or `os/architecture/variant`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}
