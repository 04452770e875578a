"use strict";
// The state comes whole with every event; this only shows it. Text from elsewhere is set as text, never as HTML.
const $ = (id) => document.getElementById(id);
const make = (tag, name, text) => {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
};
const own = document.title;
let state = null, seen = 0, chosen = "";
const cards = new Map();

const post = async (path, body) => {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    return { ok: answer.ok, text: await answer.text() };
  } catch {
    return { ok: false, text: "The run can't be reached at the moment." };
  }
};

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// Asks before something that can't be taken back.
const sure = (question, consequence, yes, words) => new Promise((done) => {
  $("question").textContent = question;
  $("consequence").textContent = consequence;
  $("yes").textContent = yes;
  $("why").hidden = !words;
  $("reason").value = "";
  const dialog = $("sure");
  dialog.returnValue = "back";
  dialog.onclose = () => done(dialog.returnValue === "yes" ? { reason: $("reason").value } : null);
  dialog.showModal();
});

const beep = () => {
  if (navigator.vibrate) navigator.vibrate(200);
  if (!$("beep").checked) return;
  const sound = new AudioContext(), tone = sound.createOscillator(), volume = sound.createGain();
  tone.frequency.value = 880;
  volume.gain.value = 0.15;
  tone.connect(volume).connect(sound.destination);
  tone.start();
  tone.stop(sound.currentTime + 0.25);
  tone.onended = () => sound.close();
};

// One card for an action that is asked for; it stays the same node while it is, so that nothing jumps under a finger.
const card = (asked) => {
  const node = make("section", "card act");
  const left = make("span", "left");
  const top = make("div", "row");
  top.append(make("span", "small", asked.question ? "Please look" : "Please do this now"), left);
  const bar = make("div", "bar"), rest = make("i");
  bar.append(rest);
  node.append(top, make("p", "prompt", asked.prompt));
  if (asked.parameters.payload) node.append(make("pre", "", JSON.stringify(asked.parameters.payload, null, 2)));
  node.append(bar);
  const buttons = make("div", "buttons"), trouble = make("p", "small");
  const answer = async (body) => {
    for (const button of buttons.children) button.disabled = true;
    const result = await post(`/actions/${asked.id}`, body);
    if (!result.ok) trouble.textContent = result.text;
    for (const button of buttons.children) button.disabled = false;
  };
  const add = (text, name, act) => {
    const button = make("button", name, text);
    button.onclick = act;
    button.disabled = true;
    buttons.append(button);
  };
  const refuse = async (answered, question, consequence, yes) => {
    const said = await sure(question, consequence, yes, true);
    if (said) answer({ answer: answered, reason: said.reason });
  };
  add(asked.question ? "Yes" : "Done", "main", () => answer({ answer: "done" }));
  if (asked.question) add("No", "", () => refuse("denied", "Is it not so?", "The product fails this test case.", "No, it is not"));
  add(asked.question ? "Can't tell" : "Not possible", "", () => refuse("not-possible", asked.question ? "Can't you tell?" : "Is it not possible here?",
    "Where the test case can do without it, it goes on. Otherwise it can not be decided, and becomes inconclusive.", asked.question ? "I can't tell" : "Not possible"));
  node.append(buttons, trouble);
  // A card that has just come is not what a finger on its way meant.
  setTimeout(() => { for (const button of buttons.children) button.disabled = false; }, 400);
  return { node, left, rest, until: 0, whole: 1 };
};

const showAsked = () => {
  for (const [id, shown] of cards) {
    if (state.asked.some((asked) => asked.id === id)) continue;
    shown.node.remove();
    cards.delete(id);
  }
  for (const asked of state.asked) {
    if (!cards.has(asked.id)) {
      cards.set(asked.id, card(asked));
      $("asked").append(cards.get(asked.id).node);
      if (asked.id > seen) { seen = asked.id; beep(); scrollTo({ top: 0 }); }
    }
    const shown = cards.get(asked.id);
    shown.until = performance.now() + asked.left;
    shown.whole = state.patience;
  }
  document.title = state.asked.length ? `● ${state.asked[0].prompt}` : own;
};

// A step in a person's words; what only holds others together is left out.
const words = (step) => {
  const parts = step.split(" > ").map((part) => part.replace(/^\d+ /, ""));
  const last = parts.pop();
  if (/^(let|ask|steps|any-order|one-of|optional|repeat|assert|run|for-each|one)\b/.test(last)) return null;
  const said = last.replace(/^expect (.*)$/, "wait for $1").replace(/^operator (.*)$/, "manual action: $1").replace(/^settle.*$/, "wait until nothing comes");
  return { said, within: parts.filter((part) => part.startsWith("run ")).map((part) => part.slice(4)).join(" › ") };
};

// What is listed already stays the same node, so that a text being marked stays marked.
const list = (place, entries, build) => {
  const wanted = entries.map((entry) => JSON.stringify(entry));
  for (const node of [...place.children]) if (!wanted.includes(node.shows)) node.remove();
  let at = place.firstElementChild;
  for (const [index, entry] of entries.entries()) {
    if (at?.shows === wanted[index]) { at = at.nextElementSibling; continue; }
    const node = build(entry);
    node.shows = wanted[index];
    place.insertBefore(node, at);
  }
  while (at) { const next = at.nextElementSibling; at.remove(); at = next; }
};

