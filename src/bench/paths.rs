//! Files that a bench names. A relative path is seen from the folder of the bench file, wherever the command is run.

use std::path::Path;

use serde_json::{Map, Value};

/// Keys that name a file or a folder (`a.b` within a mapping).
pub(crate) const PATHS: [&str; 11] = [
    "authority",
    "calibration",
    "certificate",
    "key",
    "root",
    "firmware.image",
    "firmware.signature",
    "firmware.certificate",
    "firmware.broken-image",
    "firmware.broken-signature",
    "firmware.broken-certificate",
];

/// A path as it is seen from where the command is run.
pub(super) fn from_here(path: &str, folder: &Path) -> String {
    if path.is_empty() || folder.as_os_str().is_empty() {
        return path.to_owned();
    }
    folder.join(path).display().to_string()
}

/// Makes the paths of a bench such that the command can open them.
pub(super) fn resolve(values: &mut Map<String, Value>, folder: &Path) {
    for key in PATHS {
        let slot = match key.split_once('.') {
            Some((section, key)) => values.get_mut(section).and_then(|section| section.get_mut(key)),
            None => values.get_mut(key),
        };
        if let Some(Value::String(path)) = slot {
            *path = from_here(path, folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{bench::Bench, yaml::Source};

    #[test]
    fn every_path_is_one_from_the_folder_of_the_bench() {
        let text = "authority: ca\nroot: /etc/root.pem\ncertificate: own.pem\nkey: keys/own.key\ncalibration: calibration.json\n\
                    firmware: { image: fw.bin, broken-image: \"\" }\n\
                    stations: [{ identity: A, certificate: a.pem, key: a.key }]\n\
                    operator: { http: { base: \"http://x\", root: api.pem } }\n";
        let bench = Bench::read_source(&Source::new("benches/lab/b.yaml", text)).unwrap();
        assert_eq!(bench.authority, "benches/lab/ca");
        assert_eq!(bench.root, "/etc/root.pem");
        assert_eq!(
            (bench.certificate.as_str(), bench.key.as_str()),
            ("benches/lab/own.pem", "benches/lab/keys/own.key")
        );
        assert_eq!(bench.calibration, "benches/lab/calibration.json");
        assert_eq!(bench.values["firmware"]["image"], "benches/lab/fw.bin");
        assert_eq!(bench.values["firmware"]["broken_image"], "");
        let (certificate, key) = bench.stations[0].certificate.clone().unwrap();
        assert_eq!((certificate.as_str(), key.as_str()), ("benches/lab/a.pem", "benches/lab/a.key"));
        assert_eq!(bench.operator.as_ref().unwrap().root, "benches/lab/api.pem");
        // What the run folder keeps reads as the file does.
        assert_eq!(bench.settings()["authority"], "ca");
        assert_eq!(Bench::read_source(&Source::new("b.yaml", text)).unwrap().authority, "ca");
    }
}
