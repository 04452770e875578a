//! Who performs manual actions, as `--operator` names it.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::Problem;
use crate::{
    bench::Bench,
    operator::{
        Operator, adapters, patience, requests,
        web::{self, About, Page},
    },
    pics::Pics,
    runner::Event,
    testcase::library::Library,
};

/// An operator that has yet to be started.
pub(super) enum OperatorChoice {
    /// The simulated bench itself.
    Simulated,
    /// A person at the terminal.
    Terminal(Arc<dyn Operator>),
    /// A command or a service.
    Adapter(Arc<dyn Operator>),
    /// The page.
    Page(SocketAddr),
}

/// An operator that is there; the page where it is that.
#[derive(Default)]
pub(super) struct Started {
    pub(super) operator: Option<Arc<dyn Operator>>,
    page: Option<Arc<Page>>,
}

impl OperatorChoice {
    /// Reads `--operator`; what the bench says where it isn't given, else a person at the terminal.
    pub(super) fn read(how: Option<&str>, simulated: bool, bench: &Bench) -> Result<Self, Problem> {
        if simulated {
            return match how {
                None => Ok(Self::Simulated),
                Some(_) => Err(Problem::Input(
                    "the simulated product has its own operator".into(),
                    "remove --operator or --sut simulated".into(),
                )),
            };
        }
        let told = |why: String| Problem::Input(why, "check `root` of `operator: http:` in the bench".into());
        let how = match (how, requests::of_bench(bench).map_err(told)?) {
            (None, Some(by_request)) => return Ok(Self::Adapter(by_request)),
            (how, _) => how.unwrap_or("prompt"),
        };
        let wrong = |why: String| {
            let help = "write prompt, web, web:PORT, web:ADDR:PORT, exec:./bench.sh, or http://host:port/path";
            Problem::Input(why, help.into())
        };
        let patience = patience::of_bench(bench);
        match web::address(how) {
            Some(address) => address.map(Self::Page).map_err(wrong),
            None if how == "prompt" => adapters::parse(how, patience).map(Self::Terminal).map_err(wrong),
            None => adapters::parse(how, patience).map(Self::Adapter).map_err(wrong),
        }
    }

    /// True where one thing is done after the other.
    pub(super) fn is_a_person(&self) -> bool {
        matches!(self, Self::Terminal(_) | Self::Page(_))
    }

    /// Starts the page, where it is that. `stop` ends the run.
    pub(super) async fn start(
        self,
        pics: &Pics,
        bench: &Bench,
        stop: Arc<watch::Sender<bool>>,
    ) -> Result<Started, Problem> {
        match self {
            Self::Simulated => Ok(Started::default()),
            Self::Terminal(operator) | Self::Adapter(operator) => Ok(Started { operator: Some(operator), page: None }),
            Self::Page(address) => {
                let patience = bench.values.get("manual_action_timeout").and_then(serde_json::Value::as_f64);
                let about = About {
                    product: pics.product.designation.clone(),
                    patience: patience
                        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                        .unwrap_or(Duration::from_mins(10)),
                    hosts: vec![bench.host.clone()],
                };
                let page = Page::start(address, about, stop, |words| eprintln!("{words}")).await.map_err(|error| {
                    Problem::Input(
                        format!("the operator's web page can't be served at {address}: {error}"),
                        "choose another port: --operator web:PORT".into(),
                    )
                })?;
                Ok(Started { operator: Some(page.clone()), page: Some(page) })
            }
        }
    }
}

impl Started {
    /// Shows an event on the page.
    pub(super) fn show(&self, event: &Event, library: &Library) {
        let Some(page) = &self.page else { return };
        match event {
            Event::Begins(number, of, id, title) => {
                let purpose = library.cases.get(id).map_or("", |case| case.header.purpose.as_str());
                page.begins(*number, *of, id, title, purpose);
            }
            Event::Step(id, step) => page.step(id, step),
            Event::Uploaded(..) | Event::Trace(_) | Event::Recorded(_) | Event::Notice(_) => {}
            Event::Ended(result) | Event::Postponed(result) => {
                page.ended(&result.id, result.verdict, result.reason.as_deref());
            }
        }
    }

    /// The run is over.
    pub(super) async fn finish(&self, folder: &Path) {
        if let Some(page) = &self.page {
            page.finish(&format!("Its reports are in {}.", folder.display())).await;
        }
    }
}
