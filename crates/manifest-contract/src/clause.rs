use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// One clause of a suite: a promise, or a part of one, as code.
pub struct Clause<F> {
    /// The number of the promise in the port's docs, such as `M4`.
    pub promise: &'static str,
    /// What it says, which is also the name of its test, such as `m4_intervals_never_overlap_though_the_clock_falls_back`.
    pub name: &'static str,
    pub(crate) run: fn(F) -> Pin<Box<dyn Future<Output = ()>>>,
}

impl<F> fmt::Debug for Clause<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.name)
    }
}

/// Runs the clause of that name on a fresh fixture, on a runtime of its own with several threads.
pub(crate) fn check<F, N: Into<F>>(clauses: &[Clause<F>], name: &str, fresh: impl Future<Output = N>) {
    let Some(clause) = clauses.iter().find(|clause| clause.name == name) else {
        panic!("the suite has no clause {name}");
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(async { (clause.run)(fresh.await.into()).await }),
        Err(error) => panic!("there is no runtime to run {name} on: {error}"),
    }
}

/// The clauses of a suite as a table.
#[doc(hidden)]
#[macro_export]
macro_rules! clause_table {
    ([] $($promise:ident $module:ident :: $clause:ident)*) => {
        &[$($crate::Clause {
            promise: stringify!($promise),
            name: stringify!($clause),
            run: |fixture| Box::pin($module::$clause(fixture)),
        }),*]
    };
}

/// The clauses of a suite as tests.
#[doc(hidden)]
#[macro_export]
macro_rules! clause_tests {
    ([$suite:ident $fresh:expr] $($promise:ident $module:ident :: $clause:ident)*) => {
        $(#[test]
        fn $clause() {
            $crate::$suite::check(stringify!($clause), $fresh());
        })*
    };
}
