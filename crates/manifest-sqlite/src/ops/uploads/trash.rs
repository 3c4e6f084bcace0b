use crate::driver::Doing;
use crate::sets;
use diesel::sql_types::Text;
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::facts::Location;

/// Puts locations into the trash, but for those that a blob row or a part of an upload names: a call that is repeated after its
/// answer was lost must not throw away what it stored the first time.
pub(super) fn discard<'a>(
    connection: &mut SqliteConnection,
    locations: impl IntoIterator<Item = &'a Location>,
) -> Port<()> {
    let locations: Vec<String> = locations.into_iter().map(Location::to_string).collect();
    let statement = Discard { locations: &sets::texts(locations.iter().map(String::as_str)) };
    statement.execute(connection).doing("putting bytes into the trash")?;
    Ok(())
}

statement! {
    struct Discard<'a> { locations: &'a str => Text }
    "INSERT INTO trash (location, not_before_ms) SELECT j.value, 0 FROM json_each(?1) j \
     WHERE NOT EXISTS (SELECT 1 FROM blob INDEXED BY blob_location WHERE location = j.value) \
     AND NOT EXISTS (SELECT 1 FROM upload_part INDEXED BY upload_part_location WHERE location = j.value) \
     ON CONFLICT DO NOTHING"
}
