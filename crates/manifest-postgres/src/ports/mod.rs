//! The ports: each method hands its work to an operation.
