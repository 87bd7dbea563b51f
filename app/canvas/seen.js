/**
 * What is seen of a scene, as fields of an address beside the scene: t=84, play=0, camera=0.5, hidden=1, window=-1,1,-1,1.
 * The stage writes them while it rests and reads them when it opens; the rail keeps them when it writes the scene.
 */

export const SEEN = ["t", "play", "camera", "hidden", "window"];

/** An address's query with other fields of what is seen; those that are not given are taken out. */
export function withSeen(search, seen) {
  const fields = new URLSearchParams(search);
  for (const name of SEEN) seen[name] === undefined ? fields.delete(name) : fields.set(name, seen[name]);
  return String(fields) && `?${String(fields).replaceAll("%2C", ",")}`;
}

/** What an address says is seen: text by field. */
export const seenIn = (search) => Object.fromEntries([...new URLSearchParams(search)].filter(([name]) => SEEN.includes(name)));

/** Numbers in a text such as "-1,1,-1,1", or nothing where one of them is none. */
export function numbersIn(text) {
  const numbers = (text ?? "").split(",").map(Number);
  return text && numbers.every(Number.isFinite) ? numbers : [];
}
