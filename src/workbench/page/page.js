// The workbench. What runs comes as events and is only shown here: closed, reloaded or opened twice, the page is the same.
import { Diagram, detail, explained } from "./case.js";
import { $, button, command, complaint, copies, count, fetched, kept, make, post, sure, when } from "./dom.js";
import { Plan } from "./plan.js";
import { listed, outcome } from "./runs.js";
import { Questions } from "./questions.js";

const own = document.title;
let choices = { pics: [], benches: [] }, planned = null, past = { runs: [] };
// What the events told of the run under way, or the last one.
const live = { run: null, phase: "idle", about: null, counts: {}, results: [], done: 0, case: null, number: null, rows: 0, operator: null, log: [], ending: null };
// What is looked at: a run (none: the one under way, or the last), and a test case of it.
const view = { run: null, case: null, told: null };
let asking = 0, beginning = false;

const busy = () => beginning || ["running", "stopping"].includes(live.phase);
const plan = new Plan((id) => look(view.run, id), () => { showCommand(); showActs(); });
const diagram = new Diagram(null);
const questions = new Questions($("asked"), () => live);

/* ---- what is tested ---- */

const option = (id, words, disabled) => { const one = new Option(words, id); one.disabled = Boolean(disabled); return one; };

const fill = () => {
  const pics = choices.pics.map((one) => option(one.id, one.product ? `${one.product}  –  ${one.file}` : `${one.file} (has defects)`));
  $("pics").replaceChildren(...(pics.length ? pics : [option("", "no PICS in the folders", true)]));
  $("bench").replaceChildren(option("simulated", "Simulated product (no hardware)"), ...choices.benches.map((one) => option(one.id, one.file)), option("defaults", "No bench file: the defaults"));
  for (const [select, list] of [["pics", choices.pics], ["bench", [{ id: "simulated" }, ...choices.benches, { id: "defaults" }]]]) {
    const before = kept.get(select);
    if (list.some((one) => one.id === before)) $(select).value = before;
    else if (select === "pics") $(select).value = (list.find((one) => !one.problem) || list[0] || { id: "" }).id;
  }
};

const about = () => {
  const pics = choices.pics.find((one) => one.id === $("pics").value), bench = choices.benches.find((one) => one.id === $("bench").value);
  $("pics-about").textContent = pics ? pics.about || pics.problem || "" : `Put PICS files into ${(choices.folders || []).join(", ") || "a folder"}, or name their folder: ocpp-attest serve DIR`;
  $("bench-about").textContent = { simulated: choices.faults?.length ? `With deliberate faults: ${choices.faults.join("; ")}` : "Everything runs in memory, in virtual time.", defaults: "For a first try with a product on this machine." }[$("bench").value] || (bench ? bench.about || bench.problem : "");
};

const problem = (value) => {
  $("problem").hidden = !value;
  $("problem").replaceChildren(...(value ? [complaint(value)] : []));
};

const loadPlan = async () => {
  about();
  const number = ++asking, pics = $("pics").value;
  if (!pics) { planned = null; showActs(); showStage(); return; }
  $("plan").setAttribute("aria-busy", "true");
  const answer = await fetched(`/plan?pics=${encodeURIComponent(pics)}&bench=${encodeURIComponent($("bench").value)}`);
  if (number !== asking) return;
  $("plan").removeAttribute("aria-busy");
  planned = answer.ok ? answer.value : null;
  problem(answer.ok ? null : answer.value);
  showPlan();
  showActs();
  showPhase();
  showStage();
};

// The test cases of the plan, or those of a run of another product, with the results of the run that is looked at.
const showPlan = () => {
  const other = view.told && (!planned || planned.product !== view.told.run.product);
  const entries = other ? view.told.cases.map((one) => ({ ...one, applicable: true, implemented: true, selectable: false, block: one.id.split("_")[1] || "", result: null })) : planned ? planned.entries : [];
  plan.set(entries, other || !planned ? [] : planned.blocks);
  plan.results(view.told ? view.told.cases : mine() ? live.results : [], true);
  showCommand();
};

// True where the last run was of what is chosen.
const mine = () => live.about && planned && live.about.product === planned.product;

const showCommand = () => {
  const ids = plan.chosen();
  const text = busy() && live.about ? live.about.command : planned ? `${planned.command[0]}${ids.length ? ` --test ${ids.join(",")}` : ""}${planned.command[1]}` : "";
  $("command").textContent = text;
  $("copy").disabled = !text;
  $("command-title").textContent = busy() ? "What runs, on the command line" : "The same on the command line";
};

/* ---- what can be done ---- */

