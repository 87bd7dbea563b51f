/* The rail: a list of controls drawn from data, and edits sent back. It knows nothing of losses or rules.
 *
 * Python sends groups of controls (each a reading of some signature) and the number of the last edit it has answered.
 * One batch of edits is in flight at a time and the latest value of each control wins, so a dragged slider never
 * piles up work. A control that is being used keeps what its user sees; everything else follows the data.
 */

import { grip } from "../canvas/grip.js";
import { unlessLeaving } from "../canvas/leaving.js";
import { seenIn, withSeen } from "../canvas/seen.js";

const RANGE = 1000; // positions of a slider
const ZERO = 30; // of which this many at the left end mean 0, where 0 is allowed on a logarithmic scale
const PATIENCE = 3000; // ms after which an unanswered edit no longer blocks the next one
const SLOW = 200; // ms after which an edit that has no answer says so
const WAITS = "Computing. The picture still shows what was there before.";

// ── Values ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where a value stands on its slider, 0 … RANGE. */
export function toPosition({ low, high, log, zero }, value) {
  if (!log) return RANGE * clamp((value - low) / (high - low));
  const first = zero ? ZERO : 0;
  if (zero && value < low) return 0;
  return first + (RANGE - first) * clamp(Math.log(value / low) / Math.log(high / low));
}

/** The value at a position, rounded to three significant digits (or to a whole number). */
export function toValue({ low, high, log, zero, whole }, position) {
  const first = zero ? ZERO : 0;
  if (log && zero && position < first) return 0;
  const share = log ? Math.max(0, position - first) / (RANGE - first) : position / RANGE;
  const value = log ? low * (high / low) ** share : low + (high - low) * share;
  if (whole) return Math.round(value > 100 ? Number(value.toPrecision(2)) : value);
  return log ? Number(value.toPrecision(3)) : Number(value.toFixed(decimals(high - low)));
}

export function shown(value, whole = false) {
  if (whole || value === 0) return String(value);
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

const clamp = (share) => Math.min(1, Math.max(0, share));
const decimals = (span) => Math.max(0, 3 - Math.floor(Math.log10(span)));

// ── DOM ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** A formula sent as nested lists ["mfrac", child, child]; text children are text. */
function mathml([tag, ...children]) {
  const node = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
  for (const child of children) node.append(Array.isArray(child) ? mathml(child) : String(child));
  return node;
}

function swatch() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ width: 26, height: 10, viewBox: "0 0 26 10", "aria-hidden": "true" }))
    svg.setAttribute(name, value);
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "line"));
  return svg;
}

/** A run's line in its swatch. */
function draw(svg, { colour, dash }) {
  const line = { x1: 1, x2: 25, y1: 5, y2: 5, stroke: colour, "stroke-width": 3, "stroke-dasharray": dash.join(" ") };
  for (const [name, value] of Object.entries(line)) svg.firstChild.setAttribute(name, value);
}

/** Listens. What `act` returns says nothing: a handler set as a property would cancel the key by returning false. */
const on = (node, type, act) => node.addEventListener(type, (event) => void act(event));

/**
 * A box that somebody types in. It sends on Enter and on leaving, or `pause` ms after the last key; text that has not
 * been sent is never overwritten, and neither text nor caret move while the answer says the same with other spaces.
 */
function typed(input, send, pause = 0) {
  let timer = 0;
  const put = (text) => (input.agreed = input.value = text); // what the page knows: shown by it, or sent to it
  const commit = () => {
    clearTimeout(timer);
    if (input.value !== input.agreed) send((input.agreed = input.value));
  };
  put("");
  on(input, "input", () => {
    clearTimeout(timer);
    if (pause) timer = setTimeout(commit, pause);
  });
  on(input, "change", commit);
  on(input, "keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    commit();
    if (!pause) input.select();
  });
  const same = (text) => text === input.value || (pause && focused(input) && text.trim() === input.value.trim());
  return { put, update: (text) => input.value === input.agreed && !same(text) && put(text) };
}

// One builder per kind: (control, send) -> { node, update(control) }

