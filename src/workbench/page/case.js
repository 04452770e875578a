// A test case: its sequence diagram, which grows while it runs, and its findings, each beside its frame.
import { button, command, make, span, tag, tone } from "./dom.js";

const words = {
  opened: "connected", closed: "disconnected", operator: "operator", note: "", ping: "", verdict: "verdict",
};

const pretty = (text) => {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
};

const time = (at) => make("time", "", (at / 1000).toFixed(3));

// A message as an arrow between the lifelines: pressed, it shows its frame.
const message = (row, onFinding) => {
  const item = make("li", `msg ${row.kind} ${row["from-sut"] ? "from" : "to"}`);
  const arrow = make("button", "arrow", make("span", "label", row.label), row.detail ? make("span", "detail", row.detail) : null, make("span", "shaft"));
  arrow.type = "button";
  arrow.tabIndex = -1;
  arrow.setAttribute("aria-label", `${(row.at / 1000).toFixed(3)} seconds, ${row["from-sut"] ? "SUT to harness" : "harness to SUT"}, ${row.kind}: ${row.label}`);
  const lane = make("div", "lane", arrow);
  if (row.finding !== undefined) {
    item.classList.add("wrong");
    const mark = make("button", "wrong-mark", onFinding ? `✗ finding ${row.finding + 1}` : "✗ not as it must be");
    mark.type = "button";
    if (onFinding) mark.onclick = () => onFinding(row.finding); else mark.disabled = true;
    lane.append(mark);
  }
  if (row.text) {
    let frame = null;
    arrow.setAttribute("aria-expanded", "false");
    arrow.onclick = () => {
      if (frame) { frame.remove(); frame = null; } else { frame = make("pre", "frame", pretty(row.text)); lane.append(frame); }
      arrow.setAttribute("aria-expanded", String(Boolean(frame)));
    };
  } else {
    arrow.disabled = true;
  }
  item.append(time(row.at), lane);
  return item;
};

