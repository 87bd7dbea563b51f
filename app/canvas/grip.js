/** On a phone what stands at the side is a sheet on the lower edge, and this is what opens it. */

/** A handle named `words`; `opened` is called when it opens, and the way to take it away is returned. */
export function grip(words, opened = () => {}) {
  const node = document.createElement("button"), root = document.documentElement;
  Object.assign(node, { type: "button", id: "zoomout-grip", textContent: words });
  const set = (open) => {
    root.classList.toggle("zoomout-sheet", open);
    node.setAttribute("aria-expanded", open);
    if (open) opened();
  };
  node.addEventListener("click", () => set(node.ariaExpanded !== "true"));
  document.getElementById(node.id)?.remove();
  document.body.append(node);
  set(false);
  return () => node.remove();
}
