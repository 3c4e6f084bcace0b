//! The language of the server's messages.
//!
//! The driver passes a server's message on and keeps its code to itself: what it makes of an error has no way back to the driver's own
//! error, which knows the code. So some failures are told apart by their messages, which must be English.

use diesel::QueryResult;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Asks for English, where the user may ask.
pub(crate) const ASK: &str = "DO $$ BEGIN PERFORM set_config('lc_messages', 'C', false); \
                              EXCEPTION WHEN insufficient_privilege THEN NULL; END $$";

/// The locale of the messages on a connection, if they are not in English.
pub(crate) async fn foreign_messages(connection: &mut AsyncPgConnection) -> QueryResult<Option<String>> {
    let rows: Vec<(String,)> = Messages {}.load(connection).await?;
    Ok(rows.into_iter().map(|(locale,)| locale).find(|locale| !is_english(locale)))
}

/// Whether messages of that locale are in English: `C`, `C.UTF-8`, `POSIX`, `en_GB.utf8`. None is what the server has built in.
fn is_english(locale: &str) -> bool {
    let language = locale.split(['.', '_', '@']).next().unwrap_or_default();
    ["", "C", "POSIX", "en"].contains(&language)
}

statement! {
    struct Messages {}
    -> (Text,);
    "SELECT current_setting('lc_messages')"
}

#[cfg(test)]
mod tests {
    use super::is_english;

    #[test]
    fn locales() {
        let check = |locale: &str, expected: bool| assert_eq!(is_english(locale), expected, "{locale}");
        check("", true);
        check("C", true);
        check("C.UTF-8", true);
        check("POSIX", true);
        check("en_US.UTF-8", true);
        check("en_GB@oed", true);
        check("de_DE.UTF-8", false);
        check("cs_CZ", false);
        check("eo", false);
    }
}