const node = (row, onFinding) => {
  if (["call", "result", "refusal", "send", "broken", "ping"].includes(row.kind)) return message(row, onFinding);
  // A step that only holds others together stands back.
  const aside = row.kind === "step" && /^\d+ (let|assert|ask|steps|any-order|one-of|optional|repeat|for-each|one)\b|^one \{/.test(row.label);
  const item = make("li", `mark ${row.kind}${aside ? " aside" : ""}`);
  const text = make("div", "told");
  if (row.depth) text.style.setProperty("--depth", row.depth);
  if (row.kind === "verdict") text.append(tag(row.label, row.label));
  else text.append(words[row.kind] && !row.label.startsWith(words[row.kind]) ? make("span", "kind", `${words[row.kind]} `) : "", row.label);
  if (row.detail) text.append(" ", make("span", "detail", row.detail));
  item.append(time(row.at), make("div", "lane", text));
  return item;
};

// A diagram that grows: rows are added as they come, and it stays at its end as long as nobody has scrolled up.
export class Diagram {
  constructor(onFinding) {
    this.onFinding = onFinding;
    this.list = make("ol", "seq");
    this.list.setAttribute("aria-label", "Sequence of messages");
    this.gone = make("p", "small gone");
    this.gone.hidden = true;
    this.scroll = make("div", "scroll", this.gone, this.list);
    // The diagram is one stop of the Tab key; within it the arrows move from message to message.
    this.scroll.tabIndex = 0;
    this.scroll.onkeydown = (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const arrows = [...this.list.querySelectorAll(".arrow:not(:disabled)")], at = arrows.indexOf(document.activeElement);
      arrows[Math.max(0, Math.min(at < 0 ? 0 : at + step, arrows.length - 1))]?.focus();
    };
    this.node = make("div", "diagram", make("div", "lifelines", make("span", "", ""), make("div", "lane", make("b", "", "SUT"), make("b", "", "harness"))), this.scroll);
  }

  clear() { this.list.replaceChildren(); this.gone.hidden = true; }

  leftOut(number, words = "earlier rows are in the report") {
    this.gone.hidden = !number;
    this.gone.textContent = `${number} ${words}`;
  }

  add(rows, most = Infinity) {
    const end = this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight < 60;
    const added = document.createDocumentFragment();
    // What only gives a name to a value says nothing to a reader.
    for (const row of rows) if (!/^\d+ let$/.test(row.label) || row.kind !== "step") added.append(node(row, this.onFinding));
    this.list.append(added);
    while (this.list.children.length > most) this.list.firstElementChild.remove();
    if (end) this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  waiting(words) {
    this.list.querySelector(".waiting")?.remove();
    if (words) this.list.append(make("li", "mark waiting", make("span", ""), make("div", "lane", make("div", "told", words))));
  }

  // Begins a few rows before the first finding, within the diagram alone.
  begin() {
    const rows = [...this.list.children], wrong = rows.findIndex((row) => row.classList.contains("wrong"));
    if (wrong > 3) this.scroll.scrollTop = rows[wrong - 3].offsetTop - this.list.offsetTop;
  }

  // Shows the row of a finding.
  show(number) {
    const row = this.list.querySelectorAll(".wrong")[number] || this.list.querySelector(".wrong");
    if (!row) return;
    row.scrollIntoView({ block: "center" });
    row.querySelector(".arrow").focus({ preventScroll: true });
  }
}

const fact = (list, name, value) => {
  if (value === undefined || value === null || value === "") return;
  list.append(make("div", "", make("dt", "", name), make("dd", "", value)));
};

// A finding beside its frame: what must be, what came, and the place in the message.
const finding = (one, number, more, onRow) => {
  const node = make("article", `finding ${tone(one.verdict)}`);
  node.id = `finding-${number}`;
  node.tabIndex = -1;
  const said = make("div", "said");
  said.append(make("p", "what", more > 1 ? `${number + 1}. ` : "", one.message));
  const versus = make("div", "versus");
  if (one.expected) versus.append(make("div", "expected", make("span", "", "expected"), make("code", "", one.expected)));
  if (one.found) versus.append(make("div", "found", make("span", "", "found"), make("code", "", one.found)));
  if (versus.children.length) said.append(versus);
  for (const place of one.further) {
    const cited = place.requirements ? ` (${place.requirements})` : "";
    said.append(make("p", "also", make("b", "", "also: "), `${place.message ? `${place.message} ` : ""}expected ${place.expected}, found ${place.found}${cited}`));
  }
  const facts = make("dl", "facts");
  for (const requirement of one.requirements) {
    const [id, ...text] = requirement.split(" ");
    fact(facts, "requirement", make("span", "", make("b", "", id), ` ${text.join(" ")}`));
  }
  fact(facts, "step", one.step);
  fact(facts, "in", one.source);
  fact(facts, "place", one.pointer);
  fact(facts, "time", `${one.at.toFixed(3)} s${one.waited ? `, after waiting ${one.waited.toFixed(1)} s` : ""}`);
  said.append(facts);
  node.append(said);
  if (one.frame.length) {
    const laidOut = (lines) => {
      const frame = make("pre", "frame");
      for (const line of lines) {
        const text = `${line.text}\n`;
        frame.append(line.marked ? make("mark", "", text) : text);
      }
      return frame;
    };
    const side = make("div", "beside", laidOut(one.frame));
    if (one.request.length) side.append(make("details", "request", make("summary", "", "The CALL that it answers"), laidOut(one.request)));
    side.append(button("Show in the sequence", "plain", () => onRow(number)));
    node.append(side);
    node.classList.add("with-frame");
  }
  return node;
};

// All of a test case that is over.
export const detail = (told, acts) => {
  const whole = document.createDocumentFragment();
  const show = (number) => {
    const there = whole.ownerDocument.getElementById(`finding-${number}`);
    there?.scrollIntoView({ block: "start" });
    there?.focus({ preventScroll: true });
  };
  const diagram = new Diagram(show);
  whole.append(make("div", "about", tag(told.verdict, told.word), make("span", "small", span(told.seconds))));
  if (told.reason && !told.findings.length) whole.append(make("p", "reason", told.reason));
  told.findings.forEach((one, number) => whole.append(finding(one, number, told.findings.length, (n) => diagram.show(n))));
  if (told["more-findings"]) whole.append(make("p", "small", `and ${told["more-findings"]} more in the full report`));
  if (told.attempts.length) whole.append(make("p", "small", `Attempts: ${told.attempts.join(", ")}`));
  for (const remark of told.remarks) whole.append(make("p", "remark", remark));
  for (const upload of told.uploads) whole.append(make("p", "small", `File of the SUT: ${upload}`));
  if (acts.length) whole.append(make("div", "buttons", ...acts));
  diagram.add(told.rows.slice(0, told["left-out"] ? told["gap-at"] : undefined));
  if (told["left-out"]) {
    diagram.list.append(make("li", "mark waiting", make("span", ""), make("div", "lane", make("div", "told", `${told["left-out"]} lines left out; trace.jsonl has them all`))));
    diagram.add(told.rows.slice(told["gap-at"]));
  }
  diagram.node.classList.add("whole");
  whole.append(diagram.node);
  diagram.scroll.scrollTop = 0;
  // A long diagram begins a few rows before what went wrong; what leads there is above.
  queueMicrotask(() => diagram.begin());
  return whole;
};

export const explained = (entry, acts) => {
  const whole = document.createDocumentFragment();
  if (entry.purpose) whole.append(make("p", "purpose", entry.purpose));
  const facts = make("dl", "facts");
  fact(facts, entry.applicable ? "applies" : "left out", entry.reason);
  if (entry.applicable && !entry.implemented) fact(facts, "steps", "none yet: it is reported as not implemented, never as passed");
  fact(facts, "profiles", entry.profiles.join(", "));
  fact(facts, "verifies", (entry.requirements || []).join(", "));
  fact(facts, "note", entry.note);
  whole.append(facts);
  if (acts.length) whole.append(make("div", "buttons", ...acts));
  whole.append(command(`ocpp-attest explain ${entry.id}`, "Its steps in words"));
  return whole;
};
