//! Certificates and keys in files, and what is wrong with them, in words for whoever put them there.

use rustls::{
    CertificateError, RootCertStore,
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

/// The certificates of a file.
///
/// # Errors
/// When there is none, or one cannot be read. The words follow the name of the file.
pub fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let read = read.map_err(|error| broken(&error))?;
    match read.is_empty() {
        false => Ok(read),
        true if has(text, "PRIVATE KEY-----") => Err(
            "has a private key and no certificate: have the two files been mixed up?".to_owned(),
        ),
        true => Err(none(text, "certificate", "CERTIFICATE", "x509")),
    }
}

/// The private key of a file: PKCS#8, PKCS#1 (RSA) or SEC1 (EC).
///
/// # Errors
/// When there is none, or none that can be read. The words follow the name of the file.
pub fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    if has(text, "ENCRYPTED PRIVATE KEY-----") || has(text, "Proc-Type: 4,ENCRYPTED") {
        let words = "is encrypted, and there is nobody to type its passphrase; \
                     `openssl pkey -in FILE -out NEW` decrypts it (leave it readable for the \
                     gateway's user alone)";
        return Err(words.to_owned());
    }
    let mut keys = PrivateKeyDer::pem_slice_iter(text);
    match keys.next() {
        Some(Ok(key)) => Ok(key),
        Some(Err(error)) => Err(broken(&error)),
        None if has(text, "CERTIFICATE-----") => Err(
            "has a certificate and no private key: have the two files been mixed up?".to_owned(),
        ),
        None => Err(none(text, "private key", "PRIVATE KEY", "pkey")),
    }
}

/// The authorities of a file.
///
/// # Errors
/// As for [`certificates`].
pub fn authorities(text: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(text)? {
        let added = roots.add(certificate);
        added.map_err(|error| format!("has a certificate that cannot be read: {error}"))?;
    }
    Ok(roots)
}

/// The revocation lists of a file.
///
/// # Errors
/// When there is none, or one cannot be read. The words follow the name of the file.
pub(super) fn revocations(
    text: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(text).collect();
    let read = read.map_err(|error| broken(&error))?;
    match read.is_empty() {
        false => Ok(read),
        true => Err(none(text, "revocation list", "X509 CRL", "crl")),
    }
}

/// Why a certificate is refused, in words that follow the name of its file.
pub fn refused(error: &CertificateError) -> String {
    // Its own type is not told.
    match error.to_string().contains("UnsupportedCertVersion") {
        true => {
            "has a certificate of X.509 version 1, and version 3 is needed: `openssl x509 -req` \
                 makes that with `-extfile`, a file that names at least one extension \
                 (`subjectAltName = DNS:…`)"
                .to_owned()
        }
        false => format!("has a certificate that cannot be read: {error}"),
    }
}

fn has(text: &[u8], words: &str) -> bool {
    memchr::memmem::find(text, words.as_bytes()).is_some()
}

fn broken(error: &pem::Error) -> String {
    format!("is not whole, or not PEM: {error}")
}

fn none(text: &[u8], what: &str, label: &str, tool: &str) -> String {
    // What every DER file begins with.
    match text.first() {
        None => "is empty".to_owned(),
        Some(0x30) => format!(
            "seems to be DER, and PEM is expected; `openssl {tool} -inform der -in FILE -out NEW` \
             makes that of it"
        ),
        Some(_) => format!("has no {what} (`-----BEGIN {label}-----`)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_what_to_do() {
        let key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
        let certificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        let half = "-----BEGIN CERTIFICATE-----\nAA==\n";
        let of_certificates = |text: &str| certificates(text.as_bytes()).unwrap_err();
        let of_key = |text: &str| private_key(text.as_bytes()).unwrap_err();

        assert!(of_certificates("").contains("is empty"));
        assert!(of_certificates("hello").contains("has no certificate"));
        assert!(of_certificates("0\u{3}").contains("openssl x509 -inform der"));
        assert!(of_certificates(key).contains("mixed up"));
        assert!(of_certificates(half).contains("not whole"));
        assert!(of_key("").contains("is empty"));
        assert!(of_key("hello").contains("has no private key"));
        assert!(of_key(certificate).contains("mixed up"));
        for encrypted in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED",
        ] {
            assert!(of_key(encrypted).contains("openssl pkey"), "{encrypted}");
        }
        assert!(revocations(b"hello").unwrap_err().contains("X509 CRL"));
    }
}