const showRunning = () => {
  $("running").replaceChildren(...state.running.map((running) => {
    const node = make("section", "card now");
    node.append(make("h2", "", `${running.id} · ${running.title}`));
    if (running.purpose) node.append(make("p", "", running.purpose));
    const steps = make("ol", "steps");
    for (const step of running.steps.map(words).filter(Boolean).slice(-7)) {
      const item = make("li", "", step.said);
      if (step.within) item.append(" ", make("small", "", step.within));
      steps.append(item);
    }
    if (running.since !== null && steps.lastChild) {
      const waiting = make("small", "waiting");
      waiting.dataset.since = performance.now() - running.since;
      steps.lastChild.append(" ", waiting);
    }
    node.append(steps);
    return node;
  }));
};

const showAbout = () => {
  const known = [...state.running, ...state.ended];
  const select = $("about"), before = chosen && known.some((one) => one.id === chosen) ? chosen : (known[0] || {}).id;
  const wanted = known.map((one) => one.id);
  if ([...select.options].map((one) => one.value).join() !== wanted.join()) {
    select.replaceChildren(...wanted.map((id) => new Option(id, id)));
  }
  if (before) select.value = before;
  for (const button of document.querySelectorAll("#remark button")) button.disabled = !known.length || state.finished !== null;
};

const showEnded = () => {
  $("past").hidden = !state.ended.length;
  list($("ended"), state.ended, (one) => {
    const item = make("li");
    item.append(make("span", `verdict ${one.verdict.replace(" ", "-")}`, one.verdict), `${one.id} ${one.title}`);
    if (one.reason) item.append(make("span", "reason", one.reason));
    return item;
  });
};

const banner = () => {
  if (state.finished !== null) return `The run is over. ${state.finished}`;
  if (state.aborted) return "The run is being aborted: the reports of what was done are written.";
  if (state.paused) return state.running.length ? "The run pauses once this test case is over." : "The run is paused.";
  return "";
};

const show = () => {
  const over = Object.values(state.counts).reduce((sum, count) => sum + count, 0);
  $("product").textContent = state.product;
  $("progress").style.width = state.of ? `${100 * over / state.of}%` : "0";
  $("place").textContent = state.of ? `${over} of ${state.of} test cases are over` : "The first test case has not begun.";
  $("counts").textContent = Object.entries(state.counts).filter(([, count]) => count).map(([word, count]) => `${count} ${word}`).join(" · ");
  $("banner").textContent = banner();
  $("banner").hidden = !banner();
  $("quiet").hidden = state.asked.length > 0 || state.finished !== null;
  $("pause").textContent = state.paused ? "Go on" : "Pause";
  $("pause").className = state.paused ? "main" : "";
  for (const id of ["pause", "abort", "link"]) $(id).disabled = state.finished !== null || state.aborted;
  showAsked();
  showRunning();
  showAbout();
  showEnded();
  tick();
};

const tick = () => {
  const now = performance.now();
  for (const shown of cards.values()) {
    const left = Math.max(0, shown.until - now) / 1000;
    shown.left.textContent = `${clock(left)} left`;
    shown.rest.style.width = `${Math.min(100, 100000 * left / shown.whole)}%`;
    shown.node.classList.toggle("late", left < 60);
  }
  for (const node of document.querySelectorAll(".waiting")) {
    const seconds = (now - node.dataset.since) / 1000;
    node.textContent = seconds >= 2 ? `for ${clock(seconds)}` : "";
  }
};

const line = (text, lost) => {
  $("line").textContent = text;
  $("line").classList.toggle("lost", lost);
};

const connect = () => {
  const events = new EventSource("/events");
  events.onopen = () => line("live", false);
  events.onmessage = (event) => {
    state = JSON.parse(event.data);
    show();
    if (state.finished !== null) { events.close(); line("over", false); }
  };
  events.onerror = () => {
    line("connection lost, trying again", true);
    // A browser gives up by itself where the answer was no event stream.
    if (events.readyState === EventSource.CLOSED) { events.close(); setTimeout(connect, 2000); }
  };
};

$("about").onchange = () => { chosen = $("about").value; };
$("text").onfocus = () => { chosen = $("about").value; };
$("remark").onsubmit = async (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) { $("noted").textContent = "Write what you see first."; return; }
  const about = $("about").value, whole = text + (event.submitter ? event.submitter.value : "");
  const result = await post("/remarks", { "test-case": about, text: whole });
  $("noted").textContent = result.ok ? `Noted for ${about}: ${whole}` : result.text;
  if (result.ok) { $("text").value = ""; chosen = ""; }
};
$("pause").onclick = () => post("/pause", { paused: !state.paused });
$("abort").onclick = async () => {
  const said = await sure("Abort the run?", "The test case at hand becomes inconclusive, those after it are not run. The reports of what was done are written.", "Abort the run", false);
  if (said) post("/abort", {});
};
$("link").onclick = async () => {
  const result = await post("/link", {});
  const place = $("links");
  place.hidden = false;
  place.textContent = "";
  if (!result.ok) { place.textContent = result.text; return; }
  const url = JSON.parse(result.text).url;
  place.append("This link works once: ", make("b", "", url));
};
try { $("beep").checked = localStorage.getItem("beep") === "yes"; } catch { /* not kept */ }
$("beep").onchange = () => { try { localStorage.setItem("beep", $("beep").checked ? "yes" : "no"); } catch { /* not kept */ } };
setInterval(tick, 250);
connect();
