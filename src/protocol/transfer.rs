//! The file transfer protocols that Part 2 names (FileTransferProtocols, ORS-24).

/// A file transfer protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// FTP, passive.
    Ftp,
    /// FTP that goes over to TLS with AUTH TLS ("explicit").
    Ftps,
    /// Files over SSH.
    Sftp,
}

impl Protocol {
    /// All of them; the first that a product has is used where the bench chooses none.
    pub const ALL: [Protocol; 5] = [Protocol::Http, Protocol::Https, Protocol::Ftp, Protocol::Ftps, Protocol::Sftp];

    /// The name in FileTransferProtocols and ORS-24.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http => "HTTP",
            Protocol::Https => "HTTPS",
            Protocol::Ftp => "FTP",
            Protocol::Ftps => "FTPS",
            Protocol::Sftp => "SFTP",
        }
    }

    /// The scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Ftp => "ftp",
            Protocol::Ftps => "ftps",
            Protocol::Sftp => "sftp",
        }
    }

    /// The port where a URL names none. Our FTPS is explicit, so it begins on FTP's.
    pub fn port(self) -> u16 {
        match self {
            Protocol::Http => 80,
            Protocol::Https => 443,
            Protocol::Ftp | Protocol::Ftps => 21,
            Protocol::Sftp => 22,
        }
    }

    /// From its name or scheme, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.scheme().eq_ignore_ascii_case(text.trim()))
    }

    /// True when this build speaks it.
    pub fn is_built_in(self) -> bool {
        cfg!(feature = "files") || matches!(self, Protocol::Http | Protocol::Https)
    }

    /// True when it needs a certificate.
    pub fn has_tls(self) -> bool {
        matches!(self, Protocol::Https | Protocol::Ftps)
    }

    /// Those that are named, in our order of preference.
    pub fn among(names: &[String]) -> Vec<Self> {
        let named = |protocol: &Self| names.iter().any(|name| name.eq_ignore_ascii_case(protocol.name()));
        Self::ALL.into_iter().filter(named).collect()
    }
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
