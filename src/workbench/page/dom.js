// What every part of the page needs. Text from elsewhere is set as text, never as HTML.
export const $ = (id) => document.getElementById(id);

export const make = (tag, name, ...content) => {
  const node = document.createElement(tag);
  if (name) node.className = name;
  for (const one of content) if (one !== undefined && one !== null) node.append(one);
  return node;
};

export const button = (words, name, act) => {
  const node = make("button", name, words);
  node.type = "button";
  node.onclick = act;
  return node;
};

const unreachable = { error: "The workbench can't be reached at the moment.", defects: [] };

const answered = async (asking) => {
  try {
    const answer = await asking;
    const text = await answer.text();
    let value = null;
    try { value = JSON.parse(text); } catch { value = text ? { error: text, defects: [] } : null; }
    return { ok: answer.ok, status: answer.status, value };
  } catch {
    return { ok: false, status: 0, value: unreachable };
  }
};

// Saves what a path gives, once it is made; what was said instead, where it was refused.
export const saved = async (path, name) => {
  const asking = fetch(path);
  try {
    const answer = await asking;
    if (answer.ok) {
      const link = make("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      return { ok: true };
    }
  } catch { /* it is told below */ }
  return answered(asking);
};

export const fetched = (path) => answered(fetch(path));
export const post = (path, body) => answered(fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }));

export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
export const span = (seconds) => seconds < 60 ? `${seconds.toFixed(1)} s` : `${clock(seconds)} min`;
export const when = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
export const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

// The class of a verdict, whether it comes as a word or as a key.
export const tone = (verdict) => (verdict || "open").replace(" ", "-");
export const tag = (verdict, word) => make("span", `tag ${tone(verdict)}`, word || (verdict || "").replace("-", " "));

// Copies a text; where the browser has no clipboard for this page, the text is marked for a person to copy.
export const copies = (copy, place) => {
  const usual = copy.textContent;
  copy.onclick = async () => {
    let done = false;
    try { await navigator.clipboard.writeText(place.textContent); done = true; } catch {
      const range = document.createRange();
      range.selectNodeContents(place);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      try { done = document.execCommand("copy"); } catch { /* it is marked */ }
    }
    copy.textContent = done ? "Copied" : "Marked: press Ctrl+C";
    setTimeout(() => { copy.textContent = usual; }, 2000);
  };
};

export const command = (text, title) => {
  const code = make("code", "", text), copy = make("button", "plain", "Copy");
  copy.type = "button";
  code.tabIndex = 0;
  copies(copy, code);
  return make("div", "command", title ? make("p", "small", title) : null, make("div", "typed", code, copy));
};

// What is wrong with a file, or why something was not done.
export const complaint = (value) => {
  const told = value || unreachable, node = make("div", "");
  node.append(make("p", "what", told.error || "This did not work."));
  for (const defect of told.defects || []) {
    node.append(make("p", "defect", make("b", "", defect.place), ` ${defect.what} `, make("span", "small", `→ ${defect.help}`)));
  }
  if (told["more-defects"]) node.append(make("p", "small", `and ${told["more-defects"]} more`));
  return node;
};

// Asks before something that can't be taken back.
export const sure = (question, consequence, yes, words) => new Promise((done) => {
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

export const kept = {
  get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* not kept */ } },
};