const KINDS = {
  select(control, send) {
    const input = make("select", { id: control.id });
    on(input, "change", () => send(control.id, input.value));
    for (const [value, label, group] of control.options) {
      const option = make("option", { value, textContent: label });
      if (!group) input.append(option);
      else (input.querySelector(`optgroup[label="${CSS.escape(group)}"]`) ?? input.appendChild(make("optgroup", { label: group }))).append(option);
    }
    const made = field(control, input), words = make("span", { className: "chosen" });
    words.ariaHidden = "true"; // what is chosen, on as many lines as it needs; the select lies over it
    const cell = make("div", { className: "choice" }, words);
    input.replaceWith(cell), cell.append(input);
    const update = ({ value }) => {
      input.value = value;
      words.textContent = control.options.find(([name]) => name === value)?.[1] ?? "";
    };
    return { ...made, update };
  },

  slider(control, send) {
    let now = control;
    const number = make("input", { type: "text", inputMode: "decimal", autocomplete: "off", className: "number" });
    const range = make("input", { type: "range", min: 0, max: RANGE, step: 1, id: control.id });
    number.setAttribute("aria-label", `${control.label}, typed`);
    const box = typed(number, (text) => send(control.id, text));
    const show = (value) => {
      range.setAttribute("aria-valuetext", shown(value, now.whole));
      range.style.setProperty("--share", range.value / RANGE);
    };
    on(range, "input", () => {
      const value = toValue(now, Number(range.value));
      box.put(shown(value, now.whole));
      show(value);
      send(control.id, value, true);
    });
    on(range, "change", () => send(control.id, toValue(now, Number(range.value))));
    const { node, label } = field(control, range);
    label.after(number);
    node.classList.add("slider");
    const update = (next) => {
      now = next;
      if (!range.matches(":active")) range.value = toPosition(next, next.value);
      show(next.value);
      box.update(next.typed ?? shown(next.value, next.whole));
      const [from, to] = (next.forbidden ?? [next.low, next.low]).map((end) => `${toPosition(next, end) / (RANGE / 100)}%`);
      range.style.setProperty("--from", from), range.style.setProperty("--to", to);
    };
    return { node, update };
  },

  text(control, send) {
    const input = make("textarea", { id: control.id, rows: control.rows ?? 1, spellcheck: false, placeholder: control.placeholder ?? "" });
    const box = typed(input, (text) => send(control.id, text), 350);
    return { ...field(control, input), update: ({ value, typed }) => box.update(typed ?? value) };
  },

  toggle(control, send) {
    const input = make("input", { type: "checkbox", id: control.id });
    on(input, "change", () => send(control.id, input.checked));
    const made = field(control, input);
    made.node.classList.add("toggle");
    return { ...made, update: ({ value }) => (input.checked = value) };
  },

  name(control, send) {
    const input = make("input", { type: "text", id: control.id, className: "name", maxLength: 80, autocomplete: "off" });
    input.setAttribute("aria-label", "Name of this run");
    const box = typed(input, (text) => send(control.id, text));
    const colour = make("input", { type: "color", title: "Colour of this run" });
    on(colour, "change", () => send(control.id.replace(/label$/, "colour"), colour.value));
    const key = make("label", { className: "key" }, swatch(), colour);
    const node = make("div", { className: "control run" }, key, input);
    if (control.remove) node.append(removal(control, send, "Remove this run"));
    return { node, update: (next) => {
      box.update(next.typed ?? next.value);
      draw(key.firstChild, next);
      colour.value = next.colour;
      colour.setAttribute("aria-label", `Colour of ${next.value}`);
    } };
  },

  entry(control, send) {
    const input = make("input", { type: "text", id: control.id, inputMode: "text", autocomplete: "off" });
    const box = typed(input, (text) => send(control.id, text));
    const { node } = field(control, input);
    if (control.remove) node.append(removal(control, send, `Remove ${control.label.toLowerCase()}`));
    return { node, update: ({ value, typed }) => box.update(typed ?? value) };
  },

  button(control, send) {
    const button = make("button", { type: "button", textContent: control.label, title: control.help ?? "", className: control.style ?? "" });
    on(button, "click", () => send(control.id, true));
    return { node: make("div", { className: "control" }, button), update: () => {} };
  },

  math(control) {
    const node = make("div", { className: "control math", role: "math", tabIndex: 0 }); // a long one scrolls
    return { node, update: ({ formula, words }) => {
      node.setAttribute("aria-label", words);
      const key = JSON.stringify(formula);
      if (node.dataset.key === key) return;
      node.dataset.key = key;
      node.replaceChildren(...formula.flatMap((term) => [mathml(["math", term]), " "])); // lines break between terms
    } };
  },

  row(control, send) {
    const button = ([id, label, title]) => {
      const node = make("button", { type: "button", className: "quiet", textContent: label, title });
      on(node, "click", () => send(id, true));
      return node;
    };
    const buttons = control.buttons.map(button), node = make("div", { className: "control row", role: "group" }, ...buttons);
    node.setAttribute("aria-label", control.label);
    return { node, update: ({ buttons: now }) => buttons.forEach((button, i) => (button.ariaDisabled = String(!now[i][3]))) };
  },

  note() {
    const node = make("p", { className: "control note" });
    return { node, update: ({ text, tone }) => { node.textContent = text; node.dataset.tone = tone ?? ""; } };
  },
};