const start = async (tests) => {
  beginning = true;
  for (const select of ["pics", "bench"]) kept.set(select, $(select).value);
  plan.turn("applicable");
  plan.clear();
  showActs();
  Object.assign(view, { run: null, case: null, told: null });
  const answer = await post("/start", { pics: $("pics").value, bench: $("bench").value, tests });
  beginning = false;
  problem(answer.ok ? null : answer.value);
  showActs();
};

const stop = async (kill) => {
  if (kill && !await sure("Kill the run?", "No reports are written. What has ended is kept, and the run can be resumed.", "Kill it", false)) return;
  const answer = await post("/stop", { kill });
  if (!answer.ok) problem(answer.value);
};

const failed = () => {
  const last = new Map(live.results.map((one) => [one.id, one.verdict]));
  const known = new Set((planned ? planned.entries : []).filter((one) => one.applicable).map((one) => one.id));
  return [...last].filter(([id, verdict]) => known.has(id) && !["pass", "not-implemented"].includes(verdict)).map(([id]) => id);
};

const showActs = () => {
  const acts = [], ids = plan.chosen(), focused = document.activeElement?.dataset?.act;
  const act = (name, words, kind, run, disabled) => {
    const one = button(words, kind, run);
    one.dataset.act = name;
    one.disabled = Boolean(disabled);
    acts.push(one);
  };
  if (live.phase === "stopping") {
    act("kill", "Kill …", "danger", () => stop(true));
    act("stop", "Stopping …", "main", () => {}, true);
  } else if (live.phase === "running") {
    const told = live.operator;
    if (told && told.asked) act("pause", told.paused ? "Go on" : "Pause", "", () => post("/pause", { paused: !told.paused }));
    if (view.case || view.run) act("follow", "Follow the run", "", () => look(null, null));
    act("stop", "Stop", "main stop", () => stop(false));
  } else {
    const applicable = planned ? planned.entries.filter((one) => one.applicable).length : 0;
    const again = mine() && live.about.pics === $("pics").value && live.about.bench === $("bench").value ? failed() : [];
    const everything = `Run all ${applicable}`;
    const part = again.length || busy() || !mine() || live.about.chosen.length >= applicable ? [] : live.about.chosen;
    if (ids.length) {
      act("all", everything, "", () => start([]), beginning);
      act("run", `Run ${ids.length} selected`, "main", () => start(ids), beginning);
    } else if (again.length) {
      act("all", everything, "", () => start([]), beginning);
      act("run", `Run again the ${again.length} not passed`, "main", () => start(again), beginning);
    } else {
      if (part.length) act("same", `The same ${part.length} again`, "", () => start(part), beginning);
      act("run", applicable ? everything : "Run", "main", () => start([]), beginning || !applicable);
    }
  }
  $("acts").replaceChildren(...acts);
  if (focused) ($("acts").querySelector(`[data-act=${focused}]`) || $("acts").querySelector(".main"))?.focus();
  for (const select of ["pics", "bench"]) $(select).disabled = busy();
};

/* ---- what is looked at ---- */

// What is opened and closed is a step that the browser's "back" undoes; on a phone that is how a page is left.
const look = (run, id) => {
  if (run !== view.run || id !== view.case) history.pushState({ run, id }, "");
  return lookAt(run, id);
};
addEventListener("popstate", (event) => lookAt(event.state?.run ?? null, event.state?.id ?? null));

const lookAt = async (run, id) => {
  const another = run !== view.run;
  Object.assign(view, { run, case: id });
  if (another) {
    view.told = null;
    if (run) {
      const answer = await fetched(`/runs/${run}`);
      if (view.run !== run) return;
      if (answer.ok) view.told = answer.value; else problem(answer.value);
    }
    showPlan();
    showRuns();
    showPhase();
  }
  plan.mark(id);
  if (id) plan.reveal(id);
  showActs();
  await showStage();
  // On a phone the stage is below or above what was pressed; on a desk it may have been scrolled past its beginning.
  if ((id || run) && (matchMedia("(max-width: 899px)").matches || $("stage").getBoundingClientRect().top < 60)) $("stage").scrollIntoView({ block: "start" });
};

const stage = (title, ...content) => {
  const head = make("div", "between", make("h2", "", title));
  if (view.case) head.append(button("Close", "plain", () => look(view.run, null)));
  else if (view.run) head.append(button("Close", "plain", () => look(null, null)));
  $("stage").replaceChildren(head, ...content);
};

const log = (open) => {
  if (!live.log.length) return null;
  const lines = make("pre", "frame", live.log.join("\n")), whole = make("details", "log", make("summary", "", "What the run said"), lines);
  whole.open = open;
  return whole;
};

