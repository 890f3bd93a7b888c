//! Large futures, made where they are going to stay.

use std::pin::Pin;

/// Boxes the future that is made: `Box::pin` would make it elsewhere and copy it, and every call
/// would pay for that.
pub fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    let future: Box<F> = Box::write(Box::new_uninit(), make());
    Box::into_pin(future)
}
