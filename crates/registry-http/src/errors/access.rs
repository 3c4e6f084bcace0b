use super::{Code, Refusal};
use crate::authenticate::AuthenticateError;
use http::StatusCode;
use manifest_core::access::AccessRefusal;

impl From<AuthenticateError> for Refusal {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Refused(message) => Self::Challenge { asks: Vec::new(), message },
            AuthenticateError::Port(error) => error.into(),
        }
    }
}

impl From<AccessRefusal> for Refusal {
    fn from(refusal: AccessRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            AccessRefusal::Challenge(asks) => Self::Challenge { asks, message },
            AccessRefusal::Denied(_) => Self::new(StatusCode::FORBIDDEN, Code::Denied, message),
        }
    }
}