let drawn = 0;
const showStage = async () => {
  const number = ++drawn, entry = view.case && plan.rows.get(view.case)?.entry;
  if (view.case && !(view.run === null && live.phase === "running" && live.case === view.case)) {
    const key = view.run || (live.about && entry?.result && live.about.key);
    const title = `${view.case} · ${entry?.title || ""}`;
    const again = !busy() && entry?.applicable && entry.selectable !== false ? [button(entry.result ? "Run it again" : "Run only this", "", () => start([view.case]))] : [];
    if (key && entry?.result) {
      const answer = await fetched(`/runs/${key}/cases/${encodeURIComponent(view.case)}`);
      if (number !== drawn) return;
      stage(title, entry.purpose ? make("p", "purpose", entry.purpose) : "", answer.ok ? detail(answer.value, again) : complaint(answer.value));
      $("stage").dataset.shows = "case";
    } else {
      stage(title, entry ? explained(entry, again) : "");
      $("stage").dataset.shows = "plan";
    }
  } else if (view.run) {
    stage(view.told ? `${view.told.run.product} · ${when(view.told.run.started)}` : "Run", view.told ? outcome(view.told, (id) => look(view.run, id), []) : "");
    $("stage").dataset.shows = "run";
  } else if (busy()) {
    showRunning();
  } else if (live.phase === "over") {
    const answer = live.ending.exit === 2 ? { ok: false } : await fetched(`/runs/${live.about.key}`);
    if (number !== drawn) return;
    const title = `Results of ${live.about.product}`;
    const bad = live.ending.exit === null || ![0, 1, 3].includes(live.ending.exit);
    if (answer.ok) stage(title, bad ? make("p", "notice", live.ending.words) : "", outcome(answer.value, (id) => look(null, id), []), log(bad) || "");
    else stage("The run did not begin", make("p", "notice", live.ending.words), log(true) || "");
    $("stage").dataset.shows = "over";
  } else {
    const steps = make("ol", "welcome", make("li", "", "Choose a product and a bench."), make("li", "", "See in the plan what applies, and why."), make("li", "", make("b", "", "Run"), " – all of it, or what you select."));
    stage("Ready when you are", steps, make("p", "small", "Every run is written to a folder of its own, as on the command line. You may close this page: the run goes on."));
    $("stage").dataset.shows = "welcome";
  }
};

// The test case under way: the diagram stays the same node, so that it grows.
const showRunning = () => {
  const entry = planned?.entries.find((one) => one.id === live.case);
  const title = live.case ? `${live.case} · ${entry?.title || ""}` : "The run begins …";
  $("stage").dataset.shows = "running";
  if ($("stage").dataset.of === title && $("stage").contains(diagram.node)) return;
  $("stage").dataset.of = title;
  const parts = [make("div", "about", make("span", "tag running", "running"), make("span", "small", entry?.purpose || ""))];
  parts.push(diagram.node);
  if (live.about?.person) parts.push(remark);
  stage(title, ...parts);
};

const remark = (() => {
  const text = make("input"), said = make("p", "small"), form = make("form", "remark");
  text.maxLength = 400;
  text.placeholder = "connector stays locked";
  text.setAttribute("aria-label", "What do you see?");
  said.setAttribute("role", "status");
  const send = make("button", "", "Note it");
  form.append(make("label", "", "What do you see? It goes into the record. ", text), send, said);
  form.onsubmit = async (event) => {
    event.preventDefault();
    const about = live.case, words = text.value.trim();
    if (!words || !about) return;
    const answer = await post("/remarks", { "test-case": about, text: words });
    said.textContent = answer.ok ? `Noted for ${about}: ${words}` : answer.value.error;
    if (answer.ok) text.value = "";
  };
  return form;
})();

/* ---- the run under way ---- */

const words = () => {
  const of = live.about ? live.about.chosen.length : 0;
  return {
    idle: planned ? `${count(planned.entries.filter((one) => one.applicable).length, "test case applies", "test cases apply")} · ${planned.product}` : "",
    running: live.operator?.paused ? "Paused before the next test case" : `${live.done} of ${of} · ${live.about?.product}`,
    stopping: "Ending: the reports of what was done are written",
    over: live.ending ? `${view.run ? "The last run: " : ""}${live.ending.words} · ${live.about.product}` : "",
  }[live.phase];
};

const showPhase = () => {
  if ($("phase").textContent !== words()) $("phase").textContent = words();
  const of = live.about ? live.about.chosen.length : 0;
  const bars = ["pass", "not implemented", "inconclusive", "error", "fail"].filter((word) => live.counts[word]).map((word) => {
    const one = make("i", word.replace(" ", "-"));
    one.style.width = `${100 * live.counts[word] / Math.max(of, 1)}%`;
    return one;
  });
  $("bar").replaceChildren(...bars);
  $("bar").setAttribute("aria-valuemax", of);
  $("bar").setAttribute("aria-valuenow", live.done);
  // How the last run ended is not what an earlier one that is open has come to.
  document.body.dataset.phase = view.run && live.phase === "over" ? "idle" : live.phase;
  const asked = live.operator?.asked || [];
  document.title = asked.length ? `● ${asked[0].prompt}` : busy() ? `${live.done}/${of} · ${own}` : own;
};

