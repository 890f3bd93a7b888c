//! What the benchmarks share: a server that answers at once, clients that ask as fast as they can,
//! and processes whose CPU time and memory are read.

pub(crate) mod gateway;
pub(crate) mod load;
pub(crate) mod process;
pub(crate) mod upstream;
mod wire;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A number from the environment, or the default.
pub(crate) fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    let set = std::env::var(name).ok().and_then(|text| text.parse().ok());
    set.unwrap_or(default)
}

/// The one in the middle.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
