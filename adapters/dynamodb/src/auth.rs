//! AWS's signature, version 4, of one request to DynamoDB.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use uriba_sdk::{
    Settings,
    env::{HeaderMap, HeaderName, HeaderValue},
    mall::SettingsError,
};

/// Wherever it is served from, the service's name within a signature.
const SERVICE: &str = "dynamodb";
pub const MIME: &str = "application/x-amz-json-1.0";

pub struct Signer {
    credentials: Credentials,
    region: String,
}

impl Signer {
    pub fn of(settings: &Settings, region: &str) -> Result<Self, SettingsError> {
        let secret = |key: &str| settings.credential(key).map(|secret| secret.expose_secret().trim().to_owned());
        let session = settings.credentials.get("session_token").map(|secret| secret.expose_secret().trim().to_owned());
        let (id, key) = (secret("access_key_id")?, secret("secret_access_key")?);
        Ok(Self { credentials: Credentials::new(id, key, session, None, "settings"), region: region.to_owned() })
    }

    /// The headers of a request, marked sensitive where a log must not show them.
    pub fn headers(&self, url: &str, target: &str, body: &[u8], now: Timestamp) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        let plain = [("content-type", MIME), ("x-amz-target", target)];
        for (name, value) in plain {
            headers.insert(name, HeaderValue::from_str(value).map_err(|error| error.to_string())?);
        }
        // A packed answer's checksum is over what was sent, which nobody sees any more once it is unpacked.
        headers.insert("accept-encoding", HeaderValue::from_static("identity"));
        for (name, value) in self.signature(url, &plain, body, SystemTime::from(now))? {
            let mut value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
            value.set_sensitive(name != "x-amz-date");
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }

    /// What the signature adds: `authorization`, `x-amz-date`, and the session's token where there is one.
    fn signature(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        time: SystemTime,
    ) -> Result<Vec<(&'static str, String)>, String> {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?;
        let request = SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body))
            .map_err(|error| error.to_string())?;
        // The signer tells its trace whose key it uses.
        let nobody = tracing::Dispatch::none();
        let signed = tracing::dispatcher::with_default(&nobody, || sign(request, &parameters.into()));
        let signed = signed.map_err(|error| error.to_string())?;
        let (added, _) = signed.into_parts().0.into_parts();
        Ok(added.into_iter().map(|header| (header.name(), header.value().to_owned())).collect())
    }
}

/// The checksum that DynamoDB sends with each answer (CRC-32 as in zip files).
pub fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_zip_files() {
        assert_eq!((crc32(b"123456789"), crc32(b"{}"), crc32(b"")), (0xcbf4_3926, 2_745_614_147, 0));
    }

    #[test]
    fn a_request_carries_what_the_signature_needs_and_logs_show_none_of_it() {
        let secret = |text: &str| text.to_owned().into();
        let credentials = [("access_key_id", "AKIDEXAMPLE"), ("secret_access_key", "k"), ("session_token", "t0ken")];
        let credentials = credentials.map(|(key, text)| (key.to_owned(), secret(text))).into();
        let signer = Signer::of(&Settings { credentials, ..Settings::default() }, "ap-northeast-1").unwrap();
        let now = "2026-11-20T01:00:00Z".parse().unwrap();
        let url = "https://dynamodb.ap-northeast-1.amazonaws.com/";
        let headers = signer.headers(url, "DynamoDB_20120810.Scan", b"{}", now).unwrap();
        let authorization = headers["authorization"].to_str().unwrap();
        let scope = "Credential=AKIDEXAMPLE/20261120/ap-northeast-1/dynamodb/aws4_request, ";
        let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=";
        assert!(authorization.starts_with(&format!("AWS4-HMAC-SHA256 {scope}{signed}")), "{authorization}");
        assert_eq!(headers["x-amz-date"], "20261120T010000Z");
        assert!(["authorization", "x-amz-security-token"].iter().all(|name| headers[*name].is_sensitive()));
    }
}
