use manifest_core::error::{Port, PortError, PortErrorKind};

/// Makes a write that does no harm when it is made twice. If the answer is lost with the connection, it is made again on another one,
/// and `read` makes of the second answer what the first would have been.
pub(crate) async fn settled<T, W, R>(write: impl Fn() -> W, read: impl FnOnce(T) -> R) -> Port<T>
where
    W: Future<Output = Port<T>>,
    R: Future<Output = Port<T>>,
{
    match write().await {
        Err(error) if is_lost(&error) => {}
        answer => return answer,
    }
    // Whatever stands in the way of the second call, what became of the first is not known.
    let second = write().await.map_err(PortError::with_unknown_outcome)?;
    read(second).await.map_err(PortError::with_unknown_outcome)
}

/// Whether the connection went before the answer came. (If none came in time, there is no time to ask again.)
pub(crate) fn is_lost(error: &PortError) -> bool {
    error.outcome_unknown() && error.kind() == PortErrorKind::Unavailable
}

#[cfg(test)]
mod tests {
    use super::{is_lost, settled};
    use manifest_core::error::{Port, PortError, PortErrorKind};
    use std::cell::RefCell;

    async fn check(mut answers: Vec<Port<u8>>, expected: Option<u8>, calls_left: usize) {
        answers.reverse();
        let answers = RefCell::new(answers);
        let write = async || answers.borrow_mut().pop().unwrap();
        let is_first = answers.borrow().last().is_some_and(|answer| !answer.as_ref().is_err_and(is_lost));
        let answer = settled(write, async |second| Ok(second + 100)).await;
        assert!(is_first || answer.as_ref().err().is_none_or(PortError::outcome_unknown), "{answer:?}");
        assert_eq!(answer.ok(), expected);
        assert_eq!(answers.borrow().len(), calls_left);
    }

    #[tokio::test]
    async fn only_a_lost_answer_is_asked_for_again() {
        let error = |kind| PortError::new(kind, "writing");
        let lost = || Err(error(PortErrorKind::Unavailable).with_unknown_outcome());
        check(vec![Ok(1), Ok(2)], Some(1), 1).await;
        check(vec![lost(), Ok(2)], Some(102), 0).await;
        check(vec![lost(), lost(), Ok(3)], None, 1).await;
        check(vec![lost(), Err(error(PortErrorKind::Unavailable))], None, 0).await;
        check(vec![Err(error(PortErrorKind::Unavailable)), Ok(2)], None, 1).await;
        check(vec![Err(error(PortErrorKind::Timeout).with_unknown_outcome()), Ok(2)], None, 1).await;
    }
}
