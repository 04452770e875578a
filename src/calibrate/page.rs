//! The calibration sheet as a page and as text.

use serde::Serialize;

use super::{Distribution, Sheet};
use crate::report::render;

/// A table of the sheet, ready to print.
#[derive(Serialize)]
struct Row {
    name: String,
    explanation: &'static str,
    cells: Vec<String>,
}

#[derive(Serialize)]
struct Page<'s> {
    sheet: &'s Sheet,
    started: String,
    uncertainty: Option<String>,
    columns: [&'static str; 7],
    rows: Vec<Row>,
    delays: Vec<String>,
}

const COLUMNS: [&str; 7] = ["Samples", "Mean", "Deviation", "Median", "95 %", "99 %", "Largest"];

fn cells(distribution: &Distribution) -> Vec<String> {
    let Distribution { mean, deviation, p50, p95, p99, max, .. } = distribution;
    let mut cells = vec![distribution.samples.to_string()];
    cells.extend([mean, deviation, p50, p95, p99, max].into_iter().map(|seconds| time(*seconds)));
    cells
}

/// A short time as people read it: `0.412 ms`, `31 ns`.
pub fn time(seconds: f64) -> String {
    let size = seconds.abs();
    if size >= 1.0 {
        format!("{seconds:.3} s")
    } else if size >= 1e-5 {
        format!("{:.3} ms", seconds * 1e3)
    } else if size > 0.0 {
        format!("{:.0} ns", seconds * 1e9)
    } else {
        "0".to_owned()
    }
}

fn rows(sheet: &Sheet) -> Vec<Row> {
    let mut rows = Vec::new();
    for phase in &sheet.phases {
        rows.push(Row {
            name: format!("Error of the response time, {}", phase.name),
            explanation: "what the KPI says less what the peer knows; the mean is the bias",
            cells: cells(&phase.error),
        });
        rows.push(Row {
            name: format!("Its size, {}", phase.name),
            explanation: "without the sign",
            cells: cells(&phase.size),
        });
    }
    rows.push(Row {
        name: "Time per message".into(),
        explanation: "from a response to the next request of the harness",
        cells: cells(&sheet.overhead),
    });
    rows.push(Row {
        name: "Lateness of timers".into(),
        explanation: "waits and deadlines of test cases are so much late",
        cells: cells(&sheet.timer_lateness),
    });
    rows
}

/// The sheet as one HTML page that works offline.
pub fn html(sheet: &Sheet) -> String {
    let page = Page {
        sheet,
        started: sheet.started.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        uncertainty: sheet.uncertainty_s().map(time),
        columns: COLUMNS,
        rows: rows(sheet),
        delays: sheet
            .phases
            .iter()
            .map(|phase| {
                let (shortest, longest) = phase.delays_s;
                format!(
                    "{}: delays of {} to {}, expanded uncertainty {}",
                    phase.name,
                    time(shortest),
                    time(longest),
                    time(phase.uncertainty_s)
                )
            })
            .collect(),
    };
    render::html(include_str!("page.html"), &page)
}

/// The sheet for the terminal.
pub fn text(sheet: &Sheet) -> String {
    let rows = rows(sheet);
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut out = format!("{:width$}", "");
    for column in COLUMNS {
        out.push_str(&format!("  {column:>10}"));
    }
    out.push('\n');
    for row in rows {
        out.push_str(&format!("{:width$}", row.name));
        for cell in row.cells {
            out.push_str(&format!("  {cell:>10}"));
        }
        out.push('\n');
    }
    let resolution = time(sheet.resolution_s);
    out.push_str(&format!("\nresolution of the clock {resolution}; a reading costs {}\n", time(sheet.reading_s)));
    for phase in &sheet.phases {
        let uncertainty = time(phase.uncertainty_s);
        out.push_str(&format!("expanded uncertainty of a response time (k = 2), {}: {uncertainty}\n", phase.name));
    }
    let priority = if sheet.real_time { "a real-time priority" } else { "no real-time priority: it was refused" };
    out.push_str(&format!("the threads of links had {priority}\n"));
    if !sheet.optimised {
        out.push_str("This is a debug build; calibrate the build that you measure with.\n");
    }
    out
}
