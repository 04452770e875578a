// What a person is asked to do while a test case runs: large words, and nothing that jumps under a finger.
import { button, clock, make, post, sure } from "./dom.js";

export class Questions {
  constructor(place, live) {
    Object.assign(this, { place, live, cards: new Map() });
    setInterval(() => this.tick(), 250);
  }

  show() {
    const { run, operator } = this.live(), asked = operator?.asked || [], key = (one) => `${run}/${one.id}`;
    for (const [id, card] of this.cards) {
      if (asked.some((one) => key(one) === id)) continue;
      card.node.remove();
      this.cards.delete(id);
    }
    for (const one of asked) {
      if (!this.cards.has(key(one))) {
        const card = this.card(one, run);
        this.cards.set(key(one), card);
        this.place.append(card.node);
        if (navigator.vibrate) navigator.vibrate(200);
        scrollTo({ top: 0 });
      }
      const card = this.cards.get(key(one));
      card.until = performance.now() + one.left;
      card.whole = operator.patience;
    }
    this.tick();
  }

  card(asked, run) {
    const node = make("section", "card act"), left = make("span", "left"), rest = make("i");
    node.append(make("div", "between", make("span", "small", asked.question ? "Please look" : "Please do this now"), left), make("p", "prompt", asked.prompt));
    if (asked.parameters?.payload) node.append(make("pre", "frame", JSON.stringify(asked.parameters.payload, null, 2)));
    const bar = make("div", "bar"), buttons = make("div", "buttons"), trouble = make("p", "small");
    bar.append(rest);
    const answer = async (body) => {
      for (const one of buttons.children) one.disabled = true;
      const result = await post(`/runs/${run}/actions/${asked.id}`, body);
      if (!result.ok) trouble.textContent = result.value.error;
      for (const one of buttons.children) one.disabled = false;
    };
    const add = (words, name, act) => { const one = button(words, name, act); one.disabled = true; buttons.append(one); };
    const refuse = async (word, question, consequence, yes) => {
      const said = await sure(question, consequence, yes, true);
      if (said) answer({ answer: word, reason: said.reason });
    };
    add(asked.question ? "Yes" : "Done", "main", () => answer({ answer: "done" }));
    if (asked.question) add("No", "", () => refuse("denied", "Is it not so?", "The product fails this test case.", "No, it is not"));
    add(asked.question ? "Can't tell" : "Not possible", "", () => refuse("not-possible", asked.question ? "Can't you tell?" : "Is it not possible here?",
      "Where the test case can do without it, it goes on. Otherwise it can not be decided, and becomes inconclusive.", asked.question ? "I can't tell" : "Not possible"));
    node.append(bar, buttons, trouble);
    // A card that has just come is not what a finger on its way meant.
    setTimeout(() => { for (const one of buttons.children) one.disabled = false; }, 400);
    return { node, left, rest, until: 0, whole: 1 };
  }

  tick() {
    const now = performance.now();
    for (const card of this.cards.values()) {
      const left = Math.max(0, card.until - now) / 1000;
      card.left.textContent = `${clock(left)} left`;
      card.rest.style.width = `${Math.min(100, 100000 * left / card.whole)}%`;
      card.node.classList.toggle("late", left < 60);
    }
  }
}
