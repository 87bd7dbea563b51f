/* The rail: a list of controls drawn from data, and edits sent back. It knows nothing of losses or rules.
 *
 * Python sends groups of controls (each a reading of some signature) and the number of the last edit it has answered.
 * One batch of edits is in flight at a time and the latest value of each control wins, so a dragged slider never
 * piles up work. A control that is being used keeps what its user sees; everything else follows the data.
 */

const RANGE = 1000; // positions of a slider
const ZERO = 30; // of which this many at the left end mean 0, where 0 is allowed on a logarithmic scale
const PATIENCE = 3000; // ms after which an unanswered edit no longer blocks the next one

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

function swatch(colour, dash) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  for (const [name, value] of Object.entries({ width: 26, height: 10, viewBox: "0 0 26 10", "aria-hidden": "true" }))
    svg.setAttribute(name, value);
  for (const [name, value] of Object.entries({ x1: 1, x2: 25, y1: 5, y2: 5, stroke: colour, "stroke-width": 3 }))
    line.setAttribute(name, value);
  line.setAttribute("stroke-dasharray", dash.join(" "));
  svg.append(line);
  return svg;
}

// One builder per kind: (control, send) -> { node, update(control) }

const KINDS = {
  select(control, send) {
    const input = make("select", { id: control.id, onchange: () => send(control.id, input.value) });
    for (const [value, label, group] of control.options) {
      const option = make("option", { value, textContent: label });
      if (!group) input.append(option);
      else (input.querySelector(`optgroup[label="${CSS.escape(group)}"]`) ?? input.appendChild(make("optgroup", { label: group }))).append(option);
    }
    const update = ({ value }) => (input.value = value);
    return { ...field(control, input), update };
  },

  slider(control, send) {
    let now = control;
    const number = make("input", { type: "text", inputMode: "decimal", autocomplete: "off", className: "number" });
    const range = make("input", { type: "range", min: 0, max: RANGE, step: 1, id: control.id });
    number.setAttribute("aria-label", `${control.label}, typed`);
    const show = (value) => {
      if (!focused(number)) number.value = shown(value, now.whole);
      range.setAttribute("aria-valuetext", shown(value, now.whole));
      range.style.setProperty("--share", range.value / RANGE);
    };
    range.oninput = () => {
      const value = toValue(now, Number(range.value));
      show(value);
      send(control.id, value, true);
    };
    range.onchange = () => send(control.id, toValue(now, Number(range.value)));
    number.onchange = () => send(control.id, number.value.trim().replace(",", ".").replace("−", "-"));
    number.onkeydown = (event) => event.key === "Enter" && number.blur();
    const { node, label } = field(control, range);
    label.after(number);
    node.classList.add("slider");
    const update = (next) => {
      now = next;
      if (!range.matches(":active")) range.value = toPosition(next, next.value);
      if (next.error) number.value = next.typed ?? number.value;
      else show(next.value);
      range.style.setProperty("--share", range.value / RANGE);
    };
    return { node, update };
  },

  text(control, send) {
    const input = make("textarea", { id: control.id, rows: control.rows ?? 1, spellcheck: false, placeholder: control.placeholder ?? "" });
    const commit = () => input.value !== input.dataset.sent && send(control.id, (input.dataset.sent = input.value));
    let timer = 0;
    input.oninput = () => { clearTimeout(timer); timer = setTimeout(commit, 350); };
    input.onchange = commit;
    input.onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      commit();
    };
    const update = ({ value, typed }) => {
      if (!focused(input)) input.value = input.dataset.sent = typed ?? value;
    };
    return { ...field(control, input), update };
  },

  toggle(control, send) {
    const input = make("input", { type: "checkbox", id: control.id, onchange: () => send(control.id, input.checked) });
    const made = field(control, input);
    made.node.classList.add("toggle");
    return { ...made, update: ({ value }) => (input.checked = value) };
  },

  name(control, send) {
    const input = make("input", { type: "text", id: control.id, className: "name", maxLength: 80, autocomplete: "off" });
    input.setAttribute("aria-label", "Name of this run");
    input.onchange = () => send(control.id, input.value);
    const colour = make("input", { type: "color", value: control.colour, title: "Colour of this run" });
    colour.setAttribute("aria-label", `Colour of ${control.value}`);
    colour.onchange = () => send(control.id.replace(/label$/, "colour"), colour.value);
    const key = make("label", { className: "key" }, swatch(control.colour, control.dash), colour);
    const node = make("div", { className: "control run" }, key, input);
    if (control.remove) node.append(removal(control, send, "Remove this run"));
    return { node, update: ({ value }) => { if (!focused(input)) input.value = value; } };
  },

  entry(control, send) {
    const input = make("input", { type: "text", id: control.id, inputMode: "text", autocomplete: "off" });
    input.onchange = () => send(control.id, input.value);
    const { node } = field(control, input);
    if (control.remove) node.append(removal(control, send, `Remove ${control.label.toLowerCase()}`));
    return { node, update: ({ value, typed }) => { if (!focused(input)) input.value = typed ?? value; } };
  },

  button(control, send) {
    const button = make("button", { type: "button", textContent: control.label, title: control.help ?? "", className: control.style ?? "" });
    button.onclick = () => send(control.id, true);
    return { node: make("div", { className: "control" }, button), update: () => {} };
  },

  math(control) {
    const node = make("div", { className: "control math", role: "math" });
    return { node, update: ({ formula }) => {
      const key = JSON.stringify(formula);
      if (node.dataset.key === key) return;
      node.dataset.key = key;
      node.replaceChildren(...formula.flatMap((term) => [mathml(["math", term]), " "])); // lines break between terms
    } };
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
  button.onclick = () => send(control.remove, true);
  return button;
}

