//! Certificates are judged by the run's clock, not the machine's.

use jiff::Timestamp;

use super::*;

fn clock() -> Clock {
    Clock::start_at("2041-04-01T12:00:00Z".parse::<Timestamp>().unwrap())
}

async fn mutual(key: KeyKind, versions: &[TlsVersion], suites: &[&str]) {
    let clock = clock();
    let pki = Pki::new(key, clock.now().wall).unwrap();
    for kind in [CertificateKind::Valid, CertificateKind::Expired, CertificateKind::UnknownAuthority] {
        let (mut server, mut client) = tls_pair(&pki, CertificateKind::Valid);
        server.client_roots = Some(pki.root_pem().to_owned());
        client.identity = Some(pki.client(kind, "CS 1", "Vendor").unwrap());
        for (v, s) in [(&mut server.versions, &mut server.suites), (&mut client.versions, &mut client.suites)] {
            *v = versions.to_vec();
            *s = suites.iter().map(|&suite| suite.to_owned()).collect();
        }
        let (theirs, ours) = attempt_at(clock, server_policy(Some(server)), client_policy(Some(client))).await;
        if kind == CertificateKind::Valid {
            let LinkEvent::Opened { request, .. } = theirs else { panic!("{theirs:?}") };
            let tls = request.tls.unwrap();
            assert_eq!(tls.peer_chain.len(), 1, "the station's certificate is told");
            assert!(suites.is_empty() || suites.contains(&tls.suite.as_str()));
        } else {
            assert!(matches!(failure(&theirs), AttemptFailure::TlsRefusedByUs(_)), "{kind:?} {theirs:?}");
            assert!(matches!(failure(&ours), AttemptFailure::TlsRefusedBySut(_)), "{kind:?} {ours:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_stacks_judge_certificates_by_the_clock_of_the_run() {
    mutual(KeyKind::Ecdsa, &[], &[]).await;
    mutual(KeyKind::Ecdsa, &[TlsVersion::V1_2], &[]).await;
    #[cfg(feature = "legacy-tls")]
    mutual(KeyKind::Rsa, &[TlsVersion::V1_2], &["TLS_RSA_WITH_AES_256_GCM_SHA384"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_certificate_runs_out_while_the_virtual_clock_goes_on() {
    let clock = clock();
    let pki = Pki::new(KeyKind::Ecdsa, clock.now().wall).unwrap();
    let (server, client) = tls_pair(&pki, CertificateKind::Valid);
    let policies = (server_policy(Some(server)), client_policy(Some(client)));
    let (theirs, _) = attempt_at(clock, policies.0.clone(), policies.1.clone()).await;
    assert!(matches!(theirs, LinkEvent::Opened { .. }), "{theirs:?}");
    tokio::time::advance(std::time::Duration::from_hours(400 * 24)).await;
    let (theirs, _) = attempt_at(clock, policies.0, policies.1).await;
    assert!(matches!(failure(&theirs), AttemptFailure::TlsRefusedBySut(_)), "{theirs:?}");
}