function field(control, input) {
  const label = make("label", { htmlFor: control.id, textContent: control.label });
  if (control.symbol) label.append(make("span", { className: "symbol", textContent: ` ${control.symbol}` }));
  if (control.help) label.title = input.title = control.help;
  if (control.bare) label.className = "hidden";
  return { node: make("div", { className: `control ${control.kind}` }, label, input), label };
}

function removal(control, send, title) {
  const button = make("button", { type: "button", className: "quiet", textContent: "Remove", title });
  button.setAttribute("aria-label", title);
  on(button, "click", () => send(control.remove, true));
  return button;
}

const focused = (input) => input.getRootNode().activeElement === input;

// ── The rail ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a control must be built anew for: its kind, names and choices, but no values. */
const shape = ({ kind, id, label, symbol, options, remove, help, low, high }) => JSON.stringify([kind, id, label, symbol, options, remove, help, low, high]);

const typingIn = (node) => node.matches(":has(:is(textarea, input[type=text]):focus)");

/** A control, with a line for what was refused and a button for what would be taken instead. */
function part(control, send) {
  const { node, update } = KINDS[control.kind](control, send);
  const error = make("p", { className: "error", role: "alert" }), cure = make("button", { type: "button", className: "cure" });
  on(cure, "click", () => send(control.id, cure.value));
  node.append(error, cure);
  return { node, shape: shape(control), update(next) {
    update(next);
    if (error.textContent !== (next.error ?? "")) error.textContent = next.error ?? "";
    cure.hidden = !next.cure;
    cure.value = next.cure ?? "", cure.textContent = `Take ${next.cure}`;
    node.classList.toggle("refused", Boolean(next.error));
  } };
}

/** A group's place: a section with its title, or one that opens. */
function place({ more }) {
  const title = make(more ? "summary" : "h2"), node = make(more ? "details" : "section", {}, title);
  return { node, update(group, nodes) {
    title.textContent = group.title, title.hidden = !group.title;
    settle(node, [title, ...nodes]);
  } };
}

/** Puts nodes into a parent in their order. One that stays is not moved, so that focus, text and caret stay too. */
function settle(parent, nodes) {
  for (const node of [...parent.childNodes]) if (!nodes.includes(node)) node.remove();
  nodes.forEach((node, i) => node !== parent.childNodes[i] && parent.insertBefore(node, parent.childNodes[i] ?? null));
}

/**
 * The address always holds the scene, and each settled change is a place that the browser's Back leads to. `visit` is told
 * the mark of the place where somebody went, and its address for a page that no longer knows the mark.
 */
function addresses(visit) {
  const page = location.pathname;
  let timer = 0, visiting = false;
  const onpopstate = ({ state }) => {
    if (location.pathname !== page || !state?.mark) return;
    visiting = true;
    visit([state.mark, location.search]);
  };
  addEventListener("popstate", onpopstate);
  const write = (mark, address) => {
    const here = history.state?.mark, settled = here && here !== mark && !visiting && location.pathname === page;
    const search = withSeen(address, seenIn(location.search));
    if (here === mark && location.search === search) return;
    history[settled ? "pushState" : "replaceState"]({ ...history.state, mark }, "", location.pathname + search);
    visiting = false;
  };
  return {
    show(mark, address) {
      clearTimeout(timer);
      timer = setTimeout(() => write(mark, address), 400);
    },
    destroy() {
      clearTimeout(timer);
      removeEventListener("popstate", onpopstate);
    },
  };
}

/** The sign over the picture that it is not yet what the controls say. It stands in the page, since a rail may be shut. */
function sign(cancel) {
  const words = make("span"), stop = make("button", { type: "button", textContent: "Cancel" });
  const node = make("div", { id: "zoomout-wait", role: "status", hidden: true }, words, stop);
  on(stop, "click", cancel);
  document.getElementById(node.id)?.remove();
  document.body.append(node);
  return {
    show(text) {
      node.hidden = !text;
      if (words.textContent !== text) words.textContent = text;
    },
    destroy: () => node.remove(),
  };
}

