//! How long most requests take, from how many took up to how long.

/// The time within which that share of the requests ended, in seconds: as far into its bucket as
/// the share is, as Prometheus reckons it. Nothing where nothing was counted. What took longer than
/// the last bucket that has an end is said to have taken that long.
///
/// `buckets` are how many took up to so many seconds, the shortest first.
pub fn quantile(buckets: &[(f64, u64)], share: f64) -> Option<f64> {
    let total = buckets
        .last()
        .map(|(_, count)| *count)
        .filter(|count| *count > 0)?;
    let rank = total as f64 * share.clamp(0.0, 1.0);
    let (mut shorter, mut below) = (0.0, 0);
    for (most, count) in buckets {
        if !most.is_finite() {
            break;
        }
        if *count as f64 >= rank && *count > below {
            let into = (rank - below as f64) / (count - below) as f64;
            return Some(shorter + (most - shorter) * into.clamp(0.0, 1.0));
        }
        (shorter, below) = (*most, (*count).max(below));
    }
    Some(shorter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_found_within_its_bucket() {
        let buckets = [
            (0.1, 0),
            (0.2, 50),
            (0.4, 90),
            (1.0, 90),
            (f64::INFINITY, 100),
        ];

        let near = |share, wanted: f64| {
            let found = quantile(&buckets, share).unwrap();
            assert!((found - wanted).abs() < 1e-9, "{share}: {found}");
        };

        near(0.5, 0.2);
        near(0.25, 0.15);
        near(0.9, 0.4);
        near(0.7, 0.3);
        near(0.99, 1.0); // it took longer, and nobody knows how long
    }

    #[test]
    fn of_nothing_there_is_no_share() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[(0.1, 0), (f64::INFINITY, 0)], 0.5), None);
    }

    #[test]
    fn buckets_that_fall_are_no_reason_to_panic() {
        assert!(quantile(&[(0.1, 5), (0.2, 3), (f64::INFINITY, 4)], 1.0).is_some());
    }
}
