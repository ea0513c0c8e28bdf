//! Lists of names of which this build has some: cipher suites and curves, called as Go does.

use crate::suggest::closest;
use crate::validate::Problems;

/// The names that a key may list.
pub(super) struct Choice {
    key: &'static str,
    /// The Collector's complaint of a name that is none.
    invalid: &'static str,
    usable: &'static [&'static str],
    /// Go has them, and our TLS library does not.
    lacking: &'static [&'static str],
    /// Go has them for those who insist.
    insecure: &'static [&'static str],
}

/// `cipher_suites`, by the names of Go's `tls.CipherSuites` and `tls.InsecureCipherSuites`.
pub(super) const CIPHER_SUITES: Choice = Choice {
    key: "cipher_suites",
    invalid: "invalid TLS cipher suite",
    usable: &[
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ],
    lacking: &[
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    ],
    insecure: &[
        "TLS_RSA_WITH_RC4_128_SHA",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
        "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
        "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    ],
};

/// `curve_preferences`.
pub(super) const CURVES: Choice = Choice {
    key: "curve_preferences",
    invalid: "invalid curve type",
    usable: &["X25519", "P256", "P384"],
    lacking: &["P521", "X25519MLKEM768"],
    insecure: &[],
};

// === impl Choice ===

impl Choice {
    /// The listed names that this build has.
    pub(super) fn usable<'a>(&self, listed: &'a [String]) -> Vec<&'a str> {
        let listed = listed.iter().map(String::as_str);
        listed.filter(|name| self.usable.contains(name)).collect()
    }

    /// Adds a fault for each name that is none and a warning for each that is left out. True if
    /// there was no fault.
    pub(super) fn validate(
        &self,
        listed: &[String],
        insecure_too: bool,
        problems: &mut Problems,
    ) -> bool {
        let mut sound = true;
        for (index, name) in listed.iter().enumerate() {
            let path = format!("{}[{index}]", self.key);
            let word = name.as_str();
            if self.usable.contains(&word) {
                continue;
            }
            let insecure = self.insecure.contains(&word);
            if self.lacking.contains(&word) || (insecure && insecure_too) {
                problems.warn(path, format!("{word} is not in this build and is left out"));
                continue;
            }
            sound = false;
            problems.push(path, self.fault(word, insecure));
        }
        sound
    }

    fn fault(&self, name: &str, insecure: bool) -> String {
        let fault = format!("{}: {name:?}", self.invalid);
        let known = self.usable.iter().chain(self.lacking).copied();
        match closest(name, known) {
            _ if insecure => format!("{fault}, which is insecure"),
            Some(close) => format!("{fault} (did you mean `{close}`?)"),
            None => format!("{fault}, one of {}", self.usable.join(", ")),
        }
    }
}