/** What stands in the page outside of the components has the page's colours and font too. */
function shareTheme(root) {
  const style = getComputedStyle(root);
  for (const name of ["--st-background-color", "--st-text-color", "--st-font"]) document.documentElement.style.setProperty(name, style.getPropertyValue(name));
}

export function mount(root, emit) {
  let parts = new Map(), places = new Map(), answered = 0, sentAt = 0, last = Date.now(), moving = false, slow = 0, busy = "";
  let flying = new Set(); // what has been sent and not yet been answered
  const waiting = new Map();
  const address = addresses((there) => send("visit", there)), wait = sign(() => send("cancel", true));
  const drop = grip("Controls", () => document.querySelector("[class*=st-key-stage], [class*=st-key-chart]")?.scrollIntoView());

  /** `live`: the finger is still down, so a coarser answer will do. */
  function send(id, value, live = false) {
    waiting.set(id, value);
    moving = live;
    flush();
  }

  function flush() {
    const unanswered = last > answered && sentAt && performance.now() - sentAt < PATIENCE;
    if (unanswered || !waiting.size) return;
    last += 1;
    sentAt = performance.now();
    flying = new Set(waiting.keys());
    emit({ seq: last, edits: [...waiting], live: moving });
    waiting.clear();
    setTimeout(flush, PATIENCE + 10);
    clearTimeout(slow);
    slow = setTimeout(() => wait.show(busy || WAITS), SLOW);
  }

  function build(groups) {
    const active = root.getRootNode().activeElement?.id, before = { parts, places };
    parts = new Map(), places = new Map();
    for (const group of groups) {
      const key = `${group.more} ${group.id || group.controls[0]?.id}`, own = before.places.get(key) ?? place(group);
      places.set(key, own);
      own.update(group, group.controls.map((control, i) => {
        const id = control.id ?? `${key}/${i}`, old = before.parts.get(id);
        const kept = old && (old.shape === shape(control) || typingIn(old.node)) ? old : part(control, send);
        parts.set(id, kept);
        if (!waiting.has(id) && !flying.has(id)) kept.update(control);
        return kept.node;
      }));
    }
    settle(root, [...places.values()].map(({ node }) => node));
    if (active && root.getRootNode().activeElement?.id !== active) root.querySelector(`#${CSS.escape(active)}`)?.focus();
  }

  /** Ctrl-Z and its kin belong to the scene, unless somebody is in the middle of a text. */
  function key(event) {
    const [target] = event.composedPath(), name = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !(name === "z" || (name === "y" && !event.shiftKey))) return;
    if (target.matches?.("textarea, input[type=text], input:not([type])") && (target.agreed ?? "") !== target.value) return;
    event.preventDefault();
    send(name === "y" || event.shiftKey ? "redo" : "undo", true);
  }
  addEventListener("keydown", key, { capture: true });

  return {
    update(data) {
      answered = Math.max(answered, data.seq ?? 0);
      if (last <= answered) sentAt = 0, flying.clear(), clearTimeout(slow);
      build(data.groups);
      shareTheme(root);
      address.show(data.mark, data.address);
      busy = data.waits;
      if (!sentAt) wait.show(busy);
      if (busy && !waiting.size) waiting.set("more", true); // asks until there is something newer
      flush();
    },
    destroy() {
      removeEventListener("keydown", key, { capture: true });
      clearTimeout(slow);
      address.destroy(), wait.destroy(), drop();
    },
  };
}

const mounted = new WeakMap();

/** The Streamlit entry: called with new data on every rerun, always with the same element. */
export default function ({ data, parentElement, setStateValue }) {
  let entry = mounted.get(parentElement);
  if (!entry) {
    const send = (batch) => unlessLeaving(() => setStateValue("edit", batch), () => mounted.get(parentElement) === entry);
    entry = { rail: mount(parentElement.querySelector(".zoomout-rail"), send), leaving: 0 };
    mounted.set(parentElement, entry);
  }
  clearTimeout(entry.leaving);
  entry.rail.update(data);
  return () => {
    // a rerun may clean up and call again at once: only what stays gone is taken down
    entry.leaving = setTimeout(() => (entry.rail.destroy(), mounted.delete(parentElement)), 200);
  };
}
