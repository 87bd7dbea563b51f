/** What to ask the host for next, and when: what was done goes first, then what lies under the pointer, then "more". */

import { max } from "../canvas/canvas.js";

const PATIENCE = { action: 2000, rest: 10000 }; // ms after which an unanswered request no longer holds up the next

export class Requests {
  inFlight = null;
  action = null; // zoom, back, home or pick: only the latest counts
  hover = null;
  more = false;

  ask(message) {
    if (message.kind === "hover") this.hover = message;
    else (this.action = message), (this.hover = null);
  }

  answered(id, more) {
    if (this.inFlight && id >= this.inFlight.id) this.inFlight = null;
    this.more = more;
  }

  /** How many ms from now the next request may go: 0 now, Infinity when there is none. What was done waits for nothing less. */
  wait(now) {
    if (!this.action && !this.hover && !this.more) return Infinity;
    if (!this.inFlight || (this.action && !this.inFlight.action)) return 0;
    return max(0, this.inFlight.at + (this.action ? PATIENCE.action : PATIENCE.rest) - now);
  }

  /** The next request, which is in flight from now on. */
  next(now, id) {
    const message = this.action ?? this.hover ?? { kind: "more" };
    this.inFlight = { id, at: now, action: message === this.action };
    if (message === this.action) this.action = null;
    else if (message === this.hover) this.hover = null;
    else this.more = false;
    return { ...message, id };
  }
}
