// The plan: every test case with what is to become, or became, of it.
import { $, button, make, tone } from "./dom.js";

const groups = {
  applicable: ["To run", (one) => one.applicable],
  bad: ["Not passed", (one) => one.result && !["pass", "not-implemented"].includes(one.result.verdict)],
  pass: ["Passed", (one) => one.result && one.result.verdict === "pass"],
  open: ["Not implemented", (one) => one.applicable && !one.implemented],
  out: ["Not applicable", (one) => !one.applicable],
};

// There is room for a line or two: what was expected and found says more than what it was found in.
const brief = (reason) => reason.replace(/^.*?: (?=expected )/, "");

export class Plan {
  // `open` shows a test case, `changed` tells that the selection is another.
  constructor(open, changed) {
    Object.assign(this, { open, changed, items: [], rows: new Map(), selected: new Set(), group: "applicable", current: null, running: null, locked: false });
    $("search").oninput = () => this.filter();
    $("search").onkeydown = (event) => {
      if (event.key === "Escape" && $("search").value) { $("search").value = ""; this.filter(); event.stopPropagation(); }
      if (event.key === "ArrowDown") { event.preventDefault(); this.visible()[0]?.focus(); }
    };
    $("list").onkeydown = (event) => this.key(event);
    $("unselect").onclick = () => this.clear();
  }

  // New test cases: of the plan, or of a run whose plan is not at hand.
  set(entries, blocks) {
    this.items = entries;
    this.rows.clear();
    const known = new Set(entries.filter((one) => one.applicable).map((one) => one.id));
    for (const id of [...this.selected]) if (!known.has(id)) this.selected.delete(id);
    const titles = new Map(blocks), sections = new Map(), list = document.createDocumentFragment();
    for (const entry of entries) {
      let section = sections.get(entry.block);
      if (!section) {
        const check = make("input");
        check.type = "checkbox";
        check.setAttribute("aria-label", `Select block ${entry.block}`);
        const head = make("h3", "block", check, make("span", "", `${entry.block}${titles.get(entry.block) && titles.get(entry.block) !== entry.block ? ` ${titles.get(entry.block)}` : ""}`));
        section = { node: make("section", "", head), list: make("ul", ""), check, ids: [] };
        section.node.append(section.list);
        check.onchange = () => this.all(section.ids.filter((id) => !this.rows.get(id).node.hidden), check.checked);
        sections.set(entry.block, section);
        list.append(section.node);
      }
      const row = this.row(entry);
      this.rows.set(entry.id, row);
      section.list.append(row.node);
      if (entry.applicable && entry.selectable !== false) section.ids.push(entry.id);
    }
    this.sections = [...sections.values()];
    $("list").replaceChildren(list);
    this.filter();
    this.selection();
  }

  row(entry) {
    const node = make("li", "case"), show = button("", "row", () => this.open(entry.id));
    const dot = make("span", "dot"), second = make("span", "second");
    show.append(dot, make("code", "", entry.id), make("span", "title", entry.title), second);
    let check = null;
    if (entry.applicable && entry.selectable !== false) {
      check = make("input");
      check.type = "checkbox";
      check.tabIndex = -1;
      check.checked = this.selected.has(entry.id);
      check.setAttribute("aria-label", `Select ${entry.id}`);
      check.onchange = () => this.all([entry.id], check.checked);
    }
    node.append(check || make("span", "no-check"), show);
    const row = { node, show, dot, second, check, entry };
    this.paint(row);
    return row;
  }

  // A row as it stands: what applies, what runs, what came of it.
  paint(row) {
    const { entry } = row, verdict = entry.result && entry.result.verdict;
    const state = this.running === entry.id ? "running" : verdict ? tone(verdict) : !entry.applicable ? "left-out" : entry.implemented ? "ready" : "not-implemented";
    row.node.className = `case ${state}${this.current === entry.id ? " current" : ""}`;
    let second = "";
    if (!entry.applicable) second = entry.reason;
    else if (entry.result && verdict !== "pass") second = `${entry.result.word}${entry.result.reason ? `: ${brief(entry.result.reason)}` : ""}`;
    else if (!entry.implemented && !verdict) second = "not implemented";
    row.second.textContent = second;
    row.show.title = entry.reason ? `${entry.title}\n${entry.applicable ? "applies" : "left out"}: ${entry.reason}` : entry.title;
    row.show.setAttribute("aria-label", `${entry.id} ${entry.title}, ${state.replace("-", " ")}${second ? `, ${second}` : ""}`);
    if (this.current === entry.id) row.show.setAttribute("aria-current", "true"); else row.show.removeAttribute("aria-current");
  }

