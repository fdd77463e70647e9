/**
 * Tells the others where this user is: at most once in a while, and always the latest.
 */
export class Announcer {
  #clock;
  #intervalMs;
  #publish;
  #where;
  #timer = null;
  #sentAt = -Infinity;
  #sent = { cursor: false, selection: false };

  /**
   * @param {object} options
   * @param {import("./timing.js").Clock} options.clock
   * @param {number} options.intervalMs between two announcements
   * @param {() => {revision: number} & import("./replica.js").Position} options.where in the server's
   *   document at the revision
   * @param {(topic: "cursor" | "selection", kwargs: object) => void} options.publish
   */
  constructor({ clock, intervalMs, where, publish }) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#where = where;
    this.#publish = publish;
  }

  /** Something moved: announce it as soon as may be. */
  moved() {
    if (this.#timer !== null) return;
    const wait = Math.max(0, this.#sentAt + this.#intervalMs - this.#clock.now());
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      this.#announce();
    }, wait);
  }

  /** Nothing that was announced is known to the server any more: a new connection. */
  restart() {
    this.#sent = { cursor: false, selection: false };
    this.moved();
  }

  stop() {
    this.#clock.clearTimeout(this.#timer);
  }

  #announce() {
    const { revision, cursor, selection } = this.#where();
    this.#tell("cursor", cursor !== null, { revision, position: cursor });
    this.#tell("selection", selection !== null, { revision, ranges: selection });
  }

  #tell(topic, here, kwargs) {
    if (!here && !this.#sent[topic]) return;
    this.#sent[topic] = here;
    this.#sentAt = this.#clock.now();
    this.#publish(topic, kwargs);
  }
}
