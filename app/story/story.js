/**
 * A story in a browser: figures that wake when they are seen, questions that hold the clock until they are answered, and
 * the same page as a lecture, with a second window for who gives it. Nothing is stored, sent, or asked of anybody.
 */

import { clamp, el, max, still } from "../canvas/canvas.js";
import { mount } from "../stage/stage.js";
import { codeOf, drawMarks, markOf, placeAt, verdict } from "./marks.js";

const $ = (query, root = document) => root.querySelector(query);
const COMMANDS = [
  // key, what it does, its name on the button
  ["PageUp, ←", "the stop before", "Back", "back"], ["PageDown, →", "reveal, then the next stop", "Next", "next"],
  ["Space", "play or pause", "Play", "play"], ["Q", "the question", "Ask", "ask"], ["R", "reveal the answer", "Reveal", "reveal"],
  ["B or .", "a black screen", "Blank", "blank"], ["H", "more contrast and thicker lines", "Contrast", "strong"],
  ["S", "the speaker’s window", "Speaker", "speaker"], ["F", "full screen", "Full", "full"],
  ["?", "this list", "Keys", "keys"], ["P or Esc", "back to the article", "Article", "article"],
];
const ON_KEY = {
  PageDown: "next", ArrowRight: "next", PageUp: "back", ArrowLeft: "back", " ": "play", Home: "first", q: "ask", r: "reveal", b: "blank",
  ".": "blank", h: "strong", s: "speaker", f: "full", "?": "keys", p: "article", Escape: "article",
};

