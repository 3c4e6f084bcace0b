//! How a statement is written down: as a type, so that diesel keeps it prepared under that type, once a connection.
//!
//! The builder is for what is asked seldom: what it makes of UPDATE, ON CONFLICT and batches is prepared anew each time.

/// Defines a statement: a struct of its parameters, in the order of their numbers, and its text.
///
/// ```text
/// statement! {
///     /// What it is for.
///     struct BlobSize<'a> { repository: i64 => BigInt, digest: &'a [u8] => Binary }
///     -> (BigInt,);
///     "SELECT size FROM repository_blob WHERE repository_id = $1 AND digest = $2"
/// }
/// ```
///
/// Without `->` it answers no rows. The text must be a constant and name every parameter, first uses in order; a
/// parameter may be used again. [`cuts`] checks it when the crate is compiled.
macro_rules! statement {
    (@row) => { () };
    (@row $row:ty) => { $row };
    (
        $(#[$doc:meta])*
        struct $name:ident $(<$life:lifetime>)? { $($field:ident: $type:ty => $sql_type:ty),* $(,)? }
        $(-> $row:ty;)?
        $sql:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name $(<$life>)? { $(pub(crate) $field: $type),* }

        impl $(<$life>)? $name $(<$life>)? {
            /// The text, which never varies.
            pub(crate) const SQL: &'static str = $sql;
            const CUTS: [usize; $crate::statement::length(&[$(stringify!($field)),*])] = $crate::statement::cuts(Self::SQL);
        }

        impl $(<$life>)? diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name $(<$life>)? {
            fn walk_ast<'query>(
                &'query self,
                mut out: diesel::query_builder::AstPass<'_, 'query, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                let mut text = $crate::statement::Pieces::new(Self::SQL, &Self::CUTS);
                $(
                    out.push_sql(text.next());
                    // Writes the `$` and the number.
                    out.push_bind_param::<$sql_type, _>(&self.$field)?;
                )*
                out.push_sql(text.next());
                Ok(())
            }
        }

        const _: () = {
            // Has the text checked also where nothing is built.
            const _: &[usize] = &$name::CUTS;

            /// Stands for the statement in diesel's cache, whatever the lifetime of its parameters.
            #[derive(Debug)]
            pub(crate) struct Id;

            // The text never varies, so the prepared statement is kept under the type alone.
            impl $(<$life>)? diesel::query_builder::QueryId for $name $(<$life>)? {
                type QueryId = Id;
                const HAS_STATIC_QUERY_ID: bool = true;
            }
        };

        impl $(<$life>)? diesel::query_builder::Query for $name $(<$life>)? {
            type SqlType = statement!(@row $($row)?);
        }
    };
}

/// The text of a statement between the first uses of its parameters.
pub(crate) struct Pieces {
    text: &'static str,
    cuts: std::slice::Iter<'static, usize>,
    at: usize,
}

impl Pieces {
    pub(crate) fn new(text: &'static str, cuts: &'static [usize]) -> Self {
        let cuts = cuts.iter();
        Self { text, cuts, at: 0 }
    }

    /// What stands before the next parameter, or what is left.
    pub(crate) fn next(&mut self) -> &'static str {
        let end = self.cuts.next().copied().unwrap_or(self.text.len());
        // Cuts are at an ASCII character of this very text.
        let piece = self.text.get(self.at..end).unwrap_or_default();
        self.at = end + 1 + digits_at(self.text.as_bytes(), end + 1);
        piece
    }
}

/// How many parameters there are.
pub(crate) const fn length(parameters: &[&str]) -> usize {
    parameters.len()
}

/// Where each parameter's first `$` stands in the text.
///
/// # Panics
///
/// When the crate is compiled, if the first uses of the parameters are out of order, or if one is missing or too many.
pub(crate) const fn cuts<const N: usize>(sql: &str) -> [usize; N] {
    let bytes = sql.as_bytes();
    let mut cuts = [0; N];
    let (mut found, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at] == b'$' {
            let number = number_at(bytes, at + 1);
            assert!(number >= 1 && number <= N, "a parameter has no field");
            assert!(number <= found + 1, "the first uses of parameters are out of order");
            if number == found + 1 {
                cuts[found] = at;
                found += 1;
            }
        }
        at += 1;
    }
    assert!(found == N, "a field has no parameter");
    cuts
}

/// How many digits stand there.
const fn digits_at(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        at += 1;
    }
    at - if from < at { from } else { at }
}

/// The decimal number that starts there; 0 if there is none.
const fn number_at(bytes: &[u8], mut at: usize) -> usize {
    let mut number = 0;
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        number = number * 10 + (bytes[at] - b'0') as usize;
        at += 1;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::{Pieces, cuts};

    #[test]
    fn first_uses_are_found() {
        assert_eq!(cuts::<2>("f($1, $2, $1)"), [2, 6]);
        assert_eq!(cuts::<0>("SELECT 1"), [0_usize; 0]);
        let ten = "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        assert_eq!(cuts::<10>(ten)[9], ten.len() - 4);
    }

    #[test]
    fn pieces_leave_the_numbers_out() {
        const CUTS: [usize; 2] = cuts("f($1, $2, $1)");
        let mut pieces = Pieces::new("f($1, $2, $1)", &CUTS);
        assert_eq!([pieces.next(), pieces.next(), pieces.next()], ["f(", ", ", ", $1)"]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |sql: &'static str| assert!(std::panic::catch_unwind(|| cuts::<1>(sql)).is_err(), "{sql}");
        refused("SELECT 1");
        refused("a = $");
        refused("f($2, $1)");
        refused("f($1, $2)");
    }
}
