// The runs of the folder, what came of one, and what changed since the last.
import { button, command, complaint, count, fetched, make, saved, tag, tone, when } from "./dom.js";

const order = ["pass", "fail", "error", "inconclusive", "not implemented"];

export const counted = (counts) => {
  const list = make("ul", "counts");
  for (const word of order) {
    if (!counts[word]) continue;
    list.append(make("li", tone(word), make("b", "", String(counts[word])), ` ${word === "pass" ? "passed" : word === "fail" ? "failed" : word}`));
  }
  return list;
};

// The runs as a list; pressed, one is shown.
export const listed = (told, chosen, underWay, show) => told.runs.map((run) => {
  const item = make("li", run.key === chosen ? "chosen" : "");
  const row = button("", "run-row", () => show(run.key));
  const done = Object.values(run.counts).reduce((sum, one) => sum + one, 0);
  row.append(make("span", "when", when(run.started)), make("span", "name", run.product), counted(run.counts));
  const more = [run.sut === "simulated" ? "simulated" : run.sut];
  if (run.key === underWay) more.push("under way");
  else if (!run.complete) more.push(`ended early: ${done} of ${run.chosen}`);
  row.append(make("span", "small", more.join(" · ")));
  row.setAttribute("aria-current", String(run.key === chosen));
  item.append(row);
  return item;
});

const change = (one, open) => {
  const row = button("", "change", () => open(one.id));
  row.append(make("span", `what ${one.what}`, one.what), make("code", "", one.id));
  const verdicts = make("span", "verdicts");
  if (one.before) verdicts.append(tag(one.before, null));
  if (one.before && one.after) verdicts.append(" → ");
  if (one.after) verdicts.append(tag(one.after, null));
  row.append(verdicts, make("span", "title", one.title));
  if (one.reason && one.what !== "fixed") row.append(make("span", "small", one.reason));
  return make("li", "", row);
};

// The run beside the last one of the same product.
const comparison = async (key, open) => {
  const node = make("section", "compared");
  const answer = await fetched(`/runs/${key}/compare`);
  if (!answer.ok) {
    node.append(make("h3", "", "Compared with the last run"), make("p", "small", answer.value.error));
    return node;
  }
  const told = answer.value, gone = told["test-cases"].filter((one) => one.what === "gone").length;
  const shown = told["test-cases"].filter((one) => one.what !== "gone");
  node.append(make("h3", "", "Compared with the last run"));
  const said = [];
  for (const what of ["broken", "fixed", "changed", "new"]) {
    const number = shown.filter((one) => one.what === what).length;
    if (number) said.push(`${number} ${what}`);
  }
  said.push(`${told.unchanged} as before`);
  if (gone) said.push(`${gone} not run this time`);
  node.append(make("p", told.regressed && shown.length ? "worse" : "", said.join(" · ")));
  for (const warning of told.warnings) node.append(make("p", "small", warning));
  if (shown.length) {
    const list = make("ul", "changes");
    for (const one of shown.slice(0, 100)) list.append(change(one, open));
    if (shown.length > 100) list.append(make("li", "small", `and ${shown.length - 100} more`));
    node.append(list);
  }
  node.append(command(told.command));
  return node;
};

// What came of a run.
export const outcome = (told, open, acts) => {
  const whole = document.createDocumentFragment(), run = told.run;
  const worst = order.slice(1).find((word) => run.counts[word]) || (run.counts.pass ? "pass" : "open");
  const words = { pass: "Everything passed", fail: "Failed", error: "The harness failed", inconclusive: "Not decided", "not implemented": "Not complete", open: "No results" };
  whole.append(make("div", `verdict ${tone(worst)}`, words[run.counts.fail ? "fail" : worst]), counted(run.counts));
  if (told.interrupted) {
    whole.append(make("p", "notice", "This run was ended early. What had ended by then is kept."), command(`ocpp-attest run --resume ${run.folder}`, "To resume it"));
  }
  if (told.faults.length) whole.append(make("p", "notice", `The simulated product had deliberate faults: ${told.faults.join("; ")}`));
  if (acts.length) whole.append(make("div", "buttons", ...acts));
  if (told.reports.length) {
    const links = make("div", "reports");
    for (const report of told.reports) {
      const link = make("a", report.page ? "open" : "", report.words);
      link.href = `/runs/${run.key}/files/${report.file}`;
      if (report.page) { link.target = "_blank"; link.rel = "noopener"; } else { link.download = report.name; }
      links.append(link);
    }
    whole.append(make("h3", "", "Reports"), links);
    if (told.package) {
      const wrong = make("div", "");
      const make_it = button("Certification package (ZIP)", "", async () => {
        make_it.disabled = true;
        const answer = await saved(`/runs/${run.key}/package`, told.package);
        make_it.disabled = false;
        wrong.replaceChildren(...(answer.ok ? [] : [complaint(answer.value)]));
      });
      links.append(make_it);
      whole.append(wrong);
    }
  }
  whole.append(make("p", "small", `Run folder: ${run.folder} · ${when(run.started)}`));
  if (told.profiles) {
    const rows = make("ul", "profiles");
    for (const profile of told.profiles.filter((one) => one.result !== "Not Tested")) {
      const verdict = { Pass: "pass", Fail: "fail", Incomplete: "inconclusive" }[profile.result];
      rows.append(make("li", "", tag(verdict, profile.result.toLowerCase()), ` ${profile.name}`));
    }
    if (rows.children.length) whole.append(make("h3", "", "Certification profiles"), rows);
  }
  if (told.causes.length) {
    const list = make("ul", "causes");
    for (const cause of told.causes) {
      const ids = cause["test-cases"];
      const those = make("span", "those", `${count(ids.length, "test case", "test cases")}: `);
      for (const id of ids.slice(0, 12)) those.append(button(id, "id", () => open(id)));
      if (ids.length > 12) those.append(" …");
      list.append(make("li", "", make("b", "", cause.message), cause.expected ? ` – expected ${cause.expected}` : "", cause.found ? `, found ${cause.found}` : "", those));
    }
    whole.append(make("h3", "", "One cause for several"), list);
  }
  const bad = told.cases.filter((one) => !["pass", "not-implemented"].includes(one.verdict));
  if (bad.length) {
    const list = make("ul", "changes"), all = (many) => {
      for (const one of many) {
        const row = button("", "change", () => open(one.id));
        row.append(tag(one.verdict, one.word), make("code", "", one.id), make("span", "title", one.title));
        if (one.reason) row.append(make("span", "small", one.reason));
        list.append(make("li", "", row));
      }
    };
    all(bad.slice(0, 10));
    whole.append(make("h3", "", "What did not pass"), list);
    if (bad.length > 10) {
      const more = button(`Show all ${bad.length}`, "plain", () => { more.remove(); all(bad.slice(10)); });
      whole.append(more);
    }
  }
  const compared = make("section", "compared");
  whole.append(compared);
  if (told.before) comparison(run.key, open).then((node) => compared.replaceWith(node));
  return whole;
};