/** The bytes that the page carries under a name. */
async function inflated(name) {
  const packed = Uint8Array.from(atob(document.getElementById(name).textContent), (c) => c.charCodeAt(0));
  return new Uint8Array(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
}

/** A stop: its figure, which comes to life when it is near, and its question. */
class Stop {
  revealed = false;
  mark = null;
  others = [];

  constructor(story, data, index) {
    Object.assign(this, { story, ...data, index, number: index + 1 });
    this.section = $(`#stop-${this.number}`);
    this.title = $("h2", this.section).textContent;
    this.box = $(".place", this.section);
    this.section.classList.toggle("bare", !this.box);
    if (this.question) this.ask();
  }

  // ── the figure ──

  get api() { return this.root?.__zoomout; }

  /** Where the clock stops: at the question's moment until it is revealed, and then where the answer stands. */
  until() {
    if (!this.question) return Infinity;
    return this.revealed ? this.question.step : (this.at ?? 0);
  }

  /** The moment at which it stands before it plays. */
  get opening() { return this.play ? (this.question ? 0 : (this.at ?? 0)) : (this.at ?? 0); }

  async wake() {
    if (!this.frame || this.root) return this.ready;
    this.root = el("div", {});
    this.root.dataset.mode = this.story.lecturing ? "lecture" : "";
    this.ready = (async () => {
      const bytes = await inflated(this.frame);
      this.box.append(this.root);
      const around = { height: () => this.box.clientHeight, until: () => this.until(), drawn: () => this.drawn() };
      mount(this.root, { around }).update(bytes);
      $("picture", this.box).hidden = true;
      this.api.seek(this.asked ?? this.opening);
      if (this.question && !$(".marks", this.box)) this.layMarks();
      this.drawn();
    })();
    return this.ready;
  }

  /** Plays from its opening the first time that it is seen. */
  begin() {
    if (this.begun || !this.api || this.asked !== undefined) return;
    this.begun = true;
    if (this.play && !still()) this.api.play();
    else if (this.play) this.api.seek(Math.min(this.until(), this.at ?? this.poster ?? 0));
  }

  async goTo(t) {
    this.asked = t, this.begun = true;
    await this.wake();
    this.api?.pause(), this.api?.seek(t);
  }

  async open() {
    await this.wake();
    this.begin();
  }

  drawn() {
    if (!this.api) return;
    this.showMarks();
    this.story.told(this);
  }

  // ── the question ──

  ask() {
    const { question } = this, asked = $(".asked", this.section);
    this.details = $(".answer", asked);
    this.said = el("p", { class: "verdict", role: "status" });
    this.form = el("form", { onsubmit: (e) => e.preventDefault(), onkeydown: (e) => e.key === "Enter" && this.commit() });
    this.form.append(...this.inputs(question));
    $("summary", this.details).addEventListener("click", (e) => (e.preventDefault(), this.story.does("reveal", this)));
    this.code = el("span", {});
    const paste = el("input", { type: "text", spellcheck: "false", oninput: (e) => this.paste(e.target.value) });
    const others = el("details", { class: "others" }, el("summary", {}, "Several readers"), el("p", {}, this.code),
      el("label", {}, "The others’ codes", paste));
    this.details.before(this.form, this.said);
    asked.append(others);
    this.tellCode();
  }

  inputs({ kind, options, unit }) {
    const number = (label, name) => el("label", {}, label, el("input", { type: "number", step: "any", name, oninput: () => this.typed() }));
    const hint = (text) => el("p", { class: "hint" }, text);
    if (kind === "place") return [hint("Click where you expect it, or type it."), number("x", "x"), number("y", "y")];
    if (kind === "number") return [number(unit || "Your number", "value")];
    if (kind === "angle") {
      const range = el("input", { type: "range", name: "value", min: -180, max: 180, step: 1, value: 0, "aria-label": "The angle in degrees", oninput: () => this.typed() });
      this.shown = el("output", {}, "–");
      return [hint("Click in the picture, or move the slider."), range, this.shown];
    }
    const choice = (text, i) => el("label", {}, el("input", { type: "radio", name: "value", value: i, onchange: () => this.typed() }), text);
    return [el("fieldset", { "aria-label": "Your choice" }, ...options.map(choice))];
  }

  /** What the form says now is the reader's mark. */
  typed() {
    const fields = this.form.elements, number = (name) => (fields[name].value === "" ? NaN : Number(fields[name].value));
    const mark = this.question.kind === "place" ? [number("x"), number("y")] : number("value");
    this.put([mark].flat().every(Number.isFinite) ? mark : null, false);
  }

  /** A mark, from the form or from a click; once the answer is out it stays as it was. */
  put(mark, write = true) {
    if (this.revealed) return;
    this.mark = mark;
    const fields = this.form.elements, short = (v) => Number(v.toPrecision(3));
    if (write && this.question.kind === "place") (fields.x.value = short(mark[0])), (fields.y.value = short(mark[1]));
    if (write && this.question.kind === "angle") fields.value.value = Math.round(mark);
    if (this.shown) this.shown.textContent = mark === null ? "–" : `${Math.round(mark)}°`.replace("-", "−");
    this.tellCode(), this.showMarks();
  }

  commit() {
    if (this.mark !== null) this.story.does("reveal", this);
  }

  /** The code of this reader's mark, for others to paste. */
  tellCode() {
    const measured = this.question.kind !== "place" || this.question.window;
    this.code.textContent = this.mark === null || !measured ? "Once you have marked it, your mark stands here as a code." : `Your code: ${codeOf(this.number, this.question, this.mark)}`;
  }

  paste(text) {
    const known = (code) => ({ mark: markOf(this.number, this.question, code), name: code.trim().slice(0, 12) });
    this.others = text.split(/[\s,;]+/).filter(Boolean).slice(0, 60).map(known).filter(({ mark }) => mark !== null);
    this.showMarks();
  }

  async reveal() {
    if (!this.question || this.revealed) return;
    this.revealed = this.details.open = true;
    this.details.parentNode.classList.add("done");
    this.said.textContent = verdict(this.question, this.mark);
    if (this.form.contains(document.activeElement)) document.activeElement.blur();
    for (const field of this.form.elements) field.disabled = true;
    this.svg?.classList.remove("open");
    await this.wake();
    if (!this.api) return;
    this.begun = true;
    if (still()) this.api.seek(this.question.step);
    else this.api.play();
    this.drawn();
  }

  // ── marks on the figure ──

  layMarks() {
    const { kind } = this.question;
    if (kind !== "place" && kind !== "angle") return;
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("class", "marks open"), this.svg.setAttribute("aria-hidden", "true");
    this.svg.addEventListener("click", (e) => {
      const { left, top } = this.svg.getBoundingClientRect(), [x, y] = placeAt(this.api.plane, e.clientX - left, e.clientY - top);
      this.put(kind === "place" ? [x, y] : (Math.atan2(y, x) * 180) / Math.PI);
    });
  }

  showMarks() {
    const plane = this.svg && this.api?.plane;
    if (!plane) return;
    if (this.svg.parentNode !== plane.box) plane.box.append(this.svg);
    if (!this.question.window) (this.question.window = plane.window), this.tellCode();
    const { svg } = this;
    Object.assign(svg.style, { left: `${plane.left}px`, top: `${plane.top}px`, width: `${plane.width}px`, height: `${plane.height}px` });
    const truth = this.question.kind === "place" ? this.question.truth : this.question.truth[0];
    drawMarks(svg, plane, this.question, [
      ...this.others, ...(this.mark === null ? [] : [{ mark: this.mark, name: "you" }]),
      ...(this.revealed ? [{ mark: truth, name: "", truth: true }] : []),
    ]);
  }
}

/** The whole: which stop is current, how it is read, and who else looks on. */
class Story {
  current = 0;
  lecturing = false;
  other = null; // the window that mirrors this one
  last = "";

  constructor(data) {
    this.title = data.title;
    this.stops = data.stops.map((stop, i) => new Stop(this, stop, i));
    this.speaking = location.hash.startsWith("#speaker");
    this.furnish();
    addEventListener("keydown", (e) => this.key(e), { capture: true }); // before the stages
    addEventListener("message", (e) => this.heard(e));
    addEventListener("hashchange", () => this.follow());
    addEventListener("beforeprint", () => document.querySelectorAll("details.answer").forEach((details) => (details.open = true)));
    addEventListener("afterprint", () => this.stops.forEach(({ details, revealed }) => details && (details.open = revealed)));
    addEventListener("pointermove", () => this.stir());
    const near = new IntersectionObserver((seen) => seen.forEach(({ target, isIntersecting }) => isIntersecting && this.of(target).wake()), { rootMargin: "60% 0px" });
    const inView = new IntersectionObserver((seen) => seen.forEach(({ target, isIntersecting }) => isIntersecting && !this.lecturing && this.of(target).open()), { threshold: 0.6 });
    for (const { box } of this.stops) if (box) near.observe(box), inView.observe(box);
    if (this.speaking) this.speak();
    this.follow();
  }

  of(node) { return this.stops.find(({ box }) => box === node); }

  get stop() { return this.stops[this.current]; }

  furnish() {
    const press = (what) => () => this.does(what);
    this.bar = el("div", { class: "bar", role: "toolbar", "aria-label": "Lecture" });
    this.numbers = this.stops.map(({ number, title }) => el("button", { type: "button", "aria-label": `${number}: ${title}`, title, onclick: () => this.go(number - 1) }, String(number)));
    this.buttons = Object.fromEntries(COMMANDS.map(([key, says, name, what]) => [what, el("button", { type: "button", title: `${says} (${key})`, onclick: press(what) }, name)]));
    this.bar.append(el("div", { class: "stops" }, ...this.numbers), ...Object.values(this.buttons));
    this.keys = el("div", { class: "keys", role: "dialog", "aria-label": "Keys", hidden: "" },
      el("dl", {}, ...[...COMMANDS, ["Home", "the first stop"], ["1–9", "that stop"]].flatMap(([key, says]) => [el("dt", {}, key), el("dd", {}, says)])));
    this.aside = el("aside", { class: "speaker-only", "aria-label": "Speaker" });
    document.body.append(this.bar, this.keys, this.aside, el("div", { class: "blank", onclick: press("blank") }));
    $(".begin").addEventListener("click", () => this.lecture(true));
  }

  // ── where one is ──

  /** Opens what the address says: #lecture, #stop=3&t=84. */
  follow() {
    const asked = new URLSearchParams(location.hash.slice(1).replace(/^speaker/, "lecture")), stop = Number(asked.get("stop")) - 1, t = asked.get("t");
    if (asked.has("lecture") && !this.lecturing) this.lecture(true, this.stops[stop] ? stop : 0);
    if (!this.stops[stop]) return;
    if (this.lecturing) this.go(stop);
    else this.stops[stop].section.scrollIntoView({ behavior: "instant" });
    if (t !== null && t !== "" && Number.isFinite(Number(t))) this.stops[stop].goTo(Number(t));
  }

  go(index) {
    const next = clamp(index, 0, this.stops.length - 1);
    if (this.stop.api && next !== this.current) this.stop.api.pause();
    this.current = next;
    for (const { section, index } of this.stops) section.classList.toggle("current", index === next);
    this.numbers.forEach((node, i) => (i === next ? node.setAttribute("aria-current", "step") : node.removeAttribute("aria-current")));
    this.buttons.ask.disabled = this.buttons.reveal.disabled = !this.stop.question;
    this.buttons.play.disabled = !this.stop.frame;
    this.stop.open().then(() => this.stop.api?.resize());
    this.stops[next + 1]?.wake();
    this.tellNext(), this.remember(), this.told(this.stop);
  }

  /** The address of what is seen, so that it can be passed on. */
  remember() {
    const { api } = this.stop, at = api && !api.playing && api.t !== this.stop.opening ? `&t=${Number(api.t.toFixed(2))}` : "";
    const hash = `#${this.speaking ? "speaker" : "lecture"}&stop=${this.current + 1}${at}`;
    try {
      history.replaceState(null, "", hash);
    } catch { /* where a page may not say where it is, it is read all the same */ }
  }

  lecture(on, stop = this.inSight()) {
    this.lecturing = on;
    document.body.classList.toggle("lecture", on), document.body.classList.toggle("speaker", on && this.speaking);
    for (const { root } of this.stops) if (root) root.dataset.mode = on ? "lecture" : "";
    if (on) this.go(stop);
    else {
      document.body.classList.remove("strong", "blanked", "idle");
      try {
        history.replaceState(null, "", `#stop=${this.current + 1}`);
      } catch { /* see above */ }
      this.stop.section.scrollIntoView({ behavior: "instant" });
    }
    for (const { api } of this.stops) api?.resize();
    this.stir(), this.awake(on);
  }

  /** The stop that an article's reader looks at. */
  inSight() {
    const below = this.stops.findIndex(({ section }) => section.getBoundingClientRect().bottom > innerHeight / 2);
    return max(below, 0);
  }

  async awake(on) {
    this.lock?.release?.();
    this.lock = on ? await navigator.wakeLock?.request("screen").catch(() => null) : null;
  }

  stir() {
    document.body.classList.remove("idle");
    clearTimeout(this.resting);
    if (this.lecturing && !this.speaking) this.resting = setTimeout(() => document.body.classList.add("idle"), 2500);
  }

  // ── what one does ──

  does(what, stop = this.stop) {
    const list = document.body.classList, { api } = stop;
    const act = {
      next: () => (stop.question && !stop.revealed ? this.does("reveal") : this.go(this.current + 1)),
      back: () => this.go(this.current - 1), first: () => this.go(0),
      play: () => (api?.playing ? api.pause() : api?.play()),
      ask: () => stop.form?.querySelector("input:not(:disabled)")?.focus(),
      reveal: () => stop.reveal(),
      blank: () => list.toggle("blanked"), keys: () => (this.keys.hidden = !this.keys.hidden),
      strong: () => (list.toggle("strong"), this.stops.forEach(({ api }) => api?.resize())),
      speaker: () => this.openSpeaker(), article: () => this.lecture(false),
      full: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.().catch(() => {})),
    }[what];
    act();
    this.told(stop);
  }

  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const target = e.composedPath()[0], field = target instanceof Element && target.closest("input, textarea, select");
    const writing = field && !/^(?:range|radio)$/.test(field.type), name = e.key.length === 1 ? e.key.toLowerCase() : e.key;
    if (writing && !/^Page|^Escape$/.test(name) && !(field.type === "number" && /^[a-z?]$/.test(name) && name !== "e")) return;
    if (!this.lecturing) return void (name === "p" && !field && (e.preventDefault(), this.lecture(true)));
    if (field && /^Arrow|^Home$|^ $/.test(name)) return void e.stopPropagation();
    if (/^ $|^Enter$/.test(name) && target instanceof Element && target.closest("button, summary, a")) return void e.stopPropagation();
    if (/^[1-9]$/.test(name)) this.go(Number(name) - 1);
    else if (name === "Escape" && !this.keys.hidden) this.keys.hidden = true;
    else if (document.body.classList.contains("blanked") && name !== "Tab") document.body.classList.remove("blanked");
    else if (ON_KEY[name]) this.does(ON_KEY[name]);
    else return;
    e.preventDefault(), e.stopPropagation();
    this.told(this.stop);
  }

  // ── two windows of one story ──

  openSpeaker() {
    if (this.speaking) return;
    this.other = open(`${location.href.split("#")[0]}#speaker`, "zoomout-speaker", "width=1280,height=800");
  }

  speak() {
    this.other = window.opener;
    document.title = `Speaker: ${this.title}`;
    for (const { section } of this.stops) $(".notes", section)?.removeAttribute("hidden");
    const began = Date.now(), clock = el("span", { class: "clock" });
    this.following = el("span", {});
    this.aside.append(clock, this.following);
    const tick = () => {
      const seconds = Math.floor((Date.now() - began) / 1000), two = (n) => String(n).padStart(2, "0");
      clock.textContent = `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
    };
    tick(), setInterval(tick, 1000);
    this.lecture(true, 0);
    this.other?.postMessage({ zoomout: "hello" }, "*"); // a file has no origin that could be named
  }

  tellNext() {
    if (this.following) this.following.textContent = this.stops[this.current + 1] ? `Next: ${this.stops[this.current + 1].title}` : "The last stop";
  }

  /** Tells the other window what has changed here. While both play, neither tells the other the time. */
  told(stop) {
    if (stop !== this.stop || !this.lecturing) return;
    if (this.buttons) this.buttons.play.textContent = stop.api?.playing ? "Pause" : "Play";
    if (!this.other || this.other.closed || this.hearing) return;
    const state = this.state(), key = this.keyOf(state);
    if (key === this.last) return;
    this.last = key;
    this.other.postMessage({ zoomout: "state", ...state }, "*");
  }

  state() {
    const { api, revealed, mark } = this.stop;
    return { stop: this.current, t: api?.t ?? 0, playing: Boolean(api?.playing), revealed, mark, blanked: document.body.classList.contains("blanked") };
  }

  keyOf({ playing, t, ...rest }) { return JSON.stringify([rest, playing || t]); }

  async heard({ data, source }) {
    if (!source || source !== this.other || !data || typeof data !== "object") return;
    if (data.zoomout === "hello") (this.last = ""), this.told(this.stop);
    if (data.zoomout !== "state" || !this.stops[data.stop] || !Number.isFinite(data.t)) return;
    this.hearing = true;
    if (!this.lecturing) this.lecture(true, data.stop);
    if (data.stop !== this.current) this.go(data.stop);
    const { stop } = this;
    await stop.wake();
    if (!this.speaking) document.body.classList.toggle("blanked", data.blanked === true);
    if (stop.question && data.mark !== undefined && !stop.revealed && [data.mark].flat().every(Number.isFinite)) stop.put(data.mark);
    if (data.revealed === true) await stop.reveal();
    stop.begun = true;
    if (stop.api) stop.api.seek(data.t), data.playing === true ? stop.api.play() : stop.api.pause();
    this.last = this.keyOf(this.state());
    this.hearing = false;
  }
}

/** Begins. */
export const tell = () => (window.__story = new Story(JSON.parse(document.getElementById("story").textContent)));
