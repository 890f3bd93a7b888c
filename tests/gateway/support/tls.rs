//! Certificates that are made for one test, and clients that believe them.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
    date_time_ymd,
};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{Client, Gateway};

/// Somebody who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(crate) struct Issued {
    pub(crate) cert: String,
    pub(crate) key: String,
}

/// Valid for longer than any test.
fn valid(params: &mut CertificateParams, until: (i32, u8, u8)) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until.0, until.1, until.2);
}

impl Authority {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = format!("authority {}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Its own certificate, and the key that it signs with.
    pub(crate) fn itself(&self) -> Issued {
        Issued {
            cert: self.pem(),
            key: self.0.key().serialize_pem(),
        }
    }

    /// For this machine.
    pub(crate) fn server(&self) -> Issued {
        self.server_until((2100, 1, 1))
    }

    /// For this machine, until then.
    pub(crate) fn server_until(&self, end: (i32, u8, u8)) -> Issued {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        valid(&mut params, end);
        self.issue(params)
    }

    /// For this machine, between these two.
    pub(crate) fn server_between(&self, begins: Timestamp, ends: Timestamp) -> Issued {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let date = |time: Timestamp| {
            let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
            let part = |part: i8| u8::try_from(part).unwrap();
            date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
        };
        (params.not_before, params.not_after) = (date(begins), date(ends));
        self.issue(params)
    }

    /// For a client with this common name, and these names beside: `uri:…`, or of hosts.
    pub(crate) fn client(&self, common_name: &str, names: &[&str]) -> Issued {
        self.client_until(common_name, names, (2100, 1, 1))
    }

    pub(crate) fn client_until(
        &self,
        common_name: &str,
        names: &[&str],
        end: (i32, u8, u8),
    ) -> Issued {
        let mut params = CertificateParams::default();
        valid(&mut params, end);
        params.serial_number = Some(serial(common_name));
        let of = &mut params.distinguished_name;
        of.push(DnType::CommonName, common_name);
        of.push(DnType::OrganizationName, "Example");
        let name = |name: &&str| match name.strip_prefix("uri:") {
            Some(uri) => SanType::URI(uri.try_into().unwrap()),
            None => SanType::DnsName((*name).try_into().unwrap()),
        };
        params.subject_alt_names = names.iter().map(name).collect();
        self.issue(params)
    }

    fn issue(&self, params: CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.0).unwrap();
        Issued {
            cert: cert.pem(),
            key: key.serialize_pem(),
        }
    }

    /// A list that takes back the certificates of clients with these common names.
    pub(crate) fn takes_back(&self, common_names: &[&str]) -> String {
        let revoked = |name: &&str| RevokedCertParams {
            serial_number: serial(name),
            revocation_time: date_time_ymd(2021, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2021, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: common_names.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }

    /// What a client speaks that believes it, in all versions or these, and shows that.
    pub(crate) fn believed(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        shown: Option<&Issued>,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(default_provider().into());
        let builder = match versions {
            [] => builder.with_safe_default_protocol_versions(),
            some => builder.with_protocol_versions(some),
        };
        let builder = builder.unwrap().with_root_certificates(roots);
        let Some(shown) = shown else {
            return builder.with_no_client_auth();
        };
        let chain = CertificateDer::pem_slice_iter(shown.cert.as_bytes());
        let chain = chain.map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
        builder.with_client_auth_cert(chain, key).unwrap()
    }
}

/// By the name, so that it need not be kept.
fn serial(common_name: &str) -> SerialNumber {
    let bytes = common_name.bytes();
    SerialNumber::from(bytes.fold(1_u64, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte)))
}

impl Issued {
    /// For this machine, signed by nobody else.
    pub(crate) fn by_itself() -> Self {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        valid(&mut params, (2100, 1, 1));
        let key = KeyPair::generate().unwrap();
        Self {
            cert: params.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// Writes both where [`TLS`] expects them.
    pub(crate) fn write(&self, folder: &Path) {
        fs::write(folder.join("cert.pem"), &self.cert).unwrap();
        fs::write(folder.join("key.pem"), &self.key).unwrap();
    }
}

/// The table of a gateway whose files stand beside its `servers.toml`.
pub(crate) const TLS: &str = "[gateway.tls]\ncert = 'cert.pem'\nkey = 'key.pem'\n";

impl Gateway {
    /// Where it listens, over TLS.
    pub(crate) fn secure_url(&self) -> String {
        self.url().replace("http://127.0.0.1", "https://localhost")
    }

    /// A client over TLS that has sent nothing yet.
    pub(crate) fn secure(&self, speaks: ClientConfig) -> Client {
        Client::speaking(self.secure_url(), speaks)
    }
}
