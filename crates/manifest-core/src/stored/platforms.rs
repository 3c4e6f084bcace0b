use super::Column;
use crate::error::Port;
use oci_types::Platform;

/// The platforms of a tag (promise L7 of [`Listings`](crate::ports::Listings)): of the manifest itself, and of its entries. `entries` is the JSON that a
/// statement makes of them, a list of pairs: what the link says, and where it says none what the manifest says that it names.
pub fn shown_platforms(own: Option<String>, entries: Option<&str>) -> Port<Vec<Platform>> {
    let (manifest, link) = (Column("manifest", "platform"), Column("manifest_child", "platform"));
    let mut named: Vec<_> = manifest.platform(own)?.into_iter().collect();
    let entries: Vec<(Option<String>, Option<String>)> = link.json(entries.unwrap_or("[]"))?;
    for (said, stored) in entries {
        named.extend(link.platform(said)?);
        named.extend(manifest.platform(stored)?);
    }
    Ok(crate::ports::shown_platforms(named))
}
