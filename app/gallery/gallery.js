/**
 * The gallery: a card for each preset, chosen by page, loss, rule and topic. Arrow keys walk over the cards as they lie.
 *
 * Python sends what each card says and where its picture lies; the name of the chosen one goes back.
 */

import { component, el, nextId, themeOf } from "../canvas/canvas.js";
import { grip } from "../canvas/grip.js";

const FILTERS = [["page", "Page"], ["loss", "Loss"], ["rules", "Rule"], ["topics", "Topic"]];

/** What a card is filed under, as a list. */
const under = (card, field) => [card[field] ?? []].flat();

/** The cards that all filters let through. */
export const chosen = (cards, filters) =>
  cards.filter((card) => Object.entries(filters).every(([field, wanted]) => !wanted || under(card, field).includes(wanted)));

/** Where an arrow key leads from card `i` of `n`, so many in a row. */
export function towards(key, i, n, across) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, Home: -i, End: n - 1 - i }[key];
  return step === undefined || i + step < 0 || i + step >= n ? i : i + step;
}

class Gallery {
  filters = {};

  constructor(root, host) {
    Object.assign(this, { root, host });
    this.bar = el("div", { class: "za-filters", role: "group", "aria-label": "Filter" });
    this.count = el("p", { class: "za-count", role: "status" });
    this.grid = el("div", { class: "za-grid" });
    this.grid.addEventListener("keydown", (e) => this.walk(e));
    root.replaceChildren(this.bar, this.count, this.grid);
    this.drop = grip("Pages");
  }

  update({ cards, folder }) {
    this.cards = cards, this.folder = folder;
    this.bar.replaceChildren(...FILTERS.map(([field, label]) => this.filter(field, label)));
    this.show();
  }

  filter(field, label) {
    const values = [...new Set(this.cards.flatMap((card) => under(card, field)))];
    const option = (value, text) => el("option", { value, ...(this.filters[field] === value ? { selected: "" } : {}) }, text);
    const select = el("select", { onchange: (e) => ((this.filters[field] = e.target.value), this.show()) }, option("", "all"), ...values.map((v) => option(v, v)));
    return el("label", {}, label, select);
  }

  show() {
    const shown = chosen(this.cards, this.filters);
    this.count.textContent = shown.length === this.cards.length ? `${shown.length} experiments` : `${shown.length} of ${this.cards.length} experiments`;
    this.grid.replaceChildren(...shown.map((card) => this.card(card)));
  }

  card({ name, title, sentence, page, picture, address }) {
    const open = (e) => {
      if (e.metaKey || e.ctrlKey || e.shiftKey) return; // as links do
      e.preventDefault();
      this.host.request({ id: nextId(), name });
    };
    return el("a", { class: "za-card", href: address, onclick: open },
      el("img", { src: `${this.folder}${picture[themeOf(this.root).dark ? "dark" : "light"]}`, alt: "", loading: "lazy", width: 640, height: 400 }),
      el("b", {}, title), el("span", {}, sentence), el("small", {}, page));
  }

  walk(e) {
    const cards = [...this.grid.children], i = cards.indexOf(e.target.closest?.(".za-card"));
    if (i < 0 || !/^(Arrow|Home|End)/.test(e.key)) return;
    const across = cards.filter((card) => card.offsetTop === cards[0].offsetTop).length;
    e.preventDefault(), e.stopPropagation();
    cards[towards(e.key, i, cards.length, across)].focus();
  }
}

export function mount(root, host) {
  const gallery = new Gallery(root, host);
  return { update: (data) => gallery.update(data), destroy: () => (gallery.drop(), root.replaceChildren()) };
}

export default component("zoomout-gallery", mount);