  // Results that came, or another run's.
  results(list, anew) {
    const touched = new Set();
    if (anew) for (const one of this.items) if (one.result) { one.result = null; touched.add(one.id); }
    for (const result of list) {
      const row = this.rows.get(result.id);
      if (row) { row.entry.result = result; touched.add(result.id); }
    }
    for (const id of touched) this.paint(this.rows.get(id));
    if (touched.size) this.filter();
  }

  run(id) {
    const before = this.running;
    this.running = id;
    for (const one of [before, id]) if (this.rows.has(one)) this.paint(this.rows.get(one));
  }

  mark(id) {
    const before = this.current;
    this.current = id;
    for (const one of [before, id]) if (this.rows.has(one)) this.paint(this.rows.get(one));
  }

  all(ids, on) {
    for (const id of ids) {
      if (on) this.selected.add(id); else this.selected.delete(id);
      const row = this.rows.get(id);
      if (row.check) row.check.checked = on;
    }
    this.blocks();
    this.selection();
  }

  blocks() {
    for (const { check, ids } of this.sections || []) {
      const number = ids.filter((id) => this.selected.has(id)).length;
      check.checked = number > 0 && number === ids.length;
      check.indeterminate = number > 0 && number < ids.length;
    }
  }

  selection() {
    $("unselect").hidden = !this.selected.size;
    $("unselect").textContent = `Clear selection (${this.selected.size})`;
    this.blocks();
    this.changed();
  }

  clear() {
    this.selected.clear();
    for (const row of this.rows.values()) if (row.check) row.check.checked = false;
    this.selection();
  }

  // In the order of the plan.
  chosen() { return this.items.filter((one) => this.selected.has(one.id)).map((one) => one.id); }

  filter() {
    const wanted = $("search").value.trim().toLowerCase();
    if (this.group !== "applicable" && !this.items.some(groups[this.group][1])) this.group = "applicable";
    const belongs = groups[this.group][1];
    for (const { node, entry } of this.rows.values()) {
      const words = `${entry.id} ${entry.title} ${entry.reason || ""} ${(entry.profiles || []).join(" ")} ${entry.result && entry.result.reason || ""}`.toLowerCase();
      node.hidden = !(belongs(entry) && words.includes(wanted));
    }
    this.stop(this.visible().find((one) => one.getAttribute("aria-current")) || this.visible()[0]);
    for (const { node, list, check, ids } of this.sections || []) {
      node.hidden = ![...list.children].some((one) => !one.hidden);
      check.hidden = !ids.some((id) => !this.rows.get(id).node.hidden);
    }
    const chips = Object.entries(groups).map(([key, [words, of]]) => {
      const number = this.items.filter(of).length;
      if (!number && key !== "applicable") return null;
      const chip = button("", `chip ${key}`, () => { this.group = key; this.filter(); });
      chip.dataset.group = key;
      chip.append(words, make("b", "", String(number)));
      chip.setAttribute("aria-pressed", String(key === this.group));
      return chip;
    }).filter(Boolean);
    const focused = document.activeElement?.dataset?.group;
    $("chips").replaceChildren(...chips);
    if (focused) $("chips").querySelector(`[data-group=${focused}]`)?.focus();
    this.none();
  }

  none() {
    const none = this.items.length && !this.visible().length;
    $("list").querySelector(".none")?.remove();
    if (none) $("list").append(make("p", "none small", "No test case matches."));
  }

  // Shows a group, where it has any.
  turn(group) {
    if (!this.items.some(groups[group][1])) return;
    this.group = group;
    $("search").value = "";
    this.filter();
  }

  visible() { return [...this.rows.values()].filter((row) => !row.node.hidden).map((row) => row.show); }

  // The list is one stop of the Tab key; within it the arrows move.
  stop(show) {
    for (const row of this.rows.values()) row.show.tabIndex = row.show === show ? 0 : -1;
  }

  // Into the list's view, without moving the page.
  reveal(id) {
    const row = this.rows.get(id);
    if (!row || row.node.hidden) return;
    const list = $("list"), top = row.node.offsetTop - list.offsetTop;
    if (top < list.scrollTop + 30 || top > list.scrollTop + list.clientHeight - 60) list.scrollTop = Math.max(0, top - list.clientHeight / 3);
  }

  key(event) {
    const rows = this.visible(), at = rows.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && at >= 0) {
      event.preventDefault();
      if (at + step < 0) { $("search").focus(); return; }
      const next = rows[Math.min(at + step, rows.length - 1)];
      this.stop(next);
      next.focus();
    } else if (event.key === " " && at >= 0) {
      event.preventDefault();
      const row = [...this.rows.values()].find((one) => one.show === rows[at]);
      if (row.check && !row.check.disabled) this.all([row.entry.id], !row.check.checked);
    }
  }
}