const focused = (input) => input.getRootNode().activeElement === input;

// ── The rail ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What must be built anew when it changes: kinds, names and choices, but no values. */
const shape = (groups) => JSON.stringify(groups.map((group) => [group.title, group.more, group.controls.map(
  ({ kind, id, label, options, colour, dash, remove, help, low, high }) => [kind, id, label, options, colour, dash, remove, help, low, high])]));

export function mount(root, emit) {
  let built = "", parts = new Map(), answered = 0, sentAt = 0, last = Date.now(), moving = false, naming = 0;
  const waiting = new Map();

  /** `live`: the finger is still down, so a coarser answer will do. */
  function send(id, value, live = false) {
    waiting.set(id, value);
    moving = live;
    flush();
  }

  function flush() {
    const busy = last > answered && sentAt && performance.now() - sentAt < PATIENCE;
    if (busy || !waiting.size) return;
    last += 1;
    sentAt = performance.now();
    emit({ seq: last, edits: [...waiting], live: moving });
    waiting.clear();
    setTimeout(flush, PATIENCE + 10);
  }

  function build(groups) {
    const active = root.getRootNode().activeElement?.id;
    const open = new Set([...root.querySelectorAll("details[open]")].map((details) => details.dataset.group));
    parts = new Map();
    root.replaceChildren(...groups.map((group) => {
      const nodes = group.controls.map((control, i) => {
        const part = KINDS[control.kind](control, send);
        part.error = make("p", { className: "error", role: "alert" });
        part.node.append(part.error);
        parts.set(control.id ?? `${group.title}/${i}`, part);
        return part.node;
      });
      if (!group.more) return make("section", {}, group.title ? make("h2", { textContent: group.title }) : null, ...nodes);
      const details = make("details", { open: open.has(group.id) }, make("summary", { textContent: group.title }), ...nodes);
      details.dataset.group = group.id;
      return details;
    }));
    if (active) root.querySelector(`#${CSS.escape(active)}`)?.focus();
  }

  return {
    update({ groups, seq, address }) {
      answered = Math.max(answered, seq ?? 0);
      if (last <= answered) sentAt = 0;
      const wanted = shape(groups);
      if (wanted !== built) build(groups);
      built = wanted;
      for (const group of groups) group.controls.forEach((control, i) => {
        const id = control.id ?? `${group.title}/${i}`;
        const part = parts.get(id);
        if (!waiting.has(id)) part.update(control);
        part.error.textContent = control.error ?? "";
        part.node.classList.toggle("refused", Boolean(control.error));
      });
      clearTimeout(naming);
      naming = setTimeout(() => address !== location.search && history.replaceState(history.state, "", location.pathname + address), 400);
      flush();
    },
  };
}

const mounted = new WeakMap();

/** The Streamlit entry: called with new data on every rerun, always with the same element. */
export default function ({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement))
    mounted.set(parentElement, mount(parentElement.querySelector(".zoomout-rail"), (batch) => setStateValue("edit", batch)));
  mounted.get(parentElement).update(data);
}
