//! Whether a client reads gzip (RFC 9110, Accept-Encoding).

use http::{HeaderMap, header};

/// Whether it does, and would not rather have an answer as it is. Who says nothing has it so.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut rest) = (None, None, None);
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    for coding in lines.flat_map(|line| line.split(',')) {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let slot = match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => &mut gzip,
            "identity" => &mut identity,
            "*" => &mut rest,
            _ => continue,
        };
        let weight = weight(parameters);
        // Who is of two minds is taken at the lesser.
        *slot = Some(slot.map_or(weight, |other: f32| other.min(weight)));
    }
    let gzip = gzip.or(rest).unwrap_or_default();
    let identity = identity.or(rest).unwrap_or_default();
    gzip > 0.0 && gzip >= identity
}

/// What is no weight is none: any client reads what is not encoded.
fn weight(parameters: &str) -> f32 {
    let mut parameters = parameters
        .split(';')
        .filter_map(|each| each.split_once('='));
    let written = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    written.map_or(1.0, |(_, weight)| {
        let weight = weight.trim().parse().ok();
        let weight = weight.filter(|weight| (0.0..=1.0).contains(weight));
        weight.unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it_and_do_not_prefer_to_have_none() {
        let cases: &[(&[&str], bool)] = &[
            (&[], false),
            (&[""], false),
            (&["gzip"], true),
            (&["x-gzip"], true),
            (&["GZip"], true),
            (&["*"], true),
            (&["gzip, deflate, br, zstd"], true),
            (&["br, gzip, deflate"], true),
            (&["deflate", "gzip"], true),
            (&["br, deflate"], false),
            (&["gzipped"], false),
            (&["identity"], false),
            (&["gzip;q=0"], false),
            (&["gzip;q=0.000"], false),
            (&["gzip ; Q=0"], false),
            (&["gzip;q=0, *"], false),
            (&["*;q=0"], false),
            (&["gzip, *;q=0"], true),
            (&["gzip;q=0.001"], true),
            (&["gzip;q=1.0, identity;q=0.5"], true),
            (&["gzip;q=0.5, identity;q=0.5"], true),
            (&["identity, gzip"], true),
            (&["gzip;q=0.4, identity;q=0.5"], false),
            (&["gzip;q=0.4, identity;q=0"], true),
            (&["identity;q=0"], false),
            (&["gzip;q=0.5, *;q=1"], false),
            (&["*;q=0.5"], true),
            (&["br;q=1.0, gzip;q=0.8, *;q=0.1"], true),
            (&["gzip;level=9;q=0"], false),
            (&["gzip;q=x"], false),
            (&["gzip;q="], false),
            (&["gzip;q=NaN"], false),
            (&["gzip;q=-1"], false),
            (&["gzip;q=2"], false),
            (&["gzip, gzip;q=0"], false),
        ];
        for (lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append(header::ACCEPT_ENCODING, line.parse().unwrap());
            }
            assert_eq!(accepts_gzip(&headers), *expected, "{lines:?}");
        }
    }
}
