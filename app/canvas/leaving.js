/**
 * While a page is being left nothing is sent from it: a message says which page it is from, so one that is sent between
 * the click on another page and that page's first answer would lead back.
 */

const LEAVES = 1500; // ms from the click after which the page has gone, or stays
let clicked = -Infinity;
const link = (node) => node instanceof Element && node.matches("[data-testid=stPageLink-NavLink]");
globalThis.document?.addEventListener("click", (e) => e.composedPath().some(link) && (clicked = performance.now()), { capture: true });

/** Calls `send` now or, while the page is being left, once it turns out to stay: when `here` still says so. */
export function unlessLeaving(send, here = () => true) {
  const left = clicked + LEAVES - performance.now();
  left > 0 ? setTimeout(() => here() && send(), left) : send();
}
