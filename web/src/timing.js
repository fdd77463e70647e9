/**
 * Waiting: a clock that can be exchanged, a signal, delays that grow.
 *
 * @typedef {object} Clock
 * @property {() => number} now milliseconds since some moment
 * @property {() => number} time milliseconds since 1970, on the clock on the wall
 * @property {(call: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {() => number} random in [0, 1)
 */

/** @type {Clock} */
export const systemClock = {
  now: () => performance.now(),
  time: () => Date.now(),
  setTimeout: (call, ms) => globalThis.setTimeout(call, ms),
  clearTimeout: (timer) => globalThis.clearTimeout(timer),
  random: () => Math.random(),
};

/** Wakes those who wait for it; a notice given while nobody waits is kept for the next. */
export class Signal {
  #notified = false;
  #wake = null;

  /** @param {Clock} clock */
  constructor(clock) {
    this.clock = clock;
  }

  notify() {
    this.#notified = true;
    this.#wake?.();
  }

  /**
   * @param {number} [ms] at most so long
   * @returns {Promise<boolean>} whether it was notified
   */
  async wait(ms) {
    if (!this.#notified) {
      await new Promise((resolve) => {
        const timer = ms === undefined ? undefined : this.clock.setTimeout(resolve, ms);
        this.#wake = () => {
          this.clock.clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    const notified = this.#notified;
    this.#notified = false;
    return notified;
  }
}

/**
 * How long to wait before another try: longer each time, and never in step with others.
 *
 * @param {Clock} clock
 * @param {number} tries made so far
 * @param {number} first upper bound of the first wait, milliseconds
 * @param {number} longest upper bound of any wait, milliseconds
 */
export function backoff(clock, tries, first, longest) {
  const bound = Math.min(longest, first * 2 ** Math.min(tries, 16));
  return bound * (0.3 + 0.7 * clock.random());
}
