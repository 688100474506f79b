//! How many sessions share the images of a pass over all of them.

use crate::error::Result;
use crate::runtime::Device;

/// What `open` gives, once for each thread; a single one where `device` says that it runs on a GPU.
///
/// # Errors
/// Those of `open`.
pub(super) fn for_each_thread<T>(
    open: impl Fn() -> Result<T>,
    device: impl Fn(&T) -> Device,
) -> Result<Vec<T>> {
    let first = open()?;
    let n = if device(&first) == Device::Cpu { rayon::current_num_threads().max(1) } else { 1 };
    let others = (1..n).map(|_| open());
    [Ok(first)].into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_has_one_session() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let opened =
            |device| pool.install(|| for_each_thread(|| Ok(device), |device| *device).unwrap().len());
        assert_eq!([Device::Cuda(0), Device::Cpu].map(opened), [1, 3]);
    }
}