const take = (told) => {
  const another = told.run !== live.run, before = live.phase;
  if (told.about) live.about = told.about;
  if (another) {
    Object.assign(live, { run: told.run, results: [], case: null, number: null, rows: 0 });
    if (told.phase !== "idle" && before !== "over") Object.assign(view, { run: null, case: null, told: null });
  }
  Object.assign(live, { phase: told.phase, counts: told.counts, done: told.done, operator: told.operator, log: told.log, ending: told.ending });
  live.results.push(...told.results);
  // What runs is what is chosen; a browser that has never chosen anything takes what was run last.
  if (another && live.about && choices.pics.some((one) => one.id === live.about.pics) && (busy() || !kept.get("pics"))) {
    const same = $("pics").value === live.about.pics && $("bench").value === live.about.bench;
    $("pics").value = live.about.pics;
    $("bench").value = live.about.bench;
    if (same) showPlan(); else loadPlan();
  } else if (told.results.length && !view.run && mine()) {
    plan.results(told.results, false);
  }
  grow(told.case);
  questions.show();
  showPhase();
  if (before !== live.phase || another) { showCommand(); showActs(); } else if (live.phase === "running") pauseChanged();
  if (another || before !== live.phase) {
    if (live.phase !== "idle") loadRuns();
    if (live.phase === "over" && ["running", "stopping"].includes(before) && !view.case && !view.run) plan.turn("bad");
    showStage();
  } else if (busy() && !view.case && !view.run) {
    showRunning();
  }
};

let paused = null;
const pauseChanged = () => {
  const now = live.operator ? `${Boolean(live.operator.asked)} ${live.operator.paused}` : "";
  if (now !== paused) { paused = now; showActs(); }
};

const grow = (told) => {
  if (!told) return;
  if (told.number !== live.number) {
    const another = told.id !== live.case;
    Object.assign(live, { number: told.number, case: told.id, rows: told.from });
    diagram.clear();
    if (another) plan.run(told.id);
    if (another && !view.case && !view.run) plan.reveal(told.id);
  }
  diagram.leftOut(told["left-out"], "earlier rows are in the report");
  if (told.rows.length) {
    diagram.waiting("");
    diagram.add(told.rows, 400);
    live.rows = told.from + told.rows.length;
  }
  if (!busy()) plan.run(null);
};

const showRuns = () => {
  $("past-folder").textContent = past.folder || "";
  const runs = listed(past, view.run || (!busy() && live.about ? live.about.key : null), busy() && live.about ? live.about.key : null, (key) => look(key, null));
  $("runs").replaceChildren(...(runs.length ? runs : [make("li", "small", "No runs yet.")]));
};

const loadRuns = async () => {
  const answer = await fetched("/runs");
  if (answer.ok) past = answer.value;
  showRuns();
};

const line = (text, lost) => {
  $("line").textContent = text;
  $("line").classList.toggle("lost", lost);
};

const connect = () => {
  const events = new EventSource("/events");
  events.onopen = () => { line("live", false); live.run = null; };
  events.onmessage = (event) => take(JSON.parse(event.data));
  events.onerror = () => {
    line("connection lost, trying again", true);
    // A browser gives up by itself where the answer was no event stream.
    if (events.readyState === EventSource.CLOSED) { events.close(); setTimeout(connect, 2000); }
  };
};

for (const name of ["pics", "bench"]) {
  $(name).onchange = () => { kept.set(name, $(name).value); Object.assign(view, { run: null, case: null, told: null }); loadPlan(); showRuns(); };
}
copies($("copy"), $("command"));
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); $("search").focus(); }
  if (event.key === "Escape" && !event.target.closest("dialog") && (view.case || view.run)) {
    const id = view.case;
    look(view.case ? view.run : null, null);
    plan.rows.get(id)?.show.focus();
  }
});
$("link").onclick = async () => {
  const answer = await post("/link", {});
  $("links").replaceChildren(answer.ok ? "This link works once: " : answer.value.error, answer.ok ? make("b", "", answer.value.url) : "");
};

const load = async () => {
  const answer = await fetched("/choices");
  if (answer.ok) choices = answer.value; else problem(answer.value);
  fill();
  await Promise.all([loadPlan(), loadRuns()]);
  connect();
};
load();
